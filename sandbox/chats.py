"""What was said in chats: accounts, the people who write to them, and their messages."""

import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sandbox import wire
from sandbox.chat_settings import ChatSettings

PRODUCTS = ("whatsapp", "messenger", "instagram", "telegram", "twilio", "chatwoot")
#: So long after somebody wrote they can be answered freely.
WINDOW = timedelta(hours=24)


@dataclass
class Message:
    """One message, as it is now."""

    id: str
    number: int
    """Counts the messages of its account; of Telegram those of its conversation."""
    person: str
    inbound: bool
    text: str
    at: float
    status: str
    facts: dict[str, Any] = field(default_factory=dict)
    """What its provider says of it beside."""


@dataclass
class Conversation:
    """What one person and an account have told each other."""

    number: int
    person: str
    name: str
    messages: list[Message] = field(default_factory=list)
    opted_out: bool = False

    @property
    def updated(self) -> float:
        """When something was said last."""
        return max((message.at for message in self.messages), default=0.0)

    def is_open(self, within: timedelta = WINDOW) -> bool:
        """Whether the person has written so recently."""
        moments = (message.at for message in self.messages if message.inbound)
        return time.time() - max(moments, default=0.0) <= within.total_seconds()


@dataclass
class Account:
    """An account at a provider of chats."""

    product: str
    id: str
    settings: ChatSettings
    epoch: int = 0
    """Cursors of another one have expired."""
    conversations: dict[str, Conversation] = field(default_factory=dict)
    """By person."""

    def of_number(self, number: int) -> Conversation | None:
        """The conversation of this number."""
        found = (each for each in self.all() if each.number == number)
        return next(found, None)

    def all(self) -> list[Conversation]:
        """The conversations, the oldest first."""
        return list(self.conversations.values())

    def messages(self) -> list[Message]:
        """The messages of all conversations, the oldest first."""
        found = [one for each in self.all() for one in list(each.messages)]
        return sorted(found, key=lambda message: (message.at, message.number))

    def find(self, message_id: str) -> Message | None:
        """The message of this id."""
        return next((one for one in self.messages() if one.id == message_id), None)


@dataclass(frozen=True)
class Media:
    """A file that somebody sent."""

    id: str
    account: Account
    content: bytes
    content_type: str


class Chats:
    """All of it. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._accounts: dict[tuple[str, str], Account] = {}
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._media: dict[str, Media] = {}

    def connect(self, product: str, account_id: str, settings: ChatSettings) -> Account:
        """An account of its own; connecting again forgets what was said."""
        with self._lock:
            account = Account(product, account_id, settings)
            self._accounts[product, account_id] = account
            return account

    def change(self, account: Account, **asked: Any) -> None:
        """Change settings; raises `ValidationError` for what they cannot be."""
        with self._lock:
            known = account.settings.model_dump()
            account.settings = ChatSettings.model_validate(known | asked)

    def get(self, product: str, account_id: str) -> Account | None:
        """The account of this id, if it was ever heard of."""
        return self._accounts.get((product, account_id))

    def account(self, product: str, account_id: str) -> Account:
        """The account of this id; one that nobody connected comes into being, for everybody."""
        with self._lock:
            known = self._accounts.get((product, account_id))
            if known is None:
                settings = ChatSettings(strangers=True, windows=False)
                known = Account(product, account_id, settings)
                self._accounts[product, account_id] = known
            return known

    def accounts(self, products: Iterable[str] = PRODUCTS) -> list[Account]:
        """The accounts of these products, the oldest first."""
        with self._lock:
            return [one for one in self._accounts.values() if one.product in products]

    def conversation(self, account: Account, person: str, name: str) -> Conversation:
        """The conversation with a person, which begins if there is none."""
        with self._lock:
            known = account.conversations.get(person)
            if known is None:
                known = Conversation(self.count(account), person, name)
                account.conversations[person] = known
            return known

    def count(self, account: Account, *of: str) -> int:
        """The next number that counts something of an account; first 1."""
        with self._lock:
            self._counts[account.product, account.id, *of] += 1
            return self._counts[account.product, account.id, *of]

    def say(
        self,
        account: Account,
        conversation: Conversation,
        text: str,
        *,
        inbound: bool,
        at: float | None = None,
        message_id: str | None = None,
        facts: dict[str, Any] | None = None,
    ) -> Message:
        """Add a message; under an id that is known already it is that message again."""
        with self._lock:
            if message_id and (known := account.find(message_id)):
                return known
            # The ids of Telegram are unique within one chat only.
            scope = conversation.person if account.product == "telegram" else ""
            number = self.count(account, "messages", scope)
            message = Message(
                id=message_id or _message_id(account, number),
                number=number,
                person=conversation.person,
                inbound=inbound,
                text=text,
                at=time.time() if at is None else at,
                status="received" if inbound else "sent",
                facts=facts or {},
            )
            conversation.messages.append(message)
            return message

    def keep(self, account: Account, content: bytes, content_type: str) -> Media:
        """Keep a file."""
        with self._lock:
            number = 900_000_000_000 + len(self._media) + 1
            media = Media(str(number), account, content, content_type)
            self._media[media.id] = media
            return media

    def media(self, media_id: str) -> Media | None:
        """The file of this id."""
        return self._media.get(media_id)

    def lose_media(self, media_id: str) -> bool:
        """Keep a file no longer; whether there was such."""
        with self._lock:
            return self._media.pop(media_id, None) is not None


def _message_id(account: Account, number: int) -> str:
    unique = wire.fingerprint(f"{account.product} {account.id} {number}")
    match account.product:
        case "whatsapp":
            return f"wamid.HBg{unique.upper()}AA=="
        case "messenger" | "instagram":
            return f"m_{unique}"
        case "twilio":
            return f"SM{unique}{number:08x}"
        case _:
            return str(number)
