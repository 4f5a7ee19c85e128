"""A sandbox on a free port, with a mailbox of a few invented mails."""

import base64
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from sandbox.server import create_sandbox, create_world, listen
from sandbox.world import EXTENSION
from tests.sandboxes import Receiver, receiving, running

OWNER = "hello@bikes.example"
LETTER = (
    b"From: Anna <anna@example.com>\r\nTo: hello@bikes.example\r\n"
    b"Subject: Saddle\r\nMessage-ID: <saddle@example.com>\r\n"
    b"Date: Mon, 05 Jan 2026 10:00:00 +0000\r\n\r\nIs it leather?\r\n"
)


@dataclass
class Sandbox:
    """A running sandbox as its callers see it."""

    url: str
    session: requests.Session

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(self.url + path, params=query, timeout=10)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.session.post(self.url + path, json=body, timeout=10)

    def control(self, path: str, body: Any) -> Any:
        """Direct the sandbox; a direction that is refused fails the test."""
        answer = self.post(f"/_control/{path}", body)
        assert answer.ok, answer.text
        return answer.json()

    def patch(self, path: str, body: Any) -> Any:
        """Change what the sandbox does; a direction that is refused fails the test."""
        answer = self.session.patch(
            f"{self.url}/_control/{path}", json=body, timeout=10
        )
        assert answer.ok, answer.text
        return answer.json()

    def delete(self, path: str) -> requests.Response:
        return self.session.delete(self.url + path, timeout=10)

    def add(self, raw: bytes = LETTER, **how: Any) -> dict[str, Any]:
        """Let a mail arrive in the mailbox of the session's token."""
        mail = {"raw": base64.b64encode(raw).decode(), **how}
        added: dict[str, Any] = self.control("mailboxes/test/mails", mail)
        return added

    def change(self, mail: dict[str, Any], **how: Any) -> dict[str, Any]:
        """Move or mark a mail; returns what it is then."""
        changed: dict[str, Any] = self.patch(f"mailboxes/test/mails/{mail['id']}", how)
        return changed

    def remove(self, mail: dict[str, Any]) -> None:
        """Delete a mail for good."""
        path = f"/_control/mailboxes/test/mails/{mail['id']}"
        assert self.delete(path).ok

    def behave(self, **settings: Any) -> None:
        """Change how the mailbox of the session's token behaves."""
        self.patch("mailboxes/test", settings)

    def pages(self, **query: Any) -> list[dict[str, Any]]:
        """Every page of a list of messages."""
        path = "/aurinko/v1/email/messages"
        pages = [self.get(path, **query).json()]
        while token := pages[-1].get("nextPageToken"):
            pages.append(self.get(path, **query, pageToken=token).json())
        return pages

    def records(self, **query: Any) -> list[dict[str, Any]]:
        return [record for page in self.pages(**query) for record in page["records"]]


Serve = Callable[..., Sandbox]


@pytest.fixture
def mail() -> Callable[..., bytes]:
    """Writes one mail for an mbox; headers by name with `_` for `-`."""

    def write(
        body: str | bytes = "Hello", *, day: int = 1, **headers: str | bytes
    ) -> bytes:
        known = {"From": "anna@example.com", "To": OWNER, "Subject": "Hi"}
        known.update({n.replace("_", "-"): v for n, v in headers.items()})
        lines = [
            name.encode() + b": " + (v if isinstance(v, bytes) else v.encode())
            for name, v in known.items()
        ]
        separator = f"From someone@example.com Thu Jan {day:2} 08:00:00 2026".encode()
        content = body if isinstance(body, bytes) else body.encode()
        return b"\n".join([separator, *lines, b"", content, b"", b""])

    return write


@pytest.fixture
def mbox(tmp_path: Path) -> Callable[..., Path]:
    """Puts mails into a file."""

    def write(*mails: bytes, name: str = "test.mbox") -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(mails))
        return path

    return write


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts sandboxes and stops them."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    started = []

    def start(mailbox: Path | None = None, **options: Any) -> Sandbox:
        server = listen(create_sandbox(mailbox, OWNER, **options))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        session = requests.Session()
        session.headers["Authorization"] = "Bearer sandbox-test"
        started.append((server, thread, session))
        return Sandbox(f"http://127.0.0.1:{server.port}", session)

    yield start

    for server, thread, session in started:
        session.close()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody to notify."""
    with receiving() as listening:
        yield listening


@pytest.fixture
def sandbox(
    shared: tuple[Flask, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """A sandbox without mail."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    app, url = shared
    app.extensions[EXTENSION] = world = create_world(None, OWNER)
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer sandbox-test"
        yield Sandbox(url, session)
    world.stop()


@pytest.fixture(scope="session")
def shared() -> Iterator[tuple[Flask, str]]:
    """One server for all tests that need nothing of their own: to build one takes long."""
    app = create_sandbox()
    with running(app, listen) as url:
        yield app, url
