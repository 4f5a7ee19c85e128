"""`import`: mailboxes from files, accounts from their provider."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from app.channels.mailbox import Mail, read_maildir, read_mbox, size_of
from app.cli import session
from app.cli.output import json_option, show_one, stderr
from app.domain.status import RunMode
from app.errors import InvalidInput
from app.services.pipeline.ingest import Ingested
from app.services.sync.import_mailbox import import_mailbox
from app.services.sync.start_import import run_progress, start_import

_mode = click.option(
    "--mode",
    type=click.Choice([mode.value for mode in RunMode]),
    default=RunMode.TRIAGE.value,
    show_default=True,
    help="triage decides the newest of each conversation; history only keeps.",
)
_cap = click.option("--cap", type=click.IntRange(min=1), help="Import at most so many.")
_account = click.option("--config", "-c", "account", required=True, help="Name or id.")


@click.group("import")
def imports() -> None:
    """Bring messages in."""


@imports.command("mbox")
@session.workspace_option
@_account
@_mode
@_cap
@json_option
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_mbox(workspace, account, mode, cap, as_json, path):  # type: ignore[no-untyped-def]
    """Import the mails of an mbox file; running it again adds nothing."""
    _from_file("mbox", path, read_mbox, workspace, account, mode, cap, as_json)


@imports.command("maildir")
@session.workspace_option
@_account
@_mode
@_cap
@json_option
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
def import_maildir(workspace, account, mode, cap, as_json, path):  # type: ignore[no-untyped-def]
    """Import the mails of a Maildir; running it again adds nothing."""
    _from_file("maildir", path, read_maildir, workspace, account, mode, cap, as_json)


@imports.command("aurinko")
@session.workspace_option
@_account
@_mode
@_cap
@json_option
def import_aurinko(workspace, account, mode, cap, as_json):  # type: ignore[no-untyped-def]
    """Start an import of a mailbox behind Aurinko; the workers carry it out."""
    _from_provider("aurinko", workspace, account, mode, cap, as_json)


@imports.command("imap")
@session.workspace_option
@_account
@_mode
@_cap
@json_option
def import_imap(workspace, account, mode, cap, as_json):  # type: ignore[no-untyped-def]
    """Start an import of a mailbox over IMAP; the workers carry it out."""
    _from_provider("imap", workspace, account, mode, cap, as_json)


@imports.command("messenger")
@session.workspace_option
@_account
@_mode
@_cap
@json_option
def import_messenger(workspace, account, mode, cap, as_json):  # type: ignore[no-untyped-def]
    """Start an import of the conversations of a Facebook page, twenty messages of each."""
    _from_provider("messenger", workspace, account, mode, cap, as_json)


@imports.command("instagram")
@session.workspace_option
@_account
@_mode
@_cap
@json_option
def import_instagram(workspace, account, mode, cap, as_json):  # type: ignore[no-untyped-def]
    """Start an import of the conversations of an Instagram account, twenty messages of each."""
    _from_provider("instagram", workspace, account, mode, cap, as_json)


def _from_provider(
    provider: str,
    workspace: str,
    account: str,
    mode: str,
    cap: int | None,
    as_json: bool,
) -> None:
    owner = session.workspace(workspace)
    config = session.config(owner, account)
    if config.provider != provider:
        raise InvalidInput(
            f"{config.name} is an account of {config.provider}, not of {provider}"
        )
    run_id = start_import(
        session.runtime(), owner.id, config.id, mode=RunMode(mode), cap=cap
    )
    show_one({"run_id": run_id}, as_json=as_json)


def _from_file(
    source: str,
    path: Path,
    read: Callable[[Path], Iterable[Mail]],
    workspace: str,
    account: str,
    mode: str,
    cap: int | None,
    as_json: bool,
) -> None:
    owner = session.workspace(workspace)
    config = session.config(owner, account)
    with progress_bar() as progress:
        bar = progress.add_task(path.name, total=size_of(path), mails=0)
        mails = 0

        def advance(done: Ingested, position: int) -> None:
            nonlocal mails
            mails += done.created + done.duplicates + done.rejected
            progress.update(bar, completed=position, mails=mails)

        run_id = import_mailbox(
            session.runtime(),
            owner.id,
            config.id,
            read(path),
            source=source,
            mode=RunMode(mode),
            cap=cap,
            on_progress=advance,
        )
    done: dict[str, Any] = run_progress(session.runtime(), owner.id, run_id)
    shown = ("run_id", "state", "created", "duplicates", "rejected", "truncated")
    show_one({name: done[name] for name in shown}, as_json=as_json)


def progress_bar() -> Progress:
    """A bar over bytes that also counts mails; silent where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[mails]} mails"),
        TimeElapsedColumn(),
        console=stderr,
        disable=not stderr.is_terminal,
    )


def count_bar() -> Progress:
    """A bar over things that can be counted."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=stderr,
        disable=not stderr.is_terminal,
    )
