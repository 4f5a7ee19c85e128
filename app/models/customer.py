"""People who write to a workspace, and the identifiers they are known by."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, InWorkspace, Timestamps, UUIDKey, on_account


class Customer(InWorkspace, Timestamps, Base):
    """One person or organisation."""

    __tablename__ = "customers"
    __table_args__ = (Index(None, "workspace_id"),)

    id: Mapped[UUIDKey]
    name: Mapped[str | None]
    first_seen_at: Mapped[datetime]


class CustomerIdentity(InWorkspace, Timestamps, Base):
    """An identifier that belongs to one customer."""

    __tablename__ = "customer_identities"
    __table_args__ = (
        on_account(),
        UniqueConstraint(
            "workspace_id",
            "kind",
            "value",
            "config_id",
            postgresql_nulls_not_distinct=True,
        ),
        Index(None, "customer_id"),
    )

    id: Mapped[UUIDKey]
    config_id: Mapped[UUID | None]
    """Null where the identifier means the same everywhere, such as an e-mail address."""
    kind: Mapped[str]
    value: Mapped[str]
    """The canonical form, for finding."""
    original: Mapped[str]
    """As received, for sending."""
    opted_out_at: Mapped[datetime | None]
    """Since when nobody may be written to here; null while they may."""
    consent_at: Mapped[datetime | None]
    """When they last said so or so: an older word that comes later changes nothing."""
    undeliverable_at: Mapped[datetime | None]
    """Since when a server says that nothing arrives there any more."""
    undeliverable_reason: Mapped[str | None]
    customer_id: Mapped[UUID] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE")
    )
