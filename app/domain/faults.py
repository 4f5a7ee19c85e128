"""What is wrong with a value, in the words that callers, dead letters and operators read."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

#: A list of ten thousand wrong elements is described by its first.
MAX_FAULTS = 20


def faults_of(error: ValidationError) -> list[dict[str, Any]]:
    """The first faults, as `{"loc": [...], "msg": "..."}`. Never quotes the value itself."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return [
        {
            "loc": list(fault["loc"]),
            "msg": fault["msg"].removeprefix("Value error, "),
        }
        for fault in found[:MAX_FAULTS]
    ]


def in_words(faults: Iterable[Mapping[str, Any]], *, of: str) -> str:
    """Faults as one line; `of` names the whole value."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or of}: {fault['msg']}"
        for fault in faults
    )
