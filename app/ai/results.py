"""Finds the results of a forced function call in an OpenAI-compatible answer.

Models put them into one call, several calls, the text, or a fenced block in the text.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.ai.base import Unusable

_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)


def find_results(answer: Mapping[str, Any], function: str) -> list[Any] | Unusable:
    """Return what the model put into `results`, unchecked, or why there is nothing."""
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return Unusable("the answer holds no message")
    results: list[Any] = []
    for written in _written(message, function):
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


def _written(message: Mapping[str, Any], name: str) -> Iterator[Any]:
    """The JSON in the arguments of the calls, else in the text."""
    calls = message.get("tool_calls")
    called = False
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and function.get("name") == name:
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
