"""What decides which conversations belong together, and what became of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.threading import ClaimKind
from app.models.base import Base, InWorkspace, UUIDKey, on_account


class ThreadClaim(InWorkspace, Base):
    """What a conversation holds of a thread key through one of its mails.

    Several may hold the same key: a stranger who points to a mail does not get in where it lies.
    """

    __tablename__ = "thread_claims"
    __table_args__ = (on_account(), Index(None, "conversation_id"))

    workspace_id: Mapped[UUID] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True
    )
    config_id: Mapped[UUID] = mapped_column(primary_key=True)
    external_thread_id: Mapped[str] = mapped_column(primary_key=True)
    """`mid:<Message-ID>`, `index:…`, `token:…`, `subject:…`."""
    kind: Mapped[ClaimKind] = mapped_column(primary_key=True)
    claimant: Mapped[str] = mapped_column(primary_key=True)
    """Who points, or what tells apart two mails that bear the same id."""
    scope: Mapped[str] = mapped_column(primary_key=True)
    """The provider's thread of the mail; empty where it named none."""
    conversation_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    evidence: Mapped[str]
    message_id: Mapped[UUID | None]
    """The first message that made the claim."""


class ConversationParticipant(InWorkspace, Base):
    """Who takes part in a conversation besides ourselves: looked up by, never sent to."""

    __tablename__ = "conversation_participants"

    conversation_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    token: Mapped[str] = mapped_column(primary_key=True)
    """The canonical form of an address, or `list:` and a discussion list."""


class ConversationJoin(InWorkspace, Base):
    """Two conversations turned out to be one. Append-only."""

    __tablename__ = "conversation_joins"
    __table_args__ = (Index(None, "survivor_id"), Index(None, "loser_id"))

    id: Mapped[UUIDKey]
    survivor_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE")
    )
    loser_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE")
    )
    evidence: Mapped[str]
    external_thread_id: Mapped[str]
    """The key that led to both."""
    message_id: Mapped[UUID | None]
    """The message that pointed to it."""
    moved: Mapped[list[Any]]
    """The messages that were the loser's until then."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ThreadOwner(InWorkspace, Base):
    """Who has a thread of a provider, by what was said of it last."""

    __tablename__ = "thread_owners"
    __table_args__ = (on_account(),)

    workspace_id: Mapped[UUID] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True
    )
    config_id: Mapped[UUID] = mapped_column(primary_key=True)
    external_thread_id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str | None]
    """Null where it is ours again."""
    occurred_at: Mapped[datetime]
    event_id: Mapped[UUID]
    """The event that said so; decides between two of the same moment."""
