"""What a message claims about threads: the ids it bears, those it points to, and who speaks.

Ids only mean something within one connected account, and senders choose them. So a claim names who
makes it: pointing to an id lets a mail in only where its sender takes part (`app.domain.forest`).
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from app.domain import reply_token
from app.domain.identifiers import email_key, identity_key
from app.domain.mail_ids import message_id
from app.domain.mail_lists import lists_of
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.mail_report import MailReport
from app.domain.subjects import read_subject
from app.domain.unified_message import (
    Direction,
    MessageKind,
    Participant,
    UnifiedMessage,
)

#: Longer chains keep their first id and their newest ones.
MAX_REFERENCES = 50

#: Of one person.
MAX_IDENTITIES = 10

#: Bytes; RFC 5322 allows 998 to a line.
LONGEST_ID = 1000

#: Of one mail. Who stands further back in a mailing does not take part in a conversation.
MAX_PARTICIPANTS = 200

#: The claimant who is let in wherever the id leads: we ourselves, writing to nobody else.
ANYBODY = "*"

_TOKEN_KEY = "token:"
_LONGEST_TOKEN = 200
_MAX_REPORTED = 10
#: Outlook's `Thread-Index`: 22 bytes name the thread, each answer adds five.
_THREAD_INDEX_CHARACTERS = 30

_POINTERS = frozenset(
    {"reply_token", "in_reply_to", "references", "thread_index", "delivery_report"}
)


class ClaimKind(StrEnum):
    """What a message has to do with a key, which decides whom the key joins it to."""

    PROVES = "proves"
    """The provider's thread, a chat's counterpart: all that hold it belong together."""
    BEARS = "bears"
    """It is this mail's own id."""
    REPEATS = "repeats"
    """It is this mail's own id, and was another mail's before."""
    POINTS = "points"
    """The mail refers to the id, which proves little by itself."""
    SAYS = "says"
    """The subject, by which an answer without ids may find it."""
    ASKS = "asks"
    """The subject of an answer without ids."""


@dataclass(frozen=True)
class ThreadKey:
    """One key, and what kind of evidence it is."""

    value: str
    evidence: str


@dataclass(frozen=True)
class Claim:
    """What a message, or a conversation through one of its messages, holds of a key."""

    key: str
    kind: ClaimKind
    claimant: str = ""
    """Who points; author and moment of the mail that bears; the moment for a subject."""
    scope: str = ""
    """The provider's own thread of the mail, which outweighs what its headers point to."""
    evidence: str = field(default="", compare=False)
    message_id: UUID | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Threading:
    """All that decides where a message belongs."""

    keys: tuple[ThreadKey, ...]
    """The strongest first."""
    claims: frozenset[Claim]
    participants: frozenset[str]
    """Who is let in by it, besides ourselves."""


def thread_evidence(
    message: UnifiedMessage,
    *,
    token_key: bytes | None = None,
    report: MailReport | None = None,
) -> list[ThreadKey]:
    """Return the keys under which the conversation of a message is known or will be.

    Our own signed tokens, the provider's thread id, then for mail its own id, the parent's and
    the other ancestors', newest first; elsewhere the counterpart where there is no thread id.
    """
    keys: list[ThreadKey] = []
    is_mail = message.sender.kind == "email"
    if is_mail and token_key:
        keys += _tokens(message, token_key)
    if message.external_thread_id:
        keys.append(ThreadKey(message.external_thread_id, "provider_thread"))
        keys += _other_names(message, message.external_thread_id)
    if is_mail:
        keys += _mail_keys(message, report)
    elif not message.external_thread_id:
        keys += _counterpart(message)
    found: dict[str, ThreadKey] = {}
    for key in keys:
        found.setdefault(key.value, key)
    return list(found.values())


