"""Send what is due, in the order of its conversation, each message with one call."""

import time
import traceback
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import store
from app.channels.send_faults import rule_of
from app.channels.sending import Outgoing, Sender, Sent
from app.domain.backoff import delay
from app.domain.outbound import MAX_CHECKS, MAX_SENDS
from app.domain.status import OutboundState
from app.errors import (
    AuthError,
    BizzyBeeError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryableError,
)
from app.jobs.contracts import Outbound
from app.logs import get_logger
from app.models import ChannelConfig, OutboundMessage
from app.runtime import Runtime
from app.services.accounts import account_of, require_config
from app.services.outbound.compose import outgoing_of
from app.services.outbound.guards import forbids, report_cap
from app.services.pipeline.changes import catch_up
from app.services.pipeline.failure import describe
from app.services.pipeline.outcome import Outcome
from app.services.pipeline.refusals import learn_from_refusal
from app.services.sync.account_faults import pause_after, settle_for_account
from app.store.audit import EventOutcome
from app.store.transaction import Transaction

#: Messages of one job: the workers of a queue belong to all conversations.
MAX_OF_JOB = 20

#: A look for what is uncertain comes when the provider has had time to show it.
FIRST_CHECK = timedelta(seconds=5)

#: Tries to write down what the provider said, over more than a minute: it will not be said again.
_WRITES = 13
#: Seconds between two of them.
_LONGEST_PAUSE = 10.0

log = get_logger("outbound")


def send(runtime: Runtime, job: Outbound) -> Outcome:
    """Send what is due in a conversation and look for what nobody knows the outcome of.

    Safe to repeat: a message is claimed, and that is committed, before the provider is called; who
    finds it claimed by somebody who is gone calls nobody but marks it `uncertain`.
    """
    work = _Sending(runtime, job)
    work.look_for_lost()
    while len(work.outcomes) < MAX_OF_JOB and work.send_next():
        pass
    while len(work.outcomes) < MAX_OF_JOB and work.look_for_next():
        pass
    more = [job] if len(work.outcomes) >= MAX_OF_JOB else []
    return Outcome.of(work.outcomes, more)


