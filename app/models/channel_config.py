"""Connected accounts, how far each has been read, and what is still to be fetched."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import ConfigStatus, FetchState, WatermarkResource
from app.models.base import Base, InWorkspace, Timestamps, UUIDKey, on_account


class ChannelConfig(InWorkspace, Timestamps, Base):
    """One connected account of a workspace."""

    __tablename__ = "channel_configs"
    __table_args__ = (
        UniqueConstraint("workspace_id", "name"),
        UniqueConstraint("workspace_id", "id"),
        Index(None, "workspace_id", "channel"),
        Index(None, "provider", "external_account_id"),
    )

    id: Mapped[UUIDKey]
    name: Mapped[str]
    channel: Mapped[str]
    provider: Mapped[str]
    """Names the adapter: `aurinko`, `imap`, …; `direct` where nothing is fetched."""
    external_account_id: Mapped[str | None]
    """The provider's own id of the account, by which its webhooks name it."""
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
    poll_seconds: Mapped[int | None] = mapped_column(Integer)
    """How often the account is asked what is new; null: never."""
    rate_limited_until: Mapped[datetime | None]
    """Nobody calls the provider for this account before then, whoever was told to slow down."""
    subscribes: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether we keep the provider's promise alive to call us when something is new."""


class SyncWatermark(InWorkspace, Timestamps, Base):
    """How far one resource of an account has been read and stored, and when it is read again."""

    __tablename__ = "sync_watermarks"
    __table_args__ = (UniqueConstraint("config_id", "resource"), on_account())

    id: Mapped[UUIDKey]
    config_id: Mapped[UUID]
    resource: Mapped[WatermarkResource]
    cursor: Mapped[dict[str, Any] | None]
    """The adapter's own; null before the first time."""
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Since it last went well."""
    next_attempt_at: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class MessageFetch(InWorkspace, Timestamps, Base):
    """A message that a provider announced by its id, until it is fetched or gone."""

    __tablename__ = "message_fetches"
    __table_args__ = (
        on_account(),
        UniqueConstraint("config_id", "external_id"),
        # The sweep looks at nothing else.
        Index(
            "ix_message_fetches_unfinished",
            "created_at",
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[UUIDKey]
    config_id: Mapped[UUID]
    external_id: Mapped[str]
    receipt_id: Mapped[UUID | None]
    """The request that announced it last."""
    state: Mapped[FetchState] = mapped_column(server_default=FetchState.PENDING)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    next_attempt_at: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    finished_at: Mapped[datetime | None]
