"""Workspaces, their keys and their connected accounts."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from typing import Any
from uuid import UUID

from app import store
from app.channels.base import Account
from app.channels.webhook import Receiver
from app.domain.identifiers import identity_key
from app.domain.ids import new_id
from app.domain.status import ConfigStatus, Scope, WatermarkResource
from app.domain.unified_message import Channel
from app.errors import AccessDenied, Conflict, InvalidInput, NotFound
from app.jobs.contracts import Poll
from app.models import APIKey, ChannelConfig, Workspace
from app.runtime import Runtime
from app.store.transaction import Transaction

KEY_MARK = "bb"

#: The provider of an account that files, partners or other servers feed: nothing is fetched.
DIRECT = "direct"


def create_workspace(runtime: Runtime, name: str) -> Workspace:
    """Make a tenant.

    Raises InvalidInput for an empty name, Conflict for one that is taken.
    """
    name = name.strip()
    if not name:
        raise InvalidInput("a workspace needs a name")
    with runtime.system_transaction() as tx:
        if store.tenants.workspace_named(tx, name):
            raise Conflict(f"there is a workspace named {name!r} already")
        return store.tenants.add_workspace(tx, name)


def find_workspace(runtime: Runtime, reference: str) -> Workspace:
    """The workspace with this name or id.

    Raises NotFound.
    """
    with runtime.system_transaction() as tx:
        workspace = store.tenants.workspace_named(tx, reference)
        if workspace is None and (workspace_id := _as_uuid(reference)):
            workspace = store.tenants.workspace(tx, workspace_id)
    if workspace is None:
        raise NotFound(f"no workspace {reference!r}; see: bizzybee workspace list")
    return workspace


def create_key(
    runtime: Runtime,
    workspace_id: UUID,
    *,
    name: str,
    scopes: Collection[Scope],
    actor: str = "cli",
) -> tuple[APIKey, str]:
    """Make a key; returns its row and the key itself, which is shown only this once."""
    if not scopes:
        raise InvalidInput("a key needs at least one scope")
    prefix = secrets.token_hex(6)
    key = f"{KEY_MARK}_{prefix}_{secrets.token_urlsafe(32)}"
    with runtime.transaction(workspace_id) as tx:
        row = store.tenants.add_key(
            tx,
            {
                "workspace_id": workspace_id,
                "name": name,
                "prefix": prefix,
                "secret_hash": _hash(key),
                "scopes": sorted(scopes),
            },
        )
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="key.create",
            subject=prefix,
            details={"scopes": sorted(scopes)},
        )
    return row, key


def revoke_key(runtime: Runtime, prefix: str, *, actor: str = "cli") -> None:
    """Make a key useless from now on.

    Raises NotFound where there is no such key in force.
    """
    with runtime.system_transaction() as tx:
        key = store.tenants.key_with_prefix(tx, prefix)
        if key is None:
            raise NotFound(f"no key {prefix!r} in force")
        store.tenants.revoke_key(tx, prefix)
        store.tenants.record_audit(
            tx,
            workspace_id=key.workspace_id,
            actor=actor,
            action="key.revoke",
            subject=prefix,
        )


def authenticate(runtime: Runtime, key: str, scopes: Collection[Scope]) -> UUID:
    """The workspace that a key with one of the scopes opens.

    Raises AccessDenied where the key is unknown, or lacks them, which is written down.
    """
    mark, _, rest = key.partition("_")
    prefix = rest.partition("_")[0]
    row = None
    if mark == KEY_MARK and prefix:
        with runtime.system_transaction() as tx:
            row = store.tenants.key_with_prefix(tx, prefix)
    # The comparison takes its time whether or not there is such a key.
    expected = row.secret_hash if row else bytes(hashlib.sha256().digest_size)
    if not hmac.compare_digest(expected, _hash(key)) or row is None:
        raise AccessDenied("the API key is missing or not valid")
    if not set(row.scopes).intersection(scopes):
        wanted = " or ".join(repr(str(scope)) for scope in scopes)
        with runtime.transaction(row.workspace_id) as tx:
            store.tenants.record_audit(
                tx,
                workspace_id=row.workspace_id,
                actor=f"key {prefix}",
                action="access.denied",
                subject=wanted,
            )
        raise AccessDenied(f"the API key lacks the scope {wanted}", known=True)
    return row.workspace_id


def key_in_force(runtime: Runtime, prefix: str) -> tuple[APIKey, Workspace]:
    """The key with this visible part and its workspace, for who showed the whole key before.

    Raises AccessDenied where it was revoked since.
    """
    with runtime.system_transaction() as tx:
        key = store.tenants.key_with_prefix(tx, prefix)
        workspace = store.tenants.workspace(tx, key.workspace_id) if key else None
    if key is None or workspace is None:
        raise AccessDenied("the API key is no longer in force")
    return key, workspace


def add_config(
    runtime: Runtime,
    workspace_id: UUID,
    *,
    name: str,
    provider: str,
    channel: str,
    addresses: Collection[str] = (),
    credentials: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    external_account_id: str | None = None,
    poll_seconds: int | None = None,
    subscribes: bool = False,
    actor: str = "cli",
) -> ChannelConfig:
    """Connect an account; its credentials are encrypted before they reach the database.

    With `poll_seconds` it is asked that often what is new; one that `subscribes` is called by its
    provider.

    Raises InvalidInput for a provider that nobody knows how to talk to in this way, Conflict where the
    workspace has an account of this name.
    """
    if provider != DIRECT:
        adapter = runtime.adapters.of(provider)
        if poll_seconds is not None and not adapter.polls:
            raise InvalidInput(f"{provider} cannot be polled")
    elif poll_seconds is not None or subscribes:
        raise InvalidInput("nothing is fetched for a direct account")
    if subscribes:
        runtime.adapters.subscriber(provider)
    config_id = new_id()
    sealed = (
        runtime.vault.seal(credentials, workspace_id=workspace_id, config_id=config_id)
        if credentials
        else None
    )
    with runtime.transaction(workspace_id) as tx:
        if store.tenants.config_named(tx, name):
            raise Conflict(f"there is an account named {name!r} already")
        config = store.tenants.add_config(
            tx,
            {
                "id": config_id,
                "workspace_id": workspace_id,
                "name": name,
                "provider": provider,
                "channel": channel,
                "addresses": sorted(addresses),
                "credentials": sealed,
                "settings": settings or {},
                "external_account_id": external_account_id,
                "poll_seconds": poll_seconds,
                "subscribes": subscribes,
            },
        )
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="config.add",
            subject=str(config_id),
            details={"provider": provider, "name": name},
        )
    return config


def channel_of(runtime: Runtime, provider: str) -> str:
    """The channel of a provider's accounts; files and partners mostly bring mail."""
    adapter = runtime.adapters.get(provider)
    return adapter.channel if adapter is not None else Channel.EMAIL


