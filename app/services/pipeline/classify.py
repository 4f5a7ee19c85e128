"""Decide what inbound messages need: rules, then evidence, then the model."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app import store
from app.ai.base import Question, Unusable
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.bubbles import MESSAGING, MOST_BUBBLES, as_one
from app.domain.decision import Category, Decision, JudgedBy, Judgement, decide
from app.domain.evidence import evidence_of
from app.domain.handover import HANDED_OVER
from app.domain.rules import judge_by_rules
from app.domain.status import EventStatus
from app.domain.unified_message import UnifiedMessage
from app.errors import AuthError, BizzyBeeError, RateLimited, RetryableError
from app.jobs.contracts import Classify, Draft
from app.models import Conversation, Message
from app.runtime import Runtime
from app.services.pipeline.failure import (
    claim_due,
    describe,
    held_together,
    settle_failures,
)
from app.services.pipeline.outcome import Outcome
from app.store.audit import EventOutcome
from app.store.claims import Claim

SKIP_REASONS = {
    EventStatus.SUPERSEDED: "newer_message",
    EventStatus.DECIDED: "decided_before",
}


def classify(runtime: Runtime, job: Classify) -> Outcome:
    """Judge the newest inbound messages of conversations and decide what happens next.

    Safe to repeat: a message that is decided, or no longer the newest, is skipped. What rules and
    evidence settle never reaches the model; the rest goes there in one call.
    """
    with runtime.transaction(job.workspace_id) as tx:
        claim = claim_due(
            tx,
            job,
            job.event_ids,
            status=EventStatus.MATERIALIZED,
            lease=runtime.lease,
        )
    runtime.checkpoint("classify.claimed")
    with held_together(runtime, job, claim):
        return _classify(runtime, job, claim)


def _classify(runtime: Runtime, job: Classify, claim: Claim) -> Outcome:
    with runtime.transaction(job.workspace_id) as tx:
        conversations = store.conversations.of_ids(
            tx, {event.conversation_id for event in claim.events}
        )
        rules = store.rules.all_rules(tx) if claim.events else []
        messages = store.messages.of_ids(
            tx, {event.message_id for event in claim.events}
        )
        bubbles = store.messages.unanswered(
            tx,
            {
                messages[event.message_id].conversation_id
                for event in claim.events
                if event.channel in MESSAGING and event.message_id in messages
            },
            limit=MOST_BUBBLES,
        )
    judgements: dict[UUID, Judgement] = {}
    faults: list[tuple[Any, Exception]] = []
    open_questions: list[tuple[Any, Question]] = []
    for event in claim.events:
        if _is_stale(event, conversations.get(event.conversation_id)):
            continue
        try:
            message = UnifiedMessage.model_validate(event.payload)
            judgement = judge_by_rules(message, rules) or evidence_of(message)
            text = _text(messages[event.message_id], message, bubbles)
        except Exception as error:  # noqa: BLE001 — its neighbours must not suffer for it
            faults.append((event, error))
            continue
        if judgement is not None:
            judgements[event.id] = judgement
        else:
            open_questions.append((event, _question(message, text)))
    # No transaction is open here: a slow model must not hold a connection.
    asked, asked_faults = _ask(runtime, open_questions)
    runtime.checkpoint("classify.called")
    judgements |= asked
    faults += asked_faults
    outcomes, draft_events = _save(
        runtime, job, claim, judgements, conversations, faults
    )
    if faults:
        outcomes += settle_failures(runtime, job, claim, faults)
    return Outcome.of(
        (one.outcome for one in outcomes), _draft_jobs(runtime, job, draft_events)
    )


def _is_stale(event: Any, conversation: Conversation | None) -> bool:
    return (
        conversation is None
        or conversation.last_inbound_message_id != event.message_id
        or conversation.last_classified_message_id == event.message_id
    )


def _why_skipped(event: Any, conversation: Conversation | None) -> EventStatus:
    if conversation and conversation.last_inbound_message_id == event.message_id:
        return EventStatus.DECIDED
    return EventStatus.SUPERSEDED


def _text(
    stored: Message, message: UnifiedMessage, bubbles: dict[UUID, list[Message]]
) -> str:
    """What the model is to judge: in a messenger all that was said since our last word."""
    said = bubbles.get(stored.conversation_id, [])
    if any(one.id == stored.id for one in said):
        return as_one([one.body_visible or one.body or "" for one in said])
    return stored.body_visible or message.body_text or ""


def _question(message: UnifiedMessage, text: str) -> Question:
    sender = message.sender
    return Question(
        sender=f"{sender.name} <{sender.value}>" if sender.name else sender.value,
        subject=message.subject,
        text=text,
        channel=sender.kind,
    )


def _ask(
    runtime: Runtime, questions: Sequence[tuple[Any, Question]]
) -> tuple[dict[UUID, Judgement], list[tuple[Any, Exception]]]:
    """Ask the model; what it cannot answer in the end is a person's to decide."""
    if not questions:
        return {}, []
    events = [event for event, _ in questions]
    try:
        answers = runtime.classifier.classify([question for _, question in questions])
    except BizzyBeeError as error:
        found: Sequence[Judgement | Exception] = [error] * len(events)
    else:
        found = [
            RetryableError(f"unusable answer: {answer.reason}")
            if isinstance(answer, Unusable)
            else answer
            for answer in answers.judgements
        ]
    judgements: dict[UUID, Judgement] = {}
    faults: list[tuple[Any, Exception]] = []
    for event, answer in zip(events, found, strict=True):
        if isinstance(answer, Judgement):
            judgements[event.id] = answer
        elif _is_worth_another_try(event, answer):
            faults.append((event, answer))
        else:
            judgements[event.id] = _nobody(runtime.classifier.version, answer)
    return judgements, faults


