"""Objects in a bucket of Amazon S3, or of any server that speaks its protocol.

Address and credentials come from the usual variables (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, …),
from where the library takes them by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.errors import ConfigurationError, NotFound, StorageAway
from app.storage.base import PIECE, Storage, key_of, require_key

try:
    import obstore
    from obstore.exceptions import AlreadyExistsError, BaseError
    from obstore.store import S3Store
except ImportError as exc:
    raise ConfigurationError(
        "BB_STORAGE_URL=s3://… needs the extra s3: pip install 'bizzybee[s3]'"
    ) from exc


class S3Files(Storage):
    """An object appears whole or not at all; that much S3 promises by itself."""

    def __init__(self, url: str) -> None:
        try:
            self._store: Any = S3Store.from_url(
                url,
                client_options={
                    "timeout": "30s",
                    "connect_timeout": "5s",
                    # Whoever names an endpoint says by its scheme whether it has TLS.
                    "allow_http": True,
                },
                # What fails for longer is put off in its row; a worker must not wait for it.
                retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
            )
        except BaseError as exc:
            raise ConfigurationError(f"BB_STORAGE_URL: {exc}") from None

    def put(self, workspace_id: UUID, content: bytes) -> str:
        """See `Storage`."""
        key = key_of(workspace_id, content)
        # What is there already are the same bytes.
        with _words_for_errors(), suppress(AlreadyExistsError):
            obstore.put(self._store, key, content, mode="create")
        return key

    def stream(self, key: str) -> Iterator[bytes]:
        """See `Storage`."""
        with _words_for_errors():
            found = obstore.get(self._store, require_key(key))
        return _pieces(found)

    def exists(self, key: str) -> bool:
        """See `Storage`."""
        try:
            with _words_for_errors():
                obstore.head(self._store, require_key(key))
        except NotFound:
            return False
        return True

    def delete(self, key: str) -> None:
        """See `Storage`."""
        with _words_for_errors():
            obstore.delete(self._store, require_key(key))


def _pieces(found: Any) -> Iterator[bytes]:
    with _words_for_errors():
        for piece in found.stream(min_chunk_size=PIECE):
            yield bytes(piece)


@contextmanager
def _words_for_errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound("the storage has no such file") from None
    except (BaseError, OSError) as exc:
        # The library's own text names the bucket's address, and may quote the request.
        raise StorageAway(f"the storage fails: {type(exc).__name__}") from None
