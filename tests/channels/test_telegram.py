from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.channels.adapters.telegram import TelegramAdapter
from app.channels.budget import Budget
from app.channels.download import Downloads
from app.channels.webhook import NoSecret
from app.domain.unified_message import (
    Attachment,
    Direction,
    MessageKind,
    Participant,
    Recipient,
)
from app.errors import (
    AccessDenied,
    AuthError,
    Gone,
    InvalidPayload,
    RateLimited,
    Refused,
)
from tests.channels.webhooks import (
    account,
    items_of,
    message_of,
    payload,
    request_of,
    told,
)

ANNA = Participant(kind="telegram_user", value="5500000001", name="Anna Berg")
TOKEN = "4400000001:AAE-secret_token"
HEADER = "x-telegram-bot-api-secret-token"


def telegram(url="https://api.telegram.org", **fields):
    return TelegramAdapter(
        url,
        budget=Budget(None, per_second=1),
        downloads=Downloads(max_bytes=1000),
        **({"max_bytes": 1000} | fields),
    )


def read(name):
    return message_of(telegram(), payload(f"telegram/{name}.json"))


def test_a_message_is_read_with_who_where_and_what_it_answers():
    message = read("text")

    # Message ids are unique within one chat only.
    assert message.external_id == "5500000001:55"
    assert message.external_thread_id == "5500000001"
    assert message.direction is Direction.INBOUND
    assert (message.sender, message.recipients) == (ANNA, [])
    assert message.kind is MessageKind.TEXT
    assert message.body_text == "Hej, var är mitt paket?"
    assert message.in_reply_to == "5500000001:52"
    assert message.sent_at == datetime(2026, 9, 3, 8, 15, 30, tzinfo=UTC)


@pytest.mark.shows("F4")
def test_an_edit_is_about_its_message_and_every_edit_is_one_of_its_own():
    first = read("edit")
    update = told("telegram/edit.json") | {"update_id": 771000099}
    second = message_of(telegram(), update)  # in the same second

    assert first.kind is MessageKind.EDIT
    assert first.target_id == second.target_id == "5500000001:55"
    assert first.external_id == "5500000001:55:edit:771000002"
    assert second.external_id == "5500000001:55:edit:771000099"
    assert first.body_text == "Hej, var är paketet 1042?"


@pytest.mark.shows("F14")
def test_a_picture_with_its_caption_is_one_message_with_the_largest_size():
    message = read("photo")

    assert message.kind is MessageKind.MEDIA
    assert message.body_text == "This spoke is broken"
    assert message.attachments == [
        Attachment(
            content_type="image/jpeg",
            size=120000,
            url="https://api.telegram.org/file_id/AgAClarge-_1",
        )
    ]
    assert message.metadata["media_group_id"] == "13579"


def test_an_animation_is_one_file_though_it_comes_as_a_document_too():
    assert [file.name for file in read("animation").attachments] == ["wheel.mp4"]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("venue", "Place: The Shop, Main street 1", "venue"),
        ("location", "Live location: 59.334591, 18.063240", "location"),
        ("own_contact", "Contact: Anna, +46700000001", "contact"),
        ("poll", "Poll: Which colour?\n- Red\n- Blue", "poll"),
        ("dice", "🎲 4", "dice"),
        ("sticker", "Sticker 👍", "sticker"),
    ],
)
@pytest.mark.shows("F9")
def test_what_has_a_structure_is_readable_and_structured(name, text, kind):
    message = read(name)

    assert message.body_text == text
    assert message.metadata["structured"]["type"] == kind


def test_only_their_own_contact_makes_a_number_theirs():
    own = told("telegram/own_contact.json")
    foreign = told("telegram/own_contact.json")
    foreign["message"]["contact"]["user_id"] = 6
    passed_on = told("telegram/own_contact.json")
    passed_on["message"]["forward_origin"] = {"type": "hidden_user", "date": 1}

    found = [
        message_of(telegram(), update).metadata.get("identities")
        for update in (own, foreign, passed_on)
    ]

    assert found == [[{"kind": "phone", "value": "+46700000001"}], None, None]


@pytest.mark.shows("F3")
def test_a_reaction_is_about_its_message_and_tells_all_that_stands_there():
    added, removed = read("reaction"), read("reaction_removed")

    assert {added.kind, removed.kind} == {MessageKind.REACTION}
    assert {added.target_id, removed.target_id} == {"5500000001:52"}
    assert added.metadata["reaction"] == {"emoji": "❤", "emojis": ["👍", "❤"]}
    assert removed.metadata["reaction"] == {"emoji": None, "emojis": []}
    assert added.external_id == "5500000001:52:reaction:5500000001:771000012"


