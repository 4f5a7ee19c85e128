"""What the demo runs in: all processes of the Procfile, and the provider simulators."""

import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from app.cli.up import STOP_SECONDS
from app.config import ROOT, Settings, environment_of, process_environment
from app.errors import BizzyBeeError

START_SECONDS = 120.0
#: Mails that the import of a demo reads at most.
CAP = 1_000_000


class DemoFailed(BizzyBeeError):
    """The demo could not be carried out."""


def settings_for(settings: Settings, sandbox_url: str) -> Settings:
    """The same servers, the sandbox's providers, free ports."""
    return Settings.model_validate(
        environment_of(settings)
        | {
            "PORT": _free_port(),
            "FLOWER_PORT": _free_port(),
            "BB_AI_MODE": "live",
            "BB_IMPORT_CAP_MAX": CAP,
            # The demo's customer says all in one message: nobody waits for another.
            "BB_DEBOUNCE_SECONDS": 0,
            "BB_AUTO_REPLIES": True,
            "AURINKO_API_BASE_URL": f"{sandbox_url}/aurinko",
            "LOVABLE_AI_GATEWAY_URL": f"{sandbox_url}/gateway",
            "LOVABLE_AI_GATEWAY_KEY": "sandbox-demo",
            "ANTHROPIC_API_URL": f"{sandbox_url}/anthropic",
            "ANTHROPIC_API_KEY": "sandbox-demo",
            "OPENAI_BASE_URL": f"{sandbox_url}/openai",
            "OPENAI_API_KEY": "sandbox-demo",
            "META_GRAPH_API_URL": f"{sandbox_url}/meta",
            # Signs what the sandbox tells us; of this time only, so that nobody can use it later.
            "META_APP_SECRET": secrets.token_hex(16),
        }
    )


@contextmanager
def sandbox(settings: Settings, path: Path, owner: str, logs: Path) -> Iterator[str]:
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
def everything(settings: Settings, logs: Path) -> Iterator[str]:
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
