"""Messages, in and out, and the drafts that answer them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.status import DeliveryStatus, DraftStatus, SenderType
from app.domain.unified_message import Direction, MessageKind
from app.models.attachment import Attachment
from app.models.base import Base, InWorkspace, Timestamps, UUIDKey, on_account, on_home

#: What of a message is searched, as a digest: nothing of what was taken back, did not go out, or is
#: no message that somebody wrote to somebody else.
SEARCHED = text(
    "(CASE WHEN kind IN ('text', 'media') AND deleted_at IS NULL"
    " AND (delivery_status IS NULL OR delivery_status NOT IN ('queued', 'failed'))"
    " THEN md5(COALESCE(body_visible, '')) ELSE '' END)"
)
#: The chunks are out of step with the message. Both stand in its row, so no marker can be wrong.
IS_UNCHUNKED = text(f"chunked_from IS DISTINCT FROM {SEARCHED.text}")


class Message(InWorkspace, Base):
    """One message of a conversation."""

    __tablename__ = "messages"
    __table_args__ = (
        on_account(),
        UniqueConstraint("workspace_id", "config_id", "external_id"),
        Index(
            "ix_messages_timeline", "conversation_id", text("occurred_at DESC"), "id"
        ),
        Index(None, "customer_id"),
        on_home(),
        Index(None, "event_id"),
        Index(None, "config_id", "mail_id"),
        Index(
            "ix_messages_sent",
            "config_id",
            "external_thread_id",
            postgresql_where=text("direction = 'outbound'"),
        ),
        Index(
            "ix_messages_unreplied",
            "workspace_id",
            "conversation_id",
            postgresql_where=text(
                "NOT is_old AND NOT reply_sent AND sender_type = 'customer'"
            ),
        ),
        Index(
            "ix_messages_unchunked",
            "workspace_id",
            "id",
            postgresql_where=IS_UNCHUNKED,
        ),
    )

    id: Mapped[UUIDKey]
    conversation_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE")
    )
    channel: Mapped[str]
    config_id: Mapped[UUID]
    event_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("message_events.id", ondelete="SET NULL")
    )
    external_id: Mapped[str | None]
    mail_id: Mapped[str | None]
    """The Message-ID of a mail, which others name it by. Chosen by the sender."""
    external_thread_id: Mapped[str | None]
    customer_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("customers.id", ondelete="SET NULL")
    )
    """The counterpart: who wrote an inbound message, whom an outbound one went to."""
    home_customer_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("customers.id", ondelete="SET NULL")
    )
    """Whose it is once nobody is merged; null where that is `customer_id`."""
    direction: Mapped[Direction]
    sender_type: Mapped[SenderType]
    sender: Mapped[dict[str, Any]]
    recipients: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    kind: Mapped[MessageKind]
    subject: Mapped[str | None]
    body: Mapped[str | None]
    """The whole text."""
    body_visible: Mapped[str | None]
    """Without quoted mail and signature."""
    body_quoted: Mapped[str | None]
    """What was quoted, for who wants to see it."""
    chunked_from: Mapped[str | None]
    """The digest of what its chunks were made from; null until they are made."""
    body_html: Mapped[str | None]
    attachments: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    """The files as the message lists them; what became of each is in `files`."""
    files: Mapped[list[Attachment]] = relationship(
        order_by=Attachment.position, lazy="raise", viewonly=True
    )
    thread_evidence: Mapped[str | None]
    """What led it into its conversation."""
    identity_evidence: Mapped[str | None]
    """The rule that said whose it is."""
    is_automatic: Mapped[bool] = mapped_column(server_default=text("false"))
    """The message itself proves that no person wrote it: it never takes over from one."""
    is_old: Mapped[bool] = mapped_column(server_default=text("false"))
    """Sent before the account was connected: never answered automatically."""
    edited_at: Mapped[datetime | None]
    """When its text was last changed; the first one stands in its event, all in its changes."""
    deleted_at: Mapped[datetime | None]
    """When it was taken back. The text is kept, and shown to nobody."""
    reactions: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """Who reacts to it with what."""
    call: Mapped[dict[str, Any] | None]
    """The course of a call, as far as it is known."""
    delivery_status: Mapped[DeliveryStatus | None]
    delivery_reason: Mapped[str | None]
    """Why it did not arrive, in the words of the server."""
    reply_sent: Mapped[bool] = mapped_column(server_default=text("false"))
    sent_at: Mapped[datetime | None]
    """The moment that provider or sender claim."""
    occurred_at: Mapped[datetime]
    """What orders it: `sent_at` or the end of its second, but never later than its receipt."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Draft(InWorkspace, Timestamps, Base):
    """A proposed reply, bound to the message it answers."""

    __tablename__ = "drafts"
    __table_args__ = (
        # A message that was edited gets another draft; the one before it stays as it was.
        Index(
            "uq_drafts_target_message_id",
            "target_message_id",
            unique=True,
            postgresql_where=text("status = 'live'"),
        ),
        Index(None, "target_message_id"),
        Index(None, "conversation_id"),
        Index(
            "ix_drafts_order_id",
            "order_id",
            postgresql_where=text("order_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUIDKey]
    conversation_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE")
    )
    target_message_id: Mapped[UUID] = mapped_column(
        ForeignKey("messages.id", ondelete="CASCADE")
    )
    status: Mapped[DraftStatus] = mapped_column(server_default=DraftStatus.LIVE)
    body: Mapped[str]
    model: Mapped[str]
    prompt_version: Mapped[str]
    usage: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """Tokens as the provider counted them."""
    edited_body: Mapped[str | None]
    """What a person made of it; what the model wrote stays as it is."""
    edited_by: Mapped[str | None]
    edited_at: Mapped[datetime | None]
    auto_reply: Mapped[dict[str, Any] | None]
    """Whether it was sent by itself: the message that it became, or the rules that refused it."""
    order_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("orders.id", ondelete="SET NULL")
    )
    """The order that it tells the customer of."""
    order_refusal: Mapped[dict[str, Any] | None]
    """`rule, reason` where the model wanted to place an order and was not let."""
