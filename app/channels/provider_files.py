"""Fetches files from a provider that is spoken to with an account's credentials.

A provider may send on to where the bytes are: a storage of somebody else's, which is none of the
credentials' business and is fetched from as any address that a message brings.
"""

from typing import Any
from urllib.parse import urljoin

import requests
from requests.auth import AuthBase

from app.channels.download import MAX_REDIRECTS, Downloads, too_large
from app.errors import BizzyBeeError, Refused
from app.transport import HTTPClient


class Open(AuthBase):
    """Sends nothing: the address itself is the permission."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class ProviderFiles:
    """Fetches what lies below a provider's base URL."""

    def __init__(
        self, provider: str, base_url: str, *, downloads: Downloads, max_bytes: int
    ) -> None:
        self._provider = provider
        self._root = f"{base_url.rstrip('/')}/"
        self._downloads = downloads
        self._max_bytes = max_bytes

    def fetch(self, path: str, *, auth: AuthBase) -> bytes:
        """Fetch the bytes at a path below the base URL; `auth` goes nowhere else.

        Raises RateLimited, RetryableError, AuthError, Gone, Refused or PermanentError; their words
        do not name the path, which may be a permission.
        """
        url = self._root + path.lstrip("/")
        for _ in range(MAX_REDIRECTS + 1):
            if not url.startswith(self._root):
                return self._downloads.fetch(url)
            client = _Files(
                f"a file of {self._provider}", url, max_bytes=self._max_bytes
            )
            try:
                content: bytes = client.get("", auth=auth)
                return content
            except _Moved as moved:
                url = urljoin(url, str(moved))
            except Refused:
                raise Refused(too_large(self._max_bytes)) from None
        raise Refused(f"its address leads on more than {MAX_REDIRECTS} times")


class _Moved(BizzyBeeError):
    """The bytes are elsewhere."""


class _Files(HTTPClient):
    """Answers are bytes."""

    too_large = Refused

    def refusal(self, what: str, response: requests.Response) -> BizzyBeeError:
        location = response.headers.get("Location")
        if response.status_code in {301, 302, 303, 307, 308} and location:
            return _Moved(location)
        return super().refusal(what, response)

    def read(self, what: str, response: requests.Response) -> Any:
        return self._body(what, response)
