"""What codes mean, in words that somebody understands who has a shop to run."""

from collections.abc import Mapping, Sequence

from app.domain.attention import Attention
from app.domain.decision import Decision
from app.domain.status import (
    ConversationStatus,
    OutboundOrigin,
    OutboundState,
    Source,
)
from app.services.inbox import InboxRow

TABS: tuple[tuple[Attention | None, str], ...] = (
    (Attention.ACT_NOW, "Act now"),
    (Attention.NEEDS_YOU, "Needs you"),
    (Attention.QUICK_WIN, "Quick wins"),
    (Attention.HANDLED, "Handled"),
    (None, "All"),
)
#: What makes a row stand out.
ASKING = (Attention.ACT_NOW, Attention.NEEDS_YOU, Attention.QUICK_WIN)
#: What a tab says when it holds nothing.
NOTHING = {
    Attention.ACT_NOW: "Nothing is urgent.",
    Attention.NEEDS_YOU: "Nothing waits for your judgement.",
    Attention.QUICK_WIN: "No quick answers are waiting.",
    Attention.HANDLED: "Nothing has been handled yet.",
    None: "No message has arrived yet.",
}
DECISIONS = {
    Decision.ACT_NOW: "Act now",
    Decision.NEEDS_HUMAN: "Needs you",
    Decision.QUICK_WIN: "Quick win",
    Decision.AUTO_HANDLED: "Nothing to answer",
}
SOURCES = {
    Source.IMPORT: "with an import",
    Source.POLL: "when its account was asked for news",
    Source.WEBHOOK: "because its provider called",
    Source.POST: "from a partner's program",
    Source.INSERT: "from another server",
}
JUDGES = {
    "rule": "one of your sender rules",
    "evidence": "what the message itself proves",
    "model": "the AI model that read it",
    "nobody": "nobody: it could not be settled",
}
JUDGED = {
    "rule": "One of your sender rules says what such messages are.",
    "evidence": "The message itself proves it, by its headers and its structure.",
    "model": "No rule spoke and nothing proved it, so the AI model read it.",
    "nobody": "No rule spoke, nothing proved it, and the AI model gave no usable answer.",
}
KINDS = {
    "media": "Picture or file",
    "reaction": "Reaction",
    "edit": "Edited message",
    "delete": "Deleted message",
    "status": "Delivery report",
    "call": "Call",
    "event": "Calendar",
    "unsupported": "A kind of message that cannot be shown",
}
CHANNELS = {
    "email": "e-mail",
    "whatsapp": "WhatsApp",
    "sms": "SMS",
    "voice": "phone",
    "web": "web form",
}
STATUSES = {
    ConversationStatus.NEW: "New",
    ConversationStatus.OPEN: "Open",
    ConversationStatus.PENDING: "Pending",
    ConversationStatus.CLOSED: "Closed",
}
#: How it stands with a file that is not stored.
FILES = {
    "pending": "on its way",
    "refused": "not kept",
    "gone": "not there any more",
    "failed": "could not be fetched",
}
#: How it stands with a message of ours.
DELIVERIES = {
    "queued": "Waits to be sent.",
    "sent": "Sent.",
    "delivered": "Delivered.",
    "read": "Read.",
}
#: The same while it is on its way and more is known.
WAYS_OUT = {
    OutboundState.QUEUED: "Waits to be sent.",
    OutboundState.SENDING: "Is being sent.",
    OutboundState.HELD: "Waits until it is known what became of the part before it.",
    OutboundState.UNCERTAIN: "Nobody knows whether it arrived.",
}
#: Who wanted an answer sent, as the beginning of a sentence.
ORIGINS = {
    OutboundOrigin.PERSON: "A person wrote an answer",
    OutboundOrigin.DRAFT: "A person approved the draft",
    OutboundOrigin.AUTOMATIC: "The draft was sent by itself",
    OutboundOrigin.CAMPAIGN: "A campaign wrote to them",
}
#: What became of it.
ENDS = {
    OutboundState.QUEUED: "It waits to be sent",
    OutboundState.SENDING: "It is being sent",
    OutboundState.HELD: "It waits until it is known what became of the part before it",
    OutboundState.UNCERTAIN: "Nobody knows whether it arrived",
    OutboundState.SENT: "It went out",
    OutboundState.FAILED: "It could not be sent",
    OutboundState.CANCELLED: "It was stopped before it went out",
}
#: How a message came into its conversation.
PLACES = {
    "new": "Nothing linked it to an earlier conversation, so it began this one.",
    "provider_thread": "The mail provider keeps it in the same thread as the other messages.",
    "message_id": "Another message of this conversation refers to it.",
    "in_reply_to": "It is a reply to a message of this conversation.",
    "references": "It refers to an earlier message of this conversation.",
    "reply_token": "It carries our own signature on this conversation.",
    "thread_index": "Its mail program counts it to a thread of this conversation.",
    "subject": "It answers, without saying which message, under a subject of this conversation.",
    "delivery_report": "It reports on the delivery of a message of this conversation.",
    "counterpart": "It is from the same person on the same channel.",
}
STATES = {
    "received": "It has arrived and waits to be placed in a conversation.",
    "materialized": "It is in its conversation and waits to be judged.",
    "classified": "It is judged and waits for the decision.",
    "decided": "It is decided.",
    "drafted": "It is decided, and a reply is drafted.",
    "stored": "It is kept; there was nothing to decide.",
    "superseded": "A newer message of the same conversation took over.",
    "failed": "It could not be worked on and waits for a person.",
}
#: Why a message ended where it did.
REASONS = {
    "no_reply_needed": "No reply was drafted, because it asks for none.",
    "answered": "No reply was drafted, because you had answered already.",
    "encrypted": "No reply was drafted, because it is encrypted and nobody here can read it.",
    "handed_over": "No reply was drafted, because somebody else has the conversation.",
    "no_drafter": "No reply was drafted, because no AI model is set up for that.",
    "newer_message": "A newer message had arrived before this one was done.",
    "decided_before": "It had been decided already.",
    "drafted_before": "It had its draft already.",
    "outbound": "You sent it yourself.",
    "history": "It came with an import of old mail, which is kept and not decided.",
    "dead_lettered": "It was tried as often as makes sense.",
}
JOBS = {
    "MATERIALIZE": "Placed in a conversation",
    "CLASSIFY": "Judged",
    "DRAFT": "Reply drafted",
    "STORE_FILES": "Attachment kept",
    "OUTBOUND": "Message sent",
}
OUTCOMES = {
    "materialized": "done",
    "decided": "done",
    "drafted": "done",
    "stored": "done",
    "superseded": "left to a newer message",
    "put_off": "failed, to be tried again",
    "rate_limited": "asked to wait",
    "waits": "asked to wait",
    "gone": "nobody has it any more",
    "refused": "not taken in",
    "failed": "given up",
}
QUEUES = {
    "bb_import_jobs": "Imports to read",
    "bb_ingest_jobs": "Messages to place",
    "bb_classify_jobs": "Messages to judge",
    "bb_draft_jobs": "Replies to draft",
    "bb_outbound_jobs": "Messages to send",
    "bb_sync_jobs": "Accounts to ask, files to fetch",
    "bb_deadletter_jobs": "Given up, waiting for a person",
}
STAGES = {"materialize": "Place", "classify": "Judge", "draft": "Draft"}
INCIDENTS = {
    "credentials_refused": "A provider refuses our credentials",
    "dead_letter": "Messages could not be worked on",
    "unreadable_job": "A job could not be read",
    "run_stalled": "An import does not move",
    "events_stalled": "Messages do not move",
    "queue_old": "Work waits too long for a worker",
    "workers_idle": "Work waits and no worker takes it",
    "sends_uncertain": "Nobody knows whether messages were sent",
    "auto_reply_cap": "No more is answered by itself: a limit is reached",
    "files_waiting": "Attachments wait to be kept",
    "storage_away": "Attachments cannot be kept: the storage does not answer",
    "attachment_failed": "Attachments could not be fetched",
}
#: Rules that are told of a draft that was not sent by itself; all are in the API.
MOST_REFUSALS = 3
#: What went wrong with a page, by status: heading and advice.
PROBLEMS = {
    400: ("That did not work", "The address or the form holds something unusable."),
    403: ("Not allowed", "Your key does not open this, or the form was out of date."),
    404: ("Nothing here", "There is no such page in this workspace."),
    409: ("Not to be had", "What you asked for does not fit what is there."),
    413: ("Too large", "That was more than can be taken in one go."),
    429: ("Too many tries", "Wait a minute, then try again."),
    500: ("Our mistake", "This is a fault of ours. Nothing of yours is lost."),
    503: ("Back in a moment", "The database does not answer. Try again shortly."),
}


