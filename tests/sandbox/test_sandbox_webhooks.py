"""The sandbox's subscriptions, and how it notifies subscribers."""

import hashlib
import hmac
import threading
import time

import pytest
import requests

from sandbox import signature
from sandbox.server import SIGNING_SECRET, create_sandbox, listen
from tests.sandboxes import running

SUBSCRIPTIONS = "/aurinko/v1/subscriptions"


def subscribed(sandbox, receiver, **options):
    """A subscription of this receiver; delays are as good as none."""
    sandbox.patch("webhooks", {"scale": 0.001})
    asked = {"resource": "/email/messages", "notificationUrl": receiver.url, **options}
    answer = sandbox.post(SUBSCRIPTIONS, asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def quiet(sandbox):
    """The attempts to deliver, once none is left to make."""
    until = time.monotonic() + 20
    while (state := sandbox.get("/_control/notifications").json())["waiting"]:
        assert time.monotonic() < until, state
        time.sleep(0.005)
    return state["attempts"]


def payloads(notifications):
    """What they say has changed, flat."""
    return [
        (payload["changeType"], payload["id"])
        for notification in notifications
        for payload in notification.json["payloads"]
    ]


def signed(secret, received):
    """Whether the headers prove who wrote this, computed anew."""
    timestamp = received.headers["x-aurinko-request-timestamp"]
    base = b"v0:" + timestamp.encode() + b":" + received.body
    right = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return received.headers["x-aurinko-signature"] == right


def test_the_signature_is_the_published_one():
    body = (
        b'{"subscription":7001,"resource":"/email/messages",'
        b'"accountId":4242,"payloads":[]}'
    )

    headers = signature.headers("aur-signing-secret", 1790000000, body)

    assert headers == {
        "X-Aurinko-Request-Timestamp": "1790000000",
        "X-Aurinko-Signature": (
            "b6cf4cf6d54493b2fc2bb20fff253f5d43077103ff0c9a2ffd71307dd161b7e0"
        ),
    }


def test_a_subscriber_is_validated_and_listed(sandbox, receiver):
    receiver.url += "?tenant=1"

    made = subscribed(sandbox, receiver)

    (validation,) = receiver.validations
    assert validation.query["tenant"] == ["1"]
    assert validation.body == b""
    assert signed(SIGNING_SECRET, validation)
    assert made == {
        "id": 7001,
        "resource": "/email/messages",
        "notificationUrl": receiver.url,
        "filters": [],
        "detailLevel": "status",
        "active": True,
        "disabledByBilling": False,
    }
    listed = sandbox.get(SUBSCRIPTIONS).json()
    assert (listed["records"], listed["done"]) == ([made], True)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 204},
        {"status": 302},
        {"status": 500},
        {"type": "application/json"},
        {"type": "text/html; charset=utf-8"},
        {"body": "something else"},
        {"body": ""},
    ],
    ids=lambda answer: str(next(iter(answer.values()))),
)
def test_who_does_not_repeat_the_token_is_not_subscribed(sandbox, receiver, answer):
    receiver.validation = answer

    asked = {"resource": "/email/messages", "notificationUrl": receiver.url}
    refused = sandbox.post(SUBSCRIPTIONS, asked)

    assert refused.status_code == 400
    assert refused.json()["code"] == "notification.url.invalid"
    assert sandbox.get(SUBSCRIPTIONS).json()["records"] == []


@pytest.mark.parametrize(
    "asked",
    [
        {"notificationUrl": None},
        {"notificationUrl": "ftp://127.0.0.1"},
        {"notificationUrl": "http://127.0.0.1:1/"},
        {"notificationUrl": "http://[/"},
        {"resource": "/nothing"},
        {"detailLevel": "all"},
        {"filters": ["withoutSpam"]},
        {"filters": [{}]},
    ],
    ids=str,
)
def test_a_senseless_subscription_is_refused(sandbox, receiver, asked):
    usual = {"resource": "/email/messages", "notificationUrl": receiver.url}

    assert sandbox.post(SUBSCRIPTIONS, usual | asked).status_code == 400


