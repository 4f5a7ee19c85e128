"""What is never answered without a person, and why not.

Asked when a draft is written and again right before it is sent. To refuse wrongly costs a glance, to
answer wrongly may cost a customer or start a loop: so weaker signs count here than in triage.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.authentication import authentication_of
from app.domain.decision import Category, Decision
from app.domain.evidence import CONSENT_REASON, RULES, evidence_of
from app.domain.identifiers import email_key
from app.domain.mail_signs import MailSigns
from app.domain.reply_address import asks_elsewhere
from app.domain.status import ConversationStatus
from app.domain.unified_message import Direction, MessageKind, UnifiedMessage


@dataclass(frozen=True)
class Refusal:
    """One rule that forbids an automatic reply."""

    rule: str
    reason: str


@dataclass(frozen=True)
class Caps:
    """How often may be answered without a person."""

    per_conversation: int
    """An hour."""
    per_sender: int
    """A day."""
    per_workspace: int
    """A day."""


@dataclass(frozen=True)
class Answered:
    """How often was answered without a person."""

    in_conversation: int = 0
    to_sender: int = 0
    in_workspace: int = 0


#: The spans over which the caps count.
CONVERSATION_SPAN = timedelta(hours=1)
SENDER_SPAN = timedelta(days=1)


@dataclass(frozen=True)
class Situation:
    """What is so at the moment of asking."""

    allowed_everywhere: bool
    allowed_by_workspace: bool
    ai_enabled: bool
    conversation_status: ConversationStatus
    handed_over_to: str | None
    decision: Decision | None
    category: Category | None
    is_old: bool
    is_history: bool
    reply_sent: bool
    is_newest: bool
    is_deleted: bool
    edited_since_draft: bool
    answered_by_person: bool
    opted_out: bool
    undeliverable: bool
    answered: Answered
    caps: Caps
    window: timedelta | None
    """How long the provider lets us write freely after the customer has written."""
    last_written_at: datetime | None
    now: datetime


def refusals(
    message: UnifiedMessage | None,
    situation: Situation,
    *,
    own: Collection[str],
    mail_servers: frozenset[str],
) -> list[Refusal]:
    """Return every rule that forbids to answer a message without a person; none: it may be answered.

    `own` are the keys of our addresses, `mail_servers` those whose verdicts on senders we trust.
    """
    found = [
        Refusal(rule, reason) for rule, reason, holds in _SITUATIONS if holds(situation)
    ]
    if message is None:
        found.append(_refusal("no_original"))
        return found
    found += _of_message(message, own, mail_servers)
    return found


def _of_message(
    message: UnifiedMessage, own: Collection[str], mail_servers: frozenset[str]
) -> Iterator[Refusal]:
    if message.direction is not Direction.INBOUND:
        yield _refusal("not_inbound")
    if message.kind not in _ANSWERABLE:
        yield _refusal(f"kind_{message.kind}")
    if message.metadata.get("is_bot"):
        yield _refusal("bot")
    if evidence := evidence_of(message):
        yield Refusal(_word(evidence.source.rpartition(":")[2]), evidence.reason)
    if message.sender.kind == "email":
        yield from _of_mail(message, own, mail_servers)


def _of_mail(
    message: UnifiedMessage, own: Collection[str], mail_servers: frozenset[str]
) -> Iterator[Refusal]:
    mail = MailSigns(message)
    for rule, reason, holds in _MAILS:
        if holds(mail):
            yield Refusal(rule, reason)
    if _without_tag(email_key(message.sender.value)) in map(_without_tag, own):
        yield _refusal("own_address")
    if asks_elsewhere(message):
        yield _refusal("reply_to")
    verdict = authentication_of(message.headers, mail_servers)
    if verdict is not None and verdict.dmarc == "fail":
        yield _refusal("unverified_sender")


def every_rule() -> dict[str, str]:
    """All rules of this policy by their names, in the order in which they are asked: what each says."""
    told = {rule: reason for rule, reason, _ in _SITUATIONS}
    told |= _MESSAGES
    told |= {_word(rule.name): rule.reason for rule in RULES}
    for rule, reason, _ in _MAILS:
        # What a mail proves and what it only hints at may bear the same name.
        told.setdefault(rule, reason)
    return told


def _refusal(rule: str) -> Refusal:
    return Refusal(rule, _MESSAGES[rule])


def _word(name: str) -> str:
    return name.replace("-", "_")


def _without_tag(key: str) -> str:
    """`shop+orders@…` as `shop@…`: nearly all servers deliver both to one mailbox."""
    name, at, domain = key.rpartition("@")
    return (name.partition("+")[0] or name) + at + domain


def _is_bulk(mail: MailSigns) -> bool:
    return mail.is_bulk or mail.is_listed or mail.has_any("feedback-id", "list-post")


_ANSWERABLE = (MessageKind.TEXT, MessageKind.MEDIA)

#: What speaks against a message itself, on any channel and on mail.
_MESSAGES: dict[str, str] = {
    "no_original": "its raw message is no longer kept",
    "not_inbound": "no customer wrote it",
    **{
        f"kind_{kind}": "it is no message that asks something"
        for kind in MessageKind
        if kind not in _ANSWERABLE
    },
    "bot": "a program wrote it",
    "consent": CONSENT_REASON,
    "own_address": "it comes from an address of ours",
    "reply_to": "it asks to be answered at an address that is not its sender's",
    "unverified_sender": "our mail server does not believe the sender",
}

_MAILS: tuple[tuple[str, str, Callable[[MailSigns], bool]], ...] = (
    (
        "auto_submitted",
        "it bears a mark that programs put there",
        lambda mail: mail.is_marked_automatic,
    ),
    ("bulk", "it went to many", _is_bulk),
    ("noreply", "its sender takes no answers", lambda mail: mail.takes_no_reply),
    ("server", "a server wrote it", lambda mail: mail.is_server),
    (
        "no_address",
        "its sender has no address",
        lambda mail: "@" not in mail.message.sender.value,
    ),
    (
        "encrypted",
        "nobody here can read it",
        lambda mail: bool(mail.message.metadata.get("encrypted")),
    ),
    (
        "calendar",
        "it is about a date in a calendar",
        lambda mail: bool(mail.message.metadata.get("calendar")),
    ),
    (
        "spam_folder",
        "the provider takes it for spam",
        lambda mail: bool({"spam", "junk"} & set(mail.labels)),
    ),
)


def _window_is_closed(now: Situation) -> bool:
    if now.window is None:
        return False
    return now.last_written_at is None or now.now > now.last_written_at + now.window


_SITUATIONS: tuple[tuple[str, str, Callable[[Situation], bool]], ...] = (
    (
        "switched_off",
        "automatic replies are switched off everywhere",
        lambda now: not now.allowed_everywhere,
    ),
    (
        "workspace_off",
        "the workspace has not allowed automatic replies",
        lambda now: not now.allowed_by_workspace,
    ),
    (
        "ai_disabled",
        "the AI is switched off for the conversation",
        lambda now: not now.ai_enabled,
    ),
    (
        "closed",
        "the conversation is closed or waits for somebody",
        lambda now: (
            now.conversation_status
            in (ConversationStatus.CLOSED, ConversationStatus.PENDING)
        ),
    ),
    (
        "handed_over",
        "somebody else has taken the conversation over",
        lambda now: now.handed_over_to is not None,
    ),
    (
        "needs_human",
        "the decision is that a person has to answer",
        lambda now: now.decision is Decision.NEEDS_HUMAN,
    ),
    (
        "no_reply_needed",
        "the decision is that nothing is to be answered",
        lambda now: now.decision is Decision.AUTO_HANDLED,
    ),
    ("undecided", "nothing is decided yet", lambda now: now.decision is None),
    ("spam", "it is spam", lambda now: now.category is Category.SPAM),
    ("old", "it was sent before the account was connected", lambda now: now.is_old),
    ("history", "it was imported to be kept", lambda now: now.is_history),
    ("replied", "it is answered already", lambda now: now.reply_sent),
    ("newer_message", "a newer message arrived", lambda now: not now.is_newest),
    ("deleted", "it was taken back", lambda now: now.is_deleted),
    ("edited", "it was edited meanwhile", lambda now: now.edited_since_draft),
    (
        "answered_by_person",
        "a person has answered",
        lambda now: now.answered_by_person,
    ),
    ("opted_out", "the customer wants no messages", lambda now: now.opted_out),
    (
        "undeliverable",
        "nothing arrives at the customer's address",
        lambda now: now.undeliverable,
    ),
    (
        "window_closed",
        "the customer wrote too long ago for a free text",
        _window_is_closed,
    ),
    (
        "conversation_cap",
        "the conversation has had its automatic replies of this hour",
        lambda now: now.answered.in_conversation >= now.caps.per_conversation,
    ),
    (
        "sender_cap",
        "the customer has had the automatic replies of a day",
        lambda now: now.answered.to_sender >= now.caps.per_sender,
    ),
    (
        "workspace_cap",
        "the workspace has had its automatic replies of a day",
        lambda now: now.answered.in_workspace >= now.caps.per_workspace,
    ),
)

#: A person steps in, or has: what was begun is not finished either.
STEPS_IN = frozenset(
    {
        "switched_off",
        "workspace_off",
        "ai_disabled",
        "closed",
        "handed_over",
        "answered_by_person",
        "deleted",
    }
)

#: Caps are there for when everything else has failed: somebody is told.
CAPS = frozenset({"conversation_cap", "sender_cap", "workspace_cap"})
