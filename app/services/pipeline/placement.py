"""Where a message belongs: whose it is, which conversation, and its row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app import store
from app.domain.attachments import MAX_FILES, referenced_ids
from app.domain.decision import ASKS_NOTHING, Judgement
from app.domain.evidence import evidence_of
from app.domain.identifiers import identity_key, is_global
from app.domain.ids import new_id
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.mail_text import split_reply
from app.domain.rules import judge_by_rules
from app.domain.status import AttachmentState, SenderType
from app.domain.threading import ThreadKey, thread_evidence
from app.domain.unified_message import Direction, Participant, UnifiedMessage
from app.jobs.contracts import StoreFiles
from app.models import ChannelConfig
from app.store.customers import IdentityKey
from app.store.transaction import Transaction

#: A worker that is told to stop must come to the end of a job within a minute.
MESSAGES_PER_FILES_JOB = 20

_LARGEST_SIZE = 2**63 - 1


@dataclass(frozen=True)
class Arrived:
    """A claimed event with its message, read and ready to be placed."""

    event: Any
    message: UnifiedMessage
    threads: list[ThreadKey]
    counterpart: Participant | None
    """Who is on the other side; None where nobody is named."""
    identity: IdentityKey | None
    occurred_at: datetime
    """The claimed time, but never later than the receipt: the future orders nothing."""
    message_id: UUID
    automatic: Judgement | None = None
    """The evidence that no person wrote it, where there is any."""

    @property
    def lock_keys(self) -> list[str]:
        """What nobody else may create while this message finds its place."""
        threads = [f"{self.event.config_id}:{key.value}" for key in self.threads]
        return [self.identity.lock_key, *threads] if self.identity else threads


def arrive(event: Any, message: UnifiedMessage) -> Arrived:
    """Make out who and what a message is about."""
    counterpart = _counterpart(message)
    identity = None
    if counterpart is not None:
        identity = IdentityKey(
            counterpart.kind,
            identity_key(counterpart.kind, counterpart.value),
            None if is_global(counterpart.kind) else event.config_id,
        )
    return Arrived(
        event=event,
        message=message,
        threads=thread_evidence(message),
        counterpart=counterpart,
        identity=identity,
        occurred_at=min(message.sent_at or event.received_at, event.received_at),
        message_id=event.message_id or new_id(),
    )


def note_automatic(tx: Transaction, batch: Sequence[Arrived]) -> list[Arrived]:
    """Mark what proves by itself that no person wrote it, and that no sender rule speaks of."""
    found = {
        one.event.id: judgement
        for one in batch
        if one.message.direction is Direction.INBOUND
        and (judgement := evidence_of(one.message))
        and judgement.category in ASKS_NOTHING
    }
    rules = store.rules.all_rules(tx) if found else []
    return [
        replace(one, automatic=found[one.event.id])
        if one.event.id in found and not judge_by_rules(one.message, rules)
        else one
        for one in batch
    ]


def _counterpart(message: UnifiedMessage) -> Participant | None:
    if message.direction is Direction.OUTBOUND:
        return message.recipients[0] if message.recipients else None
    # All the nameless are not one customer.
    return None if message.sender.value == UNKNOWN_SENDER else message.sender


def find_customers(
    tx: Transaction, batch: Sequence[Arrived]
) -> dict[IdentityKey, UUID]:
    """Find or make the customer of each message. The creation locks are held."""
    known = store.customers.by_identity(
        tx, {one.identity for one in batch if one.identity}
    )
    customers: list[dict[str, Any]] = []
    identities: list[dict[str, Any]] = []
    for one in batch:
        if one.identity is None or one.counterpart is None or one.identity in known:
            continue
        known[one.identity] = customer_id = new_id()
        owner = {"workspace_id": one.event.workspace_id}
        customers.append(
            owner
            | {
                "id": customer_id,
                "name": one.counterpart.name,
                "first_seen_at": one.occurred_at,
            }
        )
        identities.append(
            owner
            | {
                "id": new_id(),
                "customer_id": customer_id,
                "config_id": one.identity.config_id,
                "kind": one.identity.kind,
                "value": one.identity.value,
                "original": one.counterpart.value,
            }
        )
    store.customers.add(tx, customers, identities)
    return known


def find_conversations(
    tx: Transaction,
    batch: Sequence[Arrived],
    customers: dict[IdentityKey, UUID],
) -> dict[UUID, tuple[UUID, str]]:
    """Find or make the conversation of each message: event id → (conversation, evidence).

    The strongest evidence that leads anywhere decides. All keys of a message are remembered, those
    of parents not seen yet too, so that arrival in any order ends in one conversation.
    """
    known: dict[tuple[UUID, str], UUID] = {}
    for config_id, channel in {
        (one.event.config_id, one.event.channel) for one in batch
    }:
        threads = {
            key.value
            for one in batch
            if one.event.config_id == config_id
            for key in one.threads
        }
        found = store.conversations.by_thread(
            tx, channel=channel, config_id=config_id, threads=threads
        )
        known |= {(config_id, thread): place for thread, place in found.items()}
    places: dict[UUID, tuple[UUID, str]] = {}
    conversations: list[dict[str, Any]] = []
    refs: list[dict[str, Any]] = []
    for one in batch:
        config_id = one.event.config_id
        leads = [key for key in one.threads if (config_id, key.value) in known]
        owner = {
            "workspace_id": one.event.workspace_id,
            "channel": one.event.channel,
            "config_id": config_id,
        }
        if leads:
            place = known[config_id, leads[0].value]
            evidence = leads[0].evidence
        else:
            place, evidence = new_id(), "new"
            conversations.append(
                owner
                | {
                    "id": place,
                    "customer_id": customers[one.identity] if one.identity else None,
                    "subject": one.message.subject,
                }
            )
        places[one.event.id] = (place, evidence)
        for key in one.threads:
            if (config_id, key.value) not in known:
                known[config_id, key.value] = place
                refs.append(
                    owner
                    | {
                        "id": new_id(),
                        "external_thread_id": key.value,
                        "evidence": key.evidence,
                        "conversation_id": place,
                    }
                )
    store.conversations.add(tx, conversations)
    store.conversations.add_refs(tx, refs)
    return places


def store_messages(
    tx: Transaction,
    batch: Sequence[Arrived],
    customers: dict[IdentityKey, UUID],
    conversations: dict[UUID, tuple[UUID, str]],
) -> dict[UUID, tuple[UUID, UUID]]:
    """Store the messages: event id → (conversation, message).

    One that is stored already, from another way in or an earlier try, keeps its row.
    """
    configs = {
        config_id: store.tenants.config(tx, config_id)
        for config_id in {one.event.config_id for one in batch}
    }
    rows = [
        _message_row(
            one,
            customer_id=customers[one.identity] if one.identity else None,
            place=conversations[one.event.id],
            config=configs[one.event.config_id],
        )
        for one in batch
    ]
    added = store.messages.add_new(tx, rows)
    placed = {
        row["event_id"]: (row["conversation_id"], row["id"])
        for row in rows
        if row["id"] in added
    }
    for config_id in configs:
        twice = [
            one
            for one in batch
            if one.event.id not in placed and one.event.config_id == config_id
        ]
        stored = store.messages.by_external_id(
            tx,
            config_id=config_id,
            external_ids={one.event.external_id for one in twice},
        )
        for one in twice:
            message = stored[one.event.external_id]
            placed[one.event.id] = (message.conversation_id, message.id)
    return placed


def list_files(
    tx: Transaction,
    batch: Sequence[Arrived],
    messages: dict[UUID, tuple[UUID, UUID]],
) -> None:
    """List the files of stored messages and ring for those that are still to be kept.

    Safe to repeat: what is listed keeps its row.
    """
    rows = [
        row
        for one in batch
        for row in _file_rows(one, messages[one.event.id][1], rung_at=tx.now)
    ]
    added = store.attachments.add_new(tx, rows)
    waiting = {
        row["message_id"] for row in rows if row["state"] is AttachmentState.PENDING
    }
    if rows:
        owner = rows[0]["workspace_id"]
        tx.publish_after_commit(*files_jobs(owner, sorted(waiting & added)))


def files_jobs(workspace_id: UUID, message_ids: Sequence[UUID]) -> list[StoreFiles]:
    """The jobs that keep the files of messages."""
    size = MESSAGES_PER_FILES_JOB
    return [
        StoreFiles(
            workspace_id=workspace_id,
            message_ids=tuple(message_ids[start : start + size]),
        )
        for start in range(0, len(message_ids), size)
    ]


def _file_rows(
    one: Arrived, message_id: UUID, *, rung_at: datetime
) -> list[dict[str, Any]]:
    message = one.message
    listed = message.attachments
    if not listed:
        return []
    places = message.metadata.get("attachment_places")
    if not isinstance(places, list) or len(places) != len(listed):
        places = [None] * len(listed)
    shown = referenced_ids(message.body_html)
    rows = []
    for position, (file, place) in enumerate(zip(listed, places, strict=True)):
        if position == MAX_FILES:
            break
        place = place if isinstance(place, str) and file.url is None else None
        is_there = place is not None or file.url is not None
        is_picture = (file.content_type or "").lower().startswith("image/")
        rows.append(
            {
                "id": new_id(),
                "workspace_id": one.event.workspace_id,
                "message_id": message_id,
                "config_id": one.event.config_id,
                "position": position,
                "name": file.name,
                "content_type": file.content_type,
                "size": min(file.size, _LARGEST_SIZE) if file.size else file.size,
                "content_id": file.content_id,
                "is_inline": is_picture and file.content_id in shown,
                "place": place,
                "url": file.url,
                "state": AttachmentState.PENDING if is_there else AttachmentState.GONE,
                "reason": None if is_there else "the message came without it",
                # Whoever lists a file also rings for it.
                "rung_at": rung_at,
            }
        )
    if len(listed) > MAX_FILES:
        rows[-1] |= {
            "name": None,
            "place": None,
            "url": None,
            "state": AttachmentState.REFUSED,
            "reason": f"{len(listed) - MAX_FILES + 1} more files; "
            f"of one message {MAX_FILES - 1} are kept",
        }
    return rows


def _message_row(
    one: Arrived,
    *,
    customer_id: UUID | None,
    place: tuple[UUID, str],
    config: ChannelConfig | None,
) -> dict[str, Any]:
    message = one.message
    conversation_id, evidence = place
    inbound = message.direction is Direction.INBOUND
    return {
        "id": one.message_id,
        "workspace_id": one.event.workspace_id,
        "conversation_id": conversation_id,
        "channel": one.event.channel,
        "config_id": one.event.config_id,
        "event_id": one.event.id,
        "external_id": one.event.external_id,
        "external_thread_id": message.external_thread_id,
        "customer_id": customer_id,
        "direction": message.direction,
        "sender_type": SenderType.CUSTOMER if inbound else SenderType.EMPLOYEE,
        "sender": message.sender.model_dump(mode="json"),
        "recipients": [one.model_dump(mode="json") for one in message.recipients],
        "kind": message.kind,
        "subject": message.subject,
        "body": message.body_text,
        "body_visible": split_reply(message.body_text, message.body_html).visible
        or None,
        "body_html": message.body_html,
        "attachments": [one.model_dump(mode="json") for one in message.attachments],
        "thread_evidence": evidence,
        "is_automatic": one.automatic is not None,
        "is_old": config is None or one.occurred_at < config.connected_at,
        "reply_sent": False,
        "sent_at": message.sent_at,
        "occurred_at": one.occurred_at,
    }
