"""Tenants and the keys that open them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, InWorkspace, Timestamps, UUIDKey


class Workspace(Timestamps, Base):
    """A tenant: one business and everything it owns."""

    __tablename__ = "workspaces"

    id: Mapped[UUIDKey]
    name: Mapped[str] = mapped_column(unique=True)
    auto_reply: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether drafts may be sent without a person looking at them."""
    trust_orders: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether an order that the assistant takes is confirmed without a person."""


class APIKey(InWorkspace, Timestamps, Base):
    """A key of one workspace. Only its hash is kept."""

    __tablename__ = "api_keys"

    id: Mapped[UUIDKey]
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    """The visible part, by which a key is found and named."""
    secret_hash: Mapped[bytes]
    """SHA-256 of the whole key."""
    scopes: Mapped[list[str]]
    revoked_at: Mapped[datetime | None]


class AuditEntry(InWorkspace, Base):
    """Who changed what. Rows are only ever added."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(
        BigInteger, Identity(), primary_key=True, sort_order=-2
    )
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
