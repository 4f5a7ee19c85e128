"""The words by which the sandbox's models judge, in the languages they know.

Whole words and phrases, between commas; `*` stands for any ending.
"""

#: In the order in which they win where the evidence is equal.
CATEGORIES = {
    "spam": """
        viagra, cialis, lottery, you have won, casino, make money fast, bitcoin profit,
        work from home, no obligation, risk free, million dollars, click here now, sie
        haben gewonnen, gewinnspiel, lotterie, vous avez gagné, loterie, ha ganado,
        lotería, du har vunnit, hai vinto, lotteria, você ganhou, wygrał*
    """,
    "newsletter": """
        unsubscribe, newsletter, view in browser, weekly digest, abmelden, abbestellen,
        im browser ansehen, se désabonner, désinscri*, infolettre, darse de baja,
        boletín, avregistrera, nyhetsbrev, annulla l'iscrizione, disiscri*, cancelar
        inscrição, boletim, wypisz się, uitschrijven, nieuwsbrief, afmeld, uutiskirje
    """,
    "notification": """
        do not reply, noreply, no-reply, automated message, automatically generated,
        delivery status notification, mail delivery failed, undeliverable, verification
        code, password reset, out of office, has been shipped, security alert,
        automatisch erstellt, nicht antworten, abwesenheit*, sendungsverfolgung, ne pas
        répondre, message automatique, absence du bureau, no responder, mensaje
        automático, svara inte, autosvar, frånvaro*, non rispondere, messaggio
        automatico, não responda, mensagem automática, nie odpowiadaj, wiadomość
        automatyczna, niet beantwoorden
    """,
    "cancellation": """
        cancel*, call off, terminate, stornier*, storno, kündig*, widerruf*, absagen,
        annuler, annulation, résilier, résiliation, anular, cancelación, darme de baja,
        avboka*, avbeställ*, säga upp, uppsägning, annullare, annulla, disdire,
        disdetta, cancelamento, anulować, anulowa*, rezygn*, odwołać, annuleren,
        opzeggen, afbestil*, peru*
    """,
    "complaint": """
        complain*, broken, defective, damaged, faulty, disappointed, unacceptable, does
        not work, doesn't work, terrible, never arrived, still waiting, wrong item,
        brake failure, beschwer*, reklamation, defekt, kaputt, beschädigt, enttäuscht,
        funktioniert nicht, plainte, réclamation, cassé*, défectueu*, déçu*, ne
        fonctionne pas, inadmissible, queja, reclamación, roto, rota, defectuos*, no
        funciona, decepcionad*, klagomål, reklamera, trasig*, besviken, fungerar inte,
        reclamo, rotto, rotta, difettos*, non funziona, delus*, reclamação, quebrad*,
        com defeito, não funciona, skarga, reklamacj*, zepsut*, uszkodzon*, nie działa,
        klacht, kapot, werkt niet, klage, ødelagt, virker ikke, valitus, rikki
    """,
    "payment": """
        invoice*, payment*, pay, paid, refund*, charged, overdue, receipt, credit card,
        bank transfer, rechnung*, zahlung*, bezahl*, überweis*, rückerstatt*, mahnung,
        facture*, paiement*, payer, rembours*, virement, factura*, pago*, pagar,
        reembolso, transferencia, faktura*, betal*, återbetal*, kvitto, fattura*,
        pagamento, pagare, rimborso, bonifico, fatura*, płatnoś*, zapłac*, zwrot,
        przelew, factuur, terugbetal*, lasku*, maksu*
    """,
    "booking": """
        book*, reserv*, appointment*, reschedule, availability, table for, check-in,
        buch*, termin*, rendez-vous, réserv*, cita, disponibilidad, boka*, bokning*, tid
        hos, prenot*, appuntamento, agendar, marcação, consulta, rezerw*, wizyt*, termin
        wizyty, afspraak, reserver*, bestille tid, varaus, varata
    """,
    "order": """
        order*, deliver*, ship*, tracking, parcel, package, in stock, purchase*,
        bestell*, liefer*, versand, paket, sendung, commande*, livraison*, colis,
        expédi*, pedido*, envío*, entrega*, paquete, beställ*, leverans*, paket*,
        ordin*, consegn*, spedi*, pacco, encomenda*, zamówi*, dostaw*, przesyłk*,
        paczk*, levering, ordre, tilaus*, toimitus*
    """,
    "feedback": """
        thank you for the great, great service, love your, well done, suggestion*,
        feedback, recommend*, excellent, tolle*, großartig*, lob, vorschlag,
        weiterempfehl*, merci pour, excellent travail, suggestion, recommand*,
        excelente, gran servicio, sugerencia*, recomend*, tack för, jättebra, förslag,
        rekommender*, ottimo, complimenti, suggeriment*, consigli*, ótimo, parabéns,
        sugest*, świetn*, polecam, sugesti*, geweldig, aanbevel*
    """,
    "inquiry": """
        question*, wondering, could you, can you, do you, how much, how do, price*,
        interested in, information, quote, opening hours, frage*, können sie, könnten
        sie, wie viel, preis*, öffnungszeiten, interessiere, auskunft, pouvez-vous,
        combien, prix, renseignement*, horaires, pregunta*, podría*, cuánto, precio*,
        horario*, información, fråga, undrar, kan ni, hur mycket, pris*, öppettider,
        domanda, potete, potrebbe, quanto costa, prezzo, orari, informazioni, pergunta*,
        poderia*, quanto custa, preço*, informações, pytani*, czy możecie, ile kosztuje,
        cena, ceny, godziny otwarcia, vraag, kunt u, hoeveel, spørgsmål, hvor meget,
        kysymys, paljonko
    """,
    "personal": """
        happy birthday, love you, miss you, mum, dinner tonight, see you this weekend,
        alles gute zum geburtstag, hab dich lieb, bis zum wochenende, joyeux
        anniversaire, bisous, feliz cumpleaños, te quiero, besos, grattis på
        födelsedagen, kram, buon compleanno, baci, feliz aniversário, beijos,
        wszystkiego najlepszego, buziaki, gefeliciteerd, tillykke
    """,
}

