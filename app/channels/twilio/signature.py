"""Twilio's signature: HMAC-SHA1 over the address as it was called and the sorted form fields."""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from app.channels.webhook import WebhookRequest
from app.errors import AccessDenied

SIGNATURE_HEADER = "x-twilio-signature"
BODY_HASH = "bodySHA256"

#: Of a form; Twilio sends a few dozen.
_MAX_FIELDS = 2_000
_PORTS = {"https": 443, "http": 80}

Fields = Mapping[str, Sequence[str]]


def fields_of(encoded: str) -> dict[str, list[str]]:
    """Return the fields of a form or query as they were meant: empty, repeated and unknown ones too.

    Raises ValueError for one with more fields than anybody sends.
    """
    fields: dict[str, list[str]] = {}
    pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def is_form(request: WebhookRequest) -> bool:
    """Whether the body is a form; else the address has a hash of it."""
    content_type = request.headers.get("content-type", "").partition(";")[0]
    return content_type.strip().lower() in ("", "application/x-www-form-urlencoded")


def form_of(request: WebhookRequest) -> dict[str, list[str]]:
    """Return what a request says in its form, or by GET in its query.

    Raises ValueError for more than anybody sends.
    """
    if request.method == "GET":
        return fields_of(urlsplit(request.url).query)
    return fields_of(request.body.decode("utf-8", "replace"))


def check_signature(request: WebhookRequest, auth_token: str) -> None:
    """Raises AccessDenied for a request that was not signed with this token."""
    given = request.headers.get(SIGNATURE_HEADER, "").encode()
    try:
        # By GET everything that is said stands in the address.
        is_posted = request.method != "GET" and is_form(request)
        signed: Fields = form_of(request) if is_posted else {}
        queried = fields_of(urlsplit(request.url).query)
    except ValueError:
        raise AccessDenied("the request has more fields than Twilio sends") from None
    right = [
        hmac.compare_digest(signature(auth_token, url, signed).encode(), given)
        for url in _spellings(request.url)
    ]
    if not any(right):
        raise AccessDenied("the signature is not Twilio's")
    if request.method == "GET" or is_posted:
        return
    digest = hashlib.sha256(request.body).hexdigest()
    named = queried.get(BODY_HASH, [""])[0].strip().lower()
    if not hmac.compare_digest(digest.encode(), named.encode()):
        raise AccessDenied("the body is not the one that Twilio signed")


def signature(auth_token: str, url: str, fields: Fields) -> str:
    """Return the signature of a request."""
    signed = [url]
    for name in sorted(fields):
        signed += [name + value for value in sorted(set(fields[name]))]
    text = "".join(signed).encode("utf-8", "replace")
    mac = hmac.new(auth_token.encode(), text, hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()


def _spellings(url: str) -> Iterator[str]:
    """The address with and without its port: Twilio signs either."""
    parts = urlsplit(url)
    host = parts.netloc
    # Only what follows the last bracket or at-sign can be a port.
    name, colon, port = host.rpartition(":")
    bare = name if colon and port.isdecimal() else host
    known = port if bare != host else str(_PORTS.get(parts.scheme, ""))
    yield url
    for spelled in (bare, f"{bare}:{known}" if known else bare):
        if spelled != host:
            yield urlunsplit(parts._replace(netloc=spelled))
