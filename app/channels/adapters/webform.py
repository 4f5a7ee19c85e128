"""Web forms: what visitors of a website write into its contact form, posted by the website itself."""

import re
from datetime import UTC, datetime
from typing import Any, Self

from app.channels.base import Account, ChannelAdapter, Item
from app.channels.reading import (
    count_of,
    filled,
    id_of,
    moment_of,
    read_item,
    read_json,
    text_of,
    word_of,
)
from app.channels.signatures import check_hmac, check_time, secret_of
from app.channels.webhook import Delivery, Receiver, WebhookRequest
from app.config import Settings
from app.domain.identifiers import identity_key
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.text_fingerprint import TextFingerprint, fingerprint_of_text
from app.domain.unified_message import (
    MAX_TEXT,
    Channel,
    Direction,
    MessageKind,
    Participant,
    UnifiedMessage,
)
from app.errors import InvalidPayload

_TIMESTAMP = "x-webform-timestamp"
_SIGNATURE = "x-webform-signature"
_EMAIL = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,255}")
_NUMBER = re.compile(r"\+\d{4,15}")
#: What every form has; whatever else it asks for is kept with its name.
_KNOWN = frozenset(
    {"id", "type", "form", "name", "email", "phone", "subject", "message", "sent_at"}
)
_MAX_FIELDS = 50
_LONGEST_FIELD = 2_000


class WebFormAdapter(ChannelAdapter, Receiver):
    """Takes posts at the address of their account, signed with its `webhook_secret`.

    Each begins a conversation of its own. Few websites give a post an id; one without is known by
    what it says and when, and the same again within some minutes is the same.
    """

    provider = "webform"
    channel = Channel.WEB

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls()

    def verify(self, request: WebhookRequest, account: Account | None) -> None:
        secret = secret_of(account, "webhook_secret")
        timestamp = request.headers.get(_TIMESTAMP, "")
        given = request.headers.get(_SIGNATURE, "")
        check_hmac(given, secret, timestamp.encode(), b".", request.body)
        check_time(timestamp)

    def receive(self, request: WebhookRequest) -> list[Delivery]:
        post = read_json(self.provider, request.body)
        signed_at = count_of(request.headers.get(_TIMESTAMP))
        return [Delivery(account=None, items=[_item(self.provider, post, signed_at)])]


def _item(provider: str, post: dict[str, Any], signed_at: int | None) -> Item:
    given = id_of(post.get("id"))
    at = moment_of(post.get("sent_at")) or moment_of(signed_at)
    if given:
        return read_item(
            provider, post, lambda raw: _read(raw, given, at), external_id=given
        )
    # Without any time the same words are the same post for ever.
    known = _fingerprint(post, at or datetime.fromtimestamp(0, UTC))
    external_id = f"text:{known.own}"
    return read_item(
        provider,
        post,
        lambda raw: _read(raw, external_id, at),
        external_id=external_id,
        fingerprint=known,
    )


def _read(
    post: dict[str, Any], external_id: str, at: datetime | None
) -> UnifiedMessage:
    sender = _sender(post)
    said = text_of(post.get("message")).strip()
    fields = _fields(post)
    subject = word_of(post.get("subject"))
    if not (said or fields or subject or sender.value != UNKNOWN_SENDER):
        raise InvalidPayload("it says nothing")
    text = "\n".join([said, *(f"{name}: {value}" for name, value in fields.items())])
    sort = word_of(post.get("type"))[:100] or "contact"
    kind = MessageKind.TEXT if sort == "contact" else MessageKind.UNSUPPORTED
    return UnifiedMessage(
        external_id=external_id,
        external_thread_id=external_id,
        direction=Direction.INBOUND,
        sender=sender,
        subject=subject or None,
        body_text=text.strip()[:MAX_TEXT] or f"A form without words: {sort}",
        sent_at=at,
        kind=kind,
        metadata=filled(
            {
                "form": word_of(post.get("form"))[:_LONGEST_FIELD],
                "structured": {"type": "form", "answers": fields} if fields else None,
                "identities": _others(post, sender),
            }
        ),
    )


def _sender(post: dict[str, Any]) -> Participant:
    """By the address that they typed, else by a number with its country; nobody checked either."""
    name = word_of(post.get("name"))[:_LONGEST_FIELD] or None
    for kind, value in _contacts(post).items():
        return Participant(kind=kind, value=value, name=name)
    return Participant(kind="visitor", value=UNKNOWN_SENDER, name=name)


def _contacts(post: dict[str, Any]) -> dict[str, str]:
    email = word_of(post.get("email"))
    phone = identity_key("phone", word_of(post.get("phone")))
    found = {}
    if _EMAIL.fullmatch(email):
        found["email"] = email
    if _NUMBER.fullmatch(phone):
        found["phone"] = phone
    return found


def _others(post: dict[str, Any], sender: Participant) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "value": value, "claimed": True}
        for kind, value in _contacts(post).items()
        if kind != sender.kind
    ]


def _fields(post: dict[str, Any]) -> dict[str, str]:
    """What this form asks for beside the usual, and a number that is no identity."""
    others = {name: value for name, value in post.items() if name not in _KNOWN}
    if "phone" not in _contacts(post):
        others["phone"] = post.get("phone")
    told = {
        name[:_LONGEST_FIELD]: (word_of(value) or id_of(value))[:_LONGEST_FIELD]
        for name, value in list(others.items())[:_MAX_FIELDS]
    }
    return {name: value for name, value in told.items() if value}


def _fingerprint(post: dict[str, Any], at: datetime) -> TextFingerprint:
    asked = ("name", "email", "phone", "subject", "message")
    said = [word_of(post.get(name)) for name in asked]
    said += [f"{name}={value}" for name, value in sorted(_fields(post).items())]
    sender = identity_key("email", word_of(post.get("email")))
    return fingerprint_of_text(sender, word_of(post.get("form")), "\n".join(said), at)
