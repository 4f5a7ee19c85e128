"""The OpenAI-compatible gateway: one call judges a batch of messages.

What a model answers is untrusted, and each judgement is checked for itself: one that cannot be
used never spoils its neighbours.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import requests
from pydantic import BaseModel, Field, SecretStr, ValidationError

from app.ai import prompts
from app.ai.base import Answers, Question, Unusable
from app.ai.results import find_results
from app.domain.decision import Category, JudgedBy, Judgement
from app.errors import (
    AuthError,
    BizzyBeeError,
    PermanentError,
    RateLimited,
    RetryableError,
)
from app.transport import RATE_LIMIT_PAUSE, Bearer, HTTPClient, retry_after

PROMPT_VERSION = "classify/1"

#: Of a message: what it wants stands in the first of them.
MAX_TEXT = 2_000
MAX_SUBJECT = 300
MAX_SENDER = 200
MAX_REASON = 500

_PATH = "/v1/chat/completions"
_ODD_KEY = "LOVABLE_AI_GATEWAY_KEY has characters that no key has"
_FUNCTION = "classify_messages"
_CONNECT_SECONDS = 5.0
_MAX_BYTES = 4 * 1024 * 1024
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

_RESULT = {
    "type": "object",
    "properties": {
        "index": {"type": "integer", "description": "index of the message"},
        "category": {"type": "string", "enum": [str(one) for one in Category]},
        "confidence": {"type": "number", "description": "from 0 to 1"},
        "urgent": {"type": "boolean"},
        "reason": {"type": "string", "description": "one short sentence"},
    },
    "required": ["index", "category", "confidence", "urgent", "reason"],
    "additionalProperties": False,
}
_TOOL = {
    "type": "function",
    "function": {
        "name": _FUNCTION,
        "description": "Return one result for each message.",
        "parameters": {
            "type": "object",
            "properties": {"results": {"type": "array", "items": _RESULT}},
            "required": ["results"],
            "additionalProperties": False,
        },
    },
}


class _Result(BaseModel):
    """What a model says of one message, as far as it may be believed."""

    category: Category
    confidence: Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
    urgent: Annotated[bool, Field(strict=True)]
    reason: Annotated[str, Field(max_length=MAX_REASON)]


class _Gateway(HTTPClient):
    """Reads the refusals of the gateway, which may mean the account and not the request."""

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


class GatewayClassifier:
    """Asks a model behind the gateway. Safe between threads and after a fork."""

    def __init__(
        self, *, base_url: str, key: SecretStr, model: str, timeout: float
    ) -> None:
        """`timeout` is the seconds that one whole answer may take."""
        self.version = f"model/{model}/{PROMPT_VERSION}"
        self._key = key
        self._model = model
        self._api = _Gateway(
            "the AI gateway",
            base_url,
            timeout=(_CONNECT_SECONDS, timeout),
            deadline=timeout,
            max_bytes=_MAX_BYTES,
        )

    def classify(self, questions: Sequence[Question]) -> Answers:
        """Judge a batch in one call; without questions there is no call."""
        if not questions:
            return Answers([])
        answer = self._ask(questions)
        usage = answer.get("usage")
        return Answers(
            judgements=self._judgements(answer, len(questions)),
            usage=usage if isinstance(usage, dict) else {},
        )

    def _ask(self, questions: Sequence[Question]) -> dict[str, Any]:
        request = {
            "model": self._model,
            "messages": [
                {"role": "system", "content": prompts.load(PROMPT_VERSION)},
                {"role": "user", "content": _shown(questions)},
            ],
            "tools": [_TOOL],
            "tool_choice": {"type": "function", "function": {"name": _FUNCTION}},
        }
        auth = Bearer(self._key.get_secret_value(), fault=_ODD_KEY)
        answer: dict[str, Any] = self._api.post(_PATH, auth=auth, body=request)
        return answer

    def _judgements(
        self, answer: Mapping[str, Any], count: int
    ) -> list[Judgement | Unusable]:
        results = find_results(answer, _FUNCTION)
        if isinstance(results, Unusable):
            return [results] * count
        found: dict[int, Judgement | Unusable] = {}
        for result in results:
            index = result.get("index") if isinstance(result, dict) else None
            if type(index) is not int or not 0 <= index < count:
                continue  # about no message that was asked about
            if index in found:
                found[index] = Unusable("judged more than once")
            else:
                found[index] = self._judgement(result)
        return [found.get(index, Unusable("not judged")) for index in range(count)]

    def _judgement(self, result: Mapping[str, Any]) -> Judgement | Unusable:
        try:
            checked = _Result.model_validate(result)
        except ValidationError as exc:
            fault = exc.errors(include_input=False, include_url=False)[0]
            return Unusable(f"{fault['loc'][0]}: {fault['msg']}")
        return Judgement(
            category=checked.category,
            confidence=checked.confidence,
            reason=prompts.plain(checked.reason, MAX_REASON),
            judged_by=JudgedBy.MODEL,
            source=self.version,
            urgent=checked.urgent,
        )


def _shown(questions: Sequence[Question]) -> str:
    """The messages as data."""
    messages = [
        {
            "index": index,
            "from": prompts.plain(question.sender, MAX_SENDER),
            "subject": prompts.plain(question.subject or "", MAX_SUBJECT),
            "text": prompts.plain(question.text, MAX_TEXT),
            "channel": question.channel,
        }
        for index, question in enumerate(questions)
    ]
    return prompts.as_data({"messages": messages})


def _reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until the limits of requests and tokens are full again, such as `6m0s`."""
    waits = [
        sum(float(count) * _SECONDS[unit] for count, unit in _DURATION.findall(value))
        for kind in ("requests", "tokens")
        if _DURATION.match(value := headers.get(f"x-ratelimit-reset-{kind}", ""))
    ]
    return max(waits, default=None)