def test_every_change_is_told_in_its_order_with_ids_only(sandbox, receiver):
    made = subscribed(sandbox, receiver)
    account = sandbox.get("/aurinko/v1/account").json()["id"]

    mail = sandbox.add()
    sandbox.change(mail, flagged=True)
    moved = sandbox.change(mail, folder="archive", new_id=True)
    sandbox.remove(moved)
    notifications = receiver.wait_for(5)

    assert payloads(notifications) == [
        ("created", mail["id"]),
        ("updated", mail["id"]),
        ("deleted", mail["id"]),
        ("created", moved["id"]),
        ("deleted", moved["id"]),
    ]
    assert notifications[0].json == {
        "subscription": made["id"],
        "resource": "/email/messages",
        "accountId": account,
        "payloads": [
            {
                "id": mail["id"],
                "changeType": "created",
                "attributes": {"threadId": mail["threadId"]},
            }
        ],
    }
    assert all(signed(SIGNING_SECRET, each) for each in notifications)
    age = time.time() - int(notifications[0].headers["x-aurinko-request-timestamp"])
    assert abs(age) < 60


def test_the_signing_secret_is_given_at_the_start(serve, receiver):
    sandbox = serve(signing_secret="another")
    subscribed(sandbox, receiver)

    sandbox.add()

    assert signed("another", receiver.wait_for(1)[0])


def test_a_mailbox_tells_its_own_subscribers_only(sandbox, receiver):
    sandbox.control("mailboxes", {"name": "other", "owner": "o@bikes.example"})
    subscribed(sandbox, receiver)
    mail = {"raw": "SGk="}

    sandbox.control("mailboxes/other/mails", mail)
    own = sandbox.control("mailboxes/test/mails", mail)
    quiet(sandbox)

    assert payloads(receiver.notifications) == [("created", own["id"])]
    sandbox.session.headers["Authorization"] = "Bearer sandbox-other"
    assert sandbox.get(SUBSCRIPTIONS).json()["records"] == []
    assert sandbox.delete(f"{SUBSCRIPTIONS}/7001").status_code == 404


def test_a_subscription_outlives_a_mailbox_that_is_loaded_again(sandbox, receiver):
    subscribed(sandbox, receiver)
    sandbox.control("mailboxes", {"name": "test", "owner": "o@bikes.example"})

    mail = sandbox.add()

    assert payloads(receiver.wait_for(1)) == [("created", mail["id"])]


def test_an_ended_or_inactive_subscription_is_not_served(sandbox, receiver):
    ended, inactive = subscribed(sandbox, receiver), subscribed(sandbox, receiver)
    kept = subscribed(sandbox, receiver)

    assert sandbox.delete(f"{SUBSCRIPTIONS}/{ended['id']}").status_code == 200
    sandbox.patch(f"subscriptions/{inactive['id']}", {"active": False})
    sandbox.add()
    quiet(sandbox)

    (notification,) = receiver.notifications
    assert notification.json["subscription"] == kept["id"]
    listed = sandbox.get(SUBSCRIPTIONS).json()["records"]
    assert [each["id"] for each in listed] == [kept["id"]]
    query = {"includeInactive": "true", "limit": 1}
    page = sandbox.get(SUBSCRIPTIONS, **query).json()
    assert [each["id"] for each in page["records"]] == [inactive["id"]]
    assert not page["done"]
    last = sandbox.get(SUBSCRIPTIONS, **query, offset=1).json()
    assert [each["id"] for each in last["records"]] == [kept["id"]]
    assert last["done"]


def test_drafts_are_left_out_on_request(sandbox, receiver):
    subscribed(sandbox, receiver, filters=["withoutDrafts"])

    draft = sandbox.add(folder="draft")
    sandbox.change(draft, folder="sent")
    quiet(sandbox)

    assert payloads(receiver.notifications) == [("updated", draft["id"])]


def test_a_signal_says_only_that_something_changed(sandbox, receiver):
    subscribed(sandbox, receiver, detailLevel="signal")

    sandbox.add()

    assert "payloads" not in receiver.wait_for(1)[0].json


