"""Move old raw payloads out of the database into files, and bring them back."""

import gzip
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from app import store
from app.domain.schedule import Progress
from app.domain.status import ArchiveKind
from app.errors import NotFound, PermanentError
from app.models import Archive
from app.runtime import Runtime
from app.store.transaction import Transaction

#: Of one archive. What is larger is an archive of its own.
MOST_ROWS = 500
MOST_BYTES = 16 * 1024 * 1024

#: Longer than this no run keeps the workers from what else is due.
SLICE = timedelta(seconds=5)

#: Rows that one statement brings back.
RESTORED_TOGETHER = 50


class _Way(NamedTuple):
    """How one kind of rows leaves the database and comes back."""

    old: Callable[..., Sequence[Any]]
    clear: Callable[..., int]
    restore: Callable[[Transaction, UUID, Sequence[str]], int]


def archive_old(
    runtime: Runtime, workspace_id: UUID, *, longest: timedelta = SLICE
) -> Progress:
    """Archive what is older than BB_RAW_RETENTION_DAYS and done with, batch by batch.

    Safe to repeat: a file is stored under its SHA-256 before its row is written, and the row and
    the emptied columns are one transaction. Killed between the two, the file is nobody's, and the
    same batch is written to the same place again.

    Raises StorageAway.
    """
    started = time.monotonic()
    counts: dict[str, int] = {}
    for kind in ArchiveKind:
        while taken := _archive_batch(runtime, workspace_id, kind):
            counts[kind] = counts.get(kind, 0) + taken
            counts["archives"] = counts.get("archives", 0) + 1
            if time.monotonic() - started > longest.total_seconds():
                return Progress(counts, more=True)
    return Progress(counts)


def restore_archive(
    runtime: Runtime, archive_id: UUID, *, actor: str, workspace_id: UUID | None = None
) -> dict[str, Any]:
    """Put back what an archive took out; returns how much of it was missing.

    With `workspace_id` only that workspace's archives are found.

    Safe to repeat: what is there stays as it is. It is archived again when it has been back for
    BB_RAW_RETENTION_DAYS.

    Raises NotFound, PermanentError for a file that is not what was stored, StorageAway.
    """
    opened = (
        runtime.system_transaction()
        if workspace_id is None
        else runtime.transaction(workspace_id)
    )
    with opened as tx:
        archive = store.archives.get(tx, archive_id)
    if archive is None:
        raise NotFound(f"no archive {archive_id}")
    lines = _sound_lines(runtime, archive)
    restored = 0
    with runtime.transaction(archive.workspace_id) as tx:
        for start in range(0, len(lines), RESTORED_TOGETHER):
            some = lines[start : start + RESTORED_TOGETHER]
            restored += _WAYS[archive.kind].restore(tx, archive.id, some)
        store.archives.set_restored(tx, archive.id)
        store.tenants.record_audit(
            tx,
            workspace_id=archive.workspace_id,
            actor=actor,
            action="archive.restore",
            subject=str(archive.id),
            details={"restored": restored},
        )
    return {
        "id": archive.id,
        "kind": archive.kind,
        "held": len(lines),
        "restored": restored,
    }


def _archive_batch(runtime: Runtime, workspace_id: UUID, kind: ArchiveKind) -> int:
    """Archive one batch; returns how many rows it took out."""
    way = _WAYS[kind]
    with runtime.transaction(workspace_id) as tx:
        before = tx.now - timedelta(days=runtime.settings.raw_retention_days)
        rows = way.old(tx, before=before, most_rows=MOST_ROWS, most_bytes=MOST_BYTES)
    if not rows:
        return 0
    content = _packed(row.line for row in rows)
    runtime.checkpoint("archive.read")
    # No transaction is open here: a slow storage must not hold a connection.
    key = runtime.storage.put(workspace_id, content)
    runtime.checkpoint("archive.put")
    with runtime.transaction(workspace_id) as tx:
        archive_id = store.archives.add(
            tx, _row_of(workspace_id, kind, key, content, rows)
        )
        return way.clear(tx, archive_id, [row.id for row in rows], before=before)


def _row_of(
    workspace_id: UUID, kind: ArchiveKind, key: str, content: bytes, rows: Sequence[Any]
) -> dict[str, Any]:
    moments: list[datetime] = [row.received_at for row in rows]
    return {
        "workspace_id": workspace_id,
        "kind": kind,
        "storage_key": key,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "count": len(rows),
        "first_at": min(moments),
        "last_at": max(moments),
    }


def _packed(lines: Iterator[str]) -> bytes:
    # Without a time in it: the same rows are the same bytes, and so the same key.
    return gzip.compress("\n".join(lines).encode(), mtime=0)


def _sound_lines(runtime: Runtime, archive: Archive) -> list[str]:
    """The lines of an archive, if it is still what was stored."""
    try:
        content = runtime.storage.get(archive.storage_key)
    except NotFound:
        raise NotFound(
            f"the file of archive {archive.id} is gone from the storage: {archive.storage_key}"
        ) from None
    if hashlib.sha256(content).hexdigest() != archive.sha256:
        raise PermanentError(
            f"archive {archive.id} is damaged: {archive.storage_key} does not have the SHA-256 that "
            "it was stored with; nothing was brought back"
        )
    return gzip.decompress(content).decode().split("\n")


_WAYS: dict[ArchiveKind, _Way] = {
    ArchiveKind.RAW: _Way(
        store.archives.old_events,
        store.archives.clear_events,
        store.archives.restore_events,
    ),
    ArchiveKind.RECEIPTS: _Way(
        store.archives.old_receipts,
        lambda tx, _, ids, **when: store.archives.delete_receipts(tx, ids, **when),
        store.archives.restore_receipts,
    ),
}
