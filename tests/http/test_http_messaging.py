"""What we send, as callers of the API see it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app import store
from app.domain.status import Scope
from app.errors import OutcomeUnknown, PermanentError, WindowClosed
from app.services.outbound.auto_reply import switch
from tests.http.client import client_of, rows
from tests.outbound.conftest import ANNA, chat

OUTBOUND = "/api/v1/messaging/outbound"
SOME_ID = "019a9f00-0000-7000-8000-000000000000"
DISPATCH = f"{OUTBOUND}/dispatch-next"
#: What `ScriptedDrafter` writes.
DRAFT = "It left today."


@pytest.fixture
def client(world):
    return client_of(world)


@pytest.fixture
def conversation_id(arrive, chats):
    [found] = arrive(chat(), at=chats)
    return str(found)


@pytest.fixture
def send(client, as_key):
    """Ask for a message: `send({"text": ...}, key="k1")`."""
    headers = as_key(Scope.SEND)

    def send(body, *, key=None, headers=headers):
        given = headers | ({"Idempotency-Key": key} if key else {})
        return client.post(OUTBOUND, json=body, headers=given)

    return send


@pytest.fixture
def dispatch(client, as_key):
    headers = as_key(Scope.SEND)
    return lambda: client.post(DISPATCH, headers=headers).json


def answer_in(conversation_id, text="It comes in blue.", **fields):
    return {"conversation_id": conversation_id, "text": text} | fields


@pytest.mark.shows("I2")
def test_a_message_is_queued_sent_and_followed(
    client, send, dispatch, as_key, provider, conversation_id
):
    queued = send(answer_in(conversation_id))
    done = dispatch()

    assert queued.status_code == 202
    [part] = queued.json["messages"]
    assert (part["state"], part["origin"], part["recipient"]["value"]) == (
        "queued",
        "person",
        ANNA["value"],
    )
    assert part["message_id"] == queued.json["message_id"]
    assert done == {"processed": 1, "outcomes": {"sent": 1}}
    assert provider.texts == ["It comes in blue."]
    found = client.get(f"{OUTBOUND}/{part['id']}", headers=as_key(Scope.READ)).json
    assert (found["state"], found["rule"], found["attempts"]) == ("sent", None, 1)
    assert found["finished_at"].endswith("+00:00")
    assert dispatch() == {"processed": 0, "outcomes": {}}


@pytest.mark.shows("I2")
def test_the_same_key_gives_the_same_answer(send, dispatch, provider, conversation_id):
    once = send(answer_in(conversation_id), key="k1")
    again = send(answer_in(conversation_id), key=" k1 ")
    other_key = send(answer_in(conversation_id), key="k2")

    assert (once.status_code, again.status_code) == (202, 202)
    assert once.json == again.json
    assert other_key.json["message_id"] != once.json["message_id"]
    assert dispatch()["outcomes"] == {"sent": 2}
    assert len(provider.taken) == 2


@pytest.mark.shows("I2")
@pytest.mark.parametrize(
    "change",
    [{"text": "No."}, {"subject": "Blue"}, {"send_at": "2030-01-01T09:00:00+01:00"}],
    ids=["text", "subject", "time"],
)
def test_the_same_key_with_another_body_is_refused(
    send, dispatch, provider, conversation_id, change
):
    send(answer_in(conversation_id), key="k1")

    refused = send(answer_in(conversation_id) | change, key="k1")

    assert refused.status_code == 409
    assert refused.content_type == "application/problem+json"
    assert refused.json["detail"] == (
        "this Idempotency-Key was used for another message; take a new key for a new message"
    )
    assert dispatch()["outcomes"] == {"sent": 1}
    assert provider.texts == ["It comes in blue."]


@pytest.mark.shows("I2")
def test_the_same_key_at_the_same_moment_gives_one_message(
    world, client, as_key, conversation_id
):
    headers = as_key(Scope.SEND) | {"Idempotency-Key": "k1"}

    def ask(_):
        body = answer_in(conversation_id)
        return client.application.test_client().post(
            OUTBOUND, json=body, headers=headers
        )

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(8)))

    assert {one.status_code for one in answers} == {202}
    assert len({one.json["message_id"] for one in answers}) == 1
    assert len(rows(world, "outbound_messages", "id")) == 1


def test_keys_of_two_workspaces_are_two(
    world, send, as_key, make, foreign, conversation_id
):
    send(answer_in(conversation_id), key="k1")

    theirs = send(answer_in(conversation_id), key="k1", headers=as_key(of=foreign))

    assert theirs.status_code == 404


@pytest.mark.parametrize("key", [" ", "k" * 201], ids=["blank", "too long"])
def test_an_unusable_key_is_refused(send, world, conversation_id, key):
    response = send(answer_in(conversation_id), key=key)

    assert response.status_code == 400
    assert response.json["detail"] == "Idempotency-Key has 1 to 200 characters"
    assert rows(world, "outbound_messages", "id") == []


@pytest.mark.shows("L1")
def test_what_is_not_there_and_what_is_not_ours_look_the_same(
    client, send, as_key, foreign, conversation_id
):
    [part] = send(answer_in(conversation_id)).json["messages"]
    theirs = as_key(of=foreign)

    for place in (conversation_id, str(uuid4())):
        assert send(answer_in(place), headers=theirs).status_code == 404
        for method, path, body in (
            ("PUT", "draft", {"body": "x"}),
            ("POST", "draft/approve", {}),
            ("GET", "drafts", None),
        ):
            url = f"/api/v1/conversations/{place}/{path}"
            response = client.open(url, method=method, json=body, headers=theirs)
            assert response.status_code == 404
    for outbound_id in (part["id"], str(uuid4())):
        path = f"{OUTBOUND}/{outbound_id}"
        assert client.get(path, headers=theirs).status_code == 404
        settled = client.post(f"{path}/settle", json={"was_sent": True}, headers=theirs)
        assert settled.status_code == 404
    assert client.get(OUTBOUND, headers=theirs).json["items"] == []
    assert client.post(DISPATCH, headers=theirs).json["processed"] == 0


@pytest.mark.parametrize(
    ("change", "loc", "msg"),
    [
        ({"text": ""}, ["text"], "at least 1 character"),
        ({"text": "x" * 100_001}, ["text"], "at most 100000 characters"),
        ({"body": "hello"}, ["body"], "Extra inputs are not permitted"),
        ({"conversation_id": "first"}, ["conversation_id"], "valid UUID"),
        ({"config_id": SOME_ID}, [], "say where it goes"),
        ({"to": ANNA}, [], "say where it goes"),
        ({"send_at": "tomorrow"}, ["send_at"], "date"),
        ({"text": None}, ["text"], "valid string"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_body_that_cannot_be_meant_is_refused_and_says_where(
    send, world, conversation_id, change, loc, msg
):
    response = send(answer_in(conversation_id) | change)

    assert response.status_code == 400
    [fault] = response.json["errors"]
    assert fault["loc"] == loc
    assert msg in fault["msg"]
    assert rows(world, "outbound_messages", "id") == []


@pytest.mark.parametrize("given", [{}, {"config_id": SOME_ID}, {"to": ANNA}], ids=str)
def test_where_it_goes_must_be_said(send, given):
    response = send({"text": "hello"} | given)

    assert response.status_code == 400
    assert response.json["errors"] == [
        {
            "loc": [],
            "msg": "say where it goes: conversation_id, or config_id together with to",
        }
    ]


def test_blanks_are_no_text(send, conversation_id):
    response = send(answer_in(conversation_id, " \n "))

    assert response.status_code == 400
    assert response.json["detail"] == "there is nothing to send: the text is empty"


def test_an_account_that_cannot_send_says_so(send, arrive, make, workspace):
    partner = make.config(workspace, provider="direct", channel="web")
    [conversation_id] = arrive(chat(), at=partner)

    response = send(answer_in(str(conversation_id)))

    assert response.status_code == 400
    assert response.json["detail"] == "nothing can be sent through direct"


def test_what_is_answered_must_be_of_the_conversation(send, arrive, chats, make):
    berta = {"kind": "phone", "value": "+4915187654321"}
    [ours, other] = arrive(
        chat(), chat(sender=berta, external_thread_id=berta["value"]), at=chats
    )
    [target] = [
        row[0]
        for row in rows(make.runtime, "messages", "id, conversation_id")
        if row[1] == other
    ]

    response = send(answer_in(str(ours), target_message_id=str(target)))

    assert response.status_code == 400
    assert response.json["detail"] == (
        "the message to be answered is not of this conversation"
    )


def test_somebody_new_is_written_to_in_a_conversation_of_their_own(
    send, dispatch, provider, chats, client, as_key
):
    berta = {"kind": "phone", "value": "+4915187654321", "name": "Berta"}
    body = {"config_id": str(chats.id), "to": berta, "text": "Your bicycle is ready."}

    first = send(body).json["messages"][0]
    second = send(body | {"text": "Until six."}).json["messages"][0]

    assert first["conversation_id"] == second["conversation_id"]
    assert dispatch()["outcomes"] == {"sent": 2}
    assert [one.to.value for one in provider.taken] == [berta["value"]] * 2
    path = f"/api/v1/conversations/{first['conversation_id']}/messages"
    said = client.get(path, headers=as_key(Scope.READ)).json["items"]
    assert [one["delivery_status"] for one in said] == ["sent", "sent"]


def test_a_message_waits_for_its_time(send, dispatch, provider, world, conversation_id):
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    [part] = send(answer_in(conversation_id, send_at=tomorrow.isoformat())).json[
        "messages"
    ]

    assert datetime.fromisoformat(part["next_attempt_at"]) == tomorrow
    assert dispatch()["processed"] == 0
    assert due_to_send(world) == 0
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE outbound_messages SET next_attempt_at = now() - interval '1 second'"
        )
    assert due_to_send(world) == 1
    assert dispatch()["outcomes"] == {"sent": 1}
    assert provider.texts == ["It comes in blue."]


def test_a_refusal_of_the_provider_is_told_by_its_rule(
    client, send, dispatch, as_key, provider, conversation_id
):
    provider.script = [WindowClosed("wrote too long ago")]
    [part] = send(answer_in(conversation_id)).json["messages"]

    assert dispatch()["outcomes"] == {"failed": 1}

    found = client.get(f"{OUTBOUND}/{part['id']}", headers=as_key(Scope.READ)).json
    assert (found["state"], found["rule"]) == ("failed", "window_closed")
    assert "wrote too long ago" in found["last_error"]


def test_the_queue_is_listed_by_state_page_by_page(
    client, send, dispatch, as_key, conversation_id
):
    sent = send(answer_in(conversation_id, "one")).json["message_id"]
    dispatch()
    waiting = [
        send(answer_in(conversation_id, text)).json["message_id"]
        for text in ("two", "three", "four")
    ]
    headers = as_key(Scope.READ)

    def listed(query):
        page = client.get(f"{OUTBOUND}?{query}", headers=headers).json
        return [one["message_id"] for one in page["items"]], page["next_cursor"]

    first, cursor = listed("state=queued&limit=2")
    rest, end = listed(f"state=queued&limit=2&cursor={cursor}")

    assert (first + rest, end) == (waiting[::-1], None)
    assert listed("state=sent") == ([sent], None)
    assert len(listed(f"conversation_id={conversation_id}")[0]) == 4
    assert listed(f"conversation_id={uuid4()}") == ([], None)
    refused = client.get(f"{OUTBOUND}?state=lost", headers=headers)
    assert refused.status_code == 400
    assert refused.json["errors"][0]["loc"] == ["state"]


@pytest.mark.shows("L5")
@pytest.mark.parametrize(("was_sent", "state"), [(True, "sent"), (False, "queued")])
def test_a_person_says_what_became_of_a_message(
    client, send, dispatch, as_key, provider, world, conversation_id, was_sent, state
):
    provider.script = [OutcomeUnknown("no answer came")]
    [part] = send(answer_in(conversation_id)).json["messages"]
    assert dispatch()["outcomes"] == {"uncertain": 1}
    path = f"{OUTBOUND}/{part['id']}/settle"
    headers = as_key(Scope.SEND)

    settled = client.post(path, json={"was_sent": was_sent}, headers=headers)
    again = client.post(path, json={"was_sent": was_sent}, headers=headers)

    assert (settled.status_code, settled.json["state"]) == (200, state)
    assert again.status_code == 409
    assert again.json["detail"] == "its outcome is known; nothing was changed"
    assert dispatch()["processed"] == (0 if was_sent else 1)
    actions = [row[0] for row in rows(world, "audit_log", "action")]
    assert "message.settle" in actions


def test_a_settlement_says_what_it_means(client, send, as_key, conversation_id):
    [part] = send(answer_in(conversation_id)).json["messages"]

    response = client.post(
        f"{OUTBOUND}/{part['id']}/settle",
        json={"was_sent": "yes"},
        headers=as_key(Scope.SEND),
    )

    assert response.status_code == 400
    assert response.json["errors"][0]["loc"] == ["was_sent"]


@pytest.fixture
def act(client, as_key):
    """Does something with the draft of an event's conversation."""
    headers = as_key(Scope.SEND, Scope.READ)

    def act(event, method, path="draft", **body):
        url = f"/api/v1/conversations/{event.conversation_id}/{path}"
        return client.open(url, method=method, json=body or None, headers=headers)

    return act


