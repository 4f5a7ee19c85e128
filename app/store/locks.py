"""Named advisory locks, held until the transaction ends."""

import hashlib
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text

from app.store.transaction import Transaction

#: PostgreSQL's lock table is small; a batch that locked every key of its own could fill it.
BUCKETS = 64


def lock_creation(tx: Transaction, workspace_id: UUID, keys: Iterable[str]) -> None:
    """Keep others from creating the same identities and threads meanwhile.

    Keys fall into a fixed number of buckets per workspace, taken in ascending order, so that two
    transactions never wait for each other in a circle.
    """
    locks = sorted({_bucket(workspace_id, key) for key in keys})
    if locks:
        tx.session.execute(
            text(
                "SELECT pg_advisory_xact_lock(key) "
                "FROM unnest(CAST(:locks AS bigint[])) WITH ORDINALITY AS t (key, place) "
                "ORDER BY place"
            ),
            {"locks": locks},
        )


def lock_request(tx: Transaction, workspace_id: UUID, request_key: str) -> None:
    """Keep others from queueing the same request meanwhile."""
    tx.session.execute(
        text("SELECT pg_advisory_xact_lock(:key)"),
        {"key": _number(f"request:{workspace_id}:{request_key}")},
    )


def lock_counting(tx: Transaction, workspace_id: UUID) -> None:
    """Keep others from counting the automatic replies of a workspace meanwhile.

    Not one of the locks for creation: it is taken by who holds a row of the outbound queue.
    """
    tx.session.execute(
        text("SELECT pg_advisory_xact_lock(:key)"),
        {"key": _number(f"automatic:{workspace_id}")},
    )


def lock_people(tx: Transaction, workspace_id: UUID, *, to_merge: bool) -> None:
    """Keep who is one with whom as it is, or be the only one who changes it.

    Whoever writes down whose something is holds it together with others; a merge holds it alone, or
    what is being written would stay with a customer who is none any more. Taken after the creation
    locks and before any row is locked.
    """
    function = "pg_advisory_xact_lock" + ("" if to_merge else "_shared")
    tx.session.execute(
        text(f"SELECT {function}(:lock)"),
        {"lock": _number(f"people:{workspace_id}")},
    )


def _bucket(workspace_id: UUID, key: str) -> int:
    number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest())
    return _number(f"create:{workspace_id}:{number % BUCKETS}")


def _number(name: str) -> int:
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
