"""Whatever is linked, merged and parted in whatever order: a naive model comes out the same."""

from dataclasses import dataclass, field
from itertools import combinations

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.errors import Conflict
from app.models import Conversation, Customer, CustomerIdentity, CustomerMerge, Message
from app.services.customers import merge_customers, undo_merge
from app.services.pipeline.materialize import materialize
from tests.factories import message

NAMES = [f"SE.{letter}" for letter in "abcde"]

said = st.tuples(
    st.just("said"), st.lists(st.sampled_from(NAMES), min_size=1, max_size=2)
)
merged = st.tuples(
    st.just("merged"), st.lists(st.sampled_from(NAMES), min_size=2, max_size=2)
)
undone = st.tuples(st.just("undone"), st.integers(0, 4))


@dataclass
class Naive:
    """Everybody as they were first met, and the pairs that were found to be one."""

    home: dict[str, str] = field(default_factory=dict)
    """Identifier → the identifier by which its owner was first met."""
    pairs: list[tuple[str, str, bool]] = field(default_factory=list)
    """Two homes, and whether they are one still."""

    def one_with(self, home: str) -> set[str]:
        found = {home}
        for _ in self.pairs:
            for one, other, holds in self.pairs:
                if holds and found & {one, other}:
                    found |= {one, other}
        return found

    def said(self, names: list[str]) -> None:
        known = [name for name in names if name in self.home]
        for one, other in combinations(known, 2):
            self._prove(self.home[one], self.home[other])
        by = self.home[known[0]] if known else names[0]
        for name in names:
            self.home.setdefault(name, by)

    def merged(self, one: str, other: str) -> bool:
        if not {one, other} <= set(self.home):
            return False
        homes = self.home[one], self.home[other]
        if homes[1] in self.one_with(homes[0]):
            return False
        self.pairs.append((*homes, True))
        return True

    def undone(self, number: int) -> bool:
        if number >= len(self.pairs) or not self.pairs[number][2]:
            return False
        self.pairs[number] = (*self.pairs[number][:2], False)
        return True

    def partition(self) -> set[frozenset[str]]:
        return {
            frozenset(
                other
                for other in self.home
                if self.home[other] in self.one_with(self.home[name])
            )
            for name in self.home
        }

    def _prove(self, one: str, other: str) -> None:
        ones, others = self.one_with(one), self.one_with(other)
        apart = any(
            not holds and ((a in ones and b in others) or (b in ones and a in others))
            for a, b, holds in self.pairs
        )
        if ones != others and not apart:
            self.pairs.append((one, other, True))


@pytest.mark.shows("E6")
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@example(
    steps=[
        *(("said", [name]) for name in NAMES[:3]),
        ("said", [NAMES[0], NAMES[1]]),
        ("said", [NAMES[2], NAMES[1]]),
        *(("said", [name]) for name in NAMES[:3]),
        ("undone", 0),
        ("said", [NAMES[0], NAMES[1]]),
        ("undone", 1),
        ("merged", [NAMES[0], NAMES[2]]),
    ]
)
@given(steps=st.lists(st.one_of(said, said, merged, undone), max_size=9))
def test_histories_come_out_as_a_naive_model_says(runtime, make, steps):
    shop = Shop(runtime, make)
    naive = Naive()
    heard: list[str] = []
    for step, given_ in steps:
        if step == "said":
            names = list(dict.fromkeys(given_))
            shop.hear(names)
            naive.said(names)
            heard.append(names[0])
        elif step == "merged":
            before = shop.all_rows()
            if naive.merged(*given_):
                merge = shop.merge(*given_)
                after = shop.all_rows()
                shop.undo(merge.id)
                assert shop.all_rows() == before
                shop.merge(*given_)
                assert shop.all_rows() == after
                naive.pairs.insert(-1, (*naive.pairs[-1][:2], False))
        elif naive.undone(given_):
            shop.undo(shop.merges()[given_].id)

        assert shop.partition() == naive.partition()

    owners = shop.owners()
    for name, message_owner in zip(heard, shop.message_owners(), strict=True):
        assert message_owner == owners[name]
    assert shop.conversations_of_others() == []


class Shop:
    """A workspace of its own, in which people write by one or two identifiers."""

    def __init__(self, runtime, make):
        self._runtime = runtime
        self._make = make
        self._workspace = make.workspace()
        self._config = make.config(
            self._workspace, channel="whatsapp", provider="whatsapp"
        )

    def hear(self, names):
        people = [{"kind": "whatsapp_user", "value": name} for name in names]
        (event_id,) = self._make.events(
            self._config,
            message(
                sender=people[0] | {"name": f"called {names[0]}"},
                recipients=[],
                subject=None,
                external_thread_id=names[0],
                metadata={"identities": people},
            ),
        )
        job = self._make.materialize_job(self._config, [event_id])
        materialize(self._runtime, job)

    def merge(self, one, other):
        owners = {row.value: row for row in self._all(CustomerIdentity)}
        homes = [
            owners[name].home_customer_id or owners[name].customer_id
            for name in (one, other)
        ]
        return merge_customers(
            self._runtime, self._workspace.id, *homes, actor="test"
        ).merge

    def undo(self, merge_id):
        undo_merge(self._runtime, self._workspace.id, merge_id, actor="test")
        with pytest.raises(Conflict):
            undo_merge(self._runtime, self._workspace.id, merge_id, actor="test")

    def merges(self):
        return sorted(self._all(CustomerMerge), key=lambda merge: merge.number)

    def owners(self):
        return {one.value: one.customer_id for one in self._all(CustomerIdentity)}

    def message_owners(self):
        rows = sorted(self._all(Message), key=lambda one: one.occurred_at)
        return [one.customer_id for one in rows]

    def conversations_of_others(self):
        """Messages that lie in the conversation of somebody else."""
        owners = {one.id: one.customer_id for one in self._all(Conversation)}
        return [
            one
            for one in self._all(Message)
            if owners[one.conversation_id] != one.customer_id
        ]

    def partition(self):
        owners = self.owners()
        return {
            frozenset(name for name, owner in owners.items() if owner == customer)
            for customer in owners.values()
        }

    def all_rows(self):
        """All that a merge may touch, as it is."""
        rows = {
            (model.__tablename__, one.id): (one.customer_id, one.home_customer_id)
            for model in (CustomerIdentity, Conversation, Message)
            for one in self._all(model)
        }
        return rows | {
            ("customers", one.id): (one.merged_into, one.name, one.name_from)
            for one in self._all(Customer)
        }

    def _all(self, model):
        with self._runtime.transaction(self._workspace.id) as tx:
            return tx.session.scalars(select(model)).all()