class _Sending:
    """The work of one job on one conversation."""

    def __init__(self, runtime: Runtime, job: Outbound) -> None:
        self.runtime = runtime
        self.job = job
        self.outcomes: list[str] = []

    def look_for_lost(self) -> None:
        """Let what was being sent by somebody who is gone be looked for."""
        with self.runtime.transaction(self.job.workspace_id) as tx:
            lost = store.outbound.claim_lost(tx, self.job.conversation_id)
            for outbound in lost:
                config = require_config(tx, outbound.config_id)
                # Its adapter may have been taken away since.
                adapter = self.runtime.adapters.get(config.provider)
                can_find = isinstance(adapter, Sender) and adapter.can_find
                store.outbound.make_uncertain(
                    tx,
                    outbound,
                    until=tx.now if can_find else None,
                    error=outbound.last_error or "",
                )
                self._note(tx, outbound, "uncertain", outbound.last_error)

    def send_next(self) -> bool:
        """Send one message; False where nothing is due."""
        try:
            return self._send_next()
        except (DBAPIError, PoolTimeout):
            raise
        except Exception as error:  # noqa: BLE001 — it would keep all behind it waiting for ever
            self._keep(partial(self._break_off, error=error))
            return True

    def _send_next(self) -> bool:
        with self.runtime.transaction(self.job.workspace_id) as tx:
            outbound = store.outbound.claim(
                tx, self.job.conversation_id, lease=self.runtime.lease
            )
            if outbound is None:
                return False
            if (verdict := forbids(tx, self.runtime, outbound)) is not None:
                rule, reason = verdict.refusal.rule, verdict.refusal.reason
                store.outbound.end(
                    tx, outbound, state=verdict.state, rule=rule, reason=reason
                )
                report_cap(tx, outbound.conversation_id, [rule])
                self._note(tx, outbound, rule, reason)
                return True
            message = store.messages.of_ids(tx, [outbound.message_id])
            outgoing = outgoing_of(tx, outbound, message[outbound.message_id])
            config = require_config(tx, outbound.config_id)
        self.runtime.checkpoint("outbound.claimed")
        with self.runtime.leases.held(outbound.lease_token):
            self._call(outbound, outgoing, config)
        return True

    def look_for_next(self) -> bool:
        """Look for one message whose outcome is unknown; False where none is due."""
        with self.runtime.transaction(self.job.workspace_id) as tx:
            outbound = store.outbound.claim_uncertain(
                tx, self.job.conversation_id, lease=self.runtime.lease
            )
            if outbound is None:
                return False
            message = store.messages.of_ids(tx, [outbound.message_id])
            outgoing = outgoing_of(tx, outbound, message[outbound.message_id])
            config = require_config(tx, outbound.config_id)
        with self.runtime.leases.held(outbound.lease_token):
            self._look(outbound, outgoing, config)
        return True

    def _call(
        self, outbound: OutboundMessage, outgoing: Outgoing, config: ChannelConfig
    ) -> None:
        adapter = self._adapter(config)
        try:
            sent = adapter.send(account_of(self.runtime, config), outgoing)
        except Exception as error:  # noqa: BLE001 — whatever it was, it may have gone out
            self.runtime.checkpoint("outbound.refused")
            failure = partial(
                self._settle,
                outbound=outbound,
                config=config,
                adapter=adapter,
                error=error,
            )
            self._keep(failure)
        else:
            self.runtime.checkpoint("outbound.called")
            self._keep(partial(self._settle_sent, outbound=outbound, sent=sent))

    def _look(
        self, outbound: OutboundMessage, outgoing: Outgoing, config: ChannelConfig
    ) -> None:
        adapter = self._adapter(config)
        since = outbound.first_tried_at or outbound.created_at
        sent: Sent | None = None
        error: Exception | None = None
        try:
            sent = adapter.find_sent(
                account_of(self.runtime, config), outgoing, since=since
            )
        except Exception as exc:  # noqa: BLE001 — nothing is known, as before
            error = exc
        if sent is not None:
            found = partial(
                self._settle_found, outbound=outbound, config=config, sent=sent
            )
            self._keep(found)
        else:
            unfound = partial(
                self._settle_unfound, outbound=outbound, config=config, error=error
            )
            self._keep(unfound)

    def _settle_sent(
        self, tx: Transaction, outbound: OutboundMessage, sent: Sent
    ) -> None:
        settle_sent(
            tx, outbound, external_id=sent.external_id, thread_id=sent.thread_id
        )
        self._note(tx, outbound, "sent", None)

    def _settle_found(
        self,
        tx: Transaction,
        outbound: OutboundMessage,
        config: ChannelConfig,
        sent: Sent,
    ) -> None:
        # In chats it is the text that is looked for, and the same was said before.
        is_chat = outbound.head is None
        if is_chat and sent.external_id and not _free(tx, outbound, sent.external_id):
            self._settle_unfound(tx, outbound, config, error=None)
        else:
            self._settle_sent(tx, outbound, sent)

    def _settle_unfound(
        self,
        tx: Transaction,
        outbound: OutboundMessage,
        config: ChannelConfig,
        error: Exception | None,
    ) -> None:
        reason = describe(error) if error else "the provider does not show it"
        if error is not None:
            settle_for_account(tx, config, error)
        if isinstance(error, RateLimited | AuthError):
            pass
        elif outbound.checks >= MAX_CHECKS:
            store.outbound.make_uncertain(tx, outbound, until=None, error=reason)
            self._note(tx, outbound, "uncertain", reason)
            return
        wait = max(delay(outbound.checks), FIRST_CHECK)
        store.outbound.check_later(tx, outbound, until=tx.now + wait, error=reason)
        self._note(tx, outbound, "not_found", reason)

    def _settle(
        self,
        tx: Transaction,
        outbound: OutboundMessage,
        config: ChannelConfig,
        adapter: Sender,
        error: Exception,
    ) -> None:
        """Write down what an error of the call means for the message."""
        reason = describe(error)
        settle_for_account(tx, config, error)
        if isinstance(error, RateLimited | AuthError):
            wait = pause_after(error, attempt=1)
            store.outbound.put_off(
                tx, outbound, until=tx.now + wait, error=reason, counted=False
            )
            self._note(tx, outbound, "put_off", reason)
        elif isinstance(error, RetryableError) and outbound.attempts < MAX_SENDS:
            wait = pause_after(error, attempt=outbound.attempts)
            store.outbound.put_off(
                tx, outbound, until=tx.now + wait, error=reason, counted=True
            )
            self._note(tx, outbound, "put_off", reason)
        elif isinstance(error, PermanentError | RetryableError):
            self._give_up(tx, outbound, error)
        else:
            # Nobody foresaw it, or nobody can know: it may have gone out.
            if not isinstance(error, OutcomeUnknown):
                _log_unforeseen(error)
            until = tx.now + FIRST_CHECK if adapter.can_find else None
            store.outbound.make_uncertain(tx, outbound, until=until, error=reason)
            self._note(tx, outbound, "uncertain", reason)

    def _break_off(self, tx: Transaction, error: Exception) -> None:
        """Give up what cannot even be made ready: its provider was not called."""
        outbound = store.outbound.claim(
            tx, self.job.conversation_id, lease=self.runtime.lease
        )
        if outbound is None:
            raise error
        _log_unforeseen(error)
        self._give_up(tx, outbound, error)

    def _give_up(
        self, tx: Transaction, outbound: OutboundMessage, error: Exception
    ) -> None:
        reason = describe(error)
        rule = rule_of(type(error))
        if isinstance(error, RetryableError):
            rule = "gave_up"
        if not store.outbound.end(
            tx, outbound, state=OutboundState.FAILED, rule=rule, reason=reason
        ):
            return
        learn_from_refusal(
            tx, outbound.recipient, outbound.config_id, rule=rule, reason=reason
        )
        store.dead_letters.add(
            tx,
            [
                {
                    "workspace_id": outbound.workspace_id,
                    "source_queue": self.job.queue,
                    "job_type": self.job.job_type,
                    "payload": self.job.model_copy(
                        update={"outbound_id": outbound.id}
                    ).payload(),
                    "error": reason,
                    "attempts": outbound.attempts,
                }
            ],
        )
        store.incidents.report(
            tx,
            kind="dead_letter",
            dedupe_key=f"dead_letter:{self.job.job_type}",
            workspace_id=outbound.workspace_id,
            details={"job_type": self.job.job_type, "error": reason},
        )
        store.tenants.record_audit(
            tx,
            workspace_id=outbound.workspace_id,
            actor=outbound.actor,
            action="message.send_failed",
            subject=str(outbound.message_id),
            details={"rule": rule, "error": reason},
        )
        self._note(tx, outbound, "failed", reason)

    def _keep(self, write: Callable[[Transaction], None]) -> None:
        """Write down what the provider said, however often the database makes us begin again."""
        for attempt in range(1, _WRITES + 1):
            noted = len(self.outcomes)
            try:
                with self.runtime.transaction(self.job.workspace_id) as tx:
                    write(tx)
                return
            except (DBAPIError, PoolTimeout) as error:
                del self.outcomes[noted:]
                kind = type(getattr(error, "orig", None) or error).__name__
                log.warning("send", outcome="not written down", error=kind)
                if attempt == _WRITES:
                    raise
                time.sleep(min(0.1 * 2**attempt, _LONGEST_PAUSE))

    def _adapter(self, config: ChannelConfig) -> Sender:
        adapter = self.runtime.adapters.of(config.provider)
        if not isinstance(adapter, Sender):
            raise BizzyBeeError(f"nothing can be sent through {config.provider}")
        return adapter

    def _note(
        self,
        tx: Transaction,
        outbound: OutboundMessage,
        outcome: str,
        error: str | None,
    ) -> None:
        store.audit.record(
            tx,
            self.job,
            [EventOutcome(None, outcome, outbound.attempts, error)],
            started_at=tx.now,
        )
        self.outcomes.append(outcome)


