"""Keep what is searched in step with the messages, and give every piece of it a vector.

What is to be done is derived from the rows: a message whose text is not the one that its pieces were
made from, a piece without a vector of the present model.
"""

import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from app import store
from app.ai.base import Vector
from app.domain.backoff import MAX_ATTEMPTS, delay
from app.domain.chunking import chunks_of
from app.domain.status import Severity
from app.errors import AuthError, PermanentError, RateLimited, RetryableError
from app.jobs.contracts import Embed
from app.runtime import Runtime
from app.services.pipeline.failure import AUTH_PAUSE, describe, may_retry
from app.services.pipeline.outcome import Outcome
from app.store.audit import EventOutcome
from app.store.chunks import ChunkClaim
from app.store.transaction import Transaction

#: So long one job goes on; what is left is rung for again.
LONGEST = 30.0

#: Messages cut into pieces in one transaction.
TOGETHER = 100


def embed(runtime: Runtime, job: Embed) -> Outcome:
    """Bring what is searched of a workspace up to date.

    Safe to repeat, and from many workers at once: messages are locked while they are cut, pieces are
    claimed before the call, and the claim is repeated in the write.
    """
    until = time.monotonic() + LONGEST
    counts: Counter[str] = Counter()
    while time.monotonic() < until:
        done = _cut(runtime, job) or _forget(runtime, job) or _embed_some(runtime, job)
        counts += done
        if not done or "put_off" in done or "waits" in done:
            break
    return Outcome(dict(counts))


def _cut(runtime: Runtime, job: Embed) -> Counter[str]:
    """Cut some of the messages whose pieces are out of step."""
    settings = runtime.settings
    with runtime.transaction(job.workspace_id) as tx:
        texts = store.chunks.lock_unchunked(tx, limit=TOGETHER)
        if not texts:
            return Counter()
        pieces = {
            message_id: chunks_of(
                text, size=settings.chunk_size, least=settings.min_embed_chars
            )
            for message_id, text in texts.items()
        }
        new = store.chunks.put(tx, pieces)
        store.chunks.mark_chunked(tx, texts)
    return Counter(messages=len(texts), new_chunks=new)


def _forget(runtime: Runtime, job: Embed) -> Counter[str]:
    """Begin anew with what another model has embedded."""
    with runtime.transaction(job.workspace_id) as tx:
        reset = store.chunks.forget_others(
            tx, runtime.embedder.model, limit=10 * TOGETHER
        )
    return Counter(reset=reset) if reset else Counter()


def _embed_some(runtime: Runtime, job: Embed) -> Counter[str]:
    settings = runtime.settings
    with runtime.transaction(job.workspace_id) as tx:
        claim = store.chunks.take(
            tx,
            limit=settings.embed_batch_size,
            lease=runtime.lease,
            stale=timedelta(minutes=settings.embed_stale_recovery_minutes),
        )
    if not claim.chunks:
        return Counter()
    runtime.checkpoint("embed.claimed")
    with runtime.leases.held(claim.token):
        return _Work(runtime, job, claim).done()


class _Work:
    """The claimed pieces, embedded together."""

    def __init__(self, runtime: Runtime, job: Embed, claim: ChunkClaim) -> None:
        self._runtime = runtime
        self._job = job
        self._claim = claim

    def done(self) -> Counter[str]:
        """Do it; returns what became of how many."""
        answers = self._ask()
        counts: Counter[str] = Counter()
        with self._runtime.transaction(self._job.workspace_id) as tx:
            if isinstance(answers, Exception):
                outcome, written = self._put_off(tx, answers)
                counts[outcome] += written
            else:
                for chunk, answer in zip(self._claim.chunks, answers, strict=True):
                    counts[self._settle(tx, chunk, answer)] += 1
            self._record(tx, counts)
        return counts

    def _ask(self) -> Sequence[Vector | PermanentError] | Exception:
        """The vectors, or why there are none. No transaction is open here."""
        chunks = self._claim.chunks
        if any(chunk.attempts > MAX_ATTEMPTS for chunk in chunks):
            return [PermanentError("its worker was lost") for _ in chunks]
        try:
            vectors = self._runtime.embedder.embed([chunk.text for chunk in chunks])
        except Exception as error:  # noqa: BLE001 — whatever it was, the claim is given back
            return error
        self._runtime.checkpoint("embed.answered")
        return vectors

    def _settle(
        self, tx: Transaction, chunk: Any, answer: Vector | PermanentError
    ) -> str:
        """Write a vector, or give the piece up; `lost` where it is no longer ours."""
        model = self._runtime.embedder.model
        if not isinstance(answer, PermanentError):
            written = store.chunks.save(
                tx, self._claim, chunk.id, model=model, vector=answer
            )
            return "embedded" if written else "lost"
        reason = describe(answer)
        if not store.chunks.fail(tx, self._claim, chunk.id, model=model, error=reason):
            return "lost"
        self._dead_letter(tx, chunk, reason)
        return "failed"

    def _put_off(self, tx: Transaction, error: Exception) -> tuple[str, int]:
        """Give all pieces back, or those up that were tried often enough."""
        reason = describe(error)
        counted = not isinstance(error, RateLimited | AuthError)
        if isinstance(error, AuthError):
            store.incidents.report(
                tx,
                kind="credentials_refused",
                dedupe_key=f"credentials_refused:{self._job.job_type}",
                severity=Severity.CRITICAL,
                workspace_id=self._job.workspace_id,
                details={"error": reason, "job_type": self._job.job_type},
            )
        left: list[UUID] = []
        for chunk in self._claim.chunks:
            is_last = counted and chunk.attempts >= MAX_ATTEMPTS
            if is_last or (counted and not may_retry(error)):
                self._settle(tx, chunk, PermanentError(f"given up: {reason}"))
            else:
                left.append(chunk.id)
        tries = max(chunk.attempts for chunk in self._claim.chunks)
        asked = error.retry_after if isinstance(error, RetryableError) else None
        wait = AUTH_PAUSE if isinstance(error, AuthError) else delay(tries, asked)
        store.chunks.put_off(
            tx, self._claim, left, until=tx.now + wait, error=reason, counted=counted
        )
        return ("put_off" if counted else "waits"), len(self._claim.chunks)

    def _dead_letter(self, tx: Transaction, chunk: Any, reason: str) -> None:
        again = Embed(workspace_id=self._job.workspace_id, chunk_ids=(chunk.id,))
        store.dead_letters.add(
            tx,
            [
                {
                    "workspace_id": self._job.workspace_id,
                    "source_queue": self._job.queue,
                    "job_type": self._job.job_type,
                    "payload": again.payload(),
                    "error": reason,
                    "attempts": chunk.attempts,
                }
            ],
        )
        store.incidents.report(
            tx,
            kind="dead_letter",
            dedupe_key=f"dead_letter:{self._job.job_type}",
            workspace_id=self._job.workspace_id,
            details={"job_type": self._job.job_type, "error": reason},
        )

    def _record(self, tx: Transaction, counts: Counter[str]) -> None:
        """One line for each kind of end, not one for each piece."""
        attempt = max(chunk.attempts for chunk in self._claim.chunks)
        done = [EventOutcome(None, outcome, attempt) for outcome in counts]
        store.audit.record(tx, self._job, done, started_at=self._claim.taken_at)