@pytest.mark.shows("G5")
def test_a_draft_is_edited_approved_and_sent_once(
    drafted, act, dispatch, provider, world
):
    event = drafted()

    edited = act(event, "PUT", body="It left on Monday.")
    approved = act(event, "POST", "draft/approve")
    again = act(event, "POST", "draft/approve")

    assert edited.status_code == 200
    assert (edited.json["body"], edited.json["edited_body"]) == (
        DRAFT,
        "It left on Monday.",
    )
    assert (approved.status_code, approved.json["messages"][0]["origin"]) == (
        202,
        "draft",
    )
    assert again.json == approved.json
    assert dispatch()["outcomes"] == {"sent": 1}
    assert provider.texts == ["It left on Monday."]
    [listed] = act(event, "GET", "drafts").json["items"]
    assert (listed["status"], listed["id"]) == ("sent", edited.json["id"])
    actions = [row[0] for row in rows(world, "audit_log", "action")]
    assert {"draft.edit", "draft.approve", "message.sent"} <= set(actions)


def test_a_draft_is_sent_with_the_text_that_is_given(drafted, act, dispatch, provider):
    event = drafted()

    act(event, "POST", "draft/approve", body="Tomorrow.")
    same = act(event, "POST", "draft/approve", body="Tomorrow.")
    other = act(event, "POST", "draft/approve", body="On Friday.")
    edit = act(event, "PUT", body="On Friday.")

    assert same.status_code == 202
    assert other.status_code == edit.status_code == 409
    assert other.json["detail"] == "the draft was sent already, with another text"
    assert edit.json["detail"] == "the draft was sent already"
    dispatch()
    assert provider.texts == ["Tomorrow."]


