"""What all adapters keep to that send: one request, and an error that says what may follow."""

import socket

import pytest

from app.channels.registry import Adapters
from app.channels.sending import Sender
from app.config import Settings
from app.errors import (
    AuthError,
    BizzyBeeError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryableError,
)
from tests.channels.senders import CASES, TEXT, TOKEN, TRIED_AT, send, sender_at

#: Speaks SMTP.
NOT_BY_HTTP = {"imap"}
#: Statuses bring our id back, or nothing does.
CANNOT_LOOK = {"whatsapp", "telegram"}


@pytest.fixture(params=sorted(CASES))
def provider(request):
    return request.param


def test_every_adapter_that_sends_is_held_to_this():
    adapters = Adapters(Settings())

    found = {name for name, one in adapters.items() if isinstance(one, Sender)}

    assert found == set(CASES) | NOT_BY_HTTP
    assert "twilio-voice" not in found


def test_a_message_goes_out_with_one_request(server, provider):
    server.answer(CASES[provider].taken, status=201)

    sent = send(provider, server.url)

    assert sent == CASES[provider].sent
    [asked] = server.requests
    assert (asked.method, asked.path) == ("POST", CASES[provider].path)
    assert TEXT in str(asked.body)


def test_where_nobody_listens_the_message_did_not_leave(provider):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        raised = failure(provider, url)

    assert type(raised) is RetryableError


@pytest.mark.shows("I1")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"drop": True}, id="hung up"),
        pytest.param({"content": {"id": 1}, "cut": True}, id="cut off"),
        pytest.param({"content": b"<html>welcome"}, id="taken, in no words"),
        pytest.param({"content": b"<html>", "status": 500}, id="server error"),
        pytest.param({"content": b"", "status": 502}, id="bad gateway"),
        pytest.param({"content": {}, "status": 503}, id="unavailable"),
        pytest.param({"content": None, "status": 504}, id="gateway timeout"),
    ],
)
def test_a_message_that_may_have_been_taken_is_not_sent_again(server, provider, answer):
    server.answer(**answer)

    raised = failure(provider, server.url)

    assert type(raised) is OutcomeUnknown
    assert len(server.requests) == 1


@pytest.mark.shows("I4")
@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        pytest.param(400, {}, PermanentError, id="refused"),
        pytest.param(401, {}, AuthError, id="credentials"),
        pytest.param(408, {}, RetryableError, id="not read"),
        pytest.param(413, {}, PermanentError, id="too large"),
        pytest.param(429, {"Retry-After": "7"}, RateLimited, id="too many"),
        pytest.param(302, {"Location": "/"}, RetryableError, id="a page in the way"),
    ],
)
def test_without_a_code_the_status_says_what_follows(
    server, provider, status, headers, error
):
    server.answer(b"<html>", status=status, headers=headers)

    raised = failure(provider, server.url)

    assert type(raised) is error
    if error is RateLimited:
        assert raised.retry_after == 7.0
    assert len(server.requests) == 1


def test_errors_say_nothing_secret_or_personal(server, provider):
    words = f"{TOKEN} anna@example.com +46700000001 {TEXT}"
    server.answer({"message": words, "error": {"message": words}}, status=400)

    told = str(failure(provider, server.url))

    to = CASES[provider].outgoing.to
    for private in (TOKEN, TEXT, to.value, str(to.name)):
        assert private not in told


def test_an_account_without_credentials_asks_for_a_person(server, provider):
    case = CASES[provider]
    bare = type(case.account)("c1", case.account.addresses, {}, external_id="3")

    with pytest.raises(AuthError):
        sender_at(provider, server.url).send(bare, case.outgoing)

    assert server.requests == []


def test_who_cannot_look_for_a_message_says_so(server, provider):
    sender, case = sender_at(provider, server.url), CASES[provider]

    if not sender.can_find:
        with pytest.raises(NotImplementedError):
            sender.find_sent(case.account, case.outgoing, since=TRIED_AT)
    assert sender.can_find == (provider not in CANNOT_LOOK)


@pytest.mark.shows("I4")
@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.parametrize("provider", sorted(set(CASES) - CANNOT_LOOK))
def test_a_search_that_fails_is_repeated_later(server, provider, status):
    sender, case = sender_at(provider, server.url), CASES[provider]
    server.answer({}, status=status)

    with pytest.raises(RetryableError):
        sender.find_sent(case.account, case.outgoing, since=TRIED_AT)


def failure(provider: str, url: str) -> BizzyBeeError:
    """What a message ends with."""
    with pytest.raises(BizzyBeeError) as raised:
        send(provider, url)
    return raised.value
