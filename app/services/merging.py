"""Make one customer of two, and two of one again; the caller holds the lock that lets them merge."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app import store
from app.domain.ids import new_id
from app.domain.merging import Named, name_of, survivors
from app.jobs.contracts import Classify
from app.models import CustomerMerge
from app.store.transaction import Transaction


def unite(
    tx: Transaction,
    kept: UUID,
    lost: UUID,
    *,
    rule: str,
    details: dict[str, Any],
    actor: str,
) -> CustomerMerge | None:
    """Let whoever `kept` is by now stand for whoever `lost` is too, and write down why.

    None where they are one already. All that belongs to a customer follows.
    """
    group = store.merges.group_of(tx, [kept, lost])
    survivor_id, loser_id = group[kept].survivor_id, group[lost].survivor_id
    if survivor_id == loser_id:
        return None
    moved = _settle(tx, group, dict.fromkeys(group, survivor_id))
    return store.merges.add(
        tx,
        {
            "id": new_id(),
            "workspace_id": tx.workspace_id,
            "survivor_id": survivor_id,
            "loser_id": loser_id,
            "survivor_home_id": kept,
            "loser_home_id": lost,
            "rule": rule,
            "details": details,
            "actor": actor,
            "moved": moved,
        },
    )


def part(tx: Transaction, merge_id: UUID, *, actor: str) -> CustomerMerge | None:
    """Undo a merge: all is whose it would be had it never been, what came since too.

    None where it holds no longer. What a chat's conversations hold of two people is parted with them.
    Other merges stay, whether they came before or after it; no proof merges the two again unless a
    person does.
    """
    merge = store.merges.undo(tx, merge_id, actor=actor)
    if merge is None:
        return None
    group = store.merges.group_of(tx, [merge.survivor_home_id, merge.loser_home_id])
    stand = survivors(store.merges.ties_of(tx, list(group)))
    _settle(tx, group, {one: stand.get(one, one) for one in group})
    parted = store.partings.part_conversations(tx, list(group))
    store.partings.settle_heads(tx, parted)
    for event_id in store.partings.decide_newest(tx, parted):
        job = Classify(workspace_id=merge.workspace_id, event_ids=(event_id,))
        tx.publish_after_commit(job)
    return merge


def _settle(
    tx: Transaction, before: Mapping[UUID, Any], after: Mapping[UUID, UUID]
) -> dict[str, int]:
    """Bring all rows of a group in line with who stands for whom; returns how many went over."""
    moved = store.merges.follow(
        tx,
        [
            {"home_id": one, "from_id": before[one].survivor_id, "to_id": stands}
            for one, stands in after.items()
            if before[one].survivor_id != stands
        ],
    )
    named = {
        row.id: Named(row.id, row.name, row.name_from, stood=row.survivor_id == row.id)
        for row in before.values()
    }
    rows = []
    for one, stands in after.items():
        name, name_from = named[one].name, named[one].name_from
        if one == stands:
            group = [named[each] for each in after if after[each] == stands]
            name, name_from = name_of(named[one], group)
        rows.append(
            {
                "id": one,
                "merged_into": None if one == stands else stands,
                "name": name,
                "name_from": name_from,
            }
        )
    store.merges.stand_for(tx, rows)
    return moved
