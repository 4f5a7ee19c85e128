"""One burst against the real processes, on a data directory of its own."""

import os
import random
import shutil
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import requests

from app.bootstrap import build_runtime
from app.config import Settings
from app.jobs.publishing import NoPublisher
from app.services import accounts
from app.services.operations.migrate import migrate
from tests.burst.caller import Answer, call_all
from tests.burst.traffic import Line, account_id, webhooks
from tests.chaos.invariants import count, violations
from tests.chaos.processes import Processes
from tests.chaos.servers import Servers

SECRET = "burst-secret"
#: What runs on one machine.
COPIES = {
    "web": 1,
    "worker-io": 1,
    "worker-ai": 1,
    "worker-ops": 1,
    "beat": 1,
    "listener": 1,
}
#: Our names of the products, with their channel and what their accounts have to know.
ACCOUNTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "whatsapp": ("whatsapp", "whatsapp", {"app_secret": SECRET}),
    "messenger": ("messenger", "facebook", {"app_secret": SECRET}),
    "telegram": ("telegram", "telegram", {"secret_token": SECRET}),
    "twilio": ("twilio-sms", "sms", {"auth_token": SECRET}),
}
_UNFINISHED = "SELECT count(*) FROM message_events WHERE finished_at IS NULL"


@dataclass
class Report:
    """What a burst did and what it found."""

    webhooks: int
    connections: int
    distinct: int
    """Messages that were said at all."""
    statuses: dict[int, int] = field(default_factory=dict)
    kept: int = 0
    """Messages that the answers called new."""
    events: int = 0
    messages: int = 0
    seconds: float = 0.0
    """From the first request to the last answer."""
    milliseconds: dict[str, float] = field(default_factory=dict)
    """Of the answers: p50, p95, p99, longest."""
    by_provider: dict[str, float] = field(default_factory=dict)
    """The p99 of each."""
    quiet_after: float = 0.0
    """Seconds after the last answer until everything was worked on; negative: not in time."""
    load: tuple[float, ...] = ()
    """Of the machine in the last minute: before the burst, and at its end."""
    wrong: dict[str, Any] = field(default_factory=dict)


