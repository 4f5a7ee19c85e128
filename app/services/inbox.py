"""The inbox: conversations, their messages and their people, as a person reads and changes them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app import store
from app.domain.decision import Decision
from app.domain.status import ConversationStatus
from app.errors import NotFound
from app.models import Conversation, Customer, CustomerIdentity, Message
from app.runtime import Runtime
from app.store.transaction import Transaction

#: Where a page ended: the time that orders its last row, and the row's id.
Place = tuple[datetime, UUID]


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
) -> Conversation:
    """One conversation.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        return _require(tx, conversation_id)


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
        _require(tx, conversation_id)
        return store.messages.newest_first(
            tx, conversation_id, limit=limit, before=before
        )


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
        before = _require(tx, conversation_id)
        changes = {
            name: value
            for name, value in wanted.items()
            if value is not None and getattr(before, name) != value
        }
        if not changes:
            return before
        changed = store.conversations.change(tx, conversation_id, changes)
        if changed is None:
            raise NotFound(f"no conversation {conversation_id}")
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="conversation.change",
            subject=str(conversation_id),
            details=changes,
        )
        return changed


def get_customer(
    runtime: Runtime, workspace_id: UUID, customer_id: UUID
) -> tuple[Customer, Sequence[CustomerIdentity]]:
    """A customer, and all that they are known by.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        customer = store.customers.get(tx, customer_id)
        if customer is None:
            raise NotFound(f"no customer {customer_id}")
        return customer, store.customers.identities_of(tx, customer_id)


def _require(tx: Transaction, conversation_id: UUID) -> Conversation:
    conversation = store.conversations.get(tx, conversation_id)
    if conversation is None:
        raise NotFound(f"no conversation {conversation_id}")
    return conversation
