"""Aurinko: mailboxes of any e-mail service behind one API."""

import binascii
import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote

from requests.auth import AuthBase

from app.channels.aurinko_record import (
    MESSAGES,
    RecordReader,
    fingerprint_of,
    is_message,
    is_message_of,
    lacks_body,
    record_id,
    unreadable,
)
from app.channels.aurinko_sending import (
    AurinkoSendClient,
    is_older,
    is_same,
    letter_of,
    may_be_same,
)
from app.channels.base import (
    Account,
    Changes,
    ChannelAdapter,
    Item,
    KnownIDs,
    Page,
    keeping,
)
from app.channels.budget import Budget
from app.channels.sending import Address, Outgoing, Sender, Sent
from app.channels.signatures import check_hmac, check_time
from app.channels.webhook import (
    Delivery,
    NoSecret,
    Receiver,
    Subscriber,
    WebhookRequest,
)
from app.config import Settings
from app.domain.mail_head import MailHead
from app.domain.scrub import scrub_text
from app.domain.unified_message import Channel
from app.errors import (
    AuthError,
    Gone,
    InvalidPayload,
    PermanentError,
    RateLimited,
    Refused,
    RetryableError,
)
from app.transport import Bearer, HTTPClient

_ACCOUNT = "/v1/account"
_SYNC = "/v1/email/sync"
_UPDATED = f"{_SYNC}/updated"
_SUBSCRIPTIONS = "/v1/subscriptions"
_RESOURCE = "/email/messages"
_QUERIES = {"SENT": "in:sent", "INBOX": "in:inbox"}

#: Seconds until a mailbox that is being prepared is asked again.
_PREPARING = 5.0
#: A notification names far fewer; what it leaves out the next sync finds.
_MAX_PAYLOADS = 1_000
_LONGEST_TOKEN = 1_000
#: Messages that fail one after the other; then it is the provider that is in trouble.
_MOST_FAILING = 3
_MAX_SUBSCRIPTIONS = 100
#: How far a mail is looked for that may have been sent.
_SENT_PAGE = 50
_MOST_SENT_PAGES = 4
#: Below the base URL; a partner may post any address, and only these get the account's token.
_ATTACHMENT = re.compile(rf"{MESSAGES}/(?!\.)[^/?#]+/attachments/(?!\.)[^/?#]+")


class _Files(HTTPClient):
    """Fetches attachments."""

    too_large = Refused


