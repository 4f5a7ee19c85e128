"""What providers tell of a message after it was sent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.unified_message import MessageKind
from app.models.base import Base, InWorkspace, on_account


class MessageChange(InWorkspace, Base):
    """An edit, a reaction, a deletion, a status: kept for ever, applied when its message is there."""

    __tablename__ = "message_changes"
    __table_args__ = (
        on_account(),
        Index(None, "message_id"),
        Index(
            "ix_message_changes_waiting",
            "config_id",
            "target_external_id",
            postgresql_where=sql("message_id IS NULL"),
        ),
        Index(
            "ix_message_changes_watermarks",
            "config_id",
            "external_thread_id",
            postgresql_where=sql("target_external_id IS NULL"),
        ),
    )

    event_id: Mapped[UUID] = mapped_column(
        ForeignKey("message_events.id", ondelete="CASCADE"), primary_key=True
    )
    config_id: Mapped[UUID]
    kind: Mapped[MessageKind]
    target_external_id: Mapped[str | None]
    """The provider's id of the message; null where a watermark covers all up to its time."""
    external_thread_id: Mapped[str | None]
    message_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("messages.id", ondelete="CASCADE")
    )
    """Null until the message is stored."""
    actor: Mapped[str]
    occurred_at: Mapped[datetime]
    text: Mapped[str | None]
    details: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
