"""What went wrong and has to be seen: incidents, dead letters, and the pulse of periodic jobs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import DeadLetterStatus, IncidentStatus, Severity
from app.models.base import Base, UUIDKey


class Incident(Base):
    """A condition that somebody should know of. The same condition is one row.

    `workspace_id` is null for what concerns the whole system.
    """

    __tablename__ = "pipeline_incidents"
    __table_args__ = (
        UniqueConstraint(
            "workspace_id", "dedupe_key", postgresql_nulls_not_distinct=True
        ),
    )

    id: Mapped[UUIDKey]
    workspace_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE")
    )
    kind: Mapped[str]
    severity: Mapped[Severity]
    dedupe_key: Mapped[str]
    status: Mapped[IncidentStatus] = mapped_column(server_default=IncidentStatus.OPEN)
    first_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    resolved_at: Mapped[datetime | None]
    count: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))


class DeadLetter(Base):
    """A job or event that is not tried again unless somebody says so.

    `workspace_id` is null for a job that could not be read.
    """

    __tablename__ = "dead_letters"
    __table_args__ = (
        Index("ix_dead_letters_status", "status", text("created_at DESC")),
        Index(None, "event_id"),
        # Nulls are alike: what no workspace is known of is not kept twice either.
        Index(
            "uq_dead_letters_fingerprint",
            "workspace_id",
            "fingerprint",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("fingerprint IS NOT NULL"),
        ),
    )

    id: Mapped[UUIDKey]
    workspace_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE")
    )
    fingerprint: Mapped[str | None]
    """Of an item that could not be read: brought again, it is the same letter."""
    source_queue: Mapped[str]
    job_type: Mapped[str]
    payload: Mapped[dict[str, Any]]
    """The job, or the item that could not be read."""
    error: Mapped[str]
    traceback: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    event_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("message_events.id", ondelete="CASCADE")
    )
    run_id: Mapped[UUID | None]
    status: Mapped[DeadLetterStatus] = mapped_column(
        server_default=DeadLetterStatus.OPEN
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Heartbeat(Base):
    """When a periodic job last took its turn, whoever's beat it was."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
