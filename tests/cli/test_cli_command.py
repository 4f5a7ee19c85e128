"""The command itself: what it is called with, what it ends with, and when things are away."""

import json
import socket
import subprocess
import sys

import click
import pytest

from app.config import ROOT, process_environment
from app.embedded import redis_binary
from app.store import migrations

AWAY = "postgresql://nobody:hunter2@127.0.0.1:1/nothing"
NO_REDIS = "redis://:hunter2@127.0.0.1:1/0"

#: Keeps running and prints as it goes.
WITHOUT_JSON = {"up"}


def commands():
    """Every command with its words."""
    from app.cli.main import cli

    def below(group, words):
        for name, command in sorted(group.commands.items()):
            if isinstance(command, click.Group):
                yield from below(command, (*words, name))
            else:
                yield (*words, name), command

    return list(below(cli, ()))


def test_every_command_can_answer_in_json(environment):
    without = {
        " ".join(words)
        for words, command in commands()
        if "--json" not in {option for one in command.params for option in one.opts}
    }

    assert without == WITHOUT_JSON


def test_every_command_says_what_it_does(environment):
    for words, command in commands():
        assert command.help, words
        assert command.get_short_help_str(limit=200).endswith("."), words


def test_help_is_no_error(bizzybee):
    done = bizzybee("--help")

    assert done.code == 0
    assert done.out.startswith("Usage: bizzybee [OPTIONS] COMMAND [ARGS]...")
    for words, _ in commands():
        assert f"  {words[0]} " in done.out


@pytest.mark.parametrize(
    "words",
    [("explode",), ("workspace", "explode"), ("workspace", "create"), ("doctor", "-z")],
    ids=" ".join,
)
def test_what_cannot_be_understood_ends_with_status_2(bizzybee, words):
    done = bizzybee(*words)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: bizzybee")


def test_migrating_says_where_the_database_is(bizzybee):
    head = migrations.head_revision()

    assert bizzybee("migrate").err == f"the database is at revision {head}\n"
    assert bizzybee("migrate", "--json").json == {"revision": head}


def test_doctor_finds_all_well(bizzybee):
    done = bizzybee("doctor", "--json")

    assert done.err == "all is well\n"
    assert {one["check"]: one["ok"] for one in done.json} == {
        "database": True,
        "schema": True,
        "role bizzybee_app": True,
        "role bizzybee_system": True,
        "extension vector": True,
        "broker": True,
        "broker memory policy": True,
        "storage": True,
        "LOVABLE_AI_GATEWAY_KEY": True,
        "ANTHROPIC_API_KEY": True,
        "OPENAI_API_KEY": True,
        "adapters": True,
    }
    assert {one["do"] for one in done.json} == {""}


def test_doctor_finds_a_storage_that_cannot_be_written(doctor, tmp_path):
    taken = tmp_path / "files"
    taken.write_text("a file where the directory should be")

    done = doctor(BB_STORAGE_URL=f"file:{taken}")

    assert done.wrong == {
        "storage": (
            "the storage fails: NotADirectoryError",
            "see that BB_STORAGE_URL is there, has room and may be written",
        )
    }


def test_doctor_finds_a_schema_that_is_behind(doctor, blank):
    engine = blank()
    migrations.upgrade(engine, "0002")

    done = doctor(DATABASE_URL=url_of(engine))

    head = migrations.head_revision()
    assert done.wrong == {
        "schema": (f"at 0002, code at {head}", "run: bizzybee migrate")
    }


def test_doctor_finds_a_database_that_was_never_migrated(doctor, blank):
    done = doctor(DATABASE_URL=url_of(blank()))

    head = migrations.head_revision()
    assert done.wrong == {
        "schema": (f"at None, code at {head}", "run: bizzybee migrate")
    }


def test_doctor_finds_that_the_servers_are_away(doctor):
    done = doctor(DATABASE_URL=AWAY, REDIS_URL=NO_REDIS)

    assert done.wrong.keys() >= {"database", "schema", "broker"}
    assert done.wrong["database"][1] == (
        "start PostgreSQL, or correct DATABASE_URL; then: bizzybee migrate"
    )
    assert done.wrong["broker"][1] == "start Redis, or correct REDIS_URL"
    assert "hunter2" not in done.out + done.err


def test_doctor_finds_a_redis_that_forgets(doctor, forgetful_redis):
    done = doctor(REDIS_URL=forgetful_redis)

    assert done.wrong == {
        "broker memory policy": (
            "allkeys-lru",
            "set maxmemory-policy noeviction: others delete whole queues",
        )
    }


def test_doctor_names_every_faulty_setting(process):
    done = process("doctor", BB_SECRET_KEY="hunter2", PORT="hunter2", BB_AI_MODE="x")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("unusable settings: BB_SECRET_KEY: ")
    for name in ("PORT: ", "BB_AI_MODE: "):
        assert name in done.stderr
    assert "hunter2" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "environment", "sentence"),
    [
        (
            ("workspace", "list"),
            {"DATABASE_URL": AWAY},
            "PostgreSQL is away or refuses: connection to server",
        ),
        (
            ("queues", "peek", "bb_draft_jobs"),
            {"REDIS_URL": NO_REDIS},
            "Redis is away or refuses: Error 111 connecting to 127.0.0.1:1",
        ),
    ],
    ids=["PostgreSQL", "Redis"],
)
def test_what_is_away_is_one_sentence(process, words, environment, sentence):
    done = process(*words, **environment)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(sentence)
    assert done.stderr.endswith("; see: bizzybee doctor\n")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


def url_of(engine):
    return engine.url.render_as_string(hide_password=False)


class Doctor:
    def __init__(self, done):
        self.out, self.err = done.stdout, done.stderr
        findings = json.loads(done.stdout)
        self.wrong = {
            one["check"]: (one["found"], one["do"]) for one in findings if not one["ok"]
        }
        assert done.returncode == 1
        assert done.stderr == f"{len(self.wrong)} finding(s) to act on\n"


@pytest.fixture
def doctor(process):
    """Where something has to be done."""

    def doctor(**environment):
        return Doctor(process("doctor", "--json", **environment))

    return doctor


@pytest.fixture
def process(servers):
    """The command in a process of its own, since a process knows one environment only."""

    def run(*words, **environment):
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "app.cli", *words],
            cwd=ROOT,
            env=process_environment(servers) | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def forgetful_redis():
    """A server of its own: the policy is the same for all who use one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            *(redis_binary(), "--port", str(port), "--bind", "127.0.0.1"),
            *("--save", "", "--maxmemory-policy", "allkeys-lru"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    while "Ready to accept connections" not in server.stdout.readline():
        assert server.poll() is None
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.communicate(timeout=10)
