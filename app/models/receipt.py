"""How messages reached us: the requests of providers, and the other ways a message came."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import Source
from app.models.base import Base, InWorkspace, UUIDKey, on_account


class WebhookReceipt(InWorkspace, Base):
    """A provider's request as it arrived, kept before it is answered."""

    __tablename__ = "webhook_receipts"
    __table_args__ = (
        on_account(),
        Index(None, "config_id", text("received_at DESC")),
        # What may be archived.
        Index(None, "workspace_id", "received_at"),
    )

    id: Mapped[UUIDKey]
    config_id: Mapped[UUID]
    provider: Mapped[str]
    verdict: Mapped[str]
    """`signed`, or `unsigned` where the development flag let it in."""
    headers: Mapped[dict[str, Any]]
    """Without what is secret."""
    query: Mapped[dict[str, Any]]
    body: Mapped[bytes]
    digest: Mapped[str]
    """SHA-256 of the body: a redelivery has the same."""
    items: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Messages and announcements that were read from it for this account."""
    archive_id: Mapped[UUID | None]
    """From where it was brought back; what is archived is deleted."""
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())


class EventRepeat(InWorkspace, Base):
    """An event that came again, once per way: the earliest receipt stands in the event itself."""

    __tablename__ = "event_repeats"

    event_id: Mapped[UUID] = mapped_column(
        ForeignKey("message_events.id", ondelete="CASCADE"), primary_key=True
    )
    source: Mapped[Source] = mapped_column(primary_key=True)
    receipt_id: Mapped[UUID | None]
    """The last request that brought it this way."""
    run_id: Mapped[UUID | None]
    """The last import that brought it this way."""
    count: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    first_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_at: Mapped[datetime] = mapped_column(server_default=func.now())
