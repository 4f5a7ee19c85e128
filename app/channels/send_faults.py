"""What a provider's refusals mean for a message, as tables of its codes.

A refusal says that the message was not taken. A 5xx is none unless a table says so: the fault
may have come to light after the message was on its way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from app.errors import (
    AuthError,
    BizzyBeeError,
    Gone,
    OptedOut,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryableError,
    Undeliverable,
    WindowClosed,
)
from app.transport import RATE_LIMIT_PAUSE, HTTPClient, decoded, retry_after


@dataclass(frozen=True)
class Fault:
    """What follows from a code, and in words that say what can be done about it."""

    error: type[BizzyBeeError]
    meaning: str


@dataclass(frozen=True)
class Refusal:
    """What an answer says that is no success."""

    status: int
    code: str = ""
    """As it is shown; empty where the answer names none."""
    fault: Fault | None = None
    """None where no table knows the code."""
    pause: float | None = None
    """Seconds until the provider wants to be asked again, where it says so."""


#: What a refusal says of the recipient, as a word: the queue and statuses share it.
_RULES: dict[type[Exception], str] = {
    WindowClosed: "window_closed",
    OptedOut: "opted_out",
    Undeliverable: "undeliverable",
}


def rule_of(error: type[Exception]) -> str:
    """Name the rule by which a message was not sent; what says nothing of anybody is `refused`."""
    return _RULES.get(error, "refused")


class SendClient(HTTPClient):
    """Hands messages to one provider. Its errors show the code and never the words, which may quote
    people."""

    def refusal(self, what: str, response: requests.Response) -> BizzyBeeError:
        """Name what follows from the code, else from the status."""
        return error_of(what, self.read_refusal(response, self._told(what, response)))

    def read_refusal(
        self, response: requests.Response, told: dict[str, Any]
    ) -> Refusal:
        """Look up what an answer says; `told` is its JSON, empty where there is none."""
        return Refusal(response.status_code, pause=retry_after(response.headers))

    def _told(self, what: str, response: requests.Response) -> dict[str, Any]:
        try:
            answer = decoded(self._body(what, response))
        except (ValueError, RecursionError, BizzyBeeError, HTTPError, OSError):
            # What cannot be read is judged by its status.
            return {}
        return answer if isinstance(answer, dict) else {}


def error_of(what: str, refusal: Refusal) -> BizzyBeeError:
    """Return the error that a refusal is."""
    fault = refusal.fault or _by_status(refusal.status)
    told = f"{refusal.status}, code {refusal.code}" if refusal.code else refusal.status
    detail = f"{what} answered {told}: {fault.meaning}"
    if issubclass(fault.error, RateLimited):
        pause = RATE_LIMIT_PAUSE if refusal.pause is None else refusal.pause
        return fault.error(detail, pause)
    if issubclass(fault.error, RetryableError):
        return fault.error(detail, refusal.pause)
    return fault.error(detail)


def by_code(
    table: Mapping[Any, Fault], *codes: Any, ranges: Mapping[range, Fault] | None = None
) -> Fault | None:
    """Look up the first code that a table knows, then the ranges."""
    for code in codes:
        if code in table:
            return table[code]
    for numbers, fault in (ranges or {}).items():
        if any(isinstance(code, int) and code in numbers for code in codes):
            return fault
    return None


def _by_status(status: int) -> Fault:
    if status in _STATUSES:
        return _STATUSES[status]
    if 300 <= status < 400 and status != 303:
        return Fault(RetryableError, "a page stands in the way: a proxy's or a login's")
    if 400 <= status < 500:
        return Fault(PermanentError, "the message was refused")
    return Fault(OutcomeUnknown, "nobody knows whether the message was taken")


_NOT_READ = Fault(RetryableError, "the request was not read; it will be tried again")
_LOCKED_OUT = Fault(
    AuthError, "the account's credentials or permissions do not suffice: renew them"
)
_NOT_THERE = Fault(Gone, "what the message is sent to or from is not there")
_STATUSES = {
    401: _LOCKED_OUT,
    403: _LOCKED_OUT,
    404: _NOT_THERE,
    408: _NOT_READ,
    410: _NOT_THERE,
    413: Fault(PermanentError, "the message is too large"),
    421: _NOT_READ,
    425: _NOT_READ,
    429: Fault(RateLimited, "too many requests: it goes on after a pause"),
}