@pytest.mark.shows("I1")
def test_a_draft_that_two_people_approve_at_once_is_sent_once(
    world, drafted, as_key, dispatch, provider
):
    event = drafted()
    headers = as_key(Scope.SEND)
    path = f"/api/v1/conversations/{event.conversation_id}/draft/approve"

    # One application for all, as a web process has it.
    application = client_of(world).application

    def approve(_):
        return application.test_client().post(path, headers=headers)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(approve, range(6)))

    assert {one.status_code for one in answers} == {202}
    assert len({one.json["message_id"] for one in answers}) == 1
    assert dispatch()["outcomes"] == {"sent": 1}
    assert provider.texts == [DRAFT]


def test_an_overtaken_draft_is_not_sent(drafted, act, dispatch, provider):
    event = drafted()
    [old] = act(event, "GET", "drafts").json["items"]
    drafted(chat("And when does it arrive?", sent_at=datetime.now(UTC)))

    response = act(event, "POST", "draft/approve", draft_id=old["id"])

    assert response.status_code == 409
    assert response.json["detail"].startswith(
        "the draft answers what was overtaken meanwhile"
    )
    assert dispatch()["processed"] == 0
    assert provider.taken == []


def test_a_draft_that_was_refused_waits_again(
    client, drafted, act, dispatch, provider, as_key
):
    event = drafted()
    provider.script = [PermanentError("not now")]
    first = act(event, "POST", "draft/approve").json["message_id"]
    assert dispatch()["outcomes"] == {"failed": 1}

    edited = act(event, "PUT", body="It left on Monday.")
    second = act(event, "POST", "draft/approve")

    assert (edited.status_code, edited.json["status"]) == (200, "live")
    assert second.status_code == 202
    assert second.json["message_id"] != first
    assert dispatch()["outcomes"] == {"sent": 1}
    assert provider.texts == ["It left on Monday."]
    assert act(event, "POST", "draft/approve").json == second.json | {
        "messages": [act_on(client, as_key, second)]
    }
    assert dispatch()["processed"] == 0


