"""How people and their programs sign, in the languages they speak."""

import re

_PRODUCT = (
    r"i-?phon\w*|i-?pad|i-?pod|apple|android|samsung|galaxy|huawei|xiaomi|redmi|oppo|vivo"
    r"|oneplus"
    r"|pixel|nokia|htc|xperia|sony|motorola|honor|black-?berry|windows|outlook|yahoo|gmail"
    r"|proton"
    r"|tutanota|tuta\b|aol|gmx|web\.de|freenet|t-online|mail\.ru|яндекс|yandex|superhuman"
    r"|spark\b"
    r"|airmail|mailspring|edison|blue-?mail|nine\b|newton|canary|fairemail|k-9|k9|thunderbird"
    r"|aquamail"
    r"|mailbird|em client|foxmail|qq|网易|網易|zoho|fastmail|mimestream|missive|polymail|orange"
    r"|laposte|libero|smart-?phone|mobil(?:e|telefon|\b)|m[óo]vil|handy|telem[óo]vel|celular"
    r"|cellulare"
    r"|telefon\w*|telefoon|phone|tablet|téléphone|portable|mac\b|macbook|携帯|スマートフォン"
    r"|スマホ"
    r"|手机|手機|휴대|핸드폰|telefonu|puhelime\w*|телефон\w*|смартфон\w*|мобильн\w*|κινητό"
    r"|điện thoại"
    r"|ponsel|มือถือ|الهاتف|هاتف|נייד|טלפון"
)
_SENT = (
    r"(?:sent|delivered)(?= (?:securely )?(?:from|via|with|using|by)\b)"
    r"|(?:gesendet|verschickt|versendet)(?= (?:von|vom|mit|über|via|aus|per|mittels|durch)\b)"
    r"|envoy[ée]e?(?= (?:de\b|depuis|à partir|avec|via|par|d['’]))|enviat(?= (?:des|amb|per)\b)"
    r"|enviad[oa](?= (?:desde|do|de|da|pel[oa]|via|a partir|por|con|com|através)\b)"
    r"|(?:inviato|spedito)(?= (?:da|dal|con|tramite|via)\b)"
    r"|(?:verstuurd|verzonden)(?= (?:vanaf|vanuit|van|met|via|door)\b)"
    r"|(?:skickat|skickades|skickad)(?= (?:från|med|via)\b)|(?:sendt|sendur)(?= (?:fra|med|via"
    r"|frá|úr)\b)"
    r"|wysłan[eoya](?= (?:z|ze|za|przez|poprzez)\b)|(?:odesláno|odoslan[éeá]"
    r"|poslán[oa])(?= (?:z|ze|zo|pomocí|cez)\b)"
    r"|(?:poslano|послано|poslato)(?= (?:s|sa|iz|z|с|са|из)\b)|изпратено(?= (?:от|с)\b)"
    r"|отправлен[оа](?= (?:с|со|из|через|от)\b)|(?:надіслано|відправлено)(?= (?:з|зі|із|від"
    r"|через)\b)"
    r"|lähetetty|trimis[ăa]?(?= (?:de|din|prin|cu)\b)|(?:στάλθηκε|εστάλη)(?= (?:από|με"
    r"|μέσω)\b)|(?:di|ter)kirim(?= (?:dari|dengan|melalui)\b)"
    r"|(?:được|đã) gửi(?= từ)|gửi(?= từ)|ส่งจาก|נשלח(?= מ)|(?:أرسلت|أُرسلت|تم الإرسال"
    r"|مرسل)(?= من)|ارسال شده(?= از)"
    r"|saadetud|išsiųsta|nosūtīts|(?:el)?küldve|küldtem"
)
#: What a telephone or program writes below each mail. Nobody ends it with a question.
SENT_FROM = re.compile(
    rf"[^\w<]{{0,4}}(?:"
    # The verb leads, a device or program follows: "Sent from my iPhone", "Enviado desde mi iPhone".
    rf"(?:{_SENT})(?:\s\S+){{0,4}}?\s?\S*(?:{_PRODUCT}).{{0,80}}"
    # The other way round: "Von meinem iPhone gesendet", "iPhone'umdan gönderildi", "iPhoneから送信".
    rf"|(?:diese (?:nachricht|e-?mail|mail) wurde )?(?:von|vom|mit|aus|über"
    rf"|via)\s(?:\S+\s){{0,3}}\S*(?:{_PRODUCT}).{{0,40}}(?:gesendet|verschickt|versendet"
    rf"|verfasst)"
    rf"|(?:\S+\s){{0,2}}\S*(?:{_PRODUCT})\S{{0,14}}(?: üzerinden| ile"
    rf"| uygulamasından)? (?:gönderildi|küldve|elküldve)"
    rf"|(?:发自|發自|寄自|发送自|从|從|来自|來自)(?:我的)?.{{0,30}}(?:{_PRODUCT}).{{0,20}}"
    rf"|.{{2,20}}에서 (?:보냄|보낸 메일|전송)|.{{2,20}}(?:から|より)(?:の)?送信(?:されました)?"
    # "Get Outlook for iOS" and what that became.
    r"|(?:\S+\s){0,3}\S{0,4}outlook(?:\s\S+){0,3}\s(?:ios|android"
    r"|mobile)\S{0,3}(?:\s\S+){0,2}?(?:\s?<?https?://\S+>?)?"
    r"|(?:ios|android)\S{0,2} (?:\S+ )?outlook(?: \S+){0,3}"
    r"|.{0,40}<?https?://aka\.ms/\S+>?"
    r"|(?:sent|gesendet|envoyé|enviado|inviato) (?:from|with|via|von|mit|avec|con"
    r"|da) <?https?://\S+>?"
    r"|sent (?:from|via|with|using) (?:my |the )?(?:[\w.]+ ){0,3}(?:app|e-?mail|mail)(?: app)?"
    r")[^\w?]{0,6}",
    re.IGNORECASE,
)
_CLOSING = (
    # English
    r"(?:(?:with )?(?:best|kind|kindest|warm|warmest|many|good)?\s*(?:wishes|regards|rgds"
    r"|greetings))"
    r"|(?:yours|very|most) (?:sincerely|truly|faithfully|respectfully)(?: yours)?"
    r"|sincerely(?: yours)?"
    r"|respectfully|cheers|(?:many |with |kind )?thanks(?: (?:a lot|again|in advance|so much"
    r"|very much|for"
    r" your help|and (?:best |kind )?regards))?|thank you(?: (?:very much|so much|in advance"
    r"|again"
    r"|for your (?:help|time)|and (?:best |kind )?regards))?|all the best|best|br|kr|tia"
    r"|cordially|yours"
    r"|take care|thx|ta|love|have a (?:nice|great|good) (?:day|weekend|evening)"
    # German, Dutch
    r"|(?:mit )?(?:den )?(?:(?:freundliche[nm]?|viele[nr]?|liebe[nr]?|beste[nr]?"
    r"|herzliche[nr]?|sonnige[nr]?|schöne[nr]?"
    r"|kollegiale[nr]?|vielen lieben) )(?:grü(?:ß|ss)e?n?|gru(?:ß|ss)|gruessen|gruesse|dank)"
    r"|hochachtungsvoll|mfg|lg|vg|bg|grü(?:ß|ss)e|gru(?:ß|ss)|besten dank|vielen dank"
    r"|danke(?: und gru(?:ß|ss))?"
    r"|(?:met )?(?:vriendelijke|hartelijke|beste|lieve) (?:groet(?:en)?|dank)|groet(?:en|jes)?"
    r"|hoogachtend|mvg"
    r"|alvast bedankt|bedankt|dank"
    # French
    r"|(?:bien |très |tres )?cordialement|cdlt|cdt|bien à (?:vous|toi)|(?:sincères "
    r"|meilleures |cordiales )?salutations"
    r"|(?:très |bien )?(?:respectueusement|amicalement|sincèrement|amitiés)|merci(?: d'avance"
    r"| beaucoup| et .{2,30})?"
    r"|bonne (?:journée|soirée|réception)|veuillez .{5,120}|je vous prie .{5,160}"
    r"|dans l'attente .{5,100}"
    # Spanish, Portuguese, Catalan
    r"|(?:un |muchos )?(?:cordial )?(?:saludos?|abrazo)(?: cordial(?:es)?)?"
    r"|(?:muy )?atentamente|atte|cordialmente"
    r"|(?:muchas )?gracias(?: de antemano| y saludos)?|(?:com os )?(?:melhores "
    r"|meus )?cumprimentos|atenciosamente"
    r"|att|(?:um )?abra[çc]os?|(?:muito )?obrigad[oa]|grat[oa]|saudações|salutacions|gràcies"
    # Italian
    r"|(?:cordiali|distinti|cari|i migliori|un cordiale) salut[io]|saluti|(?:molte "
    r"|mille )?grazie(?: mille| e .{2,30})?"
    r"|cordialmente|a presto|buona giornata"
    # Nordic
    r"|(?:med )?(?:vänliga?|vennlig|venlig|bästa|beste?|bedste|hjärtlig|kärlig|mange|de bedste"
    r"|kjærlig) (?:hälsning(?:ar)?"
    r"|hilsen(?:er)?|hilsner)|hälsning(?:ar)?|hilsen|mvh|vh|tack(?: på förhand)?"
    r"|tak(?: på forhånd)?|takk(?: på forhånd)?"
    r"|(?:ystävällisin |parhain |hyvin )?terveisin|terv\.?|kiitos|ystävällisesti"
    # Slavic
    r"|pozdrawiam(?: serdecznie)?|(?:serdecznie )?pozdrawiam|z (?:poważaniem"
    r"|wyrazami szacunku)|dziękuję|pozdrowienia"
    r"|s (?:přátelským )?pozdravem|s (?:úctou|priateľským pozdravom)|s pozdravom|děkuji"
    r"|ďakujem|hezký den"
    r"|lep pozdrav|srdačan pozdrav|s poštovanjem|lijep pozdrav|pozdrav|hvala|srdačno"
    r"|с (?:уважением|наилучшими пожеланиями|уважение|поздрав)|всего (?:доброго|хорошего)"
    r"|спасибо"
    r"|з (?:повагою|найкращими побажаннями)|дякую|поздрави|поштовањем|с поштовањем"
    # Hungarian, Romanian, Turkish, Greek, Baltic
    r"|(?:baráti |szívélyes )?üdvözlettel|üdv|tisztelettel|köszönettel|köszönöm"
    r"|cu (?:stimă|respect|drag|considerație)|(?:vă )?mulțumesc|o zi bună|numai bine"
    r"|(?:iyi çalışmalar|saygılar(?:ımla|ımızla)?|sevgiler|selamlar|teşekkürler"
    r"|iyi günler)(?: dilerim)?"
    r"|με εκτίμηση|φιλικά|ευχαριστώ|με φιλικούς χαιρετισμούς|lugupidamisega|pagarbiai|ar cieņu"
    # Semitic, Asian
    r"|בברכה|בכבוד רב|תודה(?: רבה)?|(?:مع )?(?:خالص |أطيب )?(?:التحيات|التحية|تحياتي|الشكر)"
    r"|وتفضلوا .{3,60}|شكرا|با احترام|با تشکر"
    r"|trân trọng|thân(?: mến)?|xin cảm ơn|cảm ơn|hormat (?:kami|saya)|salam(?: hormat)?"
    r"|terima kasih|ขอแสดงความนับถือ|ขอบคุณ\w*"
    r"|此致|敬礼|敬禮|祝好|顺祝商祺|順頌商祺|谢谢|謝謝|敬上|以上|敬具"
    r"|よろしくお願い(?:いた)?します|何卒よろしくお願い.{2,10}"
    r"|宜しくお願い.{2,10}|감사합니다|고맙습니다|수고하세요"
)
#: A closing phrase, and a few words more: where from, or the name itself.
CLOSING = re.compile(
    rf"(?:{_CLOSING})[,，。!.;、:–—-]{{0,3}}(?P<rest>(?:\s+\S+){{0,4}})\s*",
    re.IGNORECASE,
)
_NOTICE_CORE = (
    r"confiden[tc]\w+|vertraulich\w*|confidenzial\w*|vertrouwelijk\w*|konfidentiel\w*"
    r"|fortrolig\w*|luottamuksel\w*"
    r"|poufn\w*|důvěrn\w*|dôvern\w*|bizalmas\w*|gizli\w*|конфиденциальн\w*|конфіденційн\w*"
    r"|εμπιστευτικ\w*|机密|保密|機密|秘密"
    r"|privileged|intended|unauthori[sz]ed|unbefugt\w*"
)
_NOTICE_MORE = (
    r"addressee|recipient|destinataires?|destinatario|destinatári[oa]|empfänger|adressat\w*"
    r"|geadresseerde|ontvanger|mottagare\w*|modtager\w*|mottaker\w*|vastaanottaj\w*|adresat\w*"
    r"|příjemc\w*|címzett\w*"
    r"|alıcı\w*|получател\w*|адресат\w*|одержувач\w*|收件人|收件者|受信者|宛先|수신인|수신자"
    r"|기밀"
    r"|disclos\w+|disseminat\w+|prohibited|untersagt|gestattet|interdite?s?|prohibid[oa]"
    r"|vietat[oa]|verboden|förbjud\w*|notify|informieren|vernichten|delete|löschen|supprimer"
    r"|détruire|elimin\w+|cancell\w+"
    r"|apag\w+|verwijder\w*|radera\w*|slett?e\w*|usun\w+|smaž\w*|удалит\w+|liab\w+|viruses"
    r"|haftung|responsab\w+"
    r"|attachments?|anhänge\w*|anlagen|pièces jointes|ficheros|archivos|adjuntos|allegat\w+"
    r"|anexos|bijlagen|bilagor"
    r"|załącznik\w*|вложени\w+|in error|irrtümlich|par erreur|por error|per errore|por engano"
    r"|ten onrechte|omyłkowo"
)
#: What is said in notices, of which at least one word is about secrecy.
NOTICE_CORE = re.compile(_NOTICE_CORE, re.IGNORECASE)
NOTICE_WORD = re.compile(rf"{_NOTICE_CORE}|{_NOTICE_MORE}", re.IGNORECASE)
_THIS_MAIL = (
    r"(?:this|the (?:information|contents?) (?:contained )?(?:in|of) this) (?:e-?mail"
    r"|electronic mail|message|communication|transmission)"
    r"|the (?:information|contents?) (?:contained|transmitted)?"
    r"|confidentiality (?:notice|note|statement)|disclaimer|legal (?:notice|disclaimer)"
    r"|important notice|notice:|privileged"
    r"|diese (?:e-?mail|nachricht|mail)|der inhalt dieser (?:e-?mail|nachricht)"
    r"|vertraulichkeits?\w*|haftungsausschluss"
    r"|(?:ce|le présent|cet) (?:message|courriel|e-?mail|courrier)|(?:les "
    r"|l')informations? contenues?|avis de confidentialité"
    r"|(?:este|el presente) (?:mensaje|correo|e-?mail)|la información (?:contenida|incluida)"
    r"|aviso (?:legal|de confidencialid)|esta comunicación"
    r"|(?:questo|il presente|la presente|questa) (?:messaggio|e-?mail|comunicazione|mail)"
    r"|le informazioni contenute|ai sensi|avvertenz\w+"
    r"|(?:esta|a presente) (?:mensagem|comunicação)|este e-?mail|as informações contidas"
    r"|aviso de confidencialidade"
    r"|(?:dit|deze) (?:e-?mail\w*|bericht|mail)|de informatie|de inhoud van (?:dit|deze)"
    r"|detta (?:e-?post\w*|meddelande|mail)"
    r"|denne (?:e-?mail|e-?post\w*|meddelelse|melding|besked|mail)|tämä (?:viesti"
    r"|sähköposti\w*)"
    r"|(?:ta|niniejsza) (?:wiadomość|informacja)|treść tej wiadomości|informacje zawarte"
    r"|tento e-?mail|táto správa|tato (?:zpráva|e-?mail\w*)"
    r"|ez az (?:e-?mail|üzenet)|acest (?:e-?mail|mesaj)|bu (?:e-?posta|mesaj|ileti)"
    r"|(?:это|данное|настоящее) (?:электронное )?(?:сообщение|письмо)"
    r"|це (?:електронне )?(?:повідомлення|лист)|(?:το|αυτό) .{0,20}(?:μήνυμα|email)"
    r"|本(?:电子)?(?:邮件|電子郵件|信件|郵件)|此(?:电子)?(?:邮件|郵件)|この(?:電子)?メール"
    r"|本メール|본 (?:메일|이메일|메시지)|이 (?:메일|이메일)"
)
NOTICE = re.compile(rf"[^\w]{{0,6}}(?:{_THIS_MAIL})", re.IGNORECASE)
_THIS = (
    r"(?:this|diese|dieser|cet?|este|esta|questa|questo|el|o|la|il) ?(?:e-?mail|mail"
    r"|message|mensaje|correo|mensagem|messaggio|courriel)"
)
#: Paragraphs that programs and companies put below each mail, and that need no further sign.
FOOTER = re.compile(
    rf"[^\w]{{0,6}}(?:(?:please )?(?:consider|think (?:of|about)) (?:the|our) environment"
    rf"|(?:please )?consider .{{0,30}}before printing"
    rf"|think before you print|before printing {_THIS}|(?:bitte )?(?:denken|prüfen"
    rf"|schützen) sie .{{0,60}}(?:umwelt|ausdrucken)|pensez à (?:l'environnement|la planète)"
    rf"|n'imprimez {_THIS}|(?:por favor,? )?(?:piense|pense) .{{0,30}}antes de imprimir"
    rf"|antes de imprimir {_THIS}|prima di stampare {_THIS}|pensa all'ambiente"
    r"|denk (?:aan|om) het milieu|tänk på miljön|virus-?free\.|this email has been (?:checked"
    r"|scanned) for viruses"
    r"|diese e-?mail wurde .{0,40}(?:viren|geprüft)|virenfrei|sin virus\.|sans virus\."
    r"|privo? di virus|libre de virus|garanti sans virus|l'absence de virus"
    r"|scanned by (?:mailscanner|mcafee|norton|avast|avg)|no virus found in this|checked by avg"
    r"|to unsubscribe from this (?:group|list|mailing list|topic),?"
    r"|you (?:are receiving|received|'re receiving) this (?:message|e-?mail"
    r"|mail) because you(?:'re| are)? (?:subscribed|signed)"
    r"|reply to this e-?mail directly|do you yahoo!\?)",
    re.IGNORECASE,
)
#: What only the lines below a name hold. A number alone may be one of an order.
CONTACT = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\bhttps?://|\bwww\.\w|^\W{0,3}[\w-]+\.(?:com|org|net|de|at"
    r"|ch|fr|it|es|nl|eu|co\.uk|pl|se|dk|no|fi)\W*$"
    r"|(?:\+|\b00)\d[\d\s()/.\-–]{6,20}\d|(?!\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b)\(?\b0\d{1,5}\)?[\s/\-–.]{0,3}\d[\d\s/\-–.]{4,14}\d"
    r"|\(\d{3}\)\s?\d{3}[\s.-]\d{4}|\b\d{3}[-.]\d{3}[-.]\d{4}\b"
    r"|\b(?:tel|phone|fon|telefon\w*|mobil\w*|cell|fax|telefax|tél|téléphone|teléfono|telefone"
    r"|telefono|tlf|puh|gsm|móvil|cel|телефон|тел|моб"
    r"|τηλ|הטלפון|טל|هاتف)\b\W{0,3}[:.]?\s?[+(\d]|(?:電話|电话|手机|手機|传真|전화|휴대폰"
    r"|TEL)\W{0,3}[+(\d]"
    r"|\bHR ?[AB]\s?\d|\b(?:Handelsregister|Amtsgericht|Geschäftsführer\w*|USt-?Id\w*"
    r"|Steuernummer|SIRET|SIREN|RCS \w+|KvK|P\.?\s?IVA|CNPJ|REGON|IČO|DIČ|CVR"
    r"|org\.?\s?nr|company (?:no|number|reg\w*)|registered (?:in|office)|VAT (?:no|reg|id"
    r"|number))\b",
    re.IGNORECASE,
)
#: What some lists add, and nothing else.
LIST_LINK = re.compile(r"\s*<?https?://\S+/listinfo/\S+\s*", re.IGNORECASE)
#: Whoever writes of these below a name writes to be read.
BUSINESS = re.compile(
    r"\b(?:orders?|invoice|booking|tracking|customer (?:no|number|id)|reservation|ticket"
    r"|bestell\w*|auftrag\w*|rechnung\w*"
    r"|kundennummer|iban|commande|facture|pedido|factura|ordine|fattura|zamówieni\w*|faktur\w*"
    r"|заказ\w*)\b|订单|注文|주문",
    re.IGNORECASE,
)
#: In the first lines of what a mailing list adds.
LIST_WORDS = re.compile(r"mailing list|mailman|listinfo|unsubscribe", re.IGNORECASE)
#: Written after the name, and meant to be read.
POSTSCRIPT = re.compile(
    r"\W{0,2}(?:p\.?\s?p?\.?\s?s\b|nb\b|n\.b\.|post scriptum|з\.?ы|psst|пс|追伸|又及"
    r"|추신)",
    re.IGNORECASE,
)
