"""Ring for what is not searchable yet, and say how much that is."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app import store
from app.domain.status import ChunkStatus
from app.jobs.contracts import Embed
from app.runtime import Runtime

#: Nobody waits for it, and the workers who do it have news to fetch. A job goes on for as long.
EVERY = timedelta(seconds=30)

#: Workspaces rung for at once.
MAX_WORKSPACES = 20


@dataclass(frozen=True)
class EmbeddingsProgress:
    """How much of a workspace is searchable, when its job was rung for."""

    queued: bool
    """Something is to be done, and a job for it was published."""
    model: str
    messages_waiting: int
    """Messages whose text has not been cut into pieces yet, or has changed since."""
    rag_counts: dict[ChunkStatus, int]


def run_embeddings(runtime: Runtime, workspace_id: UUID) -> EmbeddingsProgress:
    """Publish the job of a workspace, if it has anything to do. Safe to repeat."""
    with runtime.transaction(workspace_id) as tx:
        waiting = store.chunks.unchunked(tx)
        counts = store.chunks.counts(tx)
        others = store.chunks.of_others(tx, runtime.embedder.model)
        unfinished = counts[ChunkStatus.PENDING] + counts[ChunkStatus.PROCESSING]
        queued = bool(waiting or others or unfinished)
        if queued:
            tx.publish_after_commit(Embed(workspace_id=workspace_id))
    return EmbeddingsProgress(queued, runtime.embedder.model, waiting, counts)


def ring_for_embeddings(runtime: Runtime, *, forced: bool = False) -> int:
    """Publish the jobs of all workspaces in which something is not searchable yet; returns how many.

    The rows are asked and no marker, so it does not matter why a job went missing. Safe to repeat, and
    from many beats at once: one takes the turn unless `forced`.
    """
    settings = runtime.settings
    if runtime.publisher.waiting().get(Embed.queue, 0):
        return 0
    with runtime.system_transaction() as tx:
        if not forced and not store.heartbeats.take_turn(
            tx, "embeddings", every=EVERY * 0.8
        ):
            return 0
        due = store.chunks.workspaces_due(
            tx,
            runtime.embedder.model,
            stale=timedelta(minutes=settings.embed_stale_recovery_minutes),
            limit=MAX_WORKSPACES,
        )
        tx.publish_after_commit(*(Embed(workspace_id=one) for one in due))
    return len(due)