def test_what_is_not_taken_comes_again_later_and_later(sandbox, receiver):
    subscribed(sandbox, receiver)
    sandbox.patch("webhooks", {"scale": 0.02})
    receiver.statuses.extend([500, 503, 201])

    started = time.monotonic()
    sandbox.add()
    notifications = receiver.wait_for(4)

    assert time.monotonic() - started >= 0.02 * (1 + 2 + 4)
    assert len({notification.body for notification in notifications}) == 1
    attempts = quiet(sandbox)
    assert [(a["attempt"], a["status"]) for a in attempts] == [
        (1, 500),
        (2, 503),
        (3, 201),
        (4, 200),
    ]


def test_it_is_given_up_after_so_many_attempts(sandbox, receiver):
    subscribed(sandbox, receiver)
    sandbox.patch("webhooks", {"max_attempts": 3})
    receiver.statuses.extend([500] * 9)

    sandbox.add()

    assert [attempt["status"] for attempt in quiet(sandbox)] == [500] * 3


def test_who_does_not_listen_is_tried_again(sandbox, receiver):
    subscribed(sandbox, receiver)
    sandbox.patch("webhooks", {"max_attempts": 2, "timeout_seconds": 0.05})
    answer = receiver.answer
    receiver.answer = lambda received: time.sleep(0.3) or answer(received)

    sandbox.add()

    attempts = quiet(sandbox)
    assert [(a["status"], a["error"]) for a in attempts] == [(None, "ReadTimeout")] * 2


def test_422_ends_the_subscription(sandbox, receiver):
    subscribed(sandbox, receiver)
    receiver.statuses.append(422)

    sandbox.add()
    assert [attempt["status"] for attempt in quiet(sandbox)] == [422]
    sandbox.add()

    assert len(quiet(sandbox)) == 1
    assert sandbox.get(SUBSCRIPTIONS, includeInactive="true").json()["records"] == []


def test_a_retry_carries_the_original_timestamp_on_request(sandbox, receiver):
    subscribed(sandbox, receiver)
    sandbox.patch("webhooks", {"original_timestamp": True, "age_seconds": 7200})
    receiver.statuses.append(503)
    sandbox.add()
    first = receiver.wait_for(1)[0]
    sandbox.patch("webhooks", {"age_seconds": 0})

    _, second = receiver.wait_for(2)

    assert second.headers["x-aurinko-signature"] == first.headers["x-aurinko-signature"]
    age = time.time() - int(second.headers["x-aurinko-request-timestamp"])
    assert 7100 < age < 7300
    assert signed(SIGNING_SECRET, second)


def test_each_notification_is_delivered_so_often(sandbox, receiver):
    subscribed(sandbox, receiver)
    sandbox.patch("webhooks", {"copies": 3})

    sandbox.add()
    quiet(sandbox)

    assert len(receiver.notifications) == 3
    assert len({notification.body for notification in receiver.notifications}) == 1


@pytest.mark.parametrize(
    ("order", "expected"), [("made", [0, 1, 2, 3]), ("reversed", [3, 2, 1, 0])]
)
def test_held_changes_are_released_in_an_order(sandbox, receiver, order, expected):
    subscribed(sandbox, receiver)
    sandbox.patch("webhooks", {"hold": True})
    mails = [sandbox.add() for _ in range(4)]
    assert sandbox.get("/_control/notifications").json()["held"] == 4
    assert receiver.notifications == []

    released = sandbox.control("notifications/release", {"order": order})
    quiet(sandbox)

    assert released == {"released": 4}
    order = [("created", mails[at]["id"]) for at in expected]
    assert payloads(receiver.notifications) == order


