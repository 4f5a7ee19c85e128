"""What Chatwoot is asked for, and how a message is found again."""

import pytest

from app.channels.adapters.chatwoot import ChatwootAdapter
from app.channels.sending import Sent
from app.config import Settings
from app.errors import AuthError, BizzyBeeError, PermanentError, Undeliverable
from tests.channels.senders import CASES, OWN_ID, TEXT, TOKEN, TRIED_AT, send, sender_at
from tests.channels.webhooks import message_of, told

CASE = CASES["chatwoot"]
TRIED = int(TRIED_AT.timestamp())


def test_a_message_is_written_as_an_answer_in_its_conversation(server):
    server.answer(CASE.taken)

    send("chatwoot", server.url)

    [asked] = server.requests
    assert asked.headers["api_access_token"] == TOKEN
    assert asked.body == {
        "content": TEXT,
        "message_type": "outgoing",
        "private": False,
        "content_type": "text",
        "echo_id": str(OWN_ID),
        "content_attributes": {"in_reply_to": 90211},
    }


@pytest.mark.parametrize("thread_id", [None, "", "318/../../3", "x"])
def test_without_a_conversation_nothing_is_sent(server, thread_id):
    with pytest.raises(PermanentError, match="conversation"):
        send("chatwoot", server.url, thread_id=thread_id)

    assert server.requests == []


@pytest.mark.shows("I4")
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthError),
        (403, AuthError),
        (404, Undeliverable),
        (422, PermanentError),
    ],
)
def test_a_status_says_what_follows(server, status, error):
    server.answer({"error": "no"}, status=status)

    with pytest.raises(BizzyBeeError) as raised:
        send("chatwoot", server.url)

    assert type(raised.value) is error


@pytest.mark.shows("I1")
def test_a_message_is_found_in_its_conversation(server):
    theirs = [row(90300 + n, "Hello", message_type=0) for n in range(20)]
    server.answer({"payload": theirs})
    server.answer({"payload": [row(90212, TEXT), row(90213, "Other")]})

    assert find(server) == Sent("90212", "318")

    assert [asked.query for asked in server.requests] == [{}, {"before": "90300"}]


@pytest.mark.shows("I1")
@pytest.mark.parametrize(
    "found",
    [
        pytest.param({"content": "Other"}, id="other words"),
        pytest.param({"private": True}, id="a note"),
        pytest.param({"message_type": 0}, id="theirs"),
        pytest.param({"created_at": TRIED - 600}, id="older"),
        pytest.param({"echo_id": "another"}, id="another of ours"),
    ],
)
def test_what_is_not_there_is_not_found(server, found):
    server.answer({"payload": [row(90212, TEXT) | found]})
    server.answer({"payload": []})

    assert find(server) is None


def test_our_id_is_worth_more_than_the_words(server):
    server.answer({"payload": [row(90212, "*edited*") | {"echo_id": str(OWN_ID)}]})

    assert find(server) == Sent("90212", "318")


@pytest.mark.shows("F2")
def test_an_echo_bears_our_id_where_chatwoot_tells_it():
    event = told("chatwoot/outgoing.json") | {"echo_id": str(OWN_ID)}

    message = message_of(ChatwootAdapter.from_settings(Settings()), event)

    assert message.metadata["own_id"] == str(OWN_ID)


def find(server):
    sender = sender_at("chatwoot", server.url)
    return sender.find_sent(CASE.account, CASE.outgoing, since=TRIED_AT)


def row(number, content, *, message_type=1):
    told = {"id": number, "content": content, "message_type": message_type}
    return told | {"private": False, "created_at": TRIED + 1}
