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


def _bucket(workspace_id: UUID, key: str) -> int:
    number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest())
    name = f"create:{workspace_id}:{number % BUCKETS}"
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
