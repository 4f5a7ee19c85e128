"""What Messenger brings, by webhook and by asking its conversations."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels.adapters.messenger import MessengerAdapter
from app.channels.base import Account, InterruptedByRateLimit
from app.config import Settings
from app.domain.unified_message import (
    Attachment,
    Direction,
    MessageKind,
    Participant,
    Recipient,
)
from app.errors import (
    AuthError,
    Gone,
    InvalidPayload,
    PermanentError,
    RateLimited,
    RetryableError,
)
from tests.channels.meta import payload, request

PAGE, PSID = "10600000000001", "7300000000000011"
ACCOUNT = Account(
    "c1", frozenset(), {"access_token": "tok-1"}, settings={}, external_id=PAGE
)
ADAPTER = MessengerAdapter.from_settings(Settings())
SINCE = datetime(2026, 9, 1, tzinfo=UTC)
NOON = datetime(2026, 9, 3, 12, tzinfo=UTC)


def test_a_message_says_who_when_and_in_answer_to_what(messages):
    message = messages[0]

    assert message.external_id == "m_AbC123"
    assert message.external_thread_id == PSID
    assert message.direction is Direction.INBOUND
    assert message.sender == Participant(kind="psid", value=PSID)
    assert message.recipients == [Recipient(kind="page", value=PAGE)]
    assert message.body_text == "Do you have size 42?"
    assert message.sent_at == datetime(2026, 9, 3, 8, 15, 30, 123_000, tzinfo=UTC)
    assert message.in_reply_to == "m_Zz999"
    assert message.attachments == [
        Attachment(content_type="image/*", url="https://cdn.example/pic.jpg")
    ]
    assert message.metadata == {"handover": {"to": None}}


def test_an_echo_is_outbound_under_the_id_of_the_send(messages):
    echo = messages[1]

    assert (echo.external_id, echo.direction) == ("m_Out1", Direction.OUTBOUND)
    assert echo.sender == Participant(kind="page", value=PAGE)
    assert echo.recipients == [Recipient(kind="psid", value=PSID)]
    assert echo.external_thread_id == PSID
    assert echo.metadata == {
        "echo": True,
        "app_id": "555000111222",
        "own_id": "out:8841",
    }


def test_delivered_and_read_are_known_by_their_watermark(messages):
    delivered, read = messages[2:4]

    assert delivered.external_id == f"delivery:{PSID}:1788423390500"
    assert delivered.target_id == "m_Out1"
    assert read.external_id == f"read:{PSID}:1788423390500"
    assert read.target_id is None
    for one, status in ((delivered, "delivered"), (read, "read")):
        assert (one.kind, one.direction) == (MessageKind.STATUS, Direction.OUTBOUND)
        assert one.external_thread_id == PSID
        assert one.metadata["status"] == status
        assert one.metadata["watermark"] == "2026-09-03T08:16:30.500000+00:00"


def test_a_reaction_is_about_its_target_and_may_be_taken_back(messages):
    put, taken = messages[5:7]

    assert (put.kind, put.target_id) == (MessageKind.REACTION, "m_Out1")
    assert put.external_id == f"m_Out1:reaction:{PSID}:1788423330128"
    assert (put.metadata["emoji"], taken.metadata["emoji"]) == ("❤", None)
    assert put.external_id != taken.external_id


def test_an_edit_is_known_by_its_number(messages):
    edit = messages[7]

    assert (edit.kind, edit.target_id) == (MessageKind.EDIT, "m_AbC123")
    assert edit.external_id == "m_AbC123:edit:1"
    assert edit.body_text == "Do you have size 43?"


@pytest.mark.shows("F9")
@pytest.mark.parametrize(
    ("position", "kind", "sort", "words"),
    [
        (4, MessageKind.TEXT, "postback", "Talk to us"),
        (8, MessageKind.EVENT, "referral", "Came from an ad: Summer sale"),
        (10, MessageKind.TEXT, "fallback", "Shared: A shoe https://shop.example/shoe"),
    ],
)
def test_what_is_more_than_text_has_words_and_its_fields(
    messages, position, kind, sort, words
):
    message = messages[position]

    assert (message.kind, message.body_text) == (kind, words)
    assert list(message.metadata["structured"]) == [sort]
    assert message.attachments == []


def test_a_sticker_that_came_twice_is_one_file(messages):
    assert [one.url for one in messages[9].attachments] == ["https://cdn.example/s.png"]
    assert messages[9].kind is MessageKind.MEDIA


@pytest.mark.shows("F15")
def test_handing_over_is_an_event_and_what_comes_on_standby_is_marked(messages):
    handover, standby = messages[11], messages[13]

    assert handover.kind is MessageKind.EVENT
    assert handover.metadata["event"] == "pass_thread_control"
    assert handover.external_id == f"pass_thread_control:{PSID}:1788423330134"
    assert handover.metadata["handover"] == {"to": "app 1"}
    assert standby.body_text == "Hello?"
    assert standby.metadata == {
        "standby": True,
        "handover": {"to": "another application"},
    }
    assert "standby" not in messages[0].metadata


@pytest.mark.shows("F15")
@pytest.mark.parametrize(
    ("name", "told", "owner"),
    [
        ("pass_thread_control", {"new_owner_app_id": 77}, None),
        ("pass_thread_control", {"new_owner_app_id": "78"}, "app 78"),
        ("take_thread_control", {"previous_owner_app_id": 77}, "another application"),
        ("take_thread_control", {"new_owner_app_id": 77}, None),
    ],
)
def test_a_thread_is_ours_or_the_applications_that_is_named(name, told, owner):
    adapter = MessengerAdapter.from_settings(Settings(META_APP_ID="77"))
    batch = payload("messenger_events")
    element = batch["entry"][0]["messaging"][11]
    element[name] = told
    batch["entry"][0]["messaging"] = [
        {
            key: one
            for key, one in element.items()
            if name == key or "_control" not in key
        }
    ]

    (delivery,) = adapter.receive(request(batch))

    assert delivery.items[0].message.metadata["handover"] == {"to": owner}


@pytest.mark.shows("A10")
def test_an_element_that_nobody_knows_is_kept_as_such(deliveries):
    [delivery] = deliveries(payload("messenger_events"))

    item = delivery.items[12]
    assert item.message.kind is MessageKind.UNSUPPORTED
    assert item.message.body_text == "unsupported message: teleport"
    assert item.message.sender.value == PSID
    assert item.raw["teleport"] == {"to": "Mars"}


@pytest.mark.shows("A2")
@pytest.mark.parametrize(
    "element", [None, 7, [], {"message": {}}, {"reaction": {"action": "react"}}]
)
def test_a_malformed_element_is_alone_with_its_error(deliveries, element):
    batch = payload("messenger_events")
    batch["entry"][0]["messaging"].insert(1, element)

    [delivery] = deliveries(batch)

    assert len(delivery.items) == 15
    assert [at for at, one in enumerate(delivery.items) if one.error] == [1]


def test_pages_of_one_request_are_kept_apart(deliveries):
    batch = payload("messenger_events")
    batch["entry"][1]["id"] = "2"

    found = {one.account: len(one.items) for one in deliveries(batch)}

    assert found == {PAGE: 13, "2": 1}


def test_what_is_meant_for_another_product_is_not_read_as_ours():
    with pytest.raises(InvalidPayload, match="instagram"):
        ADAPTER.receive(request(payload("instagram_events")))


JSON = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["mid", "id", "attachments", "payload", "type", "url"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    name=st.sampled_from(
        ["message", "read", "delivery", "postback", "reaction", "optin", "x"]
    ),
    part=JSON,
    rest=st.dictionaries(st.sampled_from(["sender", "recipient", "timestamp"]), JSON),
    where=st.sampled_from(["messaging", "standby", "changes"]),
)
def test_no_element_whatsoever_is_an_exception(name, part, rest, where):
    entry = {"id": PAGE, where: [rest | {name: part}, part]}

    [found] = ADAPTER.receive(request({"object": "page", "entry": [entry]}))

    assert len(found.items) == 2
    assert all((one.message is None) == (one.error is not None) for one in found.items)


def test_a_first_look_reads_what_has_changed_since(server, changes):
    server.answer(listing(("t_1", NOON), ("t_2", SINCE - timedelta(days=1))))
    server.answer(talk(row("m_2", NOON), row("m_1", SINCE - timedelta(hours=1))))

    found = changes()

    asked, read = server.requests
    assert asked.path == f"/v25.0/{PAGE}/conversations"
    assert asked.query == {
        "platform": "messenger",
        "fields": "id,updated_time",
        "limit": "5",
    }
    assert asked.headers["Authorization"] == "Bearer tok-1"
    assert read.path == "/v25.0/t_1"
    assert [item.external_id for item in found.items] == ["m_2"]
    assert (found.more, found.reset) == (False, None)
    assert found.cursor["until"] == NOON.isoformat()


@pytest.mark.shows("B2")
def test_asked_for_and_called_with_a_message_has_one_id(server, changes, messages):
    told = row("m_AbC123", NOON, message="Do you have size 42?")
    server.answer(listing(("t_1", NOON)))
    server.answer(talk(told))
    server.answer(listing(("t_1", NOON)))
    server.answer(talk(told))

    [polled] = changes().items
    page = fetch(server)

    [imported] = page.items
    pushed = messages[0]
    for one in (polled.message, imported.message):
        assert one.external_id == pushed.external_id
        assert one.external_thread_id == pushed.external_thread_id
        assert one.sender.value == pushed.sender.value
        assert one.body_text == pushed.body_text
    assert polled.raw == told


def test_what_the_page_sent_is_outbound(server, changes):
    server.answer(listing(("t_1", NOON)))
    server.answer(talk(row("m_3", NOON, ours=True)))

    [item] = changes().items

    assert item.message.direction is Direction.OUTBOUND
    assert item.message.external_thread_id == PSID
    assert item.message.recipients == [
        Recipient(kind="psid", value=PSID, name="Anna Berg")
    ]


def test_a_message_between_strangers_is_nobody_s(server, changes):
    told = row("m_3", NOON) | {"to": {"data": [{"id": "99"}]}}
    server.answer(listing(("t_1", NOON)))
    server.answer(talk(told))

    [item] = changes().items

    assert item.message is None
    assert "--address" in item.error


def test_stored_messages_are_left_out(server, changes):
    server.answer(listing(("t_1", NOON)))
    server.answer(talk(row("m_1", NOON), row("m_2", NOON)))

    found = changes(known=lambda ids: dict.fromkeys({"m_1"} & set(ids)))

    assert [item.external_id for item in found.items] == ["m_2"]


def test_a_conversation_that_has_not_changed_is_not_read_again(server, changes):
    server.answer(listing(("t_1", NOON)))
    server.answer(talk(row("m_1", NOON)))
    first = changes()
    later = NOON + timedelta(seconds=5)
    server.answer(listing(("t_2", later), ("t_1", NOON)))
    server.answer(talk(row("m_2", later)))

    second = changes(cursor=first.cursor)

    assert [item.external_id for item in second.items] == ["m_2"]
    assert server.requests[-1].path == "/v25.0/t_2"
    assert second.cursor["until"] == later.isoformat()


@pytest.mark.shows("A12")
def test_what_appears_late_is_still_seen(server, changes):
    server.answer(listing(("t_1", NOON)))
    server.answer(talk(row("m_1", NOON)))
    first = changes()
    late = NOON - timedelta(seconds=30)
    server.answer(listing(("t_1", NOON), ("t_2", late)))
    server.answer(talk(row("m_2", late)))

    second = changes(cursor=first.cursor)

    assert [item.external_id for item in second.items] == ["m_2"]


@pytest.mark.shows("A11")
def test_the_cursor_moves_only_past_what_was_returned(server, changes):
    server.answer(listing(("t_3", NOON), after="A"))
    server.answer(talk(row("m_3", NOON)))
    first = changes()
    earlier = NOON - timedelta(hours=5)
    server.answer(listing(("t_1", earlier)))
    server.answer(talk(row("m_1", earlier)))

    second = changes(cursor=first.cursor)

    assert (first.more, second.more) == (True, False)
    assert first.cursor["until"] == SINCE.isoformat()
    assert second.cursor["until"] == NOON.isoformat()
    assert server.requests[2].query["after"] == "A"
    assert [item.external_id for item in second.items] == ["m_1"]


def test_a_page_with_fewer_rows_or_none_is_not_the_end(server, changes):
    server.answer(listing(after="A"))

    found = changes()

    assert (found.items, found.more, found.cursor["after"]) == ([], True, "A")


def test_the_next_page_is_found_in_its_address_too(server, changes):
    server.answer(
        {"data": [], "paging": {"next": "https://graph.example/x?limit=1&after=B"}}
    )

    assert changes().cursor["after"] == "B"


def test_a_page_that_names_itself_as_the_next_is_no_page(server, changes):
    server.answer(listing(("t_1", NOON), after="A"))

    with pytest.raises(RetryableError, match="same page"):
        changes(cursor={"until": SINCE.isoformat(), "after": "A"})


def test_a_cursor_of_the_provider_that_has_expired_begins_at_the_top(server, changes):
    server.answer(refusal(100), status=400)

    found = changes(cursor={"until": SINCE.isoformat(), "after": "A"})

    assert found.cursor == {"until": SINCE.isoformat()}
    assert (found.items, found.more) == ([], False)
    assert "no longer knows" in found.reset


@pytest.mark.parametrize("cursor", [{}, {"until": 7, "seen": []}, {"until": "x"}])
def test_a_cursor_that_means_nothing_begins_at_the_beginning(server, changes, cursor):
    server.answer(listing())

    assert changes(cursor=cursor).cursor == {"until": SINCE.isoformat()}


@pytest.mark.shows("A17")
def test_what_was_read_before_a_rate_limit_is_kept_and_not_read_again(server, changes):
    server.answer(listing(("t_2", NOON), ("t_1", NOON)))
    server.answer(talk(row("m_2", NOON)))
    server.answer(refusal(613), status=400)

    first = changes()
    server.answer(listing(("t_2", NOON), ("t_1", NOON)))
    server.answer(talk(row("m_1", NOON)))
    second = changes(cursor=first.cursor)

    assert first.more
    assert first.cursor["until"] == SINCE.isoformat()
    assert [item.external_id for item in first.items + second.items] == ["m_2", "m_1"]
    assert server.requests[-1].path == "/v25.0/t_1"


def test_a_rate_limit_at_the_beginning_is_said(server, changes):
    usage = '{"1": [{"type": "pages", "estimated_time_to_regain_access": 4}]}'
    server.answer(
        refusal(80006),
        status=400,
        headers={"X-Business-Use-Case-Usage": usage},
    )

    with pytest.raises(RateLimited) as raised:
        changes()
    assert raised.value.retry_after == 240


@pytest.mark.parametrize(
    ("fault", "status", "expected"),
    [
        ({"code": 4}, 400, RateLimited),
        ({"code": 17}, 400, RateLimited),
        ({"code": 32}, 403, RateLimited),
        ({"code": 613}, 400, RateLimited),
        ({"code": 1}, 500, RetryableError),
        ({"code": 9999, "is_transient": True}, 400, RetryableError),
        ({"code": 190, "error_subcode": 460}, 400, AuthError),
        ({"code": 190, "error_subcode": 463}, 401, AuthError),
        ({"code": 10}, 403, AuthError),
        ({"code": 230}, 400, AuthError),
        ({"code": 368}, 400, AuthError),
        ({"code": 10, "error_subcode": 2018278}, 400, PermanentError),
        ({"code": 803}, 400, Gone),
        ({"code": 100}, 400, PermanentError),
        ({"code": 551}, 400, PermanentError),
        ({"code": 9999}, 500, RetryableError),
        ({}, 401, AuthError),
        ({"code": "4"}, 503, RetryableError),
    ],
)
def test_the_code_says_what_follows(server, changes, fault, status, expected):
    server.answer(
        {"error": {"message": "Anna Berg", "type": "OAuthException", **fault}},
        status=status,
    )

    with pytest.raises(expected) as raised:
        changes()
    assert "Anna" not in str(raised.value)
    assert isinstance(raised.value, AuthError) == (expected is AuthError)


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b'{"error": 7}'])
def test_a_refusal_without_a_code_goes_by_its_status(server, changes, body):
    server.answer(body, status=502)

    with pytest.raises(RetryableError):
        changes()


def test_a_conversation_that_has_gone_keeps_nobody_waiting(server, changes):
    server.answer(listing(("t_3", NOON), ("t_2", NOON), ("t_1", NOON)))
    server.answer(refusal(100, 33), status=400)
    server.answer(refusal(100), status=400)
    server.answer(talk(row("m_1", NOON)))

    found = changes()

    assert [item.external_id for item in found.items] == [None, "m_1"]
    assert "code 100" in found.items[0].error


def test_messages_beyond_what_the_provider_shows_are_counted(server, changes):
    hidden = {"id": "m_old", "created_time": at(NOON)}
    server.answer(listing(("t_1", NOON)))
    server.answer(talk(row("m_1", NOON), hidden))

    found = changes()

    assert (len(found.items), found.missed) == (1, 1)


@pytest.mark.shows("A14")
@pytest.mark.parametrize(
    ("oldest", "stored", "after", "missed"),
    [
        (NOON, set(), "P", 1),
        (NOON, {"m_20"}, "P", 0),
        (SINCE - timedelta(days=1), set(), "P", 0),
        (NOON, set(), None, 0),
    ],
    ids=[
        "all are new",
        "the oldest is stored",
        "the oldest is old",
        "there are no more",
    ],
)
def test_a_gap_behind_what_the_provider_shows_is_counted(
    server, changes, oldest, stored, after, missed
):
    newer = [row(f"m_{number}", NOON) for number in range(1, 20)]
    server.answer(listing(("t_1", NOON)))
    server.answer({"messages": rows(*newer, row("m_20", oldest), after=after)})

    found = changes(known=lambda ids: dict.fromkeys(stored & set(ids)))

    assert found.missed == missed


def test_a_conversation_that_is_handed_out_in_pieces_is_read_to_its_end(
    server, changes
):
    server.answer(listing(("t_1", NOON)))
    server.answer({"messages": rows(row("m_2", NOON), after="P")})
    server.answer(rows(row("m_1", NOON)))

    found = changes()

    assert server.requests[-1].path == "/v25.0/t_1/messages"
    assert server.requests[-1].query["after"] == "P"
    assert [item.external_id for item in found.items] == ["m_2", "m_1"]


def test_files_and_what_polling_is_not_told(server, changes):
    files = [
        {
            "mime_type": "image/jpeg",
            "name": "p.jpg",
            "size": 3,
            "image_data": {"url": "u"},
        },
        {"mime_type": "application/pdf", "file_url": "f"},
    ]
    picture = row("m_1", NOON, message="") | {"attachments": {"data": files}}
    server.answer(listing(("t_1", NOON)))
    server.answer(talk(picture, row("m_2", NOON, message="")))

    first, second = (item.message for item in changes().items)

    assert first.kind is MessageKind.MEDIA
    assert [one.url for one in first.attachments] == ["u", "f"]
    assert second.kind is MessageKind.UNSUPPORTED
    assert second.body_text.startswith("unsupported message")


def test_an_import_walks_page_by_page(server):
    server.answer(listing(("t_2", NOON), after="A"))
    server.answer(talk(row("m_2", NOON)))
    server.answer(listing(("t_1", SINCE)))
    server.answer(talk(row("m_1", SINCE - timedelta(days=900))))

    first = fetch(server)
    last = fetch(server, token=first.next_token)

    assert (first.next_token, last.next_token) == ("A", None)
    assert [item.external_id for item in first.items + last.items] == ["m_2", "m_1"]


def test_an_import_that_is_interrupted_hands_over_what_there_is(server):
    server.answer(listing(("t_2", NOON), ("t_1", NOON)))
    server.answer(talk(row("m_2", NOON)))
    server.answer(refusal(4), status=400)

    with pytest.raises(InterruptedByRateLimit) as raised:
        fetch(server)
    assert [item.external_id for item in raised.value.items] == ["m_2"]


def test_an_account_without_its_id_cannot_be_asked(server):
    nameless = Account("c1", frozenset(), {"access_token": "t"})

    with pytest.raises(PermanentError, match="--account-id"):
        adapter_at(server).fetch_changes(
            nameless, cursor=None, since=SINCE, limit=100, known=lambda ids: {}
        )


def at(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S+0000")


def row(mid, moment, *, message="Where is it?", ours=False):
    anna, page = {"id": PSID, "name": "Anna Berg"}, {"id": PAGE, "name": "The Shop"}
    sender, other = (page, anna) if ours else (anna, page)
    return {
        "id": mid,
        "created_time": at(moment),
        "from": sender,
        "to": {"data": [other]},
        "message": message,
    }


def rows(*found, after=None):
    paging = {"cursors": {"before": "x", "after": after or "end"}}
    if after:
        paging["next"] = f"https://graph.example/next?after={after}"
    return {"data": list(found), "paging": paging}


def listing(*conversations, after=None):
    return rows(
        *({"id": name, "updated_time": at(moment)} for name, moment in conversations),
        after=after,
    )


def talk(*found):
    return {"id": "t", "messages": rows(*found)}


def refusal(code, subcode=None):
    return {"error": {"message": "no", "code": code, "error_subcode": subcode}}


def adapter_at(server):
    settings = Settings.model_validate({"META_GRAPH_API_URL": server.url})
    return MessengerAdapter.from_settings(settings)


def fetch(server, *, token=None):
    return adapter_at(server).fetch_page(
        ACCOUNT, folder="CONVERSATIONS", token=token, limit=100, known=lambda ids: {}
    )


@pytest.fixture
def deliveries():
    """Reads a payload."""
    return lambda content: ADAPTER.receive(request(content))


@pytest.fixture
def messages(deliveries):
    """The messages of the events, none of them broken."""
    items = [
        one for each in deliveries(payload("messenger_events")) for one in each.items
    ]
    assert [item.error for item in items if item.error] == []
    return [item.message for item in items]


@pytest.fixture
def changes(server):
    """Asks what is new."""
    adapter = adapter_at(server)

    def changes(*, cursor=None, known=lambda ids: {}):
        return adapter.fetch_changes(
            ACCOUNT, cursor=cursor, since=SINCE, limit=100, known=known
        )

    return changes
