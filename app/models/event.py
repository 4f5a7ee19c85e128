"""Provider messages on their way from arrival to decision."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import EventStatus, Source
from app.domain.unified_message import Direction
from app.models.base import Base, InWorkspace, UUIDKey, on_account


class MessageEvent(InWorkspace, Base):
    """One provider message, from arrival to decision.

    The row is all that says what still has to be done: its status, when it may be tried again
    (`next_attempt_at`), and who holds it (`lease_token` until `lease_expires_at`).
    """

    __tablename__ = "message_events"
    __table_args__ = (
        on_account(),
        UniqueConstraint("workspace_id", "channel", "config_id", "external_id"),
        UniqueConstraint("config_id", "fingerprint"),
        # The sweep looks at nothing else.
        Index(
            "ix_message_events_unfinished",
            "received_at",
            postgresql_where=text("finished_at IS NULL"),
        ),
        # What may be archived.
        Index(
            "ix_message_events_raw",
            "workspace_id",
            "received_at",
            postgresql_where=text("raw IS NOT NULL AND finished_at IS NOT NULL"),
        ),
        Index(None, "run_id"),
        Index(None, "message_id"),
        Index(
            "ix_message_events_conversation_unfinished",
            "conversation_id",
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[UUIDKey]
    channel: Mapped[str]
    """A `Channel`. Free text here, so that a new channel needs no migration."""
    config_id: Mapped[UUID]
    external_id: Mapped[str]
    """The provider's id. Unique per config, which makes ingest idempotent."""
    external_thread_id: Mapped[str | None]
    run_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("pipeline_runs.id", ondelete="SET NULL")
    )
    source: Mapped[Source] = mapped_column(server_default=Source.INSERT)
    """The way it came first; see `event_repeats` for the others."""
    receipt_id: Mapped[UUID | None]
    """The request that brought it first; requests are not kept as long as events."""
    direction: Mapped[Direction]
    payload: Mapped[dict[str, Any]]
    """The `UnifiedMessage`."""
    raw: Mapped[dict[str, Any] | None]
    """What the provider sent; `{"mime": base64}` for a mail. None once it is archived."""
    archive_id: Mapped[UUID | None]
    """Where `raw` was moved to last; archives are not kept as long as events."""
    content_digest: Mapped[str | None]
    """Tells a redelivery from another message that carries the same id."""
    fingerprint: Mapped[str | None]
    """The same for the same message under another provider id."""
    id_collision: Mapped[bool] = mapped_column(server_default=text("false"))
    """Another message of this account carries the same provider id."""

    status: Mapped[EventStatus] = mapped_column(server_default=EventStatus.RECEIVED)
    reason: Mapped[str | None]
    """Why it ended as it did, in a word: `no_drafter`, `answered`, …"""
    decision: Mapped[dict[str, Any] | None]
    """The judgement: category, confidence, reason, who judged, with which version."""
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Of the stage it stands before."""
    next_attempt_at: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    """When a job for it was last handed to the broker."""
    last_error: Mapped[str | None]

    conversation_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("conversations.id", ondelete="SET NULL")
    )
    message_id: Mapped[UUID | None]
    superseded_by: Mapped[UUID | None]
    """The event that took over."""

    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    materialized_at: Mapped[datetime | None]
    classified_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    drafted_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
