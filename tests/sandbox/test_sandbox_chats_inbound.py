"""What the providers of chats that the sandbox plays tell, and what they show when they are asked."""

import base64
import json
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox import chatwoot_calls, twilio_calls
from sandbox.chat_settings import ChatSettings
from sandbox.chats import Account
from tests.sandbox.chats import ANNA, BOT, HELPDESK, INSTAGRAM, PAGE, PHONE, WAYS

_PAYLOADS = Path(__file__).parents[1] / "payloads"
SIGNATURES = json.loads((_PAYLOADS / "signatures.json").read_text())
BEARER = {"Authorization": "Bearer sandbox-1"}


def quiet(sandbox, product):
    """The attempts to deliver, once none is left to make."""
    until = time.monotonic() + 20
    path = f"/_control/chats/{product}/attempts"
    while (state := sandbox.get(path).json())["waiting"]:
        assert time.monotonic() < until, state
        time.sleep(0.005)
    return state["attempts"]


def graph(sandbox, path, **query):
    url = path if path.startswith("http") else f"{sandbox.url}/meta/v25.0/{path}"
    return requests.get(url, query, headers=BEARER, timeout=5)


def bot(sandbox, method, **asked):
    url = f"{sandbox.url}/telegram/bot{BOT}:sandbox-1/{method}"
    return requests.post(url, json=asked, timeout=5).json()


@pytest.mark.parametrize("vector", SIGNATURES["twilio"][:3], ids=range(3))
def test_twilio_signs_as_published(vector):
    settings = ChatSettings(secret=vector["auth_token"])
    account = Account("twilio", "AC1", settings)

    body = twilio_calls.body(account, [vector["params"]])
    headers = twilio_calls.sign(account, vector["url"], body, 0)

    assert headers["X-Twilio-Signature"] == vector["signature"]


def test_chatwoot_signs_as_published():
    (vector,) = SIGNATURES["chatwoot"]
    account = Account("chatwoot", "3", ChatSettings(secret=vector["secret"]))
    body, timestamp = vector["body"].encode(), int(vector["timestamp"])

    headers = chatwoot_calls.sign(account, "", body, timestamp)

    assert headers["X-Chatwoot-Signature"] == vector["signature"]
    assert headers["X-Chatwoot-Timestamp"] == vector["timestamp"]


def test_an_older_chatwoot_signs_nothing(sandbox, receiver):
    way = WAYS["chatwoot"]
    way.connect(sandbox, callback=receiver.url, signed=False)

    way.inbound(sandbox)

    (received,) = receiver.wait_for(1)
    assert not [name for name in received.headers if "chatwoot" in name]


@pytest.mark.parametrize("escapes", [True, False])
def test_meta_sends_nothing_but_ascii(sandbox, receiver, escapes):
    way = WAYS["messenger"]
    way.connect(sandbox, callback=receiver.url, escapes_slashes=escapes)

    way.inbound(sandbox, "Är/är 🙂")

    (received,) = receiver.wait_for(1)
    assert received.body.isascii()
    assert (b"\\u00c4r\\/\\u00e4r" in received.body) == escapes
    (element,) = received.json["entry"][0]["messaging"]
    assert element["message"]["text"] == "Är/är 🙂"


@pytest.mark.parametrize("product", ["whatsapp", "messenger"])
def test_a_batch_has_several_entries_with_several_parts(sandbox, receiver, product):
    way = WAYS[product]
    way.connect(sandbox, callback=receiver.url)
    sandbox.patch(f"chats/{product}/webhooks", {"hold": True})
    for number in range(6):
        way.inbound(sandbox, f"Message {number}")
    assert receiver.notifications == []

    sandbox.control(f"chats/{product}/release", {"together": True})

    (received,) = receiver.wait_for(1)
    first, second = received.json["entry"]
    if product == "messenger":
        assert [len(one["messaging"]) for one in (first, second)] == [4, 2]
        return
    values = [change["value"] for change in first["changes"]]
    assert [len(value["messages"]) for value in values] == [2, 2]
    assert values[0]["metadata"]["phone_number_id"] == PHONE


