"""Keep the files that came with messages: each is stored, or listed with the reason why not."""

import base64
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from app import store
from app.channels.download import too_large
from app.domain.attachments import (
    inner_message,
    is_refused,
    is_single_pixel,
    read_kinds,
    warning_of,
)
from app.domain.backoff import MAX_ATTEMPTS, delay
from app.domain.mail import AttachedParts
from app.domain.status import AttachmentState, Severity
from app.errors import (
    AuthError,
    Gone,
    PermanentError,
    RateLimited,
    Refused,
    RetryableError,
    StorageAway,
)
from app.jobs.contracts import StoreFiles
from app.models import ChannelConfig
from app.runtime import Runtime
from app.services.accounts import account_of
from app.services.pipeline.failure import describe, may_retry
from app.services.pipeline.outcome import Outcome
from app.services.sync.account_faults import settle_for_account
from app.store.attachments import FileClaim
from app.store.audit import EventOutcome
from app.store.transaction import Transaction

STORAGE_PAUSE = timedelta(seconds=30)

_MESSAGES = frozenset({"message/rfc822", "message/global"})


@dataclass(frozen=True)
class _Source:
    """Where the files of a message are."""

    message_id: UUID
    event_id: UUID | None
    config: ChannelConfig
    mime: str | None
    """The mail as it came over the wire, in base64."""


def store_files(runtime: Runtime, job: StoreFiles) -> Outcome:
    """Fetch and keep the files of messages, one message after another.

    Safe to repeat: each file is claimed before the work and the claim is repeated in the write; the
    same bytes have the same key, so what was put before a worker was killed is put once more to no
    effect.
    """
    outcomes: list[str] = []
    for message_id in job.message_ids:
        outcomes += _store_files_of(runtime, job, message_id)
    return Outcome.of(outcomes)


def _store_files_of(runtime: Runtime, job: StoreFiles, message_id: UUID) -> list[str]:
    outcomes: list[str] = []
    tried: set[UUID] = set()
    while True:
        with runtime.transaction(job.workspace_id) as tx:
            claim = store.attachments.take(
                tx, message_id, lease=runtime.lease, leaving=tried
            )
            if not claim.files:
                return outcomes
            work = _Work(runtime, job, claim, _source(tx, message_id, claim))
        runtime.checkpoint("store_files.claimed")
        with runtime.leases.held(claim.token):
            outcomes += work.done()
        tried |= {file.id for file in claim.files}


def _source(tx: Transaction, message_id: UUID, claim: FileClaim) -> _Source:
    message = store.messages.of_ids(tx, [message_id])[message_id]
    config = store.tenants.config(tx, message.config_id)
    assert config is not None
    mime = None
    if message.event_id and any(file.place for file in claim.files):
        mime = store.events.mime_of(tx, message.event_id)
    return _Source(message_id, message.event_id, config, mime)


