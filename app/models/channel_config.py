"""Connected accounts and how far each has been read."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import ConfigStatus
from app.models.base import Base, InWorkspace, Timestamps, UUIDKey, on_account


class ChannelConfig(InWorkspace, Timestamps, Base):
    """One connected account of a workspace."""

    __tablename__ = "channel_configs"
    __table_args__ = (
        UniqueConstraint("workspace_id", "name"),
        UniqueConstraint("workspace_id", "id"),
        Index(None, "workspace_id", "channel"),
    )

    id: Mapped[UUIDKey]
    name: Mapped[str]
    channel: Mapped[str]
    provider: Mapped[str]
    """Names the adapter: `aurinko`, `mailbox`, …"""
    addresses: Mapped[list[str]] = mapped_column(server_default=text("'[]'"))
    """Our own identifiers on this account; a message from one of them is outbound."""
    credentials: Mapped[bytes | None]
    """Encrypted, see `app.store.vault`."""
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    status: Mapped[ConfigStatus] = mapped_column(server_default=ConfigStatus.ACTIVE)
    status_reason: Mapped[str | None]
    connected_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """What was sent before this moment is old: never answered automatically."""
    last_fetch_timestamp: Mapped[datetime | None]


class SyncWatermark(InWorkspace, Timestamps, Base):
    """How far one resource of an account has been read and stored."""

    __tablename__ = "sync_watermarks"
    __table_args__ = (UniqueConstraint("config_id", "resource"), on_account())

    id: Mapped[UUIDKey]
    config_id: Mapped[UUID]
    resource: Mapped[str]
    """What is read: a folder, a conversation list."""
    cursor: Mapped[dict[str, Any]]
