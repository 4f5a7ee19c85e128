"""Sends texts through Twilio, and looks for them among what it has sent."""

from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from requests.auth import AuthBase

from app.channels.base import Account
from app.channels.budget import Budget
from app.channels.reading import object_of, objects_of, text_of, word_of
from app.channels.sending import CLOCKS_DIFFER, Outgoing, Sent
from app.channels.twilio.addresses import Address, read_address, thread_of
from app.channels.twilio.files import basic
from app.channels.twilio.send_errors import TwilioSendClient
from app.errors import PermanentError, RetryableError
from app.transport import HTTPClient, is_loopback

_VERSION = "/2010-04-01"
_PAGE_SIZE = 100
_MOST_PAGES = 3
#: What Twilio puts before every text of an account that is on trial.
_TRIAL = "Sent from your Twilio trial account - "


class TwilioSending:
    """Sends the messages of accounts."""

    def __init__(
        self, provider: str, base_url: str, *, public_url: str, budget: Budget
    ) -> None:
        self._provider = provider
        self._public_url = public_url
        self._budget = budget
        self._api = HTTPClient(provider, base_url)
        self._sending = TwilioSendClient(provider, base_url)

    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        """Send a text; raises as `Sender.send` does."""
        to, path = _recipient(outgoing), _messages(account)
        sender = _sender(account, outgoing, to)
        form = {"To": _written(to), **sender, "Body": outgoing.text}
        # Twilio refuses the whole message where it cannot call back.
        if not is_loopback(self._public_url):
            callback = f"{self._public_url}/webhooks/{self._provider}"
            form["StatusCallback"] = f"{callback}/{account.config_id}"
        told = object_of(
            self._sending.submit(path, auth=self._auth(account), form=form)
        )
        return _sent(told, outgoing)

    def find(
        self, account: Account, outgoing: Outgoing, *, since: datetime
    ) -> Sent | None:
        """Look for the text among what went to the same number; raises as `fetch_page` does."""
        to = _written(_recipient(outgoing))
        for message in self._sent_to(account, to, since - CLOCKS_DIFFER):
            is_ours = word_of(message.get("direction")).startswith("outbound")
            body = text_of(message.get("body")).removeprefix(_TRIAL)
            if is_ours and body.strip() == outgoing.text.strip():
                return _sent(message, outgoing)
        return None

    def _sent_to(
        self, account: Account, to: str, since: datetime
    ) -> Iterator[dict[str, Any]]:
        """The messages since a moment, newest first.

        Those that wait at Twilio have no time of sending yet, so it is the time of making that counts.
        """
        path, auth = _messages(account), self._auth(account)
        params: dict[str, Any] | None = {"To": to, "PageSize": _PAGE_SIZE}
        for _ in range(_MOST_PAGES):
            page = self._api.get(path, auth=auth, params=params)
            if not isinstance(page, dict) or not isinstance(page.get("messages"), list):
                raise RetryableError("twilio answered without messages")
            for message in objects_of(page["messages"]):
                made_at = _moment(message.get("date_created"))
                if made_at is None or made_at < since:
                    return
                yield message
            following = word_of(page.get("next_page_uri"))
            # Only below the account's own messages: its credentials go along.
            if not following.startswith(f"{_messages(account)}?"):
                return
            path, params = following, None

    def _auth(self, account: Account) -> AuthBase:
        return self._budget.paying(
            basic(account, account.external_id), account.config_id
        )


def _messages(account: Account) -> str:
    sid = account.credentials.get("account_sid") or account.external_id
    if not isinstance(sid, str) or not sid.isalnum() or not sid.isascii():
        raise PermanentError("the account has no account_sid of Twilio")
    return f"{_VERSION}/Accounts/{sid}/Messages.json"


def _recipient(outgoing: Outgoing) -> Address:
    """Where they wrote, also where it is the same number by WhatsApp."""
    told = read_address(outgoing.to.value)
    return Address(told.kind, told.value, told.carrier or _carrier(outgoing))


def _carrier(outgoing: Outgoing) -> str:
    if via := word_of(outgoing.metadata.get("via")):
        return via
    kind = outgoing.to.kind
    return kind.removesuffix("_user") if kind.endswith("_user") else ""


def _sender(account: Account, outgoing: Outgoing, to: Address) -> dict[str, str]:
    """The service that was chosen, else the number that they wrote to, else the only one."""
    service = word_of(account.settings.get("messaging_service_sid"))
    if service:
        return {"MessagingServiceSid": service}
    if chosen := word_of(account.settings.get("from")):
        return {"From": _written(Address("", chosen, to.carrier))}
    ours = [Address("phone", one, to.carrier) for one in sorted(account.addresses)]
    written_to = [one for one in ours if thread_of(one, to) == outgoing.thread_id]
    if not written_to and len(ours) != 1:
        raise PermanentError(
            "nothing says which number sends: set `from` or `messaging_service_sid`"
        )
    return {"From": _written((written_to or ours)[0])}


def _written(address: Address) -> str:
    has_carrier = address.carrier and ":" not in address.value
    return f"{address.carrier}:{address.value}" if has_carrier else address.value


def _sent(told: dict[str, Any], outgoing: Outgoing) -> Sent:
    return Sent(word_of(told.get("sid")) or None, outgoing.thread_id)


def _moment(value: Any) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text_of(value))
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else None
