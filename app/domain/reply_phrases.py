"""How mail programs introduce what they quote and sign, in the languages they speak."""

import re

#: In front of a date, at the start of an attribution.
ATTRIBUTION_LEAD = re.compile(
    r"(?:on|at|am|le|el|il|em|no|a|den|på|op|w dniu|dnia|dne|dňa|în|pe|la|στις|в|у|"
    r"vào|pada|於|于|在|tarihinde|quoting|in message)\b.*\d|\W{0,3}\d{1,4}[./年-]",
    re.IGNORECASE,
)
ATTRIBUTION_VERB = re.compile(
    r"\b(?:wrote|writes|said|says|schrieb(?:en)?|schreibt|geschrieben|a [ée]crit"
    r"|escribi[óo]|va escriure|ha scritto|scrive|escreveu|skrev|skreiv|schreef"
    r"|geschreven|napisał\(?[ao]?\)?|pisze|napsal\(?a?\)?|napísal\(?a?\)?|kirjoitti"
    r"|írta|a scris|yazdı|(?:на)?писал\(?а?\)?|пишет|пише|έγραψε|menulis|đã viết)"
    r"|写道|寫道|写到|書きました|のメール|작성",
    re.IGNORECASE,
)
_ORIGINAL = (
    r"original message|(?:begin )?forwarded (?:message|text)|reply message"
    r"|urspr(?:ü|ue)ngliche nachricht"
    r"|original-?nachricht|weitergeleitete nachricht|message d'origine|message original"
    r"|message transf[ée]r[ée]|mensaje original|mensaje reenviado|messaggio originale"
    r"|messaggio inoltrato|mensagem original|mensagem encaminhada|oorspronkelijk bericht"
    r"|origineel bericht|doorgestuurd bericht|ursprungligt meddelande|originalmeddelande"
    r"|vidarebefordrat meddelande|oprindelig meddelelse|opprinnelig melding"
    r"|videresendt \w+|alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość"
    r"|przekazana wiadomość|původní zpráva|pôvodná správa|eredeti üzenet|mesaj original"
    r"|mesajul original|orijinal mesaj|özgün ileti|исходное сообщение"
    r"|оригинальное сообщение|пересылаемое сообщение|原始邮件|原始郵件|原邮件|转发邮件"
    r"|元のメッセージ|転送メッセージ|원본 메시지|원본 메일|전달된 메시지"
)
_FORWARDED = (
    r"begin forwarded message|anfang der weitergeleiteten (?:e-?mail|nachricht)"
    r"|début du (?:message|courriel) (?:transféré|réexpédié)"
    r"|inicio del mensaje reenviado|inizio messaggio inoltrato"
    r"|início da mensagem (?:encaminhada|reenviada)|begin doorgestuurd bericht"
    r"|vidarebefordrat brev|videresendt besked"
)
_ABOVE_LINE = r"reply above this line|your (?:reply|response) above this line"
#: What follows such a line was written before, and mostly by somebody else.
CUT = re.compile(
    rf"[-_=—*]{{2,40}}\s*(?:{_ORIGINAL})\s*[-_=—*:]{{0,40}}"
    rf"|(?:{_FORWARDED})\s*:"
    rf"|[-#=*]{{0,40}}[^-#=*]{{0,20}}(?:{_ABOVE_LINE}).{{0,40}}",
    re.IGNORECASE,
)
#: The labels of the header block above what is quoted; blanks within them are left out.
LABELS = {
    label: role
    for role, labels in {
        "from": "откого dela from von de da van från fra frá od от kimden gönderen lähettäjä feladó"
        " mittente remitente expéditeur 发件人 寄件者 寄件人 差出人 送信者 보낸사람",
        "date": "sent date gesendet datum envoyé enviado fecha data inviato verzonden"
        " skickat sendt dato lähetetty päivämäärä wysłano odesláno отправлено дата"
        " gönderildi gönderimtarihi enviadoel enviadaem datesent tarih küldve dátum"
        " 发送时间 發送時間 日期 傳送時間 送信日時 日時"
        " 보낸날짜 날짜",
        "to": "to an à a para aan till til vastaanottaja do komu кому kime alıcı címzett"
        " destinatario 收件人 收件者 宛先 받는사람",
        "cc": "cc kopie kopia copie copia kopi kopio копия 抄送 副本 참조",
        "subject": "subject betreff objet asunto oggetto assunto onderwerp ämne emne"
        " aihe temat předmět predmet тема konu tárgy subiect 主题 主題 主旨 件名 제목",
    }.items()
    for label in labels.split()
}
SENT_FROM = re.compile(
    r"(?:sent (?:from|via|with|using) (?:my |a |the )?(?:\w+ )?(?:i?phone|ipad|android"
    r"|samsung|galaxy|huawei|xiaomi|pixel|blackberry|mobile|smartphone|tablet|outlook"
    r"|yahoo|gmail|proton|mail|aol|airmail|spark|nine|windows|mac|device|cell).{0,60}"
    r"|get outlook for .{2,60}|outlook für .{2,60}"
    r"|von mein\w+ .{2,40} gesendet|gesendet (?:von|mit|über|mittels) .{2,60}"
    r"|envoyé (?:de|depuis|à partir de|avec) .{2,60}|télécharger outlook .{2,60}"
    r"|enviad[oa] (?:desde|do|de|pelo|via|a partir de) (?:mi |meu |o |el )?.{2,60}"
    r"|obtener outlook .{2,60}|inviato (?:da|dal|con) .{2,60}"
    r"|(?:verstuurd|verzonden) (?:vanaf|van|met|via) .{2,60}"
    r"|(?:skickat|skickades) från .{2,60}|sendt fra .{2,60}"
    r"|lähetetty .{2,60}|wysłan[eoya] z .{2,60}|odesláno z .{2,60}|odoslané z .{2,60}"
    r"|.{2,30}[’'](?:\w{2,6}) gönderildi|отправлено (?:с|из) .{2,60}"
    r"|надіслано з .{2,60}|发自我的.{2,30}|從我的.{2,30}傳送|.{2,20}から送信"
    r"|나의 .{2,20}에서 보냄)",
    re.IGNORECASE,
)
