"""Files that came with messages."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import AttachmentState
from app.models.base import Base, InWorkspace, Timestamps, UUIDKey, on_account


class Attachment(InWorkspace, Timestamps, Base):
    """One file of a message: kept, or listed with the reason why it is not.

    The row is all that says what still has to be done, as it is for events.
    """

    __tablename__ = "attachments"
    __table_args__ = (
        on_account(),
        UniqueConstraint("message_id", "position"),
        # The sweep looks at nothing else.
        Index(
            "ix_attachments_pending",
            "created_at",
            postgresql_where=text("state = 'pending'"),
        ),
    )

    id: Mapped[UUIDKey]
    message_id: Mapped[UUID] = mapped_column(
        ForeignKey("messages.id", ondelete="CASCADE")
    )
    config_id: Mapped[UUID]
    """The account through which it came, and through which it is fetched."""
    position: Mapped[int] = mapped_column(SmallInteger)
    """Its place in the list that the message brought."""
    name: Mapped[str | None]
    content_type: Mapped[str | None]
    """As the sender claims."""
    size: Mapped[int | None] = mapped_column(BigInteger)
    """Bytes: as claimed, once stored as counted."""
    content_id: Mapped[str | None]
    is_inline: Mapped[bool] = mapped_column(server_default=text("false"))
    """Part of the text, not a file that somebody attached; or a point that counts readers."""
    place: Mapped[str | None]
    """Where it stands in the raw mail."""
    url: Mapped[str | None]
    """Where the provider has it; None where it came with the message itself."""

    state: Mapped[AttachmentState] = mapped_column(
        server_default=AttachmentState.PENDING
    )
    reason: Mapped[str | None]
    """Why it is not stored, in words."""
    warning: Mapped[str | None]
    """What to beware of before opening it, in words."""
    inner: Mapped[dict[str, Any] | None]
    """Of an attached message: who wrote it, and about what."""
    sha256: Mapped[str | None]
    storage_key: Mapped[str | None]

    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    next_attempt_at: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    """When a job for it was last handed to the broker."""
    last_error: Mapped[str | None]
