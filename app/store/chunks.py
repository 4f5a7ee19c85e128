"""`rag_chunks`: what is searched, who embeds it, and what became of each piece.

Every write of a vector names the claim's token, as those on events do.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    REAL,
    ColumnElement,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from app.domain.chunking import Chunk
from app.domain.ids import new_id
from app.domain.search_words import distinct
from app.domain.status import ChunkStatus
from app.models import Message, RagChunk, Workspace
from app.models.message import IS_UNCHUNKED, SEARCHED
from app.store.transaction import Transaction

#: Attempts of a batch; what was lost with its worker so often goes on alone.
TOGETHER = 2

_UNFINISHED = (ChunkStatus.PENDING, ChunkStatus.PROCESSING)
#: What a piece is while nobody has embedded it.
_BLANK: dict[str, Any] = {
    "status": ChunkStatus.PENDING,
    "attempts": 0,
    "next_attempt_at": None,
    "lease_token": None,
    "lease_expires_at": None,
    "error": None,
    "model": None,
    "dimension": None,
    "embedding": None,
}
#: What goes over to a piece with the same text.
_VECTOR = ("status", "model", "dimension", "embedding")


@dataclass(frozen=True)
class ChunkClaim:
    """Pieces that one worker holds until the lease lapses."""

    token: UUID
    taken_at: datetime
    chunks: list[Any]
    """`id, text, attempts` of each."""


def lock_unchunked(tx: Transaction, *, limit: int) -> dict[UUID, str]:
    """Lock messages whose pieces are out of step; returns what of each is searched, perhaps nothing.

    What somebody else brings into step right now is left out.
    """
    digest = literal_column(SEARCHED.text, Text)
    rows = tx.session.execute(
        select(Message.id, case((digest == "", None), else_=Message.body_visible))
        .where(Message.workspace_id == tx.workspace_id, IS_UNCHUNKED)
        # The newest first: of an import, that is what people look for.
        .order_by(Message.id.desc())
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return {message_id: text or "" for message_id, text in rows}


def put(tx: Transaction, message_chunks: Mapping[UUID, Sequence[Chunk]]) -> int:
    """Make these the pieces of their messages, which are locked; returns how many are new.

    A piece that stays where it was is left alone, even while somebody embeds it; one whose text was
    embedded elsewhere in its message takes the vector along. What is left over goes.
    """
    before: dict[UUID, list[RagChunk]] = defaultdict(list)
    for chunk in tx.session.scalars(
        select(RagChunk)
        .where(RagChunk.message_id.in_(message_chunks))
        .with_for_update()
    ):
        before[chunk.message_id].append(chunk)
    leftover: list[UUID] = []
    rows: list[dict[str, Any]] = []
    for message_id, chunks in message_chunks.items():
        stays = {
            one.position: one
            for one in before[message_id]
            if one.position < len(chunks)
            and one.text_hash == chunks[one.position].text_hash
        }
        leftover += [one.id for one in before[message_id] if one not in stays.values()]
        vectors = {
            one.text_hash: {name: getattr(one, name) for name in _VECTOR}
            for one in before[message_id]
            if one.status is ChunkStatus.EMBEDDED
        }
        rows += [
            {
                "workspace_id": tx.workspace_id,
                "message_id": message_id,
                "position": position,
                "text": chunk.text,
                "text_hash": chunk.text_hash,
                "words": _as_words(chunk.text),
                **_BLANK,
                **vectors.get(chunk.text_hash, {}),
            }
            for position, chunk in enumerate(chunks)
            if position not in stays
        ]
    if leftover:
        tx.session.execute(
            delete(RagChunk)
            .where(RagChunk.id.in_(leftover))
            .execution_options(synchronize_session=False)
        )
    if rows:
        tx.session.execute(insert(RagChunk).values(rows))
    return len(rows)


def mark_chunked(tx: Transaction, message_ids: Collection[UUID]) -> None:
    """Note that the pieces of messages are in step. The messages are locked since they were read."""
    tx.session.execute(
        update(Message)
        .where(Message.id.in_(message_ids))
        .values(chunked_from=literal_column(SEARCHED.text))
        .execution_options(synchronize_session=False)
    )


def forget_others(tx: Transaction, model: str, *, limit: int) -> int:
    """Put pieces that another model embedded back to the beginning; returns how many."""
    others = (
        select(RagChunk.id)
        .where(RagChunk.workspace_id == tx.workspace_id, _is_of_other(model))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("others")
    )
    reset = tx.session.execute(
        update(RagChunk)
        .where(RagChunk.id == others.c.id)
        .values(**_BLANK, updated_at=tx.now)
        .returning(RagChunk.id)
        .execution_options(synchronize_session=False)
    )
    return len(reset.all())


def take(
    tx: Transaction, *, limit: int, lease: timedelta, stale: timedelta
) -> ChunkClaim:
    """Take pieces that are due; counts an attempt before any work starts.

    What another worker holds is left out, unless it has held it for longer than `stale`. A piece that
    may have killed its worker is taken alone, so that it does not use up the attempts of others.
    """
    is_lost = and_(RagChunk.lease_token.is_not(None), RagChunk.attempts >= TOGETHER)
    due = tx.session.execute(
        select(RagChunk.id, is_lost.label("is_lost"))
        .where(RagChunk.workspace_id == tx.workspace_id, is_due(stale))
        .order_by(RagChunk.created_at, RagChunk.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    sound = [row.id for row in due if not row.is_lost]
    token = new_id()
    taken = tx.session.execute(
        update(RagChunk)
        .where(RagChunk.id.in_(sound or [row.id for row in due[:1]]))
        .values(
            status=ChunkStatus.PROCESSING,
            attempts=RagChunk.attempts + 1,
            lease_token=token,
            lease_expires_at=func.now() + lease,
            updated_at=tx.now,
        )
        .returning(RagChunk.id, RagChunk.text, RagChunk.attempts)
        .execution_options(synchronize_session=False)
    )
    return ChunkClaim(token, tx.now, sorted(taken, key=lambda row: row.id))


def save(
    tx: Transaction,
    claim: ChunkClaim,
    chunk_id: UUID,
    *,
    model: str,
    vector: Sequence[float],
) -> bool:
    """Write the vector of a piece; False where it is no longer ours, or no longer the same text."""
    values = {
        "model": model,
        "dimension": len(vector),
        "embedding": cast(literal(written_out(vector), Text), ARRAY(REAL)),
    }
    return bool(
        _write(
            tx,
            claim,
            [chunk_id],
            status=ChunkStatus.EMBEDDED,
            next_attempt_at=None,
            error=None,
            **values,
        )
    )


def put_off(
    tx: Transaction,
    claim: ChunkClaim,
    chunk_ids: Collection[UUID],
    *,
    until: datetime,
    error: str,
    counted: bool,
) -> list[UUID]:
    """Give pieces back until their time comes. `counted` False takes the attempt back."""
    return _write(
        tx,
        claim,
        chunk_ids,
        status=ChunkStatus.PENDING,
        attempts=RagChunk.attempts - (0 if counted else 1),
        next_attempt_at=until,
        error=error,
    )


def fail(
    tx: Transaction, claim: ChunkClaim, chunk_id: UUID, *, model: str, error: str
) -> bool:
    """Give a piece up, as far as this model goes; it is still found by its words."""
    return bool(
        _write(
            tx,
            claim,
            [chunk_id],
            status=ChunkStatus.FAILED,
            model=model,
            next_attempt_at=None,
            error=error,
        )
    )


def revive(tx: Transaction, chunk_ids: Collection[UUID]) -> None:
    """Let pieces that were given up be tried again."""
    tx.session.execute(
        update(RagChunk)
        .where(RagChunk.id.in_(chunk_ids), RagChunk.status == ChunkStatus.FAILED)
        .values(**_BLANK, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def workspaces_due(
    tx: Transaction, model: str, *, stale: timedelta, limit: int
) -> Sequence[UUID]:
    """The workspaces in which a message has no pieces yet, or a piece no vector of this model."""
    return tx.session.scalars(
        select(Workspace.id)
        .where(
            or_(
                exists().where(Message.workspace_id == Workspace.id, IS_UNCHUNKED),
                exists().where(RagChunk.workspace_id == Workspace.id, is_due(stale)),
                exists().where(
                    RagChunk.workspace_id == Workspace.id, _is_of_other(model)
                ),
            )
        )
        # Whoever has work without end must not always come first.
        .order_by(func.random())
        .limit(limit)
    ).all()


def counts(tx: Transaction) -> dict[ChunkStatus, int]:
    """How many pieces of the workspace are in each state."""
    found = tx.session.execute(
        select(RagChunk.status, func.count())
        .where(RagChunk.workspace_id == tx.workspace_id)
        .group_by(RagChunk.status)
    )
    return dict.fromkeys(ChunkStatus, 0) | {row[0]: row[1] for row in found}


def unchunked(tx: Transaction) -> int:
    """How many messages of the workspace are out of step with their pieces."""
    found = tx.session.scalar(
        select(func.count())
        .select_from(Message)
        .where(Message.workspace_id == tx.workspace_id, IS_UNCHUNKED)
    )
    return found or 0


def of_others(tx: Transaction, model: str) -> bool:
    """Whether the workspace has vectors of another model."""
    found = tx.session.scalar(
        select(
            exists().where(
                RagChunk.workspace_id == tx.workspace_id, _is_of_other(model)
            )
        )
    )
    return bool(found)


def written_out(vector: Sequence[float]) -> str:
    """A vector as PostgreSQL reads it fast: a list would be parsed as an expression per number.

    With all the digits that a `real` has.
    """
    return "{" + ",".join(f"{value:.9g}" for value in vector) + "}"


def is_due(stale: timedelta) -> ColumnElement[bool]:
    """Not finished, held by nobody who is alive, and not waiting for its time."""
    return and_(
        RagChunk.status.in_(_UNFINISHED),
        or_(
            RagChunk.lease_expires_at.is_(None),
            RagChunk.lease_expires_at < func.now(),
            # A claim writes it, and what renews the lease does not.
            RagChunk.updated_at < func.now() - stale,
        ),
        or_(
            RagChunk.next_attempt_at.is_(None),
            RagChunk.next_attempt_at <= func.now(),
        ),
    )


def _is_of_other(model: str) -> ColumnElement[bool]:
    # In this form the index is asked for both sides of the model, where usually nothing is.
    return or_(RagChunk.model < model, RagChunk.model > model)


def _as_words(text: str) -> ColumnElement[Any]:
    words: ColumnElement[Any] = func.array_to_tsvector(
        cast(distinct(text), ARRAY(Text))
    )
    return words


def _write(
    tx: Transaction, claim: ChunkClaim, chunk_ids: Collection[UUID], **values: Any
) -> list[UUID]:
    written = tx.session.scalars(
        update(RagChunk)
        .where(RagChunk.id.in_(chunk_ids), RagChunk.lease_token == claim.token)
        .values(**values, lease_token=None, lease_expires_at=None, updated_at=tx.now)
        .returning(RagChunk.id)
        .execution_options(synchronize_session=False)
    )
    return list(written)
