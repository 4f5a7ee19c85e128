"""The storm: feed a known set, break things meanwhile, wait for quiet, check."""

import base64
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from app.bootstrap import build_runtime
from app.config import ROOT, Settings, process_environment
from app.domain.status import Scope
from app.jobs import queues
from app.jobs.broker import Broker
from app.jobs.publishing import NoPublisher
from app.services import accounts
from app.services.operations.migrate import migrate
from sandbox.server import create_sandbox, listen
from tests.chaos.feed import Feed, deliver, messages
from tests.chaos.invariants import count, violations
from tests.chaos.processes import COPIES, Processes
from tests.chaos.servers import Servers
from tests.sandboxes import running

IMPORTED = 60
#: Mails that come in meanwhile, announced by webhook and found by polling.
LIVE = 60
LIVE_MAILBOX = "live"
SECRET = "signing secret"
#: Enough for what failed again and again to come back once more.
QUIET_SECONDS = 600.0

#: Where processes kill themselves, and how likely each time they pass: everywhere a little, and at
#: one point after the other a lot.
EVERYWHERE = "*=0.01"
POINTS = (
    "poll.claimed",
    "poll.called",
    "fetch_messages.claimed",
    "fetch_messages.called",
    "fetch_page.claimed",
    "fetch_page.called",
    "fetch_page.written",
    "materialize.claimed",
    "materialize.written",
    "classify.claimed",
    "classify.called",
    "classify.written",
    "draft.claimed",
    "draft.called",
    "draft.written",
    "store_files.claimed",
    "store_files.put",
    "publish",
)

UNFINISHED = "SELECT count(*) FROM message_events WHERE finished_at IS NULL"
WITHOUT_FILES = "SELECT count(*) FROM attachments WHERE state = 'pending'"


@dataclass
class Report:
    """What a storm did and what it found."""

    seed: int
    expected: int
    events: int = 0
    done: list[str] = field(default_factory=list)
    kills: int = 0
    """By hand, of processes and of workers' children."""
    killed_at: dict[str, int] = field(default_factory=dict)
    """By themselves, at named points."""
    deaths: int = 0
    """Processes that ended and were started again, for whatever reason."""
    model_calls: dict[str, int] = field(default_factory=dict)
    answers_used: dict[str, int] = field(default_factory=dict)
    given_up: int = 0
    """Dead letters that the faults caused; they were requeued."""
    quiet_after: float = 0.0
    violations: dict[str, list[Any]] = field(default_factory=dict)


