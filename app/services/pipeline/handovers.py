"""Note to whom providers say that conversations are handed over."""

from collections.abc import Sequence

from app import store
from app.domain.handover import handover_of
from app.services.pipeline.placement import Arrived
from app.store.transaction import Transaction

#: In the settings of an account: whoever has its conversations there, they stay ours.
IGNORED = "ignored"


def keep_handovers(tx: Transaction, batch: Sequence[Arrived]) -> None:
    """Keep who has the threads of a batch, also those that have no conversation yet.

    The creation locks of the threads are held.
    """
    rows = [
        {
            "config_id": one.event.config_id,
            "external_thread_id": one.message.external_thread_id,
            "owner": told.owner,
            "occurred_at": one.occurred_at.isoformat(),
            "event_id": one.event.id,
        }
        for one in batch
        if (told := handover_of(one.message))
    ]
    ignoring = {
        config_id
        for config_id in {row["config_id"] for row in rows}
        if (config := store.tenants.config(tx, config_id))
        and config.settings.get("handover") == IGNORED
    }
    store.handovers.keep(tx, [row for row in rows if row["config_id"] not in ignoring])
