"""The embeddings API: texts that share words have vectors that point the same way."""

import hashlib
import math
import random
import re
import struct
from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NoReturn

from flask import Blueprint

from sandbox import wire
from sandbox.gateway import error_body, require_key

blueprint = Blueprint("openai", __name__)

_MOST_INPUTS = 2048
_LONGEST_INPUT = 8192
_MOST_TOKENS = 300_000
_DIMENSIONS = {"text-embedding-3-large": 3072}
_USUAL_DIMENSIONS = 1536
#: In so many dimensions each word leaves its mark.
_MARKS = 16
_WORD = re.compile(r"\w+")


@blueprint.post("/v1/embeddings")
def embed() -> dict[str, Any]:
    """Answer out of order, as the API may: the index counts, not the position."""
    require_key()
    asked = wire.json_body()
    texts = _texts(asked)
    size, whole = _size(asked)
    vectors = (_vector(text, size, whole) for text in texts)
    encoded = [
        _base64(vector) if asked.get("encoding_format") == "base64" else vector
        for vector in vectors
    ]
    entries = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(encoded)
    ]
    random.Random(wire.request_fingerprint()).shuffle(entries)
    tokens = sum(map(wire.token_count, texts))
    return {
        "object": "list",
        "data": entries,
        "model": asked["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _texts(asked: dict[str, Any]) -> list[str]:
    """The inputs; one bad input fails the whole request."""
    given = asked.get("input")
    texts = [given] if isinstance(given, str) else given
    if not asked.get("model"):
        _refuse("you must provide a model parameter")
    if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
        _refuse("'input' must be a string or a list of strings")
    if not texts or not all(texts):
        _refuse("'input' cannot be an empty string or an empty list")
    if len(texts) > _MOST_INPUTS:
        _refuse(f"'input' has {len(texts)} items; the most is {_MOST_INPUTS}")
    counts = [wire.token_count(text) for text in texts]
    if max(counts) > _LONGEST_INPUT:
        _refuse(f"an input has {max(counts)} tokens; the most is {_LONGEST_INPUT}")
    if sum(counts) > _MOST_TOKENS:
        _refuse(f"the request has {sum(counts)} tokens; the most is {_MOST_TOKENS}")
    return texts


def _size(asked: dict[str, Any]) -> tuple[int, int]:
    """The dimensions asked for, and those the model has."""
    whole = _DIMENSIONS.get(asked["model"], _USUAL_DIMENSIONS)
    wanted = asked.get("dimensions", whole)
    if wanted != whole and asked["model"] == "text-embedding-ada-002":
        _refuse("this model does not support specifying dimensions")
    if not isinstance(wanted, int) or not 0 < wanted <= whole:
        _refuse(f"'dimensions' must be between 1 and {whole}")
    return wanted, whole


def _refuse(message: str) -> NoReturn:
    wire.refuse(400, error_body(400, message))


def _vector(text: str, size: int, whole: int) -> list[float]:
    """The marks of all words, shortened and then brought to length 1."""
    vector = [0.0] * whole
    for word in _WORD.findall(text.lower()) or [text]:
        for position, sign in _marks(word):
            vector[position % whole] += sign
    vector = vector[:size]
    length = math.sqrt(math.fsum(value * value for value in vector))
    if not length:  # all marks fell into what was cut off
        vector[0] = length = 1.0
    shares = {value: round(value / length, 8) for value in set(vector)}
    return [shares[value] for value in vector]


@lru_cache(maxsize=65_536)
def _marks(word: str) -> Sequence[tuple[int, float]]:
    digest = hashlib.shake_256(word.encode("utf-8", "replace")).digest(3 * _MARKS)
    return [
        (position, 1.0 if up & 1 else -1.0)
        for position, up in struct.iter_unpack("<HB", digest)
    ]


def _base64(vector: Sequence[float]) -> str:
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
