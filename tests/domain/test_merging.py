"""Who is one person follows from the ties that hold, and from nothing else."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.merging import Named, Tie, name_of, survivors

A, B, C, D, E = (UUID(int=number) for number in range(1, 6))
ends = st.sampled_from([A, B, C, D, E])


@given(st.lists(st.builds(Tie, ends, ends), max_size=12))
def test_who_stands_for_whom_is_what_walking_along_the_ties_finds(ties):
    stand = survivors(ties)

    for one in (A, B, C, D, E):
        reached = walk(one, ties)
        together = {
            other
            for other in (A, B, C, D, E)
            if stand.get(other, other) == stand.get(one, one)
        }
        assert together == reached
        assert stand.get(one, one) in reached


@given(st.lists(st.builds(Tie, ends, ends), max_size=12), ends, ends)
def test_one_tie_more_lets_only_the_kept_one_stand_for_both(ties, kept, lost):
    before = survivors(ties)

    after = survivors([*ties, Tie(kept, lost)])

    stays = before.get(kept, kept)
    joined = {stays, before.get(lost, lost)}
    for one in (A, B, C, D, E):
        stood = before.get(one, one)
        assert after.get(one, one) == (stays if stood in joined else stood)


@pytest.mark.shows("E6")
def test_cutting_the_first_of_two_ties_leaves_the_second():
    # C took A over by what was proven of B, who had gone over to A before.
    ties = [Tie(A, B), Tie(C, B)]

    assert survivors(ties) == {A: C, B: C, C: C}
    assert survivors(ties[1:]) == {B: C, C: C}


@pytest.mark.shows("E5")
@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        ("Anna", ["Berta"], ("Anna", None)),
        (None, ["Berta"], ("Berta", B)),
        (None, [None, "Carla"], ("Carla", C)),
        (None, [None], (None, None)),
    ],
    ids=["a name is kept", "the nameless take one", "from who has one", "from nobody"],
)
def test_only_the_nameless_take_a_name(own, others, expected):
    survivor = Named(A, own, None, stood=True)
    group = [survivor]
    for other, name in zip((B, C), others, strict=False):
        group.append(Named(other, name, None, stood=True))

    assert name_of(survivor, group) == expected


def test_a_taken_name_goes_with_whom_it_was_taken_from():
    survivor = Named(A, "Berta", B, stood=True)

    assert name_of(survivor, [survivor]) == (None, None)
    assert name_of(survivor, [survivor, Named(B, "Berta", None, stood=False)]) == (
        "Berta",
        B,
    )


def walk(start, ties):
    reached, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for tie in ties:
            for one, other in ((tie.kept, tie.lost), (tie.lost, tie.kept)):
                if one == here and other not in reached:
                    reached.add(other)
                    todo.append(other)
    return reached
