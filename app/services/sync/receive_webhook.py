"""Keep what a provider's request brings, before it is answered."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app import store
from app.channels.webhook import Delivery, NoSecret, Receiver, WebhookRequest
from app.domain.ids import new_id
from app.domain.scrub import scrub
from app.domain.status import Severity, Source, WatermarkResource
from app.errors import AccessDenied, InvalidPayload, NotFound
from app.jobs.contracts import Poll
from app.models import ChannelConfig
from app.runtime import Runtime
from app.services.accounts import account_of
from app.services.pipeline.failure import describe
from app.services.pipeline.ingest import ingest, materialize_jobs
from app.services.sync.fetch_messages import jobs_of
from app.store.transaction import Transaction


@dataclass(frozen=True)
class Received:
    """What to answer."""

    content_type: str
    body: str
    kept: int = 0
    """Messages and announcements that were stored."""


def receive_webhook(
    runtime: Runtime,
    provider: str,
    request: WebhookRequest,
    *,
    config_id: UUID | None = None,
) -> Received:
    """Store a request and what it brings, in one transaction per account; nothing is interpreted.

    Safe to repeat: providers' ids decide, so a redelivery adds nothing but its receipt.

    Raises NotFound for a provider or account that nobody knows, AccessDenied for a request that is not
    signed as it should be, NoSecret where it cannot be checked.
    """
    adapter = runtime.adapters.receiver(provider)
    named = _named(runtime, provider, config_id)
    verdict = _verdict(runtime, adapter, provider, request, named)
    text = adapter.handshake(request)
    if text is not None:
        return Received("text/plain", text)
    try:
        deliveries = adapter.receive(request)
    except InvalidPayload as error:
        _keep_unreadable(runtime, provider, request, named, error)
        return Received(*adapter.answer)
    found = [(one, _configs(runtime, provider, named, one)) for one in deliveries]
    nameless = [one for one, configs in found if not configs and one.account is None]
    if nameless:
        # Nobody could be connected so that it would find its account.
        fault = InvalidPayload(f"{provider}: the request names no account")
        _keep_unreadable(runtime, provider, request, named, fault)
    unknown = [one for one, configs in found if not configs and one not in nameless]
    if unknown:
        _report_unknown(runtime, provider)
    if unknown and len(unknown) == len(found):
        raise NotFound(f"no {provider} account of that name is connected")
    kept = 0
    for delivery, configs in found:
        for config in configs:
            kept += _keep(runtime, adapter, request, verdict, config, delivery)
    return Received(*adapter.answer, kept=kept)


def _named(
    runtime: Runtime, provider: str, config_id: UUID | None
) -> ChannelConfig | None:
    """The account that the address of the request names, if it names one."""
    if config_id is None:
        return None
    with runtime.system_transaction() as tx:
        config = store.tenants.config(tx, config_id)
    if config is None or config.provider != provider:
        raise NotFound(f"no {provider} account {config_id}")
    return config


def _verdict(
    runtime: Runtime,
    adapter: Receiver,
    provider: str,
    request: WebhookRequest,
    named: ChannelConfig | None,
) -> str:
    account = account_of(runtime, named) if named else None
    try:
        adapter.verify(request, account)
    except NoSecret:
        if runtime.settings.allow_unsigned_webhooks:
            return "unsigned"
        raise
    except AccessDenied as error:
        with runtime.system_transaction() as tx:
            store.incidents.report(
                tx,
                kind="webhook_refused",
                dedupe_key=f"webhook_refused:{named.id if named else provider}",
                severity=Severity.WARNING,
                workspace_id=named.workspace_id if named else None,
                details={
                    "provider": provider,
                    "error": describe(error),
                    "do": "if these are the provider's, the secret entered here is not theirs",
                },
                # Anybody may call: the row must not become hot.
                at_most_every=timedelta(seconds=1),
            )
        raise
    return "signed"


def _configs(
    runtime: Runtime, provider: str, named: ChannelConfig | None, delivery: Delivery
) -> Sequence[ChannelConfig]:
    """The accounts that a delivery is for."""
    if named is not None:
        # One secret signs for all accounts of an application, so the address proves nothing.
        is_other = named.external_account_id not in (None, delivery.account)
        return [] if is_other and delivery.account is not None else [named]
    if delivery.account is None:
        return []
    with runtime.system_transaction() as tx:
        return store.tenants.configs_of_provider(tx, provider, delivery.account)


def _keep(
    runtime: Runtime,
    adapter: Receiver,
    request: WebhookRequest,
    verdict: str,
    config: ChannelConfig,
    delivery: Delivery,
) -> int:
    with runtime.transaction(config.workspace_id) as tx:
        receipt_id = new_id()
        store.receipts.add(
            tx,
            {
                "id": receipt_id,
                "workspace_id": config.workspace_id,
                "config_id": config.id,
                "provider": config.provider,
                "verdict": verdict,
                "headers": _headers(adapter, request),
                "query": _query(adapter, request),
                "body": request.body,
                "digest": hashlib.sha256(request.body).hexdigest(),
                "items": len(delivery.items) + len(delivery.announced),
                "received_at": tx.now,
            },
        )
        # Before the events, in the order in which polls and fetches lock these rows.
        announced = _announce(tx, config, delivery.announced, receipt_id)
        if delivery.has_changed or delivery.trouble is not None:
            _look(tx, config, delivery)
        kept = ingest(
            tx, config, delivery.items, source=Source.WEBHOOK, receipt_id=receipt_id
        )
        tx.publish_after_commit(
            *materialize_jobs(
                config,
                kept.event_ids,
                run_id=None,
                batch_size=runtime.settings.ingest_batch_size,
            )
        )
    return len(kept.event_ids) + announced


def _announce(
    tx: Transaction, config: ChannelConfig, external_ids: list[str], receipt_id: UUID
) -> int:
    """Have fetched what is not stored yet."""
    known = store.events.known(
        tx, channel=config.channel, config_id=config.id, external_ids=external_ids
    )
    new = [one for one in external_ids if one not in known]
    fetch_ids = store.fetches.announce(tx, config, new, receipt_id=receipt_id)
    tx.publish_after_commit(*jobs_of(config.workspace_id, config.id, fetch_ids))
    return len(fetch_ids)


def _look(tx: Transaction, config: ChannelConfig, delivery: Delivery) -> None:
    """Poll now; what is wrong with an account shows when it is asked."""
    if store.watermarks.hurry(tx, config.id, WatermarkResource.MESSAGES):
        tx.publish_after_commit(
            Poll(workspace_id=config.workspace_id, config_id=config.id)
        )
    if delivery.trouble is None and config.poll_seconds is None:
        store.incidents.report(
            tx,
            kind="news_unread",
            dedupe_key=f"news_unread:{config.id}",
            severity=Severity.WARNING,
            workspace_id=config.workspace_id,
            details={
                "account": config.name,
                "do": "import the account: it is not polled, and the provider did not say what is new",
            },
        )
    if delivery.trouble is not None:
        store.incidents.report(
            tx,
            kind="account_trouble",
            dedupe_key=f"account_trouble:{config.id}",
            severity=Severity.ERROR,
            workspace_id=config.workspace_id,
            details={"account": config.name, "error": delivery.trouble[:500]},
        )


def _keep_unreadable(
    runtime: Runtime,
    provider: str,
    request: WebhookRequest,
    named: ChannelConfig | None,
    error: InvalidPayload,
) -> None:
    """Keep a request that is signed and says nothing we can read: asking again would not help."""
    digest = hashlib.sha256(request.body).hexdigest()
    with runtime.system_transaction() as tx:
        store.dead_letters.add(
            tx,
            [
                {
                    "workspace_id": named.workspace_id if named else None,
                    "fingerprint": f"{provider}:{digest}",
                    "source_queue": "webhooks",
                    "job_type": "WEBHOOK",
                    "payload": {
                        "provider": provider,
                        "config_id": str(named.id) if named else None,
                        "body": base64.b64encode(request.body).decode(),
                    },
                    "error": describe(error),
                    "attempts": 1,
                }
            ],
        )


def _report_unknown(runtime: Runtime, provider: str) -> None:
    with runtime.system_transaction() as tx:
        store.incidents.report(
            tx,
            kind="webhook_unknown_account",
            dedupe_key=f"webhook_unknown_account:{provider}",
            severity=Severity.WARNING,
            details={
                "provider": provider,
                "do": "connect the account, or take the subscription back at the provider",
            },
        )


def _headers(adapter: Receiver, request: WebhookRequest) -> dict[str, str]:
    """What may be kept of the headers."""
    kept = {
        name: value
        for name, value in request.headers.items()
        if name not in adapter.secret_headers
    }
    scrubbed: dict[str, str] = scrub(kept)
    return scrubbed


def _query(adapter: Receiver, request: WebhookRequest) -> dict[str, str]:
    """What may be kept of the query."""
    kept = {
        name: value
        for name, value in request.query.items()
        if name not in adapter.secret_parameters
    }
    scrubbed: dict[str, str] = scrub(kept)
    return scrubbed
