"""`demo`: the main job on a real mailbox, through real processes and simulated providers."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import requests

from app import store
from app.channels.mailbox import read_mbox
from app.cli import session
from app.cli.imports import count_bar
from app.cli.output import json_option, say, show_one
from app.cli.up import STOP_SECONDS
from app.config import ROOT, Settings, environment_of, process_environment
from app.domain.status import Scope
from app.embedded import complete
from app.errors import BizzyBeeError, NotFound
from app.models import ChannelConfig, Workspace
from app.services import accounts
from app.services.operations.report import run_report

WORKSPACE = "Demo"
SAMPLE = ROOT / "sandbox" / "sample.mbox"
SAMPLE_OWNER = "support@harbourbikes.example"
START_SECONDS = 120.0
#: Nothing finished for so long: something is stuck, and the demo says so instead of waiting.
STUCK_SECONDS = 90.0
CAP = 1_000_000


class DemoFailed(BizzyBeeError):
    """The demo could not be carried out."""


@click.command()
@click.option(
    "--mbox",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own mailbox instead of the bundled one.",
)
@click.option("--owner", help="Its owner's address; mail from it counts as sent.")
@json_option
def demo(mbox: Path | None, owner: str | None, as_json: bool) -> None:
    """Import a mailbox, decide and draft, through web, workers and beat; then say what came of it.

    Ends with status 0 when every event has reached a terminal state. Running it again adds nothing.
    """
    started = time.monotonic()
    settings = complete()
    path = (mbox or SAMPLE).resolve()
    owner = owner or (SAMPLE_OWNER if mbox is None else "owner@mailbox.example")
    logs = settings.data_dir / "demo"
    logs.mkdir(parents=True, exist_ok=True)
    with _sandbox(settings, path, owner, logs) as sandbox_url:
        demo_settings = _settings_for(settings, sandbox_url)
        with _everything(demo_settings, logs) as web_url:
            say(f"everything is up after {time.monotonic() - started:.1f} s")
            workspace, config, prefix, key = _account(path, owner)
            try:
                run_id = broken_off(workspace, config) or _import(
                    web_url, key, workspace, config
                )
                seconds = _watch(web_url, key, run_id, path)
            finally:
                accounts.revoke_key(session.runtime(), prefix, actor="demo")
    report = run_report(session.runtime(), workspace.id, run_id, seconds=seconds)
    show_one(report, as_json=as_json)
    done = report["unfinished"] == 0 and report["import"]["state"] == "completed"
    if done:
        say("every event is terminal", style="green")
    else:
        say("not finished", style="red")
    sys.exit(0 if done else 1)


def _settings_for(settings: Settings, sandbox_url: str) -> Settings:
    """The same servers, the sandbox's providers, free ports."""
    return Settings.model_validate(
        environment_of(settings)
        | {
            "PORT": _free_port(),
            "FLOWER_PORT": _free_port(),
            "BB_AI_MODE": "live",
            "BB_IMPORT_CAP_MAX": CAP,
            "AURINKO_API_BASE_URL": f"{sandbox_url}/aurinko",
            "LOVABLE_AI_GATEWAY_URL": f"{sandbox_url}/gateway",
            "LOVABLE_AI_GATEWAY_KEY": "sandbox-demo",
            "ANTHROPIC_API_URL": f"{sandbox_url}/anthropic",
            "ANTHROPIC_API_KEY": "sandbox-demo",
            "OPENAI_BASE_URL": f"{sandbox_url}/openai",
            "OPENAI_API_KEY": "sandbox-demo",
        }
    )


@contextmanager
def _sandbox(settings: Settings, path: Path, owner: str, logs: Path) -> Iterator[str]:
    """The provider simulators, with this mailbox in them."""
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "--mailbox",
        str(path),
        "--owner",
        owner,
    ]
    with (
        (logs / "sandbox.log").open("wb") as log,
        _stopped_at_end(
            subprocess.Popen(
                command,
                cwd=ROOT,
                env=process_environment(settings),
                stdout=subprocess.PIPE,
                stderr=log,
            )
        ) as process,
    ):
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            raise DemoFailed(f"the sandbox did not start; see {logs / 'sandbox.log'}")
        yield json.loads(first)["url"]


