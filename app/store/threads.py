"""`thread_claims`, `conversation_participants`, `conversation_joins`: who belongs together."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, select, text

from app.domain.threading import ANYBODY, Claim, ClaimKind
from app.models import Conversation, ConversationJoin, ConversationParticipant
from app.store.bulk import execute_with_rows
from app.store.transaction import Transaction

#: What a person is shown of the other conversations that hold the same ids.
_MAX_RELATIONS = 20


def claims_on(
    tx: Transaction,
    config_id: UUID,
    *,
    keys: Collection[str],
    pointed: Collection[str],
    claimants: Collection[str],
    asked: Iterable[dict[str, Any]] = (),
) -> list[tuple[UUID, Claim]]:
    """The claims that conversations of an account hold of these keys.

    Of those that only point, the ones made by `claimants`, or by anybody; of the mails that bear an
    id to which nobody of interest points (`pointed`), the very same ones: some programs give all
    their mails one id. Rows of `asked` are `key, since, until`: subjects to look for, and when they
    were said.
    """
    if not keys:
        return []
    found = tx.session.execute(
        _CLAIMS_ON,
        {
            "workspace_id": tx.workspace_id,
            "config_id": config_id,
            "keys": list(keys),
            "pointed": list(pointed),
            "claimants": [*claimants, ANYBODY],
        },
    ).all()
    said = execute_with_rows(
        tx,
        """
        SELECT c.conversation_id, c.external_thread_id, c.kind, c.claimant, c.scope, c.evidence,
            c.message_id
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (key text, since text, until text)
        JOIN thread_claims c ON c.workspace_id = :workspace_id AND c.config_id = :config_id
            AND c.external_thread_id = r.key AND c.kind = 'says'
            AND c.claimant BETWEEN r.since AND r.until
        """,
        asked,
        workspace_id=tx.workspace_id,
        config_id=config_id,
    )
    return [
        (
            row.conversation_id,
            Claim(
                row.external_thread_id,
                ClaimKind(row.kind),
                row.claimant,
                row.scope,
                row.evidence,
                row.message_id,
            ),
        )
        for row in [*found, *said]
    ]


_CLAIMS_ON = text("""
    SELECT conversation_id, external_thread_id, kind, claimant, scope, evidence, message_id
    FROM thread_claims
    WHERE workspace_id = :workspace_id AND config_id = :config_id
      AND external_thread_id = ANY(:keys)
      AND (kind = 'asks' OR claimant = ANY(:claimants)
           OR kind IN ('bears', 'repeats') AND external_thread_id = ANY(:pointed))
      AND kind <> 'says'
