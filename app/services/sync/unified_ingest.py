"""Keep a batch that a partner posts: every message judged alone, stored in one transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from app import store
from app.channels.base import Item
from app.domain.faults import faults_of, in_words
from app.domain.scrub import MAX_DEPTH, is_storable, scrub_text
from app.domain.status import Source
from app.domain.unified_message import UnifiedMessage
from app.errors import InvalidInput, NotFound, TooLarge
from app.models import PipelineRun
from app.runtime import Runtime
from app.services.accounts import require_config
from app.services.pipeline.ingest import ingest, materialize_jobs
from app.store.transaction import Transaction

MAX_MESSAGES = 500

#: Of an id that is given back to the caller.
_ID_LENGTH = 1000


@dataclass(frozen=True)
class Rejected:
    """A message that could not be understood; it is kept as a dead letter."""

    index: int
    external_id: str | None
    errors: list[dict[str, Any]]


@dataclass(frozen=True)
class Kept:
    """What became of a batch."""

    event_ids: list[UUID]
    """Of the new events, in the order given."""
    duplicates: int
    rejected: list[Rejected]

    @property
    def created(self) -> int:
        return len(self.event_ids)

    @property
    def accepted(self) -> int:
        return self.created + self.duplicates


def ingest_batch(
    runtime: Runtime,
    workspace_id: UUID,
    config_id: UUID,
    *,
    channel: str,
    messages: Sequence[Any],
    run_id: UUID | None = None,
) -> Kept:
    """Store messages of an account as events and ring for them; nothing is interpreted here.

    Safe to repeat: the messages' own ids decide, so a replay adds nothing. One that cannot be
    understood becomes a dead letter with what was sent, and its neighbours go on.

    Raises TooLarge, InvalidInput where the account is of another channel, NotFound for an account
    or run that the workspace does not have.
    """
    if len(messages) > MAX_MESSAGES:
        raise TooLarge(
            f"{len(messages)} messages in one batch; {MAX_MESSAGES} are accepted"
        )
    items, rejected = _read(messages)
    with runtime.transaction(workspace_id) as tx:
        config = require_config(tx, config_id)
        if channel != config.channel:
            raise InvalidInput(
                "the account is of another channel",
                [{"loc": ["channel"], "msg": f"should be {config.channel!r}"}],
            )
        run = _require_run(tx, run_id, config_id) if run_id else None
        kept = ingest(tx, config, items, source=Source.POST, run_id=run_id)
        # A run that fetches for itself counts what it fetched against its cap.
        if run is not None and run.folder is None:
            store.runs.add_progress(
                tx,
                run.id,
                created=kept.created,
                duplicates=kept.duplicates,
                rejected=kept.rejected,
            )
        tx.publish_after_commit(
            *materialize_jobs(
                config,
                kept.event_ids,
                run_id=run_id,
                batch_size=runtime.settings.ingest_batch_size,
            )
        )
    return Kept(kept.event_ids, kept.duplicates, rejected)


def _require_run(tx: Transaction, run_id: UUID, config_id: UUID) -> PipelineRun:
    run = store.runs.get(tx, run_id)
    if run is None or run.config_id != config_id:
        raise NotFound(f"no run {run_id} of this account")
    return run


def _read(messages: Sequence[Any]) -> tuple[list[Item], list[Rejected]]:
    items: list[Item] = []
    rejected: list[Rejected] = []
    for index, message in enumerate(messages):
        item, faults = _read_one(message)
        items.append(item)
        if faults:
            rejected.append(Rejected(index, item.external_id, faults))
    return items, rejected


def _read_one(message: Any) -> tuple[Item, list[dict[str, Any]]]:
    external_id = _external_id(message)
    if not is_storable(message):
        words = (
            f"is nested more than {MAX_DEPTH} levels deep or holds a number too large"
        )
        kept_as = {"json": _as_text(message)}
        return Item(kept_as, None, words, external_id), [{"loc": [], "msg": words}]
    raw = message if isinstance(message, dict) else {"value": message}
    try:
        return Item(raw, UnifiedMessage.model_validate(message)), []
    except ValidationError as exc:
        faults = faults_of(exc)
        return Item(raw, None, in_words(faults, of="message"), external_id), faults


def _as_text(message: Any) -> str:
    try:
        return json.dumps(message)
    except RecursionError:
        raise InvalidInput("a message is nested too deeply to be kept") from None


def _external_id(message: Any) -> str | None:
    """The id of a message that could not be understood, where at least that could be read."""
    found = message.get("external_id") if isinstance(message, dict) else None
    return scrub_text(found)[:_ID_LENGTH] if isinstance(found, str) else None