@contextmanager
def _everything(settings: Settings, logs: Path) -> Iterator[str]:
    """All processes of the Procfile; yields the address of the web process once it is ready."""
    log_path = logs / "processes.log"
    with (
        log_path.open("wb") as log,
        _stopped_at_end(
            subprocess.Popen(
                [sys.executable, "-m", "app.cli", "up", "--without", "flower"],
                cwd=ROOT,
                env=process_environment(settings),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        ) as process,
    ):
        url = f"http://127.0.0.1:{settings.port}"
        deadline = time.monotonic() + START_SECONDS
        while not _is_ready(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise DemoFailed(f"the processes did not come up; see {log_path}")
            time.sleep(0.2)
        yield url


@contextmanager
def _stopped_at_end(
    process: subprocess.Popen[bytes],
) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=STOP_SECONDS + 10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=2).ok
    except requests.RequestException:
        return False


def _account(path: Path, owner: str) -> tuple[Workspace, ChannelConfig, str, str]:
    """The demo's workspace and account, the same ones each time, and a key for this time."""
    runtime = session.runtime()
    try:
        workspace = accounts.find_workspace(runtime, WORKSPACE)
    except NotFound:
        workspace = accounts.create_workspace(runtime, WORKSPACE)
    try:
        config = accounts.find_config(runtime, workspace.id, str(path))
    except NotFound:
        config = accounts.add_config(
            runtime,
            workspace.id,
            name=str(path),
            provider="aurinko",
            channel="email",
            addresses=[owner],
            credentials={"access_token": "sandbox-demo"},
            actor="demo",
        )
    row, key = accounts.create_key(
        runtime,
        workspace.id,
        name="demo",
        scopes=[Scope.IMPORT, Scope.READ],
        actor="demo",
    )
    return workspace, config, row.prefix, key


def broken_off(workspace: Workspace, config: ChannelConfig) -> UUID | None:
    """The import that a demo left behind when it was stopped; the processes have taken it up again."""
    with session.runtime().transaction(workspace.id) as tx:
        return next(
            (
                run.id
                for run in store.runs.newest_first(tx)
                if run.config_id == config.id and run.state in store.runs.GOING
            ),
            None,
        )


def _import(url: str, key: str, workspace: Workspace, config: ChannelConfig) -> UUID:
    answer = requests.post(
        f"{url}/start-email-import",
        json={
            "workspace_id": str(workspace.id),
            "config_id": str(config.id),
            "cap": CAP,
        },
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
    )
    if answer.status_code != 202:
        raise DemoFailed(f"the import was refused: {answer.text}")
    return UUID(answer.json()["run_id"])


def _watch(url: str, key: str, run_id: UUID, path: Path) -> float:
    """Show the run's progress until all its events are terminal; returns the seconds it took."""
    started = changed = time.monotonic()
    total = sum(1 for _ in read_mbox(path))
    seen: tuple[Any, ...] = ()
    with count_bar() as bars:
        fetched = bars.add_task("fetched ", total=total)
        finished = bars.add_task("finished", total=total)
        while True:
            run = requests.get(
                f"{url}/api/v1/runs/{run_id}",
                headers={"Authorization": f"Bearer {key}"},
                timeout=10,
            ).json()
            bars.update(fetched, completed=run["fetched_so_far"])
            bars.update(
                finished, completed=run["finished_events"], total=run["events"] or total
            )
            now = (run["fetched_so_far"], run["finished_events"], run["state"])
            if now != seen:
                seen, changed = now, time.monotonic()
            if run["state"] not in ("queued", "running") and (
                run["events"] == run["finished_events"]
            ):
                return time.monotonic() - started
            if time.monotonic() - changed > STUCK_SECONDS:
                say("nothing has moved for a while; giving up", style="red")
                return time.monotonic() - started
            time.sleep(0.25)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
