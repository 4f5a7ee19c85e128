"""Ask an account what is new and keep it."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from app import store
from app.channels.base import Changes, Interrupted, Item, Stored
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.status import Severity, Source, WatermarkResource
from app.errors import AuthError, BizzyBeeError, RateLimited, RetryableError
from app.jobs.contracts import Job, Poll
from app.models import ChannelConfig, SyncWatermark
from app.runtime import Runtime
from app.services.accounts import account_of, require_config
from app.services.pipeline.failure import describe
from app.services.pipeline.ingest import Ingested, ingest, materialize_jobs
from app.services.pipeline.outcome import Outcome
from app.services.sync.account_faults import pause_after, settle_for_account
from app.services.sync.fetch_messages import jobs_of
from app.store.audit import EventOutcome
from app.store.transaction import Transaction

#: A first look begins a little before the account was connected: clocks differ.
OVERLAP = timedelta(days=1)


def poll(runtime: Runtime, job: Poll) -> Outcome:
    """Fetch what is new on an account since its watermark, and move the watermark past it.

    Safe to repeat: the watermark is leased, and moves in the transaction that stores what came
    before it. An item that cannot be read is kept as a dead letter, and so is no reason to stay.
    """
    with runtime.transaction(job.workspace_id) as tx:
        held = store.watermarks.claim(
            tx, job.config_id, WatermarkResource.MESSAGES, lease=runtime.lease
        )
        config = require_config(tx, job.config_id) if held else None
        if held and config and held.attempts > MAX_ATTEMPTS:
            # Said before the work: one that kills its worker says nothing afterwards.
            _report_failing(tx, config, held.last_error or "its worker was lost")
    if held is None or config is None:
        return Outcome()
    runtime.checkpoint("poll.claimed")
    with runtime.leases.held(held.lease_token):
        try:
            return _read_on(runtime, job, config, held)
        except BizzyBeeError as error:
            return _later(runtime, job, config, held, error)
        except Exception as error:
            # Also where the database refuses an item: else the lease would lapse without a word, and
            # the provider be asked again at once, for ever.
            _later(runtime, job, config, held, error)
            raise


def _read_on(
    runtime: Runtime, job: Poll, config: ChannelConfig, held: SyncWatermark
) -> Outcome:
    try:
        changes = _ask(runtime, config, held)
    except Interrupted as error:
        _keep_part(runtime, config, error.items)
        raise
    runtime.checkpoint("poll.called")
    return _keep(runtime, job, config, held, changes)


def _ask(runtime: Runtime, config: ChannelConfig, held: SyncWatermark) -> Changes:
    def known(external_ids: Collection[str]) -> Mapping[str, Stored]:
        with runtime.transaction(config.workspace_id) as tx:
            return store.events.known(
                tx,
                channel=config.channel,
                config_id=config.id,
                external_ids=external_ids,
            )

    return runtime.adapters.of(config.provider).fetch_changes(
        account_of(runtime, config),
        cursor=held.cursor,
        since=_since(runtime, config),
        limit=runtime.settings.import_batch_size,
        known=known,
    )


def _since(runtime: Runtime, config: ChannelConfig) -> datetime:
    """How far back to read where no cursor helps: what is older is for an import."""
    with runtime.transaction(config.workspace_id) as tx:
        horizon = tx.now - timedelta(days=runtime.settings.backfill_days)
    return max(config.connected_at - OVERLAP, horizon)


def _keep(
    runtime: Runtime,
    job: Poll,
    config: ChannelConfig,
    held: SyncWatermark,
    changes: Changes,
) -> Outcome:
    every = timedelta(seconds=config.poll_seconds or 0)
    with runtime.transaction(job.workspace_id) as tx:
        again_at = tx.now if changes.more else tx.now + every
        if not store.watermarks.move(tx, held, changes.cursor, again_at=again_at):
            return Outcome({"taken_over": 1})
        kept = ingest(tx, config, changes.items, source=Source.POLL)
        fetch_ids = store.fetches.announce(
            tx, config, changes.announced, receipt_id=None
        )
        tx.publish_after_commit(*jobs_of(config.workspace_id, config.id, fetch_ids))
        store.tenants.set_fetched(tx, config.id, tx.now)
        for kind in ("polling_failed", "account_trouble"):
            store.incidents.resolve_one(tx, f"{kind}:{config.id}")
        _report(tx, config, changes)
        if changes.more:
            tx.publish_after_commit(job)
        if changes.items:
            store.audit.record(
                tx,
                job,
                [EventOutcome(None, "polled", held.attempts)],
                started_at=tx.now,
            )
    return Outcome(_counts(kept), _next(runtime, config, kept))


def _keep_part(runtime: Runtime, config: ChannelConfig, items: list[Item]) -> None:
    """Store what came before the provider broke off; the watermark stays where it is."""
    with runtime.transaction(config.workspace_id) as tx:
        kept = ingest(tx, config, items, source=Source.POLL)
        tx.publish_after_commit(*_next(runtime, config, kept))


def _next(runtime: Runtime, config: ChannelConfig, kept: Ingested) -> list[Job]:
    return [
        *materialize_jobs(
            config,
            kept.event_ids,
            run_id=None,
            batch_size=runtime.settings.ingest_batch_size,
        )
    ]


def _counts(kept: Ingested) -> dict[str, int]:
    counts = {"created": kept.created, "duplicates": kept.duplicates}
    return {name: count for name, count in counts.items() if count}


def _report(tx: Transaction, config: ChannelConfig, changes: Changes) -> None:
    """Say what nobody could see otherwise: a cursor that was lost, messages never read."""
    if changes.reset is not None:
        store.incidents.report(
            tx,
            kind="cursor_reset",
            dedupe_key=f"cursor_reset:{config.id}",
            severity=Severity.WARNING,
            workspace_id=config.workspace_id,
            details={"account": config.name, "because": changes.reset},
        )
    if changes.missed:
        store.incidents.report(
            tx,
            kind="history_gap",
            dedupe_key=f"history_gap:{config.id}",
            severity=Severity.WARNING,
            workspace_id=config.workspace_id,
            details={
                "account": config.name,
                "messages": changes.missed,
                "do": "they are older than BB_BACKFILL_DAYS, or more than the provider shows at "
                "once; import the account to read what it still has",
            },
        )


def _later(
    runtime: Runtime,
    job: Poll,
    config: ChannelConfig,
    held: SyncWatermark,
    error: Exception,
) -> Outcome:
    """Ask again later: what is new at a provider does not go away, so nothing is given up."""
    counted = not isinstance(error, RateLimited)
    outcome = "put_off" if counted else "rate_limited"
    with runtime.transaction(job.workspace_id) as tx:
        wait = pause_after(error, attempt=min(held.attempts, MAX_ATTEMPTS))
        every = timedelta(seconds=config.poll_seconds or 0)
        store.watermarks.put_off(
            tx,
            held,
            until=tx.now + max(wait, every),
            error=describe(error),
            counted=counted,
        )
        settle_for_account(tx, config, error)
        lasting = not isinstance(error, RetryableError | AuthError)
        if counted and (lasting or held.attempts == MAX_ATTEMPTS):
            _report_failing(tx, config, describe(error))
        store.audit.record(
            tx,
            job,
            [EventOutcome(None, outcome, held.attempts, describe(error))],
            started_at=tx.now,
        )
    return Outcome({outcome: 1})


def _report_failing(tx: Transaction, config: ChannelConfig, error: str) -> None:
    store.incidents.report(
        tx,
        kind="polling_failed",
        dedupe_key=f"polling_failed:{config.id}",
        severity=Severity.ERROR,
        workspace_id=config.workspace_id,
        details={"account": config.name, "error": error},
    )
