"""A known set of messages, brought in by every way in, more than once and in any order."""

import json
import random
import time
from dataclasses import dataclass
from uuid import UUID

import psycopg2
import psycopg2.extras
import requests

from tests.factories import START

THREAD_LENGTH = 3
LARGEST_BATCH = 20


@dataclass(frozen=True)
class Feed:
    """Where the messages go."""

    workspace_id: UUID
    config_id: UUID
    key: str
    web_url: str
    libpq_url: str


def messages(count: int) -> list[dict]:
    """Inbound messages in threads of a few, some answered by us."""
    made = []
    for number in range(count):
        thread, place = divmod(number, THREAD_LENGTH)
        outbound = place == 1 and thread % 5 == 0
        customer = {"kind": "email", "value": f"person{thread % 40}@example.com"}
        shop = {"kind": "email", "value": "shop@shop.example"}
        made.append(
            {
                "external_id": f"m{number}@example.com",
                "external_thread_id": f"thread-{thread}",
                "direction": "outbound" if outbound else "inbound",
                "sender": shop if outbound else customer,
                "recipients": [customer if outbound else shop],
                "subject": f"Order {thread}",
                "body_text": f"Where is order {thread}? This is my message {place}.",
                "sent_at": START.replace(minute=place).isoformat(),
            }
        )
    return made


def post(feed: Feed, batch: list[dict], *, patience: float = 60) -> int:
    """Bring a batch as a partner does: until it is accepted. Returns how often it was tried."""
    deadline = time.monotonic() + patience
    tries = 0
    while True:
        tries += 1
        try:
            answer = requests.post(
                f"{feed.web_url}/unified-ingest",
                json={
                    "workspace_id": str(feed.workspace_id),
                    "config_id": str(feed.config_id),
                    "channel": "email",
                    "messages": batch,
                },
                headers={"Authorization": f"Bearer {feed.key}"},
                timeout=15,
            )
            if answer.status_code == 202:
                return tries
            assert answer.status_code in {500, 503}, answer.text
        except requests.RequestException:
            pass
        assert time.monotonic() < deadline, "the web process does not accept anything"
        time.sleep(0.3)


def insert(feed: Feed, batch: list[dict], *, patience: float = 60) -> None:
    """Bring a batch as another server does: by INSERT, until it is committed."""
    deadline = time.monotonic() + patience
    while True:
        try:
            _insert(feed, batch)
            return
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            assert time.monotonic() < deadline, "the database does not come back"
            time.sleep(0.3)


def _insert(feed: Feed, batch: list[dict]) -> None:
    connection = psycopg2.connect(feed.libpq_url, connect_timeout=5)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('role', 'bizzybee_app', true),"
                " set_config('app.workspace_id', %s, true)",
                [str(feed.workspace_id)],
            )
            psycopg2.extras.execute_values(
                cursor,
                "INSERT INTO message_events (workspace_id, channel, config_id,"
                " external_id, external_thread_id, direction, payload) VALUES %s"
                " ON CONFLICT DO NOTHING",
                [
                    (
                        str(feed.workspace_id),
                        "email",
                        str(feed.config_id),
                        one["external_id"],
                        one["external_thread_id"],
                        one["direction"],
                        json.dumps(one),
                    )
                    for one in batch
                ],
            )
    finally:
        connection.close()


def deliver(
    feed: Feed, everything: list[dict], rng: random.Random, *, seconds: float
) -> None:
    """Bring everything at least once, a third of it again, shuffled, by web and by INSERT.

    Spread over so many seconds, more where the other side is slow to accept.
    """
    queue = everything + rng.sample(everything, len(everything) // 3)
    rng.shuffle(queue)
    pause = seconds / (len(queue) / (LARGEST_BATCH / 2))
    while queue:
        size = rng.randint(1, LARGEST_BATCH)
        batch, queue = queue[:size], queue[size:]
        # One INSERT must not name a row twice; a POST may.
        unique = list({one["external_id"]: one for one in batch}.values())
        if rng.random() < 0.3:
            insert(feed, unique)
        else:
            post(feed, batch)
        time.sleep(pause * rng.uniform(0.2, 1.6))
