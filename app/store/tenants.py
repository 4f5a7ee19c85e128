"""`workspaces`, `api_keys`, `channel_configs`, `audit_log`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, insert, or_, select, true, update

from app.domain.identifiers import email_key
from app.domain.status import ConfigStatus
from app.models import APIKey, AuditEntry, ChannelConfig, Workspace
from app.store.transaction import Transaction


def add_workspace(tx: Transaction, name: str) -> Workspace:
    """Insert a workspace; its name is unique in the installation."""
    workspace = Workspace(name=name)
    tx.session.add(workspace)
    tx.session.flush()
    return workspace


def workspace_named(tx: Transaction, name: str) -> Workspace | None:
    return tx.session.scalar(select(Workspace).where(Workspace.name == name))


def workspace(tx: Transaction, workspace_id: UUID) -> Workspace | None:
    return tx.session.get(Workspace, workspace_id)


def workspaces(tx: Transaction) -> Sequence[Workspace]:
    """All that this transaction may see."""
    return tx.session.scalars(select(Workspace).order_by(Workspace.name)).all()


def set_auto_reply(tx: Transaction, workspace_id: UUID, allowed: bool) -> bool:
    """Allow or forbid automatic replies; False where it stands so already."""
    changed = tx.session.execute(
        update(Workspace)
        .where(Workspace.id == workspace_id, Workspace.auto_reply.is_not(allowed))
        .values(auto_reply=allowed, updated_at=tx.now)
        .returning(Workspace.id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None


def set_trust_orders(tx: Transaction, workspace_id: UUID, trusted: bool) -> None:
    """Say whether the orders that the assistant takes need no person."""
    tx.session.execute(
        update(Workspace)
        .where(Workspace.id == workspace_id)
        .values(trust_orders=trusted, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def add_key(tx: Transaction, row: dict[str, Any]) -> APIKey:
    key = APIKey(**row)
    tx.session.add(key)
    tx.session.flush()
    return key


def key_with_prefix(tx: Transaction, prefix: str) -> APIKey | None:
    """The key with this visible part, if it is not revoked."""
    return tx.session.scalar(
        select(APIKey).where(APIKey.prefix == prefix, APIKey.revoked_at.is_(None))
    )


def keys(tx: Transaction) -> Sequence[APIKey]:
    return tx.session.scalars(select(APIKey).order_by(APIKey.created_at)).all()


def revoke_key(tx: Transaction, prefix: str) -> bool:
    revoked = tx.session.execute(
        update(APIKey)
        .where(APIKey.prefix == prefix, APIKey.revoked_at.is_(None))
        .values(revoked_at=tx.now, updated_at=tx.now)
        .returning(APIKey.id)
        .execution_options(synchronize_session=False)
    )
    return revoked.first() is not None


def add_config(tx: Transaction, row: dict[str, Any]) -> ChannelConfig:
    config = ChannelConfig(**row)
    tx.session.add(config)
    tx.session.flush()
    return config


def config(tx: Transaction, config_id: UUID) -> ChannelConfig | None:
    return tx.session.get(ChannelConfig, config_id)


def config_named(tx: Transaction, name: str) -> ChannelConfig | None:
    return tx.session.scalar(select(ChannelConfig).where(ChannelConfig.name == name))


def configs(tx: Transaction) -> Sequence[ChannelConfig]:
    return tx.session.scalars(select(ChannelConfig).order_by(ChannelConfig.name)).all()


def own_addresses(tx: Transaction) -> frozenset[str]:
    """The keys of all mail addresses that are ours."""
    return frozenset(
        email_key(address) for config in configs(tx) for address in config.addresses
    )


def set_credentials(tx: Transaction, config_id: UUID, sealed: bytes) -> None:
    """Replace the encrypted credentials of an account."""
    tx.session.execute(
        update(ChannelConfig)
        .where(ChannelConfig.id == config_id)
        .values(credentials=sealed, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def set_settings(tx: Transaction, config_id: UUID, settings: dict[str, Any]) -> None:
    """Replace what an account's owner has chosen."""
    tx.session.execute(
        update(ChannelConfig)
        .where(ChannelConfig.id == config_id)
        .values(settings=settings, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def set_polling(tx: Transaction, config_id: UUID, seconds: int | None) -> None:
    """Say how often an account is asked what is new; None: never."""
    tx.session.execute(
        update(ChannelConfig)
        .where(ChannelConfig.id == config_id)
        .values(poll_seconds=seconds, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def set_config_status(
    tx: Transaction, config_id: UUID, status: ConfigStatus, reason: str | None
) -> bool:
    """Pause or resume an account; False where there is none."""
    return _set_status(tx, config_id, status, reason, true())


def disconnect(tx: Transaction, config: ChannelConfig, reason: str) -> bool:
    """Disconnect an account whose credentials, as given here, are refused.

    False where it is not active any more, or somebody has entered other credentials meanwhile.
    """
    is_same = and_(
        ChannelConfig.status == ConfigStatus.ACTIVE,
        ChannelConfig.credentials.is_not_distinct_from(config.credentials),
    )
    return _set_status(tx, config.id, ConfigStatus.DISCONNECTED, reason, is_same)


def configs_of_provider(
    tx: Transaction, provider: str, external_account_id: str
) -> Sequence[ChannelConfig]:
    """The accounts that a provider knows by this id; more than one workspace may have it."""
    return tx.session.scalars(
        select(ChannelConfig).where(
            ChannelConfig.provider == provider,
            ChannelConfig.external_account_id == external_account_id,
        )
    ).all()


def hold_back(tx: Transaction, config_id: UUID, until: datetime) -> None:
    """Let nobody call the provider for this account before then."""
    tx.session.execute(
        update(ChannelConfig)
        .where(
            ChannelConfig.id == config_id,
            or_(
                ChannelConfig.rate_limited_until.is_(None),
                ChannelConfig.rate_limited_until < until,
            ),
        )
        .values(rate_limited_until=until)
        .execution_options(synchronize_session=False)
    )


def set_fetched(tx: Transaction, config_id: UUID, at: datetime) -> None:
    """Note until when an account is known to have been read."""
    tx.session.execute(
        update(ChannelConfig)
        .where(ChannelConfig.id == config_id)
        .values(last_fetch_timestamp=at)
        .execution_options(synchronize_session=False)
    )


def set_external_account(tx: Transaction, config_id: UUID, external_id: str) -> None:
    """Learn by which id the provider's webhooks name an account."""
    tx.session.execute(
        update(ChannelConfig)
        .where(ChannelConfig.id == config_id)
        .values(external_account_id=external_id, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def record_audit(
    tx: Transaction,
    *,
    workspace_id: UUID,
    actor: str,
    action: str,
    subject: str,
    details: dict[str, Any] | None = None,
) -> None:
    """Write down who changed what."""
    tx.session.execute(
        insert(AuditEntry).values(
            workspace_id=workspace_id,
            actor=actor,
            action=action,
            subject=subject,
            details=details or {},
        )
    )


def _set_status(
    tx: Transaction,
    config_id: UUID,
    status: ConfigStatus,
    reason: str | None,
    condition: ColumnElement[bool],
) -> bool:
    changed = tx.session.execute(
        update(ChannelConfig)
        .where(ChannelConfig.id == config_id, condition)
        .values(status=status, status_reason=reason, updated_at=tx.now)
        .returning(ChannelConfig.id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None
