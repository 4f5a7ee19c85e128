"""A mailbox at the sandbox, and the hands that change it."""

from base64 import b64encode
from itertools import count
from typing import Any

import requests

_numbers = count(1)


def mail(text: str = "Where is my order?", **headers: str) -> bytes:
    """A mail from Anna to the shop, as bytes."""
    number = next(_numbers)
    fields = {
        "From": "Anna Berg <anna@example.com>",
        "To": "shop@shop.example",
        "Subject": f"Order {number}",
        "Date": "Mon, 02 Nov 2026 09:00:00 +0000",
        "Message-ID": f"<live{number}@example.com>",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{head}\r\n{text}\r\n".encode()


class LiveMailbox:
    """One mailbox of the sandbox, by the name behind its token."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self.token = f"sandbox-{name}"
        made = self._ask("POST", "/mailboxes", name=name, owner="shop@shop.example")
        assert made["messages"] == 0

    def add(self, raw: bytes | None = None, *, folder: str = "inbox") -> str:
        """Let a mail come; returns the provider's id."""
        encoded = b64encode(raw if raw is not None else mail()).decode()
        made = self._ask("POST", self._path("/mails"), raw=encoded, folder=folder)
        return str(made["id"])

    def change(self, mail_id: str, **change: Any) -> str:
        """Move or mark a mail; returns its id, which may be new."""
        changed = self._ask("PATCH", self._path(f"/mails/{mail_id}"), **change)
        return str(changed["id"])

    def delete(self, mail_id: str) -> None:
        self._ask("DELETE", self._path(f"/mails/{mail_id}"))

    def set(self, **settings: Any) -> None:
        """Change how the provider behaves for this mailbox."""
        self._ask("PATCH", self._path(""), **settings)

    def expire(self) -> None:
        """Let the provider forget every place that was reached."""
        self._ask("POST", self._path("/expire"))

    def fault(self, **script: Any) -> None:
        self._ask("POST", "/faults", provider="aurinko", **script)

    def webhooks(self, **settings: Any) -> None:
        """Change how notifications are delivered."""
        self._ask("PATCH", "/webhooks", **settings)

    def subscriptions(self) -> list[dict[str, Any]]:
        found = self._ask("GET", "/subscriptions")
        listed = found["subscriptions"] if isinstance(found, dict) else found
        return list(listed)

    def deactivate(self, subscription_id: int) -> None:
        """Let the provider forget that it promised to call."""
        self._ask("PATCH", f"/subscriptions/{subscription_id}", active=False)

    def requests_for(self, mail_id: str) -> int:
        """How often a mail was asked for by its id."""
        seen = self._ask("GET", "/requests")
        rows = seen["requests"] if isinstance(seen, dict) else seen
        return sum(row["path"].endswith(f"/{mail_id}") for row in rows)

    def _path(self, rest: str) -> str:
        return f"/mailboxes/{self.name}{rest}"

    def _ask(self, method: str, path: str, **body: Any) -> Any:
        answer = requests.request(
            method, f"{self.url}/_control{path}", json=body or None, timeout=10
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None
