"""What each adapter shows of its provider: one file per adapter, found by the adapter's own name.

`test_contract.py` holds every adapter to what `app/channels` promises, with these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from app.channels.base import Account
from app.channels.webhook import WebhookRequest

#: Known to both sides; what is signed with another one is not the provider's.
SECRET = "contract-secret"


class Signed(StrEnum):
    """What a provider vouches for."""

    BYTES = "bytes"
    """The body as it is, byte by byte."""
    FIELDS = "fields"
    """What the body says, in whatever order."""
    NOTHING = "nothing"
    """Only that it is the provider who calls."""


@dataclass(frozen=True)
class Examples:
    """Requests of a provider, unsigned, and how it signs them."""

    requests: tuple[WebhookRequest, ...]
    """Each is read without a fault; together they show what the provider has to say."""
    sign: Callable[[WebhookRequest, str], WebhookRequest]
    """The request as the provider sends it who knows this secret."""
    signed: Signed = Signed.BYTES
    credentials: Mapping[str, Any] = field(default_factory=dict)
    """Of the account, where it is the account that knows SECRET."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables, where all accounts have SECRET in common."""
    account_id: str | None = None
    """By which the requests name the account; None where only the address tells."""
    unknown: WebhookRequest | None = None
    """Brings one thing of a kind that came after the adapter was written.

    None where requests only announce what is to be fetched (`fetch_message`).
    """
    malformed: WebhookRequest | None = None
    """Brings one thing that cannot be read, and `readable` others. None as above."""
    readable: int = 0

    @property
    def account(self) -> Account:
        return Account(
            config_id="c1",
            addresses=frozenset(),
            credentials=dict(self.credentials),
            external_id=self.account_id,
        )


class NoExamples(LookupError):
    """An adapter has no file here."""


def examples_of(file: str) -> Examples:
    """The examples of the adapter in the file of this name.

    Raises NoExamples, which says what to add.
    """
    name = f"{__name__}.{file}"
    found = import_module(name) if find_spec(name) else None
    if not isinstance(getattr(found, "EXAMPLES", None), Examples):
        raise NoExamples(
            f"app/channels/adapters/{file}.py takes requests and shows none: add "
            f"tests/channels/examples/{file}.py with EXAMPLES = Examples(requests=…, sign=…, "
            "unknown=…, malformed=…); docs/adapters.md says what belongs there, telegram.py beside "
            "it is an example"
        )
    examples: Examples = found.EXAMPLES
    return examples
