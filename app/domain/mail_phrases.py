"""The fixed phrases of mail programs and servers. No person writes these by chance."""

import re

#: Only at the start: `Fwd:` before it shows that somebody hands it on.
BOUNCE_SUBJECT = re.compile(
    r"(?:\[[^\]]{0,40}\]\s*|warning:\s*)?(?:"
    r"undeliver(?:able|ed)|unable to deliver|could not (?:be )?deliver|"
    r"(?:mail |message |e-?mail )?delivery (?:status|failure|failed|"
    r"report|error|problem|delay|unsuccessful|notification|has failed|has been delayed)|"
    r"mail (?:system error|failure|undeliverable|could not be delivered|delivery sys)|"
    r"message (?:undeliverable|not delivered|could not be delivered|delayed|still und)|"
    r"returned mail|returned to sender|failure notice|failure delivery|failed mail|"
    r"non.?delivery|nondeliverable|not delivered|notification d'?[ée]tat|"
    r"could not send message|could not be delivered|delayed mail|deferred mail|"
    r"unzustellbar|nicht zustellbar|zustellung fehlgeschlagen|unzustellbare|"
    r"non remis|échec de la remise|no se puede entregar|no se ha podido entregar|"
    r"mensaje no entregado|mancata consegna|impossibile recapitare|não entregue|"
    r"falha na entrega|onbestelbaar|kan inte leverera|kunne ikke leveres|niedostarcz|"
    r"nedoručiteln|не доставлено|недоставлен|配信不能|配信できません|未送达|退信|无法投递|반송"
    r")",
    re.IGNORECASE,
)
BOUNCE_BODY = re.compile(
    r"^[^\w\n]{0,9}(?:hi\. )?this is the (?:qmail-send program|mail system at host"
    r"|postfix program at host|mail delivery agent|mail transport agent)"
    r"|^[^\w\n]{0,9}(?:transcript of session|unsent message) follows"
    r"|^[^\w\n]{0,9}the following addresses had (?:permanent|transient|delivery)"
    r"|a message that you sent could not be delivered"
    r"|your message (?:did not reach|could not be delivered|has not been delivered|"
    r"was not delivered|cannot be delivered)"
    r"|delivery to the following recipients? failed"
    r"|^the original message was received at"
    r"|^(?:final-recipient|reporting-mta|diagnostic-code|remote-mta):"
    r"|<{3} [45]\d\d |\b55\d[ -]5\.\d\.\d{1,3}\b",
    re.IGNORECASE | re.MULTILINE,
)
#: As mail programs write them: nobody else puts a colon there.
AUTO_REPLY_SUBJECT = re.compile(
    r"(?:"
    r"auto(?:matic|mated)?[- ]?(?:reply|response)|out of office autoreply|"
    r"automatische antwort|autom\. antwort|abwesenheitsnotiz|"
    r"r[ée]ponse automatique|respuesta autom[áa]tica|risposta automatica|"
    r"resposta autom[áa]tica|automatisch antwoord|autosvar|automatiskt svar|"
    r"automaattinen vastaus|odpowied[źz] automatyczna|automatick[áa] odpov[ěe][ďd]|"
    r"automatikus v[áa]lasz|r[ăa]spuns automat|otomatik yan[ıi]t|автоответ|"
    r"автоматический ответ|自動応答|自動返信|自动答复|自动回复|自動回覆|자동 회신"
    r")\s*[:：]",
    re.IGNORECASE,
)
#: A person may write of an absence too, so these need a sign beside them.
ABSENCE_SUBJECT = re.compile(
    r"(?:re:\s*)?(?:auto:\s*)?(?:"
    r"out[- ]of[- ](?:the[- ])?office|ooo\b|away from|on vacation|vacation|"
    r"auto.?re(?:ply|sponse|sponder)|abwesen|nicht im (?:haus|büro)|urlaub|"
    r"absen(?:t|ce|te)|absence du bureau|fuera de (?:la )?oficina|fuori ufficio|"
    r"fora do escrit|afwezig|frånvar|fravær|poissa|nieobecno|mimo kancel"
    r")",
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
