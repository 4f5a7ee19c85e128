"""From a judgement to what happens next."""

import pytest

from app.domain.decision import (
    ASKS_NOTHING,
    Category,
    Decision,
    JudgedBy,
    Judgement,
    decide,
)


def judgement(category=Category.INQUIRY, confidence=0.9, **more):
    return Judgement(category, confidence, "because", JudgedBy.MODEL, "model/1", **more)


@pytest.mark.parametrize("category", sorted(ASKS_NOTHING))
@pytest.mark.parametrize("confidence", [0.1, 1.0])
def test_what_asks_nothing_is_handled(category, confidence):
    assert decide(judgement(category, confidence)) is Decision.AUTO_HANDLED


@pytest.mark.parametrize(
    ("confidence", "decision"),
    [(0.69, Decision.NEEDS_HUMAN), (0.7, Decision.QUICK_WIN)],
    ids=["below the limit", "at the limit"],
)
def test_a_guess_goes_to_a_person(confidence, decision):
    assert decide(judgement(confidence=confidence)) is decision


def test_what_is_urgent_is_acted_on_now_if_it_is_sure():
    assert decide(judgement(urgent=True)) is Decision.ACT_NOW
    assert decide(judgement(confidence=0.5, urgent=True)) is Decision.NEEDS_HUMAN


@pytest.mark.parametrize("category", list(Category))
def test_a_rule_may_force_the_decision(category):
    forced = judgement(category, 0.0, forced=Decision.ACT_NOW)

    assert decide(forced) is Decision.ACT_NOW
