"""`message_fetches`: messages that were announced by their id and are still to be fetched."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.ids import new_id
from app.domain.status import ConfigStatus, FetchState
from app.models import ChannelConfig, MessageFetch
from app.store.transaction import Transaction


def announce(
    tx: Transaction,
    config: ChannelConfig,
    external_ids: Collection[str],
    *,
    receipt_id: UUID | None,
) -> list[UUID]:
    """Remember what is to be fetched; returns the ids of what somebody has to be rung for.

    One row per message however often it is announced. What has ended is tried again: the provider
    says that it is there, and what was a draft or junk before may have become a message since.
    """
    if not external_ids:
        return []
    rows = [
        {
            "id": new_id(),
            "workspace_id": config.workspace_id,
            "config_id": config.id,
            "external_id": external_id,
            "receipt_id": receipt_id,
            "rung_at": tx.now,
        }
        # In one order for all: else two requests could wait for each other for ever.
        for external_id in sorted(set(external_ids))
    ]
    offered = insert(MessageFetch).values(rows)
    return list(
        tx.session.scalars(
            offered.on_conflict_do_update(
                index_elements=["config_id", "external_id"],
                set_={
                    "state": FetchState.PENDING,
                    "attempts": 0,
                    "next_attempt_at": None,
                    "finished_at": None,
                    "receipt_id": offered.excluded.receipt_id,
                    "rung_at": tx.now,
                },
                where=MessageFetch.state != FetchState.PENDING,
            ).returning(MessageFetch.id)
        )
    )


def claim(
    tx: Transaction, fetch_ids: Collection[UUID], *, lease: timedelta
) -> tuple[UUID, Sequence[MessageFetch]]:
    """Take what is due of these; counts an attempt before any work starts. Returns the token too."""
    token = new_id()
    due = (
        select(MessageFetch.id)
        .where(MessageFetch.id.in_(fetch_ids), _claimable())
        .order_by(MessageFetch.id)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    taken = tx.session.scalars(
        update(MessageFetch)
        .where(MessageFetch.id == due.c.id)
        .values(
            attempts=MessageFetch.attempts + 1,
            lease_token=token,
            lease_expires_at=func.now() + lease,
        )
        .returning(MessageFetch)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).all()
    return token, sorted(taken, key=lambda fetch: fetch.id)


def finish(
    tx: Transaction,
    token: UUID,
    fetch_ids: Collection[UUID],
    *,
    state: FetchState,
    error: str | None = None,
) -> list[UUID]:
    """End fetches that are still ours; returns which."""
    if not fetch_ids:
        return []
    return _write(
        tx, token, fetch_ids, state=state, finished_at=tx.now, last_error=error
    )


def put_off(
    tx: Transaction,
    token: UUID,
    fetch_ids: Collection[UUID],
    *,
    until: datetime,
    error: str,
    counted: bool,
) -> list[UUID]:
    """Give fetches back until their time comes; `counted` False takes the attempt back."""
    if not fetch_ids:
        return []
    return _write(
        tx,
        token,
        fetch_ids,
        attempts=MessageFetch.attempts - (0 if counted else 1),
        next_attempt_at=until,
        last_error=error,
    )


def revive(tx: Transaction, fetch_ids: Collection[UUID]) -> bool:
    """Let fetches that were given up be tried again; False where none was."""
    revived = tx.session.execute(
        update(MessageFetch)
        .where(MessageFetch.id.in_(fetch_ids), MessageFetch.state == FetchState.FAILED)
        .values(
            state=FetchState.PENDING,
            attempts=0,
            next_attempt_at=None,
            finished_at=None,
            rung_at=tx.now,
        )
        .returning(MessageFetch.id)
        .execution_options(synchronize_session=False)
    )
    return revived.first() is not None


def take_overdue(
    tx: Transaction, *, grace: timedelta, limit: int
) -> Sequence[MessageFetch]:
    """Mark fetches that are due and held by nobody as rung now, and return them."""
    overdue = (
        select(MessageFetch.id)
        .where(
            _claimable(),
            or_(
                MessageFetch.rung_at.is_(None),
                MessageFetch.rung_at < tx.now - grace,
                MessageFetch.next_attempt_at > MessageFetch.rung_at,
            ),
        )
        .order_by(MessageFetch.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("overdue")
    )
    return tx.session.scalars(
        update(MessageFetch)
        .where(MessageFetch.id == overdue.c.id)
        .values(rung_at=tx.now)
        .returning(MessageFetch)
        .execution_options(synchronize_session=False)
    ).all()


def _claimable() -> ColumnElement[bool]:
    return and_(
        MessageFetch.finished_at.is_(None),
        or_(
            MessageFetch.lease_expires_at.is_(None),
            MessageFetch.lease_expires_at < func.now(),
        ),
        or_(
            MessageFetch.next_attempt_at.is_(None),
            MessageFetch.next_attempt_at <= func.now(),
        ),
        # What a disconnected account was announced waits until it is connected again.
        exists().where(
            ChannelConfig.id == MessageFetch.config_id,
            ChannelConfig.status == ConfigStatus.ACTIVE,
            or_(
                ChannelConfig.rate_limited_until.is_(None),
                ChannelConfig.rate_limited_until <= func.now(),
            ),
        ),
    )


def _write(
    tx: Transaction, token: UUID, fetch_ids: Collection[UUID], **values: Any
) -> list[UUID]:
    return list(
        tx.session.scalars(
            update(MessageFetch)
            .where(MessageFetch.id.in_(fetch_ids), MessageFetch.lease_token == token)
            .values(
                lease_token=None, lease_expires_at=None, updated_at=tx.now, **values
            )
            .returning(MessageFetch.id)
            .execution_options(synchronize_session=False)
        )
    )
