"""Media and recordings at Twilio: asked for with the account's credentials, kept elsewhere."""

import re

from requests.auth import AuthBase, HTTPBasicAuth

from app.channels.base import Account
from app.channels.budget import Budget
from app.channels.download import Downloads
from app.channels.provider_files import ProviderFiles
from app.transport import sendable

#: Below the base URL; a partner may post any address, and only these get the credentials.
_FILE = re.compile(
    r"/2010-04-01/Accounts/(AC\w{1,64})/"
    r"(?:Messages/\w{1,64}/Media/\w{1,64}|(?:Calls/\w{1,64}/)?Recordings/\w{1,64}(?:\.mp3|\.wav)?)",
    re.ASCII,
)
_FAULT = "the account has no usable credentials for Twilio's API"


class TwilioFiles:
    """Fetches files of accounts."""

    def __init__(
        self, base_url: str, *, budget: Budget, downloads: Downloads, max_bytes: int
    ) -> None:
        self._base_url = base_url
        self._budget = budget
        self._files = ProviderFiles(
            "twilio", base_url, downloads=downloads, max_bytes=max_bytes
        )

    def fetch(self, account: Account, url: str) -> bytes | None:
        """Fetch a file by the address that its message lists; None for any other address."""
        path = url.removeprefix(self._base_url)
        found = _FILE.fullmatch(path)
        if path == url or not found:
            return None
        auth = self._budget.paying(basic(account, found[1]), account.config_id)
        return self._files.fetch(path, auth=auth)


def basic(account: Account, account_sid: str | None) -> AuthBase:
    """Return an API key where there is one, else the token that also signs.

    Raises AuthError where there is neither.
    """
    told = account.credentials
    if told.get("api_key_sid"):
        name, secret = told["api_key_sid"], told.get("api_key_secret")
    else:
        name, secret = told.get("account_sid") or account_sid, told.get("auth_token")
    return HTTPBasicAuth(sendable(name, _FAULT), sendable(secret, _FAULT))