def read_threading(
    message: UnifiedMessage,
    *,
    at: datetime,
    own: Collection[str],
    message_id: UUID,
    person: Participant | None = None,
    is_repeated: bool = False,
    token_key: bytes | None = None,
    report: MailReport | None = None,
) -> Threading:
    """Return what a message claims. `own` are the keys of our addresses.

    `person` is who wrote, where that is not the sender: a form's address takes part in nothing.
    `is_repeated` says that another message of the account bore its id first.
    """
    keys = thread_evidence(message, token_key=token_key, report=report)
    claims = {
        Claim(key.value, ClaimKind.PROVES, "", "", key.evidence, message_id)
        for key in keys
        if key.evidence in {"provider_thread", "identity", "counterpart"}
    }
    if message.sender.kind != "email":
        return Threading(tuple(keys), frozenset(claims), frozenset())
    if person is not None and message.direction is Direction.INBOUND:
        message = message.model_copy(update={"sender": person})
    author = _author(message, own)
    lists = _lists(message, own)
    speakers = _speakers(message, author, lists)
    scope = _short(message.external_thread_id or "")
    for key in keys:
        if key.evidence == "message_id":
            kind = ClaimKind.REPEATS if is_repeated else ClaimKind.BEARS
            mark = _fingerprint(message, author)
            claims.add(Claim(key.value, kind, mark, scope, key.evidence, message_id))
        elif key.evidence in _POINTERS:
            is_report = key.evidence == "delivery_report"
            claimants = _reported(report) if is_report else speakers
            # Our own token names the conversation, whatever the provider made of it.
            limits = "" if key.evidence == "reply_token" else scope
            claims.update(
                Claim(
                    key.value, ClaimKind.POINTS, one, limits, key.evidence, message_id
                )
                for one in claimants
            )
    about = _subject_claim(message, author, at, message_id)
    # On a list everybody answers everybody; there the subject is the crowd's.
    if about and not lists:
        claims.add(about)
    people = _people(message, own)
    return Threading(tuple(keys), frozenset(claims), frozenset(people | lists))


def mail_key(mail_id: str) -> str:
    """The key under which a mail is known that bears this Message-ID."""
    return _mid(mail_id, "message_id").value


def token_key_of(conversation_id: UUID) -> str:
    """The key that our signed token for a conversation stands for."""
    return f"{_TOKEN_KEY}{conversation_id}"


def conversation_of(key: str) -> UUID:
    """The conversation that a key of `token_key_of` names."""
    return UUID(key.removeprefix(_TOKEN_KEY))


