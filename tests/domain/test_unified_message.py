"""The shape of a message: what is taken as it is, what is mended, what is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from app.domain.unified_message import MAX_TEXT, MessageKind, UnifiedMessage

LEAST = {
    "external_id": "1",
    "direction": "inbound",
    "sender": {"kind": "phone", "value": "+491701234567"},
}


def message(**changes):
    return UnifiedMessage.model_validate(LEAST | changes)


def test_the_least_that_makes_a_message():
    least = message()

    assert least.kind is MessageKind.TEXT
    assert least.recipients == least.attachments == least.references == []
    assert least.headers == least.metadata == {}
    assert least.sent_at is None


def test_fields_that_nobody_knows_are_passed_over():
    assert message(surprise=1) == message()


@pytest.mark.parametrize(
    "changes",
    [
        {"external_id": ""},
        {"external_id": "x" * 1_001},
        {"direction": "sideways"},
        {"kind": "telepathy"},
        {"sender": {"kind": "phone", "value": ""}},
        {"sender": None},
        {"body_text": "x" * (MAX_TEXT + 1)},
        {"attachments": [{"size": -1}]},
        {"sent_at": "1969-12-31T23:59:59Z"},
        {"sent_at": "9001-01-01T00:00:00Z"},
        {"sent_at": "soon"},
        {"metadata": []},
    ],
    ids=[
        "an empty id",
        "an endless id",
        "no direction we know",
        "no kind we know",
        "a sender without value",
        "no sender",
        "a text that is too long",
        "a negative size",
        "before 1970",
        "after 9000",
        "no time",
        "metadata that is a list",
    ],
)
def test_what_is_refused(changes):
    with pytest.raises(ValidationError):
        message(**changes)


def test_limits_include_their_last_value():
    longest = message(external_id="x" * 1_000, body_text="x" * MAX_TEXT)

    assert len(longest.external_id) == 1_000


@pytest.mark.parametrize(
    "given",
    [
        datetime(2024, 3, 5, 9, 30),
        datetime(2024, 3, 5, 10, 30, tzinfo=timezone(timedelta(hours=1))),
        "2024-03-05T09:30:00Z",
    ],
    ids=["without a zone", "of another zone", "as text"],
)
def test_times_become_utc(given):
    assert message(sent_at=given).sent_at == datetime(2024, 3, 5, 9, 30, tzinfo=UTC)
    assert message(sent_at=given).sent_at.tzinfo is UTC


@pytest.mark.shows("C3")
def test_every_text_is_storable():
    scrubbed = message(
        external_id="a\0",
        body_text="\ud800",
        headers={"x\0": ["\0"]},
        sender={"kind": "phone", "value": "\0", "name": "\udcff"},
    )

    assert "\\u0000" not in scrubbed.model_dump_json()
    assert scrubbed.external_id == "a\N{REPLACEMENT CHARACTER}"
