"""`customers` and `customer_identities`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, tuple_, update
from sqlalchemy.orm import aliased

from app.domain.identifiers import identity_key, is_global, phone_aliases
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
        """The same for all forms of one identifier."""
        value = min(one.value for one in self.forms)
        return f"identity:{self.kind}:{self.config_id}:{value}"

    @property
    def forms(self) -> list["IdentityKey"]:
        """Itself, and what else the same identifier is known as."""
        if self.kind != "phone":
            return [self]
        return [replace(self, value=value) for value in phone_aliases(self.value)]


@dataclass(frozen=True)
class Owner:
    """Whose an identifier is."""

    id: UUID
    home_id: UUID
    """Whose it is once nobody is merged."""
    opted_out_at: datetime | None = None
    consent_at: datetime | None = None

    @property
    def columns(self) -> dict[str, UUID | None]:
        """How a row says that it is theirs."""
        merged = self.home_id != self.id
        return {
            "customer_id": self.id,
            "home_customer_id": self.home_id if merged else None,
        }


#: How a row says that it is nobody's.
NOBODY: dict[str, UUID | None] = {"customer_id": None, "home_customer_id": None}


def by_identity(
    tx: Transaction, keys: Collection[IdentityKey]
) -> dict[IdentityKey, Owner]:
    """The customers that are known by these identifiers."""
    if not keys:
        return {}
    rows = tx.session.execute(
        select(
            CustomerIdentity.kind,
            CustomerIdentity.value,
            CustomerIdentity.config_id,
            CustomerIdentity.customer_id,
            func.coalesce(
                CustomerIdentity.home_customer_id, CustomerIdentity.customer_id
            ).label("home_id"),
            CustomerIdentity.opted_out_at,
            CustomerIdentity.consent_at,
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
        IdentityKey(row.kind, row.value, row.config_id): Owner(
            row.customer_id, row.home_id, row.opted_out_at, row.consent_at
        )
        for row in rows
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
    """Note that somebody stops or allows messages; what they said last counts, in any order.

    It counts for all forms of the identifier that are known.
    """
    tx.session.execute(
        update(CustomerIdentity)
        .where(
            CustomerIdentity.workspace_id == tx.workspace_id,
            CustomerIdentity.kind == key.kind,
            CustomerIdentity.value.in_({form.value for form in key.forms}),
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


def mark_deliverable(
    tx: Transaction, kind: str, value: str, *, config_id: UUID
) -> None:
    """Note that something has arrived at an address."""
    found = identity(tx, kind, value, config_id=config_id)
    if found is not None and found.undeliverable_at is not None:
        tx.session.execute(
            update(CustomerIdentity)
            .where(CustomerIdentity.id == found.id)
            .values(undeliverable_at=None, undeliverable_reason=None)
            .execution_options(synchronize_session=False)
        )


def add(
    tx: Transaction,
    customers: Sequence[dict[str, Any]],
    identities: Sequence[dict[str, Any]],
) -> None:
    """Insert customers and identities. The caller holds the creation locks."""
    if customers:
        tx.session.execute(insert(Customer), customers)
    if identities:
        tx.session.execute(insert(CustomerIdentity), identities)


def name_the_nameless(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Learn the names of customers that have none; a known name is never overwritten.

    Rows: `id, survivor_id, name`, of which the first for a customer counts. Who stands for them takes
    it over where they have no name either.
    """
    for statement in (_NAME, _NAME_SURVIVOR):
        execute_with_rows(tx, statement, rows, now=tx.now)


_NAME = """
    UPDATE customers c SET name = r.name, updated_at = :now
    FROM (
        SELECT DISTINCT ON (id) id, name
        FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) AS (id uuid, name text))
            WITH ORDINALITY AS r (id, name, place)
        ORDER BY id, place
    ) r
    WHERE c.id = r.id AND c.name IS NULL
"""
_NAME_SURVIVOR = """
    UPDATE customers c SET name = r.name, name_from = r.id, updated_at = :now
    FROM (
        SELECT DISTINCT ON (survivor_id) survivor_id, id, name
        FROM ROWS FROM (
            jsonb_to_recordset(CAST(:rows AS jsonb)) AS (survivor_id uuid, id uuid, name text)
        ) WITH ORDINALITY AS r (survivor_id, id, name, place)
        WHERE survivor_id <> id
        ORDER BY survivor_id, place
    ) r
    WHERE c.id = r.survivor_id AND c.name IS NULL
"""


def get(tx: Transaction, customer_id: UUID) -> Customer | None:
    """A customer, or who stands for them."""
    asked = aliased(Customer)
    return tx.session.scalar(
        select(Customer)
        .join(asked, Customer.id == func.coalesce(asked.merged_into, asked.id))
        .where(asked.id == customer_id)
        # What this transaction has written past the session counts too.
        .execution_options(populate_existing=True)
    )


def identities_of(tx: Transaction, customer_id: UUID) -> Sequence[CustomerIdentity]:
    """All that a customer is known by, in the order it was learnt."""
    return tx.session.scalars(
        select(CustomerIdentity)
        .where(CustomerIdentity.customer_id == customer_id)
        .order_by(CustomerIdentity.id)
        .execution_options(populate_existing=True)
    ).all()
