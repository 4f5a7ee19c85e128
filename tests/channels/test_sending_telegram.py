"""What Telegram is asked for, and what its words mean."""

import pytest

from app.channels.sending import Address, Sent
from app.domain.text_limit import TextLimit, TextUnit
from app.errors import (
    AuthError,
    BizzyBeeError,
    OptedOut,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    Undeliverable,
    WindowClosed,
)
from tests.channels.senders import CASES, TEXT, send, sender_at


def test_a_text_answers_a_message_that_may_be_gone(server):
    server.answer(CASES["telegram"].taken)

    send("telegram", server.url)

    assert server.requests[0].body == {
        "chat_id": "910",
        "text": TEXT,
        "reply_parameters": {"message_id": 7, "allow_sending_without_reply": True},
    }


def test_in_a_group_the_answer_stands_in_its_topic(server):
    chat = {"id": -100, "type": "supergroup"}
    answered = {"message_id": 8, "chat": chat, "message_thread_id": 5}
    server.answer({"ok": True, "result": answered | {"is_topic_message": True}})

    sent = send(
        "telegram",
        server.url,
        to=Address("telegram_user", "910"),
        thread_id="-100:5",
        reply_to="-100:7",
        metadata={"chat_id": "-100", "message_thread_id": "5"},
    )

    body = server.requests[0].body
    assert (body["chat_id"], body["message_thread_id"]) == ("-100", 5)
    assert sent == Sent("-100:8", "-100:5")


def test_the_number_of_answers_to_a_message_is_no_topic(server):
    server.answer(CASES["telegram"].taken)

    send(
        "telegram",
        server.url,
        thread_id="-100",
        metadata={"chat_id": "-100", "message_thread_id": "5"},
    )

    assert "message_thread_id" not in server.requests[0].body


def test_a_topic_of_direct_messages_is_named_as_one(server):
    server.answer(CASES["telegram"].taken)

    send("telegram", server.url, thread_id="-100:31", metadata={"chat_id": "-100"})

    assert server.requests[0].body["direct_messages_topic_id"] == 31


def test_for_a_business_account_the_bot_writes_in_its_name(server):
    result = {"message_id": 8, "chat": {"id": 910}, "business_connection_id": "bc1"}
    server.answer({"ok": True, "result": result})

    sent = send(
        "telegram",
        server.url,
        thread_id="bc1:910",
        reply_to="bc1:910:7",
        metadata={"chat_id": "910", "business_connection_id": "bc1"},
    )

    body = server.requests[0].body
    assert body["business_connection_id"] == "bc1"
    assert body["reply_parameters"]["message_id"] == 7
    assert "message_thread_id" not in body
    assert sent == Sent("bc1:910:8", "bc1:910")


@pytest.mark.shows("I4")
@pytest.mark.parametrize(
    ("status", "words", "error"),
    [
        (400, "Bad Request: chat not found", Undeliverable),
        (400, "Bad Request: message is too long", PermanentError),
        (400, "Bad Request: can't parse entities", PermanentError),
        (400, "Bad Request: group chat was upgraded to a supergroup", Undeliverable),
        (400, "Bad Request: BUSINESS_PEER_USAGE_MISSING", WindowClosed),
        (400, "Bad Request: message thread not found", Undeliverable),
        (401, "Unauthorized", AuthError),
        (404, "Not Found", AuthError),
        (403, "Forbidden: bot was blocked by the user", OptedOut),
        (403, "Forbidden: user is deactivated", Undeliverable),
        (403, "Forbidden: bot was kicked from the group chat", Undeliverable),
        (403, "Forbidden: something new", Undeliverable),
        (500, "Internal Server Error: bot was blocked by the user", OutcomeUnknown),
    ],
)
def test_the_words_say_what_follows(server, status, words, error):
    server.answer({"ok": False, "description": words}, status=status)

    assert type(failure(server)) is error


@pytest.mark.shows("I4")
def test_telegram_says_how_long_to_wait(server):
    told = {"ok": False, "parameters": {"retry_after": 17}}
    server.answer(told, status=429)

    raised = failure(server)

    assert type(raised) is RateLimited
    assert raised.retry_after == 17.0


@pytest.mark.shows("I1")
def test_an_answer_that_says_neither_proves_nothing(server):
    server.answer({"result": {}})

    assert type(failure(server)) is OutcomeUnknown


def test_the_token_is_in_no_error(server):
    server.answer({"ok": False}, status=400)

    assert "/bot" not in str(failure(server))


def test_a_text_is_counted_as_telegram_does(server):
    sender = sender_at("telegram", server.url)

    assert sender.text_limit == TextLimit(4096, TextUnit.UTF16)
    assert sender.window is None


def failure(server):
    with pytest.raises(BizzyBeeError) as raised:
        send("telegram", server.url)
    return raised.value
