"""The OpenAI-compatible gateway: one call judges a batch of messages.

What a model answers is untrusted, and each judgement is checked for itself: one that cannot be
used never spoils its neighbours.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field, SecretStr, ValidationError

from app.ai import prompts
from app.ai.base import Answers, Question, Unusable
from app.ai.openai_client import OpenAIClient
from app.ai.results import find_results
from app.domain.decision import Category, JudgedBy, Judgement
from app.transport import Bearer

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
        self._key = key
        self._model = model
        self._api = OpenAIClient(
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