def moment_text(at: datetime) -> str:
    """A moment as the claims of subjects hold it: later ones sort behind."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _tokens(message: UnifiedMessage, key: bytes) -> Iterator[ThreadKey]:
    header = message.headers.get("message-id")
    places = [
        *(one.value for one in message.recipients[:MAX_PARTICIPANTS]),
        message.in_reply_to or "",
        *message.references[-MAX_REFERENCES:],
        header if isinstance(header, str) else message.external_id,
    ]
    for place in places:
        for conversation_id in reply_token.conversations_in(key, place):
            yield ThreadKey(token_key_of(conversation_id), "reply_token")


def _other_names(message: UnifiedMessage, thread_id: str) -> list[ThreadKey]:
    """The other identifiers of the person, where a thread is named by one of them.

    Whoever takes a username no longer shows the number, and is still in the same conversation.
    """
    listed = message.metadata.get("identities")
    named = [
        value
        for one in (listed if isinstance(listed, list) else [])[:MAX_IDENTITIES]
        if isinstance(one, dict) and isinstance(value := one.get("value"), str)
    ]
    if thread_id not in named:
        return []
    return [
        ThreadKey(value, "identity")
        for value in named
        if value and len(value.encode()) <= LONGEST_ID
    ]


def mail_id_of(message: UnifiedMessage) -> str | None:
    """The Message-ID by which others name a mail; None for what is no mail.

    An API may have an id of its own for it.
    """
    if message.sender.kind != "email":
        return None
    header = message.headers.get("message-id")
    own = message_id(header) if isinstance(header, str) else None
    return own or message.external_id


def _mail_keys(message: UnifiedMessage, report: MailReport | None) -> list[ThreadKey]:
    keys = [_mid(mail_id_of(message) or message.external_id, "message_id")]
    if message.in_reply_to:
        keys.append(_mid(message.in_reply_to, "in_reply_to"))
    references = message.references
    if len(references) > MAX_REFERENCES:
        references = [references[0], *references[1 - MAX_REFERENCES :]]
    keys += [_mid(each, "references") for each in reversed(references)]
    if report is not None and report.about_mail_id and _reported(report):
        keys.append(_mid(report.about_mail_id, "delivery_report"))
    index = message.headers.get("thread-index")
    if isinstance(index, str) and len(index) >= _THREAD_INDEX_CHARACTERS:
        # 22 bytes are 29 characters and a third: what follows belongs to this answer alone.
        thread = index.strip()[: _THREAD_INDEX_CHARACTERS - 1]
        keys.append(ThreadKey(f"index:{thread}", "thread_index"))
    return keys


def _mid(message_id: str, evidence: str) -> ThreadKey:
    # Senders choose the length; an index does not take everything.
    if len(message_id.encode()) > LONGEST_ID:
        digest = hashlib.sha256(message_id.encode()).hexdigest()
        return ThreadKey(f"mid:sha256:{digest}", evidence)
    return ThreadKey(f"mid:{message_id}", evidence)


def _counterpart(message: UnifiedMessage) -> list[ThreadKey]:
    is_inbound = message.direction is Direction.INBOUND
    for other in [message.sender] if is_inbound else message.recipients[:1]:
        is_nobody = other.value == UNKNOWN_SENDER
        if is_nobody and message.kind is not MessageKind.UNSUPPORTED:
            # All the nameless are not one conversation; what nobody can read may lie together.
            break
        value = f"with:{other.kind}:{identity_key(other.kind, other.value)}"
        return [ThreadKey(value, "counterpart")]
    return []


def _token(person: Participant) -> str | None:
    if person.value == UNKNOWN_SENDER:
        return None
    if person.kind == "email":
        return _short(email_key(person.value))
    return _short(f"{person.kind}:{identity_key(person.kind, person.value)}")


def _short(token: str) -> str:
    if len(token.encode()) <= _LONGEST_TOKEN:
        return token
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def _people(message: UnifiedMessage, own: Collection[str]) -> set[str]:
    people = [message.sender, *message.recipients[:MAX_PARTICIPANTS]]
    return {token for one in people if (token := _token(one)) and token not in own}


def _lists(message: UnifiedMessage, own: Collection[str]) -> set[str]:
    """The lists a mail came over, without those that are ours.

    A group that stands before our mailbox handles the mail of every stranger.
    """
    ours = {address.rpartition("@")[2] for address in own}
    return {
        _list(name)
        for name in lists_of(message)
        if name.rpartition("@")[2] not in ours
        and not any(name.endswith(f".{domain}") for domain in ours)
    }


def _list(name: str) -> str:
    return _short(f"list:{name}")


def _author(message: UnifiedMessage, own: Collection[str]) -> str | None:
    """On whose behalf a mail speaks: its sender, or whom we wrote to."""
    sender = _token(message.sender)
    is_ours = message.direction is Direction.OUTBOUND or sender in own
    if not is_ours:
        return sender
    others = (_token(one) for one in message.recipients[:MAX_PARTICIPANTS])
    return next((one for one in others if one and one not in own), ANYBODY)


def _speakers(message: UnifiedMessage, author: str | None, lists: set[str]) -> set[str]:
    """Those of whom one has to take part in a conversation for a mail that points to it."""
    if author == ANYBODY and read_subject(message.subject).is_forward:
        author = None
    speakers = {author} if author else set()
    if not lists:
        # A copy sent past the list: it is let in where that list itself brought mail.
        lists = {
            _list(email_key(one.value))
            for one in message.recipients[:_MAX_REPORTED]
            if one.kind == "email"
        }
    return speakers | lists


def _reported(report: MailReport | None) -> set[str]:
    """Of whom a delivery report speaks: they take part where the mail went to them."""
    if report is None:
        return set()
    return {
        _short(email_key(address))
        for one in report.recipients[:_MAX_REPORTED]
        for address in (one.original_address, one.address)
        if address and "@" in address
    }


def _fingerprint(message: UnifiedMessage, author: str | None) -> str:
    """Equal for two copies of one mail, whatever lists and servers did to them."""
    sent_at = moment_text(message.sent_at) if message.sent_at else message.external_id
    return f"{author or UNKNOWN_SENDER} {_short(sent_at)}"


def _subject_claim(
    message: UnifiedMessage, author: str | None, at: datetime, message_id: UUID
) -> Claim | None:
    subject = read_subject(message.subject)
    if author in (None, ANYBODY) or not subject.is_telling:
        return None
    digest = hashlib.sha256(f"{author}\n{subject.text}".encode()).hexdigest()[:32]
    has_ids = bool(message.in_reply_to or message.references)
    asks = subject.is_reply and not subject.is_forward and not has_ids
    kind = ClaimKind.ASKS if asks else ClaimKind.SAYS
    return Claim(
        f"subject:{digest}",
        kind,
        moment_text(at),
        evidence="subject",
        message_id=message_id,
    )
