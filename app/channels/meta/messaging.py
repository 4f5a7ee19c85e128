"""One entry of a Messenger or Instagram webhook: who says what to whom."""

from collections.abc import Iterator
from typing import Any

from app.channels.base import Item
from app.channels.meta.callback import Part
from app.channels.meta.content import unsupported
from app.channels.meta.element import read_element
from app.channels.meta.fields import (
    digest_of,
    identifier,
    kept,
    moment_of_stamp,
    record,
    text,
)
from app.channels.meta.messaging_content import read_content
from app.domain.handover import ANOTHER
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.unified_message import (
    Direction,
    MessageKind,
    Participant,
    Recipient,
    UnifiedMessage,
)

_STANDBY = "standby"
_PASSED = ("pass_thread_control", "take_thread_control")
_SAID = frozenset({"message", "postback"})


class EntryReader:
    """Reads entries. `person` and `account` are the kinds of identifiers on either side."""

    def __init__(self, *, person: str, account: str, app_id: str | None = None) -> None:
        self._person = person
        self._account = account
        self._app_id = app_id

    def read(self, entry: dict[str, Any]) -> Iterator[Part]:
        """Read an entry; each of its elements by itself."""
        account = identifier(entry.get("id")) or None
        found = False
        for name in ("messaging", _STANDBY):
            elements = entry.get(name)
            for element in elements if isinstance(elements, list) else []:
                found = True
                yield Part(account, self._item(element, account, name == _STANDBY))
        changes = entry.get("changes")
        for change in changes if isinstance(changes, list) else []:
            found = True
            yield Part(account, self._changed(change, account))
        if not found:
            yield Part(account, self._unknown(entry, "entry"))

    def _changed(self, change: Any, account: str | None) -> Item:
        value = record(record(change).get("value"))
        # The dashboard's test button writes messages in this way.
        if "sender" in value and "recipient" in value:
            return self._item(value, account, False)
        return self._unknown(change, text(record(change).get("field")) or "change")

    def _item(self, element: Any, account: str | None, standby: bool) -> Item:
        def read(scrubbed: dict[str, Any]) -> UnifiedMessage:
            return self._unified(scrubbed, account or "", standby=standby)

        told = record(record(element).get("message"))
        external_id = identifier(told.get("mid"))[:1000] or None
        return read_element(element, read, external_id=external_id)

    def _unified(
        self, element: dict[str, Any], account: str, *, standby: bool
    ) -> UnifiedMessage:
        sender = identifier(record(element.get("sender")).get("id"))
        recipient = identifier(record(element.get("recipient")).get("id"))
        message = record(element.get("message"))
        is_echo = message.get("is_echo") is True
        is_ours = is_echo or (bool(sender) and sender == account)
        person = recipient if is_ours else sender
        content = read_content(element, person)
        # Delivered and read are said of what we have sent, whoever reports it.
        is_outbound = is_ours or content.kind is MessageKind.STATUS
        us = Participant(kind=self._account, value=account or UNKNOWN_SENDER)
        them = Participant(kind=self._person, value=person or UNKNOWN_SENDER)
        others = ([them] if person else []) if is_outbound else [us]
        assert content.external_id is not None
        echo = kept(
            app_id=identifier(message.get("app_id")),
            own_id=text(message.get("metadata")),
        )
        reply_to = record(message.get("reply_to"))
        return UnifiedMessage(
            external_id=content.external_id,
            external_thread_id=person or None,
            direction=Direction.OUTBOUND if is_outbound else Direction.INBOUND,
            sender=us if is_outbound else them,
            recipients=[Recipient(**one.model_dump()) for one in others],
            body_text=content.text,
            sent_at=moment_of_stamp(element.get("timestamp")),
            attachments=content.attachments,
            in_reply_to=identifier(reply_to.get("mid")) or None,
            kind=content.kind,
            target_id=content.target_id,
            metadata=content.metadata
            | ({"echo": True} | echo if is_echo else {})
            | ({"standby": True} if standby else {})
            | self._handover(element, standby=standby, is_ours=is_ours),
        )

    def _handover(
        self, element: dict[str, Any], *, standby: bool, is_ours: bool
    ) -> dict[str, Any]:
        """Who has the thread: whoever was named last, or we where a person's words reach us directly.

        No event tells that a thread came back because nobody said anything for a day.
        """
        for name in _PASSED:
            if isinstance(told := element.get(name), dict):
                owner = identifier(told.get("new_owner_app_id"))
                if owner and owner == self._app_id:
                    return {"handover": {"to": None}}
                return {"handover": {"to": f"app {owner}" if owner else ANOTHER}}
        if is_ours or not _SAID.intersection(element):
            return {}
        return {"handover": {"to": ANOTHER if standby else None}}

    def _unknown(self, raw: Any, name: str) -> Item:
        def read(scrubbed: dict[str, Any]) -> UnifiedMessage:
            content = unsupported(name)
            return UnifiedMessage(
                external_id=f"{name[:100]}:{digest_of(scrubbed)}",
                direction=Direction.INBOUND,
                sender=Participant(kind=self._person, value=UNKNOWN_SENDER),
                body_text=content.text,
                kind=content.kind,
            )

        return read_element(raw, read)
