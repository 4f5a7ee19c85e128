"""Evidence from the servers that received a mail: where they put it, what they called it.

Nothing a sender can set calls a mail wanted. Only what calls it spam is believed, for
nobody writes that upon his own mail.
"""

import re

from app.domain.decision import Category
from app.domain.evidence_rule import Rule
from app.domain.mail_signs import MailSigns

_SCL = re.compile(r"\s*(\d)")
_SPAM_FROM = 5
_VERDICTS = {
    "x-spam-flag": ("yes", "true"),
    "x-spam-status": ("yes",),
    "x-spam": ("yes", "true"),
    "x-rspamd-action": ("reject", "add header", "rewrite subject"),
    "x-barracuda-spam-flag": ("yes",),
    "x-barracuda-spam-status": ("yes",),
    "x-bogosity": ("yes", "spam"),
    "x-dspam-result": ("spam",),
    "x-crm114-status": ("spam",),
    "x-klms-antispam-status": ("spam",),
    "x-vr-spamstate": ("spam",),
    "x-mailscanner-spamcheck": ("spam",),
    "x-proofpoint-spam-details": ("rule=spam", "rule=adultspam", "rule=malware"),
}


def _is_in_spam_folder(mail: MailSigns) -> bool:
    if "spam" in mail.labels or "junk" in mail.labels:
        return True
    level = _SCL.match(mail.header("x-ms-exchange-organization-scl"))
    if level and int(level[1]) >= _SPAM_FROM:
        return True
    report = mail.header("x-forefront-antispam-report")
    return any(f"sfv:{word}" in report for word in ("spm", "skb", "sks"))


def _is_called_spam(mail: MailSigns) -> bool:
    # On a list, any server on the way may have said so, and the list let it through.
    if mail.is_listed or mail.is_reply:
        return False
    return any(mail.header(name).startswith(words) for name, words in _VERDICTS.items())


RULES = (
    Rule(
        "spam-folder",
        Category.SPAM,
        0.95,
        "the mailbox put it among the spam",
        _is_in_spam_folder,
    ),
    Rule(
        "spam-verdict",
        Category.SPAM,
        0.8,
        "a server on the way marked it as spam",
        _is_called_spam,
    ),
)
