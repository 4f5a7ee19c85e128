"""What a WhatsApp message says, by its type."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from app.channels.meta.content import Content, listed, notice, structured, unsupported
from app.channels.meta.fields import (
    identifier,
    kept,
    number,
    record,
    records,
    text,
)
from app.channels.meta.send_errors import WHATSAPP, WHATSAPP_RANGES
from app.channels.send_faults import by_code, rule_of
from app.domain.scrub import scrub_text
from app.domain.unified_message import MAX_TEXT, Attachment, MessageKind
from app.errors import InvalidPayload

MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})

#: Of a card, an order or a form; the original is kept whole.
_MAX_LINES = 50
_LONGEST_STATUS = 50


class ContentReader:
    """Reads what messages say. `media_url` is where a file can be fetched by its id."""

    def __init__(self, media_url: Callable[[str], str]) -> None:
        self._media_url = media_url
        self._by_type: dict[str, Callable[[dict[str, Any]], Content]] = {
            "text": _text,
            "interactive": _interactive,
            "button": _button,
            "reaction": _reaction,
            "location": _location,
            "contacts": _contacts,
            "order": _order,
            "system": _system,
            "request_welcome": lambda message: notice(
                "request_welcome", "opened the chat for the first time"
            ),
            "edit": self._edit,
            "revoke": _revoke,
        }

    def read(self, message: dict[str, Any]) -> Content:
        """Read a message; what nobody has taught us is unsupported.

        Raises InvalidPayload where it changes another message and does not say which.
        """
        sort = text(message.get("type"))
        if sort in MEDIA:
            return self._media(sort, message)
        if sort == "unsupported":
            return _unsupported(message)
        reader = self._by_type.get(sort)
        return reader(message) if reader else unsupported(sort or "without a type")

    def _media(self, sort: str, message: dict[str, Any]) -> Content:
        media = record(message.get(sort))
        media_id = identifier(media.get("id"))
        caption = text(media.get("caption"))[:MAX_TEXT] or None
        mime_type = text(media.get("mime_type")).lower()
        described = kept(
            id=media_id,
            mime_type=mime_type,
            sha256=text(media.get("sha256")),
            caption=caption,
        )
        file = Attachment(
            name=text(media.get("filename")) or None,
            # `audio/ogg; codecs=opus`
            content_type=mime_type.partition(";")[0].strip() or None,
            url=self._media_url(media_id) if media_id else None,
        )
        return Content(
            MessageKind.MEDIA,
            caption,
            [file],
            {
                "media": [
                    described | {"type": sort, "voice": media.get("voice") is True}
                ]
            },
        )

    def _edit(self, message: dict[str, Any]) -> Content:
        edit = record(message.get("edit"))
        inner = self.read(record(edit.get("message")))
        target_id = _target(edit)
        own_id = identifier(message.get("id"))
        # Seconds are too coarse to tell two edits apart, so the edit's own id comes first.
        stamp = own_id if own_id != target_id else identifier(message.get("timestamp"))
        return Content(
            MessageKind.EDIT,
            inner.text,
            inner.attachments,
            inner.metadata,
            target_id,
            f"{target_id}:edit:{stamp}",
        )


def read_status(status: dict[str, Any]) -> Content:
    """What became of a message of ours.

    Raises InvalidPayload where it does not say of which or what.
    """
    target_id = identifier(status.get("id"))
    state = text(status.get("status")).strip().lower()[:_LONGEST_STATUS]
    if not target_id or not state:
        raise InvalidPayload("whatsapp: a status without its message or its name")
    error = next(map(_error, records(status.get("errors"))), None)
    return Content(
        MessageKind.STATUS,
        metadata=kept(
            status=state,
            error=error,
            rule=_rule(status) if state == "failed" else None,
            own_id=text(status.get("biz_opaque_callback_data")),
            pricing=record(status.get("pricing")) or None,
        ),
        target_id=target_id,
        external_id=f"{target_id}:status:{state}",
    )


def _rule(status: dict[str, Any]) -> str | None:
    """By which rule it was not delivered: the codes are those of the answers to a send."""
    for error in islice(records(status.get("errors")), _MAX_LINES):
        code = error.get("code")
        if not isinstance(code, int):
            continue
        if fault := by_code(WHATSAPP, code, ranges=WHATSAPP_RANGES):
            return rule_of(fault.error)
    return None


def read_call(call: dict[str, Any]) -> Content:
    """One step of a call; its steps are about the call.

    Raises InvalidPayload where it has no id.
    """
    call_id = identifier(call.get("id"))
    if not call_id:
        raise InvalidPayload("whatsapp: a call without an id")
    step = text(call.get("event"))[:_LONGEST_STATUS] or "unknown"
    seconds = number(call.get("duration"))
    words = listed(f"call: {step}", f"{seconds} s" if seconds else "")
    facts = {name: one for name, one in call.items() if name != "session"}
    return Content(
        MessageKind.CALL,
        words,
        metadata={"structured": {"call": facts}},
        target_id=call_id,
        external_id=f"{call_id}:call:{step}",
    )


def fault_words(fault: dict[str, Any]) -> str:
    """An error of the provider in one line."""
    said = _error(fault)
    words = said.get("details") or said.get("title") or said.get("message")
    line = f"{said.get('code', 'error')}: {words or 'no reason given'}"
    return scrub_text(line[:500])


def _text(message: dict[str, Any]) -> Content:
    body = text(record(message.get("text")).get("body"))
    if not body:
        return unsupported("text without a body")
    return Content(MessageKind.TEXT, body[:MAX_TEXT])


def _interactive(message: dict[str, Any]) -> Content:
    answer = record(message.get("interactive"))
    sort = text(answer.get("type"))
    part = record(answer.get(sort))
    if sort in {"button_reply", "list_reply"}:
        words = listed(text(part.get("title")), text(part.get("description")))
        return structured(sort, part, words or identifier(part.get("id")))
    if sort == "nfm_reply":
        return _form(part)
    return unsupported(f"interactive {sort}".strip())


def _form(part: dict[str, Any]) -> Content:
    """The answer to a flow: its fields arrive as JSON in a text."""
    try:
        fields = record(json.loads(text(part.get("response_json")) or "{}"))
    except (ValueError, RecursionError):
        fields = {}
    lines = [text(part.get("body")) or text(part.get("name")) or "form answered"]
    lines += [
        f"{name}: {answer}"
        for name, value in islice(fields.items(), _MAX_LINES)
        if name != "flow_token" and (answer := number(value))
    ]
    # The text is kept as it came: what it holds may not be storable as an object.
    return structured("nfm_reply", part, "\n".join(lines)[:MAX_TEXT])


def _button(message: dict[str, Any]) -> Content:
    button = record(message.get("button"))
    words = text(button.get("text")) or text(button.get("payload"))
    return structured("button", button, words or "pressed a button")


def _reaction(message: dict[str, Any]) -> Content:
    reaction = record(message.get("reaction"))
    target_id = identifier(reaction.get("message_id"))
    if not target_id:
        raise InvalidPayload("whatsapp: a reaction to nothing")
    emoji = text(reaction.get("emoji")) or None
    return Content(
        MessageKind.REACTION,
        emoji,
        metadata={"emoji": emoji},
        target_id=target_id,
    )


def _location(message: dict[str, Any]) -> Content:
    place = record(message.get("location"))
    where = " ".join(
        one for name in ("latitude", "longitude") if (one := number(place.get(name)))
    )
    words = listed(text(place.get("name")), text(place.get("address")), where)
    return structured("location", place, f"Location: {words}"[:MAX_TEXT])


def _contacts(message: dict[str, Any]) -> Content:
    cards = list(records(message.get("contacts")))
    lines = ["Contact: " + _card(card) for card in cards[:_MAX_LINES]]
    return structured("contacts", cards, "\n".join(lines)[:MAX_TEXT] or "Contact")


def _card(card: dict[str, Any]) -> str:
    phones = [number(one.get("phone")) for one in records(card.get("phones"))]
    emails = [text(one.get("email")) for one in records(card.get("emails"))]
    return listed(
        text(record(card.get("name")).get("formatted_name")), *phones, *emails
    )


def _order(message: dict[str, Any]) -> Content:
    order = record(message.get("order"))
    lines = [text(order.get("text"))] if text(order.get("text")) else []
    lines += ["Order: " + one for one in islice(_wares(order), _MAX_LINES)]
    return structured("order", order, "\n".join(lines)[:MAX_TEXT] or "Order")


def _wares(order: dict[str, Any]) -> Iterator[str]:
    for ware in records(order.get("product_items")):
        price = listed(number(ware.get("item_price")))
        each = f" at {price} {text(ware.get('currency'))}".rstrip() if price else ""
        amount = number(ware.get("quantity")) or "1"
        yield f"{amount} x {identifier(ware.get('product_retailer_id'))}{each}"


def _system(message: dict[str, Any]) -> Content:
    system = record(message.get("system"))
    sort = text(system.get("type")) or "system"
    words = text(system.get("body")) or sort.replace("_", " ")
    return notice(sort, words[:MAX_TEXT], structured={"system": system})


def _revoke(message: dict[str, Any]) -> Content:
    target_id = _target(record(message.get("revoke")))
    return Content(
        MessageKind.DELETE, target_id=target_id, external_id=f"{target_id}:delete"
    )


def _target(change: dict[str, Any]) -> str:
    target_id = identifier(change.get("original_message_id"))
    if not target_id:
        raise InvalidPayload("whatsapp: a change that does not say of what")
    return target_id


def _unsupported(message: dict[str, Any]) -> Content:
    told = message.get("unsupported")
    sort = text(record(told).get("type")) or text(told) or "unknown to the provider"
    return unsupported(sort, **kept(errors=list(_errors(message))))


def _errors(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return map(_error, islice(records(message.get("errors")), _MAX_LINES))


def _error(fault: dict[str, Any]) -> dict[str, Any]:
    return kept(
        code=fault.get("code") if isinstance(fault.get("code"), int) else None,
        title=text(fault.get("title")),
        message=text(fault.get("message")),
        details=text(record(fault.get("error_data")).get("details")),
    )
