"""How mail programs introduce what they quote, in the languages they speak."""

import re

#: In front of a date, at the start of an attribution.
ATTRIBUTION_LEAD = re.compile(
    r"\W{0,3}(?:(?:on|at|am|um|le|el|il|em|no|a|den|på|op|w dniu|dnia|dne|dňa|v|în|la|pe|στις"
    r"|в|у|на|vào|pada|tarihinde|dana|quoting|in message|missatge de|kuupäev|kl"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|die|mitt|donners|frei|sams|sonn)\w*tag"
    r"|(?:lun|mar|mer|jeu|ven|sam|dim|mié|jue|vie|sáb|dom|gio|seg|ter|qua|qui|sex|pon|wt|śr"
    r"|czw|pt|sob|niedz|man|tir|ons|tor|fre|lør|søn|mån|tis|lör|sön|ma|ti|ke|to|pe|la|su|po|út"
    r"|st|čt|pá|so|ne|пн|вт|ср|чт|пт|сб|вс|нд|sen|sel|rab|kam|jum|sab|min)\.?,?"
    r"|th \d|cn)\b.*\d"
    r"|(?:於|于|在|ในวันที่|เมื่อ|في|בתאריך|ב|در تاریخ|به تاریخ|सोम|मंगल).*\d"
    r"|\d{1,4}[./年/-]|\d{1,2} \w{3,10}\.? (?:19|20)\d\d)",
    re.IGNORECASE,
)
ATTRIBUTION_VERB = re.compile(
    r"\b(?:wrote|writes|said|says|schrieb(?:en)?|schreibt|geschrieben|a [ée]crit"
    r"|escribi[óo]|va escriure|ha scritto|scrive|escreveu|skrev|skreiv|schreef"
    r"|geschreven|napisał\(?[ao]?\)?|napisana przez|pisze|missatge de|napsal\(?a?\)?"
    r"|napísal\(?a?\)?|kirjoitti"
    r"|kirjutas|rašė|rakstīja|napisa[ol]a?|je napisao|skrifaði"
    r"|írta|a scris|yazdı|(?:на)?писал\(?а?\)?|(?:на)?писав|написала?|написа|пишет|пише"
    r"|έγραψε|menulis|đã viết|tulis)"
    r"|写道|寫道|写到|寫到|書きました|のメール|からのメール|작성|님이 씀|เขียนว่า|เขียน:"
    r"|ने लिखा"
    r"|كتب|تمت كتابة|נכתב|כתב|מאת|نوشت",
    re.IGNORECASE,
)
#: A story, and no program's line: "On Monday I wrote:".
FIRST_PERSON = re.compile(
    r"\b(?:i|we|i've|you) wrote\b|\bschrieb(?:en)? (?:ich|wir|sie)\b|\bich\b|\bj'ai\b"
    r"|\bnous avons\b|\bhabe\b|\bho scritto\b|\bjag skrev\b|\bskrev (?:jag|jeg|vi)\b"
    r"|\bschreef ik\b|\bescribí\b|\bя (?:писал|написал)|\bpisałem\b|\bpisałam\b",
    re.IGNORECASE,
)
_ORIGINAL = (
    r"original (?:message|mail|e-?mail|appointment)|(?:begin )?forwarded (?:message|text"
    r"|mail)"
    r"|reply message|forwarded (?:message |mail )?from .{0,100}|forwarded by .{0,80}"
    r"|message d'origine|begin forwarded message"
    r"|urspr(?:ü|ue)ngliche (?:nachricht|e-?mail|mail|termin)|weitergeleitet von .{0,80}"
    r"|original-?nachricht|weitergeleitete (?:nachricht|e-?mail)|message original"
    r"|message (?:transf[ée]r[ée]|initial)|courriel (?:original|transf[ée]r[ée])"
    r"|e-?mail d'origine"
    r"|mensaje (?:original|reenviado)|correo original|missatge (?:original|reenviat)"
    r"|messaggio (?:originale|inoltrato)|messaggio originario"
    r"|mensagem (?:original|encaminhada|reencaminhada|de origem)"
    r"|(?:oorspronkelijk|origineel|doorgestuurd) bericht|ursprungligt meddelande"
    r"|originalmeddelande|(?:vidarebefordrat|vidarebefordrade) meddelandet?"
    r"|oprindelig(?: meddelelse|e? besked)|videresendt \w+|(?:opprinnelig|original) melding"
    r"|alkuperäinen viesti|edelleenlähetetty viesti|välitetty viesti"
    r"|wiadomość (?:oryginalna|przekazana)|oryginalna wiadomość|przekazana wiadomość"
    r"|(?:původní|přeposlaná) (?:zpráva|e-?mail)|(?:pôvodná|preposlaná) správa"
    r"|(?:eredeti|továbbított) üzenet|mesaj(?:ul)? (?:original|inițial|redirecționat)"
    r"|(?:orijinal|iletilen) (?:mesaj|ileti)|özgün ileti|yönlendirilen (?:mesaj|ileti)"
    r"|izvorna (?:poruka|sporočilo)|izvirno sporočilo|originalna poruka|prosleđena poruka"
    r"|исходное (?:сообщение|письмо)|оригинальное сообщение|пересылаемое (?:сообщение|письмо)"
    r"|пересланное (?:сообщение|письмо)|переслане повідомлення|оригінальне повідомлення"
    r"|вихідне повідомлення|оригинално съобщение|препратено съобщение"
    r"|αρχικό μήνυμα|προωθημένο μήνυμα|thư gốc|tin nhắn gốc|thư chuyển tiếp|pesan asli"
    r"|pesan terusan|pesan yang diteruskan|ข้อความต้นฉบับ|ข้อความที่ส่งต่อ"
    r"|הודעה מקורית|הודעה שהועברה|הודעה מועברת|الرسالة الأصلية|رسالة أصلية|رسالة معاد توجيهها"
    r"|پیام اصلی|原始邮件|原始郵件|原邮件|原郵件|转发邮件|转发的邮件|轉寄郵件|轉寄的郵件"
    r"|原始信件"
    r"|邮件原件|回复的原邮件|回复的邮件|转发的原邮件|转发邮件信息|转发信息|原始訊息"
    r"|元のメッセージ|転送メッセージ|転送されたメッセージ|原文メッセージ|원본 메시지|원본 메일"
    r"|원본메일"
    r"|전달된 메시지|전달된 메일"
)
_FORWARDED = (
    r"begin forwarded message|anfang der weitergeleiteten (?:e-?mail|nachricht)"
    r"|début du (?:message|courriel) (?:transféré|réexpédié)|début du message"
    r"|inicio del mensaje reenviado|inizio messaggio inoltrato"
    r"|in[ií]cio da mensagem (?:encaminhada|reenviada|reencaminhada)|begin doorgestuurd bericht"
    r"|vidarebefordrat brev|videresendt besked|start på videresendt melding"
    r"|start på vidarebefordrat brev|välitetty viesti alkaa|początek przekazanej wiadomości"
    r"|začátek přeposlané zprávy|začiatok preposlanej správy|továbbított levél kezdete"
    r"|iletilmiş mesajın başlangıcı|начало переадресованного (?:сообщения|письма)"
    r"|початок пересланого повідомлення|αρχή προωθημένου μηνύματος"
    r"|inceputul mesajului redirecționat"
    r"|开始转发的邮件|转发邮件|以下は、?転送されたメッセージです|開始轉寄郵件"
    r"|転送されたメッセージ|전달된 메시지 시작"
)
_ABOVE_LINE = (
    r"(?:reply|replies|respond|write|type|answer|response)\b[^\n]{0,30} above this line"
    r"|above this line to (?:reply|add)|oberhalb dieser (?:zeile|linie)"
    r"|über dieser (?:zeile|linie)|au-dessus de cette ligne|(?:encima|arriba) de esta l[ií]nea"
    r"|sopra (?:a )?questa (?:riga|linea)|acima (?:desta|dessa) linha|boven deze (?:lijn|regel)"
    r"|ovanför den (?:här )?(?:raden|linjen)|over denne (?:linje|linjen)|powyżej tej linii"
    r"|выше этой (?:линии|строки|черты)|この(?:行|線)より上|在此行(?:之上|上方)|이 줄 위"
)
_DASHES = "[-_=—–*#~]"
#: What follows such a line was written before, and mostly by somebody else.
CUT = re.compile(
    rf"{_DASHES}{{2,60}}\s*(?:{_ORIGINAL})\s*[:：]?\s*(?:{_DASHES}{{1,60}}|$)"
    r"|-{4,60}\s*(?:original|message)\s*-{4,60}"
    rf"|(?:{_FORWARDED})\s*[:：]?",
    re.IGNORECASE,
)
#: Where help desks want the answer; what stands above was written, what stands below is older.
ABOVE_LINE = re.compile(
    rf"{_DASHES}{{2,60}}.{{0,60}}?(?:{_ABOVE_LINE}).{{0,60}}"
    rf"|.{{0,16}}?(?:{_ABOVE_LINE}).{{0,10}}",
    re.IGNORECASE,
)
#: One of these stands in every line that the expression above could match.
ABOVE_HINTS = (
    *(
        "above",
        "oberhalb",
        "über dies",
        "dessus",
        "encima",
        "arriba",
        "sopra",
        "acima",
        "boven",
    ),
    *("ovanför", "over denne", "powyżej", "выше", "より上", "在此行", "이 줄"),
)
#: Zoho and Notes put dashes around an attribution: `---- On ... wrote ----`.
DASHED_ATTRIBUTION = re.compile(r"-{2,60}\s*[^\s-].{5,300}[^\s-]\s*-{2,60}")
#: The labels of the header block above what is quoted; blanks within them are left out.
LABELS = {
    label: role
    for role, labels in {
        "from": "from откого от від від: dela von de da van från fra frá od od: kimden gönderen"
        " lähettäjä feladó mittente remitente remetente expéditeur afzender absender kohde"
        " nadawca avsender afsender odesílatel odosielateľ pošiljatelj pošiljalac από dari từ"
        " người gửi จาก מאת من מאת از expeditor expediteur dela:"
        " 发件人 寄件者 寄件人 发信人 差出人 送信者 送信元 보낸사람 보낸이 발신",
        "sent": "sent gesendet envoyé enviado inviato verzonden skickat sendt lähetetty wysłano"
        " odesláno отправлено gönderildi enviadoel enviadaem enviadoem datesent elküldve küldve"
        " odoslané poslano послано надіслано відправлено trimis trimisă στάλθηκε dikirim gửi"
        " đãgửi ส่ง ส่งเมื่อ נשלח تمالإرسال تاريخالإرسال ارسال"
        " 发送时间 發送時間 傳送時間 送信日時 寄件日期 보낸날짜 보낸시간 enviada enviadoàs",
        "date": "date datum data fecha dato päivämäärä päiväys дата tarih gönderimtarihi dátum"
        " ημερομηνία tanggal ngày วันที่ תאריך التاريخ تاریخ data/hora"
        " 日期 日時 日付 发送日期 날짜",
        "to": "to an à a para aan till til vastaanottaja do komu кому kime alıcı címzett"
        " destinatario destinataire pour za primatelj prima do către catre προς kepada đến tới"
        " người nhận ถึง אל إلى به получатель adresat příjemce"
        " 收件人 收件者 收信人 宛先 受信者 받는사람 받는이 수신",
        "cc": "cc kopie kopia copie copia kopi kopio копия копія cc: bilgi másolat cópia skryta"
        " κοιν koinopoíisi สำเนา עותק نسخة 抄送 副本 참조 bcc",
        "subject": "subject betreff objet asunto oggetto assunto onderwerp ämne emne re sujet"
        " aihe temat předmět predmet тема konu tárgy subiect subiectul θέμα zadeva naslov"
        " subjek"
        " perihal chủđề tiêuđề เรื่อง หัวเรื่อง נושא הנדון الموضوع موضوع относно teema"
        " 主题 主題 主旨 件名 제목",
        "other": "reply-to replyto importance priority attachments attachment importancia"
        " priorität wichtigkeit anlagen anlage antwortan anhänge importance pj piècesjointes"
        " pièces-jointes priorité allegati priorità bijlage bijlagen prioriteit anexos adjuntos"
        " datosadjuntos bilagor prioritet вложения важность 附件 添付ファイル 重要度 첨부",
    }.items()
    for label in labels.replace(":", "").split()
}
