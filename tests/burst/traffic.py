"""The webhooks of a burst: signed over their bytes as the providers do it, repeated and shuffled."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox import meta_calls, telegram_calls, twilio_calls
from sandbox.chat_settings import ChatSettings
from sandbox.chats import Account, Message
from sandbox.products import MANNERS

#: Of all requests so many were made before.
REPEATED = 0.3
#: Of the repeated ones so many follow at once, so that both are under way together.
AT_ONCE = 0.4
#: Meta puts so many messages into one request at most.
LARGEST_BATCH = 3
#: So many people write through each provider.
PEOPLE = 200
_NUMBER = "46850000001"
_START = 1_788_000_000
_ACCOUNTS = {
    "whatsapp": "1060000000777",
    "messenger": "10600000000001",
    "telegram": "4400000001",
    "twilio": "AC00000000000000000000000000000001",
}


@dataclass(frozen=True)
class Line:
    """A connected account, from both sides."""

    product: str
    url: str
    """Where it is called."""
    secret: str

    @property
    def account(self) -> Account:
        return Account(
            self.product, _ACCOUNTS[self.product], ChatSettings(secret=self.secret)
        )


@dataclass(frozen=True)
class Webhook:
    """One request, ready to be sent."""

    product: str
    url: str
    headers: dict[str, str]
    body: bytes
    messages: tuple[str, ...]
    """The ids under which we know what it brings."""


def account_id(product: str) -> str:
    """The provider's id of the account that a product's webhooks name."""
    return _ACCOUNTS[product]


def webhooks(lines: Sequence[Line], count: int, rng: random.Random) -> list[Webhook]:
    """So many requests to all lines alike, in the order in which they are made."""
    repeated = round(count * REPEATED)
    makers = [_requests(line, rng) for line in lines]
    made = [next(makers[number % len(makers)]) for number in range(count - repeated)]
    again = rng.sample(made, repeated) if repeated <= len(made) else made
    at_once = set(map(id, again[: round(len(again) * AT_ONCE)]))
    order = [*made, *(one for one in again if id(one) not in at_once)]
    rng.shuffle(order)
    return [
        copy
        for one in order
        for copy in ([one, one] if _takes(at_once, one) else [one])
    ]


def _takes(waiting: set[int], one: Webhook) -> bool:
    """Whether this one is to be repeated at once, which is done once."""
    if id(one) not in waiting:
        return False
    waiting.remove(id(one))
    return True


def _requests(line: Line, rng: random.Random) -> Iterator[Webhook]:
    account, manner = line.account, MANNERS[line.product]
    number = 0
    while True:
        size = rng.randint(1, LARGEST_BATCH) if manner.batches else 1
        messages = [_message(line.product, number + place) for place in range(size)]
        number += size
        body = manner.pack(account, [_content(account, one) for one in messages])
        yield Webhook(
            product=line.product,
            url=line.url,
            headers=dict(manner.sign(account, line.url, body, _START)),
            body=body,
            messages=tuple(_external_id(line.product, one) for one in messages),
        )


def _message(product: str, number: int) -> Message:
    person = {
        "whatsapp": f"467{number % PEOPLE:08}",
        "messenger": f"73{number % PEOPLE:012}",
        "telegram": f"55{number % PEOPLE:08}",
        "twilio": f"+467{number % PEOPLE:08}",
    }[product]
    # The ids of Telegram are unique within one chat only, and so they are here.
    place = number // PEOPLE + 1 if product == "telegram" else number
    return Message(
        id={"twilio": f"SM{number:032x}", "whatsapp": f"wamid.{number:012}"}.get(
            product, f"m_{number:012}"
        ),
        number=place,
        person=person,
        inbound=True,
        text=f"Är order {number}/2026 på väg? 🚲",
        at=_START + number,
        status="received",
        facts={"to": f"+{_NUMBER}", "from": person},
    )


def _content(account: Account, message: Message) -> dict[str, Any]:
    match account.product:
        case "whatsapp":
            return meta_calls.whatsapp_message(message, "Anna", {})
        case "messenger":
            return meta_calls.messaging_message(account, message, {})
        case "telegram":
            told = telegram_calls.described(account, message, "Anna")
            return {"update_id": int(message.at), "message": told}
        case _:
            return twilio_calls.incoming(account, message, {})


def _external_id(product: str, message: Message) -> str:
    if product == "telegram":
        return f"{message.person}:{message.number}"
    return message.id
