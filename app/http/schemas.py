"""What goes over the wire: the bodies that are read and the answers that are given."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    computed_field,
    model_validator,
)

from app.domain.decision import Category, Decision
from app.domain.status import (
    AttachmentState,
    ConversationStatus,
    DeliveryStatus,
    DraftStatus,
    EventStatus,
    OutboundOrigin,
    OutboundState,
    RunMode,
    RunState,
    SenderType,
    Source,
)
from app.domain.unified_message import Direction, MessageKind, UnifiedMessage
from app.services.sync.unified_ingest import MAX_MESSAGES

#: ISO 8601, in UTC, with its offset.
Time = Annotated[
    datetime,
    PlainSerializer(lambda moment: moment.astimezone(UTC).isoformat(), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Body(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Answer(Body):
    model_config = ConfigDict(from_attributes=True)


class Fault(Answer):
    loc: list[str | int]
    """Where: names and indexes, from the outside in."""
    msg: str


class Problem(Answer):
    """What went wrong, as RFC 9457 writes it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Fault] | None = None
    """What is wrong with the request, where that is the matter."""
    request_id: str | None = None
    """Names this request in our logs."""


class Envelope(Body):
    """A batch of messages before they are looked at, each of which is judged alone."""

    workspace_id: UUID
    config_id: UUID
    channel: str
    run_id: UUID | None = None
    messages: list[Any]


class Batch(Envelope):
    """Messages of one connected account, as the caller understood them."""

    messages: list[UnifiedMessage] = Field(max_length=MAX_MESSAGES)


class RejectedMessage(Answer):
    index: int
    external_id: str | None
    errors: list[Fault]


class BatchResult(Answer):
    accepted: int
    """Created and duplicates: what needs not be sent again."""
    created: int
    duplicates: int
    rejected: list[RejectedMessage]
    event_ids: list[UUID]
    """Of the created events, in the order of their messages."""


class StartImport(Body):
    workspace_id: UUID
    config_id: UUID
    mode: RunMode = RunMode.TRIAGE
    cap: int | None = Field(default=None, ge=1)
    """How many messages at most. Left out: `BB_IMPORT_CAP`; never more than `BB_IMPORT_CAP_MAX`."""


class StartedImport(Answer):
    run_id: UUID


class Run(Answer):
    run_id: UUID
    workspace_id: UUID
    config_id: UUID
    source: str
    mode: RunMode
    state: RunState
    cap: int | None
    fetched_so_far: int
    pages: int
    created: int
    duplicates: int
    rejected: int
    rate_limit_count: int
    truncated: bool
    heartbeat_at: Time
    started_at: Time
    finished_at: Time | None
    events: int
    finished_events: int
    failed_events: int


class Conversation(Answer):
    id: UUID
    channel: str
    config_id: UUID
    customer_id: UUID | None
    subject: str | None
    status: ConversationStatus
    ai_enabled: bool
    handed_over_to: str | None
    """The application or person that has it, while it is not ours."""
    decision: Decision | None
    category: Category | None
    confidence: float | None
    decision_reason: str | None
    last_message_at: Time | None
    last_inbound_message_id: UUID | None
    last_inbound_message_at: Time | None
    last_outbound_message_at: Time | None
    last_classified_message_id: UUID | None
    last_draft_message_id: UUID | None
    ai_draft_response: str | None
    created_at: Time
    updated_at: Time


class Relation(Answer):
    """Another conversation that may have to do with this one; its people do not take part in it."""

    conversation_id: UUID
    message_id: UUID | None
    """The message that points across."""
    evidence: str
    """By what it points: `in_reply_to`, `references`, …"""


class OneConversation(Conversation):
    reply_subject: str | None
    """What the newest inbound message is called, which need not be the name of the thread."""
    related: list[Relation]


class Conversations(Answer):
    items: list[Conversation]
    next_cursor: str | None
    """Null on the last page."""


class ConversationChange(Body):
    """What a person may change; what is left out or null stays as it is."""

    # A misspelt switch must not look as if it had been thrown.
    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})

    ai_enabled: bool | None = None
    status: ConversationStatus | None = None

    @model_validator(mode="after")
    def _something(self) -> "ConversationChange":
        if self.ai_enabled is None and self.status is None:
            raise ValueError("names nothing to change: ai_enabled or status is needed")
        return self


