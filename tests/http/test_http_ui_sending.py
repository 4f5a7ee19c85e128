"""The pages: answering, approving, and what became of what was sent."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.domain.status import Scope
from app.errors import OutcomeUnknown, PermanentError, RetryableError
from app.jobs.contracts import Outbound
from app.services.outbound.auto_reply import switch
from app.services.outbound.send import send
from tests.http.browser import OWN, parsed, text_of, texts
from tests.http.client import changed, client_of, rows
from tests.outbound.conftest import chat

HOSTILE = "</textarea>\"'><script>alert(1)</script>{{ 7 * 7 }}"
#: What `ScriptedDrafter` writes.
DRAFT = "It left today."
BUTTONS = "//form[contains(@class, 'draft-box')]//button"


@pytest.fixture
def client(world):
    return client_of(world)


@pytest.fixture
def conversation_id(arrive, chats):
    [found] = arrive(chat(), at=chats)
    return found


@pytest.fixture
def dispatch(world, workspace):
    def dispatch(conversation_id):
        job = Outbound(workspace_id=workspace.id, conversation_id=conversation_id)
        return dict(send(world, job).counts)

    return dispatch


def form_of(page):
    """The answer form's hidden and visible fields, as a browser would send them."""
    [form] = parsed(page).xpath("//form[contains(@class, 'draft-box')]")
    fields = dict(form.form_values())
    # Browsers drop the first line end of a textarea and send the others as the network has them.
    written = fields.get("text", "")
    return fields | {"text": written.removeprefix("\n").replace("\n", "\r\n")}


def in_queue(world):
    return rows(world, "outbound_messages", "origin, state")


@pytest.mark.shows("I2")
def test_a_form_that_is_sent_twice_is_one_message(
    world, signed_in, conversation_id, dispatch, provider
):
    browser = signed_in()
    path = f"/inbox/{conversation_id}"
    form = form_of(browser.get(path)) | {"text": "It comes in blue.\r\nAnd red."}

    first = browser.submit(f"{path}/answer", **form)
    second = browser.submit(f"{path}/answer", **form)

    assert (first.status_code, first.location) == (303, path)
    assert second.status_code == 303
    assert dispatch(conversation_id) == {"sent": 1}
    assert provider.texts == ["It comes in blue.\nAnd red."]
    page = browser.get(path)
    assert "you" in texts(page, "//li[contains(@class, 'outbound')]//header")[0]
    assert "Sent." in text_of(page)


def test_a_tab_is_where_one_comes_back_to(signed_in, conversation_id):
    browser = signed_in()
    path = f"/inbox/{conversation_id}"

    done = browser.submit(f"{path}/answer?tab=act_now", text="Yes.", key=str(uuid4()))

    assert done.location == f"{path}?tab=act_now"


@pytest.mark.shows("G5")
def test_a_draft_is_changed_kept_and_sent(signed_in, drafted, dispatch, provider):
    event = drafted()
    path = f"/inbox/{event.conversation_id}"
    browser = signed_in()
    form = form_of(browser.get(path))
    assert form["text"] == DRAFT
    assert texts(browser.get(path), BUTTONS) == ["Send", "Keep my changes"]

    browser.submit(f"{path}/answer", **form | {"text": "On Monday.", "do": "keep"})
    kept = browser.get(path)
    browser.submit(f"{path}/answer", **form_of(kept) | {"do": "send"})

    assert form_of(kept)["text"] == "On Monday."
    assert "Changed by a person just now." in text_of(kept)
    assert dispatch(event.conversation_id) == {"sent": 1}
    assert provider.texts == ["On Monday."]
    after = browser.get(path)
    assert texts(after, "//*[@id='draft']") == []
    assert "Draft waits" not in browser.get("/inbox/").text


def test_a_draft_can_be_changed_and_sent_in_one_go(
    signed_in, drafted, dispatch, provider
):
    event = drafted()
    path = f"/inbox/{event.conversation_id}"
    browser = signed_in()
    form = form_of(browser.get(path)) | {"text": "Tomorrow.", "do": "send"}

    assert browser.submit(f"{path}/answer", **form).status_code == 303
    assert browser.submit(f"{path}/answer", **form).status_code == 303

    assert dispatch(event.conversation_id) == {"sent": 1}
    assert provider.texts == ["Tomorrow."]


