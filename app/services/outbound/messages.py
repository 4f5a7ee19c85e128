"""Messages that people and programs send, and what they decide of those nobody knows about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app import store
from app.domain.ids import new_id
from app.domain.status import OutboundOrigin, OutboundState
from app.domain.unified_message import Participant
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs.contracts import Outbound
from app.models import OutboundMessage
from app.runtime import Runtime
from app.services.accounts import require_config
from app.services.outbound.enqueue import (
    Letter,
    Queued,
    answer_conversation,
    write_to,
)
from app.services.outbound.send import send, settle_sent
from app.services.pipeline.people import LINKING_ROUNDS, Unlinked, link_people
from app.store.transaction import Transaction


@dataclass(frozen=True)
class Wanted:
    """A message that somebody asks for: in a conversation, or to somebody on an account."""

    text: str
    html: str | None = None
    subject: str | None = None
    conversation_id: UUID | None = None
    target_message_id: UUID | None = None
    config_id: UUID | None = None
    to: Participant | None = None
    send_at: datetime | None = None


def send_message(
    runtime: Runtime,
    workspace_id: UUID,
    wanted: Wanted,
    *,
    key: str | None,
    actor: str,
) -> Queued:
    """Queue a message; the same key gives the same message.

    Raises InvalidInput, NotFound, and Conflict for another message under the same key.
    """
    letter = Letter(
        text=wanted.text,
        html=wanted.html,
        subject=wanted.subject,
        origin=OutboundOrigin.PERSON,
        actor=actor,
        # Keys of callers cannot be those of drafts and automatic replies.
        request_key=f"api:{key or new_id()}",
        target_message_id=wanted.target_message_id,
        send_at=wanted.send_at,
    )
    for _ in range(LINKING_ROUNDS):
        try:
            return _send_message(runtime, workspace_id, wanted, letter)
        except Unlinked as found:
            link_people(runtime, workspace_id, found.batch)
    return _send_message(runtime, workspace_id, wanted, letter)


def _send_message(
    runtime: Runtime, workspace_id: UUID, wanted: Wanted, letter: Letter
) -> Queued:
    with runtime.transaction(workspace_id) as tx:
        if wanted.conversation_id is not None:
            queued = answer_conversation(tx, runtime, wanted.conversation_id, letter)
        elif wanted.config_id is not None and wanted.to is not None:
            config = require_config(tx, wanted.config_id)
            queued = write_to(tx, runtime, config, wanted.to, letter)
        else:
            raise InvalidInput(
                "say where it goes: `conversation_id`, or `config_id` with `to`"
            )
        if queued.is_new:
            _overtake_drafts(tx, queued)
            store.tenants.record_audit(
                tx,
                workspace_id=workspace_id,
                actor=letter.actor,
                action="message.send",
                subject=str(queued.parts[0].message_id),
                details={"parts": len(queued.parts)},
            )
        return queued


def dispatch_next(runtime: Runtime, workspace_id: UUID) -> dict[str, int]:
    """Send what is due in the conversation that has waited longest, right now.

    Returns how many messages came to which end; empty where nothing is due.
    """
    with runtime.transaction(workspace_id) as tx:
        conversation_id = store.outbound.next_due(tx)
    if conversation_id is None:
        return {}
    job = Outbound(workspace_id=workspace_id, conversation_id=conversation_id)
    return dict(send(runtime, job).counts)


def list_outbound(
    runtime: Runtime,
    workspace_id: UUID,
    *,
    state: OutboundState | None = None,
    conversation_id: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> Sequence[OutboundMessage]:
    """What was queued, the newest first."""
    with runtime.transaction(workspace_id) as tx:
        return store.outbound.find(
            tx,
            state=state,
            conversation_id=conversation_id,
            before=before,
            limit=limit,
        )


def get_outbound(
    runtime: Runtime, workspace_id: UUID, outbound_id: UUID
) -> OutboundMessage:
    """One message of the queue.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        outbound = store.outbound.get(tx, outbound_id)
    if outbound is None:
        raise NotFound(f"no outbound message {outbound_id}")
    return outbound


def settle(
    runtime: Runtime, outbound_id: UUID, *, was_sent: bool, actor: str
) -> OutboundMessage:
    """Say of a message whose outcome is unknown that it was sent, or have it sent again.

    Raises NotFound, and Conflict where its outcome is known.
    """
    with runtime.system_transaction() as tx:
        outbound = store.outbound.get(tx, outbound_id)
    if outbound is None:
        raise NotFound(f"no outbound message {outbound_id}")
    with runtime.transaction(outbound.workspace_id) as tx:
        outbound = store.outbound.lock(tx, outbound_id)
        if outbound is None or outbound.state is not OutboundState.UNCERTAIN:
            raise Conflict("its outcome is known; nothing was changed")
        if was_sent:
            settle_sent(tx, outbound, external_id=None, thread_id=None)
        else:
            store.outbound.revive(tx, [outbound_id], states=(OutboundState.UNCERTAIN,))
        store.tenants.record_audit(
            tx,
            workspace_id=outbound.workspace_id,
            actor=actor,
            action="message.settle",
            subject=str(outbound.message_id),
            details={"was_sent": was_sent},
        )
        tx.publish_after_commit(
            Outbound(
                workspace_id=outbound.workspace_id,
                conversation_id=outbound.conversation_id,
            )
        )
        found = store.outbound.get(tx, outbound_id)
        assert found is not None
        return found


def _overtake_drafts(tx: Transaction, queued: Queued) -> None:
    conversation_id = queued.parts[0].conversation_id
    store.messages.overtake_drafts(tx, conversation_id)
    store.outbound.cancel_automatic(
        tx,
        [conversation_id],
        rule="answered_by_person",
        reason="a person has answered",
    )
