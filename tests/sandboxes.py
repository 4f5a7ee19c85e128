"""Runs the sandbox inside the test process, on a port of its own, and receives from it."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

#: So long nothing takes that is going to happen.
_LONGEST_WAIT = 20.0


@contextmanager
def running(app: Any, listen: Callable[[Any, int], Any]) -> Iterator[str]:
    """Serve until the end of the block; yields the base address."""
    server = listen(app, 0)
    with served(server):
        yield f"http://127.0.0.1:{server.port}"


@dataclass
class Received:
    """One request as it came."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Somebody who subscribes: repeats validation tokens, takes what else comes."""

    url: str = ""
    statuses: deque[int] = field(default_factory=deque)
    """Of the next answers to notifications; then 200."""
    validation: dict[str, Any] = field(default_factory=dict)
    """Where the answer to a validation differs: `status`, `type`, `body`."""
    validations: list[Received] = field(default_factory=list)
    notifications: list[Received] = field(default_factory=list)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> list[Received]:
        """The notifications, as soon as there are so many."""
        with self._arrived:
            self._arrived.wait_for(
                lambda: len(self.notifications) >= count, _LONGEST_WAIT
            )
            return list(self.notifications)

    def answer(self, received: Received) -> tuple[int, str, bytes]:
        """Status, content type and body of the answer to a request."""
        with self._arrived:
            if token := received.query.get("validationToken"):
                self.validations.append(received)
                usual = {"status": 200, "type": "text/plain; charset=utf-8"}
                answer = {**usual, "body": token[0], **self.validation}
                return answer["status"], answer["type"], answer["body"].encode()
            self.notifications.append(received)
            self._arrived.notify_all()
            status = self.statuses.popleft() if self.statuses else 200
            return status, "text/plain", b""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen until the end of the block for what the sandbox posts."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            split = urlsplit(self.path)
            received = Received(
                path=split.path,
                query=parse_qs(split.query),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers["Content-Length"])),
            )
            status, kind, body = receiver.answer(received)
            with suppress(ConnectionError):  # who asked may not have waited
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    with served(server):
        yield receiver


@contextmanager
def served(server: Any) -> Iterator[None]:
    """Let a server answer until the end of the block."""
    thread = threading.Thread(
        target=server.serve_forever, args=(0.01,), name="sandbox", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
