"""Knows which adapters there are: every `ChannelAdapter` in a file of `adapters/`."""

import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module

from app.channels import adapters
from app.channels.base import ChannelAdapter
from app.config import Settings
from app.errors import InvalidInput


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