class InnerMessage(Answer):
    """Of an attached message: who wrote it, and about what."""

    sender: str
    sender_name: str | None = None
    subject: str | None = None
    date: str | None = None


class Attachment(Answer):
    """A file that came with a message: kept, or listed with the reason why not."""

    id: UUID
    message_id: UUID
    name: str | None
    content_type: str | None
    """As the sender claims."""
    size: int | None
    """Bytes."""
    content_id: str | None
    is_inline: bool
    """Part of the text, not a file that somebody attached."""
    state: AttachmentState
    reason: str | None
    """Why it is not stored."""
    warning: str | None
    """What to beware of before opening it."""
    inner: InnerMessage | None
    sha256: str | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def path(self) -> str:
        """Where its bytes are, once it is stored."""
        return f"/api/v1/messages/{self.message_id}/attachments/{self.id}"


class Message(Answer):
    id: UUID
    conversation_id: UUID
    channel: str
    config_id: UUID
    event_id: UUID | None
    external_id: str | None
    external_thread_id: str | None
    customer_id: UUID | None
    direction: Direction
    sender_type: SenderType
    sender: dict[str, Any]
    recipients: list[Any]
    kind: MessageKind
    subject: str | None
    body: str | None
    """The whole text."""
    body_visible: str | None
    """Without quoted mail and signature."""
    attachments: list[Attachment] = Field(validation_alias="files")
    thread_evidence: str | None
    is_old: bool
    edited_at: Time | None
    deleted_at: Time | None
    """When it was taken back: its text is kept and shown to nobody."""
    reactions: dict[str, str]
    """Who reacts to it with what."""
    call: dict[str, Any] | None
    """The course of a call."""
    delivery_status: DeliveryStatus | None
    delivery_reason: str | None
    """Why it did not arrive, in the words of the server."""
    reply_sent: bool
    sent_at: Time | None
    """What provider or sender claim."""
    occurred_at: Time
    """What orders it: never later than its receipt."""


class Messages(Answer):
    items: list[Message]
    next_cursor: str | None
    """Null on the last page."""


class Identity(Answer):
    kind: str
    value: str
    """The canonical form, by which it is found."""
    original: str
    """As it was received."""
    config_id: UUID | None
    """Null where it means the same everywhere."""
    opted_out_at: Time | None
    """Since when nobody may be written to here."""
    undeliverable_at: Time | None
    """Since when nothing arrives here."""
    home_customer_id: UUID | None
    """Whose it is once nobody is merged; null where it is this customer's own."""
    evidence: dict[str, Any] | None
    """By what it was found to be theirs; null for what they were first known by."""


class CustomerMerge(Answer):
    """Two customers turned out to be one person, or somebody says so."""

    id: UUID
    survivor_id: UUID
    loser_id: UUID
    survivor_home_id: UUID
    """Of those for whom the survivor stood, the one that the evidence is about."""
    loser_home_id: UUID
    rule: str
    """`same_message`, `changed_number`, `phone_alias`, or `person`."""
    details: dict[str, Any]
    """The event that showed it, and the two identifiers."""
    actor: str
    moved: dict[str, int]
    """How many rows of which table went over."""
    created_at: Time
    undone_at: Time | None
    undone_by: str | None


class Customer(Answer):
    id: UUID
    """Asked for by the id of a merged customer, it is that of who stands for them."""
    name: str | None
    first_seen_at: Time
    identities: list[Identity]
    merged: list[UUID]
    """The ids for which this one stands beside its own."""
    merges: list[CustomerMerge]
    """All in which any of these had a part, undone ones too."""


class MergeCustomers(Body):
    # A misspelt `dry_run` must not look as if nothing would happen.
    model_config = ConfigDict(extra="forbid")

    other: UUID
    """Who goes over."""
    dry_run: bool = False
    """Only say what would go over."""


