"""Keep what a mail reports of one of ours, and let it have its effect on that one."""

from collections.abc import Sequence
from uuid import UUID

from app import store
from app.domain.identifiers import email_key
from app.domain.mail_report import MailReport, ReportKind
from app.domain.status import DeliveryStatus
from app.domain.unified_message import Direction
from app.services.pipeline.placement import Arrived
from app.services.pipeline.refusals import note_undelivered
from app.store.transaction import Transaction

_STATUS = {
    ReportKind.DELAY: DeliveryStatus.DELAYED,
    ReportKind.DELIVERY: DeliveryStatus.DELIVERED,
    ReportKind.READ_RECEIPT: DeliveryStatus.READ,
}


def keep_reports(
    tx: Transaction,
    batch: Sequence[Arrived],
    messages: dict[UUID, tuple[UUID, UUID]],
) -> None:
    """Store the reports of a batch and tie them to what they are about, whichever came first.

    Only a report on a mail that we did send has an effect: anybody can make one up. Safe to repeat:
    a report is tied once, and a status only moves forward.
    """
    rows = [
        {
            "workspace_id": one.event.workspace_id,
            "message_id": messages[one.event.id][1],
            "config_id": one.event.config_id,
            "kind": one.report.kind,
            "about_mail_id": one.report.about_mail_id,
            "details": one.report.model_dump(mode="json", exclude_defaults=True),
        }
        for one in batch
        if one.report is not None
    ]
    store.mail_reports.add_new(tx, rows)
    tied = store.mail_reports.link(
        tx,
        config_ids={one.event.config_id for one in batch},
        report_ids=[row["message_id"] for row in rows if row["about_mail_id"]],
        outbound_ids=[
            messages[one.event.id][1]
            for one in batch
            if one.message.direction is Direction.OUTBOUND
        ],
    )
    for row in tied:
        report = MailReport.model_validate(row.details)
        _take_effect(tx, report, row.about_message_id)


def _take_effect(tx: Transaction, report: MailReport, about_message_id: UUID) -> None:
    status = _STATUS.get(report.kind)
    if report.kind is ReportKind.BOUNCE:
        # A passing failure may still be made good by another try of the server.
        status = (
            DeliveryStatus.FAILED if report.is_permanent else DeliveryStatus.DELAYED
        )
    if status is not None:
        raised = store.mail_reports.raise_delivery(
            tx, about_message_id, status, report.reason
        )
        if raised and status is DeliveryStatus.FAILED:
            for message in store.messages.of_ids(tx, [about_message_id]).values():
                reason = report.reason or "it came back"
                note_undelivered(tx, message, rule="undeliverable", reason=reason)
    store.mail_reports.mark_undeliverable(
        tx, {email_key(address) for address in report.lost}, report.reason
    )
