"""`products`."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app.models import Product
from app.store.transaction import Transaction


def add(tx: Transaction, row: dict[str, Any]) -> Product | None:
    """Insert a product; None where its article number is taken."""
    return tx.session.scalar(
        insert(Product)
        .values(row)
        .on_conflict_do_nothing(index_elements=["workspace_id", "sku"])
        .returning(Product)
    )


def put(tx: Transaction, rows: Sequence[dict[str, Any]]) -> int:
    """Insert products or change those with the same article number; returns how many were written.

    What is the same already is not touched. No article number stands in the rows twice.
    """
    if not rows:
        return 0
    offered = insert(Product)
    values = {
        name: offered.excluded[name]
        for name in rows[0]
        if name not in {"id", "workspace_id", "sku"}
    }
    same = [
        getattr(Product, name).is_not_distinct_from(value)
        for name, value in values.items()
    ]
    is_same = same[0]
    for one in same[1:]:
        is_same = is_same & one
    statement = offered.on_conflict_do_update(
        index_elements=["workspace_id", "sku"],
        set_=values | {"updated_at": tx.now},
        where=~is_same,
    ).returning(Product.id)
    return len(tx.session.scalars(statement, rows).all())


def change(tx: Transaction, product_id: UUID, values: dict[str, Any]) -> Product | None:
    """Set what a person may set; None where there is no such product."""
    return tx.session.scalar(
        update(Product)
        .where(Product.id == product_id)
        .values(updated_at=tx.now, **values)
        .returning(Product)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def get(tx: Transaction, product_id: UUID) -> Product | None:
    """A product as it is now; locked, so that what is read is what is changed."""
    return tx.session.scalar(
        select(Product).where(Product.id == product_id).with_for_update()
    )


def with_sku(tx: Transaction, sku: str) -> Product | None:
    return tx.session.scalar(
        select(Product).where(
            Product.workspace_id == tx.workspace_id, Product.sku == sku
        )
    )


def in_order(
    tx: Transaction, *, limit: int, after: str | None = None, active_only: bool = False
) -> Sequence[Product]:
    """A page of the catalogue by article number; `after` is that of the row before it."""
    statement = (
        select(Product)
        .where(Product.workspace_id == tx.workspace_id)
        .order_by(Product.sku)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Product.sku > after)
    if active_only:
        statement = statement.where(Product.active)
    return tx.session.scalars(statement).all()


def active_of(tx: Transaction, product_ids: Collection[UUID]) -> Sequence[Product]:
    """Those of some products that are still sold."""
    if not product_ids:
        return []
    return tx.session.scalars(
        select(Product).where(Product.id.in_(product_ids), Product.active)
    ).all()
