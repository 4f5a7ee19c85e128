"""Who is who in Chatwoot, and by which of their identifiers they are known for certain."""

from typing import Any

from app.channels.reading import id_of, object_of, word_of
from app.domain.identifiers import identity_key
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.unified_message import Participant

#: What an inbox of this kind proves of who writes to it. In a chat window visitors type in any
#: address they like, so there a contact is only known to Chatwoot.
_PROVEN = {
    "Channel::Email": "email",
    "Channel::Whatsapp": "phone",
    "Channel::Sms": "phone",
    "Channel::TwilioSms": "phone",
    "Channel::Voice": "phone",
}
_FIELDS = {"phone": "phone_number", "email": "email"}


def contact_of(event: dict[str, Any], *, is_theirs: bool) -> dict[str, Any]:
    """Return the contact that an event is about, as fully as the event knows them.

    `is_theirs` says that the contact sent it: older versions do not tell what a sender is, and a
    colleague must not be taken for a customer.
    """
    conversation = object_of(event.get("conversation")) or event
    known = object_of(object_of(conversation.get("meta")).get("sender"))
    sender = object_of(event.get("sender"))
    if is_theirs and id_of(sender.get("id")):
        is_same = id_of(known.get("id")) == id_of(sender.get("id"))
        given = {name: told for name, told in sender.items() if told}
        return known | given if is_same else sender
    if id_of(known.get("id")):
        return known
    contact_inbox = object_of(conversation.get("contact_inbox"))
    return {"id": contact_inbox.get("contact_id")}


def is_bot(sender: dict[str, Any]) -> bool:
    """Whether a sender is a bot of the business."""
    return "bot" in word_of(sender.get("type")).lower()


def participant_of(contact: dict[str, Any], inbox_kind: str) -> Participant:
    """Return a contact by the identifier that the inbox proves, else by Chatwoot's own."""
    name = word_of(contact.get("name")) or None
    proven = _PROVEN.get(inbox_kind, "")
    if value := _identifier(contact, proven):
        return Participant(kind=proven, value=value, name=name)
    value = id_of(contact.get("id")) or UNKNOWN_SENDER
    return Participant(kind="chatwoot_contact", value=value, name=name)


def identities_of(
    contact: dict[str, Any], inbox_kind: str, *, is_verified: bool = False
) -> list[dict[str, Any]]:
    """Return all that a contact is known by; `claimed` is what nobody has proven.

    `is_verified` says that the site on which the chat runs vouches for the contact.
    """
    found = []
    if contact_id := id_of(contact.get("id")):
        found.append({"kind": "chatwoot_contact", "value": contact_id})
    for kind in _FIELDS:
        if value := _identifier(contact, kind):
            identity: dict[str, Any] = {"kind": kind, "value": value}
            if kind != _PROVEN.get(inbox_kind) and not is_verified:
                identity["claimed"] = True
            found.append(identity)
    return found


def colleague_of(sender: dict[str, Any]) -> Participant:
    """Return who of the business wrote: a person, or a bot of theirs."""
    return Participant(
        kind="chatwoot_bot" if is_bot(sender) else "chatwoot_user",
        value=id_of(sender.get("id")) or UNKNOWN_SENDER,
        name=word_of(sender.get("name")) or None,
    )


def _identifier(contact: dict[str, Any], kind: str) -> str:
    value = word_of(contact.get(_FIELDS.get(kind, "")))
    if kind == "phone":
        return identity_key(kind, value) if value.startswith("+") else ""
    return value if "@" in value else ""
