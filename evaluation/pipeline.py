"""Sends mails through the real pipeline: an empty database of its own, the real use cases, no workers.

The database stands beside the product's on the same server, so nothing that runs there sees the mails,
and it is dropped at the end.
"""

import base64
import hashlib
import secrets
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import URL, Connection, create_engine, make_url, select, text

from app import embedded
from app.bootstrap import build_runtime
from app.channels.mailbox import Mail
from app.config import Settings, environment_of, load_settings
from app.domain.status import RunMode
from app.jobs.contracts import Materialize
from app.jobs.publishing import Publishable
from app.models import ChannelConfig, Message, MessageEvent
from app.runtime import Runtime
from app.services import accounts
from app.services.pipeline.ingest import Ingested
from app.services.pipeline.materialize import materialize
from app.services.sync.import_mailbox import import_mailbox
from app.store import migrations
from evaluation.report import Progress, no_progress

#: Evaluations take turns: their database has one name, so that what a killed one leaves behind is
#: dropped by the next.
EVALUATION_LOCK = 0x6576616C
#: Rows that are fetched at a time.
_PAGE = 5_000


class Doorbell:
    """Takes the jobs that are published, in place of a broker."""

    def __init__(self) -> None:
        self.jobs: deque[Publishable] = deque()

    def publish(self, jobs: Sequence[Publishable]) -> int:
        self.jobs.extend(jobs)
        return len(jobs)

    def waiting(self) -> Mapping[str, int]:
        return {}


@dataclass(frozen=True)
class Placed:
    """Where the pipeline put a mail."""

    message_id: str
    """As the sender wrote it: two mails may share it."""
    digest: str
    """Of the content: tells those two apart, whichever came first."""
    conversation_id: UUID
    evidence: str
    """What led it there."""


@dataclass(frozen=True)
class Mailbox:
    """A mailbox that has gone through the pipeline."""

    runtime: Runtime
    config: ChannelConfig
    events: int
    duplicates: int
    outcomes: Counter[str]
    """Of materialize, over all events."""

    def placed(self) -> Iterator[Placed]:
        """Where each mail is, in no order. One that found no place is missing."""
        statement = (
            select(
                Message.external_id,
                MessageEvent.id_collision,
                MessageEvent.content_digest,
                Message.conversation_id,
                Message.thread_evidence,
            )
            .join(MessageEvent, MessageEvent.id == Message.event_id)
            .where(Message.config_id == self.config.id)
            .execution_options(yield_per=_PAGE)
        )
        with self.runtime.transaction(self.config.workspace_id) as tx:
            for name, collided, digest, place, evidence in tx.session.execute(
                statement
            ):
                # One that shares its id is kept under the id and a mark.
                own = str(name).rpartition("#")[0] if collided else str(name)
                yield Placed(own, str(digest), place, str(evidence))

    def ancestors(self, ids: Collection[str]) -> dict[str, frozenset[str]]:
        """The mails that each of these mails names as the ones before it."""
        wanted = sorted(ids)
        found: dict[str, frozenset[str]] = {}
        with self.runtime.transaction(self.config.workspace_id) as tx:
            for start in range(0, len(wanted), _PAGE):
                rows = tx.session.execute(
                    select(
                        MessageEvent.external_id,
                        MessageEvent.payload["in_reply_to"].astext,
                        MessageEvent.payload["references"],
                    ).where(
                        MessageEvent.config_id == self.config.id,
                        MessageEvent.external_id.in_(wanted[start : start + _PAGE]),
                    )
                )
                for name, parent, others in rows:
                    found[name] = frozenset([parent, *(others or [])]) - {None}
        return found


@contextmanager
def pipeline(*, batch: int | None = None) -> Iterator[Runtime]:
    """A runtime on an empty database that is gone afterwards; `batch` mails go together.

    The server is the one of DATABASE_URL, whose role must be allowed to make databases, else the
    embedded one. Waits for another evaluation that is going on there.
    """
    base = load_settings()
    url = make_url(base.database_url or embedded.start_postgres(base.data_dir))
    own = url.set(database=database_beside(str(url.database)))
    admin = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        with admin.connect() as connection:
            connection.execute(
                text("SELECT pg_advisory_lock(:lock)"), {"lock": EVALUATION_LOCK}
            )
            _drop(connection, own)
            connection.exec_driver_sql(
                f'CREATE DATABASE "{own.database}" TEMPLATE template0'
            )
            try:
                with _runtime(base, own, batch) as runtime:
                    migrations.upgrade(runtime.database.engine)
                    yield runtime
            finally:
                _drop(connection, own)
    finally:
        admin.dispose()


def database_beside(product: str) -> str:
    """The name of the evaluation's database: one per database of the product, and never that itself."""
    # PostgreSQL cuts long names off, so the name must not grow with the product's.
    return f"evaluation_{hashlib.sha256(product.encode()).hexdigest()[:16]}"


def send_through(
    runtime: Runtime,
    mails: Iterable[Mail],
    *,
    progress: Progress = no_progress,
) -> Mailbox:
    """Import mails into a workspace of their own and materialize them in the order they come.

    Nothing is decided about them: the import is one that only keeps.
    """
    doorbell = runtime.publisher
    assert isinstance(doorbell, Doorbell)
    workspace = accounts.create_workspace(runtime, f"Evaluation {secrets.token_hex(8)}")
    config = accounts.add_config(
        runtime,
        workspace.id,
        name="mailbox",
        provider=accounts.DIRECT,
        channel="email",
        actor="evaluation",
    )
    counts: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()

    def carry_on(done: Ingested, position: int) -> None:
        counts.update(events=done.created, duplicates=done.duplicates)
        while doorbell.jobs:
            job = doorbell.jobs.popleft()
            if isinstance(job, Materialize):
                outcomes.update(materialize(runtime, job).counts)
        progress(counts.total(), position)

    import_mailbox(
        runtime,
        workspace.id,
        config.id,
        mails,
        source="evaluation",
        mode=RunMode.HISTORY,
        on_progress=carry_on,
    )
    return Mailbox(runtime, config, counts["events"], counts["duplicates"], outcomes)


@contextmanager
def _runtime(base: Settings, own: URL, batch: int | None) -> Iterator[Runtime]:
    ours = {
        "DATABASE_URL": own.render_as_string(hide_password=False),
        # Nothing secret is kept there, and nobody is called from there.
        "BB_SECRET_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "BB_AI_MODE": "offline",
    }
    if batch is not None:
        ours["BB_INGEST_BATCH_SIZE"] = str(batch)
    settings = Settings.model_validate(environment_of(base) | ours)
    runtime = build_runtime(settings, Doorbell(), pool_size=2)
    try:
        yield runtime
    finally:
        runtime.database.dispose()


def _drop(connection: Connection, own: URL) -> None:
    connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{own.database}" WITH (FORCE)')
