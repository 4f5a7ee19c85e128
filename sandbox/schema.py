"""Fills a JSON schema with what is known: any tool gets an answer of its shape."""

from collections.abc import Mapping, Sequence
from typing import Any

#: What a schema asks for and nobody knows.
_NOTHING: Mapping[str, Any] = {
    "string": "",
    "number": 0,
    "integer": 0,
    "boolean": False,
    "array": [],
    "null": None,
}


def filled(
    schema: Mapping[str, Any],
    known: Mapping[str, Any],
    each: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """An object of this schema: known fields by their name, the rest empty.

    A list of objects gets one object for `each`. A value that an enum does not allow
    becomes `other`, or else its first one.
    """
    properties = schema.get("properties") or {}
    return {
        name: _value(name, wanted, known, each) for name, wanted in properties.items()
    }


def _value(
    name: str,
    schema: Mapping[str, Any],
    known: Mapping[str, Any],
    each: Sequence[Mapping[str, Any]],
) -> Any:
    kind = schema.get("type")
    kind = next(iter(kind), None) if isinstance(kind, list) else kind
    items = schema.get("items") or {}
    if kind == "array" and each and "properties" in items:
        return [filled(items, one) for one in each]
    if kind == "object" and name not in known:
        return filled(schema, known, each)
    value = known.get(name, _NOTHING.get(kind or "string"))
    if allowed := schema.get("enum"):
        if value in allowed:
            return value
        return "other" if "other" in allowed else allowed[0]
    return value
