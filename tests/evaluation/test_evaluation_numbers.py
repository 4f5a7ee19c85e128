"""Shares, matches and groupings: the arithmetic that every table rests on."""

import pytest

from evaluation.causes import NAMED, NOTHING, SHARED, causes
from evaluation.measures import Match, Share, percentile
from evaluation.partition import differing_pairs, exact, match_pairs, mixed


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 350, 0.0, 0.010857), (5, 10, 0.236593, 0.763407), (10, 10, 0.722467, 1.0)],
)
def test_the_interval_of_a_share_is_wilsons(count, of, low, high):
    assert Share(count, of).interval == pytest.approx((low, high), abs=1e-5)


def test_a_share_of_nothing_could_be_anything():
    assert Share(0, 0).value == 0.0
    assert Share(0, 0).interval == (0.0, 1.0)


def test_precision_recall_and_f1():
    match = Match(both=1, found=3, true=2)

    assert (match.precision, match.recall) == pytest.approx((1 / 3, 1 / 2))
    assert match.f1 == pytest.approx(0.4)


def test_nothing_found_where_nothing_is_true_is_right():
    assert Match(0, 0, 0).record() == {"precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_finding_nothing_of_something_is_wrong():
    assert Match(0, 0, 5).f1 == 0.0


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.99, 10), (1.0, 10)])
def test_a_percentile_is_one_of_the_values(share, value):
    assert percentile(range(1, 11), share) == value


def test_pairs_count_only_between_members_of_both_groupings():
    found = {"a": 1, "b": 1, "c": 1, "only here": 1}
    true = {"a": "x", "b": "x", "c": "y", "only there": "y"}

    assert match_pairs(found, true) == Match(both=1, found=3, true=1)


def test_a_group_is_exact_when_it_is_whole_and_nothing_is_added():
    true = {"a": 1, "b": 1, "c": 2, "d": 3, "e": 3}

    assert exact({"a": 1, "b": 1, "c": 2, "d": 3, "e": 4}, true) == 2
    assert exact(true, true) == 3


def test_groupings_differ_by_the_pairs_of_either_alone():
    one = {"a": 1, "b": 1, "c": 2}
    other = {"a": 1, "b": 2, "c": 2}

    assert differing_pairs(one, other) == 2
    assert differing_pairs(one, {"a": "k", "b": "k", "c": "l"}) == 0


def test_the_worst_mixture_comes_first_and_its_largest_part_first():
    groups = {"a": 1, "b": 1, "c": 2, "d": 2, "e": 2, "f": 3}
    other = {"a": 1, "b": 2, "c": 5, "d": 4, "e": 4, "f": 9}

    worst, mild = mixed(groups, other)

    assert (worst.parts, worst.pairs) == ([["d", "e"], ["c"]], 2)
    assert (mild.parts, mild.pairs) == ([["a"], ["b"]], 1)


@pytest.mark.parametrize(
    ("ancestors", "cause"),
    [
        ({"c": frozenset({"a"})}, NAMED),
        ({"a": frozenset({"gone"}), "c": frozenset({"gone"})}, SHARED),
        ({"a": frozenset({"gone"}), "c": frozenset({"other"})}, NOTHING),
        ({}, NOTHING),
    ],
    ids=["named", "shared", "strangers", "silent"],
)
def test_what_ties_the_parts_of_a_group(ancestors, cause):
    groups = mixed({"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 2})

    assert causes(groups, ancestors) == {cause: 2}


def test_the_weakest_tie_that_is_needed_names_the_cause():
    groups = mixed({"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 2, "c": 3})

    ancestors = {"b": frozenset({"a", "gone"}), "c": frozenset({"gone"})}

    assert causes(groups, ancestors) == {SHARED: 3}
