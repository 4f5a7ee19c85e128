"""The states that things of ours can be in. Kinds that providers bring are free text instead."""

from enum import StrEnum


class EventStatus(StrEnum):
    """How far an event has come. The second group is terminal."""

    RECEIVED = "received"
    MATERIALIZED = "materialized"
    CLASSIFIED = "classified"
    DECIDED = "decided"
    """Terminal too, once `finished_at` is set: no draft is needed."""

    DRAFTED = "drafted"
    STORED = "stored"
    """Kept; there was nothing to decide (outbound, or an import in mode `history`)."""
    SUPERSEDED = "superseded"
    """A newer inbound message took over."""
    FAILED = "failed"
    """Dead-lettered."""


class RunMode(StrEnum):
    TRIAGE = "triage"
    """The newest inbound message of each conversation is decided."""
    HISTORY = "history"
    """Everything is kept, nothing is decided."""


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Source(StrEnum):
    """By which way a message came."""

    IMPORT = "import"
    POLL = "poll"
    WEBHOOK = "webhook"
    POST = "post"
    """A partner posted it."""
    INSERT = "insert"
    """Another server wrote the row."""


class WatermarkResource(StrEnum):
    """What is looked after on an account from time to time."""

    MESSAGES = "messages"
    """What is new is fetched."""
    SUBSCRIPTION = "subscription"
    """The provider's promise to call us is renewed."""


class FetchState(StrEnum):
    """What became of a message that was announced by its id."""

    PENDING = "pending"
    FETCHED = "fetched"
    GONE = "gone"
    """The provider no longer had it."""
    FAILED = "failed"


class ConfigStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    DISCONNECTED = "disconnected"
    """The provider refuses our credentials."""


class ConversationStatus(StrEnum):
    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    CLOSED = "closed"


class SenderType(StrEnum):
    CUSTOMER = "customer"
    EMPLOYEE = "employee"
    AGENT = "agent"


class DeliveryStatus(StrEnum):
    """What is known of a message that we sent."""

    QUEUED = "queued"
    SENT = "sent"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class DraftStatus(StrEnum):
    LIVE = "live"
    STALE = "stale"
    """What it answers was overtaken: by a newer message, an edit, an answer that somebody wrote."""
    SENT = "sent"
    """It went to the outbound queue."""


class OutboundState(StrEnum):
    """How far a message of ours has come on its way out."""

    QUEUED = "queued"
    SENDING = "sending"
    """Somebody is calling the provider, or died while doing so."""
    HELD = "held"
    """A part of a text whose earlier part is uncertain."""
    UNCERTAIN = "uncertain"
    """The provider may have taken it: it is looked for, and never sent again by itself."""

    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Something happened before it went out that made it wrong to send it."""


class OutboundOrigin(StrEnum):
    """Who wants it sent."""

    PERSON = "person"
    DRAFT = "draft"
    """A draft of the model that a person approved."""
    AUTOMATIC = "automatic"
    CAMPAIGN = "campaign"


class OrderState(StrEnum):
    PENDING_REVIEW = "pending_review"
    """Nobody but the model has seen it."""
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    FULFILLED = "fulfilled"


class AttachmentState(StrEnum):
    PENDING = "pending"
    STORED = "stored"
    REFUSED = "refused"
    """Too large, or of a kind that is not wanted."""
    GONE = "gone"
    """Nobody has it any more."""
    FAILED = "failed"
    """Given up."""


class ScheduledOutcome(StrEnum):
    """How a run of a scheduled job ended."""

    DONE = "done"
    MORE = "more"
    """It did its share and goes on at once."""
    FAILED = "failed"
    LOST = "lost"
    """Its worker was killed; written by the next one."""


class ArchiveKind(StrEnum):
    """What an archive holds."""

    RAW = "raw"
    """What providers sent, of events."""
    RECEIPTS = "receipts"
    """Requests of providers, whole."""


class ChunkStatus(StrEnum):
    """How far a piece of a message is on its way to be found by its meaning."""

    PENDING = "pending"
    PROCESSING = "processing"
    EMBEDDED = "embedded"
    FAILED = "failed"
    """Given up; it is still found by its words."""


class DeadLetterStatus(StrEnum):
    OPEN = "open"
    REQUEUED = "requeued"
    DISCARDED = "discarded"


class IncidentStatus(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Severity(StrEnum):
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class Scope(StrEnum):
    """What an API key may do."""

    INGEST = "ingest"
    IMPORT = "import"
    READ = "read"
    SEND = "send"
    OPS = "ops"


class RuleField(StrEnum):
    """What a sender rule looks at."""

    ADDRESS = "address"
    DOMAIN = "domain"
    SUBJECT = "subject"
