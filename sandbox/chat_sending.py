"""What all providers of chats do with a message that they accept."""

from typing import Any

from flask import request

from sandbox.chats import Account, Conversation, Message
from sandbox.sends import ChatSend
from sandbox.world import world

#: So long an answer waits at most for what has to be told before it.
_LONGEST_WAIT = 10.0


def accept(
    account: Account,
    conversation: Conversation,
    text: str,
    *,
    route: str,
    body: dict[str, Any],
    facts: dict[str, Any] | None = None,
    failed: int | None = None,
) -> Message:
    """Count a send, and add it to its conversation."""
    chats = world().chats
    made: list[Message] = []

    def sent(number: int) -> ChatSend:
        message = chats.say(account, conversation, text, inbound=False, facts=facts)
        made.append(message)
        return ChatSend(
            number=number,
            provider=account.product,
            name=account.id,
            route=route,
            id=message.id,
            to=[conversation.person],
            body=body,
            text=text,
            failed=failed,
        )

    world().sends.accept(sent)
    return made[0]


def statuses(
    account: Account, failed: int | None = None
) -> list[tuple[str, int | None]]:
    """What will have become of a message, with the codes of failures."""
    if failed is not None:
        return [("failed", failed)]
    usual = world().callbacks[account.product].manner.statuses
    asked = account.settings.statuses
    told = [each.partition(":") for each in (usual if asked is None else asked)]
    return [(name, int(code) if code else None) for name, _, code in told]


def tell(account: Account, content: dict[str, Any], address: str | None = None) -> None:
    """Tell those who listen to an account."""
    world().callbacks[account.product].tell(account, content, address=address)


def told(account: Account) -> None:
    """Wait for what was told, where that has to come before the answer."""
    callbacks = world().callbacks[account.product]
    if account.settings.told_first and not callbacks.courier.settings.hold:
        callbacks.courier.wait_until_quiet(_LONGEST_WAIT)


def string(body: dict[str, Any], *path: str) -> str:
    """The text at a place in a body; empty where there is none."""
    value: Any = body
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def form_or_json() -> dict[str, Any]:
    """What is said in the query, in a form or in JSON, whichever way it comes."""
    given: dict[str, Any] = {**request.args, **request.form}
    body = request.get_json(force=True, silent=True) if request.is_json else None
    return given | body if isinstance(body, dict) else given
