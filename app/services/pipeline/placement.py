"""What a message brings, and its row.

Whose it is is found in `people`, its conversation in `threads`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app import store
from app.domain.attachments import MAX_FILES, referenced_ids
from app.domain.bubbles import MESSAGING
from app.domain.decision import ASKS_NOTHING, Judgement
from app.domain.evidence import evidence_of
from app.domain.identifiers import identity_key, is_global
from app.domain.identity import Identified, customer_of, identifiers_of
from app.domain.ids import new_id
from app.domain.mail_report import MailReport, report_of
from app.domain.mail_text import split_reply
from app.domain.rules import judge_by_rules
from app.domain.status import AttachmentState, SenderType
from app.domain.threading import Threading, mail_id_of, read_threading
from app.domain.unified_message import Channel, Direction, MessageKind, UnifiedMessage
from app.jobs.contracts import StoreFiles
from app.models import ChannelConfig
from app.store.customers import NOBODY, IdentityKey, Owner
from app.store.transaction import Transaction

#: A worker that is told to stop must come to the end of a job within a minute.
MESSAGES_PER_FILES_JOB = 20

#: Kinds that say something; the others change or describe what was said.
SPEAKS = frozenset(
    {MessageKind.TEXT, MessageKind.MEDIA, MessageKind.CALL, MessageKind.EVENT}
)

_LARGEST_SIZE = 2**63 - 1


@dataclass(frozen=True)
class Identifier:
    """What somebody is known by."""

    key: IdentityKey
    original: str
    """As the provider writes it, for sending."""


@dataclass(frozen=True)
class Arrived:
    """A claimed event with its message, read and ready to be placed."""

    event: Any
    message: UnifiedMessage
    threading: Threading
    identified: Identified
    """Who is on the other side."""
    identifiers: tuple[Identifier, ...]
    """All that proves to be theirs, what they were found by first; none for the nameless."""
    occurred_at: datetime
    """The claimed time, but never later than the receipt: the future orders nothing."""
    message_id: UUID
    report: MailReport | None = None
    """What it says became of one of our own mails."""
    automatic: Judgement | None = None
    """The evidence that no person wrote it, where there is any."""
    met_in: UUID | None = None
    """The conversation of the message of ours that it brings back."""

    @property
    def identity(self) -> IdentityKey | None:
        """What the customer was found by."""
        return self.identifiers[0].key if self.identifiers else None

    @property
    def lock_keys(self) -> list[str]:
        """What nobody else may create while this message finds its place."""
        threads = [f"{self.event.config_id}:{key.value}" for key in self.threading.keys]
        on_mail = self.event.channel == Channel.EMAIL
        if on_mail or self.message.sender.kind == "email":
            # Which conversations a mail may join is not known before they are read.
            threads = [f"{self.event.config_id}:mail"]
        if not on_mail:
            # What is told of a message, and the message itself, must see each other, whoever tells.
            about = self.message.target_id or self.event.external_id
            threads.append(f"{self.event.config_id}:about:{about}")
        return [*self.identity_locks, *threads]

    @property
    def identity_locks(self) -> list[str]:
        """What nobody else may make customers of meanwhile."""
        return [one.key.lock_key for one in self.identifiers]


def arrive(
    event: Any, message: UnifiedMessage, *, own: Collection[str], token_key: bytes
) -> Arrived:
    """Make out who and what a message is about; `own` are the keys of our addresses."""
    occurred_at = _moment_of(event, message)
    # Of the same second, as many providers tell the time, the one that came later is the later: ids of
    # events are in the order of their receipt, whichever worker places them first.
    message_id = event.message_id or event.id
    identified = customer_of(message, own=own)
    identifiers = tuple(
        Identifier(
            IdentityKey(
                one.kind,
                identity_key(one.kind, one.value),
                None if is_global(one.kind) else event.config_id,
            ),
            original=one.value,
        )
        for one in identifiers_of(message, identified, own=own)
    )
    report = report_of(message)
    return Arrived(
        event=event,
        message=message,
        report=report,
        threading=read_threading(
            message,
            at=occurred_at,
            own=own,
            message_id=message_id,
            person=identified.person,
            is_repeated=event.id_collision,
            token_key=token_key,
            report=report,
        ),
        identified=identified,
        identifiers=identifiers,
        occurred_at=occurred_at,
        message_id=message_id,
    )


def _moment_of(event: Any, message: UnifiedMessage) -> datetime:
    """When it was said: as it is claimed, but never later than its receipt.

    Messengers tell whole seconds. What somebody writes there counts as said at the end of its second:
    else a message that crosses an answer of ours would seem to be answered by it, and nobody would
    look at it.
    """
    received_at: datetime = event.received_at
    said = message.sent_at or received_at
    if (
        message.direction is Direction.INBOUND
        and message.kind in SPEAKS
        and event.channel in MESSAGING
        and event.run_id is None
        and not said.microsecond
    ):
        said += timedelta(microseconds=999_999)
    return min(said, received_at)


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


def without_home(tx: Transaction, batch: Sequence[Arrived]) -> list[Arrived]:
    """What belongs to a conversation and must not open one, where there is none: a group's new name.

    The creation locks are held.
    """
    found: list[Arrived] = []
    for one in batch:
        if one.message.metadata.get("no_conversation"):
            known = store.conversations.by_thread(
                tx,
                channel=one.event.channel,
                config_id=one.event.config_id,
                threads={key.value for key in one.threading.keys},
            )
            if not known:
                found.append(one)
    return found


def keep_consent(tx: Transaction, batch: Sequence[Arrived]) -> None:
    """Note who stops or allows messages to themselves. Asking for help changes nothing."""
    for one in batch:
        said = one.message.metadata.get("consent")
        if said in {"stop", "start"} and one.identity is not None:
            received_at: datetime = one.event.received_at
            store.customers.set_consent(
                tx,
                one.identity,
                may_write=said == "start",
                at=min(one.message.sent_at or received_at, received_at),
            )


def store_messages(
    tx: Transaction,
    batch: Sequence[Arrived],
    customers: dict[IdentityKey, Owner],
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
            owner=customers[one.identity].columns if one.identity else NOBODY,
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
    owner: dict[str, UUID | None],
    place: tuple[UUID, str],
    config: ChannelConfig | None,
) -> dict[str, Any]:
    message = one.message
    conversation_id, evidence = place
    inbound = message.direction is Direction.INBOUND
    parts = split_reply(message.body_text, message.body_html)
    return {
        "id": one.message_id,
        "workspace_id": one.event.workspace_id,
        "conversation_id": conversation_id,
        "channel": one.event.channel,
        "config_id": one.event.config_id,
        "event_id": one.event.id,
        "external_id": one.event.external_id,
        "mail_id": mail_id_of(message),
        "external_thread_id": message.external_thread_id,
        **owner,
        "direction": message.direction,
        "sender_type": SenderType.CUSTOMER if inbound else SenderType.EMPLOYEE,
        "sender": message.sender.model_dump(mode="json"),
        "recipients": [one.model_dump(mode="json") for one in message.recipients],
        "kind": message.kind,
        "subject": message.subject,
        "body": message.body_text,
        "body_visible": parts.visible or None,
        "body_quoted": parts.quoted or None,
        "body_html": message.body_html,
        "attachments": [one.model_dump(mode="json") for one in message.attachments],
        "thread_evidence": evidence,
        "identity_evidence": one.identified.evidence,
        "is_automatic": one.automatic is not None,
        "is_old": config is None or one.occurred_at < config.connected_at,
        "reply_sent": False,
        "sent_at": message.sent_at,
        "occurred_at": one.occurred_at,
    }
