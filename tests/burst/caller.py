"""Makes requests over a few lasting connections, and takes the time of each."""

import http.client
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.burst.traffic import Webhook

_TIMEOUT = 60.0


@dataclass(frozen=True)
class Answer:
    """How one request was answered."""

    product: str
    status: int
    kept: int
    """What was new in it."""
    seconds: float


def call_all(
    webhooks: Sequence[Webhook], *, connections: int, rate: float = 0
) -> list[Answer]:
    """Make all requests, each once; `rate` is how many a second at most, 0 as many as go."""
    waiting = deque(enumerate(webhooks))
    answers: list[Answer] = []
    started = time.monotonic()

    def work() -> None:
        url = urlsplit(webhooks[0].url)
        connection = http.client.HTTPConnection(url.netloc, timeout=_TIMEOUT)
        while True:
            try:
                number, webhook = waiting.popleft()
            except IndexError:
                connection.close()
                return
            if rate:
                time.sleep(max(0.0, started + number / rate - time.monotonic()))
            answers.append(_call(connection, webhook))

    threads = [
        threading.Thread(target=work, name="caller", daemon=True)
        for _ in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _call(connection: http.client.HTTPConnection, webhook: Webhook) -> Answer:
    path = webhook.url.split("/", 3)[3]
    started = time.perf_counter()
    try:
        answer = _ask(connection, webhook, f"/{path}")
    except (http.client.RemoteDisconnected, ConnectionError):
        # The server closes a connection that was idle; a provider just opens another.
        connection.close()
        answer = _ask(connection, webhook, f"/{path}")
    answer.read()
    seconds = time.perf_counter() - started
    kept = int(answer.headers.get("X-Kept") or 0)
    return Answer(webhook.product, answer.status, kept, seconds)


def _ask(
    connection: http.client.HTTPConnection, webhook: Webhook, path: str
) -> http.client.HTTPResponse:
    connection.request("POST", path, body=webhook.body, headers=webhook.headers)
    return connection.getresponse()
