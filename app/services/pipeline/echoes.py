"""Our own messages as providers bring them back: each meets the row that it was sent from."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app import store
from app.domain import loop_mark
from app.domain.outbound import ECHO_AFTER, ECHO_READ_AFTER, text_digest
from app.domain.threading import mail_id_of
from app.domain.unified_message import Direction
from app.models import OutboundMessage
from app.services.outbound.compose import recipient_key
from app.services.outbound.send import settle_sent
from app.services.pipeline.placement import Arrived
from app.store.transaction import Transaction

#: Where adapters put the id of ours that a provider carried along.
OWN_ID = "own_id"


def meet_echoes(
    tx: Transaction, batch: Sequence[Arrived], *, key: bytes
) -> dict[UUID, tuple[UUID, UUID]]:
    """Find what we sent among what was said on our behalf: event → (conversation, message).

    An echo settles its send, also where it comes before the call's own answer or where nobody knew
    what had become of it. By the id of ours that it carries, its provider's id, its Message-ID, else
    by the same text to the same person at that time. `key` is the workspace's, with which our mail
    is marked. The creation locks are held.
    """
    met: dict[UUID, tuple[UUID, UUID]] = {}
    said = [one for one in batch if one.message.direction is Direction.OUTBOUND]
    accounts = {one.event.config_id for one in said}
    # An import of years of mail is not asked for one by one.
    sending = store.outbound.sending_accounts(tx, accounts) if accounts else set()
    for one in said:
        if one.event.config_id not in sending:
            continue
        outbound = _sent_as(tx, one, key)
        if outbound is None:
            continue
        settle_sent(
            tx,
            outbound,
            external_id=one.event.external_id,
            thread_id=one.message.external_thread_id,
        )
        if mail_id := mail_id_of(one.message):
            # Some services give a mail another Message-ID than ours, and reports name that.
            store.messages.set_mail_id(tx, outbound.message_id, mail_id)
        message = store.messages.of_ids(tx, [outbound.message_id])[outbound.message_id]
        # An id that another message of ours bears already is not this one's.
        if message.external_id == one.event.external_id:
            met[one.event.id] = (message.conversation_id, message.id)
    return met


def meet_statuses(tx: Transaction, changes: Sequence[Arrived]) -> None:
    """Learn the provider's id of what we sent from a status that carries ours."""
    for one in changes:
        if one.message.target_id is None:
            continue
        own_id = one.message.metadata.get(OWN_ID)
        if (outbound := _ours(tx, one, own_id)) is not None:
            settle_sent(
                tx,
                outbound,
                external_id=one.message.target_id,
                thread_id=one.message.external_thread_id,
            )


def _sent_as(tx: Transaction, one: Arrived, key: bytes) -> OutboundMessage | None:
    return (
        _ours(tx, one, one.message.metadata.get(OWN_ID))
        or _ours(tx, one, _marked(one, key))
        or _by_ids(tx, one)
        or _by_text(tx, one)
    )


def _marked(one: Arrived, key: bytes) -> UUID | None:
    mark = one.message.headers.get(loop_mark.HEADER)
    return loop_mark.verify(key, mark) if isinstance(mark, str) else None


def _ours(tx: Transaction, one: Arrived, own_id: Any) -> OutboundMessage | None:
    try:
        message_id = UUID(str(own_id))
    except ValueError:
        return None
    outbound = store.outbound.of_message(tx, message_id)
    # Anybody may write an id into what they send.
    is_ours = outbound is not None and outbound.config_id == one.event.config_id
    return outbound if is_ours else None


def _by_ids(tx: Transaction, one: Arrived) -> OutboundMessage | None:
    stored = store.messages.by_external_id(
        tx, config_id=one.event.config_id, external_ids={one.event.external_id}
    )
    for message in stored.values():
        return store.outbound.of_message(tx, message.id)
    if mail_id := mail_id_of(one.message):
        found = store.outbound.of_mail_ids(tx, one.event.config_id, {mail_id})
        return found.get(mail_id)
    return None


def _by_text(tx: Transaction, one: Arrived) -> OutboundMessage | None:
    if not one.message.body_text:
        return None
    people = {recipient_key(one) for one in one.message.recipients}
    threads = store.conversations.by_thread(
        tx,
        channel=one.event.channel,
        config_id=one.event.config_id,
        threads={
            key.value
            for key in one.threading.keys
            if key.evidence in {"provider_thread", "counterpart"}
        },
    )
    return store.outbound.unmet(
        tx,
        one.event.config_id,
        digest=text_digest(one.message.body_text),
        recipient_keys=people,
        conversation_ids=set(threads.values()),
        at=one.occurred_at,
        late_by=ECHO_AFTER if one.message.sent_at else ECHO_READ_AFTER,
    )
