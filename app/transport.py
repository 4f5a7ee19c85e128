"""Calls a provider's API: one request, one answer, or one error that says what follows.

Channels and models are called through it alike. A request that may have arrived is never
repeated here: when something is tried again is decided where attempts are counted.
"""

import ipaddress
import json
import math
import os
import re
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from io import BytesIO
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import Retry
from urllib3.exceptions import HTTPError

from app.errors import (
    AuthError,
    BizzyBeeError,
    Gone,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryableError,
)

#: To connect, and between two pieces of an answer.
TIMEOUT = (5.0, 30.0)
#: For a whole answer: a provider that drips it must not hold a worker.
DEADLINE = 90.0
#: A hundred long mails with their HTML stay far below it.
MAX_BYTES = 64 * 1024 * 1024
#: How long a provider is left alone that says "too many requests" and nothing else.
RATE_LIMIT_PAUSE = 30.0

_NO_TOKEN = "the account has no usable access token"
_PIECE = 64 * 1024
_SENDABLE = re.compile(r"[\x21-\x7e]+")
#: A request that found no connection did not arrive, so these alone are safe to repeat.
_CONNECT_AGAIN = Retry(
    total=None,
    connect=2,
    read=False,
    status=0,
    other=0,
    backoff_factor=0.1,
    respect_retry_after_header=False,
)
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_local = threading.local()


class Bearer(AuthBase):
    """Sends an access token."""

    def __init__(self, token: object, fault: str = _NO_TOKEN) -> None:
        """Raises AuthError, in the words of `fault`, for what cannot be sent."""
        self._authorization = f"Bearer {sendable(token, fault)}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._authorization
        return request


