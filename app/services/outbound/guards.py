"""What is looked at before something is sent: when it is decided, and again right before the call."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app import store
from app.channels.sending import Sender
from app.domain.reply_policy import (
    CAPS,
    CONVERSATION_SPAN,
    SENDER_SPAN,
    STEPS_IN,
    Answered,
    Caps,
    Refusal,
    Situation,
    refusals,
)
from app.domain.status import OutboundOrigin, OutboundState, RunMode, Severity
from app.domain.unified_message import Participant
from app.models import Conversation, Draft, Message, OutboundMessage
from app.runtime import Runtime
from app.services.outbound.compose import recipient_key, target_of
from app.services.outbound.reply_faults import faults_of_draft
from app.store.transaction import Transaction


@dataclass(frozen=True)
class Verdict:
    """Why something is not sent, and how it ends."""

    refusal: Refusal
    state: OutboundState


def refusals_of_reply(
    tx: Transaction,
    runtime: Runtime,
    conversation: Conversation,
    target: Message,
    draft: Draft | None,
    *,
    queued: OutboundMessage | None = None,
) -> list[Refusal]:
    """Return the rules that forbid to answer a message without a person.

    `queued` is the answer itself, where it stands in the queue already: then it is about to go out, and
    nobody else counts meanwhile.
    """
    assert tx.workspace_id is not None
    if queued is not None:
        store.locks.lock_counting(tx, tx.workspace_id)
    workspace = store.tenants.workspace(tx, tx.workspace_id)
    config = store.tenants.config(tx, conversation.config_id)
    assert workspace is not None
    assert config is not None
    original = target_of(tx, target)
    sender = Participant.model_validate(target.sender)
    identity = store.customers.identity(
        tx, sender.kind, sender.value, config_id=config.id
    )
    run = None
    if target.event_id and (event := store.events.get(tx, target.event_id)):
        run = store.runs.get(tx, event.run_id) if event.run_id else None
    adapter = runtime.adapters.get(config.provider)
    settings = runtime.settings
    answered_by_us = store.outbound.messages_of(tx, queued) if queued else []
    situation = Situation(
        allowed_everywhere=settings.auto_replies,
        allowed_by_workspace=workspace.auto_reply,
        ai_enabled=conversation.ai_enabled,
        conversation_status=conversation.status,
        handed_over_to=conversation.handed_over_to,
        decision=conversation.decision,
        category=conversation.category,
        is_old=target.is_old,
        is_history=run is not None and run.mode is RunMode.HISTORY,
        reply_sent=target.reply_sent,
        is_newest=conversation.last_inbound_message_id == target.id,
        is_deleted=target.deleted_at is not None,
        edited_since_draft=bool(
            draft and target.edited_at and target.edited_at > draft.created_at
        ),
        answered_by_person=store.messages.answered_since(
            tx, target, but=answered_by_us
        ),
        opted_out=bool(identity and identity.opted_out_at),
        undeliverable=bool(identity and identity.undeliverable_at),
        answered=_answered(tx, conversation, sender, queued),
        caps=Caps(
            per_conversation=settings.auto_replies_per_conversation,
            per_sender=settings.auto_replies_per_sender,
            per_workspace=settings.auto_replies_per_workspace,
        ),
        window=adapter.window if isinstance(adapter, Sender) else None,
        last_written_at=store.messages.last_written_at(tx, conversation.id),
        now=tx.now,
    )
    servers = config.settings.get("mail_servers", [])
    found = refusals(
        original.received,
        situation,
        own=store.tenants.own_addresses(tx),
        mail_servers=frozenset(one for one in servers if isinstance(one, str)),
    )
    return found + (faults_of_draft(tx, conversation, draft) if draft else [])


def forbids(
    tx: Transaction, runtime: Runtime, outbound: OutboundMessage
) -> Verdict | None:
    """Say whether a message that is about to go out must not, as things are now."""
    conversation = store.conversations.require(tx, outbound.conversation_id)
    if outbound.origin is OutboundOrigin.AUTOMATIC:
        refused = _of_automatic(tx, runtime, outbound, conversation)
        if refused is not None:
            return Verdict(refused, OutboundState.CANCELLED)
    return _of_any(tx, runtime, outbound, conversation)


def _of_automatic(
    tx: Transaction,
    runtime: Runtime,
    outbound: OutboundMessage,
    conversation: Conversation,
) -> Refusal | None:
    target = None
    if outbound.target_message_id is not None:
        found = store.messages.of_ids(tx, [outbound.target_message_id])
        target = found.get(outbound.target_message_id)
    if target is None:
        return Refusal("no_original", "what it answers is no longer there")
    draft = (
        store.messages.get_draft(tx, outbound.draft_id) if outbound.draft_id else None
    )
    refused = refusals_of_reply(
        tx, runtime, conversation, target, draft, queued=outbound
    )
    if outbound.position > 0:
        # Somebody has read the beginning: only who steps in takes the rest away.
        refused = [one for one in refused if one.rule in STEPS_IN]
    return next(iter(refused), None)


def _of_any(
    tx: Transaction,
    runtime: Runtime,
    outbound: OutboundMessage,
    conversation: Conversation,
) -> Verdict | None:
    to = outbound.recipient
    identity = store.customers.identity(
        tx, to["kind"], to["value"], config_id=outbound.config_id
    )
    if identity and identity.opted_out_at:
        return Verdict(
            Refusal("opted_out", "the customer has stopped our messages"),
            OutboundState.FAILED,
        )
    if (
        identity
        and identity.undeliverable_at
        and outbound.origin in (OutboundOrigin.AUTOMATIC, OutboundOrigin.CAMPAIGN)
    ):
        return Verdict(
            Refusal("undeliverable", "nothing arrives at the customer's address"),
            OutboundState.FAILED,
        )
    config = store.tenants.config(tx, outbound.config_id)
    adapter = runtime.adapters.get(config.provider) if config else None
    if not isinstance(adapter, Sender):
        return Verdict(
            Refusal("no_sender", "nothing can be sent through this account"),
            OutboundState.FAILED,
        )
    return _of_window(tx, adapter, conversation)


def _of_window(
    tx: Transaction, adapter: Sender, conversation: Conversation
) -> Verdict | None:
    if adapter.window is None:
        return None
    written_at = store.messages.last_written_at(tx, conversation.id)
    if written_at is not None and tx.now <= written_at + adapter.window:
        return None
    hours = round(adapter.window.total_seconds() / 3600)
    last = f", last at {written_at.isoformat(timespec='minutes')}" if written_at else ""
    return Verdict(
        Refusal(
            "window_closed",
            f"a free text is allowed for {hours} hours after the customer has written{last}; "
            "send one of the provider's approved templates, or wait for an answer",
        ),
        OutboundState.FAILED,
    )


def _answered(
    tx: Transaction,
    conversation: Conversation,
    sender: Participant,
    queued: OutboundMessage | None,
) -> Answered:
    key = recipient_key(sender)
    but = queued.id if queued else None
    hour, day = tx.now - CONVERSATION_SPAN, tx.now - SENDER_SPAN
    count = store.outbound.automatic_since
    return Answered(
        in_conversation=count(tx, since=hour, conversation_id=conversation.id, but=but),
        to_sender=count(tx, since=day, recipient_key=key, but=but),
        in_workspace=count(tx, since=day, but=but),
    )


def report_cap(tx: Transaction, conversation_id: UUID, rules: Iterable[str]) -> None:
    """Tell somebody where a cap was reached: it is there for when everything else has failed."""
    for rule in CAPS.intersection(rules):
        store.incidents.report(
            tx,
            kind="auto_reply_cap",
            dedupe_key=f"auto_reply_cap:{tx.workspace_id}:{rule}",
            severity=Severity.WARNING,
            workspace_id=tx.workspace_id,
            details={
                "rule": rule,
                "conversation_id": str(conversation_id),
                "do": "look whether a program is on the other side, then answer by hand",
            },
        )
