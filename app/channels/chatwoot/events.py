"""A Chatwoot event, read into the shape that all channels share.

Webhooks write the kind of a message as a word and times as text, the REST API both as numbers;
either is taken.
"""

import hashlib
import json
from typing import Any

from app.channels.base import Item
from app.channels.chatwoot.contents import read_attachments, read_choices
from app.channels.chatwoot.people import (
    colleague_of,
    contact_of,
    identities_of,
    is_bot,
    participant_of,
)
from app.channels.reading import (
    NO_CONVERSATION,
    count_of,
    filled,
    id_of,
    moment_of,
    object_of,
    objects_of,
    read_item,
    text_of,
    word_of,
)
from app.domain.html_text import text_of_html
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.unified_message import (
    MAX_TEXT,
    Direction,
    MessageKind,
    Participant,
    Recipient,
    UnifiedMessage,
)
from app.errors import InvalidPayload

PROVIDER = "chatwoot"

#: Comes and goes with every key that is pressed or page that is opened, and says nothing lasting.
_FLEETING = frozenset(
    {"conversation_typing_on", "conversation_typing_off", "webwidget_triggered"}
)
_DIRECTIONS = {0: "incoming", 1: "outgoing", 2: "activity", 3: "template"}
_STATUSES = frozenset({"sent", "delivered", "read", "failed"})
_STATUS_NUMBERS = {0: "sent", 1: "delivered", 2: "read", 3: "failed"}
_MAX_ANSWERS = 100
_LONGEST_NAME = 100


def read_event(event: dict[str, Any]) -> list[Item]:
    """Return what an event says; what cannot be read comes back with what is wrong."""
    name = word_of(event.get("event"))
    if name in _FLEETING:
        return []
    readers = {
        "message_created": [_message],
        "message_updated": [_change],
        "contact_created": [_contact],
        "contact_updated": [_contact],
    }.get(name, [_conversation if name.startswith("conversation_") else _unknown])
    message_id = id_of(event.get("id"))
    if name == "message_updated" and _answers(event):
        readers = [_change, _answer]
    return [
        read_item(PROVIDER, event, read, external_id=message_id or None)
        for read in readers
    ]


def _message(event: dict[str, Any]) -> UnifiedMessage:
    """A message, a note among colleagues, or a line about what happened."""
    message_id = _required_id(event)
    sort = _sort(event)
    attributes = object_of(event.get("content_attributes"))
    mail = object_of(attributes.get("email"))
    files, structured, readable = read_attachments(event)
    structured = structured or read_choices(event, attributes)
    html = text_of(object_of(mail.get("html_content")).get("full"))[:MAX_TEXT]
    said = text_of(event.get("content")) or (text_of_html(html) if html else "")
    text = "\n".join(part for part in (said, readable) if part)[:MAX_TEXT]
    metadata = _around(event) | filled(
        {
            "structured": structured,
            "media": [{"content_type": file.content_type} for file in files],
        }
    )
    kind = MessageKind.MEDIA if files else MessageKind.TEXT
    if event.get("private") is True:
        # Said among colleagues: nobody else may ever see it.
        kind = MessageKind.EVENT
        metadata |= {"private": True} | NO_CONVERSATION
    elif sort == "activity":
        kind = MessageKind.EVENT
        metadata |= {"service": "activity"} | NO_CONVERSATION
    elif sort in ("outgoing", "template"):
        metadata["echo"] = True
    elif sort != "incoming":
        kind = MessageKind.UNSUPPORTED
        text = f"A Chatwoot message of a kind we do not know: {sort or 'none'}"
    if not text and not files and kind is MessageKind.TEXT:
        content_type = word_of(event.get("content_type"))[:_LONGEST_NAME]
        kind = MessageKind.UNSUPPORTED
        text = f"A Chatwoot message without content: {content_type or 'text'}"
    if attributes.get("deleted") is True:
        metadata["deleted"] = True
    return _said_by(
        event,
        external_id=message_id,
        kind=kind,
        subject=word_of(mail.get("subject")) or None,
        body_text=text or None,
        body_html=html or None,
        attachments=files,
        in_reply_to=id_of(attributes.get("in_reply_to")) or None,
        metadata=metadata,
    )


