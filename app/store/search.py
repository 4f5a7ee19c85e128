"""Finds pieces of messages, by their words and by their vectors.

What is shown of them is in step with their message, so that nothing is found which was taken back or
is no longer said, even before its pieces are gone.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, cast, func, literal, select, text
from sqlalchemy.dialects.postgresql import TSQUERY

from app.models import Conversation, Message, RagChunk
from app.models.message import IS_UNCHUNKED
from app.store.chunks import written_out
from app.store.transaction import Transaction

#: With so many dimensions the vectors have an index (`alembic/sql/vectors.sql`).
INDEXED = 1536

_IS_IN_STEP = text(f"NOT ({IS_UNCHUNKED.text})")
_EXTENSION = text(
    "SELECT quote_ident(n.nspname) AS place,"
    " split_part(e.extversion, '.', 1)::int > 0"
    " OR split_part(e.extversion, '.', 2)::int >= 8 AS goes_on"
    " FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
    " WHERE e.extname = 'vector'"
)


def can_compare(tx: Transaction) -> bool:
    """Whether pgvector is installed in this database, so that vectors can be compared."""
    return tx.session.execute(_EXTENSION).first() is not None


def by_words(
    tx: Transaction, words: Sequence[str], *, limit: int
) -> tuple[list[UUID], dict[str, float]]:
    """Pieces in which any of the words stands, the best first, and what each word is worth.

    What counts are the words that few of the pieces have; of equals the newer comes first.
    """
    queries = [cast(_quoted(word), TSQUERY) for word in words]
    any_of_them = cast(" | ".join(map(_quoted, words)), TSQUERY)
    has = [
        cast(RagChunk.words.op("@@")(query), Integer).label(f"has_{number}")
        for number, query in enumerate(queries)
    ]
    hits = (
        select(RagChunk.id, *has)
        .where(
            RagChunk.workspace_id == tx.workspace_id,
            RagChunk.words.op("@@")(any_of_them),
        )
        .cte("hits")
        .prefix_with("MATERIALIZED")
    )
    columns = [hits.c[one.name] for one in has]
    worth = select(
        *(_rarity(one).label(one.name) for one in columns),
    ).cte("worth")
    score = sum((one * worth.c[one.name] for one in columns), literal(0.0))
    found = tx.session.execute(
        select(hits.c.id, *worth.c)
        .select_from(hits.join(worth, literal(True)))
        .order_by(score.desc(), hits.c.id.desc())
        .limit(limit)
    ).all()
    values = found[0][1:] if found else [1.0] * len(words)
    return [row.id for row in found], dict(zip(words, map(float, values), strict=True))


def by_vector(
    tx: Transaction,
    vector: Sequence[float],
    *,
    model: str,
    nearness: float,
    limit: int,
) -> list[UUID]:
    """Pieces whose vectors of the same model and length are nearest, none of them further than asked.

    Returns none where pgvector is not installed.
    """
    extension = tx.session.execute(_EXTENSION).first()
    if extension is None:
        return []
    if extension.goes_on:
        # Else the pieces of others use up what the index looks at, before ours come.
        tx.session.execute(
            text("SELECT set_config('hnsw.iterative_scan', 'strict_order', true)")
        )
    kind = f"{extension.place}.vector"
    if len(vector) == INDEXED:
        kind += f"({INDEXED})"
    distance = (
        f"embedding::{kind} OPERATOR({extension.place}.<=>)"
        f" CAST(:vector AS real[])::{kind}"
    )
    rows = tx.session.execute(
        text(
            f"SELECT id, {distance} AS distance FROM rag_chunks"
            " WHERE workspace_id = :workspace_id"
            " AND model = :model AND dimension = :dimension"
            f" ORDER BY {distance} LIMIT :limit"
        ),
        {
            "vector": written_out(vector),
            "workspace_id": tx.workspace_id,
            "model": model,
            "dimension": len(vector),
            "limit": limit,
        },
    )
    return [row.id for row in rows if row.distance <= 1 - nearness]


def shown(tx: Transaction, chunk_ids: Collection[UUID]) -> dict[UUID, Any]:
    """Pieces with the messages and conversations behind them, by their ids.

    Left out is what its message does not say any more.
    """
    rows = tx.session.execute(
        select(
            RagChunk.id,
            RagChunk.message_id,
            RagChunk.position,
            RagChunk.text,
            Message.conversation_id,
            Message.channel,
            Message.direction,
            Message.sender_type,
            Message.sender,
            Message.occurred_at,
            func.coalesce(Message.subject, Conversation.subject).label("subject"),
        )
        .join(Message, Message.id == RagChunk.message_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            RagChunk.workspace_id == tx.workspace_id,
            RagChunk.id.in_(chunk_ids),
            _IS_IN_STEP,
        )
    )
    return {row.id: row for row in rows}


def _rarity(has: ColumnElement[Any]) -> ColumnElement[float]:
    """What a word is worth by how many of the hits have it, as BM25 counts."""
    count = func.coalesce(func.sum(has), 0)
    rarity: ColumnElement[float] = func.ln(
        1 + (func.count() - count + 0.5) / (count + 0.5)
    )
    return rarity


def _quoted(word: str) -> str:
    """A word as it stands in a query of PostgreSQL's."""
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
