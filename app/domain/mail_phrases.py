"""The fixed phrases of mail programs and servers. No person writes these by chance."""

import re

#: Only at the start: `Fwd:` before it shows that somebody hands it on.
BOUNCE_SUBJECT = re.compile(
    r"(?:\[[^\]]{0,40}\]\s*|warning[:.]\s*|\*{1,3}\s*|[\w.-]{1,60} )?(?:"
    r"undeliver(?:able|ed)|unable to deliver|could ?n[o']t (?:be )?(?:deliver|send)|"
    r"(?:e-?mail |message |mail )?delivery (?:status|fail|report|error|problem|delay|"
    r"unsuccessful|incomplete|notification|has failed|has been delayed|not possible)|"
    r"(?:e-?mail|mail|message) (?:system error|fail|undeliver|could not be (?:delivered|"
    r"sent)|delivery|delayed|not (?:delivered|sent)|you sent (?:blocked|could)|bounced|"
    r"status -|rejected|still und|has been (?:blocked|rejected))|"
    r"(?:your )?(?:e-?mail|message|mail) (?:could not be|was not|has not been|cannot be|"
    r"wasn't|is being|to \S{3,80} (?:could not|has been blocked|was blocked))|"
    r"returned (?:e-?mail|message|to sender)|return(?:ed)? receipt failed|"
    r"failure (?:notice|delivery)|failed (?:e-?mail|mail|delivery|message)|"
    r"non.?deliver|nondeliverable|not delivered|not deliverable|rejected:|blocked:|"
    r"nd[nr]:|user unknown|unknown (?:user|recipient|address)|can ?(?:'t|not) deliver|"
    r"unable to (?:relay|send)|problem delivering|error (?:delivering|sending)|"
    r"(?:e-?mail|mail|message) (?:returned|bounce|blocked)|rejected posting|"
    r"(?:address|recipient|mailbox) (?:unknown|not found|unavailable|full)|over quota|"
    r"warning: (?:message|could not)|transmission (?:failure|error)|"
    r"postmaster notify|bounced? (?:e-?mail|mail|message)|notification d'?[ée]tat|"
    r"could not (?:send|deliver) (?:message|mail|e-?mail)|delayed (?:e-?mail|mail)|"
    r"deferred (?:e-?mail|mail)|sorry, your message could|there was an error sending|"
    r"unzustellbar|nicht zustellbar|(?:die )?zustellung|unzustellbare|"
    r"(?:ihre|deine) nachricht (?:konnte nicht|wurde nicht)|r[üu]ckläufer|"
    r"non remis|non d[ée]livr|[ée]chec de (?:la )?(?:remise|distribution|l'envoi)|"
    r"message non|courriel non|remise (?:impossible|retard)|retard de remise|"
    r"no se (?:puede|pudo|ha podido) entregar|mensaje no (?:entregado|enviado)|"
    r"no se entreg|error de entrega|devoluci[óo]n de|correo devuelto|"
    r"mancata consegna|impossibile (?:recapitare|consegnare)|non recapitabile|"
    r"messaggio non|consegna (?:non riuscita|fallita|ritardata)|"
    r"n[ãa]o entregue|n[ãa]o foi poss[íi]vel entregar|mensagem n[ãa]o|"
    r"falha (?:na|de) entrega|devolvid|onbestelbaar|kan niet worden bezorgd|niet bezorgd|"
    r"kan inte leverera|olevererbart|gick inte att leverera|kunne ikke lever|"
    r"kan ikke leveres|toimitus ep[äa]onnistui|ei voida toimittaa|"
    r"niedostarcz|nie mo[żz]na dostarczy|nedoru[čc]iteln|nedoru[čc]en|"
    r"k[ée]zbes[íi]thetetlen|teslim edilem|nelivrabil|μη παραδοτέο|αδυναμία παράδοσης|"
    r"не ?доставлен|не удалось доставить|(?:ваше )?сообщение не доставлено|"
    r"недоставлен|не удается доставить|не вдалося доставити|"
    r"配信不能|配信できません|配信エラー|送信できません|メッセージを配信|メールエラー|"
    r"未送达|无法送达|退信|无法投递|投递失败|無法傳遞|未傳遞|系统退信|배달되지|반송|배달 실패"
    r")",
    re.IGNORECASE,
)
#: What follows is the subject of the mail that comes back.
RETURNED_SUBJECT = re.compile(
    r"(?:undeliver(?:able|ed)(?: mail)?|unzustellbar|non remis(?:e)?|onbestelbaar|"
    r"failure notice|no se puede entregar|non recapitabile|n[ãa]o entregue|"
    r"kan inte leverera|kan ikke leveres|niedostarczalne|не доставлено|недоставлено|"
    r"nedoru[čc]iteln[ée]|未送达|配信不能|delivery delayed|rejected|blocked|"
    r"message (?:delayed|undeliverable)|delivery failure)"
    r"\s*[:：]\s*(.{1,500})",
    re.IGNORECASE,
)
BOUNCE_BODY = re.compile(
    r"^[^\w\n]{0,9}(?:hi[.!] {1,3})?this is the (?:qmail-send program|mail system at host"
    r"|postfix program at host|mail delivery agent|mail transport agent|[\w. -]{3,30} at )"
    r"|^[^\w\n]{0,9}(?:transcript of session|unsent message) follows"
    r"|^[^\w\n]{0,9}the following addresses had (?:permanent|transient|delivery)"
    r"|a message that you sent could not be delivered"
    r"|(?:your )?(?:e-?mail|message|mail)(?: sent on[^\n]{1,60}| message)?(?: to <?\S{3,90})?"
    r"\s{1,9}(?:did not reach|could not be (?:delivered|sent)"
    r"|(?:has|have) not been delivered|was not delivered|cannot be delivered"
    r"|couldn't be delivered|wasn't delivered|can't be delivered|has been (?:delayed"
    r"|blocked|rejected)|was (?:rejected|blocked|undeliverable))"
    r"|delivery (?:to|has failed to|of your message to) (?:the following|these|this)? ?"
    r"recipients?[\w ]{0,20}(?:failed|has been delayed|:)"
    r"|(?:unable|failed) to deliver (?:the |your |this )?(?:e-?mail|message|mail)"
    r"|could not be delivered (?:to|for)|^undeliverable to\b"
    r"|following (?:recipients?|address(?:es)?)(?:\(e?s\))? (?:could ?n.t|cannot|can ?not"
    r"|failed|did not|was not|were not)"
    r"|^the original message was received at|not (?:been )?able to deliver your"
    r"|(?:delivery|message) status notification|permanent error; i've given up"
    r"|^(?:final-recipient|reporting-mta|diagnostic-code|remote-mta):"
    r"|remote (?:host|server) (?:said|returned)"
    r"|smtp error from remote|nachricht (?:konnte|wurde) nicht (?:an .{1,80} )?(?:zugestellt"
    r"|[üu]bermittelt)|fehler bei der nachrichtenzustellung|n'a pas pu [êe]tre (?:remis"
    r"|d[ée]livr|distribu)|no se ha podido entregar|no se pudo entregar|non [èe] stato "
    r"(?:possibile )?(?:recapita|consegna)|n[ãa]o (?:p[ôo]de|foi poss[íi]vel) (?:ser )?"
    r"entreg|kon niet worden (?:bezorgd|afgeleverd)|не (?:может|удалось|могло) (?:быть )?"
    r"достав|送信できませんでした|配信できませんでした|无法送达|无法投递|投递失败",
    re.IGNORECASE | re.MULTILINE,
)
#: What servers say to each other. People quote it, so it needs a server as its sender.
BOUNCE_CODE = re.compile(r"<{3} [45]\d\d |\b55\d[ -]5\.\d\.\d{1,3}\b")
#: The server has given up, whatever else it says.
ENDED = re.compile(
    r"given up|giving up|gave up|permanent|fatal error|returned (?:mail|to|message)"
    r"|undeliver|(?:has|have) failed|fail(?:ure|ed)\b|could ?n[o']?.?t be (?:delivered|sent)"
    r"|not (?:be )?delivered\b(?! yet)|did not reach|unable to deliver|no further"
    r"|not going to try again|cannot be delivered|can't be delivered|rejected|blocked"
    r"|unzustellbar|fehlgeschlagen|non remis|[ée]chec|no se (?:puede|pudo|ha podido)"
    r"|impossibile|n[ãa]o entregue|falha|onbestelbaar|niedostarcz|не доставлен"
    r"|配信不能|できませんでした|未送达|退信|无法",
    re.IGNORECASE,
)
#: The server goes on trying.
DELAYED = re.compile(
    r"\bdelay|warning message only|do not need to resend|no action is required"
    r"|(?:will|still) (?:be )?(?:continue|keep|be(?:ing)?|try|retr)\w* ?(?:to )?"
    r"(?:try|retr|deliver)?|could not send message for|not yet been delivered"
    r"|not been delivered yet|still und|temporar(?:y|ily) (?:fail|problem)|deferred"
    r"|verz[öo]ger|retard|retras|demorad|ritard|atraso|vertraag|f[öo]rsen|forsink"
    r"|op[óo][źz]ni|zpo[žz]d|задерж|отложен|遅延|遅れ|延迟|延遲|지연",
    re.IGNORECASE,
)
COMPLAINT_SUBJECT = re.compile(
    r"\s*(?:complaint about message from \d|abuse report|email feedback report for)",
    re.IGNORECASE,
)
#: As mail programs write them: nobody else puts a colon there.
AUTO_REPLY_SUBJECT = re.compile(
    r"auto: .{1,80} is (?:out of|away|on )|\[?(?:"
    r"auto(?:matic|mated)?[- ]?(?:reply|response|respons|answer|responder)|"
    r"out of office auto-?(?:reply|matic reply)|"
    r"automatische (?:antwort|r[üu]ckantwort)|autom\. antwort|auto-?antwort|"
    r"abwesenheits(?:notiz|mitteilung|assistent|nachricht|benachrichtigung)|"
    r"r[ée]ponse automatique|message d'absence automatique|"
    r"respuesta autom[áa]tica|auto-?respuesta|risposta automatica|"
    r"resposta autom[áa]tica|automatisch(?:e)? (?:antwoord|beantwoording)|"
    r"afwezigheids?(?:bericht|assistent)|autosvar|automatiskt svar|automatisk svar|"
    r"fr[åa]nvaromeddelande|automaattinen vastaus|odpowied[źz] automatyczna|"
    r"automatyczna odpowied[źz]|autoodpowied[źz]|automatick[áa] odpov[ěe][ďd]|"
    r"automatikus v[áa]lasz|r[ăa]spuns automat|otomatik (?:yan[ıi]t|cevap)|"
    r"αυτόματη απάντηση|автоответ(?:чик)?|автоматический ответ|автоматична відповідь|"
    r"自動応答|自動返信|自动答复|自动回复|自動回覆|자동 회신|자동 응답|자동회신|"
    r"תשובה אוטומטית|رد تلقائي|الرد التلقائي|ตอบกลับอัตโนมัติ|trả lời tự động"
    r")(?:\]|\]?\s*[:：])",
    re.IGNORECASE,
)
#: A person may write of an absence too, so these need a sign beside them.
ABSENCE_SUBJECT = re.compile(
    r"(?:re:\s*|aw:\s*)?(?:auto:\s*)?\[?(?:"
    r"out[- ]of[- ](?:the[- ])?office|ooo\b|away (?:from|until|message)|vacation\b|"
    r"(?:i am |i'm )?(?:currently )?on (?:annual |parental |maternity |sick )?"
    r"(?:leave|holidays?|vacation)\b|annual leave|"
    r"auto.?re(?:ply|sponse|sponder|spons)|automat\w{2,5} (?:reply|answer|response|antwort)|"
    r"abwesen|nicht im (?:haus|b[üu]ro)|(?:im )?urlaub|ferien|au(?:ß|ss)er haus|"
    r"absen(?:t|ce|te|za|cia)|en cong[ée]s|cong[ée]s|de vacaciones|vacaciones|"
    r"fuera de (?:la )?oficina|fuori (?:sede|ufficio)|in ferie|fora do escrit|"
    r"(?:de )?f[ée]rias|afwezig|met vakantie|fr[åa]nvar|frav[æa]r|ferie\b|"
    r"poissa|lomalla|nieobecno|urlop|mimo kancel|dovolen|szabads[áa]g|izinde|"
    r"отсутств|в отпуске|отпуск|не в офисе|відсутн|不在|休暇|외근|부재|休假|外出"
    r")",
    re.IGNORECASE,
)
_TICKET = (
    r"(?:message|e-?mail|enquiry|inquiry|request|ticket|case|application|mail|question"
    r"|submission|query)"
)
RECEIVED_SUBJECT = re.compile(
    rf"(?:we(?:'ve| have)? received your|your {_TICKET}[^\n]{{0,60}} (?:has been|was) "
    rf"(?:received|created|opened|registered)|^(?:re:\s*)?{_TICKET} received\b"
    rf"|acknowledge?ment (?:of|:)|^(?:ticket|case) (?:created|opened)|receipt of your "
    rf"{_TICKET}|eingangsbest[äa]tigung|ihre (?:anfrage|nachricht|e-?mail) ist (?:bei uns )?"
    r"eingegangen|accus[ée] de r[ée]ception|nous avons bien re[çc]u|hemos recibido su"
    r"|acuse de recibo|abbiamo ricevuto|conferma di ricezione|recebemos (?:sua|o seu)"
    r"|ontvangstbevestiging|wij hebben uw .{0,20}ontvangen|vi har mottagit|vi har modtaget"
    r"|potwierdzenie otrzymania|ваш(?:е|а|) (?:обращение|заявка|запрос).{0,30}(?:принят"
    r"|зарегистрир|получен)|受付完了|お問い合わせを受け付け)",
    re.IGNORECASE,
)
RECEIVED_BODY = re.compile(
    rf"(?:this is an automat(?:ed|ic) (?:reply|response|acknowledge?ment|confirmation)"
    rf"|your {_TICKET} has been (?:received|created|registered|opened)"
    rf"|we have received your {_TICKET} and|dies ist eine automatische (?:antwort"
    r"|eingangsbest)|ceci est une r[ée]ponse automatique|esta es una respuesta autom"
    r"|questa [èe] una risposta autom|esta [ée] uma resposta autom|dit is een automatisch"
    r"|det(?:ta|te) [äe]r ett automat|это автоматическ|このメールは自動|自動返信メール)",
    re.IGNORECASE,
)
#: Only to tell automatic answers apart, so it may be wider than what finds them.
RECEIVED_NOTE = re.compile(
    rf"(?:receiv(?:ed|ing)|receipt of|got) your {_TICKET}|your {_TICKET} (?:has been|was|is) "
    rf"(?:\w+ )?(?:received|created|registered|opened|logged)|thank(?:s| you) for (?:your "
    rf"{_TICKET}|contact|writing|reaching|getting)|we (?:will|'ll) (?:get back|reply|respond"
    rf"|be in touch|answer)|as soon as possible|ticket (?:number|id|#)|(?:ihre|deine) (?:anfrage"
    r"|nachricht|e-?mail|mail)|eingegangen|vielen dank f[üu]r|so bald wie m[öo]glich"
    r"|nous avons bien re[çc]u|merci (?:de|pour) (?:votre|nous)|hemos recibido"
    r"|gracias por|abbiamo ricevuto|grazie per|recebemos|obrigad[oa] (?:por|pelo)"
    r"|hebben .{0,40}ontvangen|bedankt voor|tack f[öo]r|tak for|otrzymali|dzi[ęe]kujemy"
    r"|получили|благодарим|受け付け|お問い合わせ|已收到|접수",
    re.IGNORECASE,
)
ABSENCE_BODY = re.compile(
    r"out of (?:the )?office|out of office|on (?:annual |parental |maternity |sick )?leave"
    r"|on (?:holiday|vacation)|(?:i am|i'm|i will be|i'll be|is) (?:currently )?(?:away|absent"
    r"|travell?ing|out\b|not (?:in|available))|return(?:ing)? (?:to the office|on)|limited "
    r"access to|no longer (?:with|work|employed)|nicht im (?:haus|b[üu]ro)|abwesen|urlaub"
    r"|au(?:ß|ss)er haus|nicht erreichbar|wieder (?:im|erreichbar|da)|absent|en cong[ée]"
    r"|de retour|fuera de|de vacaciones|ausente|fuori (?:sede|ufficio)|in ferie|assente"
    r"|f[ée]rias|afwezig|vakantie|niet (?:aanwezig|op kantoor)|semester|fr[åa]nvar"
    r"|p[åa] ferie|frav[æa]r|lomalla|poissa|urlop|nieobecn|dovolen|mimo kancel|szabads[áa]g"
    r"|в отпуске|отсутств|不在|休暇|休假|外出|부재|휴가",
    re.IGNORECASE,
)
CHALLENGE_BODY = re.compile(
    r"(?:(?:click|follow|visit|reply|respond)[^.\n]{0,80}(?:\n[^.\n]{0,80})?(?:to (?:verify|"
    r"confirm|prove|ensure)[^.\n]{0,60}(?:you are|your (?:message|e-?mail|address|mail)|human)"
    r"|(?:so|and|for) (?:that )?your (?:message|e-?mail|mail) (?:will be|can be|to be|is) "
    r"(?:delivered|released))"
    r"|(?:message|e-?mail|mail) (?:you sent )?(?:is being held|has been held|has been placed"
    r" on hold|is waiting|requires? confirmation|requires? verification)"
    r"|(?:not|n't) (?:yet )?on (?:my|the|our) (?:approved|allowed|white) ?-?list"
    r"|(?:approved|allowed|white)-?list (?:of )?senders?)",
    re.IGNORECASE,
)
CRON_SUBJECT = re.compile(
    r"(?:cron <[\w.-]{1,64}@[\w.-]{1,255}> |anacron job '|\*{2} (?:problem|recovery|"
    r"acknowledgement|flapping\w*) (?:service |host )?alert\b|logwatch for [\w.-]+ \(linux\))",
    re.IGNORECASE,
)
#: In the text of a mailing, near the address of a page.
_STOP = (
    r"(?:un-?subscribe|opt[- ]?out|manage (?:your )?(?:e-?mail )?(?:preferences|subscription)"
    r"|(?:update|change|edit) (?:your )?(?:e-?mail )?(?:preferences|subscription|settings)"
    r"|stop receiving|remove (?:me|yourself|your (?:e-?mail|address|name))|be removed"
    r"|abmelden|abbestellen|austragen|abmeldung|d[ée]sabonner|d[ée]sinscri|se d[ée]sinscrire"
    r"|darse de baja|dar de baja|cancelar (?:la |su |tu )?suscripci|anular (?:la )?suscripci"
    r"|disiscriv|annulla (?:l')?iscrizione|cancella(?:re|ti)? (?:l')?iscrizione|afmelden"
    r"|uitschrijven|avregistrera|avsluta prenumeration|avprenumerera|afmeld|avmeld"
    r"|peruuta tilaus|wypisz|rezygnacj|odhl[áa]sit|leiratkoz|dezabon|abonelikten"
    r"|отписаться|отказаться от|відписатися|配信停止|配信解除|登録解除|退订|退訂|取消订阅"
    r"|수신거부|descadastr|cancelar (?:a |sua )?(?:inscri|assinatura)|remover)"
)
WAY_OUT = re.compile(
    rf"{_STOP}[^@]{{0,200}}?https?://|https?://[^\s\"'<>]{{0,300}}(?:unsub|opt-?out|abmeld)"
    rf"|https?://[^\s<>]{{1,400}}\s[^@]{{0,80}}{_STOP}"
    rf"|<a\s[^<>]{{1,3000}}>(?:\s|&nbsp;|<(?!/a)[^<>]{{0,300}}>){{0,5}}"
    rf"[^<>]{{0,60}}{_STOP}",
    re.IGNORECASE,
)
#: As RFC 7489 asks for.
DOMAIN_REPORT_SUBJECT = re.compile(
    r"report domain: \S+\s+submitter: \S+", re.IGNORECASE
)
#: Labels of a contact form; what a machine has to say it says in other words.
FORM_LABEL = re.compile(
    r"^\W{0,3}(?:(?:your |ihre? |votre |su )?(?:(?:full |first |last )?name|vorname|nom|"
    r"nombre|nome|naam|phone|telefon|tel|telephone|téléphone|teléfono|telefoon|mobile|"
    r"message|nachricht|mensaje|messaggio|mensagem|bericht|comments?|kommentar|anfrage|"
    r"anliegen|enquiry|inquiry|question|frage)(?: number| body|nummer)?)"
    r"\W{0,3}[:：]",
    re.IGNORECASE | re.MULTILINE,
)
FEED_LINK = re.compile(
    r"^(?:url|link|source|permalink):\s*<?https?://", re.IGNORECASE | re.MULTILINE
)
COMMIT_LIST = re.compile(r"\b(?:commits?|checkins?|cvs|svn|changes)\b")
COMMIT_BODY = re.compile(
    r"\s*(?:update of /|modified files:|added files:|author:\s|commit [0-9a-f]{7,}\b"
    r"|changeset |revision: |cvsroot:\s|module name:\s|log message:)",
    re.IGNORECASE,
)
