"""`sync_watermarks`: how far each account has been read, and when somebody looks again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.domain.backoff import MAX_ATTEMPTS
from app.domain.ids import new_id
from app.domain.status import ConfigStatus, WatermarkResource
from app.models import ChannelConfig, SyncWatermark
from app.store.transaction import Transaction

MAX_COUNTED = 2**15 - 1

#: When somebody tries again whose worker is lost, after `MAX_ATTEMPTS` that did not go well.
SPENT_PAUSE = timedelta(minutes=1)


def add_missing(tx: Transaction) -> None:
    """Begin a watermark for every account that is polled or subscribed and has none yet."""
    wanted = [
        select(
            ChannelConfig.workspace_id, ChannelConfig.id, literal(resource.value)
        ).where(
            asked_for,
            ChannelConfig.status == ConfigStatus.ACTIVE,
            ~exists().where(
                SyncWatermark.config_id == ChannelConfig.id,
                SyncWatermark.resource == resource,
            ),
        )
        for resource, asked_for in _ASKED_FOR.items()
    ]
    tx.session.execute(
        insert(SyncWatermark)
        .from_select(["workspace_id", "config_id", "resource"], union_all(*wanted))
        .on_conflict_do_nothing(index_elements=["config_id", "resource"])
    )


def take_due(
    tx: Transaction, *, grace: timedelta, limit: int
) -> Sequence[SyncWatermark]:
    """Mark the watermarks that are due and held by nobody as rung now, and return them."""
    due = (
        select(SyncWatermark.id)
        .where(
            _claimable(),
            or_(
                SyncWatermark.rung_at.is_(None),
                SyncWatermark.rung_at < tx.now - grace,
                SyncWatermark.next_attempt_at > SyncWatermark.rung_at,
            ),
        )
        .order_by(SyncWatermark.next_attempt_at.nulls_first())
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
        .cte("due")
    )
    return tx.session.scalars(
        update(SyncWatermark)
        .where(SyncWatermark.id == due.c.id)
        .values(rung_at=tx.now)
        .returning(SyncWatermark)
        .execution_options(synchronize_session=False)
    ).all()


def claim(
    tx: Transaction, config_id: UUID, resource: WatermarkResource, *, lease: timedelta
) -> SyncWatermark | None:
    """Take a watermark to work on; counts an attempt before any work starts.

    None where it is not due, is held by another worker, or its account is paused or told to wait.
    """
    return tx.session.scalar(
        update(SyncWatermark)
        .where(
            SyncWatermark.config_id == config_id,
            SyncWatermark.resource == resource,
            _claimable(),
        )
        .values(
            # The column holds no more, and an outage may last.
            attempts=func.least(SyncWatermark.attempts + 1, MAX_COUNTED),
            # Who has killed so many workers in a row must not kill the next one at once.
            next_attempt_at=case(
                (SyncWatermark.attempts >= MAX_ATTEMPTS, func.now() + SPENT_PAUSE),
                else_=SyncWatermark.next_attempt_at,
            ),
            lease_token=new_id(),
            lease_expires_at=func.now() + lease,
        )
        .returning(SyncWatermark)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def move(
    tx: Transaction, held: SyncWatermark, cursor: dict[str, Any], *, again_at: datetime
) -> bool:
    """Move past what this transaction has stored; False where the watermark is no longer ours."""
    return _write(
        tx, held, cursor=cursor, attempts=0, next_attempt_at=again_at, last_error=None
    )


def put_off(
    tx: Transaction, held: SyncWatermark, *, until: datetime, error: str, counted: bool
) -> bool:
    """Wait before trying again; the cursor stays. A rate limit takes the attempt back."""
    return _write(
        tx,
        held,
        attempts=SyncWatermark.attempts - (0 if counted else 1),
        next_attempt_at=until,
        last_error=error,
    )


def hurry(tx: Transaction, config_id: UUID, resource: WatermarkResource) -> bool:
    """Make a watermark due now; False where there is none, or it is due already."""
    hurried = tx.session.execute(
        update(SyncWatermark)
        .where(
            SyncWatermark.config_id == config_id,
            SyncWatermark.resource == resource,
            SyncWatermark.next_attempt_at > tx.now,
        )
        .values(next_attempt_at=None, rung_at=tx.now)
        .returning(SyncWatermark.id)
        .execution_options(synchronize_session=False)
    )
    return hurried.first() is not None


def of_config(tx: Transaction, config_id: UUID) -> dict[str, SyncWatermark]:
    """The watermarks of an account by resource."""
    found = tx.session.scalars(
        select(SyncWatermark).where(SyncWatermark.config_id == config_id)
    )
    return {watermark.resource: watermark for watermark in found}


_ASKED_FOR: dict[WatermarkResource, ColumnElement[bool]] = {
    WatermarkResource.MESSAGES: ChannelConfig.poll_seconds.is_not(None),
    WatermarkResource.SUBSCRIPTION: ChannelConfig.subscribes.is_(True),
}


def _claimable() -> ColumnElement[bool]:
    return and_(
        or_(
            SyncWatermark.lease_expires_at.is_(None),
            SyncWatermark.lease_expires_at < func.now(),
        ),
        or_(
            SyncWatermark.next_attempt_at.is_(None),
            SyncWatermark.next_attempt_at <= func.now(),
        ),
        exists().where(
            ChannelConfig.id == SyncWatermark.config_id,
            ChannelConfig.status == ConfigStatus.ACTIVE,
            or_(
                ChannelConfig.rate_limited_until.is_(None),
                ChannelConfig.rate_limited_until <= func.now(),
            ),
            or_(
                *(
                    and_(SyncWatermark.resource == resource, asked_for)
                    for resource, asked_for in _ASKED_FOR.items()
                )
            ),
        ),
    )


def _write(tx: Transaction, held: SyncWatermark, **values: Any) -> bool:
    written = tx.session.execute(
        update(SyncWatermark)
        .where(
            SyncWatermark.id == held.id,
            SyncWatermark.lease_token == held.lease_token,
        )
        .values(lease_token=None, lease_expires_at=None, updated_at=tx.now, **values)
        .returning(SyncWatermark.id)
        .execution_options(synchronize_session=False)
    )
    return written.first() is not None
