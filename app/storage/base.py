"""What a storage is."""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from uuid import UUID

from app.errors import NotFound

#: Pieces in which a file is read.
PIECE = 256 * 1024

_KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{64}")


class Storage(ABC):
    """Keeps bytes under their SHA-256, apart for each workspace.

    The same bytes have the same key, so whoever puts them a second time does no harm, and what a
    killed process has put already is simply there.
    """

    @abstractmethod
    def put(self, workspace_id: UUID, content: bytes) -> str:
        """Keep bytes, for good when this returns; returns their key.

        Raises StorageAway where the storage cannot be written now.
        """

    @abstractmethod
    def stream(self, key: str) -> Iterator[bytes]:
        """The bytes in pieces.

        Raises NotFound at once, and StorageAway where the storage does not answer.
        """

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether there is such a key; raises StorageAway as `stream` does."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Forget the bytes. Safe to repeat."""

    def get(self, key: str) -> bytes:
        """The bytes, whole; raises as `stream` does."""
        return b"".join(self.stream(key))


def key_of(workspace_id: UUID, content: bytes) -> str:
    """The workspace stands first, so that all that is of one tenant can be found and deleted."""
    return f"{workspace_id}/{hashlib.sha256(content).hexdigest()}"


def require_key(key: str) -> str:
    """Raises NotFound for what is no key: nothing else may reach a path."""
    if not _KEY.fullmatch(key):
        raise NotFound("the storage has no such file")
    return key
