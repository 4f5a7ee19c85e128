"""What a use case may need, handed to it whole."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.ai.base import Classifier, Drafter, Embedder
from app.channels.download import Downloads
from app.channels.registry import Adapters
from app.checkpoints import Checkpoint, no_checkpoint
from app.config import Settings
from app.jobs.publishing import Publisher
from app.storage import Storage
from app.store.leases import Leases
from app.store.transaction import Database, Transaction
from app.store.vault import Vault


@dataclass(frozen=True)
class Runtime:
    """The outside world of a use case. Tests hand in fakes where a network would be."""

    settings: Settings
    database: Database
    publisher: Publisher
    adapters: Adapters
    vault: Vault
    classifier: Classifier
    drafter: Drafter | None
    """None where no key is configured: then no draft is invented."""
    embedder: Embedder
    leases: Leases
    storage: Storage
    downloads: Downloads
    checkpoint: Checkpoint = no_checkpoint
    """Called at named points of a stage; does nothing outside failure tests."""

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts without being renewed."""
        return timedelta(seconds=self.settings.lease_seconds)

    def transaction(self, workspace_id: UUID) -> AbstractContextManager[Transaction]:
        """See one workspace. Commits at the end, then publishes."""
        return self.database.transaction(workspace_id, self.publisher)

    def system_transaction(self) -> AbstractContextManager[Transaction]:
        """See every workspace. For key look-up, the sweep, the supervisor and operators."""
        return self.database.transaction(None, self.publisher)
