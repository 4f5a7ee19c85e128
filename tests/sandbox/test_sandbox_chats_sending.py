"""Sending through the providers of chats that the sandbox plays."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.sandbox.chats import ANNA, SID, WAYS

SENDS = "/_control/sends"
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
META = ("whatsapp", "messenger", "instagram")


@pytest.fixture(autouse=True)
def instagram(sandbox):
    """Without an account there is no telling an Instagram account from a page."""
    way = WAYS["instagram"]
    way.connect(sandbox, strangers=True, windows=False)


def sends(sandbox, way):
    return sandbox.get(SENDS, provider=way.product).json()


def told(receiver, count):
    return [each.json for each in receiver.wait_for(count)]


@pytest.fixture
def joined(sandbox, receiver):
    """Connects an account, and lets Anna write so that she may be answered."""

    def join(way, *, hours_ago=0.0, **settings):
        way.connect(sandbox, **settings)
        way.inbound(sandbox, hours_ago=hours_ago)
        sandbox.patch(f"chats/{way.product}/{way.account}", {"callback": receiver.url})

    return join


@every_way
def test_an_account_that_nobody_connected_sends_to_everybody(sandbox, way):
    answer = way.send(sandbox)

    assert answer.status_code == way.status, answer.text
    (send,) = sends(sandbox, way)
    person = "person-1" if way.product == "chatwoot" else ANNA[way.product]
    assert (send["name"], send["to"]) == (way.account, [person])
    assert (send["text"], send["id"]) == ("Yes, in blue.", way.id_of(answer.json()))


@every_way
def test_each_request_that_is_accepted_is_one_send(sandbox, way):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: way.send(sandbox), range(16)))

    assert {answer.status_code for answer in answers} == {way.status}
    assert {way.id_of(answer.json()) for answer in answers} == {
        send["id"] for send in sends(sandbox, way)
    }
    assert len(sends(sandbox, way)) == 16


@every_way
def test_a_text_of_the_longest_length_is_sent_and_a_longer_one_is_not(sandbox, way):
    way.connect(sandbox)
    way.inbound(sandbox)

    longest = way.send(sandbox, "a" * way.longest)
    longer = way.send(sandbox, "a" * (way.longest + 1))
    nothing = way.send(sandbox, "")

    assert longest.status_code == way.status, longest.text
    assert {longer.status_code, nothing.status_code} <= {400, 422}
    assert [len(send["text"]) for send in sends(sandbox, way)] == [way.longest]


@pytest.mark.parametrize(
    ("product", "unit", "fits"),
    [("instagram", "ä", 500), ("telegram", "🙂", 2048), ("whatsapp", "🙂", 4096)],
)
def test_each_provider_counts_in_its_own_way(sandbox, product, unit, fits):
    way = WAYS[product]
    way.connect(sandbox)
    way.inbound(sandbox)

    statuses = [way.send(sandbox, unit * n).status_code for n in (fits, fits + 1)]

    assert statuses == [200, 400]


@every_way
@pytest.mark.parametrize("token", ["sandbox-dead", "foreign"])
def test_without_the_right_token_nothing_is_sent(sandbox, way, token):
    way.connect(sandbox, token="sandbox-right")

    answer = way.send(sandbox, token=token)

    assert answer.status_code == 401
    assert sends(sandbox, way) == []


@every_way
def test_an_account_may_have_a_token_of_its_own(sandbox, way):
    own = f"{way.account}:own" if way.product == "telegram" else "own"
    way.connect(sandbox, token=own)
    way.inbound(sandbox)

    right, wrong = way.send(sandbox, token="own"), way.send(sandbox)

    assert (right.status_code, wrong.status_code) == (way.status, 401)


@pytest.mark.parametrize(
    ("product", "code", "status"),
    [
        ("messenger", 190, 401),
        ("messenger", 551, 400),
        ("whatsapp", 130429, 429),
        ("whatsapp", 131056, 400),
        ("whatsapp", 131000, 500),
        ("telegram", 403, 403),
        ("telegram", 429, 429),
        ("twilio", 21610, 400),
        ("twilio", 20429, 429),
        ("twilio", 30001, 429),
        ("chatwoot", 404, 404),
    ],
)
def test_a_send_can_be_answered_with_any_code_and_is_not_accepted(
    sandbox, product, code, status
):
    way = WAYS[product]
    sandbox.control("faults", {"provider": way.provider, "code": code, "wait": 7})

    answer = way.send(sandbox)

    assert answer.status_code == status
    error = answer.json()
    found = error.get("error")
    found = found["code"] if isinstance(found, dict) else error.get("code")
    if product in ("messenger", "whatsapp", "twilio"):
        assert found == code
    if code == 429:
        assert error["parameters"] == {"retry_after": 7}
    if code == 20429:
        assert answer.headers["Retry-After"] == "7"
    assert sends(sandbox, way) == []
    assert way.send(sandbox).status_code == way.status


def test_a_limit_of_graph_says_how_much_is_used_and_how_long_to_wait(sandbox):
    fault = {"provider": "meta", "code": 4, "wait": 90}
    sandbox.control("faults", fault)

    limited, usual = (WAYS["messenger"].send(sandbox) for _ in range(2))

    assert '"call_count": 100' in limited.headers["X-App-Usage"]
    case = limited.headers["X-Business-Use-Case-Usage"]
    assert '"estimated_time_to_regain_access": 2' in case
    assert '"call_count": 28' in usual.headers["X-App-Usage"]


@every_way
@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        ({"mode": "drop", "served": True}, 1),
        ({"mode": "hang", "served": True}, 1),
        ({"mode": "drop"}, 0),
    ],
    ids=["taken and broken off", "taken and silent", "broken off before"],
)
def test_an_outcome_may_stay_unknown(sandbox, way, fault, accepted):
    sandbox.control("faults", {"provider": way.provider, **fault})
    patience = {"read": 0.5} if fault["mode"] == "hang" else {"read": 5}

    with pytest.raises((requests.ConnectionError, requests.Timeout)):
        request_impatiently(sandbox, way, patience["read"])

    assert len(sends(sandbox, way)) == accepted


def request_impatiently(sandbox, way, seconds):
    post = sandbox.session.post
    sandbox.session.post = lambda *a, **o: post(*a, **(o | {"timeout": seconds}))
    try:
        return way.send(sandbox)
    finally:
        sandbox.session.post = post


@every_way
def test_a_server_error_may_come_before_or_after_the_acceptance(sandbox, way):
    for served in (False, True):
        fault = {"provider": way.provider, "status": 502, "served": served}
        sandbox.control("faults", fault)
        assert way.send(sandbox).status_code == 502
        assert len(sends(sandbox, way)) == served


@pytest.mark.parametrize("product", ["messenger", "instagram"])
def test_a_send_comes_back_as_an_echo_with_its_id_and_metadata(
    sandbox, receiver, joined, product
):
    way = WAYS[product]
    joined(way, statuses=[])

    mid = way.send(sandbox).json()["message_id"]

    (echo,) = told(receiver, 1)
    (element,) = echo["entry"][0]["messaging"]
    assert element["sender"] == {"id": way.account}
    assert element["recipient"] == {"id": ANNA[product]}
    assert element["message"] == {
        "mid": mid,
        "is_echo": True,
        "text": "Yes, in blue.",
        "app_id": 555000111222,
        "metadata": "out:8841",
    }


def test_the_statuses_of_whatsapp_carry_our_own_id_along(sandbox, receiver, joined):
    way = WAYS["whatsapp"]
    joined(way, statuses=["read", "sent", "failed:131026"])

    wamid = way.id_of(way.send(sandbox).json())

    values = [
        each["entry"][0]["changes"][0]["value"]["statuses"][0]
        for each in told(receiver, 3)
    ]
    assert [value["status"] for value in values] == ["read", "sent", "failed"]
    assert {value["id"] for value in values} == {wamid}
    assert {value["biz_opaque_callback_data"] for value in values} == {"out:8841"}
    assert values[2]["errors"][0]["code"] == 131026


def test_the_statuses_of_twilio_go_where_the_send_asked(sandbox, receiver, joined):
    way = WAYS["twilio"]
    joined(way, secret="token", statuses=["delivered", "sent"])

    sid = way.send(sandbox, StatusCallback=f"{receiver.url}?x=1").json()["sid"]

    calls = receiver.wait_for(2)
    forms = [each.body.decode() for each in calls]
    assert "MessageStatus=delivered" in forms[0]
    assert "MessageStatus=sent" in forms[1]
    assert all(f"MessageSid={sid}" in form for form in forms)
    assert all(each.query == {"x": ["1"]} for each in calls)
    assert all("x-twilio-signature" in each.headers for each in calls)


def test_an_answer_through_chatwoot_comes_back_as_an_event(sandbox, receiver, joined):
    way = WAYS["chatwoot"]
    joined(way)

    answer = way.send(sandbox, echo_id="out:8841").json()

    (event,) = told(receiver, 1)
    assert answer["echo_id"] == "out:8841"
    assert (answer["message_type"], event["message_type"]) == (1, "outgoing")
    assert event["id"] == answer["id"]
    assert "echo_id" not in event


@pytest.mark.parametrize("product", ["whatsapp", "messenger", "instagram", "chatwoot"])
def test_an_echo_may_come_before_the_answer(sandbox, receiver, joined, product):
    way = WAYS[product]
    joined(way, told_first=True)
    answer = receiver.answer
    receiver.answer = lambda received: time.sleep(0.2) or answer(received)

    assert way.send(sandbox).status_code == way.status

    assert len(receiver.notifications) >= 1


@pytest.mark.parametrize(
    ("product", "code", "subcode"),
    [("messenger", 10, 2018278), ("instagram", 10, 2534022)],
)
def test_whoever_has_not_written_for_a_day_cannot_be_written_to(
    sandbox, joined, product, code, subcode
):
    way = WAYS[product]
    joined(way, hours_ago=24.1)

    error = way.send(sandbox).json()["error"]

    assert (error["code"], error["error_subcode"]) == (code, subcode)
    assert sends(sandbox, way) == []
    way.inbound(sandbox)
    assert way.send(sandbox).ok


@pytest.mark.parametrize("window_error", ["status", "answer"])
def test_whatsapp_says_later_that_the_window_has_closed_or_at_once(
    sandbox, receiver, joined, window_error
):
    way = WAYS["whatsapp"]
    joined(way, hours_ago=24.1, window_error=window_error)

    answer = way.send(sandbox)

    if window_error == "answer":
        assert answer.json()["error"]["code"] == 131047
        assert sends(sandbox, way) == []
        return
    assert answer.status_code == 200
    (failed,) = told(receiver, 1)
    (status,) = failed["entry"][0]["changes"][0]["value"]["statuses"]
    assert (status["status"], status["errors"][0]["code"]) == ("failed", 131047)
    assert [send["failed"] for send in sends(sandbox, way)] == [131047]


def test_a_template_needs_no_window(sandbox, joined):
    joined(WAYS["whatsapp"], hours_ago=48)
    template = {"name": "order_update", "language": {"code": "sv"}}

    WAYS["whatsapp"].send(sandbox, type="template", template=template)

    assert [send["failed"] for send in sends(sandbox, WAYS["whatsapp"])] == [None]


def test_twilio_says_later_that_the_window_of_whatsapp_has_closed(sandbox, receiver):
    way = WAYS["twilio"]
    way.connect(sandbox)
    sent = {"From": "whatsapp:+46850000001", "StatusCallback": receiver.url}

    answer = way.send(sandbox, person="whatsapp:+46700000001", **sent)

    assert answer.status_code == 201
    (call,) = receiver.wait_for(1)
    assert b"MessageStatus=undelivered" in call.body
    assert b"ErrorCode=63016" in call.body


def test_who_told_twilio_to_stop_is_not_written_to_until_they_start(sandbox):
    way = WAYS["twilio"]
    way.connect(sandbox)

    way.inbound(sandbox, "Stop")
    stopped = way.send(sandbox)
    way.inbound(sandbox, "start")

    assert (stopped.status_code, stopped.json()["code"]) == (400, 21610)
    assert way.send(sandbox).status_code == 201
    assert len(sends(sandbox, way)) == 1


@pytest.mark.parametrize(
    ("product", "code", "status"),
    [("messenger", 551, 400), ("telegram", 403, 403), ("twilio", 21614, 400)],
)
def test_single_people_can_be_out_of_reach(sandbox, product, code, status):
    way = WAYS[product]
    way.connect(sandbox, refuses={ANNA[product]: code})
    way.inbound(sandbox)

    answers = [way.send(sandbox) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [status] * 2
    assert sends(sandbox, way) == []


def test_a_group_that_moved_says_where_it_is_now(sandbox):
    way = WAYS["telegram"]
    way.connect(sandbox, migrated={"-100": -1001})

    moved = way.send(sandbox, person="-100").json()
    new = way.send(sandbox, person="-1001")

    assert moved["parameters"] == {"migrate_to_chat_id": -1001}
    assert new.json()["result"]["chat"]["id"] == -1001


@pytest.mark.parametrize(
    ("product", "changed", "code"),
    [
        ("messenger", {"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE"}, 100),
        ("messenger", {"recipient": {"id": "1"}}, 100),
        ("messenger", {"recipient": {}}, 100),
        ("whatsapp", {"to": None}, 131008),
        ("whatsapp", {"to": "nobody"}, 131009),
        ("whatsapp", {"to": "46850000001"}, 131021),
        ("whatsapp", {"context": {}}, 131009),
        ("whatsapp", {"type": "poll"}, 131009),
        ("twilio", {"To": "12"}, 21211),
        ("twilio", {"To": ""}, 21604),
        ("twilio", {"From": ""}, 21603),
        ("twilio", {"From": "+46700000001"}, 21266),
        ("twilio", {"StatusCallback": "nowhere"}, 21609),
        ("telegram", {"chat_id": 77}, 400),
        ("telegram", {"text": "a_b", "parse_mode": "Markdown"}, 400),
        ("telegram", {"reply_parameters": {"message_id": 99}}, 400),
    ],
)
def test_what_a_provider_would_not_take_is_refused(
    sandbox, joined, product, changed, code
):
    way = WAYS[product]
    joined(way)

    error = way.send(sandbox, **changed).json()

    found = error.get("error")
    found = found["code"] if isinstance(found, dict) else error.get("code")
    assert code in (found, error.get("error_code"))
    assert sends(sandbox, way) == []


def test_me_is_the_account_whose_token_asks(sandbox):
    way = WAYS["instagram"]
    way.connect(sandbox, token="sandbox-instagram")
    way.inbound(sandbox)
    body = way.body(ANNA["instagram"], "Hi")

    answer = sandbox.session.post(
        f"{sandbox.url}/meta/v25.0/me/messages",
        json=body,
        headers={"Authorization": "Bearer sandbox-instagram"},
        timeout=5,
    )

    assert answer.status_code == 200
    assert [send["name"] for send in sends(sandbox, way)] == [way.account]


def test_what_was_sent_through_twilio_can_be_looked_for(sandbox):
    way = WAYS["twilio"]
    sid = way.send(sandbox).json()["sid"]
    way.send(sandbox, person="+46700000002")
    url = f"{sandbox.url}/twilio/2010-04-01/Accounts/{SID}/Messages.json"

    def found(**query):
        answer = requests.get(url, query, auth=(SID, "sandbox-1"), timeout=5)
        return [one["sid"] for one in answer.json()["messages"]]

    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert found(**{"To": "+46700000001", "DateSent>": today}) == [sid]
    assert found(**{"To": "+46700000001", "DateSent>": "2999-01-01"}) == []
    assert found(From="+46700000001") == []
    assert len(found()) == 2


def test_the_messages_of_twilio_come_in_pages(sandbox):
    way = WAYS["twilio"]
    sids = [way.send(sandbox).json()["sid"] for _ in range(5)]
    path = f"/2010-04-01/Accounts/{SID}/Messages.json?PageSize=2"

    found = []
    while path:
        page = requests.get(
            f"{sandbox.url}/twilio{path}", auth=(SID, "sandbox-1"), timeout=5
        ).json()
        found += [one["sid"] for one in page["messages"]]
        path = page["next_page_uri"]

    assert found == sids[::-1]


def test_what_was_written_through_chatwoot_can_be_looked_for(sandbox):
    way = WAYS["chatwoot"]
    way.connect(sandbox)
    way.inbound(sandbox)
    ids = [way.send(sandbox, str(n)).json()["id"] for n in range(25)]
    messages = way.path

    def found(**query):
        headers = {"api_access_token": "sandbox-1"}
        url = f"{sandbox.url}/chatwoot{messages}"
        answer = requests.get(url, query, headers=headers, timeout=5)
        return [one["id"] for one in answer.json()["payload"]]

    assert found() == ids[-20:]
    assert found(after=ids[0]) == ids[1:]
    assert found(before=ids[2]) == [1, *ids[:2]]


@pytest.mark.parametrize("keeps", [True, False])
def test_chatwoot_keeps_what_a_client_says_of_its_message_in_newer_versions(
    sandbox, receiver, joined, keeps
):
    way = WAYS["chatwoot"]
    joined(way, keeps_attributes=keeps)
    attributes = {"in_reply_to": 1, "our_id": "8841"}

    way.send(sandbox, content_attributes=attributes, source_id="8841")

    (event,) = told(receiver, 1)
    assert event["source_id"] == ("8841" if keeps else None)
    kept = attributes if keeps else {"in_reply_to": 1}
    assert event["content_attributes"] == kept


def test_a_hanging_answer_does_not_keep_the_server_from_stopping(serve):
    sandbox = serve()
    sandbox.control("faults", {"provider": "telegram", "mode": "hang"})

    with pytest.raises(requests.Timeout):
        request_impatiently(sandbox, WAYS["telegram"], 0.2)

    assert all(
        thread.daemon
        for thread in threading.enumerate()
        if "process_request" in thread.name
    )