class AurinkoAdapter(ChannelAdapter, Receiver, Subscriber, Sender):
    """Reads a mailbox page by page or by what has changed; is called with ids of new mails."""

    provider = "aurinko"
    channel = Channel.EMAIL
    #: Sent mail first: an answer is known before the question comes in.
    folders = ("SENT", "INBOX")
    polls = True
    can_find = True

    def __init__(
        self,
        base_url: str,
        *,
        webhook_secret: str | None,
        budget: Budget,
        max_file_bytes: int,
    ) -> None:
        self._base_url = base_url
        self._api = HTTPClient(self.provider, base_url)
        self._sending = AurinkoSendClient(self.provider, base_url)
        # Four characters carry three bytes; the rest of the answer is short.
        self._files = _Files(
            self.provider, base_url, max_bytes=max_file_bytes * 4 // 3 + 65_536
        )
        self._secret = webhook_secret
        self._budget = budget

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        secret = settings.aurinko_webhook_secret
        return cls(
            str(settings.aurinko_url),
            webhook_secret=secret.get_secret_value() if secret else None,
            budget=Budget.from_settings(settings),
            max_file_bytes=settings.attachment_max_bytes,
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
        if folder not in _QUERIES:
            raise PermanentError(f"aurinko has no folder {folder!r} to import")
        auth = self._auth(account)
        # Neither `limit` nor these terms are sure to be heeded: nothing below relies on them.
        params = {"q": _QUERIES[folder], "limit": limit, "bodyType": "html"}
        page = self._list(
            MESSAGES, params | ({"pageToken": token} if token else {}), auth
        )
        next_token = _next_page(page, token)
        records = [
            one for one in _records(page, MESSAGES) if is_message_of(one, folder)
        ]
        return Page(self._items(records, account, auth, known), next_token)

    def fetch_changes(
        self,
        account: Account,
        *,
        cursor: dict[str, Any] | None,
        since: datetime,
        limit: int,
        known: KnownIDs,
    ) -> Changes:
        """Fetch one page of what has changed.

        Labels and folders change too, so most records of a page may be known; they are left out.
        """
        auth = self._auth(account)
        reset = None
        if cursor is None:
            cursor = self._begin(since, auth)
        try:
            page = self._list(_UPDATED, _place(cursor), auth)
        except Gone:
            reset = "aurinko no longer knows the place that was reached"
            cursor = self._begin(since, auth)
            page = self._list(_UPDATED, _place(cursor), auth)
        records = [one for one in _records(page, _UPDATED) if is_message(one)]
        stored = known({one for record in records if (one := record_id(record))})
        new = [record for record in records if record_id(record) not in stored]
        failed: list[str] = []
        items = self._items(new, account, auth, known, failed=failed)
        next_page = _next_page(page, cursor.get("page"))
        if next_page is not None:
            place = cursor | {"page": next_page}
        else:
            delta = page.get("nextDeltaToken")
            is_told = isinstance(delta, str) and delta
            # Else the same place again: what comes twice is noticed by its id.
            place = {"updated": delta if is_told else cursor["updated"]}
        return Changes(
            items,
            place,
            more=next_page is not None,
            reset=reset,
            announced=failed,
        )

    def fetch_message(self, account: Account, external_id: str) -> Item | None:
        """Fetch one mail whole; None where it is a draft, or was thrown away."""
        path = _message_path(external_id)
        record = self._api.get(
            path, auth=self._auth(account), params={"bodyType": "html"}
        )
        if not isinstance(record, dict):
            raise RetryableError("aurinko: a message that is no object")
        record = record | {"id": external_id, "omitted": []}
        if not is_message(record):
            return None
        return self._read(RecordReader(self._base_url, account), record)

    def fetch_attachment(self, account: Account, url: str) -> bytes | None:
        """Fetch a file by the address that its message lists."""
        path = url.removeprefix(self._base_url)
        if path == url or not _ATTACHMENT.fullmatch(path):
            return None
        answer = self._files.get(path, auth=self._auth(account))
        content = answer.get("content") if isinstance(answer, dict) else None
        if not isinstance(content, str):
            raise RetryableError("aurinko: an attachment came without its content")
        try:
            return binascii.a2b_base64(content)
        except binascii.Error:
            raise RetryableError("aurinko: an attachment is no base64") from None

    def verify(self, request: WebhookRequest, account: Account | None) -> None:
        if self._secret is None:
            raise NoSecret("AURINKO_WEBHOOK_SECRET is not set", 60.0)
        timestamp = request.headers.get("x-aurinko-request-timestamp", "")
        given = request.headers.get("x-aurinko-signature", "")
        if not given and self.handshake(request) is not None:
            return  # an echo tells nobody anything
        signed = b"v0:" + timestamp.encode("latin-1", "replace") + b":"
        check_hmac(given, self._secret.encode(), signed, request.body)
        check_time(timestamp)

    def handshake(self, request: WebhookRequest) -> str | None:
        token = request.query.get("validationToken")
        return token[:_LONGEST_TOKEN] if token else None

    def receive(self, request: WebhookRequest) -> list[Delivery]:
        try:
            notice = json.loads(request.body)
        except (ValueError, RecursionError):
            raise InvalidPayload("aurinko: the notification is not JSON") from None
        if not isinstance(notice, dict) or notice.get("accountId") is None:
            raise InvalidPayload("aurinko: the notification names no account")
        payloads = notice.get("payloads")
        payloads = payloads if isinstance(payloads, list) else []
        announced = [
            scrub_text(found)
            for payload in payloads[:_MAX_PAYLOADS]
            if isinstance(payload, dict) and payload.get("changeType") != "deleted"
            if (found := record_id(payload))
        ]
        trouble = None
        event = notice.get("lifecycleEvent")
        if event is not None and event != "active":
            trouble = scrub_text(f"{event}: {notice.get('error') or 'no reason given'}")
        return [
            Delivery(
                account=scrub_text(str(notice["accountId"])),
                announced=list(dict.fromkeys(announced)),
                # Without payloads all that is said is that there is something.
                has_changed=not payloads or len(payloads) > _MAX_PAYLOADS,
                trouble=trouble,
            )
        ]

    def subscribe(
        self, account: Account, *, url: str, cursor: dict[str, Any] | None
    ) -> dict[str, Any]:
        auth = self._auth(account)
        mailbox = self._api.get(_ACCOUNT, auth=auth)
        if not isinstance(mailbox, dict) or not record_id(mailbox):
            raise RetryableError("aurinko: the account has no id")
        status = mailbox.get("tokenStatus")
        if status not in (None, "active"):
            raise AuthError(f"aurinko: the token of the account is {status}")
        ours = [one for one in self._subscriptions(auth) if _is_ours(one, url)]
        active = [one for one in ours if one.get("active") is not False]
        for dead in ours:
            if dead not in active[:1]:
                self._unsubscribe(record_id(dead), auth)
        made = active[0] if active else self._subscribe(url, auth)
        return {"id": record_id(made), "account_id": record_id(mailbox)}

    def thread_of(self, account: Account, to: Address) -> str | None:
        """Mail is filed by its headers."""
        return None

    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        """Send a mail. What Aurinko calls incomplete was sent, and only its id is not known yet."""
        if outgoing.mail is None:
            raise PermanentError("aurinko: a mail without a head")
        answer = self._sending.submit(
            MESSAGES,
            auth=self._auth(account),
            body=letter_of(outgoing, outgoing.mail),
            params={"bodyType": "html", "returnIds": "true"},
        )
        told = answer if isinstance(answer, dict) else {}
        thread_id = told.get("threadId")
        return Sent(
            record_id(told) or None,
            thread_id if isinstance(thread_id, str) and thread_id else None,
        )

    def find_sent(
        self, account: Account, outgoing: Outgoing, *, since: datetime
    ) -> Sent | None:
        """Look for the mail among the newest that the mailbox has sent."""
        if outgoing.mail is None:
            return None
        auth, token = self._auth(account), None
        for _ in range(_MOST_SENT_PAGES):
            params = {"q": _QUERIES["SENT"], "limit": _SENT_PAGE, "bodyType": "text"}
            page = self._list(
                MESSAGES, params | ({"pageToken": token} if token else {}), auth
            )
            records = [
                one for one in _records(page, MESSAGES) if is_message_of(one, "SENT")
            ]
            for record in records:
                if self._is_sent(record, outgoing, outgoing.mail, since, auth):
                    thread_id = record.get("threadId")
                    is_told = isinstance(thread_id, str) and thread_id
                    return Sent(record_id(record), thread_id if is_told else None)
            token = _next_page(page, token)
            # The order is not promised, but a page of nothing but older ones is far enough.
            if token is None or (
                records and all(is_older(one, since) for one in records)
            ):
                break
        return None

    def _is_sent(
        self,
        record: dict[str, Any],
        outgoing: Outgoing,
        mail: MailHead,
        since: datetime,
        auth: AuthBase,
    ) -> bool:
        """Whether a listed mail is the one that was sent; it is looked at whole where that may tell."""
        if is_same(record, mail):
            return True
        if is_older(record, since) or not may_be_same(record, outgoing, mail):
            return False
        try:
            whole = self._api.get(_message_path(record_id(record)), auth=auth)
        except Gone:
            return False
        return isinstance(whole, dict) and is_same(whole, mail)

    def _auth(self, account: Account) -> AuthBase:
        bearer = Bearer(account.credentials.get("access_token"))
        return self._budget.paying(bearer, account.config_id)

    def _begin(self, since: datetime, auth: AuthBase) -> dict[str, Any]:
        """Where a mailbox begins that is read from `since` on."""
        days = max(1, math.ceil((datetime.now(UTC) - since).total_seconds() / 86_400))
        started = self._api.post(
            _SYNC, auth=auth, params={"daysWithin": days, "bodyType": "html"}
        )
        token = started.get("syncUpdatedToken") if isinstance(started, dict) else None
        if not token or started.get("ready") is False:
            raise RetryableError("aurinko is preparing the mailbox", _PREPARING)
        return {"updated": token}

    def _list(
        self, path: str, params: dict[str, Any], auth: AuthBase
    ) -> dict[str, Any]:
        page = self._api.get(path, auth=auth, params=params)
        if not isinstance(page, dict):
            raise RetryableError(f"aurinko: GET {path} answered no object")
        return page

    def _items(
        self,
        records: list[Any],
        account: Account,
        auth: AuthBase,
        known: KnownIDs,
        *,
        failed: list[str] | None = None,
    ) -> list[Item]:
        """Read records, and fetch what is missing.

        `failed` takes the ids of those that the provider fails to show. Where it fails several times
        running, or nobody takes them, that is no matter of the message any more, and is raised.
        """
        reader = RecordReader(self._base_url, account)
        without_body = {record_id(record) for record in records if lacks_body(record)}
        missing = without_body.difference(known(without_body) if without_body else ())
        items: list[Item] = []
        running = 0
        with keeping(items):
            for record in records:
                if not lacks_body(record) or record_id(record) not in missing:
                    items.append(self._read(reader, record))
                    continue
                try:
                    items.append(self._fetched(reader, record, auth))
                    running = 0
                except RateLimited:
                    raise
                except RetryableError:
                    running += 1
                    if failed is None or running == _MOST_FAILING:
                        raise
                    failed.append(record_id(record))
        return items

    def _fetched(
        self, reader: RecordReader, record: dict[str, Any], auth: AuthBase
    ) -> Item:
        """Fetch a listed mail whole; the list may know what the single message leaves out."""
        path = _message_path(record_id(record))
        try:
            whole = self._api.get(path, auth=auth, params={"bodyType": "html"})
        except AuthError:
            raise
        except PermanentError as exc:  # deleted since it was listed, mostly
            return unreadable(record, str(exc))
        if not isinstance(whole, dict):
            return unreadable(record, f"aurinko: GET {path} answered no message")
        joined = record | {"omitted": []} | whole | {"id": record["id"]}
        return self._read(reader, joined)

    def _read(self, reader: RecordReader, record: Any) -> Item:
        item = reader.item(record)
        # What is in the list without its body would look like another mail than with it.
        return item if lacks_body(record) else fingerprint_of(item)

    def _subscriptions(self, auth: AuthBase) -> Iterable[dict[str, Any]]:
        page = self._api.get(
            _SUBSCRIPTIONS,
            auth=auth,
            params={"limit": _MAX_SUBSCRIPTIONS, "includeInactive": "true"},
        )
        records = page.get("records") if isinstance(page, dict) else None
        listed = records if isinstance(records, list) else []
        return [one for one in listed if isinstance(one, dict)]

    def _subscribe(self, url: str, auth: AuthBase) -> dict[str, Any]:
        made = self._api.post(
            _SUBSCRIPTIONS,
            auth=auth,
            body={"resource": _RESOURCE, "notificationUrl": url},
        )
        if not isinstance(made, dict) or not record_id(made):
            raise RetryableError("aurinko: a subscription without an id")
        return made

    def _unsubscribe(self, subscription_id: str, auth: AuthBase) -> None:
        try:
            path = f"{_SUBSCRIPTIONS}/{quote(subscription_id, safe='')}"
            self._api.delete(path, auth=auth)
        except Gone:
            pass  # somebody else was faster


def _message_path(external_id: str) -> str:
    return f"{MESSAGES}/{quote(external_id, safe='')}"


def _place(cursor: dict[str, Any]) -> dict[str, Any]:
    if cursor.get("page"):
        return {"pageToken": cursor["page"]}
    return {"deltaToken": cursor["updated"]}


def _records(page: dict[str, Any], path: str) -> list[Any]:
    records = page.get("records")
    if records is None and page.get("length") == 0:
        return []
    if not isinstance(records, list):
        raise RetryableError(f"aurinko: GET {path} answered without records")
    return records


def _next_page(page: dict[str, Any], token: str | None) -> str | None:
    next_token = page.get("nextPageToken") or None
    # Either would read the same page for ever or end before the end.
    if next_token is not None and not isinstance(next_token, str):
        raise RetryableError("aurinko names the next page by something else than text")
    if next_token is not None and next_token == token:
        raise RetryableError("aurinko names the same page as the next one")
    return next_token


def _is_ours(subscription: dict[str, Any], url: str) -> bool:
    return (
        subscription.get("resource") == _RESOURCE
        and subscription.get("notificationUrl") == url
    )
