"""What people see of messages that were changed or taken back."""

from datetime import timedelta

import pytest

from app.domain.status import Scope
from tests.factories import START, message

SECRET = "my number is 4711"


@pytest.mark.shows("F5")
def test_of_a_message_that_was_taken_back_only_that_it_was_there_is_shown(
    client, as_key, arrive, browser, signed_in, make, workspace
):
    chat = make.config(workspace, channel="whatsapp")
    (conversation_id, *_) = arrive(said("m1", SECRET), at=chat)
    arrive(about("delete", "d1"), at=chat)

    path = f"/api/v1/conversations/{conversation_id}/messages"
    answer = client.get(path, headers=as_key(Scope.READ))
    page = signed_in(Scope.READ).get(f"/inbox/{conversation_id}")
    listed = signed_in(Scope.READ).get("/inbox")

    (shown,) = answer.json["items"]
    assert (shown["body"], shown["subject"], shown["attachments"]) == (None, None, [])
    assert shown["deleted_at"].startswith("2026-11-02T09:01")
    assert "It was taken back." in page.text
    for seen in (answer, page, listed):
        assert SECRET not in seen.text


@pytest.mark.shows("F3", "F4")
def test_edits_and_reactions_are_shown(client, as_key, arrive, make, workspace):
    chat = make.config(workspace, channel="whatsapp")
    (conversation_id, *_) = arrive(said("m1", "Where is order 7?"), at=chat)
    arrive(
        about("edit", "e1", body_text="Where is order 8?"),
        about("reaction", "r1", metadata={"emoji": "👍"}),
        at=chat,
    )

    path = f"/api/v1/conversations/{conversation_id}/messages"
    (shown,) = client.get(path, headers=as_key(Scope.READ)).json["items"]

    assert shown["body"] == "Where is order 8?"
    assert shown["edited_at"] is not None
    assert list(shown["reactions"].values()) == ["👍"]


def said(external_id, text, **fields):
    values = {
        "external_id": external_id,
        "external_thread_id": "anna",
        "sender": {"kind": "phone", "value": "+46700000001"},
        "subject": None,
        "body_text": text,
        "sent_at": START,
    }
    return message(**(values | fields))


def about(kind, external_id, **fields):
    values = {"body_text": None, "kind": kind, "target_id": "m1"}
    values["sent_at"] = START + timedelta(minutes=1)
    return said(external_id, None, **(values | fields))
