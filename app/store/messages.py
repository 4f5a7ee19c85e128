"""`messages` and `drafts`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased, selectinload

from app.domain.status import (
    DeliveryStatus,
    DraftStatus,
    OutboundState,
    SenderType,
)
from app.domain.unified_message import Direction, MessageKind
from app.models import Conversation, Draft, Message, OutboundMessage
from app.store.transaction import Transaction


def add_new(tx: Transaction, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Insert the messages that are not there yet; returns their ids.

    The unique key (workspace, config, external id) decides.
    """
    if not rows:
        return set()
    statement = (
        insert(Message)
        .on_conflict_do_nothing(
            index_elements=["workspace_id", "config_id", "external_id"]
        )
        .returning(Message.id)
    )
    return set(tx.session.scalars(statement, rows))


def by_external_id(
    tx: Transaction, *, config_id: UUID, external_ids: Collection[str]
) -> dict[str, Message]:
    """The stored messages of an account that carry these provider ids."""
    if not external_ids:
        return {}
    found = tx.session.scalars(
        select(Message).where(
            Message.workspace_id == tx.workspace_id,
            Message.config_id == config_id,
            Message.external_id.in_(external_ids),
        )
    )
    return {message.external_id: message for message in found if message.external_id}


def of_ids(tx: Transaction, message_ids: Collection[UUID]) -> dict[UUID, Message]:
    """Messages by id."""
    if not message_ids:
        return {}
    found = tx.session.scalars(
        select(Message)
        .where(Message.id.in_(message_ids))
        # What this transaction has written past the session counts too.
        .execution_options(populate_existing=True)
    )
    return {message.id: message for message in found}


def with_files(tx: Transaction, message_id: UUID) -> Message | None:
    """One message and its files."""
    return tx.session.scalar(
        select(Message)
        .where(Message.id == message_id)
        .options(selectinload(Message.files))
    )


def latest(tx: Transaction, conversation_id: UUID, *, limit: int) -> list[Message]:
    """The newest messages between a customer and us, oldest of them first.

    What we noted among ourselves is none, and whoever writes to the customer must not know it.
    """
    found = tx.session.scalars(
        select(Message)
        .where(
            Message.conversation_id == conversation_id,
            Message.deleted_at.is_(None),
            or_(
                Message.kind != MessageKind.EVENT,
                Message.direction == Direction.INBOUND,
            ),
        )
        .order_by(Message.occurred_at.desc(), Message.id.desc())
        .limit(limit)
    )
    return list(found)[::-1]


def unanswered(
    tx: Transaction, conversation_ids: Collection[UUID], *, limit: int
) -> dict[UUID, list[Message]]:
    """What people have said in these conversations since our last word, at most so much of each.

    By conversation, the oldest first.
    """
    if not conversation_ids:
        return {}
    newest = (
        select(
            Message.id,
            func.row_number()
            .over(
                partition_by=Message.conversation_id,
                order_by=(Message.occurred_at.desc(), Message.id.desc()),
            )
            .label("place"),
        )
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            Message.conversation_id.in_(conversation_ids),
            Message.direction == Direction.INBOUND,
            Message.kind.in_((MessageKind.TEXT, MessageKind.MEDIA)),
            Message.deleted_at.is_(None),
            Message.is_automatic.is_(False),
            func.coalesce(
                Message.occurred_at > Conversation.last_outbound_message_at, True
            ),
        )
        .subquery()
    )
    found: dict[UUID, list[Message]] = {}
    for message in tx.session.scalars(
        select(Message)
        .join(newest, newest.c.id == Message.id)
        .where(newest.c.place <= limit)
        .order_by(Message.occurred_at, Message.id)
    ):
        found.setdefault(message.conversation_id, []).append(message)
    return found


def newest_first(
    tx: Transaction,
    conversation_id: UUID,
    *,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
) -> Sequence[Message]:
    """A page of a conversation, with the files; `before` is (occurred_at, id) of the row before it."""
    statement = (
        select(Message)
        .where(Message.conversation_id == conversation_id)
        .order_by(Message.occurred_at.desc(), Message.id.desc())
        .limit(limit)
        .options(selectinload(Message.files))
    )
    if before is not None:
        statement = statement.where(
            tuple_(Message.occurred_at, Message.id) < tuple_(*before)
        )
    return tx.session.scalars(statement).all()


def add_draft(tx: Transaction, row: dict[str, Any]) -> bool:
    """Keep a draft; False where its target has one already."""
    added = tx.session.execute(
        insert(Draft)
        .values(row)
        .on_conflict_do_nothing(
            index_elements=["target_message_id"],
            index_where=Draft.status == DraftStatus.LIVE,
        )
        .returning(Draft.id)
    )
    return added.first() is not None


def get_draft(tx: Transaction, draft_id: UUID) -> Draft | None:
    return tx.session.get(Draft, draft_id, populate_existing=True)


def drafts_in(tx: Transaction, conversation_id: UUID) -> Sequence[Draft]:
    """The drafts of a conversation, the newest first."""
    return tx.session.scalars(
        select(Draft)
        .where(Draft.conversation_id == conversation_id)
        .order_by(Draft.created_at.desc(), Draft.id.desc())
        .limit(100)
    ).all()