class Storm:
    """One run, on a data directory of its own."""

    def __init__(
        self,
        data_dir: Path,
        *,
        seed: int,
        count: int,
        copies: dict[str, int] = COPIES,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir(parents=True)
        self._data_dir = data_dir
        self._rng = random.Random(seed)
        self._copies = copies
        self._say = say
        self._messages = messages(count)
        self.report = Report(seed=seed, expected=count + IMPORTED + LIVE)

    def run(self, seconds: float) -> Report:
        """Break things for so long, then wait and check."""
        with self.system():
            self._start_import()
            self._break_things(seconds)
            self._wait_for_quiet()
            self._requeue_what_was_given_up()
            self._look_back()
        return self.report

    @contextmanager
    def system(self) -> Iterator[None]:
        """Everything started, with an account to feed; all is stopped at the end."""
        mailbox = self._data_dir / "mailbox.mbox"
        mailbox.write_text("\n".join(_mails(IMPORTED)))
        self._servers = Servers(self._data_dir)
        try:
            sandbox = create_sandbox(
                mailbox, "shop@shop.example", signing_secret=SECRET
            )
            with running(sandbox, listen) as url:
                self._sandbox = url
                self._open_live_mailbox()
                self._settings = self._settings_for(url)
                self._set_up()
                with Processes(
                    self._settings, self._data_dir / "logs", copies=self._copies
                ) as self._processes:
                    self._wait_for_web()
                    yield
        finally:
            self._servers.stop()

    def _look_back(self) -> None:
        url = self._servers.libpq_url
        self._count_calls()
        self.report.deaths = self._processes.deaths
        self.report.killed_at = self._processes.killed_at()
        self.report.events = count(url, "SELECT count(*) FROM message_events")
        self.report.violations = violations(url)

    def _count_calls(self) -> None:
        """What the models were asked, beside what was used: the rest is what kills and faults cost."""
        counts = requests.get(f"{self._sandbox}/_control/counts", timeout=5).json()
        url = self._servers.libpq_url
        for provider in ("gateway", "anthropic"):
            self.report.model_calls[provider] = sum(counts.get(provider, {}).values())
        self.report.answers_used = {
            "decisions by model": count(
                url,
                "SELECT count(*) FROM message_events WHERE decision ->> 'judged_by' = 'model'",
            ),
            "drafts": count(url, "SELECT count(*) FROM drafts"),
        }

    def _settings_for(self, sandbox: str) -> Settings:
        port = _free_port()
        return Settings.model_validate(
            {
                "DATABASE_URL": self._servers.database_url,
                "REDIS_URL": self._servers.redis_url,
                "BB_DATA_DIR": self._data_dir,
                "BB_SECRET_KEY": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
                "PORT": port,
                "BB_PUBLIC_URL": f"http://127.0.0.1:{port}",
                "AURINKO_WEBHOOK_SECRET": SECRET,
                "BB_AI_MODE": "live",
                "BB_LEASE_SECONDS": 3,
                "BB_SWEEP_SECONDS": 1,
                "BB_TASK_EVENTS": False,
                "BB_IMPORT_BATCH_SIZE": 10,
                "AURINKO_API_BASE_URL": f"{sandbox}/aurinko",
                "LOVABLE_AI_GATEWAY_URL": f"{sandbox}/gateway",
                "LOVABLE_AI_GATEWAY_KEY": "sandbox-chaos",
                "LOVABLE_TIMEOUT_SECONDS": 3,
                "ANTHROPIC_API_URL": f"{sandbox}/anthropic",
                "ANTHROPIC_API_KEY": "sandbox-chaos",
                "ANTHROPIC_TIMEOUT_SECONDS": 3,
            }
        )

    def _set_up(self) -> None:
        runtime = build_runtime(self._settings, NoPublisher(), pool_size=1)
        migrate(runtime)
        self._workspace = accounts.create_workspace(runtime, "Chaos")
        direct, self._mailbox = (
            accounts.add_config(
                runtime,
                self._workspace.id,
                name=name,
                provider=provider,
                channel="email",
                addresses=["shop@shop.example"],
                credentials={"access_token": "sandbox-chaos"},
            )
            for name, provider in (("direct", "direct"), ("mailbox", "aurinko"))
        )
        accounts.add_config(
            runtime,
            self._workspace.id,
            name="live",
            provider="aurinko",
            channel="email",
            addresses=["shop@shop.example"],
            credentials={"access_token": f"sandbox-{LIVE_MAILBOX}"},
            poll_seconds=2,
            subscribes=True,
        )
        _, self._key = accounts.create_key(
            runtime,
            self._workspace.id,
            name="chaos",
            scopes=[Scope.INGEST, Scope.IMPORT, Scope.READ],
        )
        self._feed = Feed(
            workspace_id=self._workspace.id,
            config_id=direct.id,
            key=self._key,
            web_url=f"http://127.0.0.1:{self._settings.port}",
            libpq_url=self._servers.libpq_url,
        )
        runtime.database.dispose()

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                requests.get(f"{self._feed.web_url}/healthz", timeout=2)
                return
            except requests.RequestException:
                assert time.monotonic() < deadline, "the web process does not come up"
                time.sleep(0.2)

    def _break_things(self, seconds: float) -> None:
        failures: list[Exception] = []

        def feed() -> None:
            try:
                rng = random.Random(self.report.seed)
                deliver(self._feed, self._messages, rng, seconds=seconds)
            except Exception as error:  # noqa: BLE001 — raised where it is waited for
                failures.append(error)

        def feed_live() -> None:
            try:
                self._deliver_live(seconds)
            except Exception as error:  # noqa: BLE001 — raised where it is waited for
                failures.append(error)

        feeders = [
            threading.Thread(target=target, name=target.__name__, daemon=True)
            for target in (feed, feed_live)
        ]
        for feeder in feeders:
            feeder.start()
        self._processes.kill_points(EVERYWHERE)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            name, action = self._rng.choice(self._actions())
            self._say(name)
            self.report.done.append(f"{name}: {action() or 'done'}")
            time.sleep(self._rng.uniform(0.1, 1.0))
        requests.delete(f"{self._sandbox}/_control/faults", timeout=5)
        self._processes.kill_points(None)
        self._processes.restart_all()
        for feeder in feeders:
            feeder.join(120)
            assert not feeder.is_alive(), "the feed did not come through"
        if failures:
            raise failures[0]

    def _open_live_mailbox(self) -> None:
        mailbox = {"name": LIVE_MAILBOX, "owner": "shop@shop.example"}
        self._control("POST", "/mailboxes", mailbox)
        # The provider tries again sooner than it really would.
        self._control("PATCH", "/webhooks", {"scale": 0.2, "copies": 2})

    def _deliver_live(self, seconds: float) -> None:
        """Let mails come in at the provider, one after the other."""
        for number in range(LIVE):
            raw = base64.b64encode(_live_mail(number)).decode()
            path = f"/mailboxes/{LIVE_MAILBOX}/mails"
            self._control("POST", path, {"raw": raw, "folder": "inbox"})
            time.sleep(seconds / LIVE)

    def _control(self, method: str, path: str, body: dict[str, Any]) -> None:
        url = f"{self._sandbox}/_control{path}"
        requests.request(method, url, json=body, timeout=10).raise_for_status()

    def _actions(self) -> list[tuple[str, Callable[[], Any]]]:
        return [
            *[("kill", self._kill)] * 12,
            *[("kill at a point", self._kill_at_a_point)] * 4,
            ("flush Redis", self._servers.flush_redis),
            ("restart Redis", self._servers.restart_redis),
            ("pause Redis", lambda: self._servers.pause_redis(2)),
            ("restart PostgreSQL", self._servers.restart_postgres),
            *[("provider faults", self._provider_faults)] * 2,
        ]

    def _kill(self) -> str:
        self.report.kills += 1
        return self._processes.kill_one(self._rng)

    def _kill_at_a_point(self) -> str:
        """From now on one more point is deadly; a worker is restarted so that it hears of it."""
        point = self._rng.choice(POINTS)
        self._processes.kill_points(f"{EVERYWHERE},{point}=0.3")
        self.report.kills += 1
        return f"{point}; {self._processes.kill_one(self._rng, 'worker')}"

    def _provider_faults(self) -> str:
        provider = self._rng.choice(["aurinko", "gateway", "anthropic"])
        script: dict[str, Any] = self._rng.choice(
            [
                {"status": 429, "headers": {"Retry-After": "1"}},
                {"status": 500},
                {"status": 503},
                {"mode": "drop"},
                {"mode": "garbage"},
                {"mode": "half"},
                {"delay_ms": 4000},
            ]
        )
        times = self._rng.randint(1, 4)
        requests.post(
            f"{self._sandbox}/_control/faults",
            json={"provider": provider, "times": times, **script},
            timeout=5,
        ).raise_for_status()
        return f"{provider} {script} x{times}"

    def _start_import(self) -> None:
        """Ask for an import until one is accepted or going."""
        for _ in range(60):
            try:
                answer = requests.post(
                    f"{self._feed.web_url}/start-email-import",
                    json={
                        "workspace_id": str(self._workspace.id),
                        "config_id": str(self._mailbox.id),
                    },
                    headers={"Authorization": f"Bearer {self._key}"},
                    timeout=15,
                )
                if answer.status_code in {202, 409}:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.5)
        raise AssertionError("no import could be started")

    def _wait_for_quiet(self) -> None:
        """Until the import is complete and nothing is unfinished; imports that failed go again."""
        started = time.monotonic()
        url = self._servers.libpq_url
        going = (
            "SELECT count(*) FROM pipeline_runs WHERE state IN ('queued', 'running')"
        )
        complete = "SELECT count(*) FROM pipeline_runs WHERE state = 'completed'"
        while time.monotonic() - started < QUIET_SECONDS:
            if not count(url, going):
                if not count(url, complete):
                    self._start_import()
                elif not any(self._left_to_do()):
                    self.report.quiet_after = time.monotonic() - started
                    return
            time.sleep(0.3)
        self.report.quiet_after = -1.0

    def _left_to_do(self) -> Iterator[bool]:
        url = self._servers.libpq_url
        yield count(url, UNFINISHED) > 0
        # What came in at the provider is found by polling, whatever became of the webhooks.
        yield count(url, "SELECT count(*) FROM message_events") < self.report.expected
        yield count(url, WITHOUT_FILES) > 0
        yield self._messages_waiting() > 0

    def _messages_waiting(self) -> int:
        assert self._settings.redis_url is not None
        depths = Broker(self._settings.redis_url).depths()
        # Beat fills the queue of ticks all the time; what killed workers held comes back later.
        return sum(depths.values()) - depths["unacked"] - depths[queues.OPS]

    def _requeue_what_was_given_up(self) -> None:
        """As an operator would, now that the faults are over."""
        open_letters = "SELECT count(*) FROM dead_letters WHERE status = 'open' AND event_id IS NOT NULL"
        url = self._servers.libpq_url
        self.report.given_up = count(url, open_letters)
        if self.report.given_up:
            subprocess.run(
                [sys.executable, "-m", "app.cli", "deadletters", "requeue", "--all"],
                cwd=ROOT,
                env=process_environment(self._settings),
                check=True,
                capture_output=True,
                timeout=60,
            )
            self._wait_for_quiet()


def _mails(number: int) -> list[str]:
    return [
        (
            f"From p{one}@example.com Mon Nov  2 09:{one:02}:00 2026\n"
            f"From: P{one} <p{one}@example.com>\nTo: shop@shop.example\n"
            f"Subject: Imported {one}\nDate: Mon, 02 Nov 2026 09:{one:02}:00 +0000\n"
            f"Message-ID: <imported{one}@example.com>\n\nWhere is my order {one}?\n"
        )
        for one in range(number)
    ]


def _live_mail(number: int) -> bytes:
    return (
        f"From: L{number} <l{number}@example.com>\r\nTo: shop@shop.example\r\n"
        f"Subject: Live {number}\r\nDate: Mon, 02 Nov 2026 10:{number % 60:02}:00 +0000\r\n"
        f"Message-ID: <live{number}@example.com>\r\n\r\nAre you open, {number}?\r\n"
    ).encode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
