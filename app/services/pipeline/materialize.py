"""Turn events into customers, conversations and messages, a batch at a time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from app import store
from app.domain.bubbles import quiet_at
from app.domain.reply_token import workspace_key
from app.domain.status import EventStatus, RunMode
from app.domain.unified_message import Channel, Direction, UnifiedMessage
from app.errors import InvalidPayload
from app.jobs.contracts import Classify, Materialize
from app.runtime import Runtime
from app.services.pipeline.changes import (
    apply_changes,
    decide_again,
    is_change,
    keep_changes,
    verdict_of,
)
from app.services.pipeline.echoes import meet_echoes, meet_statuses
from app.services.pipeline.failure import (
    claim_due,
    held_together,
    settle_failures,
)
from app.services.pipeline.handovers import keep_handovers
from app.services.pipeline.mail_reports import keep_reports
from app.services.pipeline.outcome import Outcome
from app.services.pipeline.people import (
    LINKING_ROUNDS,
    Unlinked,
    find_customers,
    keep_apart,
    link_people,
)
from app.services.pipeline.placement import (
    SPEAKS,
    Arrived,
    arrive,
    keep_consent,
    list_files,
    note_automatic,
    store_messages,
    without_home,
)
from app.services.pipeline.threads import find_conversations, remember
from app.store.audit import EventOutcome
from app.store.claims import Claim
from app.store.transaction import Transaction


def materialize(runtime: Runtime, job: Materialize) -> Outcome:
    """Give events their place in the canonical model.

    Safe to repeat: claimed events only, unique keys throughout. An event that cannot be read or
    stored fails alone; its neighbours go on.
    """
    with runtime.transaction(job.workspace_id) as tx:
        claim = claim_due(
            tx, job, job.event_ids, status=EventStatus.RECEIVED, lease=runtime.lease
        )
        own = store.tenants.own_addresses(tx) if claim.events else frozenset()
    runtime.checkpoint("materialize.claimed")
    with held_together(runtime, job, claim):
        return _materialize(runtime, job, claim, own)


def _materialize(
    runtime: Runtime, job: Materialize, claim: Claim, own: frozenset[str]
) -> Outcome:
    token_key = workspace_key(runtime.settings.key_bytes, job.workspace_id)
    arrived, faults = _read(claim, own, token_key)
    done: list[EventOutcome] = []
    waiting: set[UUID] = set()
    try:
        done += _place(runtime, job, claim, arrived, waiting)
    except Exception as error:  # noqa: BLE001 — whatever it is, one event is to blame
        if len(arrived) == 1:
            faults.append((arrived[0].event, error))
        else:
            for one in arrived:
                try:
                    done += _place(runtime, job, claim, [one], waiting)
                except Exception as own_error:  # noqa: BLE001
                    faults.append((one.event, own_error))
    if faults:
        done += settle_failures(runtime, job, claim, faults)
    ready = [
        one.event_id
        for one in done
        if one.outcome == EventStatus.MATERIALIZED and one.event_id not in waiting
    ]
    return Outcome.of(
        (one.outcome for one in done), _classify_jobs(runtime, job, ready)
    )


def _read(
    claim: Claim, own: frozenset[str], token_key: bytes
) -> tuple[list[Arrived], list[tuple[Any, Exception]]]:
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
            arrived.append(arrive(event, message, own=own, token_key=token_key))
    return arrived, faults


def _place(
    runtime: Runtime,
    job: Materialize,
    claim: Claim,
    arrived: Sequence[Arrived],
    waiting: set[UUID],
) -> list[EventOutcome]:
    """Store a batch in one transaction, and before it, where need be, make one of its people.

    `waiting` takes the events whose time comes later.
    """
    if not arrived:
        return []
    for _ in range(LINKING_ROUNDS):
        try:
            return _store(runtime, job, claim, arrived, waiting)
        except Unlinked as found:
            link_people(runtime, job.workspace_id, found.batch)
    return _store(runtime, job, claim, arrived, waiting)


def _store(
    runtime: Runtime,
    job: Materialize,
    claim: Claim,
    arrived: Sequence[Arrived],
    waiting: set[UUID],
) -> list[EventOutcome]:
    with runtime.transaction(job.workspace_id) as tx:
        ours = store.claims.lock(tx, claim)
        arrived = [one for one in arrived if one.event.id in ours]
        changes = [one for one in arrived if is_change(one)]
        batch = note_automatic(tx, [one for one in arrived if not is_change(one)])
        # In the order of time, so that a parent opens the conversation its reply joins.
        batch.sort(key=lambda one: (one.occurred_at, one.event.id))
        store.locks.lock_creation(
            tx, job.workspace_id, [key for one in arrived for key in one.lock_keys]
        )
        keep_handovers(tx, batch)
        homeless = without_home(tx, batch)
        batch = [one for one in batch if one not in homeless]
        customers = find_customers(tx, batch, changes)
        key = workspace_key(runtime.settings.key_bytes, job.workspace_id)
        met = meet_echoes(tx, batch, key=key)
        batch = [
            replace(one, met_in=met[one.event.id][0]) if one.event.id in met else one
            for one in batch
        ]
        meet_statuses(tx, changes)
        batch = keep_apart(batch, customers)
        places = find_conversations(tx, batch, customers)
        places.copies.update({event_id: one for event_id, (_, one) in met.items()})
        new = [one for one in batch if one.event.id not in places.copies]
        messages = store_messages(tx, new, customers, places.by_event)
        for event_id, message_id in places.copies.items():
            messages[event_id] = (places.by_event[event_id][0], message_id)
        remember(tx, places)
        list_files(tx, new, messages)
        keep_reports(
            tx, [*new, *(one for one in batch if one.event.id in met)], messages
        )
        keep_consent(tx, new)
        keep_changes(tx, changes)
        gone = apply_changes(tx, runtime, job, changes, new, messages)
        history = _history_runs(tx, batch)
        newest = _newest(tx, batch, messages, history, gone)
        rows = _verdicts(tx, batch, messages, newest, history, gone)
        rows += [verdict_of(one) for one in (*changes, *homeless)]
        store.claims.save_materialized(tx, claim, rows)
        conversation_ids = {conversation for conversation, _ in messages.values()}
        conversation_ids |= places.joined
        if not all(one.event.channel == Channel.EMAIL for one in batch):
            back = store.handovers.show(tx, conversation_ids)
            decide_again(tx, runtime, job, store.handovers.left_alone(tx, back))
        store.events.supersede_older(tx, conversation_ids)
        pauses = _pauses(tx, runtime, batch, messages)
        later = store.events.wait_for_quiet(tx, pauses)
        store.messages.make_drafts_stale(tx, conversation_ids)
        store.conversations.mark_enqueued(
            tx,
            stage="classify",
            pairs=[
                (row["conversation_id"], row["message_id"])
                for row in rows
                if not row["finished"] and row["id"] not in later
            ],
        )
        attempts = {one.event.id: one.event.attempts for one in arrived}
        outcomes = [
            EventOutcome(row["id"], row["status"], attempts[row["id"]]) for row in rows
        ]
        store.audit.record(tx, job, outcomes, started_at=claim.taken_at)
    waiting |= later
    return outcomes


def _pauses(
    tx: Transaction,
    runtime: Runtime,
    batch: Sequence[Arrived],
    messages: dict[UUID, tuple[UUID, UUID]],
) -> list[dict[str, Any]]:
    """Until when the conversations have to be quiet in which somebody writes right now."""
    pause = timedelta(seconds=runtime.settings.debounce_seconds)
    ends: dict[UUID, datetime] = {}
    for one in batch:
        end = quiet_at(one.event.channel, one.event.received_at, pause)
        is_live = one.event.run_id is None and _speaks(one.message)
        if end is None or end <= tx.now or not is_live:
            continue
        if one.message.direction is Direction.INBOUND:
            conversation_id, _ = messages[one.event.id]
            ends[conversation_id] = _later(ends.get(conversation_id), end)
    return [{"id": one, "until": end.isoformat()} for one, end in ends.items()]


def _history_runs(tx: Transaction, batch: Sequence[Arrived]) -> set[UUID]:
    """The imports of this batch that are only kept."""
    return {
        run_id
        for run_id in {one.event.run_id for one in batch if one.event.run_id}
        if (run := store.runs.get(tx, run_id)) and run.mode is RunMode.HISTORY
    }


def _newest(
    tx: Transaction,
    batch: Sequence[Arrived],
    messages: dict[UUID, tuple[UUID, UUID]],
    history: set[UUID],
    gone: set[UUID],
) -> dict[UUID, UUID | None]:
    """Bring the conversations up to date: conversation → its newest inbound message.

    What no person wrote never takes over from a person: an absence note after a question would else
    settle the question.
    """
    heads = {
        row.id: {
            "id": row.id,
            "subject": row.subject,
            "first_message_at": row.first_message_at,
            "last_message_at": row.last_message_at,
            "last_inbound_message_id": row.last_inbound_message_id,
            "last_inbound_message_at": row.last_inbound_message_at,
            "last_inbound_is_automatic": row.last_inbound_is_automatic,
            "last_inbound_is_open": row.last_inbound_is_open,
            "last_outbound_message_at": row.last_outbound_message_at,
        }
        for row in store.conversations.lock(
            tx, {conversation for conversation, _ in messages.values()}
        ).values()
    }
    for one in batch:
        conversation_id, message_id = messages[one.event.id]
        head = heads[conversation_id]
        first = head["first_message_at"]
        if first is None or one.occurred_at < first:
            head["first_message_at"] = one.occurred_at
            head["subject"] = one.message.subject
        head["last_message_at"] = _later(head["last_message_at"], one.occurred_at)
        if not _speaks(one.message) or message_id in gone:
            continue
        if one.message.direction is Direction.OUTBOUND:
            head["last_outbound_message_at"] = _later(
                head["last_outbound_message_at"], one.occurred_at
            )
        elif one.event.run_id in history and head["last_inbound_is_open"]:
            continue  # what is only kept must not end what waits for its decision
        elif _takes_over(one, message_id, head):
            head["last_inbound_message_at"] = one.occurred_at
            head["last_inbound_message_id"] = message_id
            head["last_inbound_is_automatic"] = one.automatic is not None
            head["last_inbound_is_open"] = one.event.run_id not in history
    store.conversations.save_newest(tx, list(heads.values()))
    return {head["id"]: head["last_inbound_message_id"] for head in heads.values()}


def _speaks(message: UnifiedMessage) -> bool:
    """Whether a message is said to somebody; the others note that something happened."""
    notes = message.metadata.get("no_conversation") or message.metadata.get("event")
    return message.kind in SPEAKS and not notes


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def _takes_over(one: Arrived, message_id: UUID, head: dict[str, Any]) -> bool:
    """Whether a message is the newest now; equal times go by id, for one answer in any order."""
    if head["last_inbound_message_at"] is None:
        return True
    return (one.automatic is None, one.occurred_at, message_id) > (
        not head["last_inbound_is_automatic"],
        head["last_inbound_message_at"],
        head["last_inbound_message_id"],
    )


def _verdicts(
    tx: Transaction,
    batch: Sequence[Arrived],
    messages: dict[UUID, tuple[UUID, UUID]],
    newest: dict[UUID, UUID | None],
    history: set[UUID],
    gone: set[UUID],
) -> list[dict[str, Any]]:
    """Say of each event where it ends up, or that it goes on."""
    heads = store.messages.of_ids(tx, {head for head in newest.values() if head})
    rows = []
    for one in batch:
        conversation_id, message_id = messages[one.event.id]
        newest_id = newest[conversation_id]
        head = heads.get(newest_id) if newest_id else None
        status, reason, successor = EventStatus.MATERIALIZED, None, None
        decision = None
        if one.message.direction is Direction.OUTBOUND:
            status, reason = EventStatus.STORED, "outbound"
        elif one.event.run_id in history:
            status, reason = EventStatus.STORED, "history"
        elif message_id in gone:
            status, reason = EventStatus.STORED, "deleted"
        elif not _speaks(one.message):
            status, reason = EventStatus.STORED, f"kind_{one.message.kind}"
        elif head is not None and head.id == message_id:
            pass
        elif one.automatic is not None and head is not None and not head.is_automatic:
            status, reason = EventStatus.DECIDED, "automatic"
            decision = one.automatic.record()
        elif head is not None:
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
                "decision": decision,
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
