"""What WhatsApp, Messenger and Instagram are asked for, and what their codes mean."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.channels.meta.send_errors import MESSAGING, WHATSAPP
from app.channels.sending import Address
from app.domain.text_limit import TextLimit, TextUnit
from app.errors import (
    AuthError,
    BizzyBeeError,
    OptedOut,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryableError,
    Undeliverable,
    WindowClosed,
)
from tests.channels.senders import CASES, OWN_ID, TEXT, TOKEN, TRIED_AT, send, sender_at

PSID, PAGE = "7300000000000011", "10600000000001"


def test_whatsapp_is_told_whom_what_and_in_answer_to_what(server):
    server.answer(CASES["whatsapp"].taken)

    send("whatsapp", server.url)

    [asked] = server.requests
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.body == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "46700000001",
        "type": "text",
        "text": {"body": TEXT, "preview_url": False},
        "context": {"message_id": "wamid.B10"},
        "biz_opaque_callback_data": str(OWN_ID),
    }


def test_who_shows_no_number_is_written_to_by_their_id(server):
    server.answer(CASES["whatsapp"].taken)

    send(
        "whatsapp",
        server.url,
        to=Address("whatsapp_user", "SE.1349000000000042"),
        reply_to=None,
    )

    body = server.requests[0].body
    assert body["recipient"] == "SE.1349000000000042"
    assert "to" not in body
    assert "context" not in body


@pytest.mark.parametrize("provider", ["messenger", "instagram"])
def test_messages_answer_within_the_window_and_carry_our_id(server, provider):
    server.answer(CASES[provider].taken)

    send(provider, server.url)

    assert server.requests[0].body == {
        "recipient": {"id": PSID},
        "messaging_type": "RESPONSE",
        "message": {"text": TEXT, "metadata": str(OWN_ID)},
    }


def test_an_account_of_instagram_login_is_sent_from_where_it_lives(server):
    server.answer(CASES["instagram"].taken)
    nowhere, case = "http://127.0.0.1:1", CASES["instagram"]
    sender = sender_at("instagram", nowhere, META_INSTAGRAM_API_URL=server.url)

    sender.send(replace(case.account, settings={"login": "instagram"}), case.outgoing)

    assert server.requests[0].path == case.path


@pytest.mark.parametrize(
    ("provider", "limit"),
    [
        ("whatsapp", TextLimit(4096, TextUnit.UTF16)),
        ("messenger", TextLimit(2000, TextUnit.UTF16)),
        ("instagram", TextLimit(1000, TextUnit.BYTES)),
    ],
)
def test_texts_and_times_are_limited(server, provider, limit):
    sender = sender_at(provider, server.url)

    assert sender.text_limit == limit
    assert sender.window == timedelta(hours=24)


@pytest.mark.shows("I4")
@pytest.mark.parametrize(
    ("code", "subcode", "error"),
    [
        pytest.param(1200, None, RetryableError, id="temporary"),
        pytest.param(2, None, RetryableError, id="service"),
        pytest.param(4, None, RateLimited, id="app limit"),
        pytest.param(613, None, RateLimited, id="custom limit"),
        pytest.param(80001, None, RateLimited, id="business limit"),
        pytest.param(10, 2018278, WindowClosed, id="window"),
        pytest.param(10, 1893063, AuthError, id="restricted"),
        pytest.param(10, None, AuthError, id="permission"),
        pytest.param(230, None, AuthError, id="permission of a range"),
        pytest.param(100, 2018001, Undeliverable, id="no matching user"),
        pytest.param(100, None, PermanentError, id="parameter"),
        pytest.param(100, 33, AuthError, id="no such account"),
        pytest.param(190, 463, AuthError, id="token"),
        pytest.param(368, None, AuthError, id="blocked"),
        pytest.param(200, 2018108, OptedOut, id="turned off"),
        pytest.param(200, 1545041, Undeliverable, id="blocked or left"),
        pytest.param(551, None, Undeliverable, id="unavailable"),
        pytest.param(99999, 5, PermanentError, id="unknown"),
    ],
)
@pytest.mark.parametrize("provider", ["messenger", "instagram"])
def test_a_code_says_what_follows(server, provider, code, subcode, error):
    server.answer(refusal(code, subcode), status=400)

    raised = failure(provider, server)

    assert type(raised) is error
    assert f"code {code}" in str(raised)
    assert len(server.requests) == 1


@pytest.mark.shows("I4")
@pytest.mark.parametrize(
    ("code", "error"),
    [
        (130429, RateLimited),
        (131056, RateLimited),
        (80007, RateLimited),
        (133016, RateLimited),
        (131048, AuthError),
        (131047, WindowClosed),
        (131026, Undeliverable),
        (131062, Undeliverable),
        (131050, OptedOut),
        (131049, PermanentError),
        (130472, PermanentError),
        (131051, PermanentError),
        (131000, RetryableError),
        (131016, RetryableError),
        (131057, RetryableError),
        (131008, PermanentError),
        (131021, PermanentError),
        (131030, PermanentError),
        (131031, AuthError),
        (131042, AuthError),
        (132000, PermanentError),
        (132016, PermanentError),
        (0, AuthError),
        (33, AuthError),
        (190, AuthError),
        (299, AuthError),
        (987654, PermanentError),
    ],
)
def test_a_code_of_whatsapp_says_what_follows(server, code, error):
    server.answer(refusal(code), status=400)

    assert type(failure("whatsapp", server)) is error


@pytest.mark.shows("I4")
def test_a_refusal_that_is_known_is_one_also_with_a_status_of_5xx(server):
    server.answer(refusal(131016), status=503)

    assert type(failure("whatsapp", server)) is RetryableError


@pytest.mark.shows("I1")
@pytest.mark.parametrize("code", [1, 2, 4711])
def test_a_fault_of_metas_own_proves_nothing(server, code):
    server.answer(refusal(code), status=500)

    assert type(failure("messenger", server)) is OutcomeUnknown


@pytest.mark.shows("A17")
def test_meta_says_how_long_to_wait(server):
    usage = '{"1":[{"type":"pages","estimated_time_to_regain_access":4}]}'
    server.answer(
        refusal(80001), status=400, headers={"X-Business-Use-Case-Usage": usage}
    )

    assert failure("messenger", server).retry_after == 240.0


@pytest.mark.parametrize("table", [MESSAGING, WHATSAPP], ids=["messaging", "whatsapp"])
def test_every_fault_says_what_it_means(table):
    assert all(len(fault.meaning) > 20 for fault in table.values())


@pytest.mark.shows("I1")
@pytest.mark.parametrize("provider", ["messenger", "instagram"])
def test_a_message_is_found_in_its_conversation(server, provider):
    server.answer({"data": [{"id": "t_1"}]})
    server.answer(
        talk(
            row("m_in", "2026-09-03T08:16:40+0000", "Thanks", ours=False),
            row("m_9", "2026-09-03T08:15:31+0000", TEXT),
            row("m_8", "2026-09-03T07:00:00+0000", TEXT),
        )
    )

    sent = find(provider, server)

    assert (sent.external_id, sent.thread_id) == ("m_9", PSID)
    conversations, messages = server.requests
    assert conversations.path == f"/v25.0/{PAGE}/conversations"
    assert conversations.query["user_id"] == PSID
    assert messages.path == "/v25.0/t_1"


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="nothing"),
        pytest.param([("2026-09-03T07:00:00+0000", TEXT, True)], id="sent before"),
        pytest.param([("2026-09-03T08:15:40+0000", "Other", True)], id="other words"),
        pytest.param([("2026-09-03T08:15:40+0000", TEXT, False)], id="theirs"),
    ],
)
def test_what_is_not_there_is_not_found(server, rows):
    server.answer({"data": [{"id": "t_1"}]})
    server.answer(talk(*(row("m", at, text, ours=ours) for at, text, ours in rows)))

    assert find("messenger", server) is None


def find(provider, server):
    case = CASES[provider]
    sender = sender_at(provider, server.url)
    return sender.find_sent(case.account, case.outgoing, since=TRIED_AT)


def row(mid, moment, text, *, ours=True):
    anna, page = {"id": PSID}, {"id": PAGE}
    return {
        "id": mid,
        "created_time": moment,
        "from": page if ours else anna,
        "to": {"data": [anna if ours else page]},
        "message": text,
    }


def talk(*rows):
    return {"id": "t_1", "messages": {"data": list(rows)}}


def refusal(code, subcode=None):
    return {"error": {"message": "no", "code": code, "error_subcode": subcode}}


def failure(provider, server):
    with pytest.raises(BizzyBeeError) as raised:
        send(provider, server.url)
    return raised.value
