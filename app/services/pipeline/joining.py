"""What a conversation is once others turned out to be the same one."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from app.domain.status import ConversationStatus


def united(
    rows: Sequence[dict[str, Any]], heads: dict[UUID, Any]
) -> Iterator[dict[str, Any]]:
    """What each survivor is together with its losers: rows for `store.conversations.take_over`.

    Rows name `survivor_id` and `loser_id`; heads are what `store.conversations.lock` tells of them.
    """
    groups: dict[UUID, list[Any]] = {}
    for row in rows:
        group = groups.setdefault(row["survivor_id"], [heads[row["survivor_id"]]])
        group.append(heads[row["loser_id"]])
    for survivor_id, group in groups.items():
        first = min(
            (one for one in group if one.first_message_at),
            key=lambda one: (one.first_message_at, one.id),
            default=group[0],
        )
        moments = [one.last_message_at for one in group if one.last_message_at]
        sent = [
            one.last_outbound_message_at
            for one in group
            if one.last_outbound_message_at
        ]
        owned = next((one for one in group if one.customer_id), group[0])
        yield {
            "id": survivor_id,
            "head_id": _head(group).id,
            "subject": first.subject,
            "first_message_at": first.first_message_at,
            "last_message_at": max(moments, default=None),
            "last_outbound_message_at": max(sent, default=None),
            "customer_id": owned.customer_id,
            "home_customer_id": owned.home_customer_id,
            "status": _status([one.status for one in group]),
            # Where somebody has switched the AI off, it stays off.
            "ai_enabled": all(one.ai_enabled for one in group),
        }


def _head(group: Sequence[Any]) -> Any:
    """Whose newest inbound message is the newest of all, as `materialize` sees it.

    What is only kept does not end what waits for its decision, and an automatic mail does not take
    over from a person.
    """
    asking = [one for one in group if one.last_inbound_message_id]
    if any(one.last_inbound_is_open for one in asking):
        asking = [
            one
            for one in asking
            if one.last_inbound_is_open or not one.last_inbound_is_kept
        ]
    return max(
        asking,
        key=lambda one: (
            not one.last_inbound_is_automatic,
            one.last_inbound_message_at,
            one.last_inbound_message_id,
        ),
        default=group[0],
    )


def _status(found: Sequence[ConversationStatus]) -> ConversationStatus:
    """Closed is only what was closed everywhere; what a person has touched is not new again."""
    for status in (ConversationStatus.PENDING, ConversationStatus.OPEN):
        if status in found:
            return status
    is_new = ConversationStatus.NEW in found
    return ConversationStatus.NEW if is_new else ConversationStatus.CLOSED
