"""What a provider says of a recipient with a message that it does not deliver, at once or later."""

from typing import Any
from uuid import UUID

from app import store
from app.domain.changes import Shape
from app.domain.status import DeliveryStatus, Severity
from app.models import Message
from app.store.transaction import Transaction

_ARRIVED = (DeliveryStatus.DELIVERED, DeliveryStatus.READ)


def learn_from_refusal(
    tx: Transaction, to: dict[str, Any], config_id: UUID, *, rule: str, reason: str
) -> None:
    """Let what a provider says of a recipient count for the next message too."""
    if rule == "opted_out":
        store.customers.stop(tx, to["kind"], to["value"], config_id=config_id)
    elif rule == "undeliverable":
        store.customers.mark_undeliverable(
            tx, to["kind"], to["value"], config_id=config_id, reason=reason
        )


def learn_from_delivery(tx: Transaction, message: Message, shape: Shape) -> None:
    """Let what has become of a message of ours, since it was taken, count for its recipient.

    `message` is as it was before. One that failed later answers nothing: its conversation waits again.
    """
    status = shape.delivery_status
    if message.delivery_status == status or not message.recipients:
        return
    to = message.recipients[0]
    if status in _ARRIVED:
        store.customers.mark_deliverable(
            tx, to["kind"], to["value"], config_id=message.config_id
        )
    elif status is DeliveryStatus.FAILED:
        reason = shape.delivery_reason or "the provider could not deliver it"
        rule = shape.failed_by or "refused"
        learn_from_refusal(tx, to, message.config_id, rule=rule, reason=reason)
        note_undelivered(tx, message, rule=rule, reason=reason)


def note_undelivered(
    tx: Transaction, message: Message, *, rule: str, reason: str
) -> None:
    """Let what a message answered wait again, and tell somebody: it was taken and has not arrived."""
    store.outbound.note_undelivered(tx, message.id, message.conversation_id)
    store.incidents.report(
        tx,
        kind="message_undelivered",
        dedupe_key=f"message_undelivered:{message.config_id}:{rule}",
        severity=Severity.WARNING,
        workspace_id=message.workspace_id,
        details={"message_id": str(message.id), "rule": rule, "error": reason},
    )
