"""The outbound queue: messages of ours on their way to a provider."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import OutboundOrigin, OutboundState
from app.models.base import Base, InWorkspace, Timestamps, UUIDKey, on_account


class OutboundMessage(InWorkspace, Timestamps, Base):
    """One message to be sent with one call of the provider; its text stands in `messages`.

    A long text is several of them, under one request key.
    """

    __tablename__ = "outbound_messages"
    __table_args__ = (
        on_account(),
        UniqueConstraint("workspace_id", "request_key", "position"),
        Index(None, "conversation_id", "number"),
        Index(None, "target_message_id"),
        Index(None, "workspace_id", "config_id"),
        Index(None, "workspace_id", "created_at", "id"),
        # Whatever is left to do, and nothing else.
        Index(
            "ix_outbound_messages_unfinished",
            "conversation_id",
            "number",
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index(
            "ix_outbound_messages_uncertain",
            "config_id",
            postgresql_where=text("state = 'uncertain'"),
        ),
        # What comes back from the provider without an id that we know is sought among these.
        Index(
            "ix_outbound_messages_unmet",
            "config_id",
            "text_digest",
            postgresql_where=text("NOT is_met"),
        ),
        # How often somebody was answered without a person.
        Index(
            "ix_outbound_messages_automatic",
            "workspace_id",
            "recipient_key",
            "first_tried_at",
            postgresql_where=text("origin = 'automatic'"),
        ),
    )

    id: Mapped[UUIDKey]
    number: Mapped[int] = mapped_column(BigInteger, Identity())
    """The order in which a conversation's messages go out."""
    config_id: Mapped[UUID]
    conversation_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE")
    )
    message_id: Mapped[UUID] = mapped_column(
        ForeignKey("messages.id", ondelete="CASCADE"), unique=True
    )
    request_key: Mapped[str]
    """The same request is queued once, however often it is made."""
    request_digest: Mapped[bytes]
    """SHA-256 of what was asked for: tells a repetition from another request under its key."""
    position: Mapped[int] = mapped_column(SmallInteger)
    """Which part of the text it is."""
    origin: Mapped[OutboundOrigin]
    actor: Mapped[str]
    target_message_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("messages.id", ondelete="SET NULL")
    )
    """What it answers."""
    draft_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("drafts.id", ondelete="SET NULL")
    )
    recipient: Mapped[dict[str, Any]]
    """`kind, value, name`, as the provider accepts it."""
    recipient_key: Mapped[str]
    """Whose it is, in the form by which people are found."""
    text_digest: Mapped[bytes]
    """Of the text with its white space evened out, as echoes bring it."""
    head: Mapped[dict[str, Any] | None]
    """What a mail says above its text."""

    state: Mapped[OutboundState] = mapped_column(server_default=OutboundState.QUEUED)
    is_met: Mapped[bool] = mapped_column(server_default=text("false"))
    """The provider's id of it is known, or will never be."""
    rule: Mapped[str | None]
    """Why it was not sent, as a word: `window_closed`, `opted_out`, `newer_message`, …"""
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    checks: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """How often it was looked for."""
    next_attempt_at: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    first_tried_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
