"""Files in a directory: whole or not there, under the key of their bytes."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from uuid import UUID

import pytest

from app.config import ROOT
from app.errors import NotFound, StorageAway
from app.storage.local import ABANDONED, LocalFiles

OURS, THEIRS = UUID(int=1), UUID(int=2)

#: Puts the same bytes again and again until it is killed; says when it begins.
PUTTING = """
import sys
from pathlib import Path
from uuid import UUID
from app.storage.local import LocalFiles
files, content = LocalFiles(Path(sys.argv[1])), b"x" * 4_000_000
print("begun", flush=True)
while True:
    files.delete(files.put(UUID(sys.argv[2]), content))
"""


def test_what_was_put_comes_back(files):
    key = files.put(OURS, b"a receipt")

    assert key == f"{OURS}/{hashlib.sha256(b'a receipt').hexdigest()}"
    assert files.get(key) == b"a receipt"
    assert files.exists(key)


def test_a_large_file_comes_in_pieces(files):
    content = os.urandom(1_000_000)

    pieces = list(files.stream(files.put(OURS, content)))

    assert len(pieces) > 1
    assert b"".join(pieces) == content


@pytest.mark.shows("C15")
def test_the_same_bytes_are_kept_once_for_each_workspace(files, root):
    once, again = files.put(OURS, b"a logo"), files.put(OURS, b"a logo")
    theirs = files.put(THEIRS, b"a logo")

    files.delete(once)

    assert once == again
    assert not files.exists(once)
    assert files.get(theirs) == b"a logo"
    assert [path.name for path in root.iterdir() if path.is_dir()].count(
        str(THEIRS)
    ) == 1


def test_deleting_twice_is_deleting_once(files):
    key = files.put(OURS, b"")

    files.delete(key)
    files.delete(key)

    with pytest.raises(NotFound):
        files.stream(key)


@pytest.mark.shows("L2")
@pytest.mark.parametrize(
    "key",
    ["../../etc/passwd", f"{OURS}/../x", "/etc/passwd", "", f"{OURS}/" + "g" * 64],
    ids=["upwards", "upwards from ours", "an absolute path", "empty", "no digest"],
)
def test_what_is_no_key_reaches_no_path(files, key):
    for asked in (files.stream, files.exists, files.delete):
        with pytest.raises(NotFound):
            asked(key)


def test_a_directory_that_cannot_be_written_is_an_outage(tmp_path):
    (tmp_path / "taken").write_text("")

    with pytest.raises(StorageAway):
        LocalFiles(tmp_path / "taken").put(OURS, b"x")


def test_what_killed_processes_left_is_cleared_away_in_time(root):
    LocalFiles(root).put(OURS, b"first")
    old, young = root / "incoming" / "old", root / "incoming" / "young"
    for left in (old, young):
        left.write_bytes(b"half")
    long_ago = time.time() - ABANDONED - 60
    os.utime(old, (long_ago, long_ago))

    LocalFiles(root).put(OURS, b"second")

    assert [path.name for path in (root / "incoming").iterdir()] == ["young"]


@pytest.mark.shows("K3")
def test_two_processes_that_put_the_same_and_are_killed_leave_nothing_half(root):
    """Killed at any moment: whoever looks finds the whole file or none."""
    whole = hashlib.sha256(b"x" * 4_000_000).hexdigest()
    seen = 0
    for _ in range(4):
        both = [start(root) for _ in range(2)]
        for process in both:
            assert process.stdout.readline() == b"begun\n"
        deadline = time.monotonic() + 0.25
        while time.monotonic() < deadline:
            seen += looks_whole(root, whole)
        for process in both:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
        seen += looks_whole(root, whole)

    key = LocalFiles(root).put(OURS, b"x" * 4_000_000)
    assert key == f"{OURS}/{whole}"
    assert LocalFiles(root).get(key) == b"x" * 4_000_000
    assert seen > 0


def looks_whole(root, digest):
    try:
        content = LocalFiles(root).get(f"{OURS}/{digest}")
    except NotFound:
        return 0
    assert hashlib.sha256(content).hexdigest() == digest
    return 1


def start(root):
    return subprocess.Popen(
        [sys.executable, "-c", PUTTING, str(root), str(OURS)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


@pytest.fixture
def root(tmp_path):
    return tmp_path / "files"


@pytest.fixture
def files(root):
    return LocalFiles(root)
