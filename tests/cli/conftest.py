"""The command as people call it, in this process: what it prints, says, and ends with."""

import io
import json
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.jobs.broker import Broker
from app.runtime import Runtime


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


@pytest.fixture(scope="session")
def _runtime_of_commands(environment: None) -> Iterator[None]:
    yield
    from app.cli import session

    session.runtime().database.dispose()


@pytest.fixture
def bizzybee(
    _runtime_of_commands: None,
    runtime: Runtime,
    broker: Broker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Done]]:
    """Runs a command line: `bizzybee("workspace", "list", "--json")`."""
    from app.cli.main import main

    root = logging.getLogger()
    before = root.handlers[:], root.level, signal.getsignal(signal.SIGTERM)

    def run(*words: object, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "argv", ["bizzybee", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        return Done(code, *capsys.readouterr())

    yield run
    root.handlers[:], level, handler = before
    root.setLevel(level)
    signal.signal(signal.SIGTERM, handler)
