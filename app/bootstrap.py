"""Builds the real Runtime, once per process."""

from datetime import timedelta

from app.ai.factory import classifier, drafter, embedder
from app.channels.download import Downloads
from app.channels.registry import Adapters
from app.checkpoints import Checkpoint, CheckpointedPublisher, killing, no_checkpoint
from app.config import Settings
from app.jobs.publishing import Publisher
from app.runtime import Runtime
from app.storage import open_storage
from app.store.leases import Leases
from app.store.transaction import Database
from app.store.vault import Vault


def build_runtime(
    settings: Settings, publisher: Publisher, *, pool_size: int = 10
) -> Runtime:
    """Connect everything; `settings` are complete, see `app.embedded.complete`.

    Connections open when they are first used, so a broken database does not stop a process from
    starting and saying so.
    """
    assert settings.database_url is not None
    checkpoint: Checkpoint = no_checkpoint
    if settings.kill_at is not None:
        checkpoint = killing(settings.kill_at)
        publisher = CheckpointedPublisher(publisher, checkpoint)
    database = Database(settings.database_url, pool_size=pool_size)
    return Runtime(
        settings=settings,
        database=database,
        leases=Leases(database, length=timedelta(seconds=settings.lease_seconds)),
        publisher=publisher,
        adapters=Adapters(settings),
        vault=Vault(settings.key_bytes),
        classifier=classifier(settings),
        drafter=drafter(settings),
        embedder=embedder(settings),
        storage=open_storage(settings),
        downloads=Downloads.from_settings(settings),
        checkpoint=checkpoint,
    )
