"""Text messages and what became of ours, by telephone and by what else Twilio carries."""

import re
from typing import Any

from app.channels.base import Item
from app.channels.reading import (
    count_of,
    filled,
    number_of,
    read_item,
    text_of,
    word_of,
)
from app.channels.send_faults import rule_of
from app.channels.twilio.addresses import Address, read_address, thread_of
from app.channels.twilio.send_errors import CODES
from app.domain.consent import Consent, consent_of
from app.domain.unified_message import (
    MAX_TEXT,
    Attachment,
    Direction,
    MessageKind,
    Participant,
    Recipient,
    UnifiedMessage,
)
from app.errors import InvalidPayload

#: Of one message; Twilio takes ten.
_MAX_MEDIA = 100
_MEDIA_URL = re.compile(r"MediaUrl(\d{1,3})")
_RECEIVED = frozenset({"", "received", "receiving"})
#: In the words that all channels share; what is not here keeps its own.
_STATUSES = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending"), "queued"),
    **dict.fromkeys(("undelivered", "failed", "canceled"), "failed"),
    "partially_delivered": "sent",
}
_TEXTUAL = frozenset(
    {"", "text", "button", "interactive", "location", "contacts", "reaction"}
)


def read_message(provider: str, form: dict[str, Any]) -> Item:
    """Read a message that came in, or what became of one that went out."""
    is_status = bool(_status(form))
    return read_item(
        provider,
        form,
        _read_status if is_status else _read_inbound,
        external_id=_sid(form) or None,
    )


def _status(form: dict[str, Any]) -> str:
    """What is told of a message of ours; nothing where the message is one of theirs."""
    told = word_of(form.get("MessageStatus")) or word_of(form.get("SmsStatus"))
    return "" if told.lower() in _RECEIVED else told.lower()


def _sid(form: dict[str, Any]) -> str:
    names = ("MessageSid", "SmsMessageSid", "SmsSid")
    return next(filter(None, (word_of(form.get(name)) for name in names)), "")


def _read_status(form: dict[str, Any]) -> UnifiedMessage:
    sid, status = _required_sid(form), _status(form)
    ours, theirs = _address(form, "From"), _address(form, "To")
    state = _STATUSES.get(status, status)
    code = word_of(form.get("ErrorCode"))
    error = {"code": code, "message": word_of(form.get("ErrorMessage")) or None}
    return UnifiedMessage(
        external_id=f"{sid}:status:{status}",
        external_thread_id=_thread(ours, theirs),
        direction=Direction.OUTBOUND,
        sender=Participant(kind=ours.kind, value=ours.value),
        recipients=_recipients(theirs),
        kind=MessageKind.STATUS,
        target_id=sid,
        metadata=filled(
            {
                "status": state,
                "provider_status": status,
                "error": error if code else None,
                "rule": _rule(code) if state == "failed" else None,
            }
        ),
    )


def _rule(code: str) -> str | None:
    """By which rule it was not delivered: the codes are those of the answers to a send."""
    fault = CODES.get(int(code)) if code.isdecimal() and len(code) < 10 else None
    return rule_of(fault.error) if fault else None


def _read_inbound(form: dict[str, Any]) -> UnifiedMessage:
    sid = _required_sid(form)
    theirs, ours = _address(form, "From"), _address(form, "To")
    body = text_of(form.get("Body"))
    structured, readable = _structured(form)
    media = _media(form)
    text = "\n".join(part for part in (body, readable) if part)
    kind = MessageKind.MEDIA if media else MessageKind.TEXT
    sort = word_of(form.get("MessageType")).lower()
    if not text and not media and sort not in _TEXTUAL:
        kind = MessageKind.UNSUPPORTED
        text = f"A message of a kind we do not know: {sort[:100]}"
    facts = {
        "via": theirs.carrier,
        "media": [{"content_type": file.content_type} for file in media],
        "structured": structured,
        "consent": _consent(form, body, by_telephone=not theirs.carrier),
        "segments": count_of(form.get("NumSegments")),
        "messaging_service": word_of(form.get("MessagingServiceSid")),
        "forwarded": word_of(form.get("Forwarded")).lower() == "true" or None,
        "identities": _identities(form),
    }
    return UnifiedMessage(
        external_id=sid,
        external_thread_id=_thread(ours, theirs),
        direction=Direction.INBOUND,
        sender=Participant(
            kind=theirs.kind,
            value=theirs.value,
            name=word_of(form.get("ProfileName")) or None,
        ),
        recipients=_recipients(ours),
        body_text=text[:MAX_TEXT] or None,
        attachments=media,
        in_reply_to=word_of(form.get("OriginalRepliedMessageSid")) or None,
        kind=kind,
        metadata=filled(facts),
    )


