"""Write replies to the newest inbound messages of conversations."""

from typing import Any
from uuid import UUID

from app import store
from app.ai.base import Drafter, Reply, Turn
from app.domain.decision import Decision
from app.domain.handover import HANDED_OVER
from app.domain.ids import new_id
from app.domain.proposed_order import OrderContext
from app.domain.status import EventStatus
from app.jobs.contracts import Draft
from app.models import Conversation, Message
from app.runtime import Runtime
from app.services.commerce.order_context import order_context
from app.services.commerce.place_order import place_order
from app.services.outbound.auto_reply import reply_by_itself
from app.services.pipeline.failure import (
    claim_due,
    settle_failures,
)
from app.services.pipeline.outcome import Outcome
from app.store.audit import EventOutcome
from app.store.claims import Claim
from app.store.transaction import Transaction

CONTEXT_MESSAGES = 10


def draft(runtime: Runtime, job: Draft) -> Outcome:
    """Write the drafts of a job, one after another; each is claimed for itself.

    Safe to repeat: a message that has its draft, was answered meanwhile, or is no longer the newest
    is skipped.
    """
    if runtime.drafter is None:
        return _leave_unwritten(runtime, job)
    outcomes = [
        outcome
        for event_id in _events_of(runtime, job)
        if (outcome := _draft_one(runtime, job, event_id, runtime.drafter))
    ]
    return Outcome.of(one.outcome for one in outcomes)


def _events_of(runtime: Runtime, job: Draft) -> list[UUID]:
    if job.event_ids or job.target_message_id is None:
        return list(job.event_ids)
    with runtime.transaction(job.workspace_id) as tx:
        event_id = store.events.of_message(tx, job.target_message_id)
    return [event_id] if event_id else []


def _leave_unwritten(runtime: Runtime, job: Draft) -> Outcome:
    """End events whose drafter lost its key while they waited, as if it had never been there."""
    event_ids = _events_of(runtime, job)
    with runtime.transaction(job.workspace_id) as tx:
        claim = claim_due(
            tx, job, event_ids, status=EventStatus.DECIDED, lease=runtime.lease
        )
        store.claims.finish(
            tx, claim, claim.ids, status=EventStatus.DECIDED, reason="no_drafter"
        )
        outcomes = [
            EventOutcome(event.id, EventStatus.DECIDED, event.attempts)
            for event in claim.events
        ]
        store.audit.record(tx, job, outcomes, started_at=claim.taken_at)
    return Outcome.of(one.outcome for one in outcomes)


def _draft_one(
    runtime: Runtime, job: Draft, event_id: UUID, drafter: Drafter
) -> EventOutcome | None:
    with runtime.transaction(job.workspace_id) as tx:
        claim = claim_due(
            tx,
            job,
            [event_id],
            status=EventStatus.DECIDED,
            lease=runtime.lease,
        )
    if not claim.events:
        return None
    runtime.checkpoint("draft.claimed")
    event = claim.events[0]
    try:
        with runtime.leases.held(claim.token):
            return _write(runtime, job, claim, event, drafter)
    except Exception as error:  # noqa: BLE001 — the next message must not suffer for it
        return settle_failures(runtime, job, claim, [(event, error)])[0]


def _write(
    runtime: Runtime, job: Draft, claim: Claim, event: Any, drafter: Drafter
) -> EventOutcome:
    with runtime.transaction(job.workspace_id) as tx:
        conversation = store.conversations.get(tx, event.conversation_id)
        if (
            conversation is None
            or conversation.last_inbound_message_id != event.message_id
            or conversation.last_draft_message_id == event.message_id
            or conversation.decision is Decision.AUTO_HANDLED
            or conversation.handed_over_to is not None
            or _is_answered(conversation)
        ):
            return _skip(tx, job, claim, event)
        messages = store.messages.latest(tx, conversation.id, limit=CONTEXT_MESSAGES)
        workspace = store.tenants.workspace(tx, job.workspace_id)
        orders = order_context(tx, conversation, messages, target=event.message_id)

    # No transaction is open here: a slow model must not hold a connection.
    reply = drafter.draft(
        business=workspace.name if workspace else "",
        subject=_subject(messages, event.message_id) or conversation.subject,
        turns=_turns(messages, until=event.message_id),
        orders=orders,
    )

    runtime.checkpoint("draft.called")
    with runtime.transaction(job.workspace_id) as tx:
        return _save(tx, runtime, job, claim, event, reply, orders)


