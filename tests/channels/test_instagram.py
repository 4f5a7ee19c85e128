"""Where Instagram differs from Messenger."""

from datetime import UTC, datetime

import pytest

from app.channels.adapters.instagram import InstagramAdapter
from app.channels.base import Account
from app.config import Settings
from app.domain.unified_message import Direction, MessageKind, Participant
from app.errors import PermanentError
from tests.channels.meta import payload, request

OURS, IGSID = "17841400000000001", "9100000000000042"
ADAPTER = InstagramAdapter.from_settings(Settings())
SINCE = datetime(2026, 9, 1, tzinfo=UTC)


def test_people_are_known_by_the_id_that_this_account_knows(messages):
    assert messages[0].sender == Participant(kind="igsid", value=IGSID)
    assert messages[0].recipients[0].kind == "instagram_account"
    assert messages[0].external_thread_id == IGSID


def test_an_echo_comes_among_the_messages(messages):
    assert messages[1].direction is Direction.OUTBOUND
    assert messages[1].metadata == {"echo": True}
    assert messages[1].external_thread_id == IGSID


def test_a_read_receipt_names_the_message(messages):
    read = messages[2]

    assert (read.kind, read.target_id) == (MessageKind.STATUS, "aWdfbWlkOjI")
    assert read.external_id == "aWdfbWlkOjI:status:read"
    assert read.metadata["status"] == "read"


def test_an_unsent_message_is_a_deletion(messages):
    unsent = messages[3]

    assert (unsent.kind, unsent.target_id) == (MessageKind.DELETE, "aWdfbWlkOjE")
    assert unsent.external_id == "aWdfbWlkOjE:delete"
    assert unsent.body_text is None


@pytest.mark.shows("A10")
@pytest.mark.parametrize(
    ("position", "words"),
    [
        (4, "unsupported message: not shown to programs"),
        (7, "unsupported message: attachment hologram"),
    ],
)
def test_what_cannot_be_shown_is_kept_under_its_id(messages, position, words):
    message = messages[position]

    assert (message.kind, message.body_text) == (MessageKind.UNSUPPORTED, words)
    assert message.external_id.startswith("aWdfbWlkOj")


@pytest.mark.shows("F9")
@pytest.mark.parametrize(
    ("position", "sort", "words", "files"),
    [
        (0, "story_reply", "Still available?", 0),
        (5, "story_mention", "Mentioned us in a story", 1),
        (6, "ig_reel", "Shared a reel: New shoes https://insta.example/reel/5", 0),
    ],
)
def test_stories_and_reels_have_words_and_their_fields(
    messages, position, sort, words, files
):
    message = messages[position]

    assert (message.kind, message.body_text) == (MessageKind.TEXT, words)
    assert list(message.metadata["structured"]) == [sort]
    assert len(message.attachments) == files


def test_the_test_button_of_the_dashboard_is_read_as_well():
    [delivery] = ADAPTER.receive(request(payload("instagram_test_button")))

    message, comment = (item.message for item in delivery.items)
    assert delivery.account == OURS
    assert (message.external_id, message.body_text) == ("random_mid", "random_text")
    assert message.sent_at == datetime(2026, 9, 3, 8, 15, 30, tzinfo=UTC)
    assert comment.body_text == "unsupported message: comments"


def test_conversations_hang_on_the_page_and_people_have_usernames(server):
    account = connected({"page_id": "10600000000001"})
    server.answer({"data": [{"id": "t_1", "updated_time": "2026-09-03T08:15:30+0000"}]})
    server.answer({"messages": {"data": [row()]}})

    [item] = changes(server, account).items

    assert server.requests[0].path == "/v25.0/10600000000001/conversations"
    assert server.requests[0].query["platform"] == "instagram"
    assert item.message.sender == Participant(kind="igsid", value=IGSID, name="anna_b")
    assert item.message.direction is Direction.INBOUND


def test_an_account_of_instagram_login_is_asked_elsewhere(server):
    server.answer({"data": []})

    changes(server, connected({"login": "instagram"}), name="META_INSTAGRAM_API_URL")

    assert server.requests[0].path == f"/v25.0/{OURS}/conversations"


def test_a_login_that_nobody_knows_is_said(server):
    with pytest.raises(PermanentError, match="login"):
        changes(server, connected({"login": "myspace"}))


def row():
    return {
        "id": "aWdfbWlkOjE",
        "created_time": "2026-09-03T08:15:30+0000",
        "from": {"id": IGSID, "username": "anna_b"},
        "to": {"data": [{"id": OURS, "username": "the_shop"}]},
        "message": "Still available?",
    }


def connected(settings):
    return Account("c1", frozenset(), {"access_token": "t"}, settings, external_id=OURS)


def changes(server, account, *, name="META_GRAPH_API_URL"):
    adapter = InstagramAdapter.from_settings(
        Settings.model_validate({name: server.url})
    )
    return adapter.fetch_changes(
        account, cursor=None, since=SINCE, limit=100, known=lambda ids: {}
    )


@pytest.fixture
def messages():
    """The messages of the events, none of them broken."""
    [delivery] = ADAPTER.receive(request(payload("instagram_events")))
    assert [item.error for item in delivery.items if item.error] == []
    return [item.message for item in delivery.items]