def _log_unforeseen(error: Exception) -> None:
    log.error(
        "send",
        error=describe(error),
        where="".join(traceback.format_tb(error.__traceback__)),
    )


def settle_sent(
    tx: Transaction,
    outbound: OutboundMessage,
    *,
    external_id: str | None,
    thread_id: str | None,
) -> bool:
    """Note that the provider has a message of ours, and what was told of it before; once.

    Whoever learns it first: the call's answer, an echo, a status, the sent folder, a person.
    """
    if external_id is not None and outbound.head is None:
        # What is told of it under this id must see it, or be seen. Nothing is told of mail.
        about = f"{outbound.config_id}:about:{external_id}"
        store.locks.lock_creation(tx, outbound.workspace_id, [about])
    if external_id is not None:
        external_id = _free(tx, outbound, external_id)
    if not store.outbound.save_sent(
        tx, outbound.id, external_id=external_id, thread_id=thread_id
    ):
        return False
    if external_id is not None and outbound.head is None:
        catch_up(tx, outbound.config_id, external_id)
    target_id = outbound.target_message_id
    target = store.messages.of_ids(tx, [target_id]) if target_id else {}
    for message in target.values():
        store.messages.mark_replied(tx, message.conversation_id, message.occurred_at)
    store.tenants.record_audit(
        tx,
        workspace_id=outbound.workspace_id,
        actor=outbound.actor,
        action="message.sent",
        subject=str(outbound.message_id),
        details={"origin": outbound.origin, "outbound_id": str(outbound.id)},
    )
    return True


def _free(tx: Transaction, outbound: OutboundMessage, external_id: str) -> str | None:
    """The provider's id, unless another message bears it: an echo that was not known as ours."""
    stored = store.messages.by_external_id(
        tx, config_id=outbound.config_id, external_ids={external_id}
    )
    other = stored.get(external_id)
    return None if other and other.id != outbound.message_id else external_id


def outbound_jobs(rows: Iterable[tuple[UUID, UUID]]) -> list[Outbound]:
    """The jobs for conversations in which something is due: (workspace, conversation)."""
    return [
        Outbound(workspace_id=workspace_id, conversation_id=conversation_id)
        for workspace_id, conversation_id in rows
    ]