def test_the_same_seed_shuffles_alike(serve, receiver):
    def shuffled(seed):
        sandbox = serve(seed=seed)
        receiver.notifications.clear()
        subscribed(sandbox, receiver)
        sandbox.patch("webhooks", {"hold": True})
        made = [("created", sandbox.add()["id"]) for _ in range(8)]
        sandbox.control("notifications/release", {"order": "shuffled"})
        quiet(sandbox)
        told = payloads(receiver.notifications)
        assert sorted(told) == sorted(made)
        return told

    first = shuffled(1)

    assert shuffled(1) == first
    assert shuffled(2) != first


def test_held_changes_may_come_in_one_batch_for_each_subscriber(sandbox, receiver):
    one, two = subscribed(sandbox, receiver), subscribed(sandbox, receiver)
    sandbox.patch("webhooks", {"hold": True})
    mails = [sandbox.add() for _ in range(3)]

    sandbox.control("notifications/release", {"together": True})
    quiet(sandbox)

    told = {n.json["subscription"]: n.json["payloads"] for n in receiver.notifications}
    assert len(receiver.notifications) == 2
    ids = [mail["id"] for mail in mails]
    assert [payload["id"] for payload in told[one["id"]]] == ids
    assert told[one["id"]] == told[two["id"]]


def test_a_notification_may_say_what_is_asked_for(sandbox, receiver):
    made = subscribed(sandbox, receiver)
    fault = {"lifecycleEvent": "error", "error": "Active token is missing"}
    asked = {"subscription": made["id"]}

    sandbox.control("notifications", asked | fault)
    sandbox.control("notifications", asked | {"lifecycleEvent": "active", "copies": 2})
    foreign = [{"id": "x", "changeType": "archived"}]
    sandbox.control("notifications", asked | {"payloads": foreign})
    notifications = receiver.wait_for(4)

    envelope = {
        "subscription": made["id"],
        "resource": "/email/messages",
        "accountId": sandbox.get("/aurinko/v1/account").json()["id"],
    }
    assert [notification.json for notification in notifications] == [
        envelope | fault,
        envelope | {"lifecycleEvent": "active"},
        envelope | {"lifecycleEvent": "active"},
        envelope | {"payloads": foreign},
    ]
    assert all(signed(SIGNING_SECRET, each) for each in notifications)


def test_what_waits_can_be_forgotten(sandbox, receiver):
    subscribed(sandbox, receiver)
    sandbox.patch("webhooks", {"hold": True})
    sandbox.add()

    assert sandbox.delete("/_control/notifications").ok

    assert sandbox.control("notifications/release", {}) == {"released": 0}
    assert sandbox.get("/_control/notifications").json() == {
        "waiting": 0,
        "held": 0,
        "attempts": [],
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "webhooks", {"scale": -1}, 400),
        ("PATCH", "webhooks", {"odd": 1}, 400),
        ("PATCH", "subscriptions/1", {"active": True}, 404),
        ("PATCH", "subscriptions/1", {}, 400),
        ("POST", "notifications", {"subscription": 1}, 404),
        ("POST", "notifications", {}, 400),
        ("POST", "notifications/release", {"order": "random"}, 400),
    ],
)
def test_a_senseless_direction_is_refused(sandbox, method, path, body, status):
    answer = sandbox.session.request(
        method, f"{sandbox.url}/_control/{path}", json=body, timeout=10
    )

    assert answer.status_code == status
    assert answer.json()["error"]


def test_the_delivery_ends_with_the_server(receiver):
    before = set(threading.enumerate())
    receiver.statuses.extend([500] * 9)
    token = {"Authorization": "Bearer sandbox-test"}

    with (
        running(create_sandbox(), listen) as url,
        requests.Session() as session,
    ):
        session.trust_env = False
        asked = {"resource": "/email/messages", "notificationUrl": receiver.url}
        session.post(url + SUBSCRIPTIONS, json=asked, headers=token, timeout=10)
        mails = f"{url}/_control/mailboxes/test/mails"
        session.post(mails, json={"raw": "SGk="}, timeout=10)
        receiver.wait_for(1)  # the next attempt is a second away
        names = {thread.name for thread in set(threading.enumerate()) - before}

    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert "sandbox-courier" in names
    assert "sandbox-courier" not in left
    assert len(receiver.notifications) == 1
