"""What one change of a WhatsApp webhook says: messages, statuses, echoes, calls, preferences."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from app.channels.base import Item
from app.channels.meta.callback import Part
from app.channels.meta.content import Content, notice, unsupported
from app.channels.meta.element import broken, read_element
from app.channels.meta.fields import (
    digest_of,
    identifier,
    kept,
    moment_of_stamp,
    record,
    records,
    text,
)
from app.channels.meta.whatsapp_content import (
    ContentReader,
    fault_words,
    read_call,
    read_status,
)
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.unified_message import (
    Direction,
    Participant,
    Recipient,
    UnifiedMessage,
)
from app.errors import InvalidPayload

_DIGITS = re.compile(r"\+?[0-9]{5,20}")
_NO_DIGIT = re.compile(r"[^0-9]")
_USER = "whatsapp_user"

#: The fields of an element that say who is on the other side.
_NAMING = ("from", "from_user_id", "to", "to_user_id", "wa_id", "user_id")

#: An element, what the value says of our number, and the contact that it is from or to.
_Read = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], UnifiedMessage]
#: The contacts of a value by each of their ids.
_People = dict[str, dict[str, Any]]


class ValueReader:
    """Reads the changes of one WhatsApp Business account."""

    def __init__(self, content: ContentReader) -> None:
        self._content = content
        self._readers: dict[str, _Read] = {
            "messages": self._message,
            "message_echoes": self._echo,
            "statuses": _status,
            "calls": _call,
            "user_preferences": _preference,
        }

    def read_entry(self, entry: dict[str, Any]) -> Iterator[Part]:
        """Read an entry; each of its elements by itself."""
        changes = entry.get("changes")
        if not isinstance(changes, list):
            yield Part(None, broken(entry, "whatsapp: an entry without changes"))
            return
        for change in changes:
            if isinstance(change, dict) and isinstance(change.get("value"), dict):
                yield from self._read(change, change["value"])
            else:
                yield Part(None, broken(change, "whatsapp: a change without a value"))

    def _read(self, change: dict[str, Any], value: dict[str, Any]) -> Iterator[Part]:
        ours = record(value.get("metadata"))
        account = identifier(ours.get("phone_number_id")) or None
        people = _index(value.get("contacts"))
        lists = {
            name: elements
            for name, elements in value.items()
            if isinstance(elements, list) and name != "contacts"
        }
        for name, elements in lists.items():
            if name == "errors":
                for fault in records(elements):
                    yield Part(account, trouble=fault_words(fault))
            elif name in self._readers:
                for element in elements:
                    yield Part(account, self._item(name, element, ours, people))
            else:
                one = {"metadata": ours, name: elements}
                yield Part(account, read_element(one, partial(_unknown, name)))
        if not lists:
            field = text(change.get("field")) or "unknown"
            yield Part(account, read_element(change, partial(_unknown, field)))

    def _item(
        self, name: str, element: Any, ours: dict[str, Any], people: _People
    ) -> Item:
        one = record(element)
        who = _person(people, one)
        raw = kept(metadata=ours, contacts=[who] if who else []) | {name: [element]}

        def read(whole: dict[str, Any]) -> UnifiedMessage:
            [said], cards = whole[name], whole.get("contacts", [{}])
            if not isinstance(said, dict):
                raise InvalidPayload(f"whatsapp: one of {name} is no object")
            return self._readers[name](said, record(whole.get("metadata")), cards[0])

        return read_element(raw, read, external_id=_id_of(one))

    def _message(
        self, message: dict[str, Any], ours: dict[str, Any], who: dict[str, Any]
    ) -> UnifiedMessage:
        return _unified(
            message,
            self._content.read(message),
            ours=ours,
            people=_identities(message, who),
            name=_name(who),
        )

    def _echo(
        self, message: dict[str, Any], ours: dict[str, Any], who: dict[str, Any]
    ) -> UnifiedMessage:
        """What staff wrote in the phone's own app."""
        return _unified(
            message,
            self._content.read(message),
            ours=ours,
            people=_recipients(message, "to", "to_user_id"),
            name=_name(who),
            direction=Direction.OUTBOUND,
            facts={"echo": True, **kept(app_id=identifier(message.get("app_id")))},
        )


def _status(
    status: dict[str, Any], ours: dict[str, Any], who: dict[str, Any]
) -> UnifiedMessage:
    return _unified(
        status,
        read_status(status),
        ours=ours,
        people=_recipients(status, "recipient_id", "recipient_user_id"),
        direction=Direction.OUTBOUND,
    )


def _call(
    call: dict[str, Any], ours: dict[str, Any], who: dict[str, Any]
) -> UnifiedMessage:
    is_ours = text(call.get("direction")) == "BUSINESS_INITIATED"
    people = (
        _recipients(call, "to", "to_user_id") if is_ours else _identities(call, who)
    )
    return _unified(
        call,
        read_call(call),
        ours=ours,
        people=people,
        name=_name(who),
        direction=Direction.OUTBOUND if is_ours else Direction.INBOUND,
    )