def _required_sid(form: dict[str, Any]) -> str:
    if not (sid := _sid(form)):
        raise InvalidPayload("it has no MessageSid")
    return sid


def _address(form: dict[str, Any], name: str) -> Address:
    return read_address(word_of(form.get(name)))


def _recipients(address: Address) -> list[Recipient]:
    if not address.is_known:
        return []
    return [Recipient(kind=address.kind, value=address.value, role="to")]


def _thread(ours: Address, theirs: Address) -> str | None:
    # All the nameless are not one conversation.
    return thread_of(ours, theirs) if theirs.is_known else None


def _media(form: dict[str, Any]) -> list[Attachment]:
    """The files in their order; what is counted and not listed is a file that is missing."""
    listed = {
        int(found[1])
        for name in form
        if (found := _MEDIA_URL.fullmatch(name)) and int(found[1]) < _MAX_MEDIA
    }
    count = min(count_of(word_of(form.get("NumMedia"))) or 0, _MAX_MEDIA)
    return [
        Attachment(
            content_type=word_of(form.get(f"MediaContentType{number}")).lower() or None,
            url=word_of(form.get(f"MediaUrl{number}")) or None,
        )
        for number in sorted(listed | set(range(count)))
    ]


def _consent(form: dict[str, Any], body: str, *, by_telephone: bool) -> str | None:
    told = word_of(form.get("OptOutType")).lower()
    if told in set(Consent):
        return told
    return consent_of(body, by_telephone=by_telephone)


def _identities(form: dict[str, Any]) -> list[dict[str, Any]]:
    """By what else the writer is known: WhatsApp's id of them for this business."""
    address = read_address(word_of(form.get("ExternalUserId")))
    if not address.carrier or not address.is_known:
        return []
    return [{"kind": address.kind, "value": address.value}]


def _structured(form: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """A part with a structure of its own, and how to say what the body does not."""
    latitude, longitude = (
        number_of(form.get(name)) for name in ("Latitude", "Longitude")
    )
    if latitude is not None and longitude is not None:
        names = [word_of(form.get("Label")), word_of(form.get("Address"))]
        told = ", ".join(filter(None, [*names, f"{latitude:.6f}, {longitude:.6f}"]))
        facts: dict[str, Any] = {"latitude": latitude, "longitude": longitude}
        facts |= {"title": names[0], "address": names[1]}
        return {"type": "location"} | filled(facts), f"Location: {told}"
    for kind, label, given in _CHOICES:
        facts = {"label": word_of(form.get(label)), "data": word_of(form.get(given))}
        if facts["label"] or facts["data"]:
            said = word_of(form.get("Body"))
            readable = "" if said else facts["label"] or facts["data"]
            return {"type": kind} | filled(facts), readable
    referral = {
        name.removeprefix("Referral").lower(): word_of(value)
        for name, value in form.items()
        if name.startswith("Referral") and word_of(value)
    }
    if referral:
        return {"type": "referral"} | dict(list(referral.items())[:20]), ""
    return None, ""


_CHOICES = (
    ("button", "ButtonText", "ButtonPayload"),
    ("list", "ListTitle", "ListId"),
)
