"""How the pipeline of one workspace is doing, on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app import store
from app.models import DeadLetter, Incident
from app.runtime import Runtime

LATENCY_HOURS = 24
NEWEST_LETTERS = 10


@dataclass(frozen=True)
class Overview:
    """What is due, going, wrong and given up, and how long work takes."""

    queues: Sequence[Mapping[str, Any]]
    runs: Sequence[Mapping[str, Any]]
    incidents: Sequence[Incident]
    dead_letters: int
    newest_dead_letters: Sequence[DeadLetter]
    latency: Sequence[Mapping[str, Any]]


def overview(runtime: Runtime, workspace_id: UUID) -> Overview:
    """Look at everything that concerns one workspace. Changes nothing."""
    with runtime.transaction(workspace_id) as tx:
        return Overview(
            queues=store.reports.queue_depths(tx),
            runs=store.reports.runs_in_progress(tx),
            incidents=store.incidents.find(tx),
            dead_letters=store.dead_letters.count_open(tx),
            newest_dead_letters=store.dead_letters.find(tx, limit=NEWEST_LETTERS),
            latency=store.reports.stage_latency(tx, hours=LATENCY_HOURS),
        )