@pytest.mark.shows("F9")
def test_a_pressed_button_is_an_answer_in_the_words_that_stood_on_it():
    message = read("button")

    assert (message.kind, message.body_text) == (MessageKind.TEXT, "Medium")
    assert message.target_id == "5500000001:52"
    assert message.metadata["structured"]["data"] == "size:m"


@pytest.mark.shows("F10")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("migrated_to", {"migrated_to": "-1002000000008"}),
        ("migrated_from", {"migrated_from": "-4000000001"}),
        ("joined", {"service": "new_chat_members"}),
        ("blocked", {"blocked": True}),
        ("channel_post", {"service": "channel_post"}),
    ],
)
def test_what_happens_in_a_chat_is_an_event_that_opens_no_conversation(name, expected):
    message = read(name)

    assert message.kind is MessageKind.EVENT
    assert message.metadata["no_conversation"] is True
    assert message.metadata.items() >= expected.items()


@pytest.mark.shows("F10")
def test_both_halves_of_a_migration_name_the_thread_of_the_other():
    left, arrived = read("migrated_to"), read("migrated_from")

    assert left.metadata["migrated_to"] == arrived.external_thread_id
    assert arrived.metadata["migrated_from"] == left.external_thread_id


def test_a_topic_is_a_thread_of_its_own_and_does_not_answer_its_beginning():
    message = read("topic")

    assert message.external_thread_id == "-1002000000007:12"
    assert message.in_reply_to is None
    assert message.sender == ANNA
    assert message.recipients == [
        Recipient(
            kind="telegram_chat",
            value="-1002000000007",
            name="Cyclists of the Shop",
            role="to",
        )
    ]


@pytest.mark.shows("F1")
def test_what_the_owner_writes_in_a_business_chat_went_out():
    theirs, ours = read("business"), read("business_owner")

    assert theirs.direction is Direction.INBOUND
    assert "echo" not in theirs.metadata
    assert ours.direction is Direction.OUTBOUND
    assert ours.metadata["echo"] is True
    assert [one.value for one in ours.recipients] == [ANNA.value]
    assert ours.in_reply_to == theirs.external_id == "bc-1:5500000001:5"
    assert ours.external_thread_id == theirs.external_thread_id


def test_a_business_chat_is_not_the_chat_with_the_bot():
    business = told("telegram/business.json")["business_message"]
    direct = {"update_id": 1, "message": business | {"business_connection_id": None}}

    assert message_of(telegram(), direct).external_id == "5500000001:5"


@pytest.mark.shows("A2")
@pytest.mark.shows("F5")
def test_each_deletion_is_one_and_an_unreadable_one_does_not_cost_the_others():
    first, broken, last = items_of(
        telegram(), payload("telegram/business_deleted.json")
    )

    assert first.message.kind is last.message.kind is MessageKind.DELETE
    assert first.message.target_id == "bc-1:5500000001:5"
    assert last.external_id == "bc-1:5500000001:6:delete"
    assert broken.message is None
    assert "which message" in broken.error


def test_of_a_deletion_without_end_so_much_is_read():
    update = told("telegram/business_deleted.json")
    update["deleted_business_messages"]["message_ids"] = list(range(1, 100_000))

    assert len(items_of(telegram(), update)) == 1000


@pytest.mark.shows("A10")
@pytest.mark.parametrize(
    ("name", "named"),
    [("unknown_update", "story_reaction"), ("unknown_content", "hologram")],
)
def test_what_is_new_at_telegram_is_kept_as_unsupported(name, named):
    message = read(name)

    assert message.kind is MessageKind.UNSUPPORTED
    assert named in message.body_text
    assert message.external_thread_id == "5500000001"


@pytest.mark.shows("A10")
@pytest.mark.parametrize(
    "update",
    [
        {"update_id": 1},
        {"update_id": 1, "message": None},
        {"update_id": 1, "message": []},
        {"update_id": 1, "message": {"chat": {"id": True}, "message_id": 1}},
        {"update_id": 1, "message": {"chat": {"id": 1}}},
        {"update_id": 1, "message_reaction": {"chat": {"id": 1}, "message_id": 1}},
        {"update_id": 1, "callback_query": {"id": "1"}},
        {"update_id": 1, "x" * 5000: {}},
        {"update_id": 10**5000 % 10**400, "message": {}},
        {"update_id": 1, "edited_message": {"chat": {"id": "\ud800"}}},
    ],
    ids=range(10),
)
def test_a_malformed_update_is_an_item_and_never_an_error(update):
    for item in items_of(telegram(), update):
        assert (item.message is None) == (item.error is not None)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=8,
)
_FIELDS = """
    message_id date chat from text caption photo video sticker contact location venue poll dice
    reply_to_message entities forward_origin message_thread_id is_topic_message migrate_to_chat_id
    business_connection_id user actor_chat new_reaction old_reaction message data id message_ids
    new_chat_member type title first_name file_id update_id
"""
_part = st.recursive(
    _json,
    lambda inner: st.dictionaries(
        st.sampled_from(_FIELDS.split()), inner, min_size=1, max_size=8
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(
        [
            "message",
            "edited_message",
            "business_message",
            "channel_post",
            "message_reaction",
            "callback_query",
            "my_chat_member",
            "deleted_business_messages",
            "unheard_of",
        ]
    ),
    part=_part,
)
def test_whatever_an_update_holds_it_is_read_or_reported(name, part):
    update = {"update_id": 7, name: part}

    for item in items_of(telegram(), update):
        assert (item.message is None) == (item.error is not None)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000, b"null", b"7"])
