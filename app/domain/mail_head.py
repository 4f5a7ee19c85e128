"""What a mail of ours says above its text, so that every mail program files it as the answer."""

import re
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from app.domain import loop_mark, reply_token
from app.domain.mail_ids import message_id as id_in
from app.domain.printable import plain
from app.domain.subjects import subject_of_answer
from app.domain.unified_message import UnifiedMessage

#: Servers refuse lines above 998 octets, and some refuse long headers whatever their lines are.
_LONGEST_ID = 500
_MOST_REFERENCES = 30
_LONGEST_REFERENCES = 2_000
#: Exchange adds five bytes per answer; far more is nobody's.
_THREAD_INDEX = re.compile(r"[A-Za-z0-9+/=]{30,1000}")
_SENDABLE_ID = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
#: Stands for an id that was too long to be kept (`mail_ids`).
_NOT_KEPT = "@bizzybee.invalid"
_LONGEST_TOPIC = 250
_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}")

#: By each of these some program knows that no program should answer.
_AUTOMATIC = (
    ("Auto-Submitted", "auto-replied"),
    ("X-Auto-Response-Suppress", "All"),
    ("X-Autoreply", "yes"),
)


@dataclass(frozen=True)
class MailHead:
    """What a mail says of itself above its text."""

    message_id: str
    """Ours, the same on every try; without brackets."""
    subject: str
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    """Further ones, by name: automatic mail says that it is."""
    sender: str | None = None
    """From which of our addresses; the account's own where it is not given."""
    sender_name: str | None = None


@dataclass(frozen=True)
class Answered:
    """What is known of the mail that is answered: the newest that came in."""

    subject: str | None = None
    message_id: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    thread_index: str | None = None
    thread_topic: str | None = None

    @classmethod
    def of(cls, message: UnifiedMessage) -> Self:
        """Read it off a message as its adapter understood it."""
        told = {
            name: value
            for name, value in message.headers.items()
            if isinstance(value, str)
        }
        return cls(
            subject=message.subject,
            # An id that we made up for a mail without one would mean nothing to anybody.
            message_id=id_in(told.get("message-id", "")),
            in_reply_to=message.in_reply_to,
            references=tuple(message.references),
            thread_index=told.get("thread-index"),
            thread_topic=told.get("thread-topic"),
        )


def head_of_answer(
    answered: Answered,
    *,
    message_id: UUID,
    conversation_id: UUID,
    key: bytes,
    sender: str,
    sender_name: str | None = None,
    automatic: bool,
) -> MailHead:
    """Return the head of our answer to a mail; the same whenever it is asked for.

    `message_id` is our id of the answer, `key` the workspace's (`reply_token.workspace_key`),
    `sender` the address of ours that it goes out from. `automatic` says that no person has read it.
    """
    token = reply_token.make(key, conversation_id)
    mark = loop_mark.make(key, message_id, automatic=automatic)
    parent = _sendable(answered.message_id)
    return MailHead(
        message_id=f"{token}.{message_id.hex}@{_domain_of(sender)}",
        subject=subject_of_answer(answered.subject),
        in_reply_to=parent,
        references=_references(answered, parent),
        headers=(
            *_outlook(answered),
            *(_AUTOMATIC if automatic else ()),
            (loop_mark.NAME, mark),
        ),
        sender=sender,
        sender_name=plain(sender_name) or None,
    )


def _references(answered: Answered, parent: str | None) -> tuple[str, ...]:
    """The chain up to the mail that is answered (RFC 5322, 3.6.4).

    Of a long one the first and the last stay: the first names the thread, and the nearest
    ancestors are the ones that the other side is likely to have.
    """
    above = answered.references or (answered.in_reply_to,)
    chain = [found for one in above if (found := _sendable(one))]
    ids = list(dict.fromkeys(one for one in chain if one != parent))
    ids += [parent] if parent else []
    room = _LONGEST_REFERENCES - (_length(ids[0]) if ids else 0)
    last: list[str] = []
    for one in reversed(ids[1:]):
        room -= _length(one)
        if room < 0 or len(last) == _MOST_REFERENCES - 1:
            break
        last.append(one)
    return (*ids[:1], *reversed(last))


def _length(message_id: str) -> int:
    """With its brackets and the blank before it."""
    return len(message_id) + 3


def _sendable(message_id: str | None) -> str | None:
    """An id as a header can hold it, or nothing: there is no way to write it otherwise."""
    if message_id is None or len(message_id) > _LONGEST_ID:
        return None
    is_written = _SENDABLE_ID.fullmatch(message_id) and not message_id.endswith(
        _NOT_KEPT
    )
    return message_id if is_written else None


def _outlook(answered: Answered) -> tuple[tuple[str, str], ...]:
    """Outlook files by these before it looks at anything else."""
    index = "".join((answered.thread_index or "").split())
    if not _THREAD_INDEX.fullmatch(index):
        return ()
    topic = plain(answered.thread_topic)[:_LONGEST_TOPIC]
    named = (("Thread-Topic", topic),) if topic else ()
    return (("Thread-Index", index), *named)


def _domain_of(address: str) -> str:
    domain = address.rpartition("@")[2]
    try:
        written = domain.encode("idna").decode("ascii")
    except UnicodeError:
        written = ""
    # An id needs no domain that exists, only one that is nobody else's.
    return written if _DOMAIN.fullmatch(written) else "bizzybee.invalid"
