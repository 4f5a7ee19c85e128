"""Ring for what is not searchable yet, and say how much that is."""

from dataclasses import dataclass
from uuid import UUID

from app import store
from app.domain.status import ChunkStatus
from app.jobs.contracts import Embed
from app.runtime import Runtime


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
