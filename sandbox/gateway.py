"""The AI gateway: chat completions in OpenAI's shape, for one message or a batch."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint

from sandbox import wire
from sandbox.judge import judge
from sandbox.schema import filled

blueprint = Blueprint("gateway", __name__)

#: The clock is left out of it: the same request has the same answer.
_CREATED = 1_788_423_330
_ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("payment_required", "insufficient_credits"),
    403: ("permission_error", None),
    404: ("invalid_request_error", "not_found"),
    429: ("requests", "rate_limit_exceeded"),
    503: ("server_error", "server_is_overloaded"),
}


def error_body(status: int, message: str) -> dict[str, Any]:
    """An error as OpenAI and the gateways like it write it."""
    kind, code = _ERRORS.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def require_key() -> None:
    """Refuse a request without a key, or with the dead one."""
    if wire.bearer() in ("", wire.DEAD):
        wire.refuse(401, error_body(401, "Incorrect API key provided"))


@blueprint.post("/v1/chat/completions")
def complete() -> dict[str, Any]:
    """Judge what the last user message holds, in the form the caller asks for."""
    require_key()
    asked = wire.json_body()
    messages = asked.get("messages")
    if not asked.get("model") or not isinstance(messages, list) or not messages:
        wire.refuse(400, error_body(400, "model and messages are required"))
    if asked.get("stream"):
        wire.refuse(400, error_body(400, "the sandbox does not stream"))
    prompt = _last_user_text(messages)
    function = _chosen_function(asked)
    if function is None:
        answer = json.dumps(_answer(prompt, _format_schema(asked)), ensure_ascii=False)
        said: dict[str, Any] = {"role": "assistant", "content": answer, "refusal": None}
    else:
        parameters = function.get("parameters") or {}
        answer = json.dumps(_answer(prompt, parameters), ensure_ascii=False)
        said = _call(function["name"], answer)
    return _completion(asked, said, answer)


def _completion(
    asked: Mapping[str, Any], said: dict[str, Any], answer: str
) -> dict[str, Any]:
    prompt_tokens = wire.token_count(json.dumps(asked))
    completion_tokens = wire.token_count(answer)
    return {
        "id": f"chatcmpl-{wire.request_fingerprint()}",
        "object": "chat.completion",
        "created": _CREATED,
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "message": said,
                "logprobs": None,
                "finish_reason": "tool_calls" if "tool_calls" in said else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }


def _call(name: str, arguments: str) -> dict[str, Any]:
    call = {
        "id": f"call_{wire.request_fingerprint()}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
    return {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [call],
    }


def _last_user_text(messages: list[Any]) -> str:
    said = [m for m in messages if isinstance(m, dict) and m.get("role") == "user"]
    return wire.spoken(said[-1].get("content")) if said else ""


def _chosen_function(asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """The function that is asked for by name, else the first one."""
    choice = asked.get("tool_choice")
    tools = [tool for tool in asked.get("tools") or [] if isinstance(tool, dict)]
    functions = [tool.get("function") or {} for tool in tools]
    if choice == "none" or not functions:
        return None
    if isinstance(choice, dict):
        wanted = (choice.get("function") or {}).get("name")
        functions = [each for each in functions if each.get("name") == wanted]
    if not functions or not functions[0].get("name"):
        wire.refuse(400, error_body(400, "tool_choice names no function of tools"))
    return functions[0]


def _format_schema(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted = asked.get("response_format") or {}
    return (wanted.get("json_schema") or {}).get("schema") or {}


def _answer(prompt: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    batch = _batch(prompt)
    answers = [
        {"index": message.get("index", position), **_judged(message)}
        for position, message in enumerate(batch or [{"text": prompt}])
    ]
    if schema.get("properties"):
        return filled(schema, answers[0], answers)
    return {"results": answers} if batch else _judged({"text": prompt})


def _batch(prompt: str) -> list[dict[str, Any]]:
    """The messages of the JSON object in a prompt, whatever stands around it."""
    for found in wire.json_objects(prompt):
        messages = found.get("messages")
        if isinstance(messages, list):
            return [message for message in messages if isinstance(message, dict)]
    return []


def _judged(message: Mapping[str, Any]) -> dict[str, Any]:
    sender, subject, text = (
        str(message.get(name) or "") for name in ("from", "subject", "text")
    )
    return judge(sender, subject, text)._asdict()
