"""Keep what a channel brought: the only writer of new `message_events`."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app import store
from app.channels.base import Item
from app.domain.ids import new_id
from app.domain.scrub import scrub
from app.domain.status import Source
from app.domain.unified_message import UnifiedMessage
from app.jobs.contracts import Materialize
from app.models import ChannelConfig
from app.store.transaction import Transaction


@dataclass(frozen=True)
class Ingested:
    """What came of a batch."""

    event_ids: list[UUID] = field(default_factory=list)
    """Of the new events, in the order given."""
    duplicates: int = 0
    rejected: int = 0

    @property
    def created(self) -> int:
        return len(self.event_ids)


def ingest(
    tx: Transaction,
    config: ChannelConfig,
    items: Sequence[Item],
    *,
    source: Source,
    run_id: UUID | None = None,
    receipt_id: UUID | None = None,
) -> Ingested:
    """Store a batch as events in one statement, and only that; nothing is interpreted here.

    Safe to repeat: the provider's id decides, so a replay adds nothing. An item that could not be
    understood becomes a dead letter with what the provider sent, and its neighbours go on.
    """
    broken = [item for item in items if item.message is None]
    rows = [
        _row(tx, config, item, item.message)
        | {"source": source, "run_id": run_id, "receipt_id": receipt_id}
        for item in items
        if item.message is not None
    ]
    # In one order for all: else two batches that share messages could wait for each other for ever.
    rows.sort(key=lambda row: row["external_id"])
    count = len(rows)
    rows, echoes = _without_echoes(tx, config, items, rows)
    created = store.events.add_new(tx, rows)
    ours = set(created.values())
    refused = [row for row in rows if row["id"] not in ours]
    known = _known(tx, config, refused)
    collided = [_under_own_id(row) for row in refused if _differs(row, known)]
    created |= store.events.add_new(tx, collided)
    repeated = [row for row in refused if not _differs(row, known)]
    store.receipts.add_repeats(
        tx,
        _ids_of(tx, config, repeated, known) | echoes,
        source=source,
        receipt_id=receipt_id,
        run_id=run_id,
    )
    _dead_letter(tx, config, broken, run_id)
    return Ingested(
        event_ids=sorted(created.values()),
        duplicates=count - len(created),
        rejected=len(broken),
    )


def materialize_jobs(
    config: ChannelConfig,
    event_ids: Sequence[UUID],
    *,
    run_id: UUID | None,
    batch_size: int,
) -> list[Materialize]:
    """The jobs that carry new events on."""
    return [
        Materialize(
            workspace_id=config.workspace_id,
            run_id=run_id,
            channel=config.channel,
            config_id=config.id,
            event_ids=tuple(event_ids[start : start + batch_size]),
        )
        for start in range(0, len(event_ids), batch_size)
    ]


def _row(
    tx: Transaction,
    config: ChannelConfig,
    item: Item,
    message: UnifiedMessage,
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "workspace_id": config.workspace_id,
        "channel": config.channel,
        "config_id": config.id,
        "external_id": message.external_id,
        "external_thread_id": message.external_thread_id,
        "direction": message.direction,
        "payload": message.model_dump(mode="json", exclude_defaults=True),
        "raw": scrub(item.raw),
        "content_digest": item.content_digest,
        "fingerprint": item.fingerprint,
        "id_collision": False,
        # Whoever stores an event also rings for it.
        "rung_at": tx.now,
        "received_at": tx.now,
    }


def _without_echoes(
    tx: Transaction,
    config: ChannelConfig,
    items: Sequence[Item],
    rows: Sequence[dict[str, Any]],
) -> tuple[list[dict[str, Any]], set[UUID]]:
    """Leave out what came without an id and was said a moment ago; returns the events of that too.

    The unique key sees only the same window of time. For those beside it the fingerprints are locked,
    or two workers would each find nothing.
    """
    near = {
        item.fingerprint: item.near for item in items if item.fingerprint and item.near
    }
    if not near:
        return list(rows), set()
    marks = {mark for own, beside in near.items() for mark in (own, *beside)}
    store.locks.lock_creation(
        tx, config.workspace_id, [f"{config.id}:{mark}" for mark in marks]
    )
    known = store.events.known_by_fingerprint(
        tx, config_id=config.id, fingerprints=marks
    )
    kept: list[dict[str, Any]] = []
    echoes: set[UUID] = set()
    fresh: set[str] = set()
    for row in rows:
        beside = near.get(row["fingerprint"], frozenset())
        echoes |= {known[mark] for mark in beside if mark in known}
        if beside.isdisjoint(known) and beside.isdisjoint(fresh):
            kept.append(row)
            fresh.add(row["fingerprint"])
    return kept, echoes


def _known(
    tx: Transaction, config: ChannelConfig, refused: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return store.events.known(
        tx,
        channel=config.channel,
        config_id=config.id,
        external_ids={row["external_id"] for row in refused},
    )


def _under_own_id(row: dict[str, Any]) -> dict[str, Any]:
    """A row that shares a sender-chosen id with another message, under an id of its own."""
    return {
        **row,
        "external_id": f"{row['external_id']}#{row['content_digest'][:16]}",
        "id_collision": True,
    }


def _differs(row: dict[str, Any], known: dict[str, Any]) -> bool:
    # One that came without a digest cannot be told apart: it counts as the same.
    digest, other = row["content_digest"], known.get(row["external_id"])
    return (
        digest is not None
        and other is not None
        and other.content_digest not in (None, digest)
    )


def _ids_of(
    tx: Transaction,
    config: ChannelConfig,
    repeated: Sequence[dict[str, Any]],
    known: dict[str, Any],
) -> set[UUID]:
    """The events that came again, under the same id or another one."""
    moved = [row for row in repeated if row["external_id"] not in known]
    by_fingerprint = store.events.known_by_fingerprint(
        tx, config_id=config.id, fingerprints={row["fingerprint"] for row in moved}
    )
    found = {known[row["external_id"]].id for row in repeated if row not in moved}
    return found | {by_fingerprint[row["fingerprint"]] for row in moved}


def _dead_letter(
    tx: Transaction,
    config: ChannelConfig,
    broken: Sequence[Item],
    run_id: UUID | None,
) -> None:
    store.dead_letters.add(
        tx,
        [
            {
                "workspace_id": config.workspace_id,
                "fingerprint": _fingerprint(config, item),
                "source_queue": "ingest",
                "job_type": "INGEST",
                "payload": {
                    "channel": config.channel,
                    "config_id": str(config.id),
                    "external_id": item.external_id,
                    "raw": scrub(item.raw),
                },
                "error": item.error or "unreadable",
                "run_id": run_id,
                "attempts": 1,
            }
            for item in broken
        ],
    )


def _fingerprint(config: ChannelConfig, item: Item) -> str:
    original = json.dumps(item.raw, sort_keys=True, default=str)
    return hashlib.sha256(
        f"{config.id}:{original}".encode(errors="replace")
    ).hexdigest()
