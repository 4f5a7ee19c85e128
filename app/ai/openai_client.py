"""What all servers that speak as OpenAI does have in common: how they refuse."""

import re
from collections.abc import Mapping
from typing import Any

import requests

from app.errors import (
    AuthError,
    BizzyBeeError,
    PermanentError,
    RateLimited,
    RetryableError,
)
from app.transport import RATE_LIMIT_PAUSE, HTTPClient, retry_after

#: As `type` or `code` of a 429 these mean that the money is gone, not that we were too fast.
_OUT_OF_MONEY = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class OpenAIClient(HTTPClient):
    """Reads refusals, which may mean the account and not the request."""

    #: Asked again, a model answers otherwise.
    too_large = RetryableError

    def read(self, what: str, response: requests.Response) -> dict[str, Any]:
        answer = super().read(what, response)
        if not isinstance(answer, dict):
            raise RetryableError(f"{what} answered no readable JSON")
        return answer

    def refusal(self, what: str, response: requests.Response) -> BizzyBeeError:
        detail = f"{what} answered {response.status_code}"
        match response.status_code:
            case 401 | 403:
                return AuthError(f"{detail}: the key is refused")
            case 402:
                return AuthError(f"{detail}: the credit is used up")
            case 429 if not _OUT_OF_MONEY.isdisjoint(self._error_names(what, response)):
                return AuthError(f"{detail}: the credit is used up")
            case 429 if retry_after(response.headers) is None:
                pause = _reset(response.headers)
                return RateLimited(detail, RATE_LIMIT_PAUSE if pause is None else pause)
            case 404 | 410:  # no such model, which is nothing that went away
                return PermanentError(detail)
            case _:
                return super().refusal(what, response)

    def _error_names(self, what: str, response: requests.Response) -> set[str]:
        """The type and the code of an error, as far as its body can be read."""
        try:
            error = self.read(what, response).get("error")
        except RetryableError:
            return set()
        if not isinstance(error, dict):
            return set()
        return {str(error.get("type")), str(error.get("code"))}


def _reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until the limits of requests and tokens are full again, such as `6m0s`."""
    waits = [
        sum(float(count) * _SECONDS[unit] for count, unit in _DURATION.findall(value))
        for kind in ("requests", "tokens")
        if _DURATION.match(value := headers.get(f"x-ratelimit-reset-{kind}", ""))
    ]
    return max(waits, default=None)
