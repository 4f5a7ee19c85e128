"""Conversations as the inbox shows them: whose turn it is, who wrote what, whether a draft waits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, null, select, tuple_

from app.domain.attention import Attention
from app.domain.decision import Decision
from app.domain.status import ConversationStatus, EventStatus
from app.models import Conversation, Customer, CustomerIdentity, Message, MessageEvent
from app.store.transaction import Transaction

#: Characters of the newest inbound text that a list may show.
SNIPPET = 400


@dataclass(frozen=True)
class InboxRow:
    """One conversation of the inbox."""

    conversation: Conversation
    attention: Attention | None
    """None while nothing is decided."""
    waits: bool
    """Whether the customer has the last word and nobody closed it."""
    judged: bool
    """Whether the decision is about the newest inbound message."""
    draft_waits: bool
    customer_name: str | None
    customer_address: str | None
    snippet: str | None


def page(
    tx: Transaction,
    *,
    limit: int,
    attention: Attention | None = None,
    before: tuple[datetime, UUID] | None = None,
) -> list[InboxRow]:
    """A page of the inbox, the newest first; `before` is (last_message_at, id) of the row before it.

    A conversation that holds no message yet has no place in it.
    """
    statement = (
        _rows()
        .where(_in_inbox(tx))
        .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
        .limit(limit)
    )
    if before is not None:
        place = tuple_(Conversation.last_message_at, Conversation.id)
        statement = statement.where(place < tuple_(*before))
    if attention is not None:
        statement = statement.where(_attention() == attention)
    return _read(tx, statement)


def one(tx: Transaction, conversation_id: UUID) -> InboxRow | None:
    """One conversation as the inbox shows it."""
    found = _read(tx, _rows().where(Conversation.id == conversation_id))
    return found[0] if found else None


def counts(tx: Transaction) -> dict[Attention | None, int]:
    """How many conversations ask for what; None counts the undecided."""
    asked = _attention().label("asked")
    rows = tx.session.execute(
        select(asked, func.count()).where(_in_inbox(tx)).group_by(asked)
    )
    return {Attention(name) if name else None: number for name, number in rows}


def _rows() -> Select[*tuple[Any, ...]]:
    """A statement whose columns are the fields of `InboxRow`."""
    address = (
        select(CustomerIdentity.original)
        .where(CustomerIdentity.customer_id == Conversation.customer_id)
        .order_by(CustomerIdentity.id)
        .limit(1)
        .scalar_subquery()
    )
    # Of what was taken back nothing is shown.
    text = case(
        (
            Message.deleted_at.is_(None),
            func.coalesce(Message.body_visible, Message.body),
        )
    )
    return (
        select(
            Conversation,
            _attention().label("attention"),
            _waits().label("waits"),
            _judged().label("judged"),
            _draft_waits().label("draft_waits"),
            Customer.name.label("customer_name"),
            address.label("customer_address"),
            func.left(text, SNIPPET).label("snippet"),
        )
        .outerjoin(Customer, Customer.id == Conversation.customer_id)
        .outerjoin(Message, Message.id == Conversation.last_inbound_message_id)
    )


def _read(tx: Transaction, statement: Select[*tuple[Any, ...]]) -> list[InboxRow]:
    return [
        InboxRow(
            conversation=row.Conversation,
            attention=Attention(row.attention) if row.attention else None,
            waits=row.waits,
            judged=row.judged,
            draft_waits=row.draft_waits,
            customer_name=row.customer_name,
            customer_address=row.customer_address,
            snippet=row.snippet,
        )
        for row in tx.session.execute(statement)
    ]


def _in_inbox(tx: Transaction) -> ColumnElement[bool]:
    return and_(
        Conversation.workspace_id == tx.workspace_id,
        Conversation.last_message_at.is_not(None),
    )


def _attention() -> ColumnElement[str]:
    unread = (
        select(MessageEvent.id)
        .where(
            MessageEvent.message_id == Conversation.last_inbound_message_id,
            MessageEvent.status == EventStatus.FAILED,
        )
        .exists()
    )
    return case(
        (~_waits(), Attention.HANDLED),
        # What could not be judged must not hide behind the judgement of an older message.
        (and_(~_judged(), unread), Attention.NEEDS_YOU),
        (Conversation.decision == Decision.ACT_NOW, Attention.ACT_NOW),
        (Conversation.decision == Decision.NEEDS_HUMAN, Attention.NEEDS_YOU),
        (Conversation.decision == Decision.QUICK_WIN, Attention.QUICK_WIN),
        (_judged(), Attention.HANDLED),
        else_=null(),
    )


def _waits() -> ColumnElement[bool]:
    return and_(
        Conversation.status != ConversationStatus.CLOSED,
        Conversation.last_inbound_message_id.is_not(None),
        func.coalesce(
            Conversation.last_outbound_message_at
            < Conversation.last_inbound_message_at,
            True,
        ),
    )


def _judged() -> ColumnElement[bool]:
    # Never NULL, so that it can be denied.
    return and_(
        Conversation.last_classified_message_id.is_not(None),
        Conversation.last_classified_message_id.is_not_distinct_from(
            Conversation.last_inbound_message_id
        ),
    )


def _draft_waits() -> ColumnElement[bool]:
    """The guard under which a draft is saved still holds."""
    return and_(
        _waits(),
        Conversation.ai_draft_response.is_not(None),
        Conversation.last_draft_message_id.is_not_distinct_from(
            Conversation.last_inbound_message_id
        ),
    )