class Burst:
    """Everything started, one burst, everything looked at."""

    def __init__(
        self,
        data_dir: Path,
        *,
        seed: int,
        count: int,
        connections: int,
        rate: float = 0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir(parents=True)
        self._data_dir = data_dir
        self._rng = random.Random(seed)
        self._count = count
        self._rate = rate
        self._say = say
        self.report = Report(webhooks=count, connections=connections, distinct=0)

    def run(self, patience: float) -> Report:
        """Call, then wait for the workers at most so long, then compare."""
        with self._system() as lines:
            made = webhooks(lines, self._count, self._rng)
            wanted = {(one.product, each) for one in made for each in one.messages}
            self.report.distinct = len(wanted)
            self._say(f"{len(made)} webhooks with {len(wanted)} distinct messages")
            before = os.getloadavg()[0]
            started = time.monotonic()
            answers = call_all(
                made, connections=self.report.connections, rate=self._rate
            )
            self.report.seconds = time.monotonic() - started
            self.report.load = (before, os.getloadavg()[0])
            self._measure(answers)
            self._say(
                f"answered after {self.report.seconds:.0f} s; waiting for workers"
            )
            self._wait_for_quiet(patience)
            self._compare(wanted)
        return self.report

    @contextmanager
    def _system(self) -> Iterator[list[Line]]:
        servers = Servers(self._data_dir)
        self._database = servers.libpq_url
        try:
            settings = self._settings(servers)
            lines = self._connect(settings)
            with Processes(settings, self._data_dir / "logs", copies=COPIES):
                _wait_for(f"{settings.public_url}/readyz")
                yield lines
        finally:
            servers.stop()

    def _settings(self, servers: Servers) -> Settings:
        port = _free_port()
        return Settings.model_validate(
            {
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": servers.redis_url,
                "BB_DATA_DIR": self._data_dir,
                "BB_SECRET_KEY": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
                "PORT": port,
                "BB_PUBLIC_URL": f"http://127.0.0.1:{port}",
                "BB_AI_MODE": "offline",
                "BB_TASK_EVENTS": False,
                "META_APP_SECRET": SECRET,
            }
        )

    def _connect(self, settings: Settings) -> list[Line]:
        runtime = build_runtime(settings, NoPublisher(), pool_size=1)
        migrate(runtime)
        workspace = accounts.create_workspace(runtime, "Burst")
        lines = []
        for product, (provider, channel, credentials) in ACCOUNTS.items():
            config = accounts.add_config(
                runtime,
                workspace.id,
                name=product,
                provider=provider,
                channel=channel,
                addresses=[],
                credentials=credentials,
                external_account_id=account_id(product),
            )
            path = f"/webhooks/{provider}"
            if product in ("telegram", "twilio"):
                path += f"/{config.id}"
            lines.append(Line(product, f"{settings.public_url}{path}", SECRET))
        runtime.database.dispose()
        return lines

    def _measure(self, answers: list[Answer]) -> None:
        report = self.report
        report.statuses = dict(Counter(one.status for one in answers))
        report.kept = sum(one.kept for one in answers)
        times = sorted(one.seconds for one in answers)
        report.milliseconds = {
            "p50": _share(times, 0.50),
            "p95": _share(times, 0.95),
            "p99": _share(times, 0.99),
            "longest": _share(times, 1.0),
        }
        for product in ACCOUNTS:
            own = sorted(one.seconds for one in answers if one.product == product)
            report.by_provider[product] = _share(own, 0.99)

    def _wait_for_quiet(self, patience: float) -> None:
        started = time.monotonic()
        while count(self._database, _UNFINISHED):
            if time.monotonic() - started > patience:
                self.report.quiet_after = -1.0
                return
            time.sleep(0.5)
        self.report.quiet_after = time.monotonic() - started

    def _compare(self, wanted: set[tuple[str, str]]) -> None:
        """Exactly what was said has to be there."""
        report, wrong = self.report, self.report.wrong
        stored = {
            table: _stored(self._database, table)
            for table in ("message_events", "messages")
        }
        report.events, report.messages = map(len, stored.values())
        if report.quiet_after < 0:
            # What is still to be done is nothing that is lost; the events have to be there.
            wrong["not worked on in time"] = report.events - report.messages
            del stored["messages"]
        for table, rows in stored.items():
            _note(wrong, f"missing in {table}", sorted(wanted - set(rows))[:5])
            _note(wrong, f"unknown in {table}", sorted(set(rows) - wanted)[:5])
            _note(wrong, f"twice in {table}", len(rows) - len(set(rows)))
        others = {one: n for one, n in report.statuses.items() if one != 200}
        _note(wrong, "answers", others)
        _note(wrong, "kept beside the distinct ones", report.kept - len(wanted))
        receipts = count(self._database, "SELECT count(*) FROM webhook_receipts")
        _note(wrong, "receipts that differ", receipts - report.webhooks)
        if report.quiet_after >= 0:
            wrong |= violations(self._database)


def _stored(database: str, table: str) -> list[tuple[str, str]]:
    """What is stored by product and id, as often as it is there."""
    connection = psycopg2.connect(database)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT c.name, t.external_id FROM {table} t"
                " JOIN channel_configs c ON c.id = t.config_id"
            )
            return [(name, external_id) for name, external_id in cursor.fetchall()]
    finally:
        connection.close()


def _note(wrong: dict[str, Any], what: str, found: Any) -> None:
    if found:
        wrong[what] = found


def _share(times: list[float], share: float) -> float:
    """The milliseconds that so many of them took at most."""
    if not times:
        return 0.0
    place = min(len(times) - 1, max(0, -int(-len(times) * share // 1) - 1))
    return round(times[place] * 1000, 1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            if requests.get(url, timeout=2).status_code == 200:
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < deadline, "the web process does not come up"
        time.sleep(0.2)
