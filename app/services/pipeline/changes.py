"""Keep what is told of messages after they were sent, and let it have its effect on them."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from app import store
from app.domain.changes import CHANGING, RANKS, Change, Shape, shape_of
from app.domain.identifiers import identity_key
from app.domain.mail_text import split_reply
from app.domain.status import EventStatus
from app.domain.unified_message import Direction, MessageKind
from app.jobs.contracts import Classify, Materialize
from app.models import Message, MessageChange
from app.runtime import Runtime
from app.services.pipeline.placement import Arrived
from app.services.pipeline.refusals import learn_from_delivery
from app.store.transaction import Transaction


def is_change(one: Arrived) -> bool:
    """Whether an arrival tells of another message; a later word on a call does too."""
    is_later = one.message.kind is MessageKind.CALL and one.message.target_id
    return one.message.kind in CHANGING or bool(is_later)


def keep_changes(tx: Transaction, changes: Sequence[Arrived]) -> None:
    """Store changes; those whose message is not there yet wait for it. Safe to repeat."""
    store.changes.add_new(
        tx,
        [
            {
                "event_id": one.event.id,
                "workspace_id": one.event.workspace_id,
                "config_id": one.event.config_id,
                "kind": one.message.kind,
                "target_external_id": one.message.target_id,
                "external_thread_id": one.message.external_thread_id,
                "actor": _actor(one),
                "occurred_at": one.occurred_at,
                "text": one.message.body_text,
                "details": one.message.metadata,
            }
            for one in changes
        ],
    )


def apply_changes(
    tx: Transaction,
    runtime: Runtime,
    job: Materialize,
    changes: Sequence[Arrived],
    new: Sequence[Arrived],
    messages: dict[UUID, tuple[UUID, UUID]],
) -> set[UUID]:
    """Give the messages that were changed, or changed before they came, the shape they have now.

    Returns those of them that were taken back.

    What an edit or a deletion overtakes is taken back: drafts become stale, and a message that still
    waits for its answer is decided again. The ids are locked.
    """
    config_ids = {one.event.config_id for one in (*changes, *new)}
    external_ids = {one.event.external_id for one in new}
    external_ids |= {one.message.target_id for one in changes if one.message.target_id}
    touched = store.changes.tie(tx, config_ids, external_ids)
    for config_id in config_ids:
        threads = {
            one.message.external_thread_id
            for one in changes
            if one.event.config_id == config_id
            and one.message.target_id is None
            and one.message.external_thread_id
        }
        touched |= store.changes.sent_in(tx, config_id, threads)
    marks = store.changes.covered(
        tx, config_ids, touched | {messages[one.event.id][1] for one in new}
    )
    touched |= set(marks)
    if not touched:
        return set()
    told = store.changes.of_messages(tx, touched)
    found = store.messages.of_ids(tx, touched)
    edited: set[UUID] = set()
    deleted: set[UUID] = set()
    gone: set[UUID] = set()
    for message_id, message in found.items():
        shape = shape_of(map(_change, [*told[message_id], *marks.get(message_id, [])]))
        if shape.text is not None and shape.text != message.body:
            edited.add(message_id)
        if shape.deleted_at:
            gone.add(message_id)
            if not message.deleted_at:
                deleted.add(message_id)
        store.changes.reshape(tx, message_id, _values(message, shape))
        if message.direction is Direction.OUTBOUND and _is_further(message, shape):
            learn_from_delivery(tx, message, shape)
    _overtake(tx, runtime, job, found, edited - gone, deleted)
    return gone


def catch_up(tx: Transaction, config_id: UUID, external_id: str) -> None:
    """Give a message of ours the shape that was told of it before we knew its provider's id.

    The id is locked.
    """
    touched = store.changes.tie(tx, {config_id}, {external_id})
    found = store.messages.by_external_id(
        tx, config_id=config_id, external_ids={external_id}
    )
    touched |= {message.id for message in found.values()}
    marks = store.changes.covered(tx, {config_id}, touched)
    told = store.changes.of_messages(tx, touched)
    for message_id, message in store.messages.of_ids(tx, touched).items():
        shape = shape_of(map(_change, [*told[message_id], *marks.get(message_id, [])]))
        store.changes.reshape(tx, message_id, _values(message, shape))
        if message.direction is Direction.OUTBOUND and _is_further(message, shape):
            learn_from_delivery(tx, message, shape)


def verdict_of(one: Arrived) -> dict[str, Any]:
    """Where the event of what is no message ends up: it is kept, and that is all there is to do."""
    return {
        "id": one.event.id,
        "status": EventStatus.STORED,
        "reason": f"kind_{one.message.kind}",
        "finished": True,
        "conversation_id": None,
        "message_id": None,
        "superseded_by": None,
        "decision": None,
    }


def _actor(one: Arrived) -> str:
    sender = one.message.sender
    return f"{sender.kind}:{identity_key(sender.kind, sender.value)}"


def _change(row: MessageChange) -> Change:
    return Change(
        kind=row.kind,
        at=row.occurred_at,
        key=str(row.event_id),
        actor=row.actor,
        text=row.text,
        details=row.details,
    )


def _values(message: Message, shape: Shape) -> dict[str, Any]:
    values: dict[str, Any] = {
        "edited_at": shape.edited_at,
        "deleted_at": shape.deleted_at,
        "reactions": shape.reactions,
    }
    if message.direction is Direction.OUTBOUND and _is_further(message, shape):
        values |= {
            "delivery_status": shape.delivery_status,
            "delivery_reason": shape.delivery_reason,
        }
    if shape.call:
        values["call"] = shape.call
    if shape.text is not None:
        values |= {
            "body": shape.text,
            "body_visible": split_reply(shape.text).visible or None,
            "body_html": None,
        }
    return values


def _is_further(message: Message, shape: Shape) -> bool:
    """What we know ourselves, that it was sent, may be more than what was told of it."""
    told, known = shape.delivery_status, message.delivery_status
    return told is not None and (known is None or RANKS[told] >= RANKS[known])


def _overtake(
    tx: Transaction,
    runtime: Runtime,
    job: Materialize,
    messages: dict[UUID, Message],
    edited: set[UUID],
    deleted: set[UUID],
) -> None:
    inbound = {
        message_id
        for message_id in edited | deleted
        if messages[message_id].direction is Direction.INBOUND
    }
    if not inbound:
        return
    # Conversations before events: the order in which drafts are saved too.
    store.conversations.lock(tx, {messages[one].conversation_id for one in inbound})
    for rule, reason, overtaken in (
        ("deleted", "it was taken back", inbound & deleted),
        ("edited", "it was edited meanwhile", inbound & edited),
    ):
        # What nobody has sent yet answers nothing: the message waits again.
        store.outbound.cancel_automatic(
            tx,
            {messages[one].conversation_id for one in overtaken},
            targets=overtaken,
            rule=rule,
            reason=reason,
        )
    store.changes.retire_drafts(tx, inbound)
    store.changes.end_deleted(tx, inbound & deleted)
    decide_again(tx, runtime, job, inbound & edited)


def decide_again(
    tx: Transaction, runtime: Runtime, job: Materialize, message_ids: Collection[UUID]
) -> None:
    """Have those of these messages decided anew that still wait for an answer, and ring for them.

    Their conversations are locked.
    """
    events = store.changes.decide_again(tx, message_ids)
    tx.publish_after_commit(*_jobs(runtime, job, events))


def _jobs(
    runtime: Runtime, job: Materialize, events: Iterable[Any]
) -> Iterable[Classify]:
    size = runtime.settings.classify_batch_size
    ids = [event.id for event in events]
    for start in range(0, len(ids), size):
        yield Classify(
            workspace_id=job.workspace_id, event_ids=tuple(ids[start : start + size])
        )
