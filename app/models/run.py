"""Imports, and what became of every job."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import RunMode, RunState
from app.models.base import Base, InWorkspace, UUIDKey, on_account


class PipelineRun(InWorkspace, Base):
    """One import. Where it stands (`folder`, `page_token`) is here, not in a queue."""

    __tablename__ = "pipeline_runs"
    __table_args__ = (
        on_account(),
        # One import at a time per account.
        Index(
            "uq_pipeline_runs_going",
            "config_id",
            unique=True,
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        Index(None, "workspace_id", text("started_at DESC")),
    )

    id: Mapped[UUIDKey]
    config_id: Mapped[UUID]
    source: Mapped[str]
    """`aurinko`, `mbox`, `maildir`."""
    mode: Mapped[RunMode] = mapped_column(server_default=RunMode.TRIAGE)
    state: Mapped[RunState] = mapped_column(server_default=RunState.QUEUED)
    cap: Mapped[int | None] = mapped_column(Integer)
    """Null: everything."""
    folder: Mapped[str | None]
    page_token: Mapped[str | None]
    fetched_so_far: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    pages: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    created: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    duplicates: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    rejected: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    rate_limit_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    truncated: Mapped[bool] = mapped_column(server_default=text("false"))
    """The cap was reached and the provider had more."""
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Of the page it stands before."""
    next_attempt_at: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]


class JobAudit(Base):
    """What became of a job, per event. Rows are only ever added.

    `workspace_id` is null for a job that could not be read.
    """

    __tablename__ = "pipeline_job_audit"
    __table_args__ = (
        Index(None, "event_id"),
        Index(None, "run_id"),
        Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, Identity(), primary_key=True, sort_order=-2
    )
    workspace_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE")
    )
    job_type: Mapped[str]
    queue: Mapped[str]
    event_id: Mapped[UUID | None]
    run_id: Mapped[UUID | None]
    outcome: Mapped[str]
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    duration_ms: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
