"""Anthropic's Messages API: writes replies.

The library takes a second to import, so it is imported where the first draft is written.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from pydantic import SecretStr

from app.ai import order_tool, prompts
from app.ai.base import Reply, Turn
from app.domain.proposed_order import OrderContext, ProposedOrder, Refusal
from app.domain.scrub import scrub, scrub_text
from app.domain.unified_message import Direction
from app.errors import (
    AuthError,
    BizzyBeeError,
    PermanentError,
    RateLimited,
    RetryableError,
)
from app.transport import RATE_LIMIT_PAUSE, is_loopback, retry_after, sendable

if TYPE_CHECKING:
    import ssl

    import anthropic
    from anthropic.types import Message, MessageParam

PROMPT_VERSION = "draft/2"
#: What follows it where there is something to sell.
ORDERS_VERSION = "orders/1"

MAX_TOKENS = 1024
#: Of one message of the conversation.
MAX_TEXT = 6_000
MAX_NAME = 200
MAX_SUBJECT = 300

_WHAT = "anthropic: POST /v1/messages"
_ODD_KEY = "ANTHROPIC_API_KEY has characters that no key has"
#: 429s by which an account says that its money is spent, not that we were too fast.
_SPENT = frozenset({"enforced_spend_limit_reached", "contract_spend_limit_reached"})
_WHOLE = frozenset({"end_turn", "stop_sequence"})
#: Asking again would end the same way.
_HOPELESS = {
    "refusal": "the model refuses to answer",
    "max_tokens": f"the draft does not fit into {MAX_TOKENS} tokens",
    "model_context_window_exceeded": "the conversation is too long for the model",
}
_REQUEST_ID = re.compile(r"[\w-]{1,80}")


class AnthropicDrafter:
    """Writes drafts with a model of Anthropic. Safe between threads and after a fork."""

    def __init__(
        self, *, base_url: str, key: SecretStr, model: str, timeout: float
    ) -> None:
        """`timeout` is the seconds that the model may be silent."""
        self._base_url = base_url
        self._key = key
        self._model = model
        self._timeout = timeout

    def draft(
        self,
        *,
        business: str,
        subject: str | None,
        turns: Sequence[Turn],
        orders: OrderContext | None = None,
    ) -> Reply:
        """Answer the last of the turns, which is the other side's.

        A model that calls the tool for orders is asked a second time, with what came of it, and never
        a third time.
        """
        messages: list[Any] = [*_messages(subject, turns)]
        asked: dict[str, Any] = {"system": _system(business, orders)}
        if orders is not None:
            asked["tools"] = [order_tool.TOOL]
            asked["tool_choice"] = {"type": "auto", "disable_parallel_tool_use": True}
        message = self._create(messages=messages, **asked)
        usages = [_usage(message)]
        order: ProposedOrder | None = None
        refused: Refusal | None = None
        if orders is not None and (calls := _calls(message)):
            order, refused = order_tool.outcome_of(calls, orders)
            answers = order_tool.answers(calls, order, refused)
            messages += [
                {"role": "assistant", "content": _said_again(message)},
                {"role": "user", "content": answers},
            ]
            # Without the tool: a second proposal would have to be answered as well.
            asked["tool_choice"] = {"type": "none"}
            message = self._create(messages=messages, **asked)
            usages.append(_usage(message))
        return Reply(
            text=_text(message),
            model=scrub_text(str(message.model or self._model)),
            prompt_version=PROMPT_VERSION,
            usage=_sum(usages),
            order=order,
            refused=refused,
        )

    def _create(self, **asked: Any) -> "Message":
        import anthropic

        # The library's own texts quote the answer, so they are not chained.
        try:
            # A model takes seconds: a client of its own adds little to them, and leaves nothing
            # to be shared between threads or inherited by a fork.
            with self._client() as client:
                message: object = client.messages.create(
                    model=self._model, max_tokens=MAX_TOKENS, **asked
                )
        except anthropic.APIStatusError as exc:
            raise _refusal(exc) from None
        except anthropic.AnthropicError as exc:
            raise RetryableError(f"{_WHAT}: no answer ({_name(exc)})") from None
        except ValueError as exc:  # 200 with broken JSON is no error of the library's
            raise RetryableError(f"{_WHAT}: unreadable ({_name(exc)})") from None
        # 200 with something else than JSON comes back as a string.
        if not isinstance(getattr(message, "content", None), list):
            raise RetryableError(f"{_WHAT}: answered no message")
        return cast("Message", message)

    def _client(self) -> "anthropic.Anthropic":
        import anthropic
        import httpx2

        http: dict[str, Any] = {"verify": _certificates()}
        if is_loopback(self._base_url):
            # Proxy variables are meant for the outside, yet apply to 127.0.0.1 as well; the
            # library reads them unless it is given a transport.
            http = {"transport": httpx2.HTTPTransport(**http)}
        return anthropic.Anthropic(
            api_key=sendable(self._key.get_secret_value(), _ODD_KEY),
            base_url=self._base_url,
            timeout=self._timeout,
            # Attempts are counted where the job is; the library would sleep as long as it is told.
            max_retries=0,
            http_client=anthropic.DefaultHttpxClient(**http),
        )


@cache
def _certificates() -> "ssl.SSLContext":
    """Read once: the most costly part of a client, and nothing that remembers a connection."""
    import httpx2

    return httpx2.create_ssl_context()


def _system(business: str, orders: OrderContext | None) -> str:
    """The rules, and the catalogue as data."""
    rules = prompts.load(PROMPT_VERSION).replace(
        "{business}", prompts.plain(business, MAX_NAME) or "the business"
    )
    if orders is None:
        return rules
    return f"{rules}\n\n{prompts.load(ORDERS_VERSION)}\n{order_tool.catalogue(orders)}"


def _messages(subject: str | None, turns: Sequence[Turn]) -> "list[MessageParam]":
    """The conversation as alternating roles: theirs as data, ours as it was written."""
    if not turns or turns[-1].direction is not Direction.INBOUND:
        raise PermanentError("there is no message to answer at the end of the turns")
    messages: list[MessageParam] = []
    for direction, group in groupby(turns, key=lambda turn: turn.direction):
        if direction is Direction.INBOUND:
            shown = "\n".join(_shown(subject, turn) for turn in group)
            messages.append({"role": "user", "content": shown})
        else:
            said = "\n\n".join(prompts.plain(turn.text, MAX_TEXT) for turn in group)
            # Empty contents are refused.
            messages.append({"role": "assistant", "content": said.strip() or "…"})
    if messages[0]["role"] == "assistant":
        opening = prompts.as_data({"note": "the business wrote first"})
        messages.insert(0, {"role": "user", "content": opening})
    return messages


def _shown(subject: str | None, turn: Turn) -> str:
    """One message of the other side as data."""
    return prompts.as_data(
        {
            "from": prompts.plain(turn.author, MAX_NAME),
            "at": turn.at.isoformat(timespec="minutes"),
            "subject": prompts.plain(subject or "", MAX_SUBJECT),
            "text": prompts.plain(turn.text, MAX_TEXT),
        }
    )


def _calls(message: "Message") -> list[Any]:
    """What the model wants to be done, where its answer is whole.

    Of an answer that was cut off the input may be incomplete.
    """
    if message.stop_reason not in _WHOLE | {"tool_use"}:
        return []
    return [b for b in message.content if getattr(b, "type", None) == "tool_use"]


def _said_again(message: "Message") -> list[dict[str, Any]]:
    """The model's turn as it goes back, made anew: the library chokes on input of odd shapes."""
    said: list[dict[str, Any]] = []
    for block in message.content:
        kind, text = getattr(block, "type", None), getattr(block, "text", None)
        if kind == "text" and isinstance(text, str) and text.strip():
            said.append({"type": "text", "text": text})
        elif kind == "tool_use":
            said.append(order_tool.said_again(block))
    return said


