"""Import mails from files."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from uuid import UUID

from app import store
from app.channels.mail_item import mail_item
from app.channels.mailbox import Mail
from app.domain.identifiers import email_key
from app.domain.status import RunMode, RunState, Source
from app.errors import Conflict, InvalidInput
from app.models import ChannelConfig, PipelineRun
from app.runtime import Runtime
from app.services.accounts import require_config
from app.services.pipeline.ingest import Ingested, ingest, materialize_jobs

#: An importing program says something at least this often, or it is gone.
SILENT_FOR = timedelta(minutes=2)


def import_mailbox(
    runtime: Runtime,
    workspace_id: UUID,
    config_id: UUID,
    mails: Iterable[Mail],
    *,
    source: str,
    mode: RunMode = RunMode.TRIAGE,
    cap: int | None = None,
    on_progress: Callable[[Ingested, int], None] = lambda done, position: None,
) -> UUID:
    """Store the mails of a file as events, batch by batch; returns the run's id.

    Safe to repeat, and to break off: what is stored already counts as a duplicate. Two different
    mails with one Message-ID are both kept.

    Raises NotFound for an unknown account, InvalidInput where it is not for e-mail, Conflict where
    an import of the account is going.
    """
    run, config = _begin(runtime, workspace_id, config_id, source, mode, cap)
    own = frozenset(email_key(address) for address in config.addresses)
    state, truncated, stored = RunState.FAILED, False, 0
    error: str | None = "interrupted"
    try:
        for batch in _batched(mails, runtime.settings.ingest_batch_size):
            if cap is not None and stored + len(batch) > cap:
                batch, truncated = batch[: cap - stored], True
            done = _store_batch(runtime, run, config, batch, own)
            stored += len(batch)
            on_progress(done, batch[-1].position if batch else 0)
            if truncated:
                break
        state, error = RunState.COMPLETED, None
    except InvalidInput as exc:
        error = str(exc)
        raise
    finally:
        with runtime.transaction(workspace_id) as tx:
            store.runs.end(tx, run.id, state, truncated=truncated, error=error)
    return run.id


def _begin(
    runtime: Runtime,
    workspace_id: UUID,
    config_id: UUID,
    source: str,
    mode: RunMode,
    cap: int | None,
) -> tuple[PipelineRun, ChannelConfig]:
    with runtime.transaction(workspace_id) as tx:
        config = require_config(tx, config_id)
        if config.channel != "email":
            raise InvalidInput(f"mails do not belong to a {config.channel} account")
        store.runs.end_interrupted(tx, config_id, silent_for=SILENT_FOR)
        run = store.runs.start(
            tx,
            {
                "workspace_id": workspace_id,
                "config_id": config_id,
                "source": source,
                "mode": mode,
                "state": RunState.RUNNING,
                "cap": cap,
            },
        )
        if run is None:
            raise Conflict("an import of this account is going already")
    return run, config


def _store_batch(
    runtime: Runtime,
    run: PipelineRun,
    config: ChannelConfig,
    batch: list[Mail],
    own: frozenset[str],
) -> Ingested:
    items = [mail_item(mail.raw, own_addresses=own, cut=mail.cut) for mail in batch]
    with runtime.transaction(run.workspace_id) as tx:
        done = ingest(tx, config, items, source=Source.IMPORT, run_id=run.id)
        store.runs.add_progress(
            tx,
            run.id,
            created=done.created,
            duplicates=done.duplicates,
            rejected=done.rejected,
        )
        tx.publish_after_commit(
            *materialize_jobs(
                config,
                done.event_ids,
                run_id=run.id,
                batch_size=runtime.settings.ingest_batch_size,
            )
        )
    return done


def _batched(mails: Iterable[Mail], size: int) -> Iterable[list[Mail]]:
    batch: list[Mail] = []
    for mail in mails:
        batch.append(mail)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
