"""`python -m tests.chaos.sends --kills 200`: die around the call of every provider, and count.

Whoever sends is killed between the provider's yes and our commit, again and again. Afterwards the
provider must not have taken anything twice, and each message is sent or known to be uncertain.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import requests
from rich.console import Console
from rich.table import Table

from app.bootstrap import build_runtime
from app.config import ROOT, Settings, process_environment
from app.domain.status import Scope
from app.jobs.publishing import NoPublisher
from app.services import accounts
from app.services.operations.migrate import migrate
from tests.chaos.invariants import rows
from tests.chaos.ports import free_port, wait_for
from tests.chaos.processes import Processes
from tests.chaos.servers import Servers
from tests.sandbox.chats import SID, WAYS

OUTPUT = ROOT / "var" / "chaos"
SECRET = "sandbox-signing-secret"
#: What runs beside those who are killed.
COPIES = {"web": 1, "worker-io": 1, "worker-sync": 1, "worker-ops": 1, "beat": 1}
#: Short enough that what a killed child held is soon looked at.
LEASE = 1.0
#: The last moment to die without our knowing what the provider said, and the first.
PLAN = "outbound.called=0.5,outbound.claimed=0.05"
PEOPLE = 10
#: Looks after which what is uncertain may be left so.
LOOKS = 3
PATIENCE = 240.0
MAIL = "aurinko"
#: Our provider and channel, and what an account has to know.
ACCOUNTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "whatsapp": ("whatsapp", "whatsapp", {"access_token": "sandbox-1"}),
    "messenger": ("messenger", "facebook", {"access_token": "sandbox-1"}),
    "instagram": ("instagram", "instagram", {"access_token": "sandbox-1"}),
    "telegram": (
        "telegram",
        "telegram",
        {"secret_token": SECRET, "bot_token": "4400000001:sandbox-1"},
    ),
    "twilio": (
        "twilio-sms",
        "sms",
        {"auth_token": SECRET, "account_sid": SID},
    ),
    "chatwoot": (
        "chatwoot",
        "chatwoot",
        {"webhook_secret": SECRET, "access_token": "sandbox-1"},
    ),
    MAIL: ("aurinko", "email", {"access_token": "sandbox-demo"}),
}


@dataclass
class Found:
    """What became of the messages of one provider."""

    messages: int = 0
    kills: int = 0
    """Between the provider's yes and our commit."""
    earlier_kills: int = 0
    """Before the call."""
    states: dict[str, int] = field(default_factory=dict)
    taken: int = 0
    """By the provider."""
    twice: list[str] = field(default_factory=list)
    """Texts that the provider took more than once."""
    lost: list[str] = field(default_factory=list)
    """Texts that are called sent and that the provider does not have."""
    stored_twice: int = 0


