"""Reads request bodies: whole, as bytes, and then strictly as JSON."""

import json
from typing import Any, NoReturn, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from app.domain.faults import faults_of
from app.errors import InvalidInput, TooLarge

#: Longest body that is taken.
MAX_BYTES = 10 * 2**20
TOO_LARGE = f"the body is larger than {MAX_BYTES // 2**20} MiB"

#: Flask refuses a longer body by its length. Where no length is given it reads so far and then stops
#: without a word, so it takes one byte too many to know that there was more.
READ_LIMIT = MAX_BYTES + 1

_NOT_VALID = "the body is not valid"

Model = TypeVar("Model", bound=BaseModel)


def read_model(model: type[Model]) -> Model:
    """The body as a model; nothing is converted, so `"5"` is not a number.

    Raises InvalidInput that names every fault.
    """
    try:
        return model.model_validate_json(read_bytes(), strict=True)
    except ValidationError as exc:
        raise InvalidInput(_NOT_VALID, faults_of(exc)) from exc


def read_envelope(model: type[Model]) -> Model:
    """The body as a model whose contents are judged later: text as it came, even what is not storable.

    Raises InvalidInput that names every fault.
    """
    value = _parsed(read_bytes())
    if not isinstance(value, dict):
        raise InvalidInput("the body must be a JSON object")
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        raise InvalidInput(_NOT_VALID, faults_of(exc)) from exc


def read_bytes() -> bytes:
    """The body as it came.

    Raises TooLarge.
    """
    body = request.get_data(cache=False)
    if len(body) > MAX_BYTES:
        raise TooLarge(TOO_LARGE)
    return body


def _parsed(body: bytes) -> Any:
    try:
        # Some systems begin every file with a byte order mark.
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as exc:
        raise InvalidInput(
            f"the body is not UTF-8: byte {exc.start} is the first that does not fit"
        ) from exc
    except RecursionError:
        raise InvalidInput("the body is nested too deeply") from None
    except ValueError as exc:
        raise InvalidInput(f"the body is not JSON: {exc}") from exc


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
