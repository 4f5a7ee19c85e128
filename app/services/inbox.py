"""The inbox: conversations, their messages and their people, as a person reads and changes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app import store
from app.domain.attention import Attention
from app.domain.decision import Decision
from app.domain.status import ConversationStatus
from app.errors import NotFound
from app.models import Conversation, Draft, Message, OutboundMessage
from app.runtime import Runtime
from app.store.inbox import InboxRow as InboxRow
from app.store.transaction import Transaction

#: Where a page ended: the time that orders its last row, and the row's id.
Place = tuple[datetime, UUID]


@dataclass(frozen=True)
class InboxPage:
    """Some conversations, and how many of all ask for what."""

    rows: Sequence[InboxRow]
    counts: Mapping[Attention | None, int]


@dataclass(frozen=True)
class Thread:
    """A conversation with all that a person needs in order to answer it."""

    row: InboxRow
    messages: Sequence[Message]
    """A page of them, the newest first."""
    draft: Draft | None
    """Where it came from; None where no draft waits."""
    judgement: Mapping[str, Any] | None
    """What the decision of the conversation rests on."""
    ways_out: Mapping[UUID, OutboundMessage]
    """How those of the messages went out that we sent, by the message."""


@dataclass(frozen=True)
class OneConversation:
    """A conversation, and what is known of it beside its row."""

    conversation: Conversation
    reply_subject: str | None
    """What an answer is called: the subject of the newest inbound message."""
    related: Sequence[Mapping[str, Any]]
    """Conversations that point to the same ids, whose people do not take part in this one."""


def inbox_page(
    runtime: Runtime,
    workspace_id: UUID,
    *,
    limit: int,
    attention: Attention | None = None,
    before: Place | None = None,
) -> InboxPage:
    """A page of the inbox, the newest conversation first, with the counts of the whole."""
    with runtime.transaction(workspace_id) as tx:
        rows = store.inbox.page(tx, limit=limit, attention=attention, before=before)
        return InboxPage(rows, store.inbox.counts(tx))


def read_thread(
    runtime: Runtime,
    workspace_id: UUID,
    conversation_id: UUID,
    *,
    limit: int,
    before: Place | None = None,
) -> Thread:
    """A conversation, a page of its messages, the draft that waits, and who judged.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        conversation = store.conversations.require(tx, conversation_id)
        row = store.inbox.one(tx, conversation.id)
        if row is None:
            raise NotFound(f"no conversation {conversation_id}")
        draft = None
        if row.draft_waits and conversation.last_draft_message_id:
            draft = store.messages.draft_of(tx, conversation.last_draft_message_id)
        found = store.messages.newest_first(
            tx, conversation.id, limit=limit, before=before
        )
        judgement = _judgement(tx, conversation.last_classified_message_id)
        ways_out = store.outbound.of_ids(tx, [one.id for one in found])
    return Thread(row, [_shown(one) for one in found], draft, judgement, ways_out)


def newest_inbound_event(
    runtime: Runtime, workspace_id: UUID, conversation_id: UUID
) -> UUID | None:
    """The event that brought the newest inbound message; None where there is none.

    Raises NotFound where there is no such conversation.
    """
    with runtime.transaction(workspace_id) as tx:
        message_id = store.conversations.require(
            tx, conversation_id
        ).last_inbound_message_id
        return store.events.of_message(tx, message_id) if message_id else None


def list_conversations(
    runtime: Runtime,
    workspace_id: UUID,
    *,
    limit: int,
    before: Place | None = None,
    decision: Decision | None = None,
    status: ConversationStatus | None = None,
) -> Sequence[Conversation]:
    """A page of conversations, the one with the newest message first."""
    with runtime.transaction(workspace_id) as tx:
        return store.conversations.newest_first(
            tx, limit=limit, before=before, decision=decision, status=status
        )


def get_conversation(
    runtime: Runtime, workspace_id: UUID, conversation_id: UUID
) -> OneConversation:
    """One conversation, and what may have to do with it.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        conversation = store.conversations.require(tx, conversation_id)
        newest_id = conversation.last_inbound_message_id
        newest = store.messages.of_ids(tx, [newest_id]) if newest_id else {}
        subject = next((one.subject for one in newest.values()), conversation.subject)
        return OneConversation(
            conversation=conversation,
            reply_subject=subject,
            related=store.threads.relations_of(tx, conversation.id),
        )


def list_messages(
    runtime: Runtime,
    workspace_id: UUID,
    conversation_id: UUID,
    *,
    limit: int,
    before: Place | None = None,
) -> Sequence[Message]:
    """A page of a conversation's messages, the newest first.

    Raises NotFound where there is no such conversation.
    """
    with runtime.transaction(workspace_id) as tx:
        conversation = store.conversations.require(tx, conversation_id)
        found = store.messages.newest_first(
            tx, conversation.id, limit=limit, before=before
        )
    return [_shown(one) for one in found]


def get_message(runtime: Runtime, workspace_id: UUID, message_id: UUID) -> Message:
    """One message with its files.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        message = store.messages.with_files(tx, message_id)
    if message is None:
        raise NotFound(f"no message {message_id}")
    return _shown(message)


def _shown(message: Message) -> Message:
    """A message as people see it: of one that was taken back only that it was there.

    It no longer belongs to a transaction, so nothing of this is written.
    """
    if message.deleted_at is not None:
        message.subject = message.body = message.body_html = None
        message.body_visible = message.body_quoted = None
        message.files = []
    return message


def change_conversation(
    runtime: Runtime,
    workspace_id: UUID,
    conversation_id: UUID,
    *,
    ai_enabled: bool | None = None,
    status: ConversationStatus | None = None,
    actor: str,
) -> Conversation:
    """Switch the AI on or off, or set the status; None leaves it as it is.

    Safe to repeat: what stands so already is neither written nor audited again. Raises NotFound.
    """
    wanted = {"ai_enabled": ai_enabled, "status": status}
    with runtime.transaction(workspace_id) as tx:
        # What is being merged right now must not be changed where nobody looks any more.
        store.conversations.lock_current(tx, [conversation_id])
        before = store.conversations.require(tx, conversation_id)
        changes = {
            name: value
            for name, value in wanted.items()
            if value is not None and getattr(before, name) != value
        }
        if not changes:
            return before
        changed = store.conversations.change(tx, before.id, changes)
        if changed is None:
            raise NotFound(f"no conversation {conversation_id}")
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="conversation.change",
            subject=str(before.id),
            details=changes,
        )
        return changed


def _judgement(tx: Transaction, message_id: UUID | None) -> dict[str, Any] | None:
    if message_id is None:
        return None
    event_id = store.events.of_message(tx, message_id)
    event = store.events.get(tx, event_id) if event_id else None
    return event.decision if event else None