def _is_answered(conversation: Conversation) -> bool:
    sent, asked = (
        conversation.last_outbound_message_at,
        conversation.last_inbound_message_at,
    )
    return sent is not None and asked is not None and sent >= asked


def _subject(messages: list[Message], target: UUID) -> str | None:
    """What the message that is answered is called: customers change the subject of a thread."""
    return next((one.subject for one in messages if one.id == target), None)


def _turns(messages: list[Message], *, until: UUID) -> list[Turn]:
    """The conversation up to the message that is answered."""
    turns: list[Turn] = []
    for message in messages:
        turns.append(
            Turn(
                direction=message.direction,
                author=message.sender.get("name") or message.sender.get("value") or "",
                text=message.body_visible or message.body or "",
                at=message.occurred_at,
            )
        )
        if message.id == until:
            break
    return turns


def _save(
    tx: Transaction,
    runtime: Runtime,
    job: Draft,
    claim: Claim,
    event: Any,
    reply: Reply,
    orders: OrderContext | None,
) -> EventOutcome:
    """Keep the draft, and the order it tells of, if its message still waits.

    What was true before may not be now.
    """
    store.locks.lock_people(tx, job.workspace_id, to_merge=False)
    places = store.conversations.lock_current(tx, [event.conversation_id])
    conversation_id = places.get(event.conversation_id)
    # One that is no longer ours was edited or taken back, or a newer message took over: this would
    # answer what nobody says any more.
    is_ours = event.id in store.claims.lock(tx, claim)
    if (
        not is_ours
        or conversation_id is None
        or not store.conversations.save_draft(
            tx, conversation_id, event.message_id, reply.text
        )
    ):
        return _skip(tx, job, claim, event)
    order_id = None
    if reply.order is not None and orders is not None:
        order_id = place_order(
            tx,
            reply.order,
            orders,
            workspace_id=job.workspace_id,
            conversation_id=conversation_id,
        )
    store.messages.add_draft(
        tx,
        {
            "id": new_id(),
            "workspace_id": job.workspace_id,
            "conversation_id": conversation_id,
            "target_message_id": event.message_id,
            "body": reply.text,
            "model": reply.model,
            "prompt_version": reply.prompt_version,
            "usage": reply.usage,
            "order_id": order_id,
            "order_refusal": reply.refused.record() if reply.refused else None,
        },
    )
    if (written := store.messages.draft_of(tx, event.message_id)) is not None:
        reply_by_itself(tx, runtime, written)
    store.claims.finish(tx, claim, [event.id], status=EventStatus.DRAFTED, reason=None)
    outcome = EventOutcome(event.id, "drafted", event.attempts)
    store.audit.record(tx, job, [outcome], started_at=claim.taken_at)
    return outcome


def _skip(tx: Transaction, job: Draft, claim: Claim, event: Any) -> EventOutcome:
    """End an event whose draft nobody needs any more."""
    conversation = store.conversations.get(tx, event.conversation_id)
    if conversation is None or conversation.last_inbound_message_id == event.message_id:
        status, reason = EventStatus.DECIDED, "answered"
        if conversation and conversation.last_draft_message_id == event.message_id:
            status, reason = EventStatus.DRAFTED, "drafted_before"
        elif conversation and conversation.decision is Decision.AUTO_HANDLED:
            reason = "no_reply_needed"
        elif (
            conversation
            and conversation.handed_over_to
            and not _is_answered(conversation)
        ):
            reason = HANDED_OVER
    else:
        status, reason = EventStatus.SUPERSEDED, "newer_message"
    store.claims.finish(tx, claim, [event.id], status=status, reason=reason)
    outcome = EventOutcome(event.id, status, event.attempts)
    store.audit.record(tx, job, [outcome], started_at=claim.taken_at)
    return outcome
