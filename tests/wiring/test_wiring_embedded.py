"""Servers from their wheels: started once, shared by all, stopped by the last one to leave."""

import json
import shutil
import socket
import stat
import subprocess
import sys
import time

import pytest
import redis

from app.config import ROOT, Settings

#: Says what it got, and leaves when its stdin is closed.
USER = """
import json, sys
from app.embedded import complete
settings = complete()
print(json.dumps({
    "database": settings.database_url,
    "redis": settings.redis_url,
    "key": settings.secret_key.get_secret_value(),
}), flush=True)
sys.stdin.read()
"""


def test_processes_share_one_set_of_servers_and_the_last_one_stops_them(home, process):
    first, second = process(), process()

    got, also_got = first.answer(), second.answer()

    assert got == also_got
    assert got["database"].startswith("postgresql+psycopg2://")
    assert ping(got["redis"])
    assert len(Settings(BB_SECRET_KEY=got["key"]).key_bytes) == 32

    first.leave()
    assert ping(got["redis"])
    second.leave()
    assert not ping(got["redis"])
    assert not (home / "postgres" / "postmaster.pid").exists()


def test_what_the_servers_keep_is_there_again(home, process):
    first = process()
    before = first.answer()
    first.leave()

    second = process()
    after = second.answer()
    second.leave()

    assert after["key"] == before["key"]
    assert after["database"] == before["database"]


@pytest.mark.shows("L3")
def test_keys_and_passwords_are_for_the_owner_only(home, process):
    one = process()
    one.answer()

    for name in ("secret.key", "redis/url", "redis/redis.conf"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600, name
    one.leave()


def test_a_port_that_somebody_else_has_taken_is_not_ours(home, process):
    """The port was ours last time; whoever has it now does not speak Redis."""
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        port = somebody.getsockname()[1]
        (home / "redis").mkdir(parents=True)
        (home / "redis" / "url").write_text(f"redis://:password@127.0.0.1:{port}/0")

        one = process()
        got = one.answer()

        assert f":{port}/" not in got["redis"]
        assert ping(got["redis"])
        one.leave()


def ping(url):
    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            return client.ping()
    except redis.ConnectionError:
        return False


class Process:
    def __init__(self, home):
        self._process = subprocess.Popen(
            [sys.executable, "-c", USER],
            cwd=ROOT,
            env={"BB_DATA_DIR": str(home), "PATH": "", "BB_AI_MODE": "offline"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self):
        return json.loads(self._process.stdout.readline())

    def leave(self):
        self._process.communicate(timeout=30)
        assert self._process.returncode == 0


@pytest.fixture
def process(home):
    started = []

    def start():
        started.append(Process(home))
        return started[-1]

    yield start
    for one in started:
        if one._process.poll() is None:
            one._process.communicate(timeout=30)


@pytest.fixture
def home(servers):
    """A data directory that PostgreSQL's own user can reach, as it cannot reach a temporary one."""
    folder = ROOT / "var" / "test" / f"e{time.time_ns()}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
