"""The tool by which a model proposes an order, and what it is told of it."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.ai import prompts
from app.domain.orders import MAX_LINES, check_order
from app.domain.proposed_order import OrderContext, ProposedItem, ProposedOrder, Refusal
from app.domain.scrub import scrub

NAME = "create_order"
#: Of one product, in the catalogue that the model is shown.
MAX_NAME = 200
MAX_DESCRIPTION = 400

_NULLABLE = {"type": ["string", "null"]}
TOOL: dict[str, Any] = {
    "name": NAME,
    "description": "Note an order that the customer has confirmed in their newest messages. "
    "A person of the business confirms it. Not for questions, offers or maybes.",
    "strict": True,
    "input_schema": {
        "type": "object",
        "additionalProperties": False,
        "required": [
            "items",
            "confirmed_with",
            "customer_name",
            "customer_phone",
            "customer_email",
            "customer_address",
        ],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["sku", "quantity"],
                    "properties": {
                        "sku": {
                            "type": "string",
                            "description": "As in the catalogue.",
                        },
                        "quantity": {
                            "type": "integer",
                            "description": "As many as the customer has said.",
                        },
                    },
                },
            },
            "confirmed_with": {
                "type": "string",
                "description": "The words by which the customer confirms, copied exactly from "
                "their newest messages.",
            },
            "customer_name": _NULLABLE,
            "customer_phone": _NULLABLE,
            "customer_email": _NULLABLE,
            "customer_address": _NULLABLE,
        },
    },
}


class _Item(BaseModel):
    model_config = ConfigDict(strict=True)

    sku: Annotated[str, Field(max_length=500)]
    quantity: Annotated[int, Field(ge=-(10**9), le=10**9)]


class _Input(BaseModel):
    model_config = ConfigDict(strict=True)

    items: Annotated[list[_Item], Field(max_length=10 * MAX_LINES)]
    confirmed_with: Annotated[str, Field(max_length=2_000)]
    customer_name: Annotated[str, Field(max_length=2_000)] | None = None
    customer_phone: Annotated[str, Field(max_length=2_000)] | None = None
    customer_email: Annotated[str, Field(max_length=2_000)] | None = None
    customer_address: Annotated[str, Field(max_length=2_000)] | None = None


def catalogue(context: OrderContext) -> str:
    """What can be ordered, as data."""
    return prompts.as_data(
        {
            "products": [
                {
                    "sku": offer.sku,
                    "name": prompts.plain(offer.name, MAX_NAME),
                    "price": f"{offer.price} {offer.currency}",
                    "most": offer.max_quantity,
                    "description": prompts.plain(offer.description, MAX_DESCRIPTION),
                }
                for offer in context.offers
            ]
        }
    )


def outcome_of(
    calls: Sequence[Any], context: OrderContext
) -> tuple[ProposedOrder | None, Refusal | None]:
    """The order of an answer where it may be placed, else why not."""
    if len(calls) > 1:
        return None, Refusal("several_orders", "one message gives one order")
    proposed = _read(calls[0])
    if isinstance(proposed, Refusal):
        return None, proposed
    checked = check_order(proposed, context)
    if isinstance(checked, Refusal):
        return None, checked
    return proposed, None


def said_again(call: Any) -> dict[str, Any]:
    """A call as it goes back to the model that made it."""
    given = getattr(call, "input", None)
    return {
        "type": "tool_use",
        "id": str(getattr(call, "id", "")),
        "name": str(getattr(call, "name", "")),
        "input": given if isinstance(given, dict) else {},
    }


def answers(
    calls: Sequence[Any], order: ProposedOrder | None, refused: Refusal | None
) -> list[dict[str, Any]]:
    """What the model is told: each call needs an answer."""
    told = (
        {"status": "noted", "next": "a person of the business will confirm the order"}
        if order is not None
        else {
            "status": "not noted",
            "rule": refused.rule if refused else "",
            "reason": refused.reason if refused else "",
            "next": "no order was placed: say so, or ask for what is missing",
        }
    )
    return [
        {
            "type": "tool_result",
            "tool_use_id": str(getattr(call, "id", "")),
            "content": json.dumps(told),
            "is_error": order is None,
        }
        for call in calls
    ]


def _read(call: Any) -> ProposedOrder | Refusal:
    """The input of a call. A schema on their side is a wish, so it is checked on ours."""
    if getattr(call, "name", None) != NAME:
        return Refusal("unknown_tool", "there is no such tool")
    try:
        found = _Input.model_validate(scrub(getattr(call, "input", None)))
    except ValidationError as exc:
        fault = exc.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"][:3])
        return Refusal("malformed", f"{where or 'the order'}: {fault['msg']}")
    return ProposedOrder(
        items=tuple(ProposedItem(one.sku, one.quantity) for one in found.items),
        confirmed_with=found.confirmed_with,
        name=found.customer_name,
        phone=found.customer_phone,
        email=found.customer_email,
        address=found.customer_address,
    )
