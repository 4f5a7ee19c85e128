"""What Twilio is asked for, what its codes mean, and how a message is found again."""

from dataclasses import replace

import pytest

from app.channels.sending import Address, Sent
from app.channels.twilio.send_errors import CODES
from app.errors import (
    AuthError,
    BizzyBeeError,
    OptedOut,
    PermanentError,
    RateLimited,
    RetryableError,
    Undeliverable,
    WindowClosed,
)
from tests.channels.senders import CASES, TEXT, TRIED_AT, send, sender_at

CASE = CASES["twilio-sms"]
AFTER, BEFORE = "Thu, 03 Sep 2026 08:15:31 +0000", "Thu, 03 Sep 2026 08:00:00 +0000"


def test_a_text_goes_from_the_number_that_they_wrote_to(server):
    server.answer(CASE.taken, status=201)
    account = replace(
        CASE.account, addresses=frozenset({"+46850000001", "+46850000002"})
    )
    outgoing = replace(CASE.outgoing, thread_id="+46850000002:+46700000001")

    sender_at("twilio-sms", server.url).send(account, outgoing)

    assert server.requests[0].body == {
        "To": "+46700000001",
        "From": "+46850000002",
        "Body": TEXT,
    }


def test_twilio_is_told_where_to_report(server):
    server.answer(CASE.taken, status=201)
    sender = sender_at("twilio-sms", server.url, BB_PUBLIC_URL="https://bee.example")

    sender.send(CASE.account, CASE.outgoing)

    callback = server.requests[0].body["StatusCallback"]
    assert callback == "https://bee.example/webhooks/twilio-sms/c1"


@pytest.mark.parametrize(
    ("settings", "sender"),
    [
        (
            {"messaging_service_sid": "MG1", "from": "+1"},
            {"MessagingServiceSid": "MG1"},
        ),
        ({"from": "Bikes"}, {"From": "Bikes"}),
    ],
)
def test_the_owner_may_choose_who_sends(server, settings, sender):
    server.answer(CASE.taken, status=201)
    account = replace(CASE.account, settings=settings)

    sender_at("twilio-sms", server.url).send(account, CASE.outgoing)

    body = server.requests[0].body
    assert {name: body[name] for name in body if name not in {"To", "Body"}} == sender


def test_with_several_numbers_and_no_hint_nothing_is_sent(server):
    account = replace(CASE.account, addresses=frozenset({"+461", "+462"}))

    with pytest.raises(PermanentError, match="messaging_service_sid"):
        sender_at("twilio-sms", server.url).send(account, CASE.outgoing)

    assert server.requests == []


@pytest.mark.parametrize(
    ("to", "metadata"),
    [
        pytest.param(
            Address("phone", "+46700000001"), {"via": "whatsapp"}, id="by its place"
        ),
        pytest.param(
            Address("phone", "whatsapp:+46700000001"), {}, id="by the address"
        ),
    ],
)
def test_whoever_wrote_by_whatsapp_is_answered_there(server, to, metadata):
    server.answer(CASE.taken, status=201)

    send("twilio-sms", server.url, to=to, metadata=metadata)

    body = server.requests[0].body
    assert body["To"] == "whatsapp:+46700000001"
    assert body["From"] == "whatsapp:+46850000001"


@pytest.mark.shows("I4")
@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (20003, 401, AuthError),
        (20429, 429, RateLimited),
        (21211, 400, Undeliverable),
        (21614, 400, Undeliverable),
        (21408, 403, PermanentError),
        (21608, 400, PermanentError),
        (21612, 400, PermanentError),
        (21610, 400, OptedOut),
        (14107, 400, PermanentError),
        (30001, 400, RetryableError),
        (30003, 400, Undeliverable),
        (30007, 400, PermanentError),
        (63016, 400, WindowClosed),
        (63018, 429, RateLimited),
        (12345, 400, PermanentError),
        (12345, 401, AuthError),
    ],
)
def test_a_code_says_what_follows(server, code, status, error):
    server.answer({"code": code, "message": "no", "status": status}, status=status)

    with pytest.raises(BizzyBeeError) as raised:
        send("twilio-sms", server.url)

    assert type(raised.value) is error
    assert f"code {code}" in str(raised.value)
    assert len(server.requests) == 1


def test_every_fault_says_what_it_means():
    assert all(len(fault.meaning) > 15 for fault in CODES.values())


@pytest.mark.shows("I1")
def test_a_message_is_found_among_what_went_to_the_number(server):
    following = "/2010-04-01/Accounts/AC1/Messages.json?PageToken=2"
    server.answer(page(row("SM8", "Other"), next_page_uri=following))
    server.answer(
        page(
            row("SM7", TEXT, direction="inbound"),
            row("SM6", f"Sent from your Twilio trial account - {TEXT}"),
        )
    )

    assert find(server) == Sent("SM6", CASE.outgoing.thread_id)

    first, second = server.requests
    assert first.query == {"To": "+46700000001", "PageSize": "100"}
    assert second.query == {"PageToken": "2"}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"messages": []}, id="nothing"),
        pytest.param(
            {"messages": [{"date_created": BEFORE, "body": TEXT, "sid": "SM1"}]},
            id="older",
        ),
        pytest.param(
            {"messages": [], "next_page_uri": "https://evil.example/x"},
            id="a page of somebody else",
        ),
    ],
)
def test_what_is_not_there_is_not_found(server, answer):
    server.answer(answer)

    assert find(server) is None
    assert len(server.requests) == 1


def find(server):
    sender = sender_at("twilio-sms", server.url)
    return sender.find_sent(CASE.account, CASE.outgoing, since=TRIED_AT)


def row(sid, body, *, direction="outbound-api"):
    told = {"sid": sid, "body": body, "direction": direction, "date_sent": None}
    return told | {"date_created": AFTER}


def page(*rows, next_page_uri=None):
    return {"messages": list(rows), "next_page_uri": next_page_uri}
