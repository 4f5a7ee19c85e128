"""Keep a provider's promise alive to call us when something is new."""

from datetime import timedelta

from app import store
from app.channels.webhook import Subscriber
from app.domain.status import Severity, WatermarkResource
from app.errors import BizzyBeeError, RateLimited
from app.jobs.contracts import Subscribe
from app.models import ChannelConfig, SyncWatermark
from app.runtime import Runtime
from app.services.accounts import account_of, require_config
from app.services.pipeline.failure import describe
from app.services.pipeline.outcome import Outcome
from app.services.sync.account_faults import pause_after, settle_for_account
from app.store.audit import EventOutcome

#: Far below what any provider lets a subscription live without being renewed.
EVERY = timedelta(hours=1)


def subscribe(runtime: Runtime, job: Subscribe) -> Outcome:
    """Renew the subscription of an account, or make one where it is lost.

    Safe to repeat: the watermark is leased, and what is in force stays. As long as it fails, an
    incident is open, which closes itself.
    """
    with runtime.transaction(job.workspace_id) as tx:
        held = store.watermarks.claim(
            tx, job.config_id, WatermarkResource.SUBSCRIPTION, lease=runtime.lease
        )
        config = require_config(tx, job.config_id) if held else None
    if held is None or config is None:
        return Outcome()
    with runtime.leases.held(held.lease_token):
        try:
            return _renew(runtime, job, config, held)
        except BizzyBeeError as error:
            return _later(runtime, job, config, held, error)
        except Exception as error:
            _later(runtime, job, config, held, error)
            raise


def webhook_url(runtime: Runtime, config: ChannelConfig) -> str:
    """The address that the provider of an account is to call."""
    return f"{runtime.settings.public_url}/webhooks/{config.provider}/{config.id}"


def _renew(
    runtime: Runtime, job: Subscribe, config: ChannelConfig, held: SyncWatermark
) -> Outcome:
    adapter: Subscriber = runtime.adapters.subscriber(config.provider)
    cursor = adapter.subscribe(
        account_of(runtime, config),
        url=webhook_url(runtime, config),
        cursor=held.cursor,
    )
    with runtime.transaction(job.workspace_id) as tx:
        if not store.watermarks.move(tx, held, cursor, again_at=tx.now + EVERY):
            return Outcome({"taken_over": 1})
        account_id = cursor.get("account_id")
        if account_id is not None:
            store.tenants.set_external_account(tx, config.id, str(account_id))
        store.incidents.resolve_one(tx, _key(config))
        store.audit.record(
            tx,
            job,
            [EventOutcome(None, "subscribed", held.attempts)],
            started_at=tx.now,
        )
    return Outcome({"subscribed": 1})


def _later(
    runtime: Runtime,
    job: Subscribe,
    config: ChannelConfig,
    held: SyncWatermark,
    error: Exception,
) -> Outcome:
    with runtime.transaction(job.workspace_id) as tx:
        store.watermarks.put_off(
            tx,
            held,
            until=tx.now + pause_after(error, attempt=min(held.attempts, 6)),
            error=describe(error),
            counted=not isinstance(error, RateLimited),
        )
        settle_for_account(tx, config, error)
        store.incidents.report(
            tx,
            kind="subscription_failed",
            dedupe_key=_key(config),
            severity=Severity.ERROR,
            workspace_id=config.workspace_id,
            details={
                "account": config.name,
                "error": describe(error),
                "do": "new messages may only be found by polling; is BB_PUBLIC_URL reachable?",
            },
        )
        store.audit.record(
            tx,
            job,
            [EventOutcome(None, "put_off", held.attempts, describe(error))],
            started_at=tx.now,
        )
    return Outcome({"put_off": 1})


def _key(config: ChannelConfig) -> str:
    return f"subscription_failed:{config.id}"
