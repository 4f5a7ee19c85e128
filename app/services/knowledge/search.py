"""Find what was said, by its words and by its meaning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app import store
from app.ai.base import Vector
from app.domain.fusion import fused
from app.domain.redaction import redacted
from app.domain.search_words import distinct, spans
from app.domain.status import SenderType
from app.domain.unified_message import Direction
from app.errors import InvalidInput, PermanentError, RetryableError
from app.runtime import Runtime
from app.services.pipeline.failure import describe

#: Of a question; what comes after it narrows nothing down.
MAX_QUERY = 1_000
MAX_WORDS = 24
#: In one hit.
MAX_HIGHLIGHTS = 50
#: Candidates from each side for each hit: several may be pieces of one message.
_CANDIDATES = 4


@dataclass(frozen=True)
class Hit:
    """A piece of a message that answers a question, the best one of its message."""

    chunk_id: UUID
    message_id: UUID
    conversation_id: UUID
    position: int
    text: str
    highlights: list[tuple[int, int]]
    """Where words of the question stand: from, and up to."""
    found_by: list[str]
    """`words`, `vector`, or both."""
    score: float
    """Orders the hits of one answer; says nothing beside another."""
    channel: str
    direction: Direction
    sender_type: SenderType
    sender: dict[str, Any]
    subject: str | None
    occurred_at: datetime


@dataclass(frozen=True)
class Found:
    """The hits, the best first."""

    items: list[Hit]
    model: str | None
    """Whose vectors were asked; None where only words were."""
    remark: str | None
    """Why only words were asked."""


def search(runtime: Runtime, workspace_id: UUID, query: str, *, limit: int) -> Found:
    """Find what was said in a workspace. Where no vector can be had, by its words alone.

    Raises InvalidInput for a question without words.
    """
    query = query[:MAX_QUERY].strip()
    words = distinct(query, most=MAX_WORDS)
    if not words:
        raise InvalidInput(
            "the parameters are not valid",
            [{"loc": ["q"], "msg": "has no words to look for"}],
        )
    most = max(_CANDIDATES * limit, 50)
    with runtime.transaction(workspace_id) as tx:
        with_words, worth = store.search.by_words(tx, words, limit=most)
        can_compare = store.search.can_compare(tx)
    # No transaction is open here: a slow model must not hold a connection.
    vector: Vector | None = None
    remark: str | None = "pgvector is not installed"
    if can_compare:
        vector, remark = _vector(runtime, query, worth)
    with runtime.transaction(workspace_id) as tx:
        near: Sequence[UUID] = ()
        if vector is not None:
            near = store.search.by_vector(
                tx,
                vector,
                model=runtime.embedder.model,
                nearness=runtime.embedder.nearness,
                limit=most,
            )
        scores = fused(with_words, near)
        rows = store.search.shown(tx, scores)
    sides = {"words": set(with_words), "vector": set(near)}
    hits: dict[UUID, Hit] = {}
    for chunk_id, score in scores.items():
        row = rows.get(chunk_id)
        if row is None or row.message_id in hits:
            continue
        if len(hits) == limit:
            break
        found_by = [name for name, side in sides.items() if chunk_id in side]
        hits[row.message_id] = _hit(row, set(words), found_by, score)
    model = None if vector is None else runtime.embedder.model
    return Found(list(hits.values()), model, remark)


def _vector(
    runtime: Runtime, query: str, worth: Mapping[str, float]
) -> tuple[Vector | None, str | None]:
    """The vector of a question, or why there is none. What is secret in it stays here."""
    try:
        answer = runtime.embedder.embed_question(redacted(query), worth)
    except (RetryableError, PermanentError) as error:
        return None, describe(error)
    if isinstance(answer, PermanentError):
        return None, describe(answer)
    return answer, None


def _hit(row: Any, words: set[str], found_by: list[str], score: float) -> Hit:
    return Hit(
        chunk_id=row.id,
        message_id=row.message_id,
        conversation_id=row.conversation_id,
        position=row.position,
        text=row.text,
        highlights=spans(row.text, words, most=MAX_HIGHLIGHTS),
        found_by=found_by,
        score=round(score, 6),
        channel=row.channel,
        direction=row.direction,
        sender_type=row.sender_type,
        sender=row.sender,
        subject=row.subject,
        occurred_at=row.occurred_at,
    )