class Sends:
    """Everything started, everybody killed, everything counted."""

    def __init__(
        self,
        data_dir: Path,
        *,
        kills: int,
        products: list[str],
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir(parents=True)
        self._data_dir = data_dir
        self._kills = kills
        self._say = say
        self.found = {product: Found() for product in products}

    def run(self) -> dict[str, Found]:
        """Kill each provider's senders so often, then compare."""
        with self._system():
            for product in self.found:
                self._begin(product)
            for product in self.found:
                self._kill_at(product)
            self._finish()
            for product in self.found:
                self._compare(product)
        return self.found

    @contextmanager
    def _system(self) -> Iterator[None]:
        servers = Servers(self._data_dir)
        self._database = servers.libpq_url
        sandbox = subprocess.Popen(
            [sys.executable, "-m", "sandbox"], cwd=ROOT, stdout=subprocess.PIPE
        )
        sender = None
        try:
            assert sandbox.stdout is not None
            self._sandbox = json.loads(sandbox.stdout.readline())["url"]
            settings = self._settings(servers)
            self._connect(settings)
            sender = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.sender"],
                cwd=ROOT,
                env=process_environment(settings),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self._sender = sender
            with Processes(settings, self._data_dir / "logs", copies=COPIES):
                self._web = str(settings.public_url)
                wait_for(f"{self._web}/readyz")
                yield
        finally:
            for process in (sender, sandbox):
                if process is not None:
                    process.terminate()
                    process.communicate()  # closes its pipes, too
            servers.stop()

    def _settings(self, servers: Servers) -> Settings:
        port = free_port()
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
                "BB_LEASE_SECONDS": LEASE,
                "BB_SWEEP_SECONDS": 1,
                "BB_REQUESTS_PER_SECOND": 500,
                "META_APP_SECRET": SECRET,
                "META_GRAPH_API_URL": f"{self._sandbox}/meta",
                "META_INSTAGRAM_API_URL": f"{self._sandbox}/meta",
                "TELEGRAM_API_URL": f"{self._sandbox}/telegram",
                "TWILIO_API_URL": f"{self._sandbox}/twilio",
                "CHATWOOT_BASE_URL": f"{self._sandbox}/chatwoot",
                "AURINKO_API_BASE_URL": f"{self._sandbox}/aurinko",
            }
        )

    def _connect(self, settings: Settings) -> None:
        runtime = build_runtime(settings, NoPublisher(), pool_size=1)
        migrate(runtime)
        workspace = accounts.create_workspace(runtime, "Sends")
        self._workspace_id = workspace.id
        _, self._key = accounts.create_key(
            runtime, workspace.id, name="sends", scopes=tuple(Scope)
        )
        self._configs: dict[str, UUID] = {}
        for product in self.found:
            provider, channel, credentials = ACCOUNTS[product]
            config = accounts.add_config(
                runtime,
                workspace.id,
                name=product,
                provider=provider,
                channel=channel,
                addresses=_addresses(product),
                credentials=credentials,
                external_account_id=WAYS[product].account if product in WAYS else None,
            )
            self._configs[product] = config.id
            if product in WAYS:
                callback = f"{settings.public_url}/webhooks/{provider}/{config.id}"
                self._control(
                    f"chats/{product}",
                    {
                        "id": WAYS[product].account,
                        "callback": callback,
                        "secret": SECRET,
                    },
                )
        runtime.database.dispose()

    def _begin(self, product: str) -> None:
        """Let people write, so that they can be answered."""
        if product == MAIL:
            self._post(
                "/unified-ingest",
                {
                    "workspace_id": str(self._workspace_id),
                    "config_id": str(self._configs[product]),
                    "channel": "email",
                    "messages": [_mail(number) for number in range(PEOPLE)],
                },
            )
        else:
            for number in range(PEOPLE):
                self._control(
                    f"chats/{product}/{WAYS[product].account}/inbound",
                    {"from": _person(product, number), "text": "Do you have it?"},
                )
        asked = """
            SELECT c.id FROM conversations c WHERE c.config_id = %s
            AND c.last_inbound_message_id IS NOT NULL"""
        self._wait(
            lambda: len(rows(self._database, asked, self._configs[product])) == PEOPLE,
            f"{product}: its people to arrive",
        )

    def _kill_at(self, product: str) -> None:
        found = self.found[product]
        while found.kills < self._kills:
            ids = self._conversations(product)
            for place, conversation_id in enumerate(ids):
                text = f"{product} answer {found.messages + place}"
                self._post(
                    "/api/v1/messaging/outbound",
                    {"conversation_id": conversation_id, "text": text},
                    key=text,
                )
            found.messages += len(ids)
            for _ in range(2 * len(ids)):
                if found.kills >= self._kills:
                    break
                for point in self._send(ids, PLAN):
                    if point == "outbound.called":
                        found.kills += 1
                    else:
                        found.earlier_kills += 1
                if not self._waiting(product, "queued"):
                    break
        self._say(f"{product}: {found.kills} kills, {found.messages} messages")

    def _finish(self) -> None:
        """Send what is left, with nobody dying, until nothing is left to do."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            unfinished = [
                product for product in self.found if self._is_unfinished(product)
            ]
            if not unfinished:
                break
            for product in unfinished:
                self._send(self._conversations(product), None)
            time.sleep(0.5)
        # Statuses and echoes of the last ones.
        time.sleep(5)

    def _compare(self, product: str) -> None:
        found, config_id = self.found[product], self._configs[product]
        queue = rows(
            self._database,
            """
            SELECT m.body, o.state FROM outbound_messages o
            JOIN messages m ON m.id = o.message_id WHERE o.config_id = %s""",
            config_id,
        )
        sends = requests.get(f"{self._sandbox}/_control/sends", timeout=10).json()
        taken = Counter(
            text
            for one in sends
            if (text := _text(one)).startswith(f"{product} answer")
        )
        found.states = dict(Counter(state for _, state in queue))
        found.taken = sum(taken.values())
        found.twice = sorted(text for text, times in taken.items() if times > 1)
        found.lost = sorted(
            text for text, state in queue if state == "sent" and not taken[text]
        )
        [(stored,)] = rows(
            self._database,
            """
            SELECT count(*) FROM (
                SELECT body FROM messages WHERE config_id = %s AND direction = 'outbound'
                GROUP BY body HAVING count(*) > 1) twice""",
            config_id,
        )
        found.stored_twice = stored

    def _conversations(self, product: str) -> list[str]:
        found = rows(
            self._database,
            "SELECT id FROM conversations WHERE config_id = %s AND merged_into IS NULL "
            "ORDER BY id",
            self._configs[product],
        )
        return [str(one) for (one,) in found]

    def _is_unfinished(self, product: str) -> bool:
        """Whether something is still to be sent, or was not looked for a few times."""
        [(waiting,)] = rows(
            self._database,
            "SELECT count(*) FROM outbound_messages WHERE config_id = %s "
            "AND finished_at IS NULL AND NOT (state = 'uncertain' AND checks >= %s)",
            self._configs[product],
            LOOKS,
        )
        return bool(waiting)

    def _waiting(self, product: str, *states: str) -> int:
        [(waiting,)] = rows(
            self._database,
            "SELECT count(*) FROM outbound_messages WHERE config_id = %s "
            "AND state = ANY(%s) AND finished_at IS NULL",
            self._configs[product],
            list(states),
        )
        return int(waiting)

    def _send(self, conversation_ids: list[str], plan: str | None) -> list[str]:
        asked = {
            "plan": plan,
            "workspace_id": str(self._workspace_id),
            "conversation_ids": conversation_ids,
        }
        assert self._sender.stdin is not None
        assert self._sender.stdout is not None
        self._sender.stdin.write(json.dumps(asked) + "\n")
        self._sender.stdin.flush()
        told = json.loads(self._sender.stdout.readline())
        return list(told["killed_at"])

    def _control(self, path: str, body: dict[str, Any]) -> None:
        answer = requests.post(
            f"{self._sandbox}/_control/{path}", json=body, timeout=10
        )
        assert answer.ok, answer.text

    def _post(self, path: str, body: dict[str, Any], key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {self._key}"}
        if key:
            headers["Idempotency-Key"] = key
        answer = requests.post(
            f"{self._web}{path}", json=body, headers=headers, timeout=30
        )
        assert answer.ok, answer.text

    def _wait(self, until: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 60
        while not until():
            assert time.monotonic() < deadline, f"waited too long for {what}"
            time.sleep(0.2)


def _addresses(product: str) -> list[str]:
    return {"twilio": ["+46850000001"], MAIL: ["owner@shop.example"]}.get(product, [])


def _person(product: str, number: int) -> str:
    if product == "twilio":
        return f"+467000001{number:02}"
    if product == "chatwoot":
        return f"person{number}"
    start = {"whatsapp": "467000001", "messenger": "73000000000001"}
    return f"{start.get(product, '55000001')}{number:02}"


def _mail(number: int) -> dict[str, Any]:
    return {
        "external_id": f"question{number}@customer.example",
        "direction": "inbound",
        "sender": {"kind": "email", "value": f"person{number}@customer.example"},
        "recipients": [{"kind": "email", "value": "owner@shop.example"}],
        "subject": f"Question {number}",
        "body_text": "Do you have it?",
        "sent_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _text(send: dict[str, Any]) -> str:
    text = send.get("text") or send["body"].get("body") or ""
    # Mail goes out as HTML.
    return text.replace("<p>", "").split("</p>")[0].rpartition(">")[2] or text


def main() -> None:
    """Run it and print what was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.sends", description=__doc__
    )
    parser.add_argument("--kills", type=int, default=200, help="of each provider")
    parser.add_argument("--products", nargs="*", default=list(ACCOUNTS))
    asked = parser.parse_args()
    found = Sends(
        OUTPUT / "sends", kills=asked.kills, products=asked.products, say=_say
    ).run()
    told = {product: asdict(one) for product, one in found.items()}
    (OUTPUT / "sends.json").write_text(json.dumps(told, indent=2))
    _print(found)
    if any(one.twice or one.lost or one.stored_twice for one in found.values()):
        sys.exit(1)


def _print(found: dict[str, Found]) -> None:
    table = Table(
        "provider",
        "messages",
        "kills",
        "taken",
        "states",
        "twice",
        "lost",
        "stored twice",
    )
    for product, one in found.items():
        table.add_row(
            product,
            str(one.messages),
            f"{one.kills} + {one.earlier_kills}",
            str(one.taken),
            ", ".join(f"{state} {count}" for state, count in one.states.items()),
            str(len(one.twice)),
            str(len(one.lost)),
            str(one.stored_twice),
        )
    Console(stderr=True).print(table)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
