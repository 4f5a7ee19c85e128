"""`messages` and `drafts`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import selectinload

from app.domain.status import DraftStatus
from app.domain.unified_message import Direction, MessageKind
from app.models import Conversation, Draft, Message
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
    found = tx.session.scalars(select(Message).where(Message.id.in_(message_ids)))
    return {message.id: message for message in found}


def with_files(tx: Transaction, message_id: UUID) -> Message | None:
    """One message and its files."""
    return tx.session.scalar(
        select(Message)
        .where(Message.id == message_id)
        .options(selectinload(Message.files))
    )


def latest(tx: Transaction, conversation_id: UUID, *, limit: int) -> list[Message]:
    """The newest messages of a conversation, oldest of them first."""
    found = tx.session.scalars(
        select(Message)
        .where(Message.conversation_id == conversation_id, Message.deleted_at.is_(None))
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


def make_drafts_stale(tx: Transaction, conversation_ids: Collection[UUID]) -> None:
    """Retire drafts whose target is no longer the newest inbound message."""
    if not conversation_ids:
        return
    tx.session.execute(
        update(Draft)
        .where(
            Draft.conversation_id.in_(conversation_ids),
            Draft.status == DraftStatus.LIVE,
            Draft.conversation_id == Conversation.id,
            Draft.target_message_id.is_distinct_from(
                Conversation.last_inbound_message_id
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