def _text(message: "Message") -> str:
    """The text of a finished answer."""
    if reason := _HOPELESS.get(message.stop_reason or ""):
        raise PermanentError(f"{_WHAT}: {reason}")
    if message.stop_reason not in _WHOLE:
        raise RetryableError(f"{_WHAT}: the answer is not finished")
    # Unknown blocks come as instances of known classes: only their type tells.
    blocks = [b for b in message.content if getattr(b, "type", None) == "text"]
    texts = [getattr(block, "text", None) for block in blocks]
    text = scrub_text("".join(text for text in texts if isinstance(text, str))).strip()
    if not text:
        raise RetryableError(f"{_WHAT}: the answer is empty")
    return text


def _usage(message: "Message") -> dict[str, Any]:
    usage: Any = message.usage
    if not hasattr(usage, "model_dump"):
        return {}
    counted = usage.model_dump(mode="json", exclude_none=True, warnings=False)
    return cast("dict[str, Any]", scrub(counted))


def _sum(usages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Add up what several calls have cost; what is no count is as in the last."""
    total: dict[str, Any] = {}
    for usage in usages:
        for name, value in usage.items():
            before = total.get(name)
            if isinstance(value, int) and isinstance(before, int):
                total[name] = before + value
            elif isinstance(value, dict) and isinstance(before, dict):
                total[name] = _sum([before, value])
            else:
                total[name] = value
    return total


def _refusal(error: "anthropic.APIStatusError") -> BizzyBeeError:
    """Name what follows from a status that is no success."""
    status, pause = error.status_code, retry_after(error.response.headers)
    detail = f"{_WHAT} answered {status}"
    if _REQUEST_ID.fullmatch(error.request_id or ""):
        detail = f"{detail} (request {error.request_id})"
    match status:
        case 401 | 403:
            return AuthError(f"{detail}: the key is refused")
        case 402:
            return AuthError(f"{detail}: the credit is used up")
        case 429 if error.error_code in _SPENT or error.type == "billing_error":
            return AuthError(f"{detail}: the credit is used up")
        case 429:
            return RateLimited(detail, RATE_LIMIT_PAUSE if pause is None else pause)
        case 408 | 409:
            return RetryableError(detail, pause)
        case _ if 400 <= status < 500:
            return PermanentError(detail)
        case _:
            return RetryableError(detail, pause)


def _name(exc: Exception) -> str:
    return type(exc).__name__
