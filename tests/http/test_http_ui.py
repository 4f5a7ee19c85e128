"""The pages: what they show of conversations, and what they keep to themselves."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from app import store
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.decision import Category
from app.domain.status import Scope
from app.http import cursors
from app.http.ui import pages
from app.http.ui.texts import ago, duration, exact, language, plain, shown, size
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from app.store.transaction import Database
from tests.factories import START, message
from tests.fakes import ScriptedClassifier, ScriptedDrafter, judged
from tests.http.browser import get_with_cookie, parsed, text_of, texts
from tests.http.client import NOBODY_LISTENS, changed, client_of, rows

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"
#: What `ScriptedDrafter` writes.
DRAFT = "It left today."
SUBJECTS = "//ol[@class='rows']/li/a[@class='subject']"
DRAFT_BOX = "//*[@id='draft']"


@pytest.fixture
def settle(runtime, make, config):
    """Lets messages arrive, be judged and drafted; returns the conversation of the last."""

    def settle(*messages, verdict=None):
        current = replace(
            runtime,
            classifier=ScriptedClassifier(*([verdict] if verdict else [])),
            drafter=ScriptedDrafter(),
        )
        ids = make.events(config, *messages)
        materialize(current, make.materialize_job(config, ids))
        classify(current, make.classify_job(config, ids))
        draft(current, make.draft_job(config, ids))
        return make.event(ids[-1]).conversation_id

    return settle


def reply(**fields):
    """A mail from the shop to Anna."""
    return message(
        direction="outbound",
        sender={"kind": "email", "value": "shop@shop.example", "name": "The shop"},
        recipients=[{"kind": "email", "value": "anna@example.com", "role": "to"}],
        **fields,
    )


def test_the_newest_conversation_comes_first(signed_in, arrive):
    arrive(
        message(subject="older", sent_at=START),
        message(subject="newer", sent_at=START + timedelta(hours=1)),
    )

    response = signed_in(Scope.READ).get("/inbox/")

    assert response.status_code == 200
    assert texts(response, SUBJECTS) == ["newer", "older"]


def test_a_row_shows_who_wrote_what_and_what_was_decided_why(signed_in, settle):
    settle(
        message(
            subject="My order",
            body_text="Where is it?\nI wait.\n\nOn Monday you wrote:\n> soon",
            sent_at=START,
        )
    )

    [row] = texts(signed_in(Scope.READ).get("/inbox/"), "//ol[@class='rows']/li")

    assert row == (
        f"Anna Berg anna@example.com {ago(START)} My order Where is it? I wait. "
        "Quick win Draft waits asks about an order"
    )


def test_a_time_tells_itself_exactly(signed_in, arrive):
    arrive(message(sent_at=START))

    page = parsed(signed_in(Scope.READ).get("/inbox/"))

    [moment] = page.xpath("//ol[@class='rows']//time")
    assert moment.get("datetime") == "2026-11-02T09:00:00+00:00"
    assert moment.get("title") == "Monday 2 Nov 2026, 09:00 UTC"


def test_tabs_hold_what_they_say_and_count_it(signed_in, arrive, settle, decide):
    later = {"sent_at": START + timedelta(days=1)}
    settle(message(subject="urgent"), verdict=judged(urgent=True))
    settle(message(subject="unsure"), verdict=judged(confidence=0.2))
    settle(message(subject="easy"), verdict=judged())
    settle(message(subject="advert"), verdict=judged(Category.NEWSLETTER))
    closed = settle(message(subject="closed"), verdict=judged(urgent=True))
    asked = message(subject="answered", external_thread_id="t", sent_at=START)
    settle(asked, verdict=judged())
    arrive(reply(external_thread_id="t", **later))
    arrive(message(subject="fresh"))
    browser = signed_in()
    browser.submit(f"/inbox/{closed}", status="closed")

    def tab(name):
        return sorted(texts(browser.get(f"/inbox/?tab={name}"), SUBJECTS))

    assert tab("act_now") == ["urgent"]
    assert tab("needs_you") == ["unsure"]
    assert tab("quick_win") == ["easy"]
    assert tab("handled") == ["advert", "answered", "closed"]
    assert len(tab("")) == 7
    response = browser.get("/inbox/?tab=handled")
    assert texts(response, "//nav[contains(@class, 'tabs')]/a") == [
        "Act now 1",
        "Needs you 1",
        "Quick wins 1",
        "Handled 3",
        "All 7",
    ]
    assert texts(response, "//nav[contains(@class, 'tabs')]/a[@aria-current]") == [
        "Handled 3"
    ]


def test_what_a_customer_writes_after_an_answer_asks_again(signed_in, settle, arrive):
    thread = {"external_thread_id": "t"}
    settle(message(sent_at=START, **thread))
    arrive(reply(sent_at=START + timedelta(hours=1), **thread))
    settle(message(sent_at=START + timedelta(hours=2), **thread))

    response = signed_in().get("/inbox/?tab=quick_win")

    assert len(texts(response, SUBJECTS)) == 1


def test_what_could_not_be_judged_does_not_hide_behind_an_older_judgement(
    runtime, make, config, signed_in, settle
):
    thread = {"external_thread_id": "t"}
    settle(message(sent_at=START, **thread), verdict=judged(Category.NEWSLETTER))
    [event_id] = make.events(config, message(sent_at=START + timedelta(1), **thread))
    materialize(runtime, make.materialize_job(config, [event_id]))
    browser = signed_in()
    assert texts(browser.get("/inbox/?tab=handled"), SUBJECTS) == []

    with runtime.transaction(config.workspace_id) as tx:
        tx.session.execute(
            text("UPDATE message_events SET status = 'failed' WHERE id = :id"),
            {"id": event_id},
        )

    response = browser.get("/inbox/?tab=needs_you")
    assert len(texts(response, SUBJECTS)) == 1
    assert "the newest message could not be judged" in text_of(response)


def test_pages_follow_each_other_without_gap_or_repeat(signed_in, arrive, monkeypatch):
    monkeypatch.setattr(pages, "CONVERSATIONS_PER_PAGE", 2)
    # Three at the same moment, so that a page ends between equals.
    moments = [START + timedelta(hours=hour) for hour in (0, 1, 1, 1, 2)]
    arrived = arrive(*(message(sent_at=moment) for moment in moments))
    browser = signed_in(Scope.READ)

    seen, path = [], "/inbox/"
    while path:
        page = parsed(browser.get(path))
        links = page.xpath(f"{SUBJECTS}/@href")
        assert 1 <= len(links) <= 2
        seen += [link.removeprefix("/inbox/") for link in links]
        path = page.xpath("string(//a[@rel='next']/@href)")

    assert len(seen) == len(set(seen))
    assert set(seen) == {str(one) for one in arrived}
    assert [seen[0], seen[-1]] == [str(arrived[4]), str(arrived[0])]


def test_a_tab_keeps_to_itself_from_page_to_page(
    signed_in, arrive, decide, monkeypatch
):
    monkeypatch.setattr(pages, "CONVERSATIONS_PER_PAGE", 1)
    first, _, third = arrive(message(), message(), message())
    decide("act_now", first, third)
    browser = signed_in(Scope.READ)

    page = parsed(browser.get("/inbox/?tab=act_now"))
    older = browser.get(page.xpath("string(//a[@rel='next']/@href)"))

    assert parsed(older).xpath(f"{SUBJECTS}/@href") == [f"/inbox/{first}?tab=act_now"]
    assert not parsed(older).xpath("//a[@rel='next']")


def test_an_empty_inbox_says_so(signed_in):
    browser = signed_in(Scope.READ)

    assert "No message has arrived yet." in text_of(browser.get("/inbox/"))
    assert "Nothing is urgent." in text_of(browser.get("/inbox/?tab=act_now"))


def test_a_thread_reads_from_the_oldest_to_the_newest(signed_in, arrive):
    thread = {"external_thread_id": "t"}
    [conversation_id, *_] = arrive(
        message(body_text="Where is it?", sent_at=START, **thread),
        reply(body_text="On its way.", sent_at=START + timedelta(hours=1), **thread),
        message(body_text="Thank you!", sent_at=START + timedelta(hours=2), **thread),
    )

    response = signed_in(Scope.READ).get(f"/inbox/{conversation_id}")

    assert [
        one.get("class") for one in parsed(response).xpath("//ol/li/article/..")
    ] == [
        "message inbound",
        "message outbound",
        "message inbound",
    ]
    assert texts(response, "//article/div") == [
        "Where is it?",
        "On its way.",
        "Thank you!",
    ]


def test_a_long_thread_begins_with_its_newest_messages(signed_in, arrive, monkeypatch):
    monkeypatch.setattr(pages, "MESSAGES_PER_PAGE", 2)
    [conversation_id, *_] = arrive(
        *(
            message(
                body_text=word,
                sent_at=START + timedelta(hours=hour),
                external_thread_id="t",
            )
            for hour, word in enumerate(["one", "two", "three"])
        )
    )
    browser = signed_in(Scope.READ)

    newest = browser.get(f"/inbox/{conversation_id}")
    link = parsed(newest).xpath("string(//nav[@class='pages']/a/@href)")
    earlier = browser.get(link)

    assert texts(newest, "//article/div") == ["two", "three"]
    assert texts(earlier, "//article/div") == ["one"]
    assert texts(earlier, "//nav[@class='pages']/a") == ["Newest messages"]


def test_what_was_quoted_is_folded_away(signed_in, arrive):
    [conversation_id] = arrive(
        message(body_text="Thanks!\n\nOn 2 Nov 2026 the shop wrote:\n> It left today.")
    )

    response = signed_in(Scope.READ).get(f"/inbox/{conversation_id}")

    assert texts(response, "//article/div") == ["Thanks!"]
    assert texts(response, "//article/details/div") == [
        "On 2 Nov 2026 the shop wrote: > It left today."
    ]
    assert not parsed(response).xpath("//details/@open")


@pytest.mark.shows("C15")
def test_attachments_are_listed_with_what_became_of_them(signed_in, arrive):
    [conversation_id] = arrive(
        message(
            attachments=[
                {
                    "name": "photo.jpg",
                    "content_type": "image/jpeg",
                    "size": 123_456,
                    "url": "https://files.example/1",
                },
                {},
            ]
        )
    )

    response = signed_in(Scope.READ).get(f"/inbox/{conversation_id}")

    assert texts(response, "//ul[@aria-label='Attachments']/li") == [
        "photo.jpg image/jpeg, 123 kB on its way",
        "unnamed file not there any more: the message came without it",
    ]
    assert "files.example" not in response.text


@pytest.mark.parametrize("path", ["/inbox/", "/inbox/{id}", "/inbox/{id}/why"])
def test_nothing_that_a_message_brings_is_taken_for_html(
    signed_in, settle, workspace, runtime, path
):
    conversation_id = settle(
        message(
            subject=f"subject {HOSTILE}",
            body_text=f"body {HOSTILE}\n\nOn 2 Nov 2026 x wrote:\n> quoted {HOSTILE}",
            body_html="<b id='brought'>bold</b>",
            sender={"kind": "email", "value": "a@example.com", "name": HOSTILE},
            attachments=[{"name": HOSTILE, "content_type": HOSTILE}],
        ),
        verdict=replace(judged(), reason=f"reason {HOSTILE}", source=HOSTILE),
    )
    with runtime.transaction(workspace.id) as tx:
        tx.session.execute(
            text(
                "UPDATE drafts SET body = :text, edited_by = :text, edited_at = now()"
            ),
            {"text": f"</textarea> {HOSTILE}"},
        )

    response = signed_in().get(path.format(id=conversation_id))

    assert response.status_code == 200
    page = parsed(response)
    assert not page.xpath("//script | //img | //@onerror | //@style | //style")
    assert not page.xpath("//*[@id='brought']")
    # Once in the title, once on the page, at least, and in so many words.
    assert response.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2
    assert "{{ 7 * 7 }}" in response.text


def test_no_name_can_turn_the_text_around_it(signed_in, arrive):
    [conversation_id] = arrive(
        message(
            subject="invoice \u202egpj.exe",
            sender={
                "kind": "email",
                "value": "a@b.example",
                "name": "A\u202e\u2066\x07nna",
            },
            attachments=[{"name": "photo\u202egpj.exe"}],
        )
    )

    for path in ("/inbox/", f"/inbox/{conversation_id}"):
        response = signed_in(Scope.READ).get(path)
        assert "Anna" in response.text
        assert not set("\u202e\u2066\x07") & set(response.text)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("السلام عليكم", "ar"),
        ("レンタサイクルの予約", "ja"),
        ("Guten Morgen", ""),
    ],
)
def test_a_text_runs_in_its_own_direction_and_language(signed_in, arrive, body, name):
    [conversation_id] = arrive(message(body_text=body))

    page = parsed(signed_in(Scope.READ).get(f"/inbox/{conversation_id}"))

    [shown_text] = page.xpath("//article/div")
    assert shown_text.text == body
    assert (shown_text.get("dir"), shown_text.get("lang")) == ("auto", name)
    assert page.get("lang") == "en"


def test_a_draft_is_shown_while_it_may_still_be_sent(signed_in, settle, arrive):
    thread = {"external_thread_id": "t"}
    conversation_id = settle(message(sent_at=START, **thread))
    browser = signed_in(Scope.READ)

    fresh = browser.get(f"/inbox/{conversation_id}")
    arrive(message(sent_at=START + timedelta(hours=1), **thread))
    outdated = browser.get(f"/inbox/{conversation_id}")
    listed = browser.get("/inbox/")

    [box] = texts(fresh, DRAFT_BOX)
    assert box.startswith(f"Draft, not sent {DRAFT} Written by test-model just now")
    assert box.endswith(
        "It was not sent by itself, because the workspace has not allowed automatic replies,"
        " and because it was sent before the account was connected."
    )
    assert texts(outdated, DRAFT_BOX) == []
    assert DRAFT not in outdated.text
    assert "Draft waits" not in listed.text


def test_an_answer_or_a_close_takes_the_draft_off_the_page(signed_in, settle, arrive):
    answered = settle(message(sent_at=START, external_thread_id="t"))
    closed = settle(message())
    browser = signed_in()

    arrive(reply(sent_at=START + timedelta(hours=1), external_thread_id="t"))
    browser.submit(f"/inbox/{closed}", status="closed")

    for conversation_id in (answered, closed):
        assert texts(browser.get(f"/inbox/{conversation_id}"), DRAFT_BOX) == []
    assert "Draft waits" not in browser.get("/inbox/").text
    browser.submit(f"/inbox/{closed}", status="open")
    assert len(texts(browser.get(f"/inbox/{closed}"), DRAFT_BOX)) == 1


def test_the_decision_says_what_how_sure_why_and_who(signed_in, settle):
    conversation_id = settle(message())

    response = signed_in(Scope.READ).get(f"/inbox/{conversation_id}")

    terms = texts(response, "//section[contains(@class, 'decision')]//dt")
    values = texts(response, "//section[contains(@class, 'decision')]//dd")
    assert dict(zip(terms, values, strict=True)) == {
        "Decision": "Quick win",
        "About": "order",
        "How sure": "90%",
        "Reason": "asks about an order",
        "Judged by": "the AI model that read it",
    }


def test_a_person_switches_the_ai_off_and_closes(
    runtime, signed_in, arrive, make, workspace
):
    [conversation_id] = arrive(message())
    path = f"/inbox/{conversation_id}"
    browser = signed_in(Scope.READ, Scope.SEND)
    assert "AI answers here are on." in text_of(browser.get(path))

    off = browser.submit(f"{path}?tab=act_now", ai_enabled="false")
    closed = browser.submit(path, status="closed")

    assert (off.status_code, off.location) == (303, f"{path}?tab=act_now")
    assert closed.status_code == 303
    assert rows(runtime, "conversations", "ai_enabled, status") == [(False, "closed")]
    buttons = texts(browser.get(path), "//form[contains(@class, 'controls')]/button")
    assert buttons == ["Switch AI answers on", "Open again"]
    [(actor, first), (_, second)] = changes(runtime)
    assert re.fullmatch("key [0-9a-f]{12}", actor)
    assert (first, second) == ({"ai_enabled": False}, {"status": "closed"})


def test_without_the_scope_there_is_nothing_to_switch(runtime, signed_in, arrive):
    [conversation_id] = arrive(message())
    browser = signed_in(Scope.READ, Scope.OPS)

    page = browser.get(f"/inbox/{conversation_id}")
    response = browser.submit(f"/inbox/{conversation_id}", status="closed")

    assert parsed(page).xpath("//main//form") == []
    assert response.status_code == 403
    assert rows(runtime, "conversations", "status") == [("new",)]
    assert changes(runtime) == []


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": "lost"},
        {"ai_enabled": "perhaps"},
        {"status": "closed", "decision": "act_now"},
    ],
    ids=str,
)
def test_a_change_that_cannot_be_meant_changes_nothing(
    runtime, signed_in, arrive, fields
):
    [conversation_id] = arrive(message())

    response = signed_in().submit(f"/inbox/{conversation_id}", **fields)

    assert response.status_code == 400
    assert "That did not work" in text_of(response)
    assert rows(runtime, "conversations", "ai_enabled, status") == [(True, "new")]
    assert changes(runtime) == []


def test_why_tells_the_story_of_the_newest_message(signed_in, settle):
    conversation_id = settle(message(sent_at=START), verdict=judged(urgent=True))

    response = signed_in(Scope.READ).get(f"/inbox/{conversation_id}/why")

    told = text_of(response)
    for sentence in (
        "It came by e-mail, with an import, and was received on",
        "Its sender says that it was sent on Monday 2 Nov 2026, 09:00 UTC.",
        "Nothing linked it to an earlier conversation, so it began this one.",
        "Decision: Act now. It is about: order, 90% sure.",
        "No rule spoke and nothing proved it, so the AI model read it.",
        "The reason given: asks about an order.",
        "It is decided, and a reply is drafted.",
        "A reply was drafted by test-model on",
    ):
        assert sentence in told
    assert texts(response, "//tbody/tr/th") == [
        "Placed in a conversation",
        "Judged",
        "Reply drafted",
    ]
    assert "two weeks" not in response.text


def test_why_names_a_rule_a_doubt_and_what_failed(
    runtime, signed_in, settle, make, workspace, config
):
    make.rule(workspace, "anna@example.com", Category.SPAM)
    by_rule = settle(message())
    unsure = settle(message(sender="berta@example.com"), verdict=judged(confidence=0.4))
    failing = ScriptedClassifier(*[RuntimeError("boom")] * MAX_ATTEMPTS)
    [failed_id] = make.events(config, message(sender="cora@example.com"))
    materialize(runtime, make.materialize_job(config, [failed_id]))
    failed = make.event(failed_id).conversation_id
    with pytest.raises(RuntimeError):
        classify(
            replace(runtime, classifier=failing), make.classify_job(config, [failed_id])
        )
    browser = signed_in(Scope.READ)

    def told(conversation_id):
        return text_of(browser.get(f"/inbox/{conversation_id}/why"))

    assert "One of your sender rules says what such messages are." in told(by_rule)
    assert "No reply was drafted, because it asks for none." in told(by_rule)
    assert "Below 70% it counts as a guess, and a person decides." in told(unsure)
    assert "Nothing has been decided about it." in told(failed)
    assert "It is tried again on" in told(failed)
    assert "failed, to be tried again: RuntimeError" in told(failed)


@pytest.mark.shows("F11")
def test_why_says_that_more_may_come(runtime, signed_in, make, workspace):
    chats = make.config(workspace, provider="direct", channel="sms")
    anna = {"kind": "phone", "value": "+46700000001"}
    [event_id] = make.events(chats, message(sender=anna))
    patient = changed(runtime.settings, debounce_seconds=60)
    materialize(
        replace(runtime, settings=patient), make.materialize_job(chats, [event_id])
    )
    conversation_id = make.event(event_id).conversation_id

    page = signed_in(Scope.READ).get(f"/inbox/{conversation_id}/why")

    assert "in case its writer goes on." in text_of(page)


def test_why_of_a_conversation_that_only_we_write_in(signed_in, arrive):
    [conversation_id] = arrive(reply())
    browser = signed_in(Scope.READ)

    response = browser.get(f"/inbox/{conversation_id}/why")

    assert response.status_code == 200
    assert "there is nothing to explain" in text_of(response)
    assert "Sent by you" in text_of(browser.get("/inbox/?tab=handled"))


@pytest.mark.shows("L1")
@pytest.mark.parametrize("path", ["/inbox/{id}", "/inbox/{id}/why"])
def test_what_belongs_to_another_workspace_is_not_found(
    signed_in, make, arrive, foreign, path
):
    [conversation_id] = arrive(message(), at=make.config(foreign))
    path = path.format(id=conversation_id)

    ours = signed_in().get(path)
    nobodys = signed_in().get(path.replace(str(conversation_id), str(uuid4())))

    assert ours.status_code == nobodys.status_code == 404
    assert ours.content_type == "text/html; charset=utf-8"
    assert text_of(ours) == text_of(nobodys)
    assert signed_in(of=foreign).get(path).status_code == 200


@pytest.mark.shows("L1")
def test_what_belongs_to_another_workspace_cannot_be_changed(
    runtime, signed_in, make, arrive, foreign
):
    [conversation_id] = arrive(message(), at=make.config(foreign))

    response = signed_in().submit(f"/inbox/{conversation_id}", status="closed")

    assert response.status_code == 404
    assert rows(runtime, "conversations", "status") == [("new",)]
    assert changes(runtime) == []


@pytest.mark.shows("L1")
def test_the_list_and_its_counts_hold_nothing_of_another_workspace(
    signed_in, make, arrive, foreign
):
    arrive(
        message(subject="theirs", sent_at=START),
        message(subject="theirs too", sent_at=START + timedelta(hours=1)),
        at=make.config(foreign),
    )
    arrive(message(subject="ours"))
    [_, (moment, theirs)] = sorted(
        (row[1], row[0]) for row in rows_of_conversations(make.runtime, foreign)
    )
    browser = signed_in()

    listed = browser.get("/inbox/")
    after = browser.get(f"/inbox/?cursor={cursors.encode(moment, theirs)}")

    assert texts(listed, SUBJECTS) == ["ours"]
    assert "All 1" in text_of(listed)
    assert "theirs" not in after.text


@pytest.mark.shows("L1")
def test_operations_show_the_own_workspace_only(
    runtime, signed_in, make, workspace, config, foreign
):
    make.events(config, message(), message())
    make.events(make.config(foreign), message())
    make.run(config)
    for owner, kind in ((workspace, "ours_broke"), (foreign, "theirs_broke")):
        with runtime.transaction(owner.id) as tx:
            store.incidents.report(
                tx,
                kind=kind,
                dedupe_key=kind,
                workspace_id=owner.id,
                details={"job_type": HOSTILE},
            )
            store.dead_letters.add(
                tx,
                [
                    {
                        "workspace_id": owner.id,
                        "source_queue": "bb_ingest_jobs",
                        "job_type": "MATERIALIZE",
                        "payload": {},
                        "error": f"{kind} {HOSTILE}",
                    }
                ],
            )

    response = signed_in(Scope.OPS).get("/operations")

    assert response.status_code == 200
    assert "Open incidents: 1 · Dead letters: 1 · Imports in progress: 1" in text_of(
        response
    )
    due = dict(
        zip(
            texts(response, "//table[@aria-labelledby='queues']//code"),
            texts(response, "//table[@aria-labelledby='queues']//tr/td[1]"),
            strict=True,
        )
    )
    assert due["bb_ingest_jobs"] == "2"
    assert due["bb_import_jobs"] == "1"
    assert due["bb_deadletter_jobs"] == "1"
    assert texts(response, "//table[@aria-labelledby='incidents']//tbody/tr/th") == [
        "ours broke"
    ]
    assert "theirs" not in response.text
    assert not parsed(response).xpath("//script | //img")


def test_operations_show_how_long_stages_take(signed_in, settle):
    settle(message())

    response = signed_in(Scope.OPS).get("/operations")

    latency = texts(response, "//table[@aria-labelledby='latency']//tbody/tr/td[1]")
    assert latency == ["Place", "Judge", "Draft"]


@pytest.mark.parametrize(
    ("path", "status", "heading"),
    [
        ("/inbox/nothing", 404, "Nothing here"),
        ("/inbox/nothing/at/all", 404, "Nothing here"),
        ("/inbox/?tab=lost", 400, "That did not work"),
        ("/inbox/?cursor=nonsense", 400, "That did not work"),
        (
            "/inbox/019a9f00-0000-7000-8000-000000000000?cursor=é",
            400,
            "That did not work",
        ),
    ],
)
def test_what_goes_wrong_is_said_on_a_page(signed_in, path, status, heading):
    response = signed_in().get(path)

    assert response.status_code == status
    assert response.content_type == "text/html; charset=utf-8"
    assert texts(response, "//h1") == [heading]


def test_a_database_that_is_away_is_said_on_a_page(runtime, signed_in):
    away = client_of(replace(runtime, database=Database(NOBODY_LISTENS)))

    response = get_with_cookie(away, "/inbox/", signed_in().cookie)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert texts(response, "//h1") == ["Back in a moment"]


def test_a_fault_of_ours_says_its_number_and_no_more(runtime, signed_in, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("secret123")

    monkeypatch.setattr(pages, "overview", fail)

    response = signed_in().get("/operations")

    assert response.status_code == 500
    assert response.headers["X-Request-Id"] in text_of(response)
    assert "secret123" not in response.text


def test_the_api_keeps_its_problems(client):
    response = client.get("/api/v1/conversations")

    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/inbox", "/inbox/", "/inbox/{id}", "/inbox/{id}/why", "/operations"]
)
def test_a_page_loads_only_our_files_and_runs_nothing(signed_in, settle, browser, path):
    path = path.format(id=settle(message()))
    reader = browser if path == "/inbox" else signed_in()

    response = reader.get(path)

    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; ")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Frame-Options"] == "DENY"
    page = parsed(response)
    assert not page.xpath("//script | //style | //@style | //iframe | //object")
    assert not [
        name for one in page.iter() for name in one.attrib if str(name).startswith("on")
    ]
    for address in page.xpath("//@href | //@src | //@action"):
        assert address.startswith(("/", "#"))
        assert not address.startswith("//")
    for address in page.xpath("//link/@href"):
        with reader.get(address) as file:
            assert file.status_code == 200


@pytest.mark.parametrize(
    "path", ["/inbox", "/inbox/", "/inbox/{id}", "/inbox/{id}/why", "/operations"]
)
def test_a_page_can_be_found_ones_way_around_by_ear(signed_in, settle, browser, path):
    path = path.format(id=settle(message()))
    reader = browser if path == "/inbox" else signed_in()

    page = parsed(reader.get(path))

    assert len(page.xpath("//main")) == len(page.xpath("//h1")) == 1
    assert page.xpath("//a[@class='skip'][@href='#main']")
    assert all(nav.get("aria-label") for nav in page.xpath("//nav"))
    labelled = set(page.xpath("//label/@for"))
    for field in page.xpath("//input[not(@type='hidden')]"):
        assert field.get("id") in labelled
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    for named in page.xpath("//@aria-labelledby | //@aria-describedby"):
        assert set(named.split()) <= set(ids)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-90), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "yesterday"),
        (timedelta(days=2), "2 days ago"),
        (timedelta(days=6, hours=23), "6 days ago"),
    ],
    ids=str,
)
def test_an_age_is_said_as_people_say_it(age, words):
    assert ago(datetime.now(UTC) - age - timedelta(milliseconds=1)) == words


def test_what_is_long_ago_is_said_by_its_day():
    now = datetime.now(UTC)

    assert ago(now - timedelta(days=400)).endswith(
        str((now - timedelta(days=400)).year)
    )
    assert exact(START + timedelta(minutes=5)) == "Monday 2 Nov 2026, 09:05 UTC"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.072, "72 ms"),
        (1.26, "1.3 s"),
        (90, "2 min"),
        (7200, "2 h"),
        (259200, "3 days"),
    ],
)
def test_a_duration_is_as_precise_as_is_worth_reading(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"), [(999, "999 bytes"), (1000, "1 kB"), (2_500_000, "2.5 MB")]
)
def test_a_size_is_said_in_the_unit_that_fits(number, words):
    assert size(number) == words


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("السلام عليكم", "ar"),
        ("سلام، لطفا پاسخ دهید که چگونه", ""),
        ("レンタサイクルの予約", "ja"),
        ("안녕하세요", "ko"),
        ("你好，我想租车", "zh"),
        ("שלום לכם", "he"),
        ("Καλημέρα σας", "el"),
        ("สวัสดีครับ", "th"),
        ("Good morning", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_script_tells_the_language_where_only_one_is_written_in_it(written, name):
    assert language(written) == name


def test_a_name_is_one_plain_line():
    assert plain(" A\u202enna\n\tBerg\x00 ") == "Anna Berg"
    assert plain(None) == ""


def test_of_an_endless_text_the_beginning_is_shown():
    whole = "word " * 20_000

    part = shown(whole)

    assert len(part.visible) <= 50_000
    assert part.left_out == len(whole.strip()) - 50_000
    assert shown("short").left_out == 0


def changes(runtime):
    """Who changed conversations, and how."""
    with runtime.system_transaction() as tx:
        found = tx.session.execute(
            text(
                "SELECT actor, details FROM audit_log"
                " WHERE action = 'conversation.change' ORDER BY id"
            )
        )
        return [tuple(row) for row in found]


def rows_of_conversations(runtime, workspace):
    with runtime.transaction(workspace.id) as tx:
        found = store.conversations.newest_first(tx, limit=10)
        return [(one.id, one.last_message_at) for one in found]
