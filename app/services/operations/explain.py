"""Why a message was treated as it was."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from app import store
from app.domain.authentication import authentication_of
from app.errors import NotFound
from app.models import MessageEvent
from app.runtime import Runtime
from app.store.transaction import Transaction


def explain_event(
    runtime: Runtime, event_id: UUID, *, workspace_id: UUID | None = None
) -> dict[str, Any]:
    """All that led to the state of an event: arrival, place, judgement, draft, every try.

    With `workspace_id` only that workspace's events are found. Bodies stay out.

    Raises NotFound.
    """
    opened = (
        runtime.system_transaction()
        if workspace_id is None
        else runtime.transaction(workspace_id)
    )
    with opened as tx:
        event = store.events.get(tx, event_id)
        if event is None:
            raise NotFound(f"no event {event_id}")
        return {
            "event_id": event.id,
            "workspace_id": event.workspace_id,
            "arrival": _arrival(event),
            "receipts": _receipts(tx, event),
            "raw": _raw(tx, event),
            "state": _state(event),
            "place": _place(tx, event),
            "authentication": _authentication(tx, event),
            "judgement": event.decision,
            "draft": _draft(tx, event),
            "answers": _answers(tx, event),
            "tries": [
                {
                    "job_type": one.job_type,
                    "outcome": one.outcome,
                    "attempt": one.attempt,
                    "error": one.error,
                    "at": one.created_at,
                }
                for one in store.audit.of_event(tx, event.id)
            ],
        }


def _arrival(event: MessageEvent) -> dict[str, Any]:
    return {
        "channel": event.channel,
        "config_id": event.config_id,
        "external_id": event.external_id,
        "external_thread_id": event.external_thread_id,
        "direction": event.direction,
        "run_id": event.run_id,
        "received_at": event.received_at,
        "claimed_sent_at": event.payload.get("sent_at"),
        "id_collision": event.id_collision,
    }


def _receipts(tx: Transaction, event: MessageEvent) -> list[dict[str, Any]]:
    """Every way in which the message came, the earliest first."""
    first = {
        "source": event.source,
        "first_at": event.received_at,
        "last_at": event.received_at,
        "count": 1,
        "receipt_id": event.receipt_id,
        "run_id": event.run_id,
    }
    again = [
        {name: getattr(repeat, name) for name in first}
        for repeat in store.receipts.repeats_of(tx, event.id)
    ]
    return [first, *again]


def _raw(tx: Transaction, event: MessageEvent) -> dict[str, Any]:
    """Where what the provider sent is now."""
    archive = (
        store.archives.get(tx, event.archive_id)
        if event.archive_id is not None
        else None
    )
    return {
        "kept": event.raw is not None,
        "archive": archive
        and {
            "id": archive.id,
            "storage_key": archive.storage_key,
            "created_at": archive.created_at,
            "restored_at": archive.restored_at,
        },
    }


def _state(event: MessageEvent) -> dict[str, Any]:
    return {
        "status": event.status,
        "reason": event.reason,
        "superseded_by": event.superseded_by,
        "attempts": event.attempts,
        "next_attempt_at": event.next_attempt_at,
        "last_error": event.last_error,
        "materialized_at": event.materialized_at,
        "classified_at": event.classified_at,
        "decided_at": event.decided_at,
        "drafted_at": event.drafted_at,
        "finished_at": event.finished_at,
    }


def _place(tx: Transaction, event: MessageEvent) -> dict[str, Any] | None:
    if event.message_id is None:
        return None
    message = store.messages.of_ids(tx, [event.message_id]).get(event.message_id)
    if message is None:
        return None
    return {
        "message_id": message.id,
        "conversation_id": message.conversation_id,
        "customer_id": message.customer_id,
        "identity_evidence": message.identity_evidence,
        "thread_evidence": message.thread_evidence,
        "related": store.threads.relations_of(tx, message.conversation_id),
        "joins": [
            {
                "conversation_id": one.loser_id,
                "evidence": one.evidence,
                "key": one.external_thread_id,
                "message_id": one.message_id,
                "messages": len(one.moved),
                "at": one.created_at,
            }
            for one in store.threads.joins_of(tx, message.conversation_id)
        ],
        "is_old": message.is_old,
        "occurred_at": message.occurred_at,
        "delivery_status": message.delivery_status,
        "delivery_reason": message.delivery_reason,
        "reports": [
            {
                "kind": report.kind,
                "message_id": report.message_id,
                "about_message_id": report.about_message_id,
                "details": report.details,
            }
            for report in store.mail_reports.of_or_about(tx, message.id)
        ],
    }


def _authentication(tx: Transaction, event: MessageEvent) -> dict[str, Any] | None:
    """What our own mail servers found out about the sender; others can write what they like."""
    config = store.tenants.config(tx, event.config_id)
    servers = config.settings.get("mail_servers", []) if config else []
    trusted = frozenset(one for one in servers if isinstance(one, str))
    found = authentication_of(event.payload.get("headers", {}), trusted)
    if found is None:
        return None
    return asdict(found) | {"proves_sender": found.proves_sender}


def _draft(tx: Transaction, event: MessageEvent) -> dict[str, Any] | None:
    if event.message_id is None:
        return None
    draft = store.messages.draft_of(tx, event.message_id)
    if draft is None:
        return None
    return {
        "draft_id": draft.id,
        "status": draft.status,
        "model": draft.model,
        "prompt_version": draft.prompt_version,
        "usage": draft.usage,
        "created_at": draft.created_at,
        "edited_by": draft.edited_by,
        "edited_at": draft.edited_at,
        "auto_reply": draft.auto_reply,
        "order_id": draft.order_id,
        "order_refusal": draft.order_refusal,
    }


def _answers(tx: Transaction, event: MessageEvent) -> list[dict[str, Any]]:
    """What we sent in answer to the message, and what became of it."""
    if event.message_id is None:
        return []
    return [
        {
            "outbound_id": one.id,
            "message_id": one.message_id,
            "origin": one.origin,
            "actor": one.actor,
            "state": one.state,
            "rule": one.rule,
            "attempts": one.attempts,
            "checks": one.checks,
            "last_error": one.last_error,
            "first_tried_at": one.first_tried_at,
            "finished_at": one.finished_at,
        }
        for one in store.outbound.answers_to(tx, event.message_id)
    ]
