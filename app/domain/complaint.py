"""Reads what a mail provider reports when a reader called a mail of ours spam (RFC 5965)."""

from pydantic import BaseModel, ConfigDict

from app.domain.evidence_reports import is_complaint
from app.domain.mail_addresses import read_mailboxes
from app.domain.mail_signs import MailSigns
from app.domain.unified_message import Direction, UnifiedMessage


class Complaint(BaseModel):
    """A reader who does not want our mail."""

    model_config = ConfigDict(frozen=True)

    kind: str = "abuse"
    """`abuse`, `fraud`, `auth-failure` ...; `not-spam` is the opposite of a complaint."""
    recipient: str | None = None
    """Who complained; many providers keep that to themselves."""
    original_message_id: str | None = None
    original_subject: str | None = None


def complaint_of(message: UnifiedMessage) -> Complaint | None:
    """Read a mail that is a complaint, or return None where it is none."""
    if message.sender.kind != "email" or message.direction is Direction.OUTBOUND:
        return None
    mail = MailSigns(message)
    if not is_complaint(mail):
        return None
    stated = message.metadata.get("feedback_report")
    report = stated if isinstance(stated, dict) else {}
    attached = mail.attached[0] if mail.attached else {}
    recipient = report.get("original_recipient") or attached.get("to") or ""
    mailboxes = read_mailboxes(str(recipient))
    metadata = message.metadata
    original = metadata.get("original_message_id") or attached.get("message_id")
    subject = metadata.get("original_subject") or attached.get("subject")
    return Complaint(
        kind=str(report.get("feedback_type") or "abuse").lower(),
        recipient=mailboxes[0].address if len(mailboxes) == 1 else None,
        original_message_id=str(original) if original else None,
        original_subject=str(subject) if subject else None,
    )
