"""What goes out, to whom and from where: as it is queued, and as an adapter gets it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app import store
from app.channels.sending import Address, Outgoing
from app.domain.identifiers import identity_key
from app.domain.mail_head import MailHead
from app.domain.reply_address import reply_address
from app.domain.unified_message import Participant, UnifiedMessage
from app.errors import InvalidInput
from app.models import ChannelConfig, Conversation, Message, OutboundMessage
from app.store.transaction import Transaction


@dataclass(frozen=True)
class Target:
    """The message that is answered, as it was received."""

    message: Message
    received: UnifiedMessage | None
    """None where its event is no longer there."""


@dataclass(frozen=True)
class Route:
    """Where an answer in a conversation goes."""

    sender: Participant
    """One of our own identifiers on the account."""
    to: Participant
    thread_id: str | None
    target: Target | None


def target_of(tx: Transaction, message: Message) -> Target:
    """A message with what its channel told of it."""
    event = store.events.get(tx, message.event_id) if message.event_id else None
    received = UnifiedMessage.model_validate(event.payload) if event else None
    return Target(message, received)


def route_of(
    tx: Transaction,
    config: ChannelConfig,
    conversation: Conversation,
    target: Target | None,
    *,
    verified_only: bool,
) -> Route:
    """Say where an answer goes: to whoever wrote last, from where they wrote to.

    `verified_only` sends it to the sender whatever the message asks for: what nobody looks at must
    not go where a stranger says.

    Raises InvalidInput where nobody has written or been written to yet.
    """
    if target is not None:
        to = _author(target, verified_only=verified_only)
        return Route(
            sender=our_identifier(config, kind=to.kind, used=target.message.recipients),
            to=to,
            thread_id=target.message.external_thread_id
            or store.messages.thread_of(tx, conversation.id),
            target=target,
        )
    sent = store.messages.newest_outbound(tx, conversation.id)
    if sent is None or not sent.recipients:
        raise InvalidInput("nobody is on the other side of this conversation")
    to = Participant.model_validate(sent.recipients[0])
    return Route(
        sender=our_identifier(config, kind=to.kind, used=[sent.sender]),
        to=to,
        thread_id=store.messages.thread_of(tx, conversation.id),
        target=None,
    )


def outgoing_of(
    tx: Transaction, outbound: OutboundMessage, message: Message
) -> Outgoing:
    """A queued message as its adapter sends it."""
    target = None
    if outbound.target_message_id is not None:
        found = store.messages.of_ids(tx, [outbound.target_message_id])
        if answered := found.get(outbound.target_message_id):
            target = target_of(tx, answered)
    received = target.received if target else None
    return Outgoing(
        id=message.id,
        to=Address(**outbound.recipient),
        text=message.body or "",
        html=message.body_html,
        thread_id=message.external_thread_id,
        # One bubble quotes what it answers; the others just follow.
        reply_to=target.message.external_id
        if target and outbound.position == 0
        else None,
        mail=_head(outbound.head),
        metadata=received.metadata if received else {},
    )


def recipient_key(person: Participant) -> str:
    """How often somebody is written to is counted under this."""
    return f"{person.kind}:{identity_key(person.kind, person.value)}"


def _head(row: dict[str, Any] | None) -> MailHead | None:
    """A head as the queue keeps it."""
    if row is None:
        return None
    headers = tuple((name, value) for name, value in row["headers"])
    lists = {"references": tuple(row["references"]), "headers": headers}
    return MailHead(**(row | lists))


def _author(target: Target, *, verified_only: bool) -> Participant:
    sender = Participant.model_validate(target.message.sender)
    if verified_only or target.received is None:
        return sender
    return reply_address(target.received) or sender


def our_identifier(
    config: ChannelConfig, *, kind: str, used: Sequence[dict[str, Any]] = ()
) -> Participant:
    """The identifier of ours that was written to (one of `used`), or the account's first."""
    own = {address.lower() for address in config.addresses}
    for one in used:
        if str(one.get("value", "")).lower() in own:
            return Participant(kind=one["kind"], value=one["value"])
    value = next(iter(config.addresses), config.external_account_id)
    return Participant(kind=kind, value=value or str(config.id))