class HTTPClient:
    """Talks JSON with one provider. Cheap to make; safe between threads and after a fork.

    Errors name the provider, the path below the base URL and the status, nothing else.
    A secret that a provider wants in its URL therefore belongs into the base URL.
    A provider whose refusals mean something else has a subclass, which reads them.
    """

    #: Raised beyond `max_bytes`. What a provider has stored is as large the next time.
    too_large: type[BizzyBeeError] = PermanentError

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        timeout: tuple[float, float] = TIMEOUT,
        deadline: float = DEADLINE,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._provider = provider
        self._base_url = base_url.rstrip("/")
        self._direct = is_loopback(base_url)
        self._timeout = timeout
        self._deadline = deadline
        self._max_bytes = max_bytes

    def get(
        self, path: str, *, auth: AuthBase, params: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the JSON at a path.

        Raises RateLimited, RetryableError, AuthError, Gone or PermanentError.
        """
        return self._call("GET", path, auth=auth, params=params)

    def post(
        self,
        path: str,
        *,
        auth: AuthBase,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send JSON to a path and return the JSON that comes back; raises as `get` does.

        After a RetryableError it is unknown whether the request arrived.
        """
        return self._call("POST", path, auth=auth, json=body, params=params)

    def submit(
        self,
        path: str,
        *,
        auth: AuthBase,
        body: Any = None,
        form: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """Have the provider do once what must not be done twice: JSON, or a form.

        RetryableError says that it was certainly not done, OutcomeUnknown that it may have been;
        otherwise raises what `refusal` makes of the answer.
        """
        what = f"{self._provider}: POST {path}"
        is_form = form is not None
        written = _as_form(form) if form is not None else json.dumps(body).encode()
        content = _Content(written)
        try:
            # A connection of its own: one that was kept may have been closed meanwhile, and then
            # nobody could tell whether the request was read.
            with (
                _new_session(self._direct) as session,
                session.post(
                    self._base_url + path,
                    data=content,
                    headers={"Content-Type": _FORM if is_form else _JSON},
                    auth=auth,
                    params=params,
                    timeout=self._timeout,
                    stream=True,
                    allow_redirects=False,
                ) as response,
            ):
                if response.status_code >= 300:
                    raise self.refusal(what, response)
                try:
                    return self.read(what, response)
                except (RetryableError, self.too_large) as exc:
                    raise OutcomeUnknown(str(exc)) from None
        except (requests.ConnectionError, requests.Timeout, HTTPError) as exc:
            if content.was_begun:
                raise OutcomeUnknown(f"{what}: no answer ({_name(exc)})") from None
            raise RetryableError(f"{what}: not reached ({_name(exc)})") from None
        except requests.RequestException as exc:
            raise PermanentError(f"{what} cannot be sent ({_name(exc)})") from None

    def delete(self, path: str, *, auth: AuthBase) -> None:
        """Delete what is at a path; raises as `get` does."""
        self._call("DELETE", path, auth=auth, has_answer=False)

    def refusal(self, what: str, response: requests.Response) -> BizzyBeeError:
        """Name what follows from a status that is no success."""
        status, pause = response.status_code, retry_after(response.headers)
        detail = f"{what} answered {status}"
        match status:
            case 429:
                return RateLimited(detail, RATE_LIMIT_PAUSE if pause is None else pause)
            case 401 | 403:
                return AuthError(detail)
            case 404 | 410:
                return Gone(detail)
            case 408:
                return RetryableError(detail, pause)
            case _ if 400 <= status < 500:
                return PermanentError(detail)
            case _:  # a redirect is a page in the way: maintenance, or a proxy's login
                return RetryableError(detail, pause)

    def read(self, what: str, response: requests.Response) -> Any:
        """Return the JSON of an answer; raises RetryableError where there is none."""
        body = self._body(what, response)
        try:
            return decoded(body)
        except (ValueError, RecursionError):
            raise RetryableError(f"{what} answered no readable JSON") from None

    def _call(
        self, method: str, path: str, *, has_answer: bool = True, **request: Any
    ) -> Any:
        what = f"{self._provider}: {method} {path}"
        # The libraries' own texts carry the whole URL, so they are not chained.
        try:
            with _session(direct=self._direct).request(
                method,
                self._base_url + path,
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
                **request,
            ) as response:
                if response.status_code >= 300:
                    raise self.refusal(what, response)
                return self.read(what, response) if has_answer else None
        except (requests.ConnectionError, requests.Timeout, HTTPError) as exc:
            raise RetryableError(f"{what}: no answer ({_name(exc)})") from None
        except requests.RequestException as exc:
            raise PermanentError(f"{what} cannot be sent ({_name(exc)})") from None

    def _body(self, what: str, response: requests.Response) -> bytes:
        # The deadline counts from the request: so long did the answer take to begin.
        until = time.monotonic() + self._deadline - response.elapsed.total_seconds()
        body = bytearray()
        # `read1` returns with what there is, so that the deadline is looked at.
        while piece := response.raw.read1(_PIECE, decode_content=True):
            body += piece
            if len(body) > self._max_bytes:
                detail = f"{what} answered more than {self._max_bytes} bytes"
                raise self.too_large(detail)
            if time.monotonic() > until:
                raise RetryableError(f"{what}: no whole answer in {self._deadline:g} s")
        return bytes(body)


class _Content(BytesIO):
    """The content of a request, which knows whether any of it was sent.

    It is read when the connection stands and the head is written. What fails before that, in
    whatever way, left the provider without the content, so that there was nothing to do.
    """

    was_begun = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.was_begun = True
        return super().read(size)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a Retry-After asks to wait, given as a number or a date."""
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:  # written with -0000
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, where no proxy has a place."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def sendable(secret: object, fault: str) -> str:
    """Return what a header can carry, else raise AuthError: the libraries would quote it."""
    if not isinstance(secret, str) or not _SENDABLE.fullmatch(secret):
        raise AuthError(fault)
    return secret


def decoded(body: bytes) -> Any:
    """Read JSON, with what PostgreSQL refuses replaced rather than refused.

    One wrong byte in one message must not cost its whole page. Raises ValueError or RecursionError.
    """
    text = body.decode("utf-8-sig", "replace")
    return json.loads(text, parse_float=_finite, parse_constant=lambda name: None)


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _as_form(form: Mapping[str, Any]) -> bytes:
    return urlencode(form, doseq=True, errors="replace").encode()


def _session(*, direct: bool) -> requests.Session:
    """Return this thread's session; one from before a fork has the parent's sockets."""
    sessions: dict[tuple[int, bool], requests.Session]
    sessions = _local.__dict__.setdefault("sessions", {})
    key = (os.getpid(), direct)
    if key not in sessions:
        sessions[key] = _new_session(direct)
    return sessions[key]


def _new_session(direct: bool) -> requests.Session:
    session = requests.Session()
    # Proxy variables are meant for the outside, yet apply to 127.0.0.1 as well.
    session.trust_env = not direct
    session.headers["User-Agent"] = "BizzyBee"
    # Accounts of different workspaces share the session.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=_CONNECT_AGAIN))
    return session


def _name(exc: Exception) -> str:
    return type(exc).__name__