def _change(event: dict[str, Any]) -> UnifiedMessage:
    """What changed of a message; Chatwoot tells the message and not the change."""
    message = _message(event)
    target = message.external_id
    updated_at = _latest(event).get("updated_at") or event.get("updated_at")
    changed: dict[str, Any] = {"target_id": target, "sent_at": moment_of(updated_at)}
    status, error = _status(event)
    is_ours = _sort(event) in ("outgoing", "template")
    if object_of(event.get("content_attributes")).get("deleted") is True:
        changed |= {
            "external_id": f"{target}:delete",
            "kind": MessageKind.DELETE,
            # What stands there now is Chatwoot's remark that it is gone.
            "body_text": None,
            "body_html": None,
            "attachments": [],
        }
    elif status and is_ours and event.get("private") is not True:
        told = filled({"status": status, "error": error})
        changed |= {
            "external_id": f"{target}:status:{status}",
            "kind": MessageKind.STATUS,
            "body_text": None,
            "body_html": None,
            "attachments": [],
            "metadata": _around(event) | told,
        }
    else:
        changed |= {
            "external_id": f"{target}:edit:{id_of(updated_at) or _digest_of(event)}",
            "kind": MessageKind.EDIT,
        }
    return UnifiedMessage.model_validate(message.model_dump() | changed)


def _answer(event: dict[str, Any]) -> UnifiedMessage:
    """What the contact chose or filled in below a message of ours."""
    target = _required_id(event)
    answers = _answers(event)
    rating = object_of(answers[0].get("csat_survey_response")) if answers else {}
    metadata = _around(event) | {"structured": {"type": "form", "answers": answers}}
    text = "\n".join(
        ": ".join(
            filter(
                None,
                (
                    word_of(answer.get("name")),
                    word_of(answer.get("title")) or word_of(answer.get("value")),
                ),
            )
        )
        for answer in answers
    )
    kind = MessageKind.TEXT
    if rating:
        # A mark for the service is no question to it.
        kind = MessageKind.EVENT
        mark = count_of(rating.get("rating"))
        feedback = text_of(rating.get("feedback_message"))
        text = ". ".join(filter(None, (f"Rating: {mark}", feedback)))
        told = {"type": "rating", "rating": mark, "feedback": feedback}
        metadata |= {"structured": filled(told)} | NO_CONVERSATION
    contact, inbox_kind = _contact_of(event), _inbox_kind(event)
    return UnifiedMessage(
        external_id=f"{target}:answer:{_digest_of(answers)}",
        external_thread_id=_thread(event),
        direction=Direction.INBOUND,
        sender=participant_of(contact, inbox_kind),
        body_text=text[:MAX_TEXT] or "An answer without words",
        kind=kind,
        target_id=target,
        metadata=metadata,
    )


def _answers(event: dict[str, Any]) -> list[dict[str, Any]]:
    attributes = object_of(event.get("content_attributes"))
    submitted = attributes.get("submitted_values")
    if isinstance(submitted, dict) and submitted:
        return [submitted]
    listed = list(objects_of(submitted))[:_MAX_ANSWERS]
    if email := word_of(attributes.get("submitted_email")):
        listed.append({"name": "email", "value": email})
    return listed


def _contact(event: dict[str, Any]) -> UnifiedMessage:
    """A contact that is new or has changed: how somebody comes to have another identifier."""
    contact_id = _required_id(event)
    return UnifiedMessage(
        external_id=f"contact:{contact_id}:{_digest_of(event)}",
        direction=Direction.INBOUND,
        sender=Participant(
            kind="chatwoot_contact",
            value=contact_id,
            name=word_of(event.get("name")) or None,
        ),
        body_text="A contact was written down",
        kind=MessageKind.EVENT,
        metadata={
            "service": word_of(event.get("event")),
            "identities": identities_of(event, ""),
            **NO_CONVERSATION,
        },
    )


def _conversation(event: dict[str, Any]) -> UnifiedMessage:
    """A conversation that began, or was assigned, resolved, opened again, and so on."""
    conversation_id, name = _required_id(event), word_of(event.get("event"))
    assignee = object_of(object_of(event.get("meta")).get("assignee"))
    told = {
        "status": word_of(event.get("status")),
        "assignee": word_of(assignee.get("name")),
        "assignee_id": id_of(assignee.get("id")),
        "inbox_id": id_of(event.get("inbox_id")),
    }
    moment = event.get("updated_at") or event.get("timestamp")
    is_told = "assignee" in object_of(event.get("meta"))
    return UnifiedMessage(
        external_id=f"conversation:{conversation_id}:{name[:_LONGEST_NAME]}:{_digest_of(event)}",
        external_thread_id=conversation_id,
        direction=Direction.INBOUND,
        sender=participant_of(_contact_of(event), _inbox_kind(event)),
        body_text=name.replace("_", " ").capitalize()[:_LONGEST_NAME]
        + (f": {told['status'][:_LONGEST_NAME]}" if told["status"] else ""),
        sent_at=moment_of(moment),
        kind=MessageKind.EVENT,
        metadata={
            "service": name,
            "conversation": filled(told),
            **(_handover(assignee) if is_told else {}),
            **NO_CONVERSATION,
        },
    )


