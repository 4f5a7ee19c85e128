"""The OpenAI-compatible gateway: one call judges a batch of messages.

What a model answers is untrusted, and each judgement is checked for itself: one that cannot be
used never spoils its neighbours.
"""

import ipaddress
import json
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import requests
from pydantic import BaseModel, Field, SecretStr, ValidationError
from urllib3.exceptions import HTTPError

from app.ai import prompts
from app.ai.base import Answers, Question, Unusable
from app.domain.decision import Category, JudgedBy, Judgement
from app.errors import (
    AuthError,
    BizzyBeeError,
    PermanentError,
    RateLimited,
    RetryableError,
)

PROMPT_VERSION = "classify/1"

#: Of a message: what it wants stands in the first of them.
MAX_TEXT = 2_000
MAX_SUBJECT = 300
MAX_SENDER = 200
MAX_REASON = 500
#: How long a model's provider is left alone that says "too many requests" and nothing else.
RATE_LIMIT_PAUSE = 30.0

_PATH = "/v1/chat/completions"
_WHAT = f"the AI gateway: POST {_PATH}"
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
_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SENDABLE = re.compile(r"[\x21-\x7e]+")

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


class GatewayClassifier:
    """Asks a model behind the gateway. Safe between threads and after a fork."""

    def __init__(
        self, *, base_url: str, key: SecretStr, model: str, timeout: float
    ) -> None:
        """`timeout` is the seconds that one whole answer may take."""
        self.version = f"model/{model}/{PROMPT_VERSION}"
        self._url = base_url.rstrip("/") + _PATH
        self._key = key
        self._model = model
        self._timeout = timeout

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
        status, headers, body = self._post(request)
        if status >= 300:
            raise _refusal(status, headers, body)
        answer = _read_json(body.decode("utf-8", "replace"))
        if not isinstance(answer, dict):
            raise RetryableError(f"{_WHAT} answered no readable JSON")
        return answer

    def _post(self, request: Any) -> tuple[int, Mapping[str, str], bytes]:
        until = time.monotonic() + self._timeout
        # A model takes seconds: a connection of its own adds nothing to them, and leaves
        # nothing to be shared between threads or inherited by a fork.
        # The libraries' own texts may quote what was sent, so they are not chained.
        try:
            with requests.Session() as session:
                # Proxy variables are meant for the outside, yet apply to 127.0.0.1 as well.
                session.trust_env = not is_loopback(self._url)
                with session.post(
                    self._url,
                    json=request,
                    auth=self._authorized,
                    timeout=(_CONNECT_SECONDS, self._timeout),
                    stream=True,
                    allow_redirects=False,
                ) as response:
                    body = self._body(response, until)
                    return response.status_code, response.headers, body
        except (requests.RequestException, HTTPError) as exc:
            name = type(exc).__name__
            raise RetryableError(f"{_WHAT}: no answer ({name})") from None

    def _authorized(
        self, request: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        # As `auth`, not as a header: for a header requests prefers what stands in ~/.netrc.
        key = checked_key(self._key, "LOVABLE_AI_GATEWAY_KEY")
        request.headers["Authorization"] = f"Bearer {key}"
        return request

    def _body(self, response: requests.Response, until: float) -> bytes:
        body = bytearray()
        # `read1` returns with what there is, so that the deadline is looked at.
        while piece := response.raw.read1(65_536, decode_content=True):
            body += piece
            if len(body) > _MAX_BYTES:
                raise RetryableError(f"{_WHAT} answered more than {_MAX_BYTES} bytes")
            if time.monotonic() > until:
                raise RetryableError(f"{_WHAT}: no whole answer in {self._timeout:g} s")
        return bytes(body)

    def _judgements(
        self, answer: Mapping[str, Any], count: int
    ) -> list[Judgement | Unusable]:
        results = _results(answer)
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


def checked_key(key: SecretStr, name: str) -> str:
    """Return a key that can be sent; the libraries would quote another in their errors."""
    value = key.get_secret_value()
    if not _SENDABLE.fullmatch(value):
        raise AuthError(f"{name} has characters that no key has")
    return value


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, where no proxy has a place."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a Retry-After asks to wait, given as a number or a date."""
    value = headers.get("retry-after", "").strip()
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


def _refusal(status: int, headers: Mapping[str, str], body: bytes) -> BizzyBeeError:
    """Name what follows from a status that is no success."""
    detail = f"{_WHAT} answered {status}"
    match status:
        case 401 | 403:
            return AuthError(f"{detail}: the key is refused")
        case 402:
            return AuthError(f"{detail}: the credit is used up")
        case 429 if not _OUT_OF_MONEY.isdisjoint(_error_names(body)):
            return AuthError(f"{detail}: the credit is used up")
        case 429:
            pause = retry_after(headers)
            pause = _reset(headers) if pause is None else pause
            return RateLimited(detail, RATE_LIMIT_PAUSE if pause is None else pause)
        case 408:
            return RetryableError(detail, retry_after(headers))
        case _ if 400 <= status < 500:
            return PermanentError(detail)
        case _:  # a redirect is a page in the way: maintenance, or a proxy's login
            return RetryableError(detail, retry_after(headers))


def _error_names(body: bytes) -> set[str]:
    """The type and the code of an error, as far as its body can be read."""
    answer = _read_json(body.decode("utf-8", "replace"))
    error = answer.get("error") if isinstance(answer, dict) else None
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


def _results(answer: Mapping[str, Any]) -> list[Any] | Unusable:
    """The results wherever the model put them; it may call the function several times."""
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return Unusable("the answer holds no message")
    results: list[Any] = []
    for written in _written(message):
        if isinstance(written, dict):
            written = written.get("results")
        if isinstance(written, list):
            results += written
    if results:
        return results
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        return Unusable("the model refused")
    if choice.get("finish_reason") == "length":
        return Unusable("the answer was cut off")
    return Unusable("the answer holds no results")


def _written(message: Mapping[str, Any]) -> Iterator[Any]:
    """The JSON in the arguments of the calls, else in the text."""
    calls = message.get("tool_calls")
    called = False
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and function.get("name") == _FUNCTION:
            arguments = function.get("arguments")
            called = True
            yield _read_json(arguments) if isinstance(arguments, str) else arguments
    if called:
        return
    text = _spoken(message.get("content"))
    fenced = _FENCED.search(text)
    yield _read_json(fenced[1] if fenced else text)


def _spoken(content: Any) -> str:
    """The text of a message, which is one string or a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _read_json(text: str) -> Any:
    """The value, or None where there is none."""
    try:
        return json.loads(text, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None
