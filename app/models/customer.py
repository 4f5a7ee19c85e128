"""People who write to a workspace, and the identifiers they are known by."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, InWorkspace, Timestamps, UUIDKey, on_account, on_home


class Customer(InWorkspace, Timestamps, Base):
    """One person or organisation."""

    __tablename__ = "customers"
    __table_args__ = (
        Index(None, "workspace_id"),
        Index(
            "ix_customers_merged",
            "merged_into",
            postgresql_where=text("merged_into IS NOT NULL"),
        ),
    )

    id: Mapped[UUIDKey]
    merged_into: Mapped[UUID | None] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE")
    )
    """Who stands for them now, in one step. A merged row owns nothing and stays as a signpost."""
    name: Mapped[str | None]
    name_from: Mapped[UUID | None]
    """The merged customer whose name it is; null where it is their own."""
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
        on_home(),
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
    home_customer_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE")
    )
    """Whose it is once nobody is merged; null where that is `customer_id`."""
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """By what it was found to be theirs; null for what they were first known by."""


class CustomerMerge(InWorkspace, Base):
    """Two customers turned out to be one person. Append-only; undone, it says by whom and when."""

    __tablename__ = "customer_merges"
    __table_args__ = (
        UniqueConstraint("workspace_id", "number"),
        Index(None, "survivor_id"),
        Index(None, "loser_id"),
        Index(None, "survivor_home_id"),
        Index(None, "loser_home_id"),
    )

    id: Mapped[UUIDKey]
    number: Mapped[int]
    """The order in which they were made in their workspace, which no clock decides."""
    survivor_id: Mapped[UUID] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE")
    )
    loser_id: Mapped[UUID] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE")
    )
    survivor_home_id: Mapped[UUID] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE")
    )
    """Of those for whom the survivor stood, the one that the evidence is about."""
    loser_home_id: Mapped[UUID] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE")
    )
    rule: Mapped[str]
    """`same_message`, `changed_number`, `phone_alias`, or `person`."""
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """The event that showed it, and the two identifiers."""
    actor: Mapped[str]
    """Who says so: `pipeline`, or a person's key."""
    moved: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """How many rows of which table went over."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]
