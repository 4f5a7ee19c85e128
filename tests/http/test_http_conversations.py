"""The inbox over HTTP: conversations, messages, customers, and why an event is where it is."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app import store
from app.domain.status import Scope
from app.http import cursors
from tests.factories import START, message
from tests.http.client import rows

INBOX = "/api/v1/conversations"


def test_the_newest_conversation_comes_first(client, as_key, arrive):
    older, newer = arrive(
        message(sent_at=START), message(sent_at=START + timedelta(hours=1))
    )

    response = client.get(INBOX, headers=as_key())

    assert response.status_code == 200
    assert ids(response) == [str(newer), str(older)]
    assert response.json["next_cursor"] is None


def test_a_conversation_shows_what_was_decided_and_why(
    client, as_key, arrive, decide, config
):
    [conversation_id] = arrive(message(subject="My order", sent_at=START))
    decide("act_now", conversation_id)

    response = client.get(f"{INBOX}/{conversation_id}", headers=as_key())

    shown = response.json
    assert response.status_code == 200
    assert {
        name: shown[name]
        for name in (
            *("id", "channel", "config_id", "subject", "status", "ai_enabled"),
            *("decision", "category", "confidence", "decision_reason"),
            *("last_message_at", "last_outbound_message_at", "ai_draft_response"),
        )
    } == {
        "id": str(conversation_id),
        "channel": "email",
        "config_id": str(config.id),
        "subject": "My order",
        "status": "open",
        "ai_enabled": True,
        "decision": "act_now",
        "category": "order",
        "confidence": 0.9,
        "decision_reason": "asks about an order",
        "last_message_at": START.isoformat(),
        "last_outbound_message_at": None,
        "ai_draft_response": None,
    }
    assert shown["last_classified_message_id"] == shown["last_inbound_message_id"]
    assert UUID(shown["customer_id"])


@pytest.mark.shows("D3", "D5")
def test_a_conversation_names_what_may_have_to_do_with_it(client, as_key, arrive):
    [conversation_id, _, stranger_id] = arrive(
        message(external_id="a@x", subject="My order", sent_at=START),
        message(
            external_id="b@x",
            in_reply_to="a@x",
            subject="Re: The bill",
            sent_at=START + timedelta(hours=1),
        ),
        message(external_id="s@x", in_reply_to="a@x", sender="mallory@example.net"),
    )

    shown = client.get(f"{INBOX}/{conversation_id}", headers=as_key()).json

    assert (shown["subject"], shown["reply_subject"]) == ("My order", "Re: The bill")
    (related,) = shown["related"]
    assert related["conversation_id"] == str(stranger_id)
    assert related["evidence"] == "in_reply_to"
    assert UUID(related["message_id"])


@pytest.mark.shows("D9")
def test_a_merged_conversation_is_shown_as_what_it_became(client, as_key, arrive):
    [survivor] = arrive(message(external_id="a@x"))
    [merged] = arrive(message(external_id="b@x"))
    arrive(message(external_id="c@x", references=["a@x", "b@x"]))
    headers = as_key()

    shown = client.get(f"{INBOX}/{merged}", headers=headers)
    messages = client.get(f"{INBOX}/{merged}/messages", headers=headers)
    changed = client.patch(
        f"{INBOX}/{merged}", headers=headers, json={"ai_enabled": False}
    )
    listed = client.get(INBOX, headers=headers)

    assert shown.json["id"] == changed.json["id"] == str(survivor)
    assert len(messages.json["items"]) == 3
    assert ids(listed) == [str(survivor)]


def test_pages_follow_each_other_without_gap_or_repeat(client, as_key, arrive):
    # Three at the same moment, so that a page ends between equals.
    moments = [START + timedelta(hours=hour) for hour in (0, 1, 1, 1, 2)]
    arrived = arrive(*(message(sent_at=moment) for moment in moments))
    headers = as_key()

    pages = [client.get(f"{INBOX}?limit=2", headers=headers)]
    while cursor := pages[-1].json["next_cursor"]:
        pages.append(client.get(f"{INBOX}?limit=2&cursor={cursor}", headers=headers))

    assert [len(page.json["items"]) for page in pages] == [2, 2, 1]
    seen = [one for page in pages for one in ids(page)]
    assert seen[0] == str(arrived[4])
    assert seen[4] == str(arrived[0])
    assert set(seen) == {str(one) for one in arrived}


def test_a_full_last_page_says_that_it_is_the_last(client, as_key, arrive):
    arrive(message(), message())

    response = client.get(f"{INBOX}?limit=2", headers=as_key())

    assert len(response.json["items"]) == 2
    assert response.json["next_cursor"] is None


def test_a_conversation_without_messages_does_not_end_the_list(
    client, runtime, as_key, arrive, config
):
    [conversation_id] = arrive(message())
    with runtime.transaction(config.workspace_id) as tx:
        empty = {
            "workspace_id": config.workspace_id,
            "config_id": config.id,
            "channel": "email",
        }
        store.conversations.add(tx, [empty])

    response = client.get(INBOX, headers=as_key())

    assert ids(response) == [str(conversation_id)]


def test_filters_narrow_the_list(client, as_key, arrive, decide):
    first, second, third = arrive(message(), message(), message())
    decide("needs_human", first, second)
    decide("act_now", third)
    headers = as_key()
    client.patch(f"{INBOX}/{second}", json={"status": "closed"}, headers=headers)

    def listed(query):
        return set(ids(client.get(f"{INBOX}?{query}", headers=headers)))

    assert listed("decision=needs_human") == {str(first), str(second)}
    assert listed("decision=act_now") == {str(third)}
    assert listed("status=closed") == {str(second)}
    assert listed("decision=needs_human&status=open") == {str(first)}
    assert listed("decision=quick_win") == set()


@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("decision=perhaps", "decision"),
        ("status=lost", "status"),
        ("cursor=nonsense", "cursor"),
        ("cursor=é", "cursor"),
        ("cursor=" + "A" * 5000, "cursor"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(client, as_key, query, loc):
    response = client.get(f"{INBOX}?{query}", headers=as_key())

    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    assert [fault["loc"] for fault in response.json["errors"]] == [[loc]]


def test_a_cursor_leads_back_to_its_place():
    place = (datetime(2026, 11, 2, 9, 0, 0, 123456, tzinfo=UTC), uuid4())

    assert cursors.decode(cursors.encode(*place)) == place


def test_messages_come_the_newest_first_page_by_page(client, as_key, arrive):
    thread = {"external_thread_id": "t1"}
    [conversation_id, *_] = arrive(
        *(
            message(body_text=word, sent_at=START + timedelta(hours=hour), **thread)
            for hour, word in enumerate(["one", "two", "three"])
        )
    )
    address = f"{INBOX}/{conversation_id}/messages?limit=2"
    headers = as_key()

    first = client.get(address, headers=headers)
    cursor = first.json["next_cursor"]
    second = client.get(f"{address}&cursor={cursor}", headers=headers)

    assert [one["body"] for one in first.json["items"]] == ["three", "two"]
    assert [one["body"] for one in second.json["items"]] == ["one"]
    assert second.json["next_cursor"] is None


def test_a_message_shows_who_said_what_when(client, as_key, arrive, make):
    [conversation_id] = arrive(
        message(external_id="m1", body_text="Hello?", sent_at=START)
    )

    response = client.get(f"{INBOX}/{conversation_id}/messages", headers=as_key())

    [shown] = response.json["items"]
    assert {
        name: shown[name]
        for name in ("external_id", "direction", "sender_type", "sender", "body")
    } == {
        "external_id": "m1",
        "direction": "inbound",
        "sender_type": "customer",
        "sender": {"kind": "email", "value": "anna@example.com", "name": "Anna Berg"},
        "body": "Hello?",
    }
    assert shown["conversation_id"] == str(conversation_id)
    assert shown["sent_at"] == START.isoformat()


def test_a_person_switches_the_ai_off_and_closes(
    client, runtime, as_key, arrive, workspace
):
    [conversation_id] = arrive(message())
    headers = as_key(Scope.SEND)

    response = client.patch(
        f"{INBOX}/{conversation_id}",
        json={"ai_enabled": False, "status": "closed"},
        headers=headers,
    )

    assert response.status_code == 200
    assert response.json["ai_enabled"] is False
    assert response.json["status"] == "closed"
    assert rows(runtime, "conversations", "ai_enabled, status") == [(False, "closed")]
    prefix = headers["Authorization"].split("_")[1]
    assert changes(runtime) == [
        (
            workspace.id,
            f"key {prefix}",
            str(conversation_id),
            {"ai_enabled": False, "status": "closed"},
        )
    ]


def test_what_stands_so_already_is_not_audited_again(client, runtime, as_key, arrive):
    [conversation_id] = arrive(message())
    headers = as_key()
    change = {"ai_enabled": False}
    client.patch(f"{INBOX}/{conversation_id}", json=change, headers=headers)

    response = client.patch(f"{INBOX}/{conversation_id}", json=change, headers=headers)

    assert response.status_code == 200
    assert response.json["ai_enabled"] is False
    assert len(changes(runtime)) == 1


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, []),
        ({"ai_enabled": None}, []),
        ({"ai_enabled": "no"}, ["ai_enabled"]),
        ({"ai_enabled": 0}, ["ai_enabled"]),
        ({"status": "lost"}, ["status"]),
        ({"ai_enabled": False, "decision": "act_now"}, ["decision"]),
    ],
)
def test_a_change_that_cannot_be_meant_changes_nothing(
    client, runtime, as_key, arrive, body, loc
):
    [conversation_id] = arrive(message())

    response = client.patch(f"{INBOX}/{conversation_id}", json=body, headers=as_key())

    assert response.status_code == 400
    assert [fault["loc"] for fault in response.json["errors"]] == [loc]
    assert rows(runtime, "conversations", "ai_enabled, status") == [(True, "new")]
    assert changes(runtime) == []


def test_a_customer_shows_all_that_they_are_known_by(client, runtime, as_key, arrive):
    arrive(message(sender={"kind": "email", "value": "Anna@Example.com"}))
    [(customer_id,)] = rows(runtime, "customers", "id")

    response = client.get(f"/api/v1/customers/{customer_id}", headers=as_key())

    assert response.status_code == 200
    assert response.json["id"] == str(customer_id)
    assert response.json["identities"] == [
        {
            "kind": "email",
            "value": "anna@example.com",
            "original": "Anna@Example.com",
            "config_id": None,
            "opted_out_at": None,
            "undeliverable_at": None,
            "home_customer_id": None,
            "evidence": None,
        }
    ]
    assert response.json["merged"] == response.json["merges"] == []


def test_an_event_is_explained_from_arrival_to_place(
    client, runtime, as_key, arrive, config, workspace
):
    [conversation_id] = arrive(message(external_id="m1", sent_at=START))
    [(event_id, message_id)] = rows(runtime, "message_events", "id, message_id")

    response = client.get(f"/api/v1/events/{event_id}/explain", headers=as_key())

    explained = response.json
    assert response.status_code == 200
    assert explained["workspace_id"] == str(workspace.id)
    assert explained["arrival"]["external_id"] == "m1"
    assert explained["arrival"]["config_id"] == str(config.id)
    assert explained["state"]["status"] == "materialized"
    assert explained["place"]["message_id"] == str(message_id)
    assert explained["place"]["conversation_id"] == str(conversation_id)
    assert explained["judgement"] is explained["draft"] is None
    assert [one["job_type"] for one in explained["tries"]] == ["MATERIALIZE"]
    assert "two weeks" not in response.text


@pytest.mark.shows("L1")
@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/api/v1/conversations/{conversation}"),
        ("GET", "/api/v1/conversations/{conversation}/messages"),
        ("PATCH", "/api/v1/conversations/{conversation}"),
        ("GET", "/api/v1/customers/{customer}"),
        ("GET", "/api/v1/events/{event}/explain"),
    ],
)
def test_what_belongs_to_another_workspace_is_not_found(
    client, runtime, make, as_key, arrive, foreign, method, address
):
    [conversation_id] = arrive(message(), at=make.config(foreign))
    theirs = {
        "conversation": conversation_id,
        "customer": rows(runtime, "customers", "id")[0][0],
        "event": rows(runtime, "message_events", "id")[0][0],
    }
    path = address.format(**theirs)

    ours = client.open(
        path, method=method, json={"ai_enabled": False}, headers=as_key()
    )
    owners = client.open(
        path, method=method, json={"ai_enabled": True}, headers=as_key(of=foreign)
    )

    assert ours.status_code == 404
    assert owners.status_code == 200
    assert rows(runtime, "conversations", "ai_enabled") == [(True,)]


@pytest.mark.shows("L1")
def test_the_list_holds_nothing_of_another_workspace(
    client, make, as_key, arrive, foreign
):
    arrive(message(), at=make.config(foreign))
    [ours] = arrive(message())

    response = client.get(INBOX, headers=as_key())

    assert ids(response) == [str(ours)]


@pytest.mark.shows("L1")
def test_a_cursor_of_another_workspace_shows_nothing_of_it(
    client, make, as_key, arrive, foreign
):
    account = make.config(foreign)
    arrive(message(), message(), at=account)
    cursor = client.get(f"{INBOX}?limit=1", headers=as_key(of=foreign)).json[
        "next_cursor"
    ]

    response = client.get(f"{INBOX}?cursor={cursor}", headers=as_key())

    assert response.status_code == 200
    assert response.json == {"items": [], "next_cursor": None}


def ids(response):
    return [one["id"] for one in response.json["items"]]


def changes(runtime):
    """What the audit log holds of changed conversations."""
    with runtime.system_transaction() as tx:
        found = tx.session.execute(
            text(
                "SELECT workspace_id, actor, subject, details FROM audit_log"
                " WHERE action = 'conversation.change' ORDER BY id"
            )
        )
        return [tuple(row) for row in found]