URGENT = """
    urgent, urgently, asap, as soon as possible, today, tonight, immediately, emergency,
    right away, right now, brake failure, brakes failed, gas leak, water leak, not safe,
    dringend, dringende, dringender, heute, sofort, notfall, eilig, umgehend, urgente,
    urgentes, urgence, d'urgence, aujourd'hui, immédiatement, tout de suite,
    urgentemente, hoy, inmediatamente, ahora mismo, cuanto antes, emergencia,
    brådskande, akut, idag, i dag, omedelbart, genast, snarast, oggi, subito,
    immediatamente, emergenza, al più presto, hoje, imediatamente, emergência, o quanto
    antes, agora mesmo, pilne, pilnie, pilny, dzisiaj, dziś, natychmiast, jak
    najszybciej, spoed, vandaag, onmiddellijk, haster, omgående, med det samme,
    kiireellinen, tänään, heti
"""

#: Small words that give a language away, as many for each.
LANGUAGES = {
    "en": """
        the, and, is, you, your, my, for, with, have, this, not, are, it, of, please,
        to, in, that, was, be, we, can, what, do, hello
    """,
    "de": """
        der, die, das, und, ist, nicht, ich, sie, mein, meine, wir, ein, eine, für,
        bitte, mit, habe, wie, guten, zu, den, es, auf, noch, hallo
    """,
    "fr": """
        le, la, les, et, est, je, vous, ne, pas, mon, ma, une, pour, avec, bonjour,
        nous, des, du, que, votre, un, de, j, ai, suis
    """,
    "es": """
        el, la, los, y, es, no, mi, una, para, con, hola, por, que, usted, gracias,
        quiero, del, mis, está, favor, de, un, en, ha, se
    """,
    "sv": """
        och, är, inte, jag, ni, min, mitt, en, ett, för, med, hej, det, att, på, har,
        kan, vi, som, av, till, du, om, den, tack
    """,
    "it": """
        il, la, gli, e, è, non, mio, mia, una, per, con, ciao, che, sono, buongiorno,
        di, ho, vorrei, del, grazie, un, i, della, mi, si
    """,
    "pt": """
        o, a, os, e, é, não, meu, minha, uma, para, com, olá, que, você, obrigado, do,
        da, um, por, favor, de, em, no, se, eu
    """,
    "pl": """
        i, jest, nie, mój, moje, się, na, do, z, dzień, dobry, proszę, czy, to, mam, że,
        dla, mi, jak, w, od, moja, o, ale, mogę
    """,
    "nl": """
        de, het, een, en, is, niet, ik, mijn, u, voor, met, hallo, van, dat, graag, wij,
        kunt, heb, op, te, aan, in, wat, er, nog
    """,
    "da": """
        og, er, ikke, jeg, min, mit, et, for, med, hej, det, at, på, kan, vi, af, til,
        venligst, hvor, hvad, om, du, tak, hjælpe, haster
    """,
    "fi": """
        ja, on, ei, minun, että, hei, se, olen, voitte, kiitos, mutta, kun, onko, tämä,
        voisitteko, en, ole, haluan, mitä, minä, voi, kuin, joka, vielä, teidän
    """,
}
