"""Conversations and the provider threads that lead to them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Double, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.decision import Category, Decision
from app.domain.status import ConversationStatus
from app.models.base import Base, InWorkspace, Timestamps, UUIDKey, on_account, on_home


class Conversation(InWorkspace, Timestamps, Base):
    """All that was said with a customer about one thing, on one account."""

    __tablename__ = "conversations"
    __table_args__ = (
        on_account(),
        Index("ix_conversations_inbox", "workspace_id", text("last_message_at DESC")),
        Index(None, "customer_id"),
        on_home(),
        Index(
            "ix_conversations_merged",
            "merged_into",
            postgresql_where=text("merged_into IS NOT NULL"),
        ),
    )

    id: Mapped[UUIDKey]
    channel: Mapped[str]
    config_id: Mapped[UUID]
    merged_into: Mapped[UUID | None] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE")
    )
    """Where its messages are now, in one step. A merged row is empty and stays as a signpost."""
    customer_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("customers.id", ondelete="SET NULL")
    )
    home_customer_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("customers.id", ondelete="SET NULL")
    )
    """Whose it is once nobody is merged; null where that is `customer_id`."""
    subject: Mapped[str | None]
    """That of its earliest message, whatever the answers are called."""
    first_message_at: Mapped[datetime | None]
    status: Mapped[ConversationStatus] = mapped_column(
        server_default=ConversationStatus.NEW
    )
    ai_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    handed_over_to: Mapped[str | None]
    """The application or person that has it now; while it is not ours, nothing is drafted or sent."""

    decision: Mapped[Decision | None]
    category: Mapped[Category | None]
    confidence: Mapped[float | None] = mapped_column(Double)
    decision_reason: Mapped[str | None]

    last_message_at: Mapped[datetime | None]
    last_inbound_message_id: Mapped[UUID | None]
    last_inbound_message_at: Mapped[datetime | None]
    last_outbound_message_at: Mapped[datetime | None]
    last_classified_message_id: Mapped[UUID | None]
    last_classify_enqueued_message_id: Mapped[UUID | None]
    last_draft_message_id: Mapped[UUID | None]
    last_draft_enqueued_message_id: Mapped[UUID | None]
    ai_draft_response: Mapped[str | None]
    """The live draft for `last_draft_message_id`."""


class ConversationRef(InWorkspace, Timestamps, Base):
    """A thread id, or the id of a message in it, and the conversation it leads to."""

    __tablename__ = "conversation_refs"
    __table_args__ = (
        on_account(),
        UniqueConstraint("workspace_id", "channel", "config_id", "external_thread_id"),
        Index(None, "conversation_id"),
    )

    id: Mapped[UUIDKey]
    channel: Mapped[str]
    config_id: Mapped[UUID]
    external_thread_id: Mapped[str]
    """The provider's thread id, or `mid:<Message-ID>` for a mail."""
    evidence: Mapped[str]
    """How we came to know it: `provider_thread`, `in_reply_to`, …"""
    conversation_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE")
    )
