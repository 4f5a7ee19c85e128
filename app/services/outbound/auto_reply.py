"""Send a draft without a person, where every rule allows it."""

from typing import Any
from uuid import UUID

from app import store
from app.domain.reply_policy import Refusal
from app.domain.status import OutboundOrigin
from app.errors import Conflict, InvalidInput
from app.models import Draft
from app.runtime import Runtime
from app.services.outbound.enqueue import Letter, answer_conversation
from app.services.outbound.guards import refusals_of_reply, report_cap
from app.store.transaction import Transaction

ACTOR = "auto-reply"

#: An answer that was queued and cancelled, as after an edit, has had its turn too.
_ANSWERED_BEFORE = ("answered_before", "it has had an automatic reply already")


def reply_by_itself(tx: Transaction, runtime: Runtime, draft: Draft) -> None:
    """Queue a new draft as an answer if no rule forbids it; note with the draft what was found.

    One answer per message, however often this runs: the message's id is its request key. All rules
    are asked again right before it is sent. The conversation is locked.
    """
    refused = _refusals(tx, runtime, draft)
    verdict: dict[str, Any] = {
        "refused": [{"rule": one.rule, "reason": one.reason} for one in refused]
    }
    report_cap(tx, draft.conversation_id, [one.rule for one in refused])
    if not refused:
        letter = Letter(
            text=draft.body,
            origin=OutboundOrigin.AUTOMATIC,
            actor=ACTOR,
            request_key=f"auto:{draft.target_message_id}",
            target_message_id=draft.target_message_id,
            draft_id=draft.id,
        )
        try:
            queued = answer_conversation(tx, runtime, draft.conversation_id, letter)
        except InvalidInput as error:
            verdict = _refused("cannot_be_sent", str(error))
        except Conflict:
            verdict = _refused(*_ANSWERED_BEFORE)
        else:
            if queued.is_new:
                verdict = {"queued": [str(part.id) for part in queued.parts]}
                store.messages.mark_draft_sent(tx, draft.id)
            else:
                verdict = _refused(*_ANSWERED_BEFORE)
    store.messages.note_auto_reply(tx, draft.id, verdict)


def _refused(rule: str, reason: str) -> dict[str, Any]:
    return {"refused": [{"rule": rule, "reason": reason}]}


def _refusals(tx: Transaction, runtime: Runtime, draft: Draft) -> list[Refusal]:
    conversation = store.conversations.require(tx, draft.conversation_id)
    targets = store.messages.of_ids(tx, [draft.target_message_id])
    target = targets[draft.target_message_id]
    return refusals_of_reply(tx, runtime, conversation, target, draft)


def switch(runtime: Runtime, workspace_id: UUID, *, allowed: bool, actor: str) -> bool:
    """Allow or forbid automatic replies of a workspace; returns whether that changed anything.

    What is on its way is looked at again before it goes out.
    """
    with runtime.transaction(workspace_id) as tx:
        changed = store.tenants.set_auto_reply(tx, workspace_id, allowed)
        if changed:
            store.tenants.record_audit(
                tx,
                workspace_id=workspace_id,
                actor=actor,
                action="workspace.auto_reply",
                subject=str(workspace_id),
                details={"allowed": allowed},
            )
        return changed
