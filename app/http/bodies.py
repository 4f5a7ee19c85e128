"""Reads request bodies: whole, as bytes, and then strictly as JSON."""

import json
from typing import Any, NoReturn, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from app.domain.faults import faults_of
from app.errors import InvalidInput

#: Longest body that is read. Flask refuses longer ones by their length, or as soon as they grow
#: past it where no length is given.
MAX_BYTES = 10 * 2**20

Model = TypeVar("Model", bound=BaseModel)


def read_object() -> dict[str, Any]:
    """The body as a JSON object, its strings as they came, lone surrogates and NUL included.

    Raises InvalidInput that says what is wrong.
    """
    value = _parsed(request.get_data(cache=False))
    if not isinstance(value, dict):
        raise InvalidInput("the body must be a JSON object")
    return value


def read_model(model: type[Model]) -> Model:
    """The body as a model; nothing is converted, so `"5"` is not a number.

    Raises InvalidInput that names every fault.
    """
    try:
        return model.model_validate_json(request.get_data(cache=False), strict=True)
    except ValidationError as exc:
        raise InvalidInput("the body is not valid", faults_of(exc)) from exc


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