@pytest.mark.shows("I1")
def test_a_draft_that_was_sent_by_itself_is_not_sent_by_a_person_too(
    world, workspace, drafted, act, dispatch, provider
):
    switch(world, workspace.id, allowed=True, actor="test")
    event = drafted()

    before = act(event, "POST", "draft/approve")
    dispatch()
    after = act(event, "POST", "draft/approve", body="Something else.")

    assert before.status_code == after.status_code == 409
    assert before.json["detail"] == "the draft was sent already, by itself"
    assert dispatch()["processed"] == 0
    assert provider.texts == [DRAFT]


@pytest.mark.shows("H5")
def test_a_draft_whose_automatic_reply_was_stopped_waits_for_a_person(
    world, workspace, drafted, act, dispatch, provider, client, as_key
):
    switch(world, workspace.id, allowed=True, actor="test")
    event = drafted()
    client.patch(
        "/api/v1/workspace", json={"auto_reply": False}, headers=as_key(Scope.OPS)
    )
    assert dispatch()["outcomes"] == {"workspace_off": 1}
    assert provider.taken == []

    approved = act(event, "POST", "draft/approve")

    assert approved.status_code == 202
    assert dispatch()["outcomes"] == {"sent": 1}
    assert provider.texts == [DRAFT]


def test_there_is_no_draft_to_approve_or_edit(arrive, chats, client, as_key):
    [conversation_id] = arrive(chat(), at=chats)
    path = f"/api/v1/conversations/{conversation_id}"

    approved = client.post(f"{path}/draft/approve", headers=as_key(Scope.SEND))
    edited = client.put(f"{path}/draft", json={"body": "x"}, headers=as_key(Scope.SEND))

    assert approved.status_code == edited.status_code == 404
    assert approved.json["detail"] == "no draft waits in this conversation"


