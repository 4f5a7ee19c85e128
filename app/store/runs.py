"""`pipeline_runs`: imports, one at a time per account, one page at a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from app.domain.ids import new_id
from app.domain.status import ConfigStatus, RunState
from app.models import ChannelConfig, PipelineRun
from app.store.transaction import Transaction

GOING = (RunState.QUEUED, RunState.RUNNING)


def start(tx: Transaction, row: dict[str, Any]) -> PipelineRun | None:
    """Begin a run; None where one is going for this account already."""
    return tx.session.scalar(
        insert(PipelineRun)
        .values(row)
        .on_conflict_do_nothing(
            index_elements=["config_id"],
            index_where=PipelineRun.state.in_(GOING),
        )
        .returning(PipelineRun)
    )


def get(tx: Transaction, run_id: UUID) -> PipelineRun | None:
    return tx.session.get(PipelineRun, run_id)


def newest_first(tx: Transaction, *, limit: int = 50) -> Sequence[PipelineRun]:
    return tx.session.scalars(
        select(PipelineRun).order_by(PipelineRun.started_at.desc()).limit(limit)
    ).all()


def claim(tx: Transaction, run_id: UUID, *, lease: timedelta) -> PipelineRun | None:
    """Take a run to fetch its next page; counts an attempt before any work starts.

    None where it has ended, waits for its time, is held by another worker, or its account is paused.
    """
    return tx.session.scalar(
        update(PipelineRun)
        .where(PipelineRun.id == run_id, _claimable())
        .values(
            state=RunState.RUNNING,
            attempts=PipelineRun.attempts + 1,
            lease_token=new_id(),
            lease_expires_at=func.now() + lease,
            heartbeat_at=func.now(),
        )
        .returning(PipelineRun)
        .execution_options(synchronize_session=False)
    )


def save_page(
    tx: Transaction,
    run: PipelineRun,
    *,
    folder: str | None,
    page_token: str | None,
    state: RunState,
    fetched: int,
    created: int,
    duplicates: int,
    rejected: int,
    truncated: bool,
) -> PipelineRun | None:
    """Move the cursor past a stored page; None where the run is no longer ours."""
    return _write(
        tx,
        run,
        folder=folder,
        page_token=page_token,
        state=state,
        fetched_so_far=PipelineRun.fetched_so_far + fetched,
        pages=PipelineRun.pages + 1,
        created=PipelineRun.created + created,
        duplicates=PipelineRun.duplicates + duplicates,
        rejected=PipelineRun.rejected + rejected,
        truncated=truncated,
        attempts=0,
        next_attempt_at=None,
        last_error=None,
        rung_at=tx.now,
        finished_at=None if state in GOING else tx.now,
    )


def put_off(
    tx: Transaction, run: PipelineRun, *, until: datetime, error: str, counted: bool
) -> bool:
    """Wait before fetching the same page again; a rate limit takes the attempt back."""
    written = _write(
        tx,
        run,
        next_attempt_at=until,
        last_error=error,
        attempts=PipelineRun.attempts - (0 if counted else 1),
        rate_limit_count=PipelineRun.rate_limit_count + (0 if counted else 1),
    )
    return written is not None


def fail(tx: Transaction, run: PipelineRun, error: str) -> bool:
    """End a run that cannot go on."""
    written = _write(
        tx, run, state=RunState.FAILED, last_error=error, finished_at=tx.now
    )
    return written is not None


def add_progress(
    tx: Transaction, run_id: UUID, *, created: int, duplicates: int, rejected: int
) -> None:
    """Count a batch of a run that is fed from outside."""
    tx.session.execute(
        update(PipelineRun)
        .where(PipelineRun.id == run_id)
        .values(
            fetched_so_far=PipelineRun.fetched_so_far + created + duplicates + rejected,
            created=PipelineRun.created + created,
            duplicates=PipelineRun.duplicates + duplicates,
            rejected=PipelineRun.rejected + rejected,
            heartbeat_at=tx.now,
        )
        .execution_options(synchronize_session=False)
    )


def end(
    tx: Transaction,
    run_id: UUID,
    state: RunState,
    *,
    truncated: bool = False,
    error: str | None = None,
) -> bool:
    """Complete, fail or cancel a run that is going; False where it has ended already."""
    ended = tx.session.execute(
        update(PipelineRun)
        .where(PipelineRun.id == run_id, PipelineRun.state.in_(GOING))
        .values(
            state=state,
            truncated=truncated,
            last_error=error,
            finished_at=tx.now,
            heartbeat_at=tx.now,
            lease_token=None,
            lease_expires_at=None,
        )
        .returning(PipelineRun.id)
        .execution_options(synchronize_session=False)
    )
    return ended.first() is not None


def end_interrupted(tx: Transaction, config_id: UUID, *, silent_for: timedelta) -> None:
    """Fail the run of an account whose program, not a queue, fed it and fell silent."""
    tx.session.execute(
        update(PipelineRun)
        .where(
            PipelineRun.config_id == config_id,
            PipelineRun.state.in_(GOING),
            PipelineRun.folder.is_(None),
            PipelineRun.heartbeat_at < tx.now - silent_for,
        )
        .values(state=RunState.FAILED, last_error="interrupted", finished_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def revive(tx: Transaction, run_id: UUID) -> bool:
    """Let a failed run go on where it stood; False where it did not fail, or another is going."""
    going = aliased(PipelineRun)
    revived = tx.session.execute(
        update(PipelineRun)
        .where(
            PipelineRun.id == run_id,
            PipelineRun.state == RunState.FAILED,
            ~exists().where(
                going.config_id == PipelineRun.config_id, going.state.in_(GOING)
            ),
        )
        .values(
            state=RunState.QUEUED,
            attempts=0,
            next_attempt_at=None,
            finished_at=None,
            rung_at=tx.now,
        )
        .returning(PipelineRun.id)
        .execution_options(synchronize_session=False)
    )
    return revived.first() is not None


def take_overdue(
    tx: Transaction, *, grace: timedelta, limit: int
) -> Sequence[PipelineRun]:
    """Mark runs that should be fetching and are not as rung now, and return them."""
    overdue = (
        select(PipelineRun.id)
        .where(
            _claimable(),
            PipelineRun.folder.is_not(None),
            or_(
                PipelineRun.rung_at.is_(None),
                PipelineRun.rung_at < tx.now - grace,
                PipelineRun.next_attempt_at > PipelineRun.rung_at,
            ),
        )
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
        .cte("overdue")
    )
    return tx.session.scalars(
        update(PipelineRun)
        .where(PipelineRun.id == overdue.c.id)
        .values(rung_at=tx.now)
        .returning(PipelineRun)
        .execution_options(synchronize_session=False)
    ).all()


def _claimable() -> ColumnElement[bool]:
    return and_(
        PipelineRun.state.in_(GOING),
        or_(
            PipelineRun.lease_expires_at.is_(None),
            PipelineRun.lease_expires_at < func.now(),
        ),
        or_(
            PipelineRun.next_attempt_at.is_(None),
            PipelineRun.next_attempt_at <= func.now(),
        ),
        PipelineRun.config_id.in_(
            select(ChannelConfig.id).where(
                ChannelConfig.status == ConfigStatus.ACTIVE,
                or_(
                    ChannelConfig.rate_limited_until.is_(None),
                    ChannelConfig.rate_limited_until <= func.now(),
                ),
            )
        ),
    )


def _write(tx: Transaction, run: PipelineRun, **values: Any) -> PipelineRun | None:
    """Write to a claimed run and give it back, if it is still ours and still going."""
    return tx.session.scalar(
        update(PipelineRun)
        .where(
            PipelineRun.id == run.id,
            PipelineRun.lease_token == run.lease_token,
            PipelineRun.state.in_(GOING),
        )
        .values(lease_token=None, lease_expires_at=None, heartbeat_at=tx.now, **values)
        .returning(PipelineRun)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
