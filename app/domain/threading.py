"""By which keys a message finds its conversation, the strongest first.

The keys only mean something within one connected account: senders choose Message-IDs,
and a stranger who knows one must not get into somebody else's conversation.
"""

import hashlib
from dataclasses import dataclass

from app.domain.identifiers import identity_key
from app.domain.mail_ids import message_id
from app.domain.unified_message import Direction, UnifiedMessage

#: Longer chains keep their first id and their newest ones.
MAX_REFERENCES = 50

#: Of one person.
MAX_IDENTITIES = 10

#: Bytes; RFC 5322 allows 998 to a line.
LONGEST_ID = 1000


@dataclass(frozen=True)
class ThreadKey:
    """One key, and what kind of evidence it is."""

    value: str
    evidence: str


def thread_evidence(message: UnifiedMessage) -> list[ThreadKey]:
    """Return the keys under which the conversation of a message is known or will be.

    The provider's thread id, then for mail its own id, the parent's and the other
    ancestors', newest first; elsewhere the counterpart where there is no thread id.
    """
    keys: list[ThreadKey] = []
    if message.external_thread_id:
        keys.append(ThreadKey(message.external_thread_id, "provider_thread"))
        keys += _other_names(message, message.external_thread_id)
    if message.sender.kind == "email":
        keys += _mail_keys(message)
    elif not keys:
        keys += _counterpart(message)
    found: dict[str, ThreadKey] = {}
    for key in keys:
        found.setdefault(key.value, key)
    return list(found.values())


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


def _mail_keys(message: UnifiedMessage) -> list[ThreadKey]:
    # An API may have an id of its own for the mail; what others refer to is this one.
    header = message.headers.get("message-id")
    own = message_id(header) if isinstance(header, str) else None
    keys = [_mid(own or message.external_id, "message_id")]
    if message.in_reply_to:
        keys.append(_mid(message.in_reply_to, "in_reply_to"))
    references = message.references
    if len(references) > MAX_REFERENCES:
        references = [references[0], *references[1 - MAX_REFERENCES :]]
    return keys + [_mid(each, "references") for each in reversed(references)]


def _mid(message_id: str, evidence: str) -> ThreadKey:
    # Senders choose the length; an index does not take everything.
    if len(message_id.encode()) > LONGEST_ID:
        digest = hashlib.sha256(message_id.encode()).hexdigest()
        return ThreadKey(f"mid:sha256:{digest}", evidence)
    return ThreadKey(f"mid:{message_id}", evidence)


def _counterpart(message: UnifiedMessage) -> list[ThreadKey]:
    is_inbound = message.direction is Direction.INBOUND
    for other in [message.sender] if is_inbound else message.recipients[:1]:
        value = f"with:{other.kind}:{identity_key(other.kind, other.value)}"
        return [ThreadKey(value, "counterpart")]
    return []
