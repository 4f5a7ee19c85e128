"""The OpenAI-compatible embeddings API: one call embeds a batch of texts.

One text that is refused fails its whole request, so a refused batch is halved until it stands alone.
"""

import base64
import binascii
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests
from pydantic import SecretStr

from app.ai.base import Vector
from app.ai.openai_client import OpenAIClient
from app.errors import AuthError, BizzyBeeError, PermanentError, RetryableError
from app.transport import Bearer

_PATH = "/v1/embeddings"
_API = "the embeddings API"
_ODD_KEY = "OPENAI_API_KEY has characters that no key has"
_CONNECT_SECONDS = 5.0
#: A hundred vectors of 3072 numbers, written out, are a tenth of it.
_MAX_BYTES = 64 * 1024 * 1024
#: What the API takes in one request, and of one text.
_MOST_INPUTS = 2048
_MOST_TOKENS = 300_000
_LONGEST = 8192
#: Texts refused one by one while none is taken: then it is not the texts that are wrong.
_MOST_REFUSED = 8


class _Embeddings(OpenAIClient):
    """Tells a refused text from a refused everything."""

    def refusal(self, what: str, response: requests.Response) -> BizzyBeeError:
        error = super().refusal(what, response)
        if isinstance(error, AuthError) or not isinstance(error, PermanentError):
            return error
        if response.status_code in {400, 413, 422}:
            return error
        return AuthError(f"{error}: see OPENAI_BASE_URL and EMBEDDING_MODEL")


class OpenAIEmbedder:
    """Asks a model behind the API. Safe between threads and after a fork."""

    nearness = 0.2

    def __init__(
        self,
        *,
        base_url: str,
        key: SecretStr,
        model: str,
        timeout: float,
        most_inputs: int,
    ) -> None:
        """`timeout` is the seconds that one whole answer may take."""
        self.model = model
        self._key = key
        self._most_inputs = min(most_inputs, _MOST_INPUTS)
        self._api = _Embeddings(
            _API,
            # Often written with the version, as OpenAI's own libraries want it.
            base_url.removesuffix("/v1"),
            timeout=(_CONNECT_SECONDS, timeout),
            deadline=timeout,
            max_bytes=_MAX_BYTES,
        )

    def embed(self, texts: Sequence[str]) -> list[Vector | PermanentError]:
        """See `app.ai.base.Embedder`; as few calls as the limits of the API allow."""
        found: dict[int, Vector | PermanentError] = {
            place: PermanentError("the text is empty")
            for place, text in enumerate(texts)
            if not text.strip()
        }
        sent = {
            place: _shortened(text)
            for place, text in enumerate(texts)
            if place not in found
        }
        for batch in _batches(sent, self._most_inputs):
            self._embed(batch, sent, found)
        return [found[place] for place in range(len(texts))]

    def embed_question(
        self, question: str, worth: Mapping[str, float]
    ) -> Vector | PermanentError:
        """See `app.ai.base.Embedder`; the model knows what matters."""
        (answer,) = self.embed([question])
        return answer

    def _embed(
        self,
        batch: Sequence[int],
        texts: Mapping[int, str],
        found: dict[int, Vector | PermanentError],
    ) -> None:
        try:
            vectors = self._ask([texts[place] for place in batch])
        except AuthError:
            raise
        except PermanentError as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                self._embed(batch[:middle], texts, found)
                self._embed(batch[middle:], texts, found)
                return
            found[batch[0]] = error
            refused = [one for place, one in found.items() if place in texts]
            if len(refused) >= _MOST_REFUSED and all(
                isinstance(one, PermanentError) for one in refused
            ):
                raise RetryableError(f"{error}: no text is taken") from None
        else:
            found.update(zip(batch, vectors, strict=True))

    def _ask(self, texts: list[str]) -> list[Vector | PermanentError]:
        answer = self._api.post(
            _PATH,
            auth=Bearer(self._key.get_secret_value(), fault=_ODD_KEY),
            body={"model": self.model, "input": texts, "encoding_format": "float"},
        )
        return _vectors(answer, len(texts))


def _batches(texts: Mapping[int, str], most: int) -> Iterator[list[int]]:
    """The places of texts that go together: not too many, and not too long together."""
    batch: list[int] = []
    tokens = 0
    for place, text in texts.items():
        more = _token_limit(text)
        if batch and (len(batch) == most or tokens + more > _MOST_TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(place)
        tokens += more
    if batch:
        yield batch


def _token_limit(text: str) -> int:
    """How many tokens a text has at most, near enough: two letters make one, a byte beyond ASCII too."""
    letters = sum(one.isascii() for one in text)
    return (letters + 1) // 2 + len(text.encode("utf-8", "replace")) - letters


def _shortened(text: str) -> str:
    if _token_limit(text) <= _LONGEST:
        return text
    return text.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")


def _vectors(answer: Mapping[str, Any], count: int) -> list[Vector | PermanentError]:
    """The vectors in the order of the texts: the index counts, not the position."""
    entries = answer.get("data")
    found: dict[int, Vector] = {}
    for entry in entries if isinstance(entries, list) else ():
        index = entry.get("index") if isinstance(entry, dict) else None
        vector = _vector(entry.get("embedding")) if type(index) is int else None
        if type(index) is int and vector is not None:
            found[index] = vector
    if found.keys() != set(range(count)):
        raise RetryableError(f"{_API} answered not one vector for each text")
    if len({len(vector) for vector in found.values()}) != 1:
        raise RetryableError(f"{_API} answered vectors of different lengths")
    return [
        found[index] if any(found[index]) else PermanentError("the text points nowhere")
        for index in range(count)
    ]


def _vector(given: Any) -> Vector | None:
    if isinstance(given, str):
        try:
            raw = base64.b64decode(given, validate=True)
            given = list(struct.unpack(f"<{len(raw) // 4}f", raw))
        except (binascii.Error, struct.error):
            return None
    if not isinstance(given, list) or not given:
        return None
    is_sound = all(type(one) in (int, float) and math.isfinite(one) for one in given)
    return [float(one) for one in given] if is_sound else None