class CustomerMerging(Answer):
    survivor_id: UUID
    loser_id: UUID
    moves: dict[str, int]
    """How many rows of each table go over."""
    merge: CustomerMerge | None
    """Null where it was only asked what would happen."""


class Arrival(Answer):
    channel: str
    config_id: UUID
    external_id: str
    external_thread_id: str | None
    direction: Direction
    run_id: UUID | None
    received_at: Time
    claimed_sent_at: str | None
    id_collision: bool


class Receipt(Answer):
    """One way in which a message came; it may come by several, and again."""

    source: Source
    first_at: Time
    last_at: Time
    count: int
    receipt_id: UUID | None
    run_id: UUID | None


class State(Answer):
    status: EventStatus
    reason: str | None
    superseded_by: UUID | None
    attempts: int
    next_attempt_at: Time | None
    last_error: str | None
    materialized_at: Time | None
    classified_at: Time | None
    decided_at: Time | None
    drafted_at: Time | None
    finished_at: Time | None


class Join(Answer):
    conversation_id: UUID
    """What it was before."""
    evidence: str
    key: str
    message_id: UUID | None
    messages: int
    """How many it brought along."""
    at: Time


class Report(Answer):
    kind: str
    message_id: UUID
    about_message_id: UUID | None
    """Null where it names no mail of ours."""
    details: dict[str, Any]


class Place(Answer):
    message_id: UUID
    conversation_id: UUID
    customer_id: UUID | None
    identity_evidence: str | None
    """The rule that said whose it is: `from`, `list_rewritten_from`, …"""
    thread_evidence: str | None
    related: list[Relation]
    """Other conversations that point to the same ids."""
    joins: list[Join]
    """What was found to be one with this conversation."""
    is_old: bool
    occurred_at: Time
    delivery_status: DeliveryStatus | None
    delivery_reason: str | None
    reports: list[Report]
    """What it reports of one of ours, and what was reported of it."""


class Authentication(Answer):
    """What our own mail servers found out about the sender."""

    server: str
    spf: str | None
    dkim: str | None
    dmarc: str | None
    signers: list[str]
    proves_sender: bool


class DraftSummary(Answer):
    draft_id: UUID
    status: DraftStatus
    model: str
    prompt_version: str
    usage: dict[str, Any]
    created_at: Time
    edited_by: str | None
    edited_at: Time | None
    auto_reply: dict[str, Any] | None
    """`queued`: what it became when it was sent by itself; `refused`: the rules that forbade it."""
    order_id: UUID | None
    """The order that it tells the customer of."""
    order_refusal: dict[str, Any] | None
    """`rule, reason` where the model wanted to place an order and was not let."""


class SentAnswer(Answer):
    """What we sent in answer, and what became of it."""

    outbound_id: UUID
    message_id: UUID
    origin: OutboundOrigin
    actor: str
    state: OutboundState
    rule: str | None
    """Why it was not sent, as a word."""
    attempts: int
    checks: int
    """How often it was looked for at the provider."""
    last_error: str | None
    first_tried_at: Time | None
    finished_at: Time | None


class Try(Answer):
    job_type: str
    outcome: str
    attempt: int
    error: str | None
    at: Time


class RawArchive(Answer):
    id: UUID
    storage_key: str
    """Where the file is, in the storage."""
    created_at: Time
    restored_at: Time | None
    """When its rows were last brought back."""


class Raw(Answer):
    kept: bool
    """Whether the database has what the provider sent."""
    archive: RawArchive | None
    """Where it was moved to."""


class Explanation(Answer):
    """All that led to the state of an event. Bodies stay out."""

    event_id: UUID
    workspace_id: UUID
    arrival: Arrival
    receipts: list[Receipt]
    raw: Raw
    state: State
    place: Place | None
    authentication: Authentication | None
    """Null where none of the account's `mail_servers` said anything."""
    judgement: dict[str, Any] | None
    draft: DraftSummary | None
    answers: list[SentAnswer]
    tries: list[Try]


class Liveness(Answer):
    status: str


class CheckResult(Answer):
    ok: bool
    message: str
    """What was found and, where it is not well, what to do."""


class Readiness(Answer):
    ready: bool
    checks: dict[str, CheckResult]
