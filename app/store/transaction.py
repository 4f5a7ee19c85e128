"""Transactions: who may see what, and publish only after commit."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from app.jobs.publishing import Publishable, Publisher

#: See one workspace; see them all. Neither role can bypass row-level security.
WORKSPACE_ROLE = "bizzybee_app"
SYSTEM_ROLE = "bizzybee_system"

_ENTER = text(
    "SELECT set_config('role', :role, true), "
    "set_config('app.workspace_id', :workspace_id, true), "
    "set_config('app.writer', 'bizzybee', true), "
    "clock_timestamp()"
)


class Transaction:
    """One database transaction.

    `now` is the database's clock, so that every machine means the same by it.
    """

    def __init__(
        self, session: Session, workspace_id: UUID | None, now: datetime
    ) -> None:
        self.session = session
        self.workspace_id = workspace_id
        self.now = now
        self.jobs: list[Publishable] = []

    def publish_after_commit(self, *jobs: Publishable) -> None:
        """Hand jobs to the broker once this has committed, and not if it does not."""
        self.jobs.extend(jobs)


class Database:
    """Opens transactions."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=10,
            pool_pre_ping=True,
            # Errors reach logs, and what is written may be a message's body.
            hide_parameters=True,
            connect_args={
                "connect_timeout": 5,
                "application_name": "bizzybee",
                # No statement of ours is meant to take longer; a hung one would hold its lease.
                "options": "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=60000",
            },
        )

    @contextmanager
    def transaction(
        self, workspace_id: UUID | None, publisher: Publisher
    ) -> Iterator[Transaction]:
        """Commit at the end, then publish. `workspace_id` None means every workspace."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            row = session.execute(
                _ENTER,
                {
                    "role": SYSTEM_ROLE if workspace_id is None else WORKSPACE_ROLE,
                    "workspace_id": "" if workspace_id is None else str(workspace_id),
                },
            ).one()
            tx = Transaction(session, workspace_id, row[3])
            yield tx
        _publish(publisher, tx.jobs)

    def dispose(self) -> None:
        """Close all connections; after a fork, or at the end."""
        self.engine.dispose()


def _publish(publisher: Publisher, jobs: Sequence[Publishable]) -> None:
    if jobs:
        publisher.publish(jobs)
