"""Scoring of replies: by lines, with what is lost told from what is left."""

import base64

import pytest

from app.errors import InvalidInput
from evaluation.command import REPLIES
from evaluation.replies import score_replies
from tests.evaluation.corpora import mail

QUOTE = "\n\nOn Mon, Nov 2, 2026 at 9:00 AM Bo <bo@x.example> wrote:\n\n> Shall we?\n"


@pytest.fixture
def score(write_rows):
    return lambda *rows: score_replies(write_rows(*rows)).record


def test_a_reply_that_is_split_right_scores_one(score):
    record = score({"text": f"Yes,\n  please.{QUOTE}", "visible": "Yes,\nplease."})

    everything = record["replies"]["all"]
    assert (everything["precision"], everything["recall"]) == (1.0, 1.0)
    assert everything["exact"]["share"] == 1.0
    assert record["worst"] == []


def test_lines_lost_and_lines_left_are_told_apart(score):
    record = score(
        # Shown are Yes and please; written were Yes and two lines more.
        {"id": "lost", "text": f"Yes\nplease{QUOTE}", "visible": "Yes\nnow\nthen"},
        # Shown are two, one was written.
        {"id": "left", "text": "One\nTwo", "visible": "One"},
        {"id": "right", "text": "One", "visible": "One"},
    )

    everything = record["replies"]["all"]
    assert everything["precision"] == pytest.approx(3 / 5)
    assert everything["recall"] == pytest.approx(3 / 5)
    assert everything["exact"]["count"] == 1
    assert everything["with_lines_lost"] == 1
    assert everything["with_lines_left"] == 2
    assert record["worst"] == [
        {"reply": "lost", "lines_lost": 2, "lines_left": 1},
        {"reply": "left", "lines_lost": 0, "lines_left": 1},
    ]


def test_a_line_counts_as_often_as_it_was_written(score):
    record = score({"text": "ha\nha\nha", "visible": "ha"})

    assert record["replies"]["all"]["precision"] == pytest.approx(1 / 3, abs=1e-6)
    assert record["replies"]["all"]["recall"] == 1.0


def test_the_order_of_lines_is_part_of_exactness(score):
    record = score({"text": "one\ntwo", "visible": "two\none"})

    assert record["replies"]["all"]["f1"] == 1.0
    assert record["replies"]["all"]["exact"]["count"] == 0


@pytest.mark.parametrize(
    "form",
    [
        {"text": f"Yes{QUOTE}"},
        {"raw": base64.b64encode(mail("a@x", text=f"Yes{QUOTE}")).decode()},
        {"html": "<p>Yes</p>"},
    ],
    ids=["text", "raw", "html"],
)
def test_a_reply_may_be_given_as_text_mail_or_html(score, form):
    record = score({**form, "visible": "Yes"})

    assert record["replies"]["all"]["exact"]["count"] == 1


def test_languages_and_clients_are_scored_apart(score):
    record = score(
        {"text": "Ja", "visible": "Ja", "language": "de", "client": "mutt"},
        {"text": "Oui", "visible": "Non", "language": "fr", "client": "mutt"},
        {"text": "Si", "visible": "Si"},
    )

    assert {name: one["f1"] for name, one in record["by_language"].items()} == {
        "-": 1.0,
        "de": 1.0,
        "fr": 0.0,
    }
    assert record["by_client"]["mutt"]["f1"] == 0.5


@pytest.mark.parametrize("row", [{"text": "Hi"}, {"visible": "Hi"}])
def test_a_row_without_question_or_answer_is_named(score, row):
    with pytest.raises(InvalidInput, match="line 1"):
        score(row)


def test_our_own_cases_are_split_right():
    record = score_replies(REPLIES).record

    assert record["worst"] == []
    assert record["replies"]["all"]["replies"] >= 15
