"""Pieces of messages, as they are searched."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    REAL,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import ChunkStatus
from app.models.base import Base, InWorkspace, Timestamps, UUIDKey


class RagChunk(InWorkspace, Timestamps, Base):
    """A piece of what somebody wrote, with the vector of its meaning.

    The row says what still has to be done, as it is for events. Where pgvector is installed,
    `alembic/sql/vectors.sql` adds an index of the vectors; the table itself needs no extension.
    """

    __tablename__ = "rag_chunks"
    __table_args__ = (
        UniqueConstraint("message_id", "position"),
        # What a change of the model leaves behind is at its ends.
        Index(None, "workspace_id", "model"),
        Index(
            "ix_rag_chunks_unfinished",
            "workspace_id",
            "created_at",
            postgresql_where=sql("status IN ('pending', 'processing')"),
        ),
        Index(
            "ix_rag_chunks_held",
            "lease_token",
            postgresql_where=sql("lease_token IS NOT NULL"),
        ),
    )

    id: Mapped[UUIDKey]
    message_id: Mapped[UUID] = mapped_column(
        ForeignKey("messages.id", ondelete="CASCADE")
    )
    """Its conversation is the message's, which may change when conversations are joined."""
    position: Mapped[int] = mapped_column(SmallInteger)
    text: Mapped[str]
    """Without quoted mail, signature and what is secret."""
    text_hash: Mapped[str]
    words: Mapped[str] = mapped_column(TSVECTOR)
    """The words of the text, as `app.domain.search_words` finds them."""

    status: Mapped[ChunkStatus] = mapped_column(server_default=ChunkStatus.PENDING)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=sql("0"))
    next_attempt_at: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    error: Mapped[str | None]

    model: Mapped[str | None]
    """What made the vector; vectors of two models are never compared."""
    dimension: Mapped[int | None] = mapped_column(Integer)
    embedding: Mapped[list[float] | None] = mapped_column(ARRAY(REAL))
