"""Writes into conversations of Chatwoot, and looks for what it wrote."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from requests import PreparedRequest, Response
from requests.auth import AuthBase

from app.channels.base import Account
from app.channels.budget import Budget
from app.channels.reading import id_of, moment_of, object_of, objects_of, text_of
from app.channels.send_faults import Fault, Refusal, SendClient
from app.channels.sending import CLOCKS_DIFFER, Outgoing, Sent
from app.errors import AuthError, PermanentError, RetryableError, Undeliverable
from app.transport import HTTPClient, sendable

STATUSES = {
    401: Fault(
        AuthError, "the access token is not valid: enter one of a user or a bot"
    ),
    403: Fault(AuthError, "whose token it is must be a member of the inbox"),
    404: Fault(
        Undeliverable, "the conversation is gone, or belongs to another account"
    ),
    422: Fault(PermanentError, "Chatwoot does not accept the message"),
}
_FAULT = "the account has no usable access_token for Chatwoot's API"
_OUTGOING = frozenset({1, "outgoing"})
_MOST_PAGES = 5


class ChatwootSending:
    """Writes as the user or bot whose token an account has."""

    def __init__(self, base_url: str, *, budget: Budget) -> None:
        self._budget = budget
        self._api = HTTPClient("chatwoot", base_url)
        self._sending = _Client("chatwoot", base_url)

    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        """Write a message; raises as `Sender.send` does."""
        body: dict[str, Any] = {
            "content": outgoing.text,
            "message_type": "outgoing",
            "private": False,
            "content_type": "text",
            "echo_id": str(outgoing.id),
        }
        if outgoing.reply_to and outgoing.reply_to.isdecimal():
            body["content_attributes"] = {"in_reply_to": int(outgoing.reply_to)}
        path = _messages(account, outgoing)
        told = self._sending.submit(path, auth=self._auth(account), body=body)
        return _sent(object_of(told), outgoing)

    def find(
        self, account: Account, outgoing: Outgoing, *, since: datetime
    ) -> Sent | None:
        """Look for a message; raises as `fetch_page` does."""
        for message in self._newest(account, outgoing, since - CLOCKS_DIFFER):
            is_ours = message.get("message_type") in _OUTGOING
            if not is_ours or message.get("private") is True:
                continue
            if own_id := id_of(message.get("echo_id")):
                is_same = own_id == str(outgoing.id)
            else:
                is_same = (
                    text_of(message.get("content")).strip() == outgoing.text.strip()
                )
            if is_same:
                return _sent(message, outgoing)
        return None

    def _newest(
        self, account: Account, outgoing: Outgoing, since: datetime
    ) -> Iterator[dict[str, Any]]:
        """The messages of the conversation since a moment, newest first."""
        params: dict[str, Any] = {}
        for _ in range(_MOST_PAGES):
            page = self._api.get(
                _messages(account, outgoing), auth=self._auth(account), params=params
            )
            if not isinstance(page, dict) or not isinstance(page.get("payload"), list):
                raise RetryableError("chatwoot answered without messages")
            listed = list(objects_of(page["payload"]))
            for message in reversed(listed):
                moment = moment_of(message.get("created_at"))
                if moment is None or moment < since.replace(microsecond=0):
                    return
                yield message
            first = id_of(listed[0].get("id")) if listed else ""
            if not first or first == params.get("before"):
                return
            params = {"before": first}

    def _auth(self, account: Account) -> AuthBase:
        return self._budget.paying(
            _Token(account.credentials.get("access_token")), account.config_id
        )


class _Token(AuthBase):
    """Chatwoot's own header; a proxy that drops underscores drops it."""

    def __init__(self, token: object) -> None:
        self._token = sendable(token, _FAULT)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["api_access_token"] = self._token
        return request


class _Client(SendClient):
    def read_refusal(self, response: Response, told: dict[str, Any]) -> Refusal:
        plain = super().read_refusal(response, told)
        fault = STATUSES.get(response.status_code)
        return Refusal(plain.status, fault=fault, pause=plain.pause)


def _messages(account: Account, outgoing: Outgoing) -> str:
    account_id, conversation = account.external_id or "", outgoing.thread_id or ""
    if not account_id.isdecimal():
        raise PermanentError("the account has no id at Chatwoot: --account-id")
    if not conversation.isdecimal():
        raise PermanentError("a Chatwoot message needs the number of its conversation")
    root = f"/api/v1/accounts/{account_id}/conversations"
    return f"{root}/{conversation}/messages"


def _sent(told: dict[str, Any], outgoing: Outgoing) -> Sent:
    return Sent(id_of(told.get("id")) or None, outgoing.thread_id)