""").bindparams(
    *(bindparam(name, type_=ARRAY(Text)) for name in ("keys", "pointed", "claimants"))
)


def contested(
    tx: Transaction, config_id: UUID, rows: Iterable[dict[str, Any]]
) -> set[str]:
    """The keys by which somebody may have a claim on what has grown.

    Rows are `node` with one of `key` (which it holds), `conversation_id` (all of whose keys it
    holds) and `token` (who takes part in it now).
    """
    found = execute_with_rows(
        tx,
        """
        WITH r AS MATERIALIZED (
            SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
                node uuid, key text, conversation_id uuid, token text)
        ), held AS MATERIALIZED (
            SELECT node, key FROM r WHERE key IS NOT NULL
            UNION
            SELECT r.node, c.external_thread_id
            FROM r JOIN thread_claims c ON c.conversation_id = r.conversation_id
            WHERE c.kind IN ('bears', 'repeats', 'points')
        )
        SELECT DISTINCT held.key
        FROM held
        JOIN thread_claims c ON c.workspace_id = :workspace_id AND c.config_id = :config_id
            AND c.external_thread_id = held.key AND c.kind IN ('points', 'repeats')
        WHERE c.kind = 'repeats'
           OR (held.node, c.claimant) IN (SELECT node, token FROM r WHERE token IS NOT NULL)
        """,
        rows,
        workspace_id=tx.workspace_id,
        config_id=config_id,
    )
    return {row.key for row in found}


def participants_of(
    tx: Transaction, conversation_ids: Collection[UUID]
) -> dict[UUID, set[str]]:
    """Who takes part in conversations."""
    found: dict[UUID, set[str]] = {one: set() for one in conversation_ids}
    if conversation_ids:
        rows = tx.session.execute(
            select(
                ConversationParticipant.conversation_id, ConversationParticipant.token
            ).where(ConversationParticipant.conversation_id.in_(conversation_ids))
        )
        for row in rows:
            found[row.conversation_id].add(row.token)
    return found


def remember_claims(
    tx: Transaction, config_id: UUID, rows: Iterable[dict[str, Any]]
) -> None:
    """Keep what conversations hold. Rows: `conversation_id` and the fields of a claim."""
    execute_with_rows(
        tx,
        """
        INSERT INTO thread_claims (workspace_id, config_id, external_thread_id, kind, claimant,
            scope, conversation_id, evidence, message_id)
        SELECT :workspace_id, :config_id, r.key, r.kind, r.claimant, r.scope, r.conversation_id,
            r.evidence, r.message_id
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            conversation_id uuid, key text, kind text, claimant text, scope text, evidence text,
            message_id uuid)
        ON CONFLICT DO NOTHING
        """,
        rows,
        workspace_id=tx.workspace_id,
        config_id=config_id,
    )


def remember_participants(tx: Transaction, rows: Iterable[dict[str, Any]]) -> None:
    """Keep who takes part. Rows: `conversation_id, token`."""
    execute_with_rows(
        tx,
        """
        INSERT INTO conversation_participants (workspace_id, conversation_id, token)
        SELECT :workspace_id, r.conversation_id, r.token
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (conversation_id uuid, token text)
        ON CONFLICT DO NOTHING
        """,
        rows,
        workspace_id=tx.workspace_id,
    )


def join(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Move all that losers hold to their survivors, and write down that and why.

    Rows: `survivor_id, loser_id, evidence, key, message_id`; the conversations are locked, and
    nobody places mail of their account meanwhile. What they say of themselves is not touched.
    """
    pairs = [
        {"survivor_id": row["survivor_id"], "loser_id": row["loser_id"]} for row in rows
    ]
    for statement in _MOVES:
        execute_with_rows(tx, statement, pairs, now=tx.now)
    execute_with_rows(tx, _MOVE_MESSAGES, rows, now=tx.now)
    for statement in _AFTER_MESSAGES:
        execute_with_rows(tx, statement, pairs, now=tx.now)