class _Work:
    """The claimed files of one message, fetched and kept one after another."""

    def __init__(
        self, runtime: Runtime, job: StoreFiles, claim: FileClaim, source: _Source
    ) -> None:
        self._runtime = runtime
        self._job = job
        self._claim = claim
        self._source = source
        settings = runtime.settings
        self._limit = settings.attachment_max_bytes
        self._unwanted = read_kinds(settings.refused_attachments)

    def done(self) -> list[str]:
        """Do it; returns what became of each."""
        outcomes: list[str] = []
        outage: Exception | None = None
        for file in self._claim.files:
            error = outage or self._keep(file)
            if error is None:
                outcomes.append(AttachmentState.STORED)
                continue
            outcomes.append(self._settle(file, error))
            if isinstance(error, RateLimited | AuthError | StorageAway):
                # It concerns the next file as well, so it is not even tried.
                outage = error
        return outcomes

    def _keep(self, file: Any) -> Exception | None:
        """Fetch and store one file; returns what went wrong."""
        try:
            if file.attempts > MAX_ATTEMPTS:
                raise PermanentError("its worker was lost")
            values = self._stored(file)
        except Exception as error:  # noqa: BLE001 — the next file must not suffer for it
            return error
        with self._runtime.transaction(self._job.workspace_id) as tx:
            if store.attachments.save(tx, self._claim, file.id, values):
                self._record(tx, file, AttachmentState.STORED)
        return None

    def _stored(self, file: Any) -> dict[str, Any]:
        """Put a file into the storage; returns what is known of it then.

        No transaction is open here: a slow provider must not hold a connection.
        """
        if is_refused(self._unwanted, file.name, file.content_type):
            raise Refused("files of this kind are not kept")
        if (file.size or 0) > self._limit:
            raise Refused(too_large(self._limit))
        content = self._from_address(file.url) if file.url else self._from_mail(file)
        if len(content) > self._limit:
            raise Refused(too_large(self._limit))
        self._runtime.checkpoint("store_files.fetched")
        key = self._runtime.storage.put(self._job.workspace_id, content)
        self._runtime.checkpoint("store_files.put")
        is_message = (file.content_type or "").lower() in _MESSAGES
        # Left out where there is none: None would be stored as a JSON null.
        inner = {"inner": inner_message(content)} if is_message else {}
        return {
            "state": AttachmentState.STORED,
            "reason": None,
            "last_error": None,
            "size": len(content),
            "sha256": key.rpartition("/")[2],
            "storage_key": key,
            "is_inline": file.is_inline or is_single_pixel(content),
            "warning": warning_of(file.name, content),
        } | inner

    def _from_mail(self, file: Any) -> bytes:
        content = self._parts.content(file.place)
        if content is None:
            raise Gone("the mail does not hold it")
        return content

    @cached_property
    def _parts(self) -> AttachedParts:
        if self._source.mime is None:
            raise Gone("the mail that it came with is not kept")
        return AttachedParts(base64.b64decode(self._source.mime))

    def _from_address(self, url: str) -> bytes:
        config = self._source.config
        adapter = self._runtime.adapters.get(config.provider)
        if adapter is not None:
            account = account_of(self._runtime, config)
            try:
                content = adapter.fetch_attachment(account, url)
            except Gone:
                raise Gone("the provider no longer has it") from None
            if content is not None:
                return content
        return self._runtime.downloads.fetch(url)

    def _settle(self, file: Any, error: Exception) -> str:
        """Put a file off, or end it with the reason; both visible in its row."""
        reason = describe(error)
        with self._runtime.transaction(self._job.workspace_id) as tx:
            wait = self._wait(tx, file, error)
            if wait is not None:
                outcome = "put_off" if _is_counted(error) else "waits"
                written = store.attachments.put_off(
                    tx,
                    self._claim,
                    file.id,
                    until=tx.now + wait,
                    error=reason,
                    counted=_is_counted(error),
                )
            else:
                outcome = state = _ended_as(error)
                words = str(error)
                if state is AttachmentState.FAILED:
                    words = f"given up after {file.attempts} tries: {reason}"
                values = {"state": state, "reason": words, "last_error": reason}
                written = store.attachments.save(tx, self._claim, file.id, values)
                if written and state is AttachmentState.FAILED:
                    self._dead_letter(tx, file, reason)
            if written:
                self._record(tx, file, outcome, reason)
        return outcome

    def _wait(self, tx: Transaction, file: Any, error: Exception) -> timedelta | None:
        """How long until the next try; None where there is none."""
        settle_for_account(tx, self._source.config, error)
        if isinstance(error, AuthError):
            # The account is asked nothing more until somebody has entered new credentials.
            return timedelta()
        if isinstance(error, StorageAway):
            self._report(tx, "storage_away", Severity.CRITICAL, describe(error))
            return STORAGE_PAUSE
        if isinstance(error, RateLimited):
            wait = delay(file.attempts, error.retry_after)
            config_id = self._source.config.id
            store.attachments.put_off_account(tx, config_id, until=tx.now + wait)
            return wait
        if may_retry(error) and file.attempts < MAX_ATTEMPTS:
            asked = error.retry_after if isinstance(error, RetryableError) else None
            return delay(file.attempts, asked)
        return None

    def _dead_letter(self, tx: Transaction, file: Any, reason: str) -> None:
        """An outage may last longer than our patience: somebody can have it tried again."""
        again = self._job.model_copy(update={"message_ids": (self._source.message_id,)})
        store.dead_letters.add(
            tx,
            [
                {
                    "workspace_id": self._job.workspace_id,
                    "source_queue": self._job.queue,
                    "job_type": self._job.job_type,
                    "payload": again.payload(),
                    "error": reason,
                    "attempts": file.attempts,
                }
            ],
        )
        self._report(tx, "attachment_failed", Severity.WARNING, reason)

    def _report(
        self, tx: Transaction, kind: str, severity: Severity, reason: str
    ) -> None:
        store.incidents.report(
            tx,
            kind=kind,
            dedupe_key=f"{kind}:{self._source.config.id}",
            severity=severity,
            workspace_id=self._job.workspace_id,
            details={"account": self._source.config.name, "error": reason},
        )

    def _record(
        self, tx: Transaction, file: Any, outcome: str, error: str | None = None
    ) -> None:
        done = EventOutcome(self._source.event_id, outcome, file.attempts, error)
        store.audit.record(tx, self._job, [done], started_at=self._claim.taken_at)


def _is_counted(error: Exception) -> bool:
    """Whether a try says anything about the file."""
    return not isinstance(error, RateLimited | AuthError | StorageAway)


def _ended_as(error: Exception) -> AttachmentState:
    if isinstance(error, Refused):
        return AttachmentState.REFUSED
    return AttachmentState.GONE if isinstance(error, Gone) else AttachmentState.FAILED
