"""`workspace`, `config` and `key`."""

import json
from typing import IO, Any

import click

from app import store
from app.cli import session
from app.cli.output import json_option, report, show, show_one
from app.domain.status import ConfigStatus, Scope
from app.errors import InvalidInput
from app.services import accounts

_settings = click.option(
    "--settings",
    type=click.File("r"),
    help='A JSON file with what is not secret, such as {"imap_folders": {"SENT": "…"}}.',
)


@click.group()
def workspace() -> None:
    """Tenants."""


@workspace.command("create")
@click.argument("name")
@json_option
def create_workspace(name: str, as_json: bool) -> None:
    """Make a workspace."""
    made = accounts.create_workspace(session.runtime(), name)
    show_one({"id": made.id, "name": made.name}, as_json=as_json)


@workspace.command("list")
@json_option
def list_workspaces(as_json: bool) -> None:
    """All workspaces."""
    with session.runtime().system_transaction() as tx:
        rows = [
            {
                "id": one.id,
                "name": one.name,
                "auto_reply": one.auto_reply,
                "trust_orders": one.trust_orders,
                "created_at": one.created_at,
            }
            for one in store.tenants.workspaces(tx)
        ]
    columns = ("id", "name", "auto_reply", "trust_orders", "created_at")
    show(rows, columns, as_json=as_json)


@click.group()
def config() -> None:
    """Connected accounts."""


@config.command("add")
@session.workspace_option
@click.option("--name", required=True, help="What you call this account.")
@click.option(
    "--provider",
    required=True,
    help="One of `bizzybee adapter list`, or direct for files and partners.",
)
@click.option("--channel", help="Default: the one of the provider, else email.")
@click.option("--address", "addresses", multiple=True, help="An address of your own.")
@click.option(
    "--credentials",
    type=click.File("r"),
    help='A JSON file such as {"access_token": "…"}; "-" reads stdin.',
)
@click.option(
    "--account-id", help="The provider's id of it, by which its webhooks name it."
)
@_settings
@click.option(
    "--poll/--no-poll",
    default=None,
    help="Ask what is new (default: where nobody calls us, and where a call may be missed).",
)
@click.option("--poll-seconds", type=click.IntRange(min=1), help="How often.")
@click.option("--subscribe", is_flag=True, help="Have the provider call us.")
@json_option
def add_config(  # type: ignore[no-untyped-def]
    workspace,
    name,
    provider,
    channel,
    addresses,
    credentials,
    account_id,
    settings,
    poll,
    poll_seconds,
    subscribe,
    as_json,
):
    """Connect an account. Credentials come from a file, so that no history keeps them."""
    owner = session.workspace(workspace)
    runtime = session.runtime()
    secret = _read_object("credentials", credentials) if credentials else None
    chosen = _read_object("settings", settings) if settings else None
    if poll is None:
        poll = poll_seconds is not None or accounts.should_poll(
            runtime, provider, subscribes=subscribe
        )
    made = accounts.add_config(
        runtime,
        owner.id,
        name=name,
        provider=provider,
        channel=channel or accounts.channel_of(runtime, provider),
        addresses=addresses,
        credentials=secret,
        settings=chosen,
        external_account_id=account_id,
        poll_seconds=(poll_seconds or runtime.settings.poll_seconds) if poll else None,
        subscribes=subscribe,
    )
    show_one({"id": made.id, "name": made.name}, as_json=as_json)


@config.command("update")
@session.workspace_option
@click.argument("account")
@click.option(
    "--credentials",
    type=click.File("r"),
    help='A JSON file such as {"access_token": "…"}; "-" reads stdin.',
)
@_settings
@click.option("--poll-seconds", type=click.IntRange(min=1), help="Ask so often.")
@click.option("--no-poll", is_flag=True, help="Do not ask any more.")
@json_option
def update_config(  # type: ignore[no-untyped-def]
    workspace, account, credentials, settings, poll_seconds, no_poll, as_json
):
    """Change an account; with new credentials one that was disconnected is active again."""
    is_polled = bool(poll_seconds)
    if is_polled and no_poll:
        raise click.UsageError("Give --poll-seconds or --no-poll.")
    if not (credentials or settings or is_polled or no_poll):
        raise click.UsageError(
            "Give --credentials, --settings, --poll-seconds or --no-poll."
        )
    owner = session.workspace(workspace)
    found = session.config(owner, account)
    secret = _read_object("credentials", credentials) if credentials else None
    if settings:
        chosen = _read_object("settings", settings)
        accounts.change_settings(session.runtime(), owner.id, found.id, chosen)
    if is_polled or no_poll:
        accounts.change_polling(session.runtime(), owner.id, found.id, poll_seconds)
    if secret is not None:
        accounts.renew_credentials(session.runtime(), owner.id, found.id, secret)
    show_one({"id": found.id, "name": found.name}, as_json=as_json)


