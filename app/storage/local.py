"""Files in a directory, which several machines may share."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import UUID

from app.errors import NotFound, StorageAway
from app.storage.base import PIECE, Storage, key_of, require_key

#: Seconds after which a half-written file belongs to nobody any more.
ABANDONED = 24 * 3600


class LocalFiles(Storage):
    """A file appears under its key whole or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._incoming = self._root / "incoming"
        self._is_ready = False

    def put(self, workspace_id: UUID, content: bytes) -> str:
        """See `Storage`."""
        key = key_of(workspace_id, content)
        path = self._path(key)
        with _words_for_errors():
            if path.exists():
                return key
            self._make_ready()
            written = self._write(content)
            try:
                if not path.parent.is_dir():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    _sync_directory(path.parent.parent)
                    _sync_directory(self._root)
                # In place of the same bytes, where another process was faster.
                written.rename(path)
            except BaseException:
                written.unlink(missing_ok=True)
                raise
            _sync_directory(path.parent)
        return key

    def stream(self, key: str) -> Iterator[bytes]:
        """See `Storage`."""
        with _words_for_errors():
            try:
                file = self._path(key).open("rb")
            except FileNotFoundError:
                raise NotFound("the storage has no such file") from None
        return _pieces(file)

    def exists(self, key: str) -> bool:
        """See `Storage`."""
        with _words_for_errors():
            return self._path(key).exists()

    def delete(self, key: str) -> None:
        """See `Storage`."""
        with _words_for_errors():
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        workspace, digest = require_key(key).split("/")
        # Directories of a million files are slow to list and to back up.
        return self._root / workspace / digest[:2] / digest

    def _make_ready(self) -> None:
        """Once per process: make the directory, and clear away what killed processes left."""
        if self._is_ready:
            return
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > ABANDONED:
                    left.unlink()
        self._is_ready = True

    def _write(self, content: bytes) -> Path:
        descriptor, name = tempfile.mkstemp(dir=self._incoming)
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                # Without it the name may survive a power failure and the bytes not.
                os.fsync(descriptor)
        except BaseException:
            os.unlink(name)
            raise
        return Path(name)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file, _words_for_errors():
        while piece := file.read(PIECE):
            yield piece


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _words_for_errors() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StorageAway(f"the storage fails: {type(exc).__name__}") from exc
