"""Fetches what came with WhatsApp messages: an id leads to an address that lives five minutes."""

import binascii
import hashlib
import hmac
import re
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from app.channels.download import too_large
from app.channels.meta.fields import record, text
from app.channels.meta.graph import BadParameter, GraphClient
from app.errors import (
    AuthError,
    BizzyBeeError,
    Gone,
    PermanentError,
    Refused,
    RetryableError,
)
from app.transport import HTTPClient

#: Whoever is called gets the account's token.
_HOSTS = (".facebook.com", ".fbsbx.com", ".fbcdn.net", ".whatsapp.net")
_MEDIA_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


class _Download(HTTPClient):
    """Fetches bytes. The address is a secret for its five minutes, so it is all base and no path."""

    too_large = Refused

    def read(self, what: str, response: requests.Response) -> bytes:
        return self._body(what, response)

    def refusal(self, what: str, response: requests.Response) -> BizzyBeeError:
        error = super().refusal(what, response)
        # Graph has just believed the token and known the file: it is the address that has expired.
        has_expired = isinstance(error, AuthError | Gone)
        return RetryableError(str(error)) if has_expired else error


class Media:
    """The files of WhatsApp accounts, by addresses below the Graph API that hold no more than an id."""

    def __init__(self, base_url: str, version: str, *, max_bytes: int) -> None:
        self._base_url = base_url
        self._version = version
        self._max_bytes = max_bytes
        self._graph = GraphClient("whatsapp", base_url)

    def url(self, media_id: str) -> str:
        """Where a file can be fetched as long as the provider keeps it."""
        return f"{self._base_url}/{media_id}"

    def id_at(self, url: str) -> str | None:
        """The id of the file at an address; None where this is none of our addresses."""
        media_id = url.removeprefix(f"{self._base_url}/")
        is_ours = media_id != url and _MEDIA_ID.fullmatch(media_id)
        return media_id if is_ours else None

    def fetch(self, media_id: str, auth: AuthBase) -> bytes:
        """The bytes. Raises as `fetch_attachment` does."""
        path = f"/{self._version}/{media_id}"
        try:
            found = record(self._graph.get(path, auth=auth))
        except BadParameter:
            raise Gone("the provider no longer knows the file") from None
        size = found.get("file_size")
        if isinstance(size, int) and size > self._max_bytes:
            raise Refused(too_large(self._max_bytes))
        content = self._download(text(found.get("url")), auth)
        if not _is_intact(content, text(found.get("sha256"))):
            raise RetryableError("whatsapp: a file arrived damaged")
        return content

    def _download(self, address: str, auth: AuthBase) -> bytes:
        if not self._may_call(address):
            raise PermanentError("whatsapp: the address of a file is none of Meta's")
        client = _Download("whatsapp", address, max_bytes=self._max_bytes)
        try:
            content: Any = client.get("", auth=auth)
        except Refused:
            raise Refused(too_large(self._max_bytes)) from None
        assert isinstance(content, bytes)
        return content

    def _may_call(self, address: str) -> bool:
        try:
            there, ours = urlsplit(address), urlsplit(self._base_url)
            port = there.port
        except ValueError:
            return False
        if (there.scheme, there.netloc) == (ours.scheme, ours.netloc):
            return True
        host = f".{there.hostname or ''}"
        return there.scheme == "https" and port in {None, 443} and host.endswith(_HOSTS)


def _is_intact(content: bytes, expected: str) -> bool:
    """Whether a file is the one that was announced; the digest is hexadecimal, or base64."""
    digest = hashlib.sha256(content)
    forms = (digest.hexdigest(), binascii.b2a_base64(digest.digest()).decode().strip())
    if len(expected) not in map(len, forms):
        return True
    return any(
        hmac.compare_digest(form.encode(), expected.encode("utf-8", "replace"))
        for form in forms
    )