@pytest.mark.parametrize("product", ["telegram", "twilio", "chatwoot"])
def test_who_tells_one_thing_at_a_time_has_no_batches(sandbox, product):
    asked = {"together": True}

    answer = sandbox.post(f"/_control/chats/{product}/release", asked)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("product", "tries"), [("messenger", 4), ("telegram", 4), ("twilio", 1)]
)
def test_what_is_not_taken_comes_again_where_the_provider_does_so(
    sandbox, receiver, product, tries
):
    way = WAYS[product]
    way.connect(sandbox, callback=receiver.url)
    sandbox.patch(f"chats/{product}/webhooks", {"scale": 0.001})
    receiver.statuses.extend([500, 503, 404, 201])

    way.inbound(sandbox)

    statuses = [attempt["status"] for attempt in quiet(sandbox, product)]
    assert statuses == [500, 503, 404, 201][:tries]
    assert len({each.body for each in receiver.notifications}) == 1


def test_news_can_come_late(sandbox, receiver):
    way = WAYS["telegram"]
    way.connect(sandbox, callback=receiver.url)
    sandbox.patch("chats/telegram/webhooks", {"delay_seconds": 0.2})

    started = time.monotonic()
    way.inbound(sandbox)
    receiver.wait_for(1)

    assert time.monotonic() - started >= 0.2


def test_the_same_message_can_be_told_twice_under_one_id(sandbox, receiver):
    way = WAYS["whatsapp"]
    way.connect(sandbox, callback=receiver.url)

    first, again = (way.inbound(sandbox, id="wamid.SAME") for _ in range(2))

    assert first["id"] == again["id"] == "wamid.SAME"
    receiver.wait_for(2)
    messages = sandbox.get(f"/_control/chats/whatsapp/{PHONE}/messages").json()
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("product", "content", "found"),
    [
        (
            "whatsapp",
            {"field": "account_update", "value": {"event": "DISABLED"}},
            lambda told: told["entry"][0]["changes"][0]["value"]["event"],
        ),
        (
            "instagram",
            {"changes": {"field": "messages", "value": {"event": "DISABLED"}}},
            lambda told: told["entry"][0]["changes"][0]["value"]["event"],
        ),
        (
            "telegram",
            {"poll": {"event": "DISABLED"}},
            lambda told: told["poll"]["event"],
        ),
        ("chatwoot", {"event": "DISABLED"}, lambda told: told["event"]),
    ],
)
def test_anything_else_can_be_told(sandbox, receiver, product, content, found):
    way = WAYS[product]
    way.connect(sandbox, callback=receiver.url)
    path = f"chats/{product}/{way.account}/tell"

    sandbox.control(path, {"content": content, "copies": 2})

    told = [each.json for each in receiver.wait_for(2)]
    assert [found(each) for each in told] == ["DISABLED", "DISABLED"]
    assert told[0] == told[1]


def test_fields_can_be_added_changed_and_left_out(sandbox, receiver):
    way = WAYS["whatsapp"]
    way.connect(sandbox, callback=receiver.url)
    reaction = {"message_id": "wamid.OUT", "emoji": "👍"}

    way.inbound(
        sandbox, **{"with": {"type": "reaction", "reaction": reaction, "from": None}}
    )

    value = receiver.wait_for(1)[0].json["entry"][0]["changes"][0]["value"]
    (message,) = value["messages"]
    assert set(message) == {"id", "timestamp", "type", "reaction"}


def test_updates_wait_until_they_are_confirmed(sandbox):
    way = WAYS["telegram"]
    way.connect(sandbox)
    for number in range(3):
        way.inbound(sandbox, f"Message {number}")

    first = bot(sandbox, "getUpdates", limit=2)["result"]
    again = bot(sandbox, "getUpdates")["result"]
    rest = bot(sandbox, "getUpdates", offset=first[1]["update_id"] + 1)["result"]

    assert [one["message"]["text"] for one in again][:2] == ["Message 0", "Message 1"]
    assert len(first) == 2
    assert [one["message"]["text"] for one in rest] == ["Message 2"]
    assert bot(sandbox, "getUpdates")["result"] == rest


def test_a_long_poll_waits(sandbox):
    WAYS["telegram"].connect(sandbox)

    started = time.monotonic()
    answer = bot(sandbox, "getUpdates", timeout=1)

    assert answer == {"ok": True, "result": []}
    assert time.monotonic() - started >= 1


def test_a_bot_is_called_or_asks_and_never_both(sandbox, receiver):
    way = WAYS["telegram"]
    way.connect(sandbox)
    way.inbound(sandbox, "Before")

    bot(sandbox, "setWebhook", url=receiver.url, secret_token="s3cret")

    conflict = bot(sandbox, "getUpdates")
    assert (conflict["ok"], conflict["error_code"]) == (False, 409)
    (update,) = receiver.wait_for(1)
    assert update.json["message"]["text"] == "Before"
    assert update.headers["x-telegram-bot-api-secret-token"] == "s3cret"
    bot(sandbox, "deleteWebhook")
    assert bot(sandbox, "getUpdates") == {"ok": True, "result": []}


