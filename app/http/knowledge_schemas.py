"""What goes over the wire about what is searched."""

from typing import Any
from uuid import UUID

from app.domain.status import ChunkStatus, SenderType
from app.domain.unified_message import Direction
from app.http.schemas import Answer, Time


class SearchHit(Answer):
    """The piece of a message that answers best."""

    chunk_id: UUID
    message_id: UUID
    conversation_id: UUID
    position: int
    """Which piece of its message, from 0."""
    text: str
    highlights: list[tuple[int, int]]
    """Where words of the question stand in the text: from, and up to, in characters."""
    found_by: list[str]
    """`words`, `vector`, or both."""
    score: float
    """Orders the hits of one answer."""
    channel: str
    direction: Direction
    sender_type: SenderType
    sender: dict[str, Any]
    subject: str | None
    occurred_at: Time


class SearchResults(Answer):
    items: list[SearchHit]
    model: str | None
    """Whose vectors were asked; null where only words were."""
    remark: str | None
    """Why only words were asked."""


class EmbeddingsRun(Answer):
    """How much of the workspace can be found."""

    queued: bool
    """Something is to be done, and the workers were told."""
    model: str
    messages_waiting: int
    """Messages that are new or changed, and not yet in pieces."""
    rag_counts: dict[ChunkStatus, int]
    """Pieces in each state."""
