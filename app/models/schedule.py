"""What comes again and again: the jobs of a workspace, and what each run came to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, SmallInteger, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import ScheduledOutcome
from app.models.base import Base, InWorkspace, Timestamps, UUIDKey


class ScheduledJob(InWorkspace, Timestamps, Base):
    """One kind of recurring work for one workspace, and when it is due."""

    __tablename__ = "scheduled_jobs"
    __table_args__ = (
        UniqueConstraint("workspace_id", "kind"),
        Index("ix_scheduled_jobs_due", "next_run_at", postgresql_where=text("enabled")),
    )

    id: Mapped[UUIDKey]
    kind: Mapped[str]
    """Free text here, so that a new kind needs no migration."""
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    every_seconds: Mapped[int] = mapped_column(Integer)
    anchor_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """The plan is this moment and every `every_seconds` from it, however late runs are."""
    next_run_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Since it was last done, or given up until the plan's next moment."""
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    """When a job for it was last handed to the broker."""
    last_started_at: Mapped[datetime | None]
    last_finished_at: Mapped[datetime | None]
    last_outcome: Mapped[ScheduledOutcome | None]
    last_error: Mapped[str | None]


class ScheduledRun(InWorkspace, Base):
    """What one run of a scheduled job came to. Rows are only ever added."""

    __tablename__ = "job_runs"
    __table_args__ = (Index(None, "workspace_id", "kind", text("started_at DESC")),)

    id: Mapped[UUIDKey]
    kind: Mapped[str]
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    duration_ms: Mapped[int] = mapped_column(Integer)
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    outcome: Mapped[ScheduledOutcome]
    error: Mapped[str | None]
