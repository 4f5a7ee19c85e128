"""`archive`: old raw payloads that were moved out of the database."""

from uuid import UUID

import click

from app import store
from app.cli import session
from app.cli.output import json_option, show, show_one
from app.services.operations.archive import restore_archive


@click.group()
def archive() -> None:
    """Archives."""


@archive.command("list")
@session.workspace_option
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
@json_option
def list_archives(workspace: str, limit: int, as_json: bool) -> None:
    """The archives of a workspace, the newest first."""
    owner = session.workspace(workspace)
    with session.runtime().transaction(owner.id) as tx:
        rows = [
            {
                "id": one.id,
                "kind": one.kind,
                "count": one.count,
                "size": one.size,
                "first_at": one.first_at,
                "last_at": one.last_at,
                "created_at": one.created_at,
                "restored_at": one.restored_at,
                "storage_key": one.storage_key,
                "sha256": one.sha256,
            }
            for one in store.archives.find(tx, limit=limit)
        ]
    columns = ("id", "kind", "count", "size", "first_at", "last_at", "restored_at")
    show(rows, columns, as_json=as_json)


@archive.command("restore")
@click.argument("archive_id", type=session.ID)
@json_option
def restore(archive_id: UUID, as_json: bool) -> None:
    """Put back into the database what an archive holds; what is there stays as it is."""
    done = restore_archive(session.runtime(), archive_id, actor="cli")
    show_one(done, as_json=as_json)
