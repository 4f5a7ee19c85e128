"""Send events and dead letters on their way again."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app import store
from app.domain.status import DeadLetterStatus, EventStatus, OutboundState
from app.errors import InvalidInput, NotFound
from app.jobs.contracts import (
    Embed,
    FetchMessages,
    ImportFetch,
    Job,
    Outbound,
    StoreFiles,
    read_job,
)
from app.models import DeadLetter, MessageEvent
from app.runtime import Runtime
from app.services.operations.sweep import jobs_for
from app.store.transaction import Transaction

#: The state in which an event waits for each stage.
STAGES = {
    "materialize": EventStatus.RECEIVED,
    "classify": EventStatus.MATERIALIZED,
    "draft": EventStatus.DECIDED,
}


def requeue_events(
    runtime: Runtime,
    *,
    event_id: UUID | None = None,
    run_id: UUID | None = None,
    status: EventStatus | None = None,
    stage: str | None = None,
    dry_run: bool = False,
    actor: str = "cli",
) -> list[UUID]:
    """Put events back before a stage and ring for them; returns their ids.

    Without `stage` each goes back to where it stopped, and one that ended as it should is left alone.
    Safe to repeat: a stage finds what is done already and adds nothing. Events that are being worked
    on are left alone.
    """
    if event_id is None and run_id is None and status is None:
        raise InvalidInput("name the events: --event, --run or --status")
    with runtime.system_transaction() as tx:
        if event_id is not None:
            event = store.events.get(tx, event_id)
            if event is None:
                raise NotFound(f"no event {event_id}")
            events: Sequence[MessageEvent] = [event]
        else:
            events = store.events.find(tx, run_id=run_id, status=status)
        if stage is None:
            events = [event for event in events if _has_stopped(event)]
        if dry_run:
            return [event.id for event in events]
        return _send_on(tx, runtime, events, stage=stage, actor=actor)


def requeue_letters(
    runtime: Runtime,
    letter_ids: Sequence[UUID],
    *,
    dry_run: bool = False,
    actor: str = "cli",
) -> list[UUID]:
    """Try dead letters again: their event before the stage that failed, or their job.

    Returns the ids of the letters that were open. A letter without an event and without a readable
    job stays open: it cannot be tried again as it is. So does that of an import while another import
    of its account is going.
    """
    requeued: list[UUID] = []
    with runtime.system_transaction() as tx:
        for letter_id in letter_ids:
            letter = store.dead_letters.get(tx, letter_id)
            if letter is None or letter.status is not DeadLetterStatus.OPEN:
                continue
            if not _can_be_tried(letter):
                continue
            if dry_run:
                requeued.append(letter.id)
            elif _try_again(tx, runtime, letter, actor=actor):
                store.dead_letters.settle(tx, [letter.id], DeadLetterStatus.REQUEUED)
                _audit(tx, letter, action="deadletter.requeue", actor=actor)
                requeued.append(letter.id)
    return requeued


def discard_letters(
    runtime: Runtime,
    letter_ids: Sequence[UUID],
    *,
    dry_run: bool = False,
    actor: str = "cli",
) -> list[UUID]:
    """Close dead letters without another try; they stay readable."""
    with runtime.system_transaction() as tx:
        if dry_run:
            found = [store.dead_letters.get(tx, one) for one in letter_ids]
            return [
                letter.id
                for letter in found
                if letter and letter.status is DeadLetterStatus.OPEN
            ]
        letters = store.dead_letters.settle(tx, letter_ids, DeadLetterStatus.DISCARDED)
        for letter in letters:
            _audit(tx, letter, action="deadletter.discard", actor=actor)
        return [letter.id for letter in letters]


#: Jobs that can be tried again without an event.
_WITHOUT_EVENT = frozenset(
    {"IMPORT_FETCH", "FETCH_MESSAGES", "STORE_FILES", "OUTBOUND", "EMBED"}
)


def _can_be_tried(letter: DeadLetter) -> bool:
    return letter.event_id is not None or letter.job_type in _WITHOUT_EVENT


def _try_again(
    tx: Transaction, runtime: Runtime, letter: DeadLetter, *, actor: str
) -> bool:
    if letter.event_id is not None:
        event = store.events.get(tx, letter.event_id)
        if event is not None and event.status is EventStatus.FAILED:
            stage = letter.job_type.lower()
            _send_on(tx, runtime, [event], stage=stage, actor=actor)
        return True
    job = read_job(letter.payload)
    match job:
        case ImportFetch():
            is_due = store.runs.revive(tx, job.run_id)
        case FetchMessages():
            is_due = store.fetches.revive(tx, job.fetch_ids)
        case StoreFiles():
            # The letter of another file of the message may have done it already: as well.
            store.attachments.revive(tx, job.message_ids)
            is_due = True
        case Embed():
            store.chunks.revive(tx, job.chunk_ids)
            is_due = True
        case Outbound(outbound_id=UUID() as outbound_id):
            revived = store.outbound.revive(
                tx, [outbound_id], states=(OutboundState.FAILED,)
            )
            is_due = bool(revived)
        case _:
            return False
    if is_due:
        tx.publish_after_commit(job)
    return is_due


def _send_on(
    tx: Transaction,
    runtime: Runtime,
    events: Sequence[MessageEvent],
    *,
    stage: str | None,
    actor: str,
) -> list[UUID]:
    if stage is not None and stage not in STAGES:
        raise InvalidInput(f"unknown stage {stage!r}; known: {', '.join(STAGES)}")
    sent: list[UUID] = []
    for target, group in _by_target(events, stage).items():
        reset = set(
            store.events.reset(tx, [event.id for event in group], status=target)
        )
        moved = [event for event in group if event.id in reset]
        for event in moved:
            tx.session.refresh(event)
            store.tenants.record_audit(
                tx,
                workspace_id=event.workspace_id,
                actor=actor,
                action="event.requeue",
                subject=str(event.id),
                details={"status": target},
            )
        jobs: list[Job] = jobs_for(runtime, moved)
        tx.publish_after_commit(*jobs)
        sent += [event.id for event in moved]
    return sent


def _by_target(
    events: Sequence[MessageEvent], stage: str | None
) -> dict[EventStatus, list[MessageEvent]]:
    groups: dict[EventStatus, list[MessageEvent]] = {}
    for event in events:
        target = STAGES[stage] if stage else _where_it_stopped(event)
        groups.setdefault(target, []).append(event)
    return groups


def _has_stopped(event: MessageEvent) -> bool:
    return event.finished_at is None or event.status is EventStatus.FAILED


def _where_it_stopped(event: MessageEvent) -> EventStatus:
    if event.decided_at is not None:
        return EventStatus.DECIDED
    if event.materialized_at is not None:
        return EventStatus.MATERIALIZED
    return EventStatus.RECEIVED


def _audit(tx: Transaction, letter: DeadLetter, *, action: str, actor: str) -> None:
    if letter.workspace_id is not None:
        details: dict[str, Any] = {"job_type": letter.job_type, "error": letter.error}
        store.tenants.record_audit(
            tx,
            workspace_id=letter.workspace_id,
            actor=actor,
            action=action,
            subject=str(letter.id),
            details=details,
        )
