"""What all tables share: how types are stored, how constraints are named, who owns a row."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import (
    TIMESTAMP,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

#: Time-ordered (version 7), made by the database where the writer brings none.
UUIDKey = Annotated[
    UUID,
    mapped_column(primary_key=True, server_default=text("bb_uuid7()"), sort_order=-2),
]


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        str: Text,
        bytes: LargeBinary,
        datetime: TIMESTAMP(timezone=True),
        UUID: Uuid,
        dict: JSONB,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: JSONB,
        # A native enum cannot lose a value in a migration; a CHECK can.
        StrEnum: Enum(
            StrEnum,
            native_enum=False,
            create_constraint=True,
            length=20,
            values_callable=lambda members: [member.value for member in members],
        ),
    }


def on_account() -> ForeignKeyConstraint:
    """The account of a row is one of the row's own workspace.

    Checks of foreign keys bypass row-level security, so the key itself has to say it.
    """
    return ForeignKeyConstraint(
        ["workspace_id", "config_id"],
        ["channel_configs.workspace_id", "channel_configs.id"],
        ondelete="CASCADE",
    )


def on_home() -> Index:
    """Finds the few rows that somebody else owns for their merged customer."""
    return Index(
        None, "home_customer_id", postgresql_where=text("home_customer_id IS NOT NULL")
    )


class Timestamps:
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), sort_order=8
    )
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), sort_order=9
    )


class InWorkspace:
    """A row that belongs to one tenant. Row-level security is forced on every such table."""

    workspace_id: Mapped[UUID] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), sort_order=-1
    )
