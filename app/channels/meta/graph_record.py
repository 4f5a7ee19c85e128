"""A message as Graph hands it out, read into the shape that all channels share."""

from collections.abc import Collection, Iterator
from typing import Any

from app.channels.base import Item
from app.channels.meta.content import unsupported
from app.channels.meta.element import read_element
from app.channels.meta.fields import identifier, moment_of_iso, record, records, text
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


class RecordReader:
    """Reads the messages of one account, known to the provider by any of `ours`."""

    def __init__(
        self, ours: Collection[str], own_id: str, *, person: str, account: str
    ) -> None:
        self._ours = frozenset(ours)
        self._us = Participant(kind=account, value=own_id)
        self._person = person

    def item(self, row: dict[str, Any]) -> Item:
        """Read a message; one that cannot be understood comes back with what is wrong."""
        external_id = identifier(row.get("id"))[:1000]
        return read_element(row, self._unified, external_id=external_id)

    def _unified(self, row: dict[str, Any]) -> UnifiedMessage:
        if "fault" in row:
            raise InvalidPayload(text(row["fault"]))
        mid = identifier(row.get("id"))
        if not mid:
            raise InvalidPayload("meta: a message without an id")
        sender, others = record(row.get("from")), _to(row)
        is_ours = self._is_us(sender)
        if not is_ours and others and not any(map(self._is_us, others)):
            # Taken for a customer's, what we sent ourselves would be answered.
            raise InvalidPayload(
                "meta: neither side of the message is the account; enter its other id as --address"
            )
        them = next((one for one in others if not self._is_us(one)), {})
        customer = self._participant(them if is_ours else sender)
        if customer is None:
            raise InvalidPayload("meta: a message that does not say whose it is")
        body = text(row.get("message"))[:MAX_TEXT]
        files = list(_files(row))
        kind = MessageKind.TEXT if body else MessageKind.MEDIA
        if not body and not files:
            # Stickers, shares and calls: polling is told no more of them.
            empty = unsupported("not shown to programs")
            kind, body = empty.kind, empty.text or ""
        return UnifiedMessage(
            external_id=mid,
            external_thread_id=customer.value,
            direction=Direction.OUTBOUND if is_ours else Direction.INBOUND,
            sender=self._us if is_ours else customer,
            recipients=[Recipient(**(customer if is_ours else self._us).model_dump())],
            body_text=body or None,
            sent_at=moment_of_iso(row.get("created_time")),
            attachments=files,
            kind=kind,
        )

    def _is_us(self, who: dict[str, Any]) -> bool:
        names = (identifier(who.get("id")), text(who.get("username")))
        return not self._ours.isdisjoint(names)

    def _participant(self, who: dict[str, Any]) -> Participant | None:
        value = identifier(who.get("id"))
        if not value:
            return None
        name = text(who.get("name")) or text(who.get("username")) or None
        return Participant(kind=self._person, value=value, name=name)


def _to(row: dict[str, Any]) -> list[dict[str, Any]]:
    return list(records(record(row.get("to")).get("data")))


def _files(row: dict[str, Any]) -> Iterator[Attachment]:
    for one in records(record(row.get("attachments")).get("data")):
        picture, film = record(one.get("image_data")), record(one.get("video_data"))
        size = one.get("size")
        yield Attachment(
            name=text(one.get("name")) or None,
            content_type=text(one.get("mime_type")).lower() or None,
            size=size if isinstance(size, int) and size >= 0 else None,
            url=text(one.get("file_url"))
            or text(picture.get("url"))
            or text(film.get("url"))
            or None,
        )
