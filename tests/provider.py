"""A provider through which tests send: takes messages, or does what its script says before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.channels.base import Account, ChannelAdapter
from app.channels.sending import Outgoing, Sender, Sent
from app.domain.text_limit import TextLimit
from app.domain.unified_message import Channel
from app.runtime import Runtime

Step = Exception | Callable[[Outgoing], Sent | None]


class Provider(ChannelAdapter, Sender):
    """Keeps what it took, in order; `script` is consumed call by call."""

    provider = "provider"
    channel = Channel.WHATSAPP
    text_limit = TextLimit(1000)

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.taken: list[Outgoing] = []
        self.looked: list[Outgoing] = []
        self.findable: dict[Any, Sent] = {}
        self.window: timedelta | None = None  # type: ignore[misc]
        self.can_find = False  # type: ignore[misc]

    @classmethod
    def from_settings(cls, settings: Any) -> "Provider":
        return cls()

    def take(self, outgoing: Outgoing) -> Sent:
        """What a provider does that says yes."""
        self.taken.append(outgoing)
        return Sent(f"p{len(self.taken)}", thread_id=outgoing.thread_id)

    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is not None and (said := step(outgoing)) is not None:
            return said
        return self.take(outgoing)

    def find_sent(
        self, account: Account, outgoing: Outgoing, *, since: datetime
    ) -> Sent | None:
        self.looked.append(outgoing)
        return self.findable.get(outgoing.id)

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.taken]


class _Adapters(dict[str, Any]):
    def of(self, provider: str) -> Any:
        return self[provider]


def through(runtime: Runtime, provider: Provider, **more: Any) -> Runtime:
    """The runtime with a provider in place of every adapter's network."""
    adapters = _Adapters({**dict(runtime.adapters), provider.provider: provider})
    return replace(runtime, adapters=adapters, **more)