def _is_worth_another_try(event: Any, error: Exception) -> bool:
    if isinstance(error, RateLimited | AuthError):
        return True
    return isinstance(error, RetryableError) and event.attempts < MAX_ATTEMPTS


def _nobody(version: str, error: Exception) -> Judgement:
    return Judgement(
        category=Category.OTHER,
        confidence=0.0,
        reason=f"no usable answer from the model: {describe(error)}",
        judged_by=JudgedBy.NOBODY,
        source=version,
    )


def _save(
    runtime: Runtime,
    job: Classify,
    claim: Claim,
    judgements: dict[UUID, Judgement],
    conversations: dict[UUID, Conversation],
    faults: Sequence[tuple[Any, Exception]],
) -> tuple[list[EventOutcome], list[UUID]]:
    """Store decisions where their message is still the newest; the rest is superseded."""
    undecided = {event.id for event, _ in faults}
    settled = [event for event in claim.events if event.id not in undecided]
    if not settled:
        return [], []
    verdicts = {event_id: decide(found) for event_id, found in judgements.items()}
    with runtime.transaction(job.workspace_id) as tx:
        # Conversations before events, in the order of whoever stores a newer message.
        places = store.conversations.lock_current(
            tx, {event.conversation_id for event in settled}
        )
        # A decision without its event would have the worker that holds the event now skip the draft.
        ours = store.claims.lock(tx, claim)
        settled = [event for event in settled if event.id in ours]
        saved = store.conversations.save_decisions(
            tx,
            [
                {
                    "id": places[event.conversation_id],
                    "message_id": event.message_id,
                    "decision": verdicts[event.id],
                    "category": judgements[event.id].category,
                    "confidence": judgements[event.id].confidence,
                    "reason": judgements[event.id].reason,
                }
                for event in settled
                if event.id in judgements and event.conversation_id in places
            ],
        )
        rows, draft_events = [], []
        skipped: dict[EventStatus, list[UUID]] = {
            EventStatus.SUPERSEDED: [],
            EventStatus.DECIDED: [],
        }
        for event in settled:
            if event.id not in judgements or event.message_id not in saved:
                conversation = store.conversations.get(tx, event.conversation_id)
                skipped[_why_skipped(event, conversation)].append(event.id)
                continue
            reason = _why_no_draft(
                runtime, verdicts[event.id], saved[event.message_id], event
            )
            if reason is None:
                draft_events.append(event)
            rows.append(
                {
                    "id": event.id,
                    "decision": judgements[event.id].record(),
                    "reason": reason,
                    "finished": reason is not None,
                }
            )
        store.claims.save_decided(tx, claim, rows)
        for status, event_ids in skipped.items():
            store.claims.finish(
                tx, claim, event_ids, status=status, reason=SKIP_REASONS[status]
            )
        store.conversations.mark_enqueued(
            tx,
            stage="draft",
            pairs=[
                (places[event.conversation_id], event.message_id)
                for event in draft_events
            ],
        )
        outcomes = [
            EventOutcome(
                event.id,
                EventStatus.SUPERSEDED
                if event.id in skipped[EventStatus.SUPERSEDED]
                else EventStatus.DECIDED,
                event.attempts,
            )
            for event in settled
        ]
        store.audit.record(tx, job, outcomes, started_at=claim.taken_at)
    return outcomes, [event.id for event in draft_events]


def _why_no_draft(
    runtime: Runtime, decision: Decision, saved: Any, event: Any
) -> str | None:
    """The reason that ends the event here, or None where a draft is due."""
    if decision is Decision.AUTO_HANDLED:
        return "no_reply_needed"
    if not saved.waits:
        return "answered"
    if saved.is_handed_over:
        return HANDED_OVER
    if event.payload.get("metadata", {}).get("encrypted"):
        return "encrypted"
    if runtime.drafter is None:
        return "no_drafter"
    return None


def _draft_jobs(
    runtime: Runtime, job: Classify, event_ids: Sequence[UUID]
) -> list[Draft]:
    size = runtime.settings.draft_batch_size
    return [
        Draft(
            workspace_id=job.workspace_id,
            run_id=job.run_id,
            event_ids=tuple(event_ids[start : start + size]),
        )
        for start in range(0, len(event_ids), size)
    ]
