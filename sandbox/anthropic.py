"""Anthropic's messages: a reply in the language of what the user said last, or an order of theirs."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, request

from sandbox import orders, wire
from sandbox.drafts import draft, last_said
from sandbox.schema import filled

blueprint = Blueprint("anthropic", __name__)

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_REPLY_FIELDS = ("reply", "draft", "answer", "body", "text", "message", "content")
#: Characters in a token, for cutting a reply at `max_tokens`.
_CHARACTERS = 4


def error_body(status: int, message: str) -> dict[str, Any]:
    """An error as Anthropic writes it."""
    return {
        "type": "error",
        "error": {"type": _ERRORS.get(status, "api_error"), "message": message},
        "request_id": _request_id(),
    }


@blueprint.after_request
def name_request(response: Response) -> Response:
    """The SDK reads the id from the header, not from the body."""
    response.headers["request-id"] = _request_id()
    return response


@blueprint.post("/v1/messages")
def create() -> dict[str, Any]:
    """Reply to the last user message."""
    if (request.headers.get("x-api-key") or wire.bearer()) in ("", wire.DEAD):
        wire.refuse(401, error_body(401, "invalid x-api-key"))
    asked = wire.json_body()
    if fault := next(_faults(asked), None):
        wire.refuse(400, error_body(400, fault))
    prompt = _prompt(asked)
    if (order := orders.proposal(asked, last_said(prompt))) is not None:
        return _tool_use(asked, order)
    whole = _reply(asked, prompt)
    reply = whole[: asked["max_tokens"] * _CHARACTERS]
    return {
        "id": f"msg_{wire.request_fingerprint()}",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [{"type": "text", "text": reply}],
        "stop_reason": "end_turn" if reply == whole else "max_tokens",
        "stop_sequence": None,
        "usage": _usage(asked, reply),
    }


def _tool_use(asked: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    mark = wire.request_fingerprint()
    call = {"type": "tool_use", "id": f"toolu_{mark}", "name": orders.TOOL}
    return {
        "id": f"msg_{mark}",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [{**call, "input": given}],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": _usage(asked, orders.written(given)),
    }


def _prompt(asked: Mapping[str, Any]) -> str:
    """What the user wrote last: a turn that only brings results of tools is not the user's."""
    texts = [
        text
        for message in asked["messages"]
        if message["role"] == "user" and (text := wire.spoken(message["content"]))
    ]
    return texts[-1] if texts else ""


def _request_id() -> str:
    return f"req_{wire.request_fingerprint()}"


def _faults(asked: Mapping[str, Any]) -> Iterator[str]:
    for name, kind in (("model", str), ("max_tokens", int), ("messages", list)):
        if name not in asked:
            yield f"{name}: Field required"
        elif not isinstance(asked[name], kind) or not asked[name]:
            yield f"{name}: Input should be a valid {kind.__name__}"
    if asked["max_tokens"] < 1:
        yield "max_tokens: Input should be greater than or equal to 1"
    if asked.get("stream"):
        yield "stream: the sandbox does not stream"
    for position, message in enumerate(asked["messages"]):
        if not isinstance(message, dict) or not message.get("content"):
            yield f"messages.{position}.content: Field required"
        elif message.get("role") not in ("user", "assistant"):
            yield f"messages.{position}.role: Input should be 'user' or 'assistant'"
    if asked["messages"][-1]["role"] != "user":
        yield "messages: the conversation must end with a user message"


def _reply(asked: Mapping[str, Any], prompt: str) -> str:
    offered = orders.offered(asked, last_said(prompt))
    reply = draft(prompt, orders.noted(asked), offered)
    schema = ((asked.get("output_config") or {}).get("format") or {}).get("schema")
    if not schema:
        return reply
    known = dict.fromkeys(_REPLY_FIELDS, reply)
    return json.dumps(filled(schema, known), ensure_ascii=False)


def _usage(asked: Mapping[str, Any], reply: str) -> dict[str, Any]:
    cached = wire.token_count(_cached_text(asked))
    everything = json.dumps([asked.get("system"), asked["messages"]])
    return {
        "input_tokens": max(wire.token_count(everything) - cached, 1),
        "output_tokens": wire.token_count(reply),
        # Never a cache read: an answer must not depend on earlier requests.
        "cache_creation_input_tokens": cached,
        "cache_read_input_tokens": 0,
        "cache_creation": {
            "ephemeral_5m_input_tokens": cached,
            "ephemeral_1h_input_tokens": 0,
        },
        "service_tier": "standard",
    }


def _cached_text(asked: Mapping[str, Any]) -> str:
    """The system prompt up to its last cache mark."""
    blocks = asked.get("system")
    blocks = blocks if isinstance(blocks, list) else []
    marked = [n for n, block in enumerate(blocks, start=1) if "cache_control" in block]
    return wire.spoken(blocks[: marked[-1]]) if marked else ""
