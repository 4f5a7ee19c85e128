"""`attachments`: what files there are, who fetches them, and what became of each.

Every write names the claim's token, as those on events do.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.ids import new_id
from app.domain.status import AttachmentState, ConfigStatus
from app.models import Attachment, ChannelConfig
from app.store.transaction import Transaction

#: Attempts of the files of a message together; what was lost with its worker so often goes on alone.
TOGETHER = 2


@dataclass(frozen=True)
class FileClaim:
    """Files of one message that one worker holds until the lease lapses."""

    token: UUID
    taken_at: datetime
    files: list[Any]
    """Rows of `attachments`, the columns that the work needs."""


def add_new(tx: Transaction, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """List the files that are not listed yet; returns the messages of the new ones.

    The unique key (message, position) decides.
    """
    if not rows:
        return set()
    statement = (
        insert(Attachment)
        .on_conflict_do_nothing(index_elements=["message_id", "position"])
        .returning(Attachment.message_id)
    )
    return set(tx.session.scalars(statement, rows))


def get(tx: Transaction, message_id: UUID, attachment_id: UUID) -> Attachment | None:
    """One file of a message."""
    return tx.session.scalar(
        select(Attachment).where(
            Attachment.id == attachment_id, Attachment.message_id == message_id
        )
    )


def of_message(tx: Transaction, message_id: UUID) -> Sequence[Attachment]:
    """The files of a message, as it lists them."""
    return tx.session.scalars(
        select(Attachment)
        .where(Attachment.message_id == message_id)
        .order_by(Attachment.position)
    ).all()


def take(
    tx: Transaction, message_id: UUID, *, lease: timedelta, leaving: Collection[UUID]
) -> FileClaim:
    """Take the files of a message that are due; counts an attempt before any work starts.

    What another worker holds is left out, and so is `leaving`. One that may have killed its worker
    is taken alone, so that it does not use up the attempts of its neighbours.
    """
    is_lost = and_(Attachment.lease_token.is_not(None), Attachment.attempts >= TOGETHER)
    due = tx.session.execute(
        select(Attachment.id, is_lost.label("is_lost"))
        .where(
            Attachment.message_id == message_id,
            Attachment.id.not_in(leaving),
            is_due(),
        )
        .order_by(Attachment.position)
        .with_for_update(skip_locked=True)
    ).all()
    sound = [row.id for row in due if not row.is_lost]
    token = new_id()
    taken = tx.session.execute(
        update(Attachment)
        .where(Attachment.id.in_(sound or [row.id for row in due[:1]]))
        .values(
            attempts=Attachment.attempts + 1,
            lease_token=token,
            lease_expires_at=func.now() + lease,
            updated_at=tx.now,
        )
        .returning(
            Attachment.id,
            Attachment.position,
            Attachment.config_id,
            Attachment.name,
            Attachment.content_type,
            Attachment.size,
            Attachment.place,
            Attachment.url,
            Attachment.is_inline,
            Attachment.attempts,
        )
        .execution_options(synchronize_session=False)
    )
    return FileClaim(token, tx.now, sorted(taken, key=lambda row: row.position))


def save(
    tx: Transaction, claim: FileClaim, attachment_id: UUID, values: dict[str, Any]
) -> bool:
    """Write what became of a file for good; False where it is no longer ours."""
    return _write(tx, claim, attachment_id, next_attempt_at=None, **values)


def put_off(
    tx: Transaction,
    claim: FileClaim,
    attachment_id: UUID,
    *,
    until: datetime,
    error: str,
    counted: bool,
) -> bool:
    """Give a file back until its time comes. `counted` False takes the attempt back."""
    return _write(
        tx,
        claim,
        attachment_id,
        attempts=Attachment.attempts - (0 if counted else 1),
        next_attempt_at=until,
        last_error=error,
    )


def revive(tx: Transaction, message_ids: Collection[UUID]) -> None:
    """Let the files of messages that were given up be tried again."""
    tx.session.execute(
        update(Attachment)
        .where(
            Attachment.message_id.in_(message_ids),
            Attachment.state == AttachmentState.FAILED,
        )
        .values(
            state=AttachmentState.PENDING,
            reason=None,
            attempts=0,
            next_attempt_at=None,
            rung_at=tx.now,
            updated_at=tx.now,
        )
        .execution_options(synchronize_session=False)
    )


def put_off_account(tx: Transaction, config_id: UUID, *, until: datetime) -> None:
    """Leave a provider alone that asks for it: nothing more of this account before its time."""
    # In a fixed order, and without waiting for those that somebody writes right now.
    waiting = (
        select(Attachment.id)
        .where(
            Attachment.config_id == config_id,
            Attachment.state == AttachmentState.PENDING,
            Attachment.url.is_not(None),
            Attachment.lease_token.is_(None),
            or_(
                Attachment.next_attempt_at.is_(None), Attachment.next_attempt_at < until
            ),
        )
        .with_for_update(skip_locked=True)
        .cte("waiting")
    )
    tx.session.execute(
        update(Attachment)
        .where(Attachment.id == waiting.c.id)
        .values(next_attempt_at=until, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def take_overdue(tx: Transaction, *, grace: timedelta, limit: int) -> Sequence[Any]:
    """Mark due files that nobody works on as rung now; returns their messages, each once.

    Left out is what a job was published for less than `grace` ago: it may still be on its way.
    """
    overdue = (
        select(Attachment.id)
        .where(
            is_due(),
            or_(
                Attachment.rung_at.is_(None),
                Attachment.rung_at < tx.now - grace,
                # Its back-off ended after it was last rung.
                Attachment.next_attempt_at > Attachment.rung_at,
            ),
        )
        .order_by(Attachment.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("overdue")
    )
    rung = (
        update(Attachment)
        .where(Attachment.id == overdue.c.id)
        .values(rung_at=tx.now)
        .returning(Attachment.workspace_id, Attachment.message_id)
        .cte("rung")
    )
    return tx.session.execute(
        select(rung.c.workspace_id, rung.c.message_id).distinct()
    ).all()


def waiting(tx: Transaction) -> Sequence[Any]:
    """Per workspace with due files that nobody works on: how many, and since when."""
    since = func.min(func.greatest(Attachment.updated_at, Attachment.next_attempt_at))
    return tx.session.execute(
        select(
            Attachment.workspace_id,
            func.count().label("files"),
            since.label("since"),
        )
        .where(is_due())
        .group_by(Attachment.workspace_id)
    ).all()


def is_due() -> ColumnElement[bool]:
    """Pending, held by nobody, not waiting for its time, and its account may be asked."""
    may_be_asked = (
        select(ChannelConfig.id)
        .where(
            ChannelConfig.id == Attachment.config_id,
            ChannelConfig.status == ConfigStatus.ACTIVE,
            or_(
                ChannelConfig.rate_limited_until.is_(None),
                ChannelConfig.rate_limited_until <= func.now(),
            ),
        )
        .exists()
    )
    return and_(
        Attachment.state == AttachmentState.PENDING,
        or_(
            Attachment.lease_expires_at.is_(None),
            Attachment.lease_expires_at < func.now(),
        ),
        or_(
            Attachment.next_attempt_at.is_(None),
            Attachment.next_attempt_at <= func.now(),
        ),
        # What came with its message needs nobody.
        or_(Attachment.url.is_(None), may_be_asked),
    )


def _write(
    tx: Transaction, claim: FileClaim, attachment_id: UUID, **values: Any
) -> bool:
    written = tx.session.execute(
        update(Attachment)
        .where(Attachment.id == attachment_id, Attachment.lease_token == claim.token)
        .values(**values, lease_token=None, lease_expires_at=None, updated_at=tx.now)
        .returning(Attachment.id)
        .execution_options(synchronize_session=False)
    )
    return written.first() is not None
