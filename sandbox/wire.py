"""What the endpoints of all providers share: bodies, credentials, ids."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import urlencode

from flask import abort, jsonify, make_response, request

#: The credential that every provider refuses.
DEAD = "sandbox-dead"


def refuse(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> NoReturn:
    """End the request with an error body of the provider's own shape."""
    abort(make_response(jsonify(body), status, headers or {}))


def json_body() -> dict[str, Any]:
    """The request's JSON object; what is none reads as an empty one."""
    body = request.get_json(force=True, silent=True)
    return body if isinstance(body, dict) else {}


def bearer() -> str:
    """The token of the Authorization header, or an empty string."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def query(fields: Mapping[str, str]) -> str:
    """The fields as they stand in an address."""
    return urlencode(fields)


def base64_bytes(value: object) -> bytes:
    """The bytes that are written in base64; raises `ValueError` where none are."""
    if not isinstance(value, str):
        raise ValueError("base64 is text")
    return base64.b64decode("".join(value.split()), validate=True)


def fingerprint(content: str | bytes) -> str:
    """Short and the same for the same content: ids must not change between runs."""
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    return hashlib.blake2b(raw, digest_size=12).hexdigest()


def request_fingerprint() -> str:
    return fingerprint(request.get_data())


def token_count(text: str) -> int:
    """About what a tokenizer would count."""
    return -(-len(text) // 4)


def spoken(content: Any) -> str:
    """The text of a chat message, whose content is a string or a list of blocks."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = (block.get("text") for block in blocks if isinstance(block, dict))
    return "\n".join(text for text in texts if isinstance(text, str))


def json_objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects that stand in a text, in their order."""
    decoder, position = json.JSONDecoder(), text.find("{")
    while position >= 0:
        try:
            found, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position += 1
        else:
            yield found
        position = text.find("{", position)
