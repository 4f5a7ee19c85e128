"""Takes an order as a model might: where a customer confirms a product of the catalogue it was given."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox import wire

TOOL = "create_order"
_FIELDS = ("customer_name", "customer_phone", "customer_email", "customer_address")
#: By which people say that they buy.
_CONFIRMS = re.compile(
    r"\b(?:i(?:'ll| will|’ll)? (?:take|buy|order)|i(?:'d|’d| would) like to (?:order|buy)"
    r"|please send me|ich (?:nehme|bestelle|kaufe)|bitte schicken sie mir"
    r"|je (?:prends|commande|voudrais commander)|(?:me llevo|quiero comprar|quiero pedir|compro)"
    r"|jag (?:tar|köper|beställer)|(?:prendo|compro|ordino)|(?:levo|encomendo|quero comprar)"
    r"|(?:biorę|zamawiam|kupuję)|ik (?:neem|bestel|koop)|jeg (?:tager|køber|bestiller)"
    r"|(?:otan|tilaan|ostan))\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")
_NUMBERS = {
    word: number
    for number, words in enumerate(
        (
            "one a an ein eine einen un une una uno um uma en ett jeden jedną een et yhden",
            "two zwei deux dos två due dois duas dwa dwie twee to kaksi",
            "three drei trois tres tre três trzy drie kolme",
            "four vier quatre cuatro fyra quattro quatro cztery fire neljä",
            "five fünf cinq cinco fem cinque pięć vijf viisi",
            "six sechs six seis sex sei sześć zes seks kuusi",
        ),
        start=1,
    )
    for word in words.split()
}
_WORD = re.compile(r"[^\W_]+")
#: In front of a product so many words may hold its number.
_NEAR = 4


def proposal(asked: Mapping[str, Any], said: str) -> dict[str, Any] | None:
    """The input of the tool for what a customer says, or None where it is no order."""
    if (asked.get("tool_choice") or {}).get("type") == "none":
        return None
    if not _may_order(asked):
        return None
    match = _CONFIRMS.search(said)
    if match is None:
        return None
    end = _SENTENCE_END.search(said, match.end())
    sentence = said[match.start() : end.start() if end else len(said)]
    items = list(_items(sentence, _products(asked)))
    if not items or (end and end[0] == "?"):
        return None
    return {
        "items": items,
        "confirmed_with": sentence.strip(),
        **dict.fromkeys(_FIELDS),
    }


def offered(asked: Mapping[str, Any], said: str) -> str | None:
    """The products that a customer names, each with its price in the catalogue."""
    if not _may_order(asked):
        return None
    words = _WORD.findall(said.lower())
    named = [
        f"{one['name']}: {one['price']}"
        for one in _products(asked)
        if "price" in one and _place(words, one) is not None
    ]
    return ", ".join(named) or None


def noted(asked: Mapping[str, Any]) -> str | None:
    """What was noted of the order, where that is what the last turn says."""
    results = _blocks(asked["messages"][-1], "tool_result")
    if not results or any(result.get("is_error") for result in results):
        return None
    names = {one.get("sku"): one.get("name") for one in _products(asked)}
    calls = [
        call
        for message in asked["messages"][-2:-1]
        for call in _blocks(message, "tool_use")
    ]
    items = [item for call in calls for item in call["input"]["items"]]
    return ", ".join(
        f"{item['quantity']} × {names.get(item['sku'], item['sku'])}" for item in items
    )


def _may_order(asked: Mapping[str, Any]) -> bool:
    return TOOL in {tool.get("name") for tool in asked.get("tools") or ()}


def _products(asked: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    system = asked.get("system")
    for found in wire.json_objects(wire.spoken(system)):
        products = found.get("products")
        if isinstance(products, list):
            return [one for one in products if isinstance(one, dict)]
    return []


def _items(
    sentence: str, products: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    words = _WORD.findall(sentence.lower())
    for product in products:
        place = _place(words, product)
        if place is None:
            continue
        before = words[max(place - _NEAR, 0) : place]
        numbers = [n for word in before if (n := _number(word)) is not None]
        yield {"sku": product["sku"], "quantity": numbers[-1] if numbers else 1}


def _place(words: Sequence[str], product: Mapping[str, Any]) -> int | None:
    """Where the name of a product begins, in whatever number and case."""
    name = _WORD.findall(str(product.get("name", "")).lower())
    for at in range(len(words) - len(name) + 1):
        if name and all(
            map(str.startswith, words[at : at + len(name)], (one[:6] for one in name))
        ):
            return at
    return None


def _number(word: str) -> int | None:
    return int(word) if word.isdecimal() and len(word) < 6 else _NUMBERS.get(word)


def _blocks(message: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return [one for one in blocks if isinstance(one, dict) and one.get("type") == kind]


def written(given: Mapping[str, Any]) -> str:
    """The input as text, for counting its tokens."""
    return json.dumps(given, ensure_ascii=False)
