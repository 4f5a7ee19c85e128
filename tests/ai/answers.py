"""Answers as Anthropic's API gives them."""

from typing import Any

USAGE = {"input_tokens": 100, "output_tokens": 10}


def message(*texts: str) -> dict[str, Any]:
    """A finished answer."""
    return {
        "id": "msg_01A",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": text} for text in texts],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    }


def tool_use(*inputs: Any, name: str = "create_order") -> dict[str, Any]:
    """An answer that wants a tool to be used, once for each input."""
    calls = [
        {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": given}
        for number, given in enumerate(inputs)
    ]
    answer = message("Let me note that.")
    answer["content"] += calls
    return answer | {"stop_reason": "tool_use"}


def call(sku: Any, quantity: Any, quote: str, **fields: Any) -> dict[str, Any]:
    """The input of `create_order` for one product."""
    nobody = dict.fromkeys(
        ("customer_name", "customer_phone", "customer_email", "customer_address")
    )
    return {
        "items": [{"sku": sku, "quantity": quantity}],
        "confirmed_with": quote,
        **nobody,
    } | fields
