"""Knows which adapters there are: every `ChannelAdapter` in a file of `adapters/`."""

import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module

from app.channels import adapters
from app.channels.base import ChannelAdapter
from app.channels.webhook import Receiver, Subscriber
from app.config import Settings
from app.errors import InvalidInput, NotFound


class Adapters(Mapping[str, ChannelAdapter]):
    """The adapters by provider, built once per process."""

    def __init__(self, settings: Settings) -> None:
        self._by_provider = {
            adapter.provider: adapter.from_settings(settings) for adapter in _found()
        }

    def of(self, provider: str) -> ChannelAdapter:
        """Return the adapter of a provider.

        Raises InvalidInput that names the providers there are.
        """
        if provider not in self:
            known = ", ".join(self)
            raise InvalidInput(f"unknown provider {provider!r}; known are: {known}")
        return self[provider]

    def receiver(self, provider: str) -> Receiver:
        """Return the adapter whose provider calls us.

        Raises NotFound where there is none.
        """
        adapter = self._by_provider.get(provider)
        if not isinstance(adapter, Receiver):
            raise NotFound(f"no provider {provider!r} calls here")
        return adapter

    def subscriber(self, provider: str) -> Subscriber:
        """Return the adapter whose provider has to be asked to call us.

        Raises InvalidInput where it need not or cannot be asked.
        """
        adapter = self.of(provider)
        if not isinstance(adapter, Subscriber):
            raise InvalidInput(f"{provider} takes no subscription")
        return adapter

    def __getitem__(self, provider: str) -> ChannelAdapter:
        return self._by_provider[provider]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_provider)

    def __len__(self) -> int:
        return len(self._by_provider)


def _found() -> Iterator[type[ChannelAdapter]]:
    """Yield the adapters in the order of their files' names."""
    for file in pkgutil.iter_modules(adapters.__path__):
        module = import_module(f"{adapters.__name__}.{file.name}")
        for _, found in inspect.getmembers(module, inspect.isclass):
            # What a file imports belongs to another file.
            if (
                issubclass(found, ChannelAdapter)
                and found.__module__ == module.__name__
            ):
                yield found