def test_a_body_that_is_no_object_cannot_be_read(body):
    with pytest.raises(InvalidPayload):
        telegram().receive(request_of(body))


@pytest.mark.shows("A10")
def test_an_update_nested_beyond_measure_is_reported():
    body = b'{"update_id": 1, "message": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}"

    (item,) = items_of(telegram(), body)

    assert (item.raw, item.message) == ({}, None)


@pytest.mark.shows("A4")
@pytest.mark.parametrize("given", ["", "wrong", "geheim-ü", "Secret"])
def test_only_the_secret_token_of_the_account_is_believed(given):
    bot = account(secret_token="secret")
    good = request_of({}, headers={HEADER: "secret"})

    telegram().verify(good, bot)
    with pytest.raises(AccessDenied):
        telegram().verify(request_of({}, headers={HEADER: given}), bot)


@pytest.mark.shows("A4")
@pytest.mark.parametrize("bot", [None, account(), account(secret_token="")])
def test_without_a_secret_token_nobody_is_believed(bot):
    with pytest.raises(NoSecret):
        telegram().verify(request_of({}, headers={HEADER: ""}), bot)


@pytest.mark.shows("A19")
def test_a_file_is_looked_up_and_fetched_with_the_token_of_the_bot(server):
    server.answer({"ok": True, "result": {"file_path": "photos/file 1.jpg"}})
    server.answer(b"\xff\xd8\xff picture")

    content = telegram(server.url).fetch_attachment(
        account(bot_token=TOKEN), f"{server.url}/file_id/AgAC-_1"
    )

    assert content == b"\xff\xd8\xff picture"
    looked_up, fetched = server.requests
    assert looked_up.path == f"/bot{TOKEN}/getFile"
    assert looked_up.query == {"file_id": "AgAC-_1"}
    assert fetched.path == f"/file/bot{TOKEN}/photos/file%201.jpg"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/file_id/a",
        "{base}/bot1:a/getMe",
        "{base}/file_id/",
        "{base}/file_id/a%2Fb",
        "{base}/file_id/a?b",
    ],
)
def test_no_other_address_gets_the_token(server, url):
    bot = account(bot_token=TOKEN)

    found = telegram(server.url).fetch_attachment(bot, url.format(base=server.url))

    assert (found, server.requests) == (None, [])


@pytest.mark.shows("A19")
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"description": "Bad Request: file is too big"}, Refused),
        (400, {"description": "Bad Request: wrong file_id"}, Gone),
        (401, {"description": "Unauthorized"}, AuthError),
        (404, {"description": "Not Found"}, AuthError),
        (429, {"parameters": {"retry_after": 35}}, RateLimited),
        (429, b"<html>", RateLimited),
    ],
)
def test_what_telegram_refuses_says_what_follows(server, status, body, error):
    server.answer(body, status=status)

    with pytest.raises(error) as raised:
        telegram(server.url).fetch_attachment(
            account(bot_token=TOKEN), f"{server.url}/file_id/a"
        )

    assert TOKEN not in str(raised.value)
    if isinstance(body, dict) and "parameters" in body:
        assert raised.value.retry_after == 35


@pytest.mark.parametrize("token", [None, "", "1", "1:a/../b", "1:a b", 7])
def test_a_token_that_cannot_be_one_is_not_sent(server, token):
    with pytest.raises(AuthError):
        telegram(server.url).fetch_attachment(
            account(bot_token=token), f"{server.url}/file_id/a"
        )

    assert server.requests == []


@pytest.mark.shows("C15")
def test_a_file_that_is_too_large_is_refused(server):
    server.answer({"ok": True, "result": {"file_path": "a"}})
    server.answer(b"x" * 2000)

    with pytest.raises(Refused):
        telegram(server.url).fetch_attachment(
            account(bot_token=TOKEN), f"{server.url}/file_id/a"
        )