@pytest.mark.shows("L5")
def test_a_workspace_switches_what_happens_without_a_person(client, as_key, world):
    headers = as_key(Scope.READ, Scope.OPS)

    before = client.get("/api/v1/workspace", headers=headers).json
    changed = client.patch(
        "/api/v1/workspace",
        json={"auto_reply": True, "trust_orders": True},
        headers=headers,
    )
    again = client.patch(
        "/api/v1/workspace", json={"auto_reply": True}, headers=headers
    )

    assert (before["auto_reply"], before["trust_orders"]) == (False, False)
    assert before["auto_reply_everywhere"] is True
    assert changed.json == before | {"auto_reply": True, "trust_orders": True}
    assert again.json == changed.json
    actions = [row[0] for row in rows(world, "audit_log", "action")]
    assert [one for one in actions if one.startswith("workspace.")] == [
        "workspace.auto_reply",
        "workspace.trust_orders",
    ]


@pytest.mark.parametrize(
    "body", [{}, {"auto_reply": "on"}, {"autoreply": True}], ids=str
)
def test_a_switch_that_cannot_be_meant_switches_nothing(client, as_key, world, body):
    response = client.patch("/api/v1/workspace", json=body, headers=as_key(Scope.OPS))

    assert response.status_code == 400
    assert response.json["errors"]
    assert rows(world, "workspaces", "auto_reply, trust_orders")[0] == (False, False)


def test_the_explanation_tells_what_was_answered_and_what_was_refused(
    client, as_key, drafted, act, dispatch
):
    event = drafted()
    act(event, "PUT", body="It left on Monday.")
    act(event, "POST", "draft/approve")
    dispatch()

    told = client.get(
        f"/api/v1/events/{event.id}/explain", headers=as_key(Scope.READ)
    ).json

    assert told["draft"]["auto_reply"]["refused"] == [
        {
            "rule": "workspace_off",
            "reason": "the workspace has not allowed automatic replies",
        }
    ]
    assert told["draft"]["edited_by"].startswith("key ")
    assert (told["draft"]["order_id"], told["draft"]["order_refusal"]) == (None, None)
    [answer] = told["answers"]
    assert (answer["origin"], answer["state"], answer["attempts"]) == (
        "draft",
        "sent",
        1,
    )
    assert answer["actor"].startswith("key ")


def due_to_send(world):
    """What the queue's depth says."""
    with world.system_transaction() as tx:
        depths = {row["queue"]: row["depth"] for row in store.reports.queue_depths(tx)}
    return depths["bb_outbound_jobs"]


def act_on(client, as_key, queued):
    """The one message of an answer as it is now."""
    [part] = queued.json["messages"]
    return client.get(f"{OUTBOUND}/{part['id']}", headers=as_key(Scope.READ)).json