def _preference(
    wish: dict[str, Any], ours: dict[str, Any], who: dict[str, Any]
) -> UnifiedMessage:
    """A customer who wants marketing no longer, or again."""
    told = text(wish.get("detail")) or f"marketing: {text(wish.get('value'))}"
    content = notice("user_preferences", told, structured={"preference": wish})
    return _unified(
        {"id": f"user_preferences:{digest_of(wish)}"} | wish,
        content,
        ours=ours,
        people=_recipients(wish, "wa_id", "user_id"),
        name=_name(who),
    )


def _unknown(name: str, raw: dict[str, Any]) -> UnifiedMessage:
    content = unsupported(name)
    return UnifiedMessage(
        external_id=f"{name[:100]}:{digest_of(raw)}",
        direction=Direction.INBOUND,
        sender=Participant(kind=_USER, value=UNKNOWN_SENDER),
        body_text=content.text,
        kind=content.kind,
    )


def _unified(
    element: dict[str, Any],
    content: Content,
    *,
    ours: dict[str, Any],
    people: list[dict[str, str]],
    name: str | None = None,
    direction: Direction = Direction.INBOUND,
    facts: dict[str, Any] | None = None,
) -> UnifiedMessage:
    """Put together who says what; `people` are the identifiers of one person, the best first."""
    external_id = content.external_id or identifier(element.get("id"))
    if not external_id:
        raise InvalidPayload("whatsapp: an element without an id")
    first = people[0] if people else {"kind": _USER, "value": UNKNOWN_SENDER}
    customer = Participant(**first, name=name)
    us = _us(ours)
    is_inbound = direction is Direction.INBOUND
    others = [us] if is_inbound else ([customer] if people else [])
    context = record(element.get("context"))
    metadata = content.metadata | (facts or {})
    if context.get("forwarded") is True or context.get("frequently_forwarded") is True:
        metadata["forwarded"] = True
    body = content.text
    if referral := record(element.get("referral")):
        metadata["structured"] = metadata.get("structured", {}) | {"referral": referral}
        body = body or f"Came from an ad: {text(referral.get('headline'))}"
    if product := record(context.get("referred_product")):
        metadata["structured"] = metadata.get("structured", {}) | {"product": product}
    if len(people) > 1:
        metadata["identities"] = people
    return UnifiedMessage(
        external_id=external_id,
        external_thread_id=first["value"] if people else None,
        direction=direction,
        sender=customer if is_inbound else us,
        recipients=[Recipient(**one.model_dump()) for one in others],
        body_text=body,
        sent_at=moment_of_stamp(element.get("timestamp")),
        attachments=content.attachments,
        in_reply_to=identifier(context.get("id")) or None,
        kind=content.kind,
        target_id=content.target_id,
        metadata=metadata,
    )


def _identities(message: dict[str, Any], who: dict[str, Any]) -> list[dict[str, str]]:
    """All identifiers of the sender; the phone is missing where somebody has a username."""
    found = _people(
        message.get("from") or who.get("wa_id"),
        message.get("from_user_id") or who.get("user_id"),
        message.get("from_parent_user_id") or who.get("parent_user_id"),
    )
    system = record(message.get("system"))
    if text(message.get("type")) == "system":
        found += _people(
            system.get("wa_id") or system.get("new_wa_id"),
            system.get("user_id"),
            system.get("parent_user_id"),
        )
    return _distinct(found)


def _recipients(element: dict[str, Any], phone: str, user: str) -> list[dict[str, str]]:
    return _distinct(_people(element.get(phone), element.get(user), None))


def _people(phone: Any, user: Any, parent: Any) -> list[dict[str, str]]:
    given = identifier(phone)
    found = []
    if _DIGITS.fullmatch(given):
        found.append({"kind": "phone", "value": f"+{given.removeprefix('+')}"})
    elif given:
        found.append({"kind": _USER, "value": given})
    found += [
        {"kind": _USER, "value": one} for one in map(identifier, (user, parent)) if one
    ]
    return found


def _distinct(people: list[dict[str, str]]) -> list[dict[str, str]]:
    return list({one["value"]: one for one in people}.values())


def _index(contacts: Any) -> _People:
    found: _People = {}
    for who in records(contacts):
        names = [identifier(who.get("wa_id")), identifier(who.get("user_id"))]
        # Under no name at all it is still the one who is there alone.
        for name in filter(None, names) if any(names) else [""]:
            found.setdefault(name, who)
    return found


def _person(people: _People, element: dict[str, Any]) -> dict[str, Any]:
    """The contact of the batch that an element is from or to."""
    named = [name for key in _NAMING if (name := identifier(element.get(key)))]
    alone = next(iter(people.values()), {})
    if not named and all(who is alone for who in people.values()):
        return alone
    return next((people[name] for name in named if name in people), {})


def _name(who: dict[str, Any]) -> str | None:
    profile = record(who.get("profile"))
    return text(profile.get("name")) or text(profile.get("username")) or None


def _us(ours: dict[str, Any]) -> Participant:
    digits = _NO_DIGIT.sub("", identifier(ours.get("display_phone_number")))
    if digits:
        return Participant(kind="phone", value=f"+{digits}")
    known = identifier(ours.get("phone_number_id"))
    return Participant(kind="whatsapp_number", value=known or UNKNOWN_SENDER)


def _id_of(element: dict[str, Any]) -> str | None:
    return identifier(element.get("id"))[:1000] or None