def test_an_overtaken_draft_leaves_its_text_to_whoever_wrote_it(
    signed_in, drafted, dispatch, provider
):
    event = drafted()
    path = f"/inbox/{event.conversation_id}"
    browser = signed_in()
    form = form_of(browser.get(path)) | {"text": "Careful words.", "do": "send"}
    drafted(chat("Never mind!", sent_at=datetime.now(UTC)))

    refused = browser.submit(f"{path}/answer", **form)

    assert refused.status_code == 409
    assert refused.content_type == "text/html; charset=utf-8"
    assert "the draft answers what was overtaken meanwhile" in text_of(refused)
    assert "Never mind!" in text_of(refused)
    assert form_of(refused)["text"] == "Careful words."
    assert provider.taken == []
    browser.submit(f"{path}/answer", **form_of(refused) | {"do": "send"})
    assert dispatch(event.conversation_id) == {"sent": 1}
    assert provider.texts == ["Careful words."]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": "  \r\n "}, "there is nothing to send: the text is empty"),
        ({"text": "word " * 6_000}, "at most 20 are sent"),
    ],
    ids=["blank", "too many parts"],
)
def test_a_refusal_is_told_beside_the_form(
    world, signed_in, conversation_id, fields, said
):
    browser = signed_in()

    response = browser.submit(
        f"/inbox/{conversation_id}/answer", key=str(uuid4()), **fields
    )

    assert response.status_code == 400
    [alert] = texts(response, "//form//*[@role='alert']")
    assert said in alert
    assert in_queue(world) == []


@pytest.mark.parametrize(
    "fields",
    [{}, {"text": ""}, {"text": "x", "do": "burn"}, {"text": "x", "key": "k"}],
    ids=str,
)
def test_a_form_that_no_page_of_ours_holds_sends_nothing(
    world, signed_in, conversation_id, fields
):
    response = signed_in().submit(f"/inbox/{conversation_id}/answer", **fields)

    assert response.status_code == 400
    assert in_queue(world) == []


def test_a_channel_that_only_receives_is_said(signed_in, make, workspace, arrive):
    [conversation_id] = arrive(
        chat(), at=make.config(workspace, provider="direct", channel="web")
    )
    browser = signed_in()

    response = browser.submit(
        f"/inbox/{conversation_id}/answer", text="Hello.", key=str(uuid4())
    )

    assert response.status_code == 400
    assert "nothing can be sent through" in text_of(response)
    assert form_of(response)["text"] == "Hello."


def test_who_may_only_read_sees_the_draft_and_no_form(
    world, signed_in, drafted, conversation_id
):
    event = drafted(chat(sent_at=datetime.now(UTC)))
    path = f"/inbox/{event.conversation_id}"
    browser = signed_in(Scope.READ)

    page = browser.get(path)
    refused = browser.submit(f"{path}/answer", text="x", key=str(uuid4()))

    assert DRAFT in texts(page, "//section[@id='draft']")[0]
    assert parsed(page).xpath("//main//form | //textarea") == []
    assert refused.status_code == 403
    assert in_queue(world) == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/inbox/{id}/answer", {"text": "x"}),
        ("/inbox/{id}/outbound/{id}", {"was_sent": "no"}),
        ("/inbox/auto-reply", {"auto_reply": "on"}),
    ],
)
def test_no_other_site_can_send_a_form(world, signed_in, conversation_id, path, fields):
    browser = signed_in()
    path = path.format(id=conversation_id)

    without = browser.client.post(path, data=fields, headers=OWN)
    elsewhere = browser.client.post(
        path,
        data=fields | {"token": browser.token},
        headers={"Sec-Fetch-Site": "cross-site"},
    )

    assert without.status_code == elsewhere.status_code == 403
    assert in_queue(world) == []
    assert rows(world, "workspaces", "auto_reply") == [(False,)]


@pytest.mark.shows("L1")
def test_nothing_of_another_workspace_can_be_answered_or_settled(
    world, signed_in, foreign, conversation_id, dispatch, provider
):
    provider.script = [OutcomeUnknown("no answer came")]
    signed_in().submit(f"/inbox/{conversation_id}/answer", text="x")
    dispatch(conversation_id)
    [(outbound_id,)] = rows(world, "outbound_messages", "id")
    theirs = signed_in(of=foreign)

    answered = theirs.submit(f"/inbox/{conversation_id}/answer", text="y")
    settled = theirs.submit(
        f"/inbox/{conversation_id}/outbound/{outbound_id}", was_sent="no"
    )

    assert answered.status_code == settled.status_code == 404
    assert in_queue(world) == [("person", "uncertain")]


