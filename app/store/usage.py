"""What there is, and how much room it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text

from app.models import (
    Attachment,
    ChannelConfig,
    Conversation,
    Customer,
    Message,
    SyncWatermark,
)
from app.store import archives
from app.store.transaction import Transaction

#: What operators ask for, by the names they know.
ENTITIES: dict[str, type[Any]] = {
    "contacts": Customer,
    "conversations": Conversation,
    "messages": Message,
}

#: The tables that grow with every message.
KEY_TABLES = (
    "message_events",
    "messages",
    "conversations",
    "customers",
    "attachments",
    "webhook_receipts",
    "pipeline_job_audit",
    "job_runs",
)


@dataclass(frozen=True)
class Room:
    """Bytes of the whole installation, whoever they belong to."""

    database: int
    objects: int
    """Of files and archives, as their rows say."""

    @property
    def total(self) -> int:
        return self.database + self.objects


def room(tx: Transaction) -> Room:
    """How much room everything takes. A file that several messages share is there once."""
    database = tx.session.scalar(select(func.pg_database_size(func.current_database())))
    stored = (
        select(Attachment.storage_key, func.max(Attachment.size).label("size"))
        .where(Attachment.storage_key.is_not(None))
        .group_by(Attachment.storage_key)
        .subquery()
    )
    files = tx.session.scalar(select(func.sum(stored.c.size)))
    return Room(int(database or 0), int(files or 0) + archives.stored_bytes(tx))


def table_bytes(tx: Transaction) -> dict[str, int]:
    """The size of each key table with its indexes, the largest first."""
    rows = tx.session.execute(
        text(
            """
            SELECT name, pg_total_relation_size(to_regclass(name)) AS bytes
            FROM unnest(CAST(:names AS text[])) AS name ORDER BY 2 DESC, 1
            """
        ),
        {"names": list(KEY_TABLES)},
    )
    return {row.name: row.bytes for row in rows}


def entities(tx: Transaction) -> dict[str, int]:
    """How many there are of each kind of thing that this transaction sees."""
    return {
        name: tx.session.scalar(select(func.count()).select_from(model)) or 0
        for name, model in ENTITIES.items()
    }


def recent_watermarks(tx: Transaction, *, limit: int) -> Sequence[Any]:
    """The watermarks that moved last, with the account of each."""
    return tx.session.execute(
        select(
            SyncWatermark.workspace_id,
            SyncWatermark.config_id,
            ChannelConfig.name.label("account"),
            ChannelConfig.provider,
            SyncWatermark.resource,
            SyncWatermark.attempts,
            SyncWatermark.next_attempt_at,
            SyncWatermark.last_error,
            SyncWatermark.updated_at,
        )
        .join(ChannelConfig, ChannelConfig.id == SyncWatermark.config_id)
        .order_by(SyncWatermark.updated_at.desc())
        .limit(limit)
    ).all()
