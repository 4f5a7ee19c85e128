"""Keeps what this process works on leased, so that leases can be short.

A lease must outlive the slowest call of a stage, but what a killed worker held should not wait as long
as that. So leases are short and renewed while the work goes on: a dead process renews nothing.
"""

import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.exc import SQLAlchemyError

from app.domain.status import AttachmentState, ChunkStatus
from app.jobs.publishing import NoPublisher
from app.logs import get_logger
from app.models import (
    Attachment,
    MessageEvent,
    MessageFetch,
    OutboundMessage,
    PipelineRun,
    RagChunk,
    ScheduledJob,
    SyncWatermark,
)
from app.store.transaction import Database, Transaction

#: Work that hangs longer than anything may take loses its lease in the end.
LONGEST = timedelta(minutes=10)

#: What can be leased, and what of it is not finished: only for that there is an index.
_LEASED: tuple[tuple[Any, ColumnElement[bool]], ...] = (
    (MessageEvent, MessageEvent.finished_at.is_(None)),
    (PipelineRun, PipelineRun.finished_at.is_(None)),
    (MessageFetch, MessageFetch.finished_at.is_(None)),
    (OutboundMessage, OutboundMessage.finished_at.is_(None)),
    (SyncWatermark, true()),
    (ScheduledJob, true()),
    (Attachment, Attachment.state == AttachmentState.PENDING),
    (RagChunk, RagChunk.status == ChunkStatus.PROCESSING),
)

log = get_logger("leases")


class Leases:
    """The leases of one process, renewed by a thread that starts with the first of them."""

    def __init__(self, database: Database, *, length: timedelta) -> None:
        self._database = database
        self._length = length
        self._held: dict[UUID, float] = {}
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def held(self, token: UUID | None) -> Iterator[None]:
        """Renew this lease until the end of the block."""
        if token is None:
            yield
            return
        with self._guard:
            self._held[token] = time.monotonic() + LONGEST.total_seconds()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._keep, name="leases", daemon=True
                )
                self._thread.start()
        try:
            yield
        finally:
            with self._guard:
                self._held.pop(token, None)

    def _keep(self) -> None:
        while True:
            time.sleep(self._length.total_seconds() / 3)
            now = time.monotonic()
            with self._guard:
                due = [token for token, until in self._held.items() if until > now]
            if due:
                self._renew(due)

    def _renew(self, tokens: Collection[UUID]) -> None:
        try:
            with self._database.transaction(None, NoPublisher()) as tx:
                renew(tx, tokens, self._length)
        except SQLAlchemyError as error:
            # What cannot be renewed lapses, and is done by somebody else: nothing worse.
            log.warning("leases not renewed", error=type(error).__name__)


def renew(tx: Transaction, tokens: Collection[UUID], length: timedelta) -> None:
    """Extend leases from now on. One that was given back has no token any more.

    A row that is locked is being written right now: its writer must not be waited for.
    """
    for table, may_be_leased in _LEASED:
        held = (
            select(table.id)
            .where(may_be_leased, table.lease_token.in_(tokens))
            .with_for_update(skip_locked=True, key_share=True)
            .cte("held")
        )
        tx.session.execute(
            update(table)
            .where(table.id == held.c.id)
            .values(lease_expires_at=tx.now + length)
            .execution_options(synchronize_session=False)
        )