def _handover(assignee: dict[str, Any]) -> dict[str, Any]:
    """A conversation is a colleague's while it is assigned to one; a bot's is ours."""
    name = word_of(assignee.get("name")) or id_of(assignee.get("id"))
    is_free = not name or is_bot(assignee)
    return {"handover": {"to": None if is_free else name}}


def _unknown(event: dict[str, Any]) -> UnifiedMessage:
    """An event of a kind that came after this was written."""
    name = word_of(event.get("event"))[:_LONGEST_NAME]
    if not name:
        raise InvalidPayload("it does not say what kind of event it is")
    return UnifiedMessage(
        external_id=f"event:{name}:{_digest_of(event)}",
        external_thread_id=id_of(object_of(event.get("conversation")).get("id"))
        or None,
        direction=Direction.INBOUND,
        sender=Participant(kind="chatwoot_contact", value=UNKNOWN_SENDER),
        body_text=f"Something from Chatwoot that we do not know: {name}",
        kind=MessageKind.UNSUPPORTED,
        metadata=dict(NO_CONVERSATION),
    )


def _said_by(event: dict[str, Any], **fields: Any) -> UnifiedMessage:
    """A message with who said it to whom, where and when."""
    contact = participant_of(_contact_of(event), _inbox_kind(event))
    is_inbound = _is_theirs(event)
    sender = object_of(event.get("sender"))
    is_named = contact.value != UNKNOWN_SENDER
    return UnifiedMessage(
        external_thread_id=_thread(event),
        direction=Direction.INBOUND if is_inbound else Direction.OUTBOUND,
        sender=contact if is_inbound else colleague_of(sender),
        recipients=[Recipient(**contact.model_dump(), role="to")]
        if is_named and not is_inbound
        else [],
        sent_at=moment_of(event.get("created_at")),
        **fields,
    )


def _is_theirs(event: dict[str, Any]) -> bool:
    return _sort(event) == "incoming" and event.get("private") is not True


def _contact_of(event: dict[str, Any]) -> dict[str, Any]:
    return contact_of(event, is_theirs=_is_theirs(event))


def _required_id(event: dict[str, Any]) -> str:
    if not (found := id_of(event.get("id"))):
        raise InvalidPayload("it has no id")
    return found


def _thread(event: dict[str, Any]) -> str | None:
    conversation = object_of(event.get("conversation"))
    return id_of(conversation.get("id")) or id_of(event.get("conversation_id")) or None


def _sort(event: dict[str, Any]) -> str:
    told = event.get("message_type")
    if isinstance(told, int):
        return _DIRECTIONS.get(told, f"number {told}"[:_LONGEST_NAME])
    return word_of(told).lower()[:_LONGEST_NAME]


def _inbox_kind(event: dict[str, Any]) -> str:
    conversation = object_of(event.get("conversation")) or event
    meta = object_of(conversation.get("meta"))
    return word_of(conversation.get("channel")) or word_of(meta.get("channel"))


def _latest(event: dict[str, Any]) -> dict[str, Any]:
    """The same message as the conversation shows it, which tells more of it."""
    listed = objects_of(object_of(event.get("conversation")).get("messages"))
    return next(
        (one for one in listed if id_of(one.get("id")) == id_of(event.get("id"))), {}
    )


def _status(event: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    told = event.get("status") or _latest(event).get("status")
    if isinstance(told, int):
        told = _STATUS_NUMBERS.get(told)
    status = word_of(told).lower()
    attributes = object_of(event.get("content_attributes"))
    error = word_of(attributes.get("external_error"))
    is_error = status == "failed" and error
    return status if status in _STATUSES else "", (
        {"code": None, "message": error} if is_error else None
    )


def _around(event: dict[str, Any]) -> dict[str, Any]:
    """What is known of a message beside what it says."""
    conversation, inbox = (
        object_of(event.get(name)) for name in ("conversation", "inbox")
    )
    meta = object_of(conversation.get("meta"))
    identities = identities_of(
        _contact_of(event),
        _inbox_kind(event),
        is_verified=meta.get("hmac_verified") is True,
    )
    return filled(
        {
            "source_id": id_of(event.get("source_id")),
            "own_id": id_of(event.get("echo_id")),
            "inbox_id": id_of(inbox.get("id")) or id_of(conversation.get("inbox_id")),
            "inbox": word_of(inbox.get("name")),
            "inbox_kind": _inbox_kind(event),
            "template": _sort(event) == "template" or None,
            "from_bot": is_bot(object_of(event.get("sender"))) or None,
            "identities": identities,
        }
    )


def _digest_of(told: Any) -> str:
    """Tells a redelivery, which says the same, from what happened later."""
    text = json.dumps(told, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
