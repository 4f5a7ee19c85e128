"""What an error of a provider means for the account it was about."""

from datetime import timedelta

from app import store
from app.domain.backoff import delay
from app.domain.status import Severity
from app.errors import AuthError, RateLimited, RetryableError
from app.models import ChannelConfig
from app.services.pipeline.failure import describe
from app.store.transaction import Transaction


def settle_for_account(
    tx: Transaction, config: ChannelConfig, error: Exception
) -> None:
    """Disconnect an account whose credentials are refused; hold one back that asks too often.

    Whoever meets the error speaks for all workers: none of them calls the provider meanwhile.
    A disconnected account keeps what its webhooks bring, and goes on when somebody has entered new
    credentials; those that were entered meanwhile are not those that were refused.
    """
    if isinstance(error, AuthError):
        reason = describe(error)
        if store.tenants.disconnect(tx, config, reason):
            store.incidents.report(
                tx,
                kind="account_disconnected",
                dedupe_key=f"account_disconnected:{config.id}",
                severity=Severity.CRITICAL,
                workspace_id=config.workspace_id,
                details={
                    "account": config.name,
                    "error": reason,
                    "do": f"bizzybee config update {config.name} --credentials FILE",
                },
            )
    elif isinstance(error, RateLimited):
        store.tenants.hold_back(tx, config.id, tx.now + pause_after(error, attempt=1))


def pause_after(error: Exception, *, attempt: int) -> timedelta:
    """How long to wait after an error: as long as the provider asks, else our own back-off."""
    asked = error.retry_after if isinstance(error, RetryableError) else None
    return delay(max(attempt, 1), asked)