def _read_object(what: str, file: IO[str]) -> dict[str, Any]:
    try:
        told = json.load(file)
    except ValueError as exc:
        raise InvalidInput(f"the {what} are not JSON: {exc}") from None
    if not isinstance(told, dict):
        raise InvalidInput(f"the {what} are not a JSON object")
    return told


@config.command("list")
@session.workspace_option
@json_option
def list_configs(workspace: str, as_json: bool) -> None:
    """The accounts of a workspace."""
    owner = session.workspace(workspace)
    with session.runtime().transaction(owner.id) as tx:
        rows = [
            {
                "id": one.id,
                "name": one.name,
                "channel": one.channel,
                "poll_seconds": one.poll_seconds,
                "subscribes": one.subscribes,
                "last_fetch": one.last_fetch_timestamp,
                "rate_limited_until": one.rate_limited_until,
                "trouble": {
                    resource: watermark.last_error
                    for resource, watermark in store.watermarks.of_config(
                        tx, one.id
                    ).items()
                    if watermark.last_error
                },
                "provider": one.provider,
                "addresses": one.addresses,
                "status": one.status,
                "status_reason": one.status_reason,
                "connected_at": one.connected_at,
            }
            for one in store.tenants.configs(tx)
        ]
    show(
        rows,
        ("id", "name", "channel", "provider", "addresses", "status", "last_fetch"),
        as_json=as_json,
    )


@config.command("poll")
@session.workspace_option
@click.argument("account")
@json_option
def poll_config(workspace: str, account: str, as_json: bool) -> None:
    """Ask an account now what is new, without waiting for its time."""
    owner = session.workspace(workspace)
    found = session.config(owner, account)
    is_due = accounts.hurry_poll(session.runtime(), owner.id, found.id)
    record = {"id": found.id, "name": found.name, "hurried": is_due}
    said = "is asked now" if is_due else "is due already, or not polled"
    report(f"{found.name} {said}", record, as_json=as_json)


@config.command("pause")
@session.workspace_option
@click.argument("account")
@json_option
def pause_config(workspace: str, account: str, as_json: bool) -> None:
    """Stop reading an account; what arrives by webhook is still kept."""
    _set_status(workspace, account, ConfigStatus.PAUSED, as_json=as_json)


@config.command("resume")
@session.workspace_option
@click.argument("account")
@json_option
def resume_config(workspace: str, account: str, as_json: bool) -> None:
    """Read an account again."""
    _set_status(workspace, account, ConfigStatus.ACTIVE, as_json=as_json)


def _set_status(
    workspace: str, account: str, status: ConfigStatus, *, as_json: bool
) -> None:
    owner = session.workspace(workspace)
    found = session.config(owner, account)
    accounts.set_config_status(session.runtime(), owner.id, found.id, status=status)
    record = {"id": found.id, "name": found.name, "status": status}
    report(f"{found.name} is {status}", record, as_json=as_json)


@click.group()
def key() -> None:
    """API keys."""


@key.command("create")
@session.workspace_option
@click.option("--name", required=True, help="Who or what uses it.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
)
@json_option
def create_key(workspace, name, scopes, as_json):  # type: ignore[no-untyped-def]
    """Make a key. It is shown once; only its hash is kept."""
    owner = session.workspace(workspace)
    row, secret = accounts.create_key(
        session.runtime(),
        owner.id,
        name=name,
        scopes=[Scope(scope) for scope in scopes],
    )
    show_one(
        {"key": secret, "prefix": row.prefix, "scopes": row.scopes}, as_json=as_json
    )


@key.command("list")
@session.workspace_option
@json_option
def list_keys(workspace: str, as_json: bool) -> None:
    """The keys of a workspace, without their secrets."""
    owner = session.workspace(workspace)
    with session.runtime().transaction(owner.id) as tx:
        rows = [
            {
                "prefix": one.prefix,
                "name": one.name,
                "scopes": one.scopes,
                "created_at": one.created_at,
                "revoked_at": one.revoked_at,
            }
            for one in store.tenants.keys(tx)
        ]
    show(
        rows, ("prefix", "name", "scopes", "created_at", "revoked_at"), as_json=as_json
    )


@key.command("revoke")
@click.argument("prefix")
@json_option
def revoke_key(prefix: str, as_json: bool) -> None:
    """Make a key useless from now on."""
    accounts.revoke_key(session.runtime(), prefix)
    report(f"{prefix} is revoked", {"prefix": prefix, "revoked": True}, as_json=as_json)


COMMANDS = (workspace, config, key)
