"""`customers` and `customer_identities`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, or_, select, tuple_, update

from app.domain.identifiers import identity_key, is_global
from app.models import Customer, CustomerIdentity
from app.store.bulk import execute_with_rows
from app.store.transaction import Transaction


@dataclass(frozen=True)
class IdentityKey:
    """How a customer is looked up. `config_id` is None for what means the same everywhere."""

    kind: str
    value: str
    config_id: UUID | None

    @property
    def lock_key(self) -> str:
        return f"identity:{self.kind}:{self.config_id}:{self.value}"


def by_identity(
    tx: Transaction, keys: Collection[IdentityKey]
) -> dict[IdentityKey, UUID]:
    """The customers that are known by these identifiers."""
    if not keys:
        return {}
    rows = tx.session.execute(
        select(
            CustomerIdentity.kind,
            CustomerIdentity.value,
            CustomerIdentity.config_id,
            CustomerIdentity.customer_id,
        ).where(
            CustomerIdentity.workspace_id == tx.workspace_id,
            tuple_(CustomerIdentity.kind, CustomerIdentity.value).in_(
                {(key.kind, key.value) for key in keys}
            ),
            or_(
                CustomerIdentity.config_id.is_(None),
                CustomerIdentity.config_id.in_(
                    {key.config_id for key in keys if key.config_id}
                ),
            ),
        )
    )
    return {
        IdentityKey(row.kind, row.value, row.config_id): row.customer_id for row in rows
    }


def identity(
    tx: Transaction, kind: str, value: str, *, config_id: UUID
) -> CustomerIdentity | None:
    """What is known of somebody who is written to through an account."""
    return tx.session.scalar(
        select(CustomerIdentity).where(
            CustomerIdentity.workspace_id == tx.workspace_id,
            CustomerIdentity.kind == kind,
            CustomerIdentity.value == identity_key(kind, value),
            CustomerIdentity.config_id.is_not_distinct_from(
                None if is_global(kind) else config_id
            ),
        )
    )


def set_consent(
    tx: Transaction, key: IdentityKey, *, may_write: bool, at: datetime
) -> None:
    """Note that somebody stops or allows messages; what they said last counts, in any order."""
    tx.session.execute(
        update(CustomerIdentity)
        .where(
            CustomerIdentity.workspace_id == tx.workspace_id,
            CustomerIdentity.kind == key.kind,
            CustomerIdentity.value == key.value,
            CustomerIdentity.config_id.is_not_distinct_from(key.config_id),
            or_(
                CustomerIdentity.consent_at.is_(None), CustomerIdentity.consent_at <= at
            ),
        )
        .values(
            opted_out_at=None if may_write else at, consent_at=at, updated_at=tx.now
        )
        .execution_options(synchronize_session=False)
    )


def stop(tx: Transaction, kind: str, value: str, *, config_id: UUID) -> None:
    """Note that a provider says that somebody has stopped our messages."""
    found = identity(tx, kind, value, config_id=config_id)
    if found is not None:
        key = IdentityKey(found.kind, found.value, found.config_id)
        set_consent(tx, key, may_write=False, at=tx.now)


def mark_undeliverable(
    tx: Transaction, kind: str, value: str, *, config_id: UUID, reason: str
) -> None:
    """Note that nothing arrives at an address, as of the first time that it was said."""
    found = identity(tx, kind, value, config_id=config_id)
    if found is not None:
        tx.session.execute(
            update(CustomerIdentity)
            .where(
                CustomerIdentity.id == found.id,
                CustomerIdentity.undeliverable_at.is_(None),
            )
            .values(undeliverable_at=tx.now, undeliverable_reason=reason)
            .execution_options(synchronize_session=False)
        )


def add(
    tx: Transaction,
    customers: Sequence[dict[str, Any]],
    identities: Sequence[dict[str, Any]],
) -> None:
    """Insert customers with their identities. The caller holds the creation locks."""
    if customers:
        tx.session.execute(insert(Customer), customers)
        tx.session.execute(insert(CustomerIdentity), identities)


def name_the_nameless(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Learn the names of customers that have none; a known name is never overwritten.

    Rows: `id, name`, of which the first for a customer counts.
    """
    execute_with_rows(
        tx,
        """
        UPDATE customers c SET name = r.name, updated_at = :now
        FROM (
            SELECT DISTINCT ON (id) id, name
            FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) AS (id uuid, name text))
                WITH ORDINALITY AS r (id, name, place)
            ORDER BY id, place
        ) r
        WHERE c.id = r.id AND c.name IS NULL
        """,
        rows,
        now=tx.now,
    )


def get(tx: Transaction, customer_id: UUID) -> Customer | None:
    return tx.session.get(Customer, customer_id)


def identities_of(tx: Transaction, customer_id: UUID) -> Sequence[CustomerIdentity]:
    """All that a customer is known by, in the order it was learnt."""
    return tx.session.scalars(
        select(CustomerIdentity)
        .where(CustomerIdentity.customer_id == customer_id)
        .order_by(CustomerIdentity.id)
    ).all()
