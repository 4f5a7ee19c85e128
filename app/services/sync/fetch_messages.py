"""Fetch messages by their ids: what a provider announced, and what polling could not read."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from app import store
from app.channels.base import Item
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.status import FetchState, Severity, Source
from app.errors import AuthError, BizzyBeeError, Gone, PermanentError, RateLimited
from app.jobs.contracts import FetchMessages
from app.models import ChannelConfig, MessageFetch
from app.runtime import Runtime
from app.services.accounts import account_of, require_config
from app.services.pipeline.failure import describe
from app.services.pipeline.ingest import ingest, materialize_jobs
from app.services.pipeline.outcome import Outcome
from app.services.sync.account_faults import pause_after, settle_for_account
from app.store.audit import EventOutcome
from app.store.transaction import Transaction

#: Announcements that one job carries.
BATCH = 20

#: Attempts of a batch; what was lost with its worker so often goes on alone.
TOGETHER = 2


def fetch_messages(runtime: Runtime, job: FetchMessages) -> Outcome:
    """Fetch what was announced, one message after the other, and keep each as it comes.

    Safe to repeat: what another worker holds or has fetched is left out. What the provider no longer
    has ends as `gone`; what fails is tried again alone and never keeps its neighbours.
    """
    with runtime.transaction(job.workspace_id) as tx:
        token, fetches = store.fetches.claim(tx, job.fetch_ids, lease=runtime.lease)
        config = require_config(tx, job.config_id) if fetches else None
    if config is None:
        return Outcome()
    runtime.checkpoint("fetch_messages.claimed")
    with runtime.leases.held(token):
        return _Fetching(runtime, job, config, token).all(fetches)


def fetch_jobs(fetches: Iterable[MessageFetch]) -> list[FetchMessages]:
    """The jobs that fetch these, batched by account.

    One that kills its worker must not use up the attempts of its neighbours: what nobody gave back
    goes on alone after a while.
    """
    groups: dict[tuple[UUID, UUID, UUID | None], list[UUID]] = {}
    for fetch in fetches:
        is_lost = fetch.lease_token is not None and fetch.attempts >= TOGETHER
        key = (fetch.workspace_id, fetch.config_id, fetch.id if is_lost else None)
        groups.setdefault(key, []).append(fetch.id)
    return [
        job
        for (workspace_id, config_id, _), ids in groups.items()
        for job in jobs_of(workspace_id, config_id, ids)
    ]


def jobs_of(
    workspace_id: UUID, config_id: UUID, fetch_ids: Sequence[UUID]
) -> list[FetchMessages]:
    """The jobs that fetch what one account was announced."""
    return [
        FetchMessages(
            workspace_id=workspace_id,
            config_id=config_id,
            fetch_ids=tuple(fetch_ids[start : start + BATCH]),
        )
        for start in range(0, len(fetch_ids), BATCH)
    ]


class _Fetching:
    """The work of one job on the fetches that it has claimed."""

    def __init__(
        self, runtime: Runtime, job: FetchMessages, config: ChannelConfig, token: UUID
    ) -> None:
        self.runtime = runtime
        self.job = job
        self.config = config
        self.token = token
        self.outcomes: list[str] = []
        self.event_ids: list[UUID] = []

    def all(self, fetches: Sequence[MessageFetch]) -> Outcome:
        known = self._known(fetches)
        for number, fetch in enumerate(fetches):
            if fetch.external_id in known:
                self._end(fetch, FetchState.FETCHED, None)
                continue
            try:
                self._one(fetch)
            except (AuthError, RateLimited) as error:
                # It is the account's, so the others would only hear the same.
                self._put_off(fetches[number:], error, counted=False)
                break
            except Gone as error:
                self._end(fetch, FetchState.GONE, error)
            except PermanentError as error:
                self._give_up(fetch, error)
            except Exception as error:
                if fetch.attempts >= MAX_ATTEMPTS:
                    self._give_up(fetch, error)
                else:
                    self._put_off([fetch], error, counted=True)
                if not isinstance(error, BizzyBeeError):
                    self._put_off(fetches[number + 1 :], error, counted=False)
                    raise
        return Outcome.of(
            self.outcomes,
            materialize_jobs(
                self.config,
                self.event_ids,
                run_id=None,
                batch_size=self.runtime.settings.ingest_batch_size,
            ),
        )

    def _known(self, fetches: Sequence[MessageFetch]) -> set[str]:
        """What polling or an import was faster with."""
        with self.runtime.transaction(self.job.workspace_id) as tx:
            found = store.events.known(
                tx,
                channel=self.config.channel,
                config_id=self.config.id,
                external_ids={fetch.external_id for fetch in fetches},
            )
        return set(found)

    def _one(self, fetch: MessageFetch) -> None:
        if fetch.attempts > MAX_ATTEMPTS:
            raise PermanentError("its worker was lost")
        item = self._fetch(fetch)
        self.runtime.checkpoint("fetch_messages.called")
        with self.runtime.transaction(self.job.workspace_id) as tx:
            # The guard first: who was too slow must not store what its successor also stores.
            if not store.fetches.finish(
                tx, self.token, [fetch.id], state=FetchState.FETCHED
            ):
                self.outcomes.append("taken_over")
                return
            kept = ingest(
                tx,
                self.config,
                [item] if item else [],
                # What no request announced, polling did.
                source=Source.WEBHOOK if fetch.receipt_id else Source.POLL,
                receipt_id=fetch.receipt_id,
            )
            self._audit(tx, fetch, "fetched", None)
        self.event_ids += kept.event_ids
        self.outcomes.append("fetched")

    def _fetch(self, fetch: MessageFetch) -> Item | None:
        adapter = self.runtime.adapters.of(self.config.provider)
        return adapter.fetch_message(
            account_of(self.runtime, self.config), fetch.external_id
        )

    def _end(
        self, fetch: MessageFetch, state: FetchState, error: Exception | None
    ) -> None:
        reason = describe(error) if error else None
        with self.runtime.transaction(self.job.workspace_id) as tx:
            store.fetches.finish(tx, self.token, [fetch.id], state=state, error=reason)
            self._audit(tx, fetch, state, reason)
        self.outcomes.append(state)

    def _give_up(self, fetch: MessageFetch, error: Exception) -> None:
        with self.runtime.transaction(self.job.workspace_id) as tx:
            if not store.fetches.finish(
                tx,
                self.token,
                [fetch.id],
                state=FetchState.FAILED,
                error=describe(error),
            ):
                return
            store.dead_letters.add(
                tx,
                [
                    {
                        "workspace_id": self.job.workspace_id,
                        "source_queue": self.job.queue,
                        "job_type": self.job.job_type,
                        "payload": self.job.model_copy(
                            update={"fetch_ids": (fetch.id,)}
                        ).payload(),
                        "error": describe(error),
                        "attempts": fetch.attempts,
                    }
                ],
            )
            store.incidents.report(
                tx,
                kind="dead_letter",
                dedupe_key=f"dead_letter:{self.job.job_type}",
                severity=Severity.ERROR,
                workspace_id=self.job.workspace_id,
                details={"job_type": self.job.job_type, "error": describe(error)},
            )
            self._audit(tx, fetch, "failed", describe(error))
        self.outcomes.append("failed")

    def _put_off(
        self, fetches: Sequence[MessageFetch], error: Exception, *, counted: bool
    ) -> None:
        if not fetches:
            return
        wait = pause_after(error, attempt=fetches[0].attempts)
        outcome = "put_off" if counted else "rate_limited"
        with self.runtime.transaction(self.job.workspace_id) as tx:
            store.fetches.put_off(
                tx,
                self.token,
                [fetch.id for fetch in fetches],
                until=tx.now + wait,
                error=describe(error),
                counted=counted,
            )
            settle_for_account(tx, self.config, error)
            for fetch in fetches:
                self._audit(tx, fetch, outcome, describe(error))
        self.outcomes += [outcome] * len(fetches)

    def _audit(
        self, tx: Transaction, fetch: MessageFetch, outcome: str, error: str | None
    ) -> None:
        store.audit.record(
            tx,
            self.job,
            [EventOutcome(None, outcome, fetch.attempts, error)],
            started_at=tx.now,
        )