def test_the_ids_of_telegram_are_unique_within_one_chat_only(sandbox):
    way = WAYS["telegram"]
    way.connect(sandbox)
    way.inbound(sandbox)
    way.inbound(sandbox, **{"from": "5500000002"})
    way.inbound(sandbox, chat="-1001")

    updates = bot(sandbox, "getUpdates")["result"]

    assert [one["message"]["message_id"] for one in updates] == [1, 1, 1]
    group = updates[2]["message"]
    assert (group["chat"]["type"], group["from"]["id"]) == ("supergroup", 5500000001)


def pages(sandbox, path, **query):
    """Follow `next` to the end."""
    found = [graph(sandbox, path, **query).json()]
    while following := found[-1]["paging"].get("next"):
        found.append(graph(sandbox, following).json())
    return found


def test_conversations_come_in_pages_until_there_is_no_next(sandbox):
    way = WAYS["messenger"]
    way.connect(sandbox, page_size=2)
    for number in range(5):
        way.inbound(sandbox, hours_ago=9 - number, **{"from": f"73{number}"})

    found = pages(sandbox, f"{PAGE}/conversations", platform="messenger", limit=3)

    assert [len(page["data"]) for page in found] == [2, 2, 1]
    rows = [row for page in found for row in page["data"]]
    assert len({row["id"] for row in rows}) == 5
    times = [row["updated_time"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert times[0].endswith("+0000")
    assert "after" in found[-1]["paging"]["cursors"]


def test_an_empty_page_need_not_be_the_last(sandbox):
    way = WAYS["messenger"]
    way.connect(sandbox, empty_pages=1)
    way.inbound(sandbox)

    empty, last = pages(sandbox, f"{PAGE}/conversations")

    assert (empty["data"], len(last["data"])) == ([], 1)


def test_a_cursor_can_expire(sandbox):
    way = WAYS["messenger"]
    way.connect(sandbox, page_size=1)
    for person in ("1", "2"):
        way.inbound(sandbox, **{"from": person})
    page = graph(sandbox, f"{PAGE}/conversations").json()

    sandbox.control(f"chats/messenger/{PAGE}/expire", {})

    answer = graph(sandbox, page["paging"]["next"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


def test_only_the_newest_twenty_messages_can_be_read(sandbox):
    way = WAYS["messenger"]
    way.connect(sandbox)
    made = [way.inbound(sandbox, f"Message {n}")["id"] for n in range(25)]
    (row,) = graph(sandbox, f"{PAGE}/conversations").json()["data"]
    fields = "messages.limit(25){id,created_time,from,to,message}"

    shown = graph(sandbox, row["id"], fields=fields).json()["messages"]["data"]

    assert [one["id"] for one in shown] == made[::-1]
    assert [one for one in shown if "from" in one] == shown[:20]
    newest, oldest = graph(sandbox, made[-1]), graph(sandbox, made[0])
    assert newest.json()["message"] == "Message 24"
    assert newest.json()["from"]["name"] == "Anna Berg"
    assert "deleted" in oldest.json()["error"]["message"]


def test_the_messages_of_a_conversation_come_in_pages(sandbox):
    way = WAYS["instagram"]
    way.connect(sandbox, page_id=PAGE)
    made = [way.inbound(sandbox, f"Message {n}")["id"] for n in range(5)]
    listed = graph(sandbox, f"{PAGE}/conversations", platform="instagram").json()
    fields = "messages.limit(2){id,created_time,from,to,message}"

    first = graph(sandbox, listed["data"][0]["id"], fields=fields).json()["messages"]
    rest = pages(sandbox, first["paging"]["next"])

    rows = first["data"] + [row for page in rest for row in page["data"]]
    assert [row["id"] for row in rows] == made[::-1]
    assert first["data"][0]["from"] == {
        "id": ANNA["instagram"],
        "username": "Anna Berg",
    }
    assert first["data"][0]["to"]["data"][0]["id"] == INSTAGRAM


def test_the_conversation_of_one_person_can_be_asked_for_with_its_messages(sandbox):
    way = WAYS["messenger"]
    way.connect(sandbox)
    for person in ("1", "2", "3"):
        for number in range(3):
            way.inbound(sandbox, f"{person}-{number}", **{"from": person})
    fields = "id,messages.limit(2){id,message,from,created_time}"

    answer = graph(sandbox, f"{PAGE}/conversations", user_id="2", fields=fields).json()

    (row,) = answer["data"]
    first = row["messages"]
    rest = pages(sandbox, first["paging"]["next"])
    rows = first["data"] + [one for page in rest for one in page["data"]]
    assert [one["message"] for one in rows] == ["2-2", "2-1", "2-0"]


@pytest.mark.parametrize(
    "path", [f"{PAGE}/conversations", "t_1", "m_1", "900000000001"], ids=str
)
def test_graph_shows_nothing_without_a_right_token(sandbox, path):
    WAYS["messenger"].connect(sandbox)
    WAYS["messenger"].inbound(sandbox)
    url = f"{sandbox.url}/meta/v25.0/{path}"

    dead = {"Authorization": "Bearer sandbox-dead"}
    answers = [requests.get(url, headers=dead, timeout=5), requests.get(url, timeout=5)]

    assert [answer.json()["error"]["code"] for answer in answers] == [190, 190]


@pytest.mark.parametrize("seconds", [300.0, 0.0])
def test_the_address_of_a_file_is_good_for_a_while(sandbox, seconds):
    way = WAYS["whatsapp"]
    way.connect(sandbox, media_seconds=seconds)
    file = {"content": base64.b64encode(b"a picture").decode()}
    media_id = way.inbound(sandbox, file=file)["media"]

    shown = graph(sandbox, media_id).json()
    answer = graph(sandbox, shown["url"])

    assert shown["file_size"] == 9
    assert requests.get(shown["url"], timeout=5).status_code != 200
    if seconds:
        assert answer.content == b"a picture"
    else:
        assert answer.status_code == 404
    assert sandbox.delete(f"/_control/chats/media/{media_id}").ok
    assert graph(sandbox, media_id).json()["error"]["error_subcode"] == 33


def test_sixty_conversations_of_chatwoot_take_three_pages(sandbox):
    way = WAYS["chatwoot"]
    way.connect(sandbox)
    for number in range(60):
        way.inbound(sandbox, **{"from": f"person{number}"})

    def page(number):
        url = f"{sandbox.url}/chatwoot/api/v1/accounts/{HELPDESK}/conversations"
        query = {"status": "all", "page": number, "per_page": 100}
        headers = {"api_access_token": "sandbox-1"}
        answer = requests.get(url, query, headers=headers, timeout=5)
        return answer.json()["data"]["payload"]

    found = [page(number) for number in (1, 2, 3, 4)]

    assert [len(rows) for rows in found] == [25, 25, 10, 0]
    assert len({row["id"] for rows in found for row in rows}) == 60


def test_a_form_of_twilio_has_fields_that_nobody_expects(sandbox, receiver):
    way = WAYS["twilio"]
    way.connect(sandbox, callback=f"{receiver.url}?shop=1")

    way.inbound(sandbox, "Hej på dig ", **{"with": {"Tag": ["b", "a", "b"]}})

    (received,) = receiver.wait_for(1)
    form = parse_qs(received.body.decode(), keep_blank_values=True)
    assert (form["Body"], form["AddOns"]) == (["Hej på dig "], [""])
    assert form["Tag"] == ["b", "a", "b"]
    assert urlsplit(received.path).path == "/hook"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "chats/pigeon", {"id": "1"}, 404),
        ("POST", "chats/whatsapp", {}, 400),
        ("POST", "chats/whatsapp", {"id": "1", "odd": 1}, 400),
        ("POST", "chats/whatsapp", {"id": "1", "statuses": ["lost"]}, 400),
        ("POST", "chats/telegram", {"id": "bot"}, 400),
        ("GET", "chats/whatsapp/none", None, 404),
        ("POST", "chats/whatsapp/none/inbound", {"from": "1"}, 404),
        ("PATCH", "chats/whatsapp/webhooks", {"scale": 9}, 400),
        ("DELETE", "chats/media/1", None, 404),
        ("POST", "faults", {"provider": "gateway", "code": 4}, 400),
        ("POST", "faults", {"provider": "meta", "code": "4"}, 400),
    ],
)
def test_a_senseless_direction_is_refused(sandbox, method, path, body, status):
    answer = sandbox.session.request(
        method, f"{sandbox.url}/_control/{path}", json=body, timeout=5
    )

    assert answer.status_code == status
    assert answer.json()["error"]