def should_poll(runtime: Runtime, provider: str, *, subscribes: bool) -> bool:
    """Whether an account is polled where nobody says otherwise.

    Asking is the only way to hear of what is new, or the only way to hear of what its provider could not
    deliver: while we were away, or while its credentials were refused.
    """
    adapter = runtime.adapters.get(provider)
    if adapter is None or not adapter.polls:
        return False
    return subscribes or not isinstance(adapter, Receiver)


def renew_credentials(
    runtime: Runtime,
    workspace_id: UUID,
    config_id: UUID,
    credentials: dict[str, Any],
    *,
    actor: str = "cli",
) -> None:
    """Replace an account's credentials; one that was disconnected is active again.

    Raises NotFound.
    """
    sealed = runtime.vault.seal(
        credentials, workspace_id=workspace_id, config_id=config_id
    )
    with runtime.transaction(workspace_id) as tx:
        config = require_config(tx, config_id)
        store.tenants.set_credentials(tx, config_id, sealed)
        if config.status is ConfigStatus.DISCONNECTED:
            store.tenants.set_config_status(tx, config_id, ConfigStatus.ACTIVE, None)
            store.incidents.resolve_one(tx, f"account_disconnected:{config_id}")
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="config.credentials",
            subject=str(config_id),
        )


def change_settings(
    runtime: Runtime,
    workspace_id: UUID,
    config_id: UUID,
    settings: dict[str, Any],
    *,
    actor: str = "cli",
) -> None:
    """Replace what an account's owner has chosen.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        require_config(tx, config_id)
        store.tenants.set_settings(tx, config_id, settings)
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="config.settings",
            subject=str(config_id),
        )


def change_polling(
    runtime: Runtime,
    workspace_id: UUID,
    config_id: UUID,
    seconds: int | None,
    *,
    actor: str = "cli",
) -> None:
    """Ask an account so often what is new from now on; None: no more.

    Raises NotFound, or InvalidInput where its provider cannot be asked.
    """
    with runtime.transaction(workspace_id) as tx:
        config = require_config(tx, config_id)
        adapter = runtime.adapters.get(config.provider)
        if seconds is not None and (adapter is None or not adapter.polls):
            raise InvalidInput(f"{config.provider} cannot be polled")
        store.tenants.set_polling(tx, config_id, seconds)
        store.watermarks.hurry(tx, config_id, WatermarkResource.MESSAGES)
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="config.polling",
            subject=str(config_id),
            details={"poll_seconds": seconds},
        )


def set_config_status(
    runtime: Runtime,
    workspace_id: UUID,
    config_id: UUID,
    *,
    status: ConfigStatus,
    actor: str = "cli",
) -> None:
    """Pause or resume an account.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        if not store.tenants.set_config_status(tx, config_id, status, f"by {actor}"):
            raise NotFound(f"no account {config_id} in this workspace")
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action=f"config.{status}",
            subject=str(config_id),
        )


def hurry_poll(runtime: Runtime, workspace_id: UUID, config_id: UUID) -> bool:
    """Have an account asked now what is new; False where it is due already or not polled."""
    with runtime.transaction(workspace_id) as tx:
        if not store.watermarks.hurry(tx, config_id, WatermarkResource.MESSAGES):
            return False
        tx.publish_after_commit(Poll(workspace_id=workspace_id, config_id=config_id))
    return True


def require_config(tx: Transaction, config_id: UUID) -> ChannelConfig:
    """An account of this workspace.

    Raises NotFound, also for one that belongs to another workspace.
    """
    config = store.tenants.config(tx, config_id)
    if config is None:
        raise NotFound(f"no account {config_id} in this workspace")
    return config


def find_config(runtime: Runtime, workspace_id: UUID, reference: str) -> ChannelConfig:
    """The account of this workspace with this name or id.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        config = store.tenants.config_named(tx, reference)
        if config is None and (config_id := _as_uuid(reference)):
            config = store.tenants.config(tx, config_id)
    if config is None:
        raise NotFound(f"no account {reference!r}; see: bizzybee config list")
    return config


def account_of(runtime: Runtime, config: ChannelConfig) -> Account:
    """An account as its adapter needs it, credentials decrypted in memory."""
    credentials: dict[str, Any] = {}
    if config.credentials is not None:
        credentials = runtime.vault.open(
            config.credentials, workspace_id=config.workspace_id, config_id=config.id
        )
    return Account(
        config_id=str(config.id),
        addresses=frozenset(
            identity_key("email" if "@" in address else "phone", address)
            for address in config.addresses
        ),
        credentials=credentials,
        settings=config.settings,
        external_id=config.external_account_id,
    )


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