def in_words(code: object) -> str:
    """A code that no table knows, as readable as it gets."""
    return str(code).replace("_", " ")


def place_of_queue(name: str) -> int:
    """Where a queue stands in the course of things; unknown ones come last."""
    known = list(QUEUES)
    return known.index(name) if name in known else len(known)


def badge(row: InboxRow) -> tuple[str, str]:
    """How a conversation stands: a name for its looks, and words."""
    conversation = row.conversation
    if conversation.status is ConversationStatus.CLOSED:
        return "quiet", "Closed"
    if conversation.last_inbound_message_id is None:
        return "quiet", "Sent by you"
    if not row.waits:
        return "quiet", "Answered"
    if row.attention is Attention.NEEDS_YOU:
        return "needs_you", "Needs you"
    if row.attention is None or conversation.decision is None:
        return "quiet", "Not judged yet"
    if row.attention is Attention.HANDLED:
        return "quiet", DECISIONS[Decision.AUTO_HANDLED]
    return row.attention, DECISIONS[conversation.decision]


def reason(row: InboxRow) -> str:
    """Why it was decided so; empty where nothing is decided."""
    conversation = row.conversation
    if row.waits and row.attention is Attention.NEEDS_YOU and not row.judged:
        return "the newest message could not be judged"
    if conversation.decision is None:
        return ""
    words = conversation.decision_reason or ""
    if not row.waits and conversation.decision is not Decision.AUTO_HANDLED:
        # The badge says how it ended; this, what it was.
        return f"{DECISIONS[conversation.decision]}: {words}"
    return words


def refusals(refused: Sequence[Mapping[str, str]]) -> str:
    """Why a draft was not sent by itself, as the end of a sentence."""
    told = ", and because ".join(one["reason"] for one in refused[:MOST_REFUSALS])
    more = max(0, len(refused) - MOST_REFUSALS)
    return f"{told} (and {more} more)" if more else told
