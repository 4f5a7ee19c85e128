"""`outbound_messages`: the queue of what we send."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.orm import aliased

from app.domain.ids import new_id
from app.domain.outbound import ECHO_BEFORE
from app.domain.status import (
    ConfigStatus,
    DeliveryStatus,
    DraftStatus,
    OutboundOrigin,
    OutboundState,
)
from app.domain.unified_message import Direction, MessageKind
from app.jobs import queues
from app.models import (
    ChannelConfig,
    Conversation,
    Draft,
    JobAudit,
    Message,
    OutboundMessage,
)
from app.store.transaction import Transaction

_ON_ITS_WAY = (OutboundState.QUEUED, OutboundState.SENDING)

#: The rule by which the parts of a text end whose earlier part was not sent.
_EARLIER_PART = "earlier_part"

#: All looks for a message are over by then, where its account is open.
_LOOKED_FOR = timedelta(hours=1)


def add(
    tx: Transaction,
    messages: Sequence[dict[str, Any]],
    queued: Sequence[dict[str, Any]],
) -> None:
    """Put messages into the queue, in the order given. The caller holds the lock of the request key."""
    tx.session.execute(insert(Message), list(messages))
    for row in queued:  # one after another: `number` is their order
        tx.session.execute(insert(OutboundMessage).values(row))


def of_request(tx: Transaction, request_key: str) -> Sequence[OutboundMessage]:
    """What a request put into the queue, part by part."""
    return tx.session.scalars(
        select(OutboundMessage)
        .where(
            OutboundMessage.workspace_id == tx.workspace_id,
            OutboundMessage.request_key == request_key,
        )
        .order_by(OutboundMessage.position)
    ).all()


def get(tx: Transaction, outbound_id: UUID) -> OutboundMessage | None:
    return tx.session.get(OutboundMessage, outbound_id, populate_existing=True)


def lock(tx: Transaction, outbound_id: UUID) -> OutboundMessage | None:
    """A message of the queue that nobody else changes meanwhile."""
    return tx.session.scalar(
        select(OutboundMessage)
        .where(OutboundMessage.id == outbound_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def answers_to(tx: Transaction, message_id: UUID) -> Sequence[OutboundMessage]:
    """What was queued in answer to a message."""
    return tx.session.scalars(
        select(OutboundMessage)
        .where(OutboundMessage.target_message_id == message_id)
        .order_by(OutboundMessage.number)
    ).all()


def has_gone_out_by_itself(
    tx: Transaction, draft_id: UUID, target_message_id: UUID
) -> bool:
    """Whether a draft was sent without a person, or is about to be."""
    found = tx.session.scalar(
        select(OutboundMessage.id)
        .where(
            OutboundMessage.target_message_id == target_message_id,
            OutboundMessage.draft_id == draft_id,
            OutboundMessage.origin == OutboundOrigin.AUTOMATIC,
            OutboundMessage.state.not_in(
                (OutboundState.CANCELLED, OutboundState.FAILED)
            ),
        )
        .limit(1)
    )
    return found is not None


def of_message(tx: Transaction, message_id: UUID) -> OutboundMessage | None:
    """How a message of ours went out; None for one that we did not send."""
    return tx.session.scalar(
        select(OutboundMessage).where(OutboundMessage.message_id == message_id)
    )


def of_draft(tx: Transaction, draft_id: UUID) -> Sequence[OutboundMessage]:
    """What was queued of a draft: the first part of each text, in their order."""
    return tx.session.scalars(
        select(OutboundMessage)
        .where(OutboundMessage.draft_id == draft_id, OutboundMessage.position == 0)
        .order_by(OutboundMessage.number)
    ).all()


def find(
    tx: Transaction,
    *,
    state: OutboundState | None = None,
    conversation_id: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> Sequence[OutboundMessage]:
    """Messages of the queue, the newest first; `before` is (created_at, id) of the last one seen."""
    statement = (
        select(OutboundMessage)
        .order_by(OutboundMessage.created_at.desc(), OutboundMessage.id.desc())
        .limit(limit)
    )
    if state is not None:
        statement = statement.where(OutboundMessage.state == state)
    if conversation_id is not None:
        statement = statement.where(OutboundMessage.conversation_id == conversation_id)
    if before is not None:
        statement = statement.where(
            tuple_(OutboundMessage.created_at, OutboundMessage.id) < tuple_(*before)
        )
    return tx.session.scalars(statement).all()


def claim(
    tx: Transaction, conversation_id: UUID, *, lease: timedelta
) -> OutboundMessage | None:
    """Take what goes out next in a conversation, if it is due; counts the attempt.

    Nothing overtakes: while an earlier message waits or is being sent, there is none.
    """
    due = (
        select(OutboundMessage.id)
        .where(
            OutboundMessage.conversation_id == conversation_id,
            OutboundMessage.finished_at.is_(None),
            OutboundMessage.state == OutboundState.QUEUED,
            _is_due(),
            ~_has_predecessor(),
            _account_is_open(),
        )
        .order_by(OutboundMessage.number)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return tx.session.scalar(
        update(OutboundMessage)
        .where(OutboundMessage.id == due.c.id)
        .values(
            state=OutboundState.SENDING,
            attempts=OutboundMessage.attempts + 1,
            first_tried_at=func.coalesce(OutboundMessage.first_tried_at, tx.now),
            lease_token=new_id(),
            lease_expires_at=func.now() + lease,
            updated_at=tx.now,
        )
        .returning(OutboundMessage)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def claim_lost(tx: Transaction, conversation_id: UUID) -> Sequence[OutboundMessage]:
    """Mark as uncertain what somebody was sending whose lease has lapsed; returns it.

    Whoever held it may have died before the call, after it, or may still be waiting for the answer.
    """
    lost = (
        select(OutboundMessage.id)
        .where(
            OutboundMessage.conversation_id == conversation_id,
            OutboundMessage.finished_at.is_(None),
            OutboundMessage.state == OutboundState.SENDING,
            OutboundMessage.lease_expires_at < func.now(),
        )
        .order_by(OutboundMessage.number)
        .with_for_update(skip_locked=True)
        .cte("lost")
    )
    return tx.session.scalars(
        update(OutboundMessage)
        .where(OutboundMessage.id == lost.c.id)
        .values(
            state=OutboundState.UNCERTAIN,
            lease_token=None,
            lease_expires_at=None,
            last_error="its worker was lost while it was being sent",
            updated_at=tx.now,
        )
        .returning(OutboundMessage)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).all()


def claim_uncertain(
    tx: Transaction, conversation_id: UUID, *, lease: timedelta
) -> OutboundMessage | None:
    """Take a message that is to be looked for; counts the look."""
    due = (
        select(OutboundMessage.id)
        .where(
            OutboundMessage.conversation_id == conversation_id,
            OutboundMessage.state == OutboundState.UNCERTAIN,
            OutboundMessage.finished_at.is_(None),
            _is_due(),
            _account_is_open(),
        )
        .order_by(OutboundMessage.number)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return tx.session.scalar(
        update(OutboundMessage)
        .where(OutboundMessage.id == due.c.id)
        .values(
            checks=OutboundMessage.checks + 1,
            lease_token=new_id(),
            lease_expires_at=func.now() + lease,
        )
        .returning(OutboundMessage)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def save_sent(
    tx: Transaction,
    outbound_id: UUID,
    *,
    external_id: str | None,
    thread_id: str | None,
    status: DeliveryStatus = DeliveryStatus.SENT,
) -> bool:
    """Note that the provider has a message, whoever learns it first; False where that was known.

    The message takes the provider's id, unless an echo came first and bears it already.
    """
    tells_more = OutboundMessage.state != OutboundState.SENT
    if external_id is not None:
        tells_more = or_(tells_more, OutboundMessage.is_met.is_(False))
    before = tx.session.scalar(
        select(OutboundMessage.state)
        .where(OutboundMessage.id == outbound_id, tells_more)
        .with_for_update()
    )
    settled = tx.session.execute(
        update(OutboundMessage)
        .where(OutboundMessage.id == outbound_id, tells_more)
        .values(
            state=OutboundState.SENT,
            is_met=external_id is not None,
            rule=None,
            lease_token=None,
            lease_expires_at=None,
            next_attempt_at=None,
            finished_at=func.coalesce(OutboundMessage.finished_at, tx.now),
            updated_at=tx.now,
        )
        .returning(OutboundMessage.message_id)
        .execution_options(synchronize_session=False)
    ).scalar()
    if settled is None:
        return False
    tx.session.execute(
        update(Message)
        .where(Message.id == settled)
        .values(
            external_id=func.coalesce(Message.external_id, external_id),
            external_thread_id=func.coalesce(Message.external_thread_id, thread_id),
            sent_at=func.coalesce(Message.sent_at, tx.now),
        )
        .execution_options(synchronize_session=False)
    )
    tells_status: ColumnElement[bool] = Message.delivery_status.is_(None)
    if before in (OutboundState.FAILED, OutboundState.CANCELLED):
        tells_status = true()  # that it failed was only what we believed
    tx.session.execute(
        update(Message)
        .where(
            Message.id == settled,
            # What was reported of it meanwhile, by a bounce for one, says more.
            or_(tells_status, Message.delivery_status == DeliveryStatus.QUEUED),
        )
        .values(delivery_status=status, delivery_reason=None)
        .execution_options(synchronize_session=False)
    )
    tx.session.execute(
        update(OutboundMessage)
        .where(
            OutboundMessage.state == OutboundState.HELD,
            *_later_parts_of(outbound_id),
        )
        .values(state=OutboundState.QUEUED, rung_at=None, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )
    return True


def put_off(
    tx: Transaction,
    outbound: OutboundMessage,
    *,
    until: datetime,
    error: str,
    counted: bool,
) -> bool:
    """Queue a message again until its time comes; `counted` False takes the attempt back."""
    return _write(
        tx,
        outbound,
        state=OutboundState.QUEUED,
        attempts=OutboundMessage.attempts - (0 if counted else 1),
        next_attempt_at=until,
        last_error=error,
    )


def check_later(
    tx: Transaction, outbound: OutboundMessage, *, until: datetime, error: str | None
) -> bool:
    """Look again later for a message whose outcome is unknown."""
    return _write(tx, outbound, next_attempt_at=until, last_error=error)


def make_uncertain(
    tx: Transaction, outbound: OutboundMessage, *, until: datetime | None, error: str
) -> bool:
    """Note that nobody knows what became of a message; `until` None: and nobody can look.

    Later parts of its text wait until somebody knows.
    """
    written = _write(
        tx,
        outbound,
        state=OutboundState.UNCERTAIN,
        next_attempt_at=until,
        finished_at=None if until else tx.now,
        last_error=error,
    )
    if written:
        hold_rest(tx, outbound.id)
    return written


def hold_rest(tx: Transaction, outbound_id: UUID) -> None:
    """Let the later parts of a text wait until it is known what became of this one."""
    tx.session.execute(
        update(OutboundMessage)
        .where(
            OutboundMessage.state == OutboundState.QUEUED, *_later_parts_of(outbound_id)
        )
        .values(state=OutboundState.HELD, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def end(
    tx: Transaction,
    outbound: OutboundMessage,
    *,
    state: OutboundState,
    rule: str,
    reason: str,
) -> list[UUID]:
    """End a message as failed or cancelled, and with it the later parts of its text.

    Returns the ids of the queue that have ended; none where the message was no longer ours.
    """
    if not _write(
        tx, outbound, state=state, rule=rule, last_error=reason, finished_at=tx.now
    ):
        return []
    rest = tx.session.scalars(
        update(OutboundMessage)
        .where(
            OutboundMessage.state.in_((OutboundState.QUEUED, OutboundState.HELD)),
            *_later_parts_of(outbound.id),
        )
        .values(
            state=OutboundState.CANCELLED,
            rule=_EARLIER_PART,
            last_error="an earlier part of the text was not sent",
            finished_at=tx.now,
            updated_at=tx.now,
        )
        .returning(OutboundMessage.id)
        .execution_options(synchronize_session=False)
    ).all()
    ended = [outbound.id, *rest]
    tx.session.execute(
        update(Message)
        .where(Message.id == OutboundMessage.message_id, OutboundMessage.id.in_(ended))
        .values(
            delivery_status=DeliveryStatus.FAILED,
            delivery_reason=OutboundMessage.last_error,
        )
        .execution_options(synchronize_session=False)
    )
    _forget_answers(tx, outbound.conversation_id)
    if outbound.origin is OutboundOrigin.AUTOMATIC and outbound.position == 0:
        _give_back_draft(tx, outbound)
    return ended


def note_undelivered(tx: Transaction, message_id: UUID, conversation_id: UUID) -> None:
    """Let what a message answered wait again: the provider took it and could not deliver it."""
    answered = select(OutboundMessage.target_message_id).where(
        OutboundMessage.message_id == message_id
    )
    tx.session.execute(
        update(Message)
        .where(Message.id == answered.scalar_subquery())
        .values(reply_sent=False)
        .execution_options(synchronize_session=False)
    )
    _forget_answers(tx, conversation_id)


def cancel_automatic(
    tx: Transaction,
    conversation_ids: Collection[UUID],
    *,
    rule: str,
    reason: str,
    targets: Collection[UUID] | None = None,
) -> list[UUID]:
    """Cancel automatic replies that have not gone out yet; returns them.

    All of these conversations, or only those to `targets`. Parts that wait until it is known what
    became of the one before them are among them.
    """
    if not conversation_ids:
        return []
    statement = select(OutboundMessage).where(
        OutboundMessage.conversation_id.in_(conversation_ids),
        OutboundMessage.origin == OutboundOrigin.AUTOMATIC,
        OutboundMessage.state.in_((OutboundState.QUEUED, OutboundState.HELD)),
    )
    if targets is not None:
        statement = statement.where(OutboundMessage.target_message_id.in_(targets))
    waiting = tx.session.scalars(
        statement.order_by(OutboundMessage.number)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    return [
        ended
        for one in waiting
        for ended in end(
            tx, one, state=OutboundState.CANCELLED, rule=rule, reason=reason
        )
    ]


def revive(
    tx: Transaction,
    outbound_ids: Collection[UUID],
    *,
    states: Collection[OutboundState],
) -> list[OutboundMessage]:
    """Queue again what ended in one of these states; what the provider is known to have stays.

    So does a draft's try that a later one has replaced. The later parts of a text that ended with one of
    its parts go with it.
    """
    later = aliased(OutboundMessage)
    is_replaced = exists().where(
        later.draft_id == OutboundMessage.draft_id,
        later.target_message_id == OutboundMessage.target_message_id,
        later.request_key != OutboundMessage.request_key,
        later.number > OutboundMessage.number,
        later.state.not_in((OutboundState.FAILED, OutboundState.CANCELLED)),
    )
    revived = tx.session.scalars(
        update(OutboundMessage)
        .where(
            OutboundMessage.id.in_(outbound_ids),
            OutboundMessage.state.in_(states),
            OutboundMessage.is_met.is_(False),
            ~is_replaced,
        )
        .values(
            state=OutboundState.QUEUED,
            rule=None,
            attempts=0,
            checks=0,
            next_attempt_at=None,
            lease_token=None,
            lease_expires_at=None,
            rung_at=tx.now,
            finished_at=None,
            updated_at=tx.now,
        )
        .returning(OutboundMessage)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).all()
    rest = [
        message_id
        for one in revived
        for message_id in tx.session.scalars(
            update(OutboundMessage)
            .where(
                OutboundMessage.state == OutboundState.CANCELLED,
                OutboundMessage.rule == _EARLIER_PART,
                *_later_parts_of(one.id),
            )
            .values(
                state=OutboundState.QUEUED,
                rule=None,
                last_error=None,
                rung_at=tx.now,
                finished_at=None,
                updated_at=tx.now,
            )
            .returning(OutboundMessage.message_id)
            .execution_options(synchronize_session=False)
        )
    ]
    tx.session.execute(
        update(Message)
        .where(Message.id.in_([*(one.message_id for one in revived), *rest]))
        .values(delivery_status=DeliveryStatus.QUEUED, delivery_reason=None)
        .execution_options(synchronize_session=False)
    )
    # Who approves the draft now gets this try, and no other beside it.
    tx.session.execute(
        update(Draft)
        .where(
            Draft.id.in_([one.draft_id for one in revived if one.draft_id]),
            Draft.status == DraftStatus.LIVE,
        )
        .values(status=DraftStatus.SENT, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )
    return list(revived)


def sending_accounts(tx: Transaction, config_ids: Collection[UUID]) -> set[UUID]:
    """Those accounts through which anything was ever sent by us."""
    sends = exists().where(
        OutboundMessage.workspace_id == ChannelConfig.workspace_id,
        OutboundMessage.config_id == ChannelConfig.id,
    )
    return set(
        tx.session.scalars(
            select(ChannelConfig.id).where(ChannelConfig.id.in_(config_ids), sends)
        )
    )


def unmet(
    tx: Transaction,
    config_id: UUID,
    *,
    digest: bytes,
    recipient_keys: Collection[str],
    conversation_ids: Collection[UUID],
    at: datetime,
    late_by: timedelta,
) -> OutboundMessage | None:
    """What we sent, or may have sent, with this text to this person at about this time.

    `late_by` is how long after our call that time may be. Of several the first: echoes come in the
    order of the sends. Locks it.
    """
    return tx.session.scalar(
        select(OutboundMessage)
        .where(
            OutboundMessage.config_id == config_id,
            ~OutboundMessage.is_met,  # as the index says it
            OutboundMessage.text_digest == digest,
            OutboundMessage.state.in_(
                (
                    OutboundState.SENDING,
                    OutboundState.UNCERTAIN,
                    OutboundState.SENT,
                )
            ),
            OutboundMessage.first_tried_at <= at + ECHO_BEFORE,
            # What was put off for days is sent at the end of them.
            func.coalesce(OutboundMessage.finished_at, tx.now) >= at - late_by,
            or_(
                OutboundMessage.recipient_key.in_(recipient_keys),
                OutboundMessage.conversation_id.in_(conversation_ids),
            ),
        )
        .order_by(OutboundMessage.number)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def of_ids(
    tx: Transaction, message_ids: Collection[UUID]
) -> dict[UUID, OutboundMessage]:
    """How messages of ours went out, by the message."""
    if not message_ids:
        return {}
    found = tx.session.scalars(
        select(OutboundMessage).where(OutboundMessage.message_id.in_(message_ids))
    )
    return {one.message_id: one for one in found}


def messages_of(tx: Transaction, outbound: OutboundMessage) -> list[UUID]:
    """The messages of the text that one is a part of."""
    return list(
        tx.session.scalars(
            select(OutboundMessage.message_id).where(
                OutboundMessage.workspace_id == outbound.workspace_id,
                OutboundMessage.request_key == outbound.request_key,
            )
        )
    )


def of_mail_ids(
    tx: Transaction, config_id: UUID, mail_ids: Collection[str]
) -> dict[str, OutboundMessage]:
    """What we sent on an account as mail with these Message-IDs."""
    if not mail_ids:
        return {}
    rows = tx.session.execute(
        select(Message.mail_id, OutboundMessage)
        .join(OutboundMessage, OutboundMessage.message_id == Message.id)
        .where(Message.config_id == config_id, Message.mail_id.in_(mail_ids))
    )
    return {row.mail_id: row.OutboundMessage for row in rows}


def automatic_since(
    tx: Transaction,
    *,
    since: datetime,
    conversation_id: UUID | None = None,
    recipient_key: str | None = None,
    but: UUID | None = None,
) -> int:
    """How many automatic replies have gone out or were tried since then."""
    statement = select(func.count()).where(
        OutboundMessage.workspace_id == tx.workspace_id,
        OutboundMessage.origin == OutboundOrigin.AUTOMATIC,
        OutboundMessage.position == 0,
        OutboundMessage.first_tried_at >= since,
        OutboundMessage.state != OutboundState.CANCELLED,
    )
    if conversation_id is not None:
        statement = statement.where(OutboundMessage.conversation_id == conversation_id)
    if recipient_key is not None:
        statement = statement.where(OutboundMessage.recipient_key == recipient_key)
    if but is not None:
        statement = statement.where(OutboundMessage.id != but)
    return tx.session.scalar(statement) or 0


def take_overdue(tx: Transaction, *, grace: timedelta, limit: int) -> Sequence[Any]:
    """The conversations in which something is due that nobody works on; marks it as rung.

    Rows: `workspace_id, conversation_id`.
    """
    overdue = (
        select(OutboundMessage.id)
        .where(
            OutboundMessage.finished_at.is_(None),
            or_(
                and_(
                    OutboundMessage.state.in_(
                        (OutboundState.QUEUED, OutboundState.UNCERTAIN)
                    ),
                    _is_due(),
                    ~_has_predecessor(),
                    _account_is_open(),
                ),
                and_(
                    OutboundMessage.state == OutboundState.SENDING,
                    OutboundMessage.lease_expires_at < func.now(),
                ),
            ),
            or_(
                OutboundMessage.rung_at.is_(None),
                OutboundMessage.rung_at < tx.now - grace,
                OutboundMessage.next_attempt_at > OutboundMessage.rung_at,
            ),
        )
        .order_by(OutboundMessage.number)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("overdue")
    )
    rows = tx.session.execute(
        update(OutboundMessage)
        .where(OutboundMessage.id == overdue.c.id)
        .values(rung_at=tx.now)
        .returning(OutboundMessage.workspace_id, OutboundMessage.conversation_id)
        .execution_options(synchronize_session=False)
    ).all()
    return list(dict.fromkeys(rows))


def next_due(tx: Transaction) -> UUID | None:
    """The conversation of the message that has waited longest and may go out now."""
    return tx.session.scalar(
        select(OutboundMessage.conversation_id)
        .where(
            OutboundMessage.workspace_id == tx.workspace_id,
            OutboundMessage.finished_at.is_(None),
            OutboundMessage.state == OutboundState.QUEUED,
            _is_due(),
            ~_has_predecessor(),
            _account_is_open(),
        )
        .order_by(OutboundMessage.number)
        .limit(1)
    )


def uncertain(tx: Transaction) -> Sequence[Any]:
    """Per account what nobody knows the outcome of and nobody looks for any more, or could all along."""
    return tx.session.execute(
        select(
            OutboundMessage.workspace_id,
            OutboundMessage.config_id,
            func.count().label("messages"),
            func.min(OutboundMessage.first_tried_at).label("since"),
        )
        .where(
            OutboundMessage.state == OutboundState.UNCERTAIN,
            or_(
                OutboundMessage.finished_at.is_not(None),
                OutboundMessage.first_tried_at < tx.now - _LOOKED_FOR,
            ),
        )
        .group_by(OutboundMessage.workspace_id, OutboundMessage.config_id)
    ).all()


def waiting(tx: Transaction) -> list[dict[str, Any]]:
    """What could go out now and nobody sends: how much, since when, and when anything was sent last.

    As `reports.waiting_stages` says it of events; empty where nothing waits.
    """
    since = func.greatest(OutboundMessage.updated_at, OutboundMessage.next_attempt_at)
    last = (
        select(func.max(JobAudit.created_at))
        .where(
            JobAudit.created_at > tx.now - timedelta(hours=1),
            JobAudit.queue == queues.OUTBOUND,
        )
        .scalar_subquery()
    )
    rows = tx.session.execute(
        select(
            literal("to_send").label("status"),
            func.count().label("events"),
            func.min(since).label("since"),
            last.label("last_outcome_at"),
        )
        .where(
            OutboundMessage.finished_at.is_(None),
            OutboundMessage.state != OutboundState.HELD,
            _is_due(),
            ~_has_predecessor(),
            _account_is_open(),
        )
        .having(func.count() > 0)
    )
    return [dict(row) for row in rows.mappings()]


def _is_due() -> ColumnElement[bool]:
    return and_(
        or_(
            OutboundMessage.lease_expires_at.is_(None),
            OutboundMessage.lease_expires_at < func.now(),
        ),
        or_(
            OutboundMessage.next_attempt_at.is_(None),
            OutboundMessage.next_attempt_at <= func.now(),
        ),
    )


def _has_predecessor() -> ColumnElement[bool]:
    """Whether an earlier message of the conversation has to go first; one for later has not."""
    earlier = aliased(OutboundMessage)
    is_for_later = and_(
        earlier.first_tried_at.is_(None), earlier.next_attempt_at > func.now()
    )
    return exists().where(
        earlier.conversation_id == OutboundMessage.conversation_id,
        earlier.number < OutboundMessage.number,
        earlier.finished_at.is_(None),
        earlier.state.in_(_ON_ITS_WAY),
        ~func.coalesce(is_for_later, False),
    )


def _account_is_open() -> ColumnElement[bool]:
    """Nothing leaves a paused or disconnected account; it waits, and no attempt is counted."""
    return exists().where(
        ChannelConfig.id == OutboundMessage.config_id,
        ChannelConfig.status == ConfigStatus.ACTIVE,
        or_(
            ChannelConfig.rate_limited_until.is_(None),
            ChannelConfig.rate_limited_until <= func.now(),
        ),
    )


def _later_parts_of(outbound_id: UUID) -> list[ColumnElement[bool]]:
    first = aliased(OutboundMessage)
    return [
        exists().where(
            first.id == outbound_id,
            first.workspace_id == OutboundMessage.workspace_id,
            first.request_key == OutboundMessage.request_key,
            first.position < OutboundMessage.position,
        )
    ]


def _write(tx: Transaction, outbound: OutboundMessage, **values: Any) -> bool:
    """Write what became of a claimed message, if it is still ours."""
    written = tx.session.scalar(
        update(OutboundMessage)
        .where(
            OutboundMessage.id == outbound.id,
            OutboundMessage.lease_token.is_not_distinct_from(outbound.lease_token),
            OutboundMessage.state != OutboundState.SENT,
        )
        .values(
            **{
                "lease_token": None,
                "lease_expires_at": None,
                "updated_at": tx.now,
                **values,
            }
        )
        .returning(OutboundMessage.id)
        .execution_options(synchronize_session=False)
    )
    return written is not None


def _forget_answers(tx: Transaction, conversation_id: UUID) -> None:
    """Let a conversation say when it was last answered, by what did go out."""
    answered = (
        select(func.max(Message.occurred_at))
        .where(
            Message.conversation_id == conversation_id,
            Message.direction == Direction.OUTBOUND,
            Message.kind.in_((MessageKind.TEXT, MessageKind.MEDIA)),
            Message.deleted_at.is_(None),
            Message.delivery_status.is_distinct_from(DeliveryStatus.FAILED),
        )
        .scalar_subquery()
    )
    tx.session.execute(
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(last_outbound_message_at=answered, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def _give_back_draft(tx: Transaction, outbound: OutboundMessage) -> None:
    """Let a draft that did not go out by itself wait for a person, if what it answers still waits.

    The conversation is locked.
    """
    own, other = Draft.id == outbound.draft_id, aliased(Draft)
    tx.session.execute(
        update(Draft)
        .where(own, Draft.status == DraftStatus.SENT)
        .values(status=DraftStatus.STALE, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )
    tx.session.execute(
        update(Draft)
        .where(
            own,
            Draft.status == DraftStatus.STALE,
            Conversation.id == Draft.conversation_id,
            Conversation.last_inbound_message_id == Draft.target_message_id,
            func.coalesce(
                Conversation.last_outbound_message_at
                < Conversation.last_inbound_message_at,
                True,
            ),
            ~exists().where(
                other.target_message_id == Draft.target_message_id,
                other.status == DraftStatus.LIVE,
            ),
        )
        .values(status=DraftStatus.LIVE, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )
