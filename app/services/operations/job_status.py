"""How recurring work, its stock and its room are doing, on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app import store
from app.config import Settings
from app.models import ScheduledRun
from app.runtime import Runtime
from app.store.usage import Room

NEWEST_WATERMARKS = 20


@dataclass(frozen=True)
class StorageUse:
    """The room that the whole installation takes, against what it was given."""

    database_bytes: int
    object_bytes: int
    """Attachments and archives."""
    total_bytes: int
    budget_bytes: int
    used_pct: float
    alert_threshold_pct: float
    alert: bool
    tables: Mapping[str, int]
    """Bytes of the key tables with their indexes."""


@dataclass(frozen=True)
class JobStatus:
    """What ran last, what there is, and how much room it takes."""

    job_runs: Sequence[ScheduledRun]
    entities: Mapping[str, int]
    storage: StorageUse
    sync_watermarks: Sequence[Any]


def job_status(runtime: Runtime, *, workspace_id: UUID | None = None) -> JobStatus:
    """Look at the recurring work of one workspace or of all. Changes nothing.

    The room is that of the whole installation: nobody has a database of their own.
    """
    with runtime.system_transaction() as tx:
        room, tables = store.usage.room(tx), store.usage.table_bytes(tx)
    opened = (
        runtime.system_transaction()
        if workspace_id is None
        else runtime.transaction(workspace_id)
    )
    with opened as tx:
        return JobStatus(
            job_runs=store.schedules.latest_runs(tx),
            entities=store.usage.entities(tx),
            storage=_storage_use(runtime.settings, room, tables),
            sync_watermarks=store.usage.recent_watermarks(tx, limit=NEWEST_WATERMARKS),
        )


def _storage_use(
    settings: Settings, room: Room, tables: Mapping[str, int]
) -> StorageUse:
    used = used_pct(settings, room)
    return StorageUse(
        database_bytes=room.database,
        object_bytes=room.objects,
        total_bytes=room.total,
        budget_bytes=settings.storage_budget_bytes,
        used_pct=used,
        alert_threshold_pct=settings.storage_alert_threshold_pct,
        alert=used >= settings.storage_alert_threshold_pct,
        tables=tables,
    )


def used_pct(settings: Settings, room: Room) -> float:
    """How much of the budget is used, in per cent."""
    return round(room.total / settings.storage_budget_bytes * 100, 2)
