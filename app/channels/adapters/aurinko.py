"""Aurinko: mailboxes of any e-mail service behind one API.

Its records are read defensively: every field may be absent or of another type than documented.
"""

import binascii
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Self
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError
from requests.auth import AuthBase

from app.channels.base import (
    Account,
    ChannelAdapter,
    Interrupted,
    InterruptedByRateLimit,
    Item,
    KnownIDs,
    Page,
)
from app.config import Settings
from app.domain.html_text import text_of_html
from app.domain.identifiers import email_key
from app.domain.mail import MAX_HEADERS
from app.domain.mail_addresses import MAX_ADDRESSES, read_mailboxes
from app.domain.mail_facts import INVITING
from app.domain.mail_headers import MAX_FIELDS, MAX_VALUE, Headers, read_parameters
from app.domain.mail_ids import message_id, message_ids
from app.domain.mail_people import sender_of
from app.domain.scrub import scrub
from app.domain.unified_message import (
    MAX_TEXT,
    Attachment,
    Channel,
    Direction,
    MessageKind,
    Moment,
    Participant,
    Recipient,
    UnifiedMessage,
)
from app.errors import (
    AuthError,
    PermanentError,
    RateLimited,
    Refused,
    RetryableError,
)
from app.transport import MAX_BYTES, Bearer, HTTPClient

_MESSAGES = "/v1/email/messages"
_QUERIES = {"SENT": "in:sent", "INBOX": "in:inbox"}
#: What is in these was not said to anybody, or not wanted.
_NO_MESSAGES = frozenset({"draft", "trash", "junk"})
_NAMING = ("name", "address", "raw")
_TAG = re.compile(r"<[a-z!/]", re.IGNORECASE)
_PKCS7 = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
#: Below the base URL; a partner may post any address, and only these get the account's token.
_ATTACHMENT = re.compile(rf"{_MESSAGES}/(?!\.)[^/?#]+/attachments/(?!\.)[^/?#]+")
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


class _Files(HTTPClient):
    """Fetches attachments."""

    too_large = Refused