def edit_draft(tx: Transaction, draft_id: UUID, body: str, *, by: str) -> Draft | None:
    """Keep what a person made of a draft; None where it was sent."""
    return tx.session.scalar(
        update(Draft)
        .where(Draft.id == draft_id, Draft.status != DraftStatus.SENT)
        .values(edited_body=body, edited_by=by, edited_at=tx.now, updated_at=tx.now)
        .returning(Draft)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def mark_draft_sent(tx: Transaction, draft_id: UUID) -> None:
    """Note that a draft went to the outbound queue."""
    tx.session.execute(
        update(Draft)
        .where(Draft.id == draft_id)
        .values(status=DraftStatus.SENT, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def reopen_draft(tx: Transaction, draft_id: UUID) -> None:
    """Let a draft wait again whose every message ended unsent, unless its target was changed."""
    went_out = exists().where(
        OutboundMessage.draft_id == draft_id,
        OutboundMessage.state.not_in((OutboundState.FAILED, OutboundState.CANCELLED)),
    )
    other = aliased(Draft)
    is_replaced = exists().where(
        other.target_message_id == Draft.target_message_id,
        other.status == DraftStatus.LIVE,
    )
    tx.session.execute(
        update(Draft)
        .where(
            Draft.id == draft_id,
            Draft.status == DraftStatus.SENT,
            ~went_out,
            ~is_replaced,
            Message.id == Draft.target_message_id,
            Message.deleted_at.is_(None),
            or_(Message.edited_at.is_(None), Message.edited_at <= Draft.created_at),
        )
        .values(status=DraftStatus.LIVE, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def note_auto_reply(tx: Transaction, draft_id: UUID, verdict: dict[str, Any]) -> None:
    """Keep whether a draft was sent by itself, and which rules refused it."""
    tx.session.execute(
        update(Draft)
        .where(Draft.id == draft_id)
        .values(auto_reply=verdict)
        .execution_options(synchronize_session=False)
    )


def overtake_drafts(tx: Transaction, conversation_id: UUID) -> None:
    """Retire the drafts of a conversation that somebody has answered."""
    tx.session.execute(
        update(Draft)
        .where(
            Draft.conversation_id == conversation_id, Draft.status == DraftStatus.LIVE
        )
        .values(status=DraftStatus.STALE, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def make_drafts_stale(tx: Transaction, conversation_ids: Collection[UUID]) -> None:
    """Retire drafts whose target is no longer the newest inbound message, or is answered."""
    if not conversation_ids:
        return
    tx.session.execute(
        update(Draft)
        .where(
            Draft.conversation_id.in_(conversation_ids),
            Draft.status == DraftStatus.LIVE,
            Draft.conversation_id == Conversation.id,
            or_(
                Draft.target_message_id.is_distinct_from(
                    Conversation.last_inbound_message_id
                ),
                Conversation.last_outbound_message_at
                >= Conversation.last_inbound_message_at,
            ),
        )
        .values(status=DraftStatus.STALE, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def draft_of(tx: Transaction, message_id: UUID) -> Draft | None:
    """The newest draft that answers a message."""
    return tx.session.scalar(
        select(Draft)
        .where(Draft.target_message_id == message_id)
        .order_by(Draft.created_at.desc())
        .limit(1)
    )


def thread_of(tx: Transaction, conversation_id: UUID) -> str | None:
    """The provider's id of a conversation, as its newest message that knows one says."""
    return tx.session.scalar(
        select(Message.external_thread_id)
        .where(
            Message.conversation_id == conversation_id,
            Message.external_thread_id.is_not(None),
        )
        .order_by(Message.occurred_at.desc())
        .limit(1)
    )


def newest_outbound(tx: Transaction, conversation_id: UUID) -> Message | None:
    """What we said last."""
    return tx.session.scalar(
        select(Message)
        .where(
            Message.conversation_id == conversation_id,
            Message.direction == Direction.OUTBOUND,
        )
        .order_by(Message.occurred_at.desc(), Message.id.desc())
        .limit(1)
    )


def last_written_at(tx: Transaction, conversation_id: UUID) -> datetime | None:
    """When the customer last wrote, by the provider's time: what opens its window for free text.

    What we only claim to have received then, as an import without times does, opens nothing.
    """
    return tx.session.scalar(
        select(func.max(Message.occurred_at)).where(
            Message.conversation_id == conversation_id,
            Message.direction == Direction.INBOUND,
            Message.sent_at.is_not(None),
            Message.kind.in_((MessageKind.TEXT, MessageKind.MEDIA)),
        )
    )


def answered_since(tx: Transaction, message: Message, *, but: Collection[UUID]) -> bool:
    """Whether a person of ours has said something after a message, here or in the provider's app."""
    found = tx.session.scalar(
        select(Message.id)
        .where(
            Message.conversation_id == message.conversation_id,
            Message.direction == Direction.OUTBOUND,
            Message.sender_type == SenderType.EMPLOYEE,
            Message.deleted_at.is_(None),
            Message.delivery_status.is_distinct_from(DeliveryStatus.FAILED),
            Message.occurred_at >= message.occurred_at,
            Message.id.not_in(but),
        )
        .limit(1)
    )
    return found is not None


def set_mail_id(tx: Transaction, message_id: UUID, mail_id: str) -> None:
    """Note under which Message-ID a mail of ours is known to others."""
    tx.session.execute(
        update(Message)
        .where(Message.id == message_id, Message.mail_id.is_distinct_from(mail_id))
        .values(mail_id=mail_id)
        .execution_options(synchronize_session=False)
    )


def mark_replied(tx: Transaction, conversation_id: UUID, until: datetime) -> None:
    """Note that what customers wrote up to then is answered."""
    tx.session.execute(
        update(Message)
        .where(
            Message.conversation_id == conversation_id,
            Message.direction == Direction.INBOUND,
            Message.occurred_at <= until,
            Message.reply_sent.is_(False),
        )
        .values(reply_sent=True)
        .execution_options(synchronize_session=False)
    )
