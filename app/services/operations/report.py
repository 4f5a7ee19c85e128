"""What an import came to, for people."""

from typing import Any
from uuid import UUID

from app import store
from app.runtime import Runtime


def run_report(
    runtime: Runtime, workspace_id: UUID, run_id: UUID, *, seconds: float
) -> dict[str, Any]:
    """Counts, decisions, latencies and dead letters of the account that a run imported."""
    with runtime.transaction(workspace_id) as tx:
        run = store.runs.get(tx, run_id)
        assert run is not None
        summary = store.reports.summary(tx, config_id=run.config_id, run_id=run_id)
        letters = store.dead_letters.find(tx, limit=20)
        return {
            "import": {
                "state": run.state,
                "fetched": run.fetched_so_far,
                "new": run.created,
                "known before": run.duplicates,
                "rejected": run.rejected,
                "pages": run.pages,
                "rate_limits": run.rate_limit_count,
                "truncated": run.truncated,
                "seconds": round(seconds, 1),
                "mails_per_second": round(run.fetched_so_far / seconds, 1),
            },
            **summary,
            "dead_letter_reasons": [letter.error for letter in letters],
        }
