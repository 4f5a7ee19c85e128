"""What a mail says of one of ours: returned, late, delivered, read, answered by a program."""

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from app.domain.auto_reply import AutoReplyKind, auto_reply_of
from app.domain.complaint import complaint_of
from app.domain.delivery_report import Action, RecipientReport, delivery_report_of
from app.domain.read_receipt import read_receipt_of
from app.domain.unified_message import UnifiedMessage


class ReportKind(StrEnum):
    BOUNCE = "bounce"
    DELAY = "delay"
    DELIVERY = "delivery"
    COMPLAINT = "complaint"
    READ_RECEIPT = "read_receipt"
    ABSENCE = "absence"
    ACKNOWLEDGEMENT = "acknowledgement"
    CHALLENGE = "challenge"
    AUTO_REPLY = "auto_reply"


class MailReport(BaseModel):
    """A report on one mail, storable as JSON."""

    model_config = ConfigDict(frozen=True)

    kind: ReportKind
    about_mail_id: str | None = None
    """The Message-ID of the mail that it is about, where it says so."""
    about_subject: str | None = None
    recipients: list[RecipientReport] = []
    returns_on: date | None = None

    @property
    def is_permanent(self) -> bool:
        """Whether somebody is not reached and trying again is useless."""
        return any(self._is_lost(recipient) for recipient in self.recipients)

    @property
    def reason(self) -> str | None:
        """The first reason that is given."""
        return next((one.reason for one in self.recipients if one.reason), None)

    @property
    def lost(self) -> list[str]:
        """The addresses that will not be reached, as we wrote to them."""
        return [
            address
            for one in self.recipients
            if self._is_lost(one)
            if (address := one.original_address or one.address)
        ]

    @staticmethod
    def _is_lost(recipient: RecipientReport) -> bool:
        return recipient.action is Action.FAILED and recipient.is_permanent is True


_DELIVERIES = {
    Action.DELAYED: ReportKind.DELAY,
    Action.DELIVERED: ReportKind.DELIVERY,
    Action.RELAYED: ReportKind.DELIVERY,
    Action.EXPANDED: ReportKind.DELIVERY,
}
_ANSWERS = {
    AutoReplyKind.ABSENCE: ReportKind.ABSENCE,
    AutoReplyKind.ACKNOWLEDGEMENT: ReportKind.ACKNOWLEDGEMENT,
    AutoReplyKind.CHALLENGE: ReportKind.CHALLENGE,
}


def report_of(message: UnifiedMessage) -> MailReport | None:
    """Read what an inbound mail reports, or return None where it is no report. Never raises."""
    if delivery := delivery_report_of(message):
        return MailReport(
            kind=_DELIVERIES.get(delivery.action, ReportKind.BOUNCE),
            about_mail_id=delivery.original_message_id,
            about_subject=delivery.original_subject,
            recipients=delivery.recipients,
        )
    if complaint := complaint_of(message):
        return MailReport(
            kind=ReportKind.COMPLAINT,
            about_mail_id=complaint.original_message_id,
            about_subject=complaint.original_subject,
        )
    if receipt := read_receipt_of(message):
        return MailReport(
            kind=ReportKind.READ_RECEIPT, about_mail_id=receipt.original_message_id
        )
    if answer := auto_reply_of(message):
        return MailReport(
            kind=_ANSWERS.get(answer.kind, ReportKind.AUTO_REPLY),
            about_mail_id=answer.original_message_id,
            returns_on=answer.returns_on,
        )
    return None
