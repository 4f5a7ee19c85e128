"""Reads what a mail program says became of a mail once it was delivered (RFC 8098)."""

from pydantic import BaseModel, ConfigDict

from app.domain.evidence_reports import is_read_receipt
from app.domain.mail_addresses import read_mailboxes
from app.domain.mail_signs import MailSigns
from app.domain.unified_message import Direction, UnifiedMessage


class ReadReceipt(BaseModel):
    """A mail that was shown to its reader, or was not."""

    model_config = ConfigDict(frozen=True)

    recipient: str | None = None
    disposition: str | None = None
    """`displayed`, `deleted`, `dispatched`, `processed`"""
    original_message_id: str | None = None

    @property
    def is_read(self) -> bool:
        return self.disposition == "displayed"


def read_receipt_of(message: UnifiedMessage) -> ReadReceipt | None:
    """Read a mail that is a receipt, or return None where it is none."""
    if message.sender.kind != "email" or message.direction is Direction.OUTBOUND:
        return None
    mail = MailSigns(message)
    if not is_read_receipt(mail):
        return None
    stated = message.metadata.get("disposition_notification")
    notice = stated if isinstance(stated, dict) else {}
    address = notice.get("original_recipient") or notice.get("final_recipient") or ""
    mailboxes = read_mailboxes(str(address))
    # `manual-action/MDN-sent-manually; displayed/error`
    said = str(notice.get("disposition") or "").rpartition(";")[2]
    disposition = said.partition("/")[0].strip().lower()
    original = message.metadata.get("original_message_id") or message.in_reply_to
    return ReadReceipt(
        recipient=mailboxes[0].address if mailboxes else message.sender.value,
        disposition=disposition or None,
        original_message_id=str(original) if original else None,
    )