_PAIRS = """
    jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (survivor_id uuid, loser_id uuid)
"""
_MOVES = (
    f"""
    UPDATE drafts d SET conversation_id = r.survivor_id, updated_at = :now
    FROM {_PAIRS} WHERE d.conversation_id = r.loser_id
    """,
    f"""
    UPDATE outbound_messages o SET conversation_id = r.survivor_id, updated_at = :now
    FROM {_PAIRS} WHERE o.conversation_id = r.loser_id
    """,
    f"""
    UPDATE orders o SET conversation_id = r.survivor_id, updated_at = :now
    FROM {_PAIRS} WHERE o.conversation_id = r.loser_id
    """,
    f"""
    UPDATE conversation_refs f SET conversation_id = r.survivor_id, updated_at = :now
    FROM {_PAIRS} WHERE f.conversation_id = r.loser_id
    """,
    f"""
    INSERT INTO conversation_participants (workspace_id, conversation_id, token)
    SELECT p.workspace_id, r.survivor_id, p.token
    FROM {_PAIRS} JOIN conversation_participants p ON p.conversation_id = r.loser_id
    ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO thread_claims (workspace_id, config_id, external_thread_id, kind, claimant, scope,
        conversation_id, evidence, message_id)
    SELECT c.workspace_id, c.config_id, c.external_thread_id, c.kind, c.claimant, c.scope,
        r.survivor_id, c.evidence, c.message_id
    FROM {_PAIRS} JOIN thread_claims c ON c.conversation_id = r.loser_id
    ON CONFLICT DO NOTHING
    """,
    f"""
    DELETE FROM conversation_participants p USING {_PAIRS} WHERE p.conversation_id = r.loser_id
    """,
    f"DELETE FROM thread_claims c USING {_PAIRS} WHERE c.conversation_id = r.loser_id",
)
#: Which messages were whose is known only until they move.
_MOVE_MESSAGES = """
    WITH r AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            survivor_id uuid, loser_id uuid, evidence text, key text, message_id uuid)
    ), moved AS (
        SELECT r.loser_id, coalesce(jsonb_agg(m.id ORDER BY m.id) FILTER (WHERE m.id IS NOT NULL),
            '[]') AS message_ids
        FROM r LEFT JOIN messages m ON m.conversation_id = r.loser_id
        GROUP BY r.loser_id
    ), noted AS (
        INSERT INTO conversation_joins (workspace_id, survivor_id, loser_id, evidence,
            external_thread_id, message_id, moved, created_at)
        SELECT c.workspace_id, r.survivor_id, r.loser_id, r.evidence, r.key, r.message_id,
            moved.message_ids, :now
        FROM r JOIN moved USING (loser_id) JOIN conversations c ON c.id = r.loser_id
    ), repointed AS (
        UPDATE message_events e SET conversation_id = r.survivor_id
        FROM r JOIN messages m ON m.conversation_id = r.loser_id
        WHERE e.message_id = m.id
    )
    UPDATE messages m SET conversation_id = r.survivor_id
    FROM r WHERE m.conversation_id = r.loser_id
"""
_AFTER_MESSAGES = (
    # In one step from wherever one comes, however often what it led to was merged.
    f"""
    UPDATE conversations c SET merged_into = r.survivor_id, updated_at = :now
    FROM {_PAIRS} WHERE c.merged_into = r.loser_id
    """,
    f"""
    UPDATE conversations c
    SET merged_into = r.survivor_id, last_message_at = NULL, last_inbound_message_id = NULL,
        last_inbound_message_at = NULL, last_outbound_message_at = NULL,
        last_draft_message_id = NULL, ai_draft_response = NULL, updated_at = :now
    FROM {_PAIRS} WHERE c.id = r.loser_id
    """,
)


def joins_of(tx: Transaction, conversation_id: UUID) -> Sequence[ConversationJoin]:
    """What was found to be one with a conversation and still is, in the order it was found."""
    return tx.session.scalars(
        select(ConversationJoin)
        .join(Conversation, Conversation.id == ConversationJoin.loser_id)
        .where(
            ConversationJoin.survivor_id == conversation_id,
            Conversation.merged_into.is_not(None),
        )
        .order_by(ConversationJoin.id)
    ).all()


def relations_of(tx: Transaction, conversation_id: UUID) -> list[dict[str, Any]]:
    """Other conversations that point to the same ids, or that this one points to.

    Each with the message that pointed and how. They were not let in, so it is a hint and no more.
    """
    rows = tx.session.execute(
        _RELATIONS, {"conversation_id": conversation_id, "limit": _MAX_RELATIONS}
    )
    return [dict(row) for row in rows.mappings()]


_RELATIONS = text("""
    SELECT DISTINCT ON (other.conversation_id) other.conversation_id,
        CASE WHEN mine.kind = 'points' THEN mine.message_id ELSE other.message_id END AS message_id,
        CASE WHEN mine.kind = 'points' THEN mine.evidence ELSE other.evidence END AS evidence
    FROM thread_claims mine
    JOIN thread_claims other ON other.workspace_id = mine.workspace_id
        AND other.config_id = mine.config_id
        AND other.external_thread_id = mine.external_thread_id
        AND other.conversation_id <> mine.conversation_id
    WHERE mine.conversation_id = :conversation_id
      AND mine.kind IN ('points', 'bears', 'repeats')
      AND other.kind IN ('points', 'bears', 'repeats')
      AND 'points' IN (mine.kind, other.kind)
    ORDER BY other.conversation_id, mine.kind DESC, mine.external_thread_id, mine.claimant
    LIMIT :limit
""")
