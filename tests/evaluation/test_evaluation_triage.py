"""Scoring of verdicts: a corpus with one known mistake gives exactly that mistake."""

import pytest

from app.errors import InvalidInput
from evaluation.triage import score_triage
from tests.evaluation.corpora import labelled, mail

QUESTION = mail("a@x", text="Are you open on Sunday?")
ABSENCE = mail("b@x", auto_submitted="auto-replied", subject="Away")
BOUNCE = mail(
    "c@x",
    sender="MAILER-DAEMON@mx.example.net",
    subject="Undelivered Mail Returned to Sender",
    return_path="<>",
)
MARKED = mail("d@x", x_spam_flag="YES")


@pytest.fixture
def score(write_rows):
    def score(*rows):
        report = score_triage(write_rows(*rows))
        return report.record, {floor.name: floor for floor in report.floors}

    return score


def test_one_false_positive_is_one_false_positive(score):
    rows = [labelled("human", QUESTION, source="shop")] * 9

    record, floors = score(*rows, labelled("human", ABSENCE, source="list"))

    wrong = record["human_called_automatic"]
    assert (wrong["count"], wrong["of"], wrong["share"]) == (1, 10, 0.1)
    assert wrong["interval_95"] == pytest.approx([0.017876, 0.404150], abs=1e-5)
    assert wrong["rules"] == {"auto-reply": 1}
    assert wrong["rows"] == ["10"]
    assert not floors["human called automatic"].holds
    assert record["rules"]["auto-reply"]["precision"] == 0.0


def test_human_mail_that_stays_open_is_right(score):
    record, floors = score(labelled("human", QUESTION))

    assert record["human_called_automatic"]["count"] == 0
    assert record["by_source"][0]["verdicts"] == {"open": 1}
    assert record["rules"] == {}
    assert floors["human called automatic"].holds


def test_verdicts_are_counted_by_source_and_label(score):
    record, _ = score(
        labelled("notification", BOUNCE, source="mx", subtype="bounce"),
        labelled("notification", BOUNCE, source="mx", subtype="bounce"),
        labelled("spam", MARKED, source="trap"),
        labelled("spam", QUESTION, source="trap"),
        labelled("newsletter", ABSENCE, source="trap"),
    )

    table = {
        (one["source"], one["label"], one["subtype"]): dict(one["verdicts"])
        for one in record["by_source"]
    }
    assert table == {
        ("mx", "notification", "bounce"): {"notification": 2},
        ("trap", "newsletter", "-"): {"notification": 1},
        ("trap", "spam", "-"): {"spam": 1, "open": 1},
    }


def test_a_rule_is_precise_about_people_and_about_its_category(score):
    record, _ = score(
        labelled("notification", ABSENCE),
        labelled("newsletter", ABSENCE),
        labelled("human", ABSENCE),
        labelled("notification", ABSENCE),
    )

    rule = record["rules"]["auto-reply"]
    assert (rule["fires"], rule["on_human"]) == (4, 1)
    assert (rule["precision"], rule["of_its_category"]) == (0.75, 0.5)
    assert rule["labels"] == {"notification": 2, "newsletter": 1, "human": 1}


@pytest.mark.parametrize(
    "subtype", ["bounce", "Bounce-hard", "delivery_status", "dsn", "NDR"]
)
def test_bounces_are_known_by_what_corpora_call_them(score, subtype):
    rows = [labelled("notification", BOUNCE, subtype=subtype)] * 3

    record, floors = score(*rows, labelled("notification", QUESTION, subtype=subtype))

    bounces = record["bounces_recognised"]
    assert (bounces["count"], bounces["of"]) == (3, 4)
    assert bounces["missed_rows"] == ["4"]
    assert not floors["bounces recognised"].holds


def test_without_people_and_bounces_there_is_no_floor_for_them(score):
    _, floors = score(labelled("spam", MARKED, subtype="debounced"))

    assert set(floors) == {"exceptions while judging mail"}


@pytest.mark.parametrize(
    "row",
    [labelled("ham", QUESTION), {"label": "human"}, {"raw": ""}],
    ids=["another label", "no mail", "no label"],
)
def test_a_row_that_cannot_be_judged_is_named(score, row):
    with pytest.raises(InvalidInput, match="line 2"):
        score(labelled("human", QUESTION), row)
