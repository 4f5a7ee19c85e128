"""`bizzybee adapter`: what there is, and what a new one begins with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import ROOT

NEEDED = ("app", "tests/channels", "tests/payloads", "setup.cfg", "pyproject.toml")


def test_all_adapters_are_listed_with_what_they_can_do(bizzybee):
    rows = {one["provider"]: one for one in bizzybee("adapter", "list", "--json").json}

    assert rows["telegram"]["is_called"]
    assert not rows["telegram"]["polls"]
    assert rows["imap"]["polls"]
    assert rows["aurinko"]["subscribes"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Pigeon", "is no name for a provider"),
        ("../pigeon", "is no name for a provider"),
        ("pigeon_post", "is no name for a provider"),
        ("pigeon-", "is no name for a provider"),
        ("1pigeon", "is no name for a provider"),
        ("p" * 41, "is no name for a provider"),
        ("import", "means something else"),
        ("direct", "means something else"),
        ("telegram", "there is an adapter for telegram already"),
    ],
)
def test_an_odd_or_known_name_writes_nothing(bizzybee, name, words):
    before = sorted((ROOT / "app" / "channels" / "adapters").iterdir())

    done = bizzybee("adapter", "new", "--", name)

    assert (done.code, done.out) == (1, "")
    assert words in done.err
    assert sorted((ROOT / "app" / "channels" / "adapters").iterdir()) == before


@pytest.mark.first
def test_a_new_adapter_keeps_the_contract_as_it_is_written(checkout):
    made = checkout("-m", "app.cli", "adapter", "new", "carrier-pigeon")
    again = checkout("-m", "app.cli", "adapter", "new", "carrier-pigeon")
    tested = checkout(
        *("-m", "pytest", "tests/channels/test_contract.py", "-q", "-n", "0"),
        *("-k", "carrier-pigeon", "--noconftest"),
    )
    checked = checkout("-m", "ruff", "check", "app/channels", "tests/channels")
    formed = checkout("-m", "ruff", "format", "--check", "app/channels")

    assert made.returncode == 0, made.stderr
    assert "docs/adapters.md" in made.stderr
    assert again.returncode == 1
    assert "there is an adapter for carrier-pigeon already" in again.stderr
    assert tested.returncode == 0, tested.stdout
    assert checked.returncode == 0, checked.stdout
    assert formed.returncode == 0, formed.stdout


@pytest.mark.first
def test_what_stands_there_is_not_overwritten_and_elsewhere_nothing_is_written(
    checkout, tmp_path
):
    examples = tmp_path / "tests" / "channels" / "examples"
    (examples / "pigeon.py").write_text("mine")

    kept = checkout("-m", "app.cli", "adapter", "new", "pigeon")
    shutil.rmtree(tmp_path / "tests")
    installed = checkout("-m", "app.cli", "adapter", "new", "dove")

    assert kept.returncode == installed.returncode == 1
    assert "tests/channels/examples/pigeon.py is there already" in kept.stderr
    assert "source checkout" in installed.stderr
    adapters = tmp_path / "app" / "channels" / "adapters"
    assert not {"pigeon.py", "dove.py"} & {file.name for file in adapters.iterdir()}


@pytest.fixture
def checkout(tmp_path: Path):
    """A copy of what an adapter needs, in which Python is run."""
    for name in NEEDED:
        source, copy = ROOT / name, tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, copy, ignore=ignored)
        else:
            shutil.copy(source, copy)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        return subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run
