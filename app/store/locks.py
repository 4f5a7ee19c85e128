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


def lock_people(tx: Transaction, workspace_id: UUID, *, to_merge: bool) -> None:
    """Keep who is one with whom as it is, or be the only one who changes it.

    Whoever writes down whose something is holds it together with others; a merge holds it alone, or
    what is being written would stay with a customer who is none any more. Taken after the creation
    locks and before any row is locked.
    """
    function = "pg_advisory_xact_lock" + ("" if to_merge else "_shared")
    digest = hashlib.blake2b(f"people:{workspace_id}".encode(), digest_size=8).digest()
    tx.session.execute(
        text(f"SELECT {function}(:lock)"),
        {"lock": int.from_bytes(digest, signed=True)},
    )


def _bucket(workspace_id: UUID, key: str) -> int:
    number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest())
    name = f"create:{workspace_id}:{number % BUCKETS}"
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