def test_hostile_texts_stay_texts(signed_in, conversation_id, dispatch, provider):
    provider.script = [PermanentError(HOSTILE)]
    browser = signed_in()
    path = f"/inbox/{conversation_id}"

    browser.submit(f"{path}/answer", text=HOSTILE)
    dispatch(conversation_id)
    refused = browser.submit(f"{path}/answer", text=HOSTILE * 900)
    page = browser.get(path)

    for shown in (page, refused):
        assert not parsed(shown).xpath("//script")
        assert "{{ 7 * 7 }}" in shown.text
    assert form_of(refused)["text"] == HOSTILE * 900
    assert "It could not be sent." in text_of(page)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (None, "Sent."),
        (RetryableError("busy"), "Waits to be sent. Not before"),
        (PermanentError("no such number"), "It could not be sent. no such number"),
        (OutcomeUnknown("silence"), "Nobody knows whether it arrived."),
    ],
    ids=["sent", "put off", "refused", "uncertain"],
)
def test_what_became_of_a_message_stands_with_it(
    signed_in, conversation_id, dispatch, provider, step, said
):
    provider.script = [step] if step else []
    browser = signed_in()
    path = f"/inbox/{conversation_id}"
    browser.submit(f"{path}/answer", text="Yes.")
    assert "Waits to be sent." in text_of(browser.get(path))

    dispatch(conversation_id)

    assert said in text_of(browser.get(path))


@pytest.mark.parametrize(
    ("was_sent", "state"), [("yes", "sent"), ("no", "queued"), ("maybe", "uncertain")]
)
def test_a_person_says_on_the_page_whether_it_arrived(
    world, signed_in, conversation_id, dispatch, provider, was_sent, state
):
    provider.script = [OutcomeUnknown("silence")]
    browser = signed_in()
    path = f"/inbox/{conversation_id}"
    browser.submit(f"{path}/answer", text="Yes.")
    dispatch(conversation_id)
    [form] = parsed(browser.get(path)).xpath("//form[@class='settle']")

    browser.submit(form.get("action"), was_sent=was_sent)

    assert in_queue(world) == [("person", state)]


def test_automatic_replies_are_switched_from_inbox_and_operations(world, signed_in):
    browser = signed_in()
    assert "Automatic replies are off." in text_of(browser.get("/inbox/"))

    for page, wanted in (("/inbox/", "on"), ("/operations", "off")):
        [form] = parsed(browser.get(page)).xpath("//form[@class='switch']")
        fields = dict(form.form_values())
        assert fields["next"] == page
        done = browser.submit(
            form.get("action"), next=fields["next"], auto_reply=wanted
        )
        assert (done.status_code, done.location) == (303, page)
        assert f"Automatic replies are {wanted}." in text_of(browser.get(page))
    refused = browser.submit("/inbox/auto-reply", auto_reply="perhaps")
    away = browser.submit(
        "/inbox/auto-reply", auto_reply="off", next="//elsewhere.example"
    )
    assert refused.status_code == 400
    assert away.location == "/inbox"


def test_who_may_not_switch_sees_how_it_stands(world, workspace, signed_in):
    switch(world, workspace.id, allowed=True, actor="test")
    reader = signed_in(Scope.READ)

    page = reader.get("/inbox/")
    refused = reader.submit("/inbox/auto-reply", auto_reply="off")

    assert "Automatic replies are on." in text_of(page)
    assert texts(page, "//main//button") == []
    assert refused.status_code == 403
    assert rows(world, "workspaces", "auto_reply") == [(True,)]


def test_what_the_operator_forbids_to_all_is_said(world, make, workspace):
    settings = changed(world.settings, auto_replies=False)
    client = client_of(replace(world, settings=settings))
    client.post("/inbox", data={"key": make.key(workspace)}, headers=OWN)

    page = client.get("/inbox/")

    assert "Automatic replies are off for everybody." in text_of(page)


def test_why_tells_of_answers_refusals_and_orders(
    world, signed_in, drafted, dispatch, provider
):
    event = drafted()
    path = f"/inbox/{event.conversation_id}"
    with world.system_transaction() as tx:
        tx.session.execute(
            text("UPDATE drafts SET order_refusal = :it"),
            {"it": '{"rule": "not_confirmed", "reason": "nobody said yes"}'},
        )
    browser = signed_in()
    provider.script = [PermanentError("no such number")]
    browser.submit(f"{path}/answer", **form_of(browser.get(path)) | {"do": "send"})
    dispatch(event.conversation_id)

    told = text_of(browser.get(f"{path}/why"))

    for sentence in (
        "It was not sent by itself, because the workspace has not allowed automatic replies.",
        "The assistant wanted to take an order and was not let: nobody said yes (not_confirmed).",
        "A person approved the draft (key ",
        "It could not be sent on",
        "no such number (refused).",
    ):
        assert sentence in told


def test_why_tells_that_it_was_sent_by_itself(
    world, workspace, signed_in, drafted, dispatch
):
    switch(world, workspace.id, allowed=True, actor="test")
    event = drafted()
    dispatch(event.conversation_id)

    told = text_of(signed_in().get(f"/inbox/{event.conversation_id}/why"))

    assert "The draft was sent by itself (auto-reply). It went out on" in told
