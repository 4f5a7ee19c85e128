"""What the routes below `/_control` share: directions are read, senseless ones refused."""

from typing import Any, NoReturn, TypeVar

from flask import abort, jsonify, make_response, request
from pydantic import BaseModel, ConfigDict, ValidationError

Answer = tuple[dict[str, Any], int]


class Direction(BaseModel):
    """The body of a request to `/_control`."""

    model_config = ConfigDict(extra="forbid", strict=True)


Kind = TypeVar("Kind", bound=Direction)


def read(kind: type[Kind]) -> Kind:
    """The direction in the request, which has to be of this kind; no body is an empty one."""
    try:
        return kind.model_validate_json(request.get_data() or b"{}")
    except ValidationError as error:
        refuse(reason(error))


def refuse(why: str, status: int = 400) -> NoReturn:
    """End the request: nothing was done."""
    abort(make_response(jsonify({"error": why}), status))


def reason(error: ValidationError) -> str:
    """The first fault in words."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