class AurinkoAdapter(ChannelAdapter):
    """Reads a mailbox page by page; mails that come without their body are fetched singly."""

    provider = "aurinko"
    channel = Channel.EMAIL
    #: Sent mail first: an answer is known before the question comes in.
    folders = ("SENT", "INBOX")

    def __init__(self, base_url: str, *, max_file_bytes: int = MAX_BYTES // 2) -> None:
        self._base_url = base_url
        self._api = HTTPClient(self.provider, base_url)
        # Four characters carry three bytes; the rest of the answer is short.
        self._files = _Files(
            self.provider, base_url, max_bytes=max_file_bytes * 4 // 3 + 65_536
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(
            str(settings.aurinko_url), max_file_bytes=settings.attachment_max_bytes
        )

    def fetch_page(
        self,
        account: Account,
        *,
        folder: str,
        token: str | None,
        limit: int,
        known: KnownIDs,
    ) -> Page:
        """Fetch one page, and the bodies it leaves out of mails that are not stored yet.

        A stored one keeps what the list says of it: ingest sees by its id that it is known.
        """
        auth = Bearer(account.credentials.get("access_token"))
        listed, next_token = self._list(folder, token, limit, auth)
        records = [record for record in listed if _belongs(record, folder)]
        without_body = {_id(record) for record in records if _lacks_body(record)}
        missing = without_body.difference(known(without_body) if without_body else ())
        items: list[Item] = []
        for record in records:
            try:
                if _lacks_body(record) and _id(record) in missing:
                    items.append(self._fetched(record, account, auth))
                else:
                    items.append(self._item(record, account))
            except RetryableError as exc:
                if not items:
                    raise
                rate_limited = isinstance(exc, RateLimited)
                kind = InterruptedByRateLimit if rate_limited else Interrupted
                raise kind(str(exc), exc.retry_after, items) from exc
        return Page(items, next_token)

    def fetch_attachment(self, account: Account, url: str) -> bytes | None:
        """Fetch a file by the address that its message lists."""
        path = url.removeprefix(self._base_url)
        if path == url or not _ATTACHMENT.fullmatch(path):
            return None
        auth = Bearer(account.credentials.get("access_token"))
        answer = self._files.get(path, auth=auth)
        content = answer.get("content") if isinstance(answer, dict) else None
        if not isinstance(content, str):
            raise RetryableError("aurinko: an attachment came without its content")
        try:
            return binascii.a2b_base64(content)
        except binascii.Error:
            raise RetryableError("aurinko: an attachment is no base64") from None

    def _list(
        self, folder: str, token: str | None, limit: int, auth: AuthBase
    ) -> tuple[list[Any], str | None]:
        if folder not in _QUERIES:
            raise PermanentError(f"aurinko has no folder {folder!r} to import")
        # Neither `limit` nor these terms are sure to be heeded: nothing below relies on them.
        params: dict[str, Any] = {"q": _QUERIES[folder], "limit": limit}
        params["bodyType"] = "html"
        if token is not None:
            params["pageToken"] = token
        page = self._api.get(_MESSAGES, auth=auth, params=params)
        records = page.get("records") if isinstance(page, dict) else None
        if records is None and isinstance(page, dict) and page.get("length") == 0:
            records = []
        if not isinstance(records, list):
            raise RetryableError(f"aurinko: GET {_MESSAGES} answered without records")
        next_token = page.get("nextPageToken") or None
        # Either would read the same page for ever or end the folder before its end.
        if next_token is not None and not isinstance(next_token, str):
            raise RetryableError(
                "aurinko names the next page by something else than text"
            )
        if next_token is not None and next_token == token:
            raise RetryableError("aurinko names the same page as the next one")
        return records, next_token

    def _fetched(
        self, record: dict[str, Any], account: Account, auth: AuthBase
    ) -> Item:
        """Fetch a listed mail whole; the list may know what the single message leaves out."""
        path = f"{_MESSAGES}/{quote(_id(record), safe='')}"
        try:
            whole = self._api.get(path, auth=auth, params={"bodyType": "html"})
        except AuthError:
            raise
        except PermanentError as exc:  # deleted since it was listed, mostly
            return _unreadable(record, str(exc))
        if not isinstance(whole, dict):
            return _unreadable(record, f"aurinko: GET {path} answered no message")
        joined = record | {"omitted": []} | whole | {"id": record["id"]}
        return self._item(joined, account)

    def _item(self, record: Any, account: Account) -> Item:
        if not isinstance(record, dict) or not _id(record):
            return _unreadable(record, "aurinko: a record without an id")
        try:
            raw = scrub(record)
            return Item(raw, self._unified(raw, account), external_id=_id(raw))
        except RecursionError:
            fault = "nested too deep"
            record = {"id": record["id"]}  # the rest could not be stored either
        except ValidationError as exc:
            first = exc.errors(include_input=False, include_url=False)[0]
            fault = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        return _unreadable(record, f"aurinko: unreadable record: {fault}")

    def _unified(self, record: dict[str, Any], account: Account) -> UnifiedMessage:
        headers = _headers(record)
        sender = _sender(record, headers)
        text, html = _bodies(record)
        sent_at, claimed_date = _sent_at(record)
        attachments = list(self._attachments(record))
        parents = message_ids(_text(record.get("inReplyTo")))
        references = message_ids(" ".join(_texts(record.get("references"))))
        facts = _facts(record, headers) | {"claimed_date": claimed_date}
        from_us = email_key(sender.value) in account.addresses
        is_ours = from_us or "sent" in facts["labels"]
        return UnifiedMessage(
            external_id=_id(record),
            external_thread_id=_text(record.get("threadId")) or None,
            direction=Direction.OUTBOUND if is_ours else Direction.INBOUND,
            sender=sender,
            recipients=list(islice(_recipients(record), MAX_ADDRESSES)),
            subject=_text(record.get("subject")) or None,
            body_text=text,
            body_html=html,
            sent_at=sent_at,
            attachments=attachments,
            in_reply_to=parents[0] if parents else None,
            references=list(dict.fromkeys(references + parents[1:])),
            headers=headers.listed(MAX_HEADERS),
            kind=_kind(facts, has_text=bool(text), has_files=bool(attachments)),
            metadata={name: fact for name, fact in facts.items() if fact},
        )

    def _attachments(self, record: dict[str, Any]) -> Iterator[Attachment]:
        for listed in _objects(record.get("attachments")):
            size, attachment_id = listed.get("size"), _id(listed)
            path = f"{_MESSAGES}/{quote(_id(record), safe='')}/attachments"
            yield Attachment(
                name=_text(listed.get("name")) or None,
                content_type=_text(listed.get("mimeType")).lower() or None,
                size=size if isinstance(size, int) and size >= 0 else None,
                url=f"{self._base_url}{path}/{quote(attachment_id, safe='')}"
                if attachment_id
                else None,
                content_id=_text(listed.get("contentId")).strip("<>") or None,
            )


def _belongs(record: Any, folder: str) -> bool:
    """Whether a record is a message of this folder.

    What does not tell its labels, or is no record at all, belongs to every folder: it is better
    seen twice, which ingest notices, than not at all.
    """
    labels = _labels(record)
    if labels is None:
        return True
    if not _NO_MESSAGES.isdisjoint(labels):
        return False
    return ("sent" in labels) == (folder == "SENT")


def _labels(record: Any) -> list[str] | None:
    labels = record.get("sysLabels") if isinstance(record, dict) else None
    if not isinstance(labels, list):
        return None
    return [label.lower() for label in labels if isinstance(label, str)]


def _lacks_body(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and bool(_id(record))
        and "body" in _texts(record.get("omitted"))
    )


def _unreadable(record: Any, error: str) -> Item:
    raw = record if isinstance(record, dict) else {"record": record}
    try:
        raw = scrub(raw)
    except RecursionError:
        raw = {}
    return Item(raw, None, error, _id(raw) or None)


def _sender(record: dict[str, Any], headers: Headers) -> Participant:
    for candidate in _objects(record.get("from")):
        if found := _participant(candidate):
            # A Google Group puts its own address in place of the writer's.
            is_group = " via " in (found["name"] or "") and headers.first("from")
            return sender_of(headers) if is_group else Participant(**found)
    sender = sender_of(headers)
    for candidate in _objects(record.get("from")):
        # `MAILER-DAEMON` is no address, and still says who it is.
        told = [_text(candidate.get(field)).strip("<> ") for field in _NAMING]
        sender.name = sender.name or next(filter(None, told), None)
    return sender


def _recipients(record: dict[str, Any]) -> Iterator[Recipient]:
    for role in ("to", "cc", "bcc"):
        for candidate in _objects(record.get(role)):
            if found := _participant(candidate):
                yield Recipient(**found, role=role)


def _participant(listed: dict[str, Any]) -> dict[str, Any] | None:
    """The address and name of somebody, else what the raw form of the address holds."""
    for field in ("address", "raw"):
        for mailbox in read_mailboxes(_text(listed.get(field))):
            told = " ".join(_text(listed.get("name")).split()).strip("'\"<> ")
            name = told or mailbox.name or ""
            is_name = name.lower() != mailbox.address.lower()
            return {
                "kind": "email",
                "value": mailbox.address,
                "name": name if name and is_name else None,
            }
    return None


def _bodies(record: dict[str, Any]) -> tuple[str | None, str | None]:
    """The body as text and as HTML, each where there is one."""
    body, snippet = _text(record.get("body")), _text(record.get("bodySnippet"))
    if not _TAG.search(body):  # no HTML after all
        return (body or snippet)[:MAX_TEXT] or None, None
    return (text_of_html(body) or snippet)[:MAX_TEXT] or None, body[:MAX_TEXT]


def _sent_at(record: dict[str, Any]) -> tuple[datetime | None, str | None]:
    """The moment of sending, and what is claimed instead where that is no moment."""
    if claimed := record.get("sentAt"):
        moment = _moment(claimed)
        return moment, None if moment else str(claimed)[:MAX_VALUE]
    return _moment(record.get("receivedAt")) or _moment(record.get("createdTime")), None


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return _MOMENT.validate_python(datetime.fromisoformat(value.strip()))
    except (ValueError, OverflowError):  # Exchange writes the year 1 for "never"
        return None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _headers(record: dict[str, Any]) -> Headers:
    """The headers as they are listed, and two that the record knows where they are not."""
    listed = _objects(record.get("internetHeaders"))
    fields = [
        (name.lower(), _text(header.get("value")))
        for header in islice(listed, MAX_FIELDS)
        if (name := _text(header.get("name")))
    ]
    reply_to = [
        _participant(candidate) for candidate in _objects(record.get("replyTo"))
    ]
    known = {
        "message-id": _text(record.get("internetMessageId")),
        "reply-to": ", ".join(found["value"] for found in reply_to if found),
    }
    names = {name for name, _ in fields}
    missing = [(name, value) for name, value in known.items() if name not in names]
    fields = [field for field in missing if field[1]] + fields
    return Headers([(name, value[:MAX_VALUE].encode()) for name, value in fields])


def _facts(record: dict[str, Any], headers: Headers) -> dict[str, Any]:
    """What is known about the mail beside what it says; the rules read some of it."""
    content_type, parameters = read_parameters(headers.first("content-type") or "")
    method = _text(record.get("meetingMessageMethod"))
    is_sealed = content_type in _PKCS7 and "signed" not in parameters.get(
        "smime-type", ""
    )
    return {
        "internet_message_id": message_id(_text(record.get("internetMessageId"))),
        "labels": _labels(record) or [],
        "received_at": _iso(_moment(record.get("receivedAt"))),
        "omitted": _texts(record.get("omitted")),
        "truncated": len(_text(record.get("body"))) > MAX_TEXT,
        "content_type": content_type[:200],
        "report_type": parameters.get("report-type", "").lower(),
        "meeting_method": method,
        "calendar_method": method.upper(),
        "encrypted": content_type == "multipart/encrypted" or is_sealed,
    }


def _kind(facts: dict[str, Any], *, has_text: bool, has_files: bool) -> MessageKind:
    if facts["calendar_method"] in INVITING:
        return MessageKind.EVENT
    return MessageKind.MEDIA if has_files and not has_text else MessageKind.TEXT


def _id(record: dict[str, Any]) -> str:
    """The id of a record, or nothing."""
    value = record.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(value)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list; one that stands alone is a list of one."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item


def _texts(value: Any) -> list[str]:
    """The texts of a list; one that stands alone is a list of one."""
    listed = value if isinstance(value, list) else [value]
    return [text for item in listed if (text := _text(item))]


def _text(value: Any) -> str:
    """The text without blanks around it; nothing where it is none."""
    return value.strip() if isinstance(value, str) else ""
