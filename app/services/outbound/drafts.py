"""What people do with drafts: change them, send them."""

from collections.abc import Sequence
from uuid import UUID

from app import store
from app.domain.status import DraftStatus, OutboundOrigin
from app.errors import Conflict, InvalidInput, NotFound
from app.models import Draft, OutboundMessage
from app.runtime import Runtime
from app.services.outbound.enqueue import (
    MAX_TEXT,
    Letter,
    Queued,
    answer_conversation,
)
from app.store.transaction import Transaction

_SENT = "the draft was sent already"


def list_drafts(
    runtime: Runtime, workspace_id: UUID, conversation_id: UUID
) -> Sequence[Draft]:
    """The drafts of a conversation, the newest first.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        conversation = store.conversations.require(tx, conversation_id)
        return store.messages.drafts_in(tx, conversation.id)


def edit_draft(
    runtime: Runtime,
    workspace_id: UUID,
    conversation_id: UUID,
    *,
    body: str,
    draft_id: UUID | None,
    actor: str,
) -> Draft:
    """Keep what a person makes of a draft. What the model wrote stays beside it, and no later draft
    overwrites it.

    Raises NotFound, InvalidInput, and Conflict where the draft was sent meanwhile.
    """
    text = body.strip()
    if not text or len(text) > MAX_TEXT:
        raise InvalidInput(f"a draft has 1 to {MAX_TEXT} characters")
    with runtime.transaction(workspace_id) as tx:
        draft = _locked(tx, workspace_id, conversation_id, draft_id)
        edited = store.messages.edit_draft(tx, draft.id, text, by=actor)
        if edited is None:
            raise Conflict(_SENT)
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="draft.edit",
            subject=str(draft.id),
        )
        return edited


def approve_draft(
    runtime: Runtime,
    workspace_id: UUID,
    conversation_id: UUID,
    *,
    draft_id: UUID | None,
    body: str | None,
    actor: str,
) -> Queued:
    """Send a draft, as it was edited or with the text that is given now; once, however often asked.

    One that could not be sent waits again, and approving it again is another try. Raises NotFound where
    no draft waits, and Conflict where it was sent by itself or with another text, or where what it
    answers was overtaken: by a newer message, an edit, or somebody's answer. Whoever still wants to
    send it writes it as a message.
    """
    with runtime.transaction(workspace_id) as tx:
        draft = _locked(tx, workspace_id, conversation_id, draft_id)
        text = (body or draft.edited_body or draft.body).strip()
        tries = store.outbound.of_draft(tx, draft.id)
        if draft.status is DraftStatus.STALE:
            raise Conflict(
                "the draft answers what was overtaken meanwhile; read the conversation, then send "
                "your own message or wait for the next draft"
            )
        if store.outbound.has_gone_out_by_itself(tx, draft.id, draft.target_message_id):
            raise Conflict("the draft was sent already, by itself")
        letter = Letter(
            text=text,
            origin=OutboundOrigin.DRAFT,
            actor=actor,
            request_key=_request_key(draft, tries),
            target_message_id=draft.target_message_id,
            draft_id=draft.id,
        )
        try:
            queued = answer_conversation(tx, runtime, conversation_id, letter)
        except Conflict as other:
            raise Conflict("the draft was sent already, with another text") from other
        if queued.is_new:
            if body is not None and text != (draft.edited_body or draft.body):
                store.messages.edit_draft(tx, draft.id, text, by=actor)
            store.messages.mark_draft_sent(tx, draft.id)
            store.tenants.record_audit(
                tx,
                workspace_id=workspace_id,
                actor=actor,
                action="draft.approve",
                subject=str(draft.id),
                details={"edited": text != draft.body},
            )
        return queued


def _locked(
    tx: Transaction, workspace_id: UUID, conversation_id: UUID, draft_id: UUID | None
) -> Draft:
    """A draft, with its conversation locked: nothing newer arrives between a look and an answer."""
    draft = _draft(tx, conversation_id, draft_id)
    store.locks.lock_people(tx, workspace_id, to_merge=False)
    store.conversations.lock_current(tx, [conversation_id])
    store.messages.reopen_draft(tx, draft.id)
    store.messages.make_drafts_stale(tx, [conversation_id])
    return store.messages.get_draft(tx, draft.id) or draft


def _request_key(draft: Draft, tries: Sequence[OutboundMessage]) -> str:
    by_people = [one for one in tries if one.origin is OutboundOrigin.DRAFT]
    if draft.status is DraftStatus.SENT and by_people:
        return by_people[-1].request_key
    return f"draft:{draft.id}:{len(by_people)}"


def _draft(tx: Transaction, conversation_id: UUID, draft_id: UUID | None) -> Draft:
    conversation = store.conversations.require(tx, conversation_id)
    if draft_id is not None:
        draft = store.messages.get_draft(tx, draft_id)
        if draft is None or draft.conversation_id != conversation.id:
            raise NotFound(f"no draft {draft_id} in this conversation")
        return draft
    target_id = conversation.last_draft_message_id
    found = store.messages.draft_of(tx, target_id) if target_id else None
    if found is None:
        raise NotFound("no draft waits in this conversation")
    return found
