"""Calls the Graph API. Nearly every refusal is a 400: its code says what follows."""

import json
from collections.abc import Mapping
from typing import Any

import requests

from app.channels.meta.fields import record, records
from app.errors import (
    AuthError,
    BizzyBeeError,
    Gone,
    PermanentError,
    RateLimited,
    RetryableError,
)
from app.transport import HTTPClient, decoded, retry_after

#: Meta's own answers take up to a minute on accounts with many conversations.
TIMEOUT = (5.0, 60.0)

_TEMPORARY = frozenset({1, 2, 1200, 131000, 131016, 131057})
_RATE_LIMITS = frozenset({4, 17, 32, 613, 130429, 131056, 133016})
_USE_CASE_LIMITS = range(80000, 80015)
#: Token, permission, blocked or locked.
_CREDENTIALS = frozenset({0, 3, 10, 102, 190, 368, 131031})
_PERMISSIONS = range(200, 300)
#: Code 10 stands for these as well, which say nothing about the account.
_NOT_OURS = frozenset({2018278})
_NO_SUCH_OBJECT = 33
_UNKNOWN_ALIAS = 803
#: Seconds, where the answer does not tell how long.
_PAUSE = 60.0


class BadParameter(PermanentError):
    """Code 100: what was asked for makes no sense, or a cursor has expired."""


class GraphClient(HTTPClient):
    """Talks with the Graph API; errors name its code and never its words, which quote people."""

    def refusal(self, what: str, response: requests.Response) -> BizzyBeeError:
        """Name what follows from the code; from the status where there is none."""
        fault = self._fault(what, response)
        code, subcode = fault.get("code"), fault.get("error_subcode")
        if not isinstance(code, int):
            return super().refusal(what, response)
        detail = f"{what} answered {response.status_code}, code {code}"
        if isinstance(subcode, int):
            detail += f" ({subcode})"
        if code in _RATE_LIMITS or code in _USE_CASE_LIMITS:
            return RateLimited(detail, pause_of(response.headers))
        if code in _TEMPORARY or fault.get("is_transient") is True:
            return RetryableError(detail, retry_after(response.headers))
        if (code in _CREDENTIALS or code in _PERMISSIONS) and subcode not in _NOT_OURS:
            return AuthError(detail)
        if code == _UNKNOWN_ALIAS or (code == 100 and subcode == _NO_SUCH_OBJECT):
            return Gone(detail)
        if code == 100:
            return BadParameter(detail)
        if response.status_code >= 500:
            return RetryableError(detail, retry_after(response.headers))
        return PermanentError(detail)

    def _fault(self, what: str, response: requests.Response) -> dict[str, Any]:
        try:
            answer = decoded(self._body(what, response))
        except (ValueError, RecursionError, PermanentError):
            return {}
        return record(record(answer).get("error"))


def pause_of(headers: Mapping[str, str]) -> float:
    """Seconds until Meta wants to be asked again."""
    asked = retry_after(headers)
    if asked is not None:
        return asked
    try:
        usage = json.loads(headers.get("X-Business-Use-Case-Usage", "{}"))
    except (ValueError, RecursionError):
        return _PAUSE
    minutes = [
        wait
        for limits in record(usage).values()
        for limit in records(limits)
        if isinstance(wait := limit.get("estimated_time_to_regain_access"), int)
    ]
    return max([*(60.0 * wait for wait in minutes if wait > 0)], default=_PAUSE)
