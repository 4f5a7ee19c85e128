"""Notice what gets stuck and keep an incident open as long as it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from app import store
from app.config import Settings
from app.domain.status import Severity
from app.runtime import Runtime
from app.services.operations.job_status import used_pct
from app.store.transaction import Transaction

FULL_PCT = 100

EVERY = timedelta(minutes=2)

#: A message that waits longer than this for a worker is late for the person who sent it.
QUEUE_AGE = timedelta(minutes=5)

#: Work waits and its stage has done nothing for so long: its workers are away, or deaf.
IDLE_FOR = timedelta(minutes=2)


@dataclass(frozen=True)
class Condition:
    """Something that is wrong right now."""

    key: str
    """Tells it from other conditions of its kind."""
    workspace_id: UUID | None = None
    severity: Severity = Severity.ERROR
    details: dict[str, Any] = field(default_factory=dict)


def supervise(runtime: Runtime, *, forced: bool = False) -> dict[str, int]:
    """Look for every kind of trouble; open, count or resolve incidents. Returns how many of each kind.

    Safe to repeat: one incident per condition, which resolves itself when the condition clears and
    opens again with its history. Two supervisors do the work of one.
    """
    found: dict[str, int] = {}
    with runtime.system_transaction() as tx:
        if not forced and not store.heartbeats.take_turn(
            tx, "supervise", every=EVERY * 0.8
        ):
            return {}
        for kind, look in KINDS.items():
            conditions = list(look(tx, runtime.settings))
            _keep(tx, kind, conditions)
            found[kind] = len(conditions)
    return found


def _keep(tx: Transaction, kind: str, conditions: list[Condition]) -> None:
    keys = [f"{kind}:{one.key}" for one in conditions]
    for key, condition in zip(keys, conditions, strict=True):
        store.incidents.report(
            tx,
            kind=kind,
            dedupe_key=key,
            severity=condition.severity,
            workspace_id=condition.workspace_id,
            details=condition.details,
        )
    store.incidents.resolve(tx, kind=kind, still_true=keys)


def _stalled_runs(tx: Transaction, settings: Settings) -> Iterator[Condition]:
    for run in store.reports.stalled_runs(tx, minutes=settings.stalled_run_minutes):
        yield Condition(
            key=str(run["id"]),
            workspace_id=run["workspace_id"],
            details={
                "source": run["source"],
                "heartbeat_at": run["heartbeat_at"].isoformat(),
            },
        )


def _stalled_events(tx: Transaction, settings: Settings) -> Iterator[Condition]:
    minutes = settings.stalled_event_minutes
    for group in store.reports.stalled_events(tx, minutes=minutes):
        yield Condition(
            key=f"{group['workspace_id']}:{group['status']}",
            workspace_id=group["workspace_id"],
            details={
                "status": group["status"],
                "events": group["events"],
                "oldest": str(group["oldest"]),
            },
        )


def _old_queues(tx: Transaction, _: Settings) -> Iterator[Condition]:
    for stage in _waiting(tx):
        if tx.now - stage["since"] > QUEUE_AGE:
            yield Condition(
                key=stage["status"],
                severity=Severity.WARNING,
                details={
                    "status": stage["status"],
                    "events": stage["events"],
                    "since": stage["since"].isoformat(),
                },
            )


def _waiting(tx: Transaction) -> list[dict[str, Any]]:
    return [*store.reports.waiting_stages(tx), *store.outbound.waiting(tx)]


def _waiting_files(tx: Transaction, _: Settings) -> Iterator[Condition]:
    for group in store.attachments.waiting(tx):
        if tx.now - group.since > QUEUE_AGE:
            yield Condition(
                key=str(group.workspace_id),
                workspace_id=group.workspace_id,
                severity=Severity.WARNING,
                details={"files": group.files, "since": group.since.isoformat()},
            )


def _idle_workers(tx: Transaction, _: Settings) -> Iterator[Condition]:
    for stage in _waiting(tx):
        last = stage["last_outcome_at"]
        waits = tx.now - stage["since"] > IDLE_FOR
        if waits and (last is None or tx.now - last > IDLE_FOR):
            yield Condition(
                key=stage["status"],
                severity=Severity.CRITICAL,
                details={
                    "status": stage["status"],
                    "last_outcome_at": last.isoformat() if last else None,
                    "do": "restart the workers of this stage; a deaf one answers pings",
                },
            )


def _silent_accounts(tx: Transaction, _: Settings) -> Iterator[Condition]:
    for account in store.reports.silent_accounts(tx):
        yield Condition(
            key=str(account["id"]),
            workspace_id=account["workspace_id"],
            severity=Severity.WARNING,
            details={
                "account": account["name"],
                "last_at": account["last_at"].isoformat(),
                "usual_gap_seconds": round(account["usual_gap"].total_seconds()),
            },
        )


def _uncertain_sends(tx: Transaction, _: Settings) -> Iterator[Condition]:
    for group in store.outbound.uncertain(tx):
        yield Condition(
            key=str(group.config_id),
            workspace_id=group.workspace_id,
            details={
                "messages": group.messages,
                "since": group.since.isoformat(),
                "do": "see `bizzybee outbound list --state uncertain`, look at the provider, then "
                "`bizzybee outbound settle ID --sent` or `--again`",
            },
        )


def _storage_budget(tx: Transaction, settings: Settings) -> Iterator[Condition]:
    room = store.usage.room(tx)
    used = used_pct(settings, room)
    if used >= settings.storage_alert_threshold_pct:
        yield Condition(
            key="all",
            severity=Severity.CRITICAL if used >= FULL_PCT else Severity.WARNING,
            details={
                "used_pct": used,
                "database_bytes": room.database,
                "object_bytes": room.objects,
                "budget_bytes": settings.storage_budget_bytes,
                "do": "make room and raise STORAGE_BUDGET_GB, or lower BB_RAW_RETENTION_DAYS where "
                "the database is what is full",
            },
        )


KINDS: dict[str, Callable[[Transaction, Settings], Iterator[Condition]]] = {
    "run_stalled": _stalled_runs,
    "events_stalled": _stalled_events,
    "queue_old": _old_queues,
    "files_waiting": _waiting_files,
    "workers_idle": _idle_workers,
    "account_silent": _silent_accounts,
    "sends_uncertain": _uncertain_sends,
    "storage_budget": _storage_budget,
}
