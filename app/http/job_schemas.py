"""What goes over the wire about recurring work."""

from typing import Any
from uuid import UUID

from app.domain.status import ScheduledOutcome, WatermarkResource
from app.http.schemas import Answer, Time


class ScheduledJob(Answer):
    """One kind of recurring work of one workspace."""

    id: UUID
    workspace_id: UUID
    kind: str
    enabled: bool
    every_seconds: int
    next_run_at: Time
    attempts: int
    """Since it was last done, or given up until the plan's next moment."""
    last_started_at: Time | None
    last_finished_at: Time | None
    last_outcome: ScheduledOutcome | None
    last_error: str | None


class Schedule(Answer):
    jobs: list[ScheduledJob]
    not_available: list[str]
    """Kinds that nothing in this version carries out."""


class Tick(Answer):
    rung: list[ScheduledJob]
    """What was due and is being run."""


class JobRun(Answer):
    """What one run of a scheduled job came to."""

    workspace_id: UUID
    kind: str
    attempt: int
    started_at: Time
    finished_at: Time
    duration_ms: int
    counts: dict[str, Any]
    outcome: ScheduledOutcome
    error: str | None


class StorageUse(Answer):
    """The room that the whole installation takes, against what it was given."""

    database_bytes: int
    object_bytes: int
    """Attachments and archives."""
    total_bytes: int
    budget_bytes: int
    used_pct: float
    alert_threshold_pct: float
    alert: bool
    tables: dict[str, int]
    """Bytes of the key tables with their indexes."""


class Watermark(Answer):
    """How far an account has been read, and when somebody looks again."""

    workspace_id: UUID
    config_id: UUID
    account: str
    provider: str
    resource: WatermarkResource
    attempts: int
    next_attempt_at: Time | None
    last_error: str | None
    updated_at: Time


class JobStatus(Answer):
    job_runs: list[JobRun]
    """The latest of each kind."""
    entities: dict[str, int]
    storage: StorageUse
    sync_watermarks: list[Watermark]
    """Those that moved last."""
