"""Turn events into customers, conversations and messages, a batch at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from app import store
from app.domain.identifiers import identity_key, is_global
from app.domain.ids import new_id
from app.domain.mail_text import split_reply
from app.domain.status import EventStatus, RunMode, SenderType
from app.domain.threading import ThreadKey, thread_evidence
from app.domain.unified_message import (
    Direction,
    MessageKind,
    Participant,
    UnifiedMessage,
)
from app.errors import InvalidPayload
from app.jobs.contracts import Classify, Materialize
from app.models import ChannelConfig
from app.runtime import Runtime
from app.services.pipeline.failure import settle_failures
from app.services.pipeline.outcome import Outcome
from app.store.audit import EventOutcome
from app.store.customers import IdentityKey
from app.store.events import Claim
from app.store.transaction import Transaction

LEASE = timedelta(minutes=3)

#: Kinds that say something; the others change or describe what was said.
SPEAKS = frozenset(
    {MessageKind.TEXT, MessageKind.MEDIA, MessageKind.CALL, MessageKind.EVENT}
)


@dataclass(frozen=True)
class Arrived:
    """A claimed event with its message, read and ready to be placed."""

    event: Any
    message: UnifiedMessage
    threads: list[ThreadKey]
    counterpart: Participant
    identity: IdentityKey
    occurred_at: datetime
    """The claimed time, but never later than the receipt: the future orders nothing."""
    message_id: UUID


def materialize(runtime: Runtime, job: Materialize) -> Outcome:
    """Give events their place in the canonical model.

    Safe to repeat: claimed events only, unique keys throughout. An event that cannot be read or
    stored fails alone; its neighbours go on.
    """
    with runtime.transaction(job.workspace_id) as tx:
        claim = store.events.claim(
            tx, job.event_ids, status=EventStatus.RECEIVED, lease=LEASE
        )
    arrived, faults = _read(claim)
    done: list[EventOutcome] = []
    try:
        done += _place(runtime, job, claim, arrived)
    except Exception as error:  # noqa: BLE001 — whatever it is, one event is to blame
        if len(arrived) == 1:
            faults.append((arrived[0].event, error))
        else:
            for one in arrived:
                try:
                    done += _place(runtime, job, claim, [one])
                except Exception as own_error:  # noqa: BLE001
                    faults.append((one.event, own_error))
    if faults:
        done += settle_failures(runtime, job, claim, faults)
    ready = [one.event_id for one in done if one.outcome == EventStatus.MATERIALIZED]
    return Outcome.of(
        (one.outcome for one in done), _classify_jobs(runtime, job, ready)
    )


def _read(claim: Claim) -> tuple[list[Arrived], list[tuple[Any, Exception]]]:
    arrived: list[Arrived] = []
    faults: list[tuple[Any, Exception]] = []
    for event in claim.events:
        try:
            message = UnifiedMessage.model_validate(event.payload)
        except ValidationError as exc:
            fault = exc.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in fault["loc"])
            faults.append((event, InvalidPayload(f"payload.{where}: {fault['msg']}")))
        else:
            arrived.append(_arrived(event, message))
    return arrived, faults


def _arrived(event: Any, message: UnifiedMessage) -> Arrived:
    counterpart: Participant = message.sender
    if message.direction is Direction.OUTBOUND and message.recipients:
        counterpart = message.recipients[0]
    identity = IdentityKey(
        counterpart.kind,
        identity_key(counterpart.kind, counterpart.value),
        None if is_global(counterpart.kind) else event.config_id,
    )
    return Arrived(
        event=event,
        message=message,
        threads=thread_evidence(message),
        counterpart=counterpart,
        identity=identity,
        occurred_at=min(message.sent_at or event.received_at, event.received_at),
        message_id=event.message_id or new_id(),
    )


def _place(
    runtime: Runtime, job: Materialize, claim: Claim, arrived: Sequence[Arrived]
) -> list[EventOutcome]:
    """Store a batch in one transaction."""
    if not arrived:
        return []
    with runtime.transaction(job.workspace_id) as tx:
        ours = store.events.lock_claimed(tx, claim)
        # In the order of time, so that a parent opens the conversation its reply joins.
        batch = sorted(
            (one for one in arrived if one.event.id in ours),
            key=lambda one: (one.occurred_at, one.event.id),
        )
        store.locks.lock_creation(
            tx,
            job.workspace_id,
            [one.identity.lock_key for one in batch]
            + [
                f"{one.event.config_id}:{key.value}"
                for one in batch
                for key in one.threads
            ],
        )
        customers = _customers(tx, batch)
        conversations = _conversations(tx, batch, customers)
        messages = _messages(tx, batch, customers, conversations)
        newest = _newest(tx, batch, messages)
        rows = _verdicts(tx, batch, messages, newest)
        store.events.save_materialized(tx, claim, rows)
        conversation_ids = {conversation for conversation, _ in messages.values()}
        store.events.supersede_older(tx, conversation_ids)
        store.messages.make_drafts_stale(tx, conversation_ids)
        store.conversations.mark_enqueued(
            tx,
            stage="classify",
            pairs=[
                (row["conversation_id"], row["message_id"])
                for row in rows
                if not row["finished"]
            ],
        )
        attempts = {one.event.id: one.event.attempts for one in batch}
        outcomes = [
            EventOutcome(row["id"], row["status"], attempts[row["id"]]) for row in rows
        ]
        store.audit.record(tx, job, outcomes, started_at=tx.now)
    return outcomes


def _customers(tx: Transaction, batch: Sequence[Arrived]) -> dict[IdentityKey, UUID]:
    """Find or make the customer of each message. The creation locks are held."""
    known = store.customers.by_identity(tx, {one.identity for one in batch})
    customers: list[dict[str, Any]] = []
    identities: list[dict[str, Any]] = []
    for one in batch:
        if one.identity in known:
            continue
        known[one.identity] = customer_id = new_id()
        owner = {"workspace_id": one.event.workspace_id}
        customers.append(
            owner
            | {
                "id": customer_id,
                "name": one.counterpart.name,
                "first_seen_at": one.occurred_at,
            }
        )
        identities.append(
            owner
            | {
                "id": new_id(),
                "customer_id": customer_id,
                "config_id": one.identity.config_id,
                "kind": one.identity.kind,
                "value": one.identity.value,
                "original": one.counterpart.value,
            }
        )
    store.customers.add(tx, customers, identities)
    return known


def _conversations(
    tx: Transaction,
    batch: Sequence[Arrived],
    customers: dict[IdentityKey, UUID],
) -> dict[UUID, tuple[UUID, str]]:
    """Find or make the conversation of each message: event id → (conversation, evidence).

    The strongest evidence that leads anywhere decides. All keys of a message are remembered, those
    of parents not seen yet too, so that arrival in any order ends in one conversation.
    """
    known: dict[tuple[UUID, str], UUID] = {}
    for config_id, channel in {
        (one.event.config_id, one.event.channel) for one in batch
    }:
        threads = {
            key.value
            for one in batch
            if one.event.config_id == config_id
            for key in one.threads
        }
        found = store.conversations.by_thread(
            tx, channel=channel, config_id=config_id, threads=threads
        )
        known |= {(config_id, thread): place for thread, place in found.items()}
    places: dict[UUID, tuple[UUID, str]] = {}
    conversations: list[dict[str, Any]] = []
    refs: list[dict[str, Any]] = []
    for one in batch:
        config_id = one.event.config_id
        leads = [key for key in one.threads if (config_id, key.value) in known]
        owner = {
            "workspace_id": one.event.workspace_id,
            "channel": one.event.channel,
            "config_id": config_id,
        }
        if leads:
            place = known[config_id, leads[0].value]
            evidence = leads[0].evidence
        else:
            place, evidence = new_id(), "new"
            conversations.append(
                owner
                | {
                    "id": place,
                    "customer_id": customers[one.identity],
                    "subject": one.message.subject,
                }
            )
        places[one.event.id] = (place, evidence)
        for key in one.threads:
            if (config_id, key.value) not in known:
                known[config_id, key.value] = place
                refs.append(
                    owner
                    | {
                        "id": new_id(),
                        "external_thread_id": key.value,
                        "evidence": key.evidence,
                        "conversation_id": place,
                    }
                )
    store.conversations.add(tx, conversations)
    store.conversations.add_refs(tx, refs)
    return places


def _messages(
    tx: Transaction,
    batch: Sequence[Arrived],
    customers: dict[IdentityKey, UUID],
    conversations: dict[UUID, tuple[UUID, str]],
) -> dict[UUID, tuple[UUID, UUID]]:
    """Store the messages: event id → (conversation, message).

    One that is stored already, from another way in or an earlier try, keeps its row.
    """
    configs = {
        config_id: store.tenants.config(tx, config_id)
        for config_id in {one.event.config_id for one in batch}
    }
    rows = [
        _message_row(
            one,
            customer_id=customers[one.identity],
            place=conversations[one.event.id],
            config=configs[one.event.config_id],
        )
        for one in batch
    ]
    added = store.messages.add_new(tx, rows)
    placed = {
        row["event_id"]: (row["conversation_id"], row["id"])
        for row in rows
        if row["id"] in added
    }
    for config_id in configs:
        twice = [
            one
            for one in batch
            if one.event.id not in placed and one.event.config_id == config_id
        ]
        stored = store.messages.by_external_id(
            tx,
            config_id=config_id,
            external_ids={one.event.external_id for one in twice},
        )
        for one in twice:
            message = stored[one.event.external_id]
            placed[one.event.id] = (message.conversation_id, message.id)
    return placed


def _message_row(
    one: Arrived,
    *,
    customer_id: UUID,
    place: tuple[UUID, str],
    config: ChannelConfig | None,
) -> dict[str, Any]:
    message = one.message
    conversation_id, evidence = place
    inbound = message.direction is Direction.INBOUND
    return {
        "id": one.message_id,
        "workspace_id": one.event.workspace_id,
        "conversation_id": conversation_id,
        "channel": one.event.channel,
        "config_id": one.event.config_id,
        "event_id": one.event.id,
        "external_id": one.event.external_id,
        "external_thread_id": message.external_thread_id,
        "customer_id": customer_id,
        "direction": message.direction,
        "sender_type": SenderType.CUSTOMER if inbound else SenderType.EMPLOYEE,
        "sender": message.sender.model_dump(mode="json"),
        "recipients": [one.model_dump(mode="json") for one in message.recipients],
        "kind": message.kind,
        "subject": message.subject,
        "body": message.body_text,
        "body_visible": split_reply(message.body_text).visible
        if message.body_text
        else None,
        "body_html": message.body_html,
        "attachments": [one.model_dump(mode="json") for one in message.attachments],
        "thread_evidence": evidence,
        "is_old": config is None or one.occurred_at < config.connected_at,
        "reply_sent": False,
        "sent_at": message.sent_at,
        "occurred_at": one.occurred_at,
    }


def _newest(
    tx: Transaction,
    batch: Sequence[Arrived],
    messages: dict[UUID, tuple[UUID, UUID]],
) -> dict[UUID, UUID | None]:
    """Bring the conversations up to date: conversation → its newest inbound message."""
    heads = {
        row.id: {
            "id": row.id,
            "last_message_at": row.last_message_at,
            "last_inbound_message_id": row.last_inbound_message_id,
            "last_inbound_message_at": row.last_inbound_message_at,
            "last_outbound_message_at": row.last_outbound_message_at,
        }
        for row in store.conversations.lock(
            tx, {conversation for conversation, _ in messages.values()}
        ).values()
    }
    for one in batch:
        conversation_id, message_id = messages[one.event.id]
        head = heads[conversation_id]
        head["last_message_at"] = _later(head["last_message_at"], one.occurred_at)
        if one.message.kind not in SPEAKS:
            continue
        if one.message.direction is Direction.OUTBOUND:
            head["last_outbound_message_at"] = _later(
                head["last_outbound_message_at"], one.occurred_at
            )
        elif _is_newer(one.occurred_at, message_id, head):
            head["last_inbound_message_at"] = one.occurred_at
            head["last_inbound_message_id"] = message_id
    store.conversations.save_newest(tx, list(heads.values()))
    return {head["id"]: head["last_inbound_message_id"] for head in heads.values()}


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def _is_newer(moment: datetime, message_id: UUID, head: dict[str, Any]) -> bool:
    """Whether a message comes after the newest so far; equal times go by id, for one answer."""
    if head["last_inbound_message_at"] is None:
        return True
    return (moment, message_id) > (
        head["last_inbound_message_at"],
        head["last_inbound_message_id"],
    )


def _verdicts(
    tx: Transaction,
    batch: Sequence[Arrived],
    messages: dict[UUID, tuple[UUID, UUID]],
    newest: dict[UUID, UUID | None],
) -> list[dict[str, Any]]:
    """Say of each event where it ends up, or that it goes on."""
    modes = {
        run_id: run.mode
        for run_id in {one.event.run_id for one in batch if one.event.run_id}
        if (run := store.runs.get(tx, run_id))
    }
    heads = store.messages.of_ids(tx, {head for head in newest.values() if head})
    rows = []
    for one in batch:
        conversation_id, message_id = messages[one.event.id]
        head = heads.get(newest[conversation_id]) if newest[conversation_id] else None
        status, reason, successor = EventStatus.MATERIALIZED, None, None
        if one.message.direction is Direction.OUTBOUND:
            status, reason = EventStatus.STORED, "outbound"
        elif modes.get(one.event.run_id) is RunMode.HISTORY:
            status, reason = EventStatus.STORED, "history"
        elif one.message.kind not in SPEAKS:
            status, reason = EventStatus.STORED, f"kind_{one.message.kind}"
        elif head is not None and head.id != message_id:
            status, reason = EventStatus.SUPERSEDED, "newer_message"
            successor = head.event_id
        rows.append(
            {
                "id": one.event.id,
                "status": status,
                "reason": reason,
                "finished": status is not EventStatus.MATERIALIZED,
                "conversation_id": conversation_id,
                "message_id": message_id,
                "superseded_by": successor,
            }
        )
    return rows


def _classify_jobs(
    runtime: Runtime, job: Materialize, event_ids: Sequence[UUID | None]
) -> list[Classify]:
    size = runtime.settings.classify_batch_size
    return [
        Classify(
            workspace_id=job.workspace_id,
            run_id=job.run_id,
            channel=job.channel,
            config_id=job.config_id,
            event_ids=tuple(event_ids[start : start + size]),
        )
        for start in range(0, len(event_ids), size)
    ]
