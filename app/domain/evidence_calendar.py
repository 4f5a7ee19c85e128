"""Evidence that a mail is there for a calendar to read."""

from app.domain.decision import Category
from app.domain.evidence_rule import Rule
from app.domain.mail_facts import INVITING
from app.domain.mail_signs import MailSigns
from app.domain.unified_message import MessageKind


def _is_calendar(mail: MailSigns) -> bool:
    method = mail.message.metadata.get("calendar_method")
    is_event = mail.message.kind is MessageKind.EVENT and method in INVITING
    # Exchange says so in a header where it leaves the calendar itself out.
    return is_event or "calendarmessage" in mail.header("content-class")


RULES = (
    Rule(
        "calendar",
        Category.NOTIFICATION,
        0.9,
        "a calendar invites, answers or cancels",
        _is_calendar,
    ),
)
