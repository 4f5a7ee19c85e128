"""What providers bring by calling us: over the web application, from the sandbox or as it would."""

import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import select

from app import store
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.status import FetchState
from app.jobs.contracts import FetchMessages, Materialize, Poll
from app.models import MessageFetch, WebhookReceipt
from app.services.operations.sweep import sweep
from app.services.sync.fetch_messages import fetch_messages
from app.services.sync.poll import poll
from app.store.transaction import Database
from tests.http.client import NOBODY_LISTENS, changed, client_of
from tests.sync.conftest import SECRET, connect


@pytest.mark.shows("A7")
@pytest.mark.parametrize("path", ["/aurinko-webhook", "/webhooks/aurinko"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_validation_token_comes_back_as_text(client, path, method):
    answer = client.open(f"{path}?validationToken=a%20token%3C", method=method)

    assert (answer.status_code, answer.text) == (200, "a token<")
    assert answer.mimetype == "text/plain"


def test_a_notification_is_kept_and_what_it_names_is_fetched(
    call, account, mailbox, jobs, live, events, receipts
):
    mail_id = mailbox.add()

    answer = call(payloads=[created(mail_id)])

    assert (answer.status_code, answer.headers["X-Kept"]) == (200, "1")
    (receipt,) = receipts(account)
    assert json.loads(receipt.body)["payloads"] == [created(mail_id)]
    (job,) = jobs(FetchMessages)
    outcome = fetch_messages(live, job)
    (event,) = events()
    assert (event.external_id, event.source) == (mail_id, "webhook")
    assert event.receipt_id == receipt.id
    assert [type(one) for one in outcome.next_jobs] == [Materialize]


@pytest.mark.shows("A4")
@pytest.mark.shows("A5")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Aurinko-Signature": "0" * 64},
        {"X-Aurinko-Signature": "ü"},
        {"X-Aurinko-Request-Timestamp": "1"},
    ],
    ids=["none", "wrong", "no hex", "another time"],
)
def test_a_request_that_is_not_signed_is_refused_and_leaves_nothing(
    client, account, mailbox, receipts, fetches, open_incidents, headers
):
    body = notification(payloads=[created(mailbox.add())])
    signed = signature(body) if "X-Aurinko-Request-Timestamp" in headers else {}

    answer = client.post("/aurinko-webhook", data=body, headers=signed | headers)

    assert answer.status_code == 401
    assert (receipts(account), fetches()) == ([], [])
    assert open_incidents() == ["webhook_refused"]


@pytest.mark.shows("A5")
def test_the_signature_is_over_the_bytes_as_they_came(client, account, receipts):
    body = b'{"accountId":  4242, "payloads": [], "note": "Gr\\u00f6\\u00dfe"}'

    answer = client.post("/aurinko-webhook", data=body, headers=signature(body))
    rewritten = json.dumps(json.loads(body)).encode()
    refused = client.post("/aurinko-webhook", data=rewritten, headers=signature(body))

    assert (answer.status_code, refused.status_code) == (200, 401)
    assert [receipt.body for receipt in receipts(account)] == [body]


@pytest.mark.shows("A4")
def test_without_a_secret_nobody_is_believed(runtime, account):
    body = notification(payloads=[])

    answer = client_of(runtime).post(
        "/aurinko-webhook", data=body, headers=signature(body)
    )

    assert answer.status_code == 503
    assert "AURINKO_WEBHOOK_SECRET" in answer.json["detail"]
    assert int(answer.headers["Retry-After"]) > 0


def test_the_development_flag_lets_in_what_cannot_be_checked(
    runtime, account, receipts
):
    settings = changed(runtime.settings, allow_unsigned_webhooks=True)
    client = client_of(replace(runtime, settings=settings))

    answer = client.post("/aurinko-webhook", data=notification(payloads=[]))

    assert answer.status_code == 200
    assert [receipt.verdict for receipt in receipts(account)] == ["unsigned"]


@pytest.mark.shows("A7")
@pytest.mark.parametrize(
    ("age", "status"), [(7 * 86_400, 200), (-240, 200), (-600, 401)]
)
def test_old_signatures_are_redeliveries_and_future_ones_are_refused(
    client, account, age, status
):
    body = notification(payloads=[])

    answer = client.post(
        "/aurinko-webhook", data=body, headers=signature(body, age=age)
    )

    assert answer.status_code == status


@pytest.mark.shows("B1")
@pytest.mark.shows("A7")
def test_a_notification_delivered_fifty_times_at_once_is_one_event(
    live, account, mailbox, jobs, events
):
    body = notification(payloads=[created(mailbox.add())])
    client = client_of(live)

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: client.application.test_client().post(
                    "/aurinko-webhook", data=body, headers=signature(body)
                ),
                range(50),
            )
        )
    for job in jobs(FetchMessages):
        fetch_messages(live, job)

    assert {answer.status_code for answer in answers} == {200}
    assert sum(int(answer.headers["X-Kept"]) for answer in answers) == 1
    assert len(events()) == 1


@pytest.mark.shows("A7")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"accountId": null}',
        b'{"accountId": 4242, "payloads": 7}',
        b'{"accountId": 4242, "payloads": [null, 7, {"id": null}, {"id": []}]}',
        b'{"accountId": {"a": 1}, "payloads": [{}]}',
        b'{"accountId": 4242, "payloads": [{"id": "\\u0000"}]}',
        b"[" * 100_000,
        b"\xff\xfe{}",
    ],
    ids=range(11),
)
def test_no_signed_body_is_answered_with_422_or_an_error_of_ours(client, account, body):
    answer = client.post("/aurinko-webhook", data=body, headers=signature(body))

    assert answer.status_code in {200, 404}


@pytest.mark.shows("A2")
def test_a_signed_body_that_cannot_be_read_is_kept_once(client, live, account):
    for _ in range(2):
        client.post("/aurinko-webhook", data=b"{", headers=signature(b"{"))

    with live.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
    assert letter.job_type == "WEBHOOK"
    assert letter.payload["body"] == "ew=="


def test_an_account_that_nobody_has_connected_is_not_found(
    call, account, receipts, open_incidents
):
    answer = call(accountId=1, payloads=[created("m1")])

    assert answer.status_code == 404
    assert receipts(account) == []
    assert open_incidents() == ["webhook_unknown_account"]


@pytest.mark.shows("L1")
def test_the_address_of_one_account_takes_no_news_of_another(client, account, fetches):
    body = notification(accountId=7, payloads=[created("m1")])

    answer = client.post(
        f"/webhooks/aurinko/{account.id}", data=body, headers=signature(body)
    )

    assert answer.status_code == 404
    assert fetches() == []


@pytest.mark.parametrize(
    "path", ["/webhooks/telegraph", "/webhooks/direct", "/webhooks/__class__"]
)
def test_a_provider_that_nobody_knows_is_not_found(client, path):
    assert client.post(path, data=b"{}").status_code == 404


@pytest.mark.shows("A8")
def test_what_cannot_be_fetched_keeps_nobody_waiting(
    live, call, account, mailbox, jobs, events, fetches
):
    gone, slow, good = (mailbox.add() for _ in range(3))
    mailbox.delete(gone)
    mailbox.fault(match=f"/messages/{slow}", status=503, times=1)
    call(payloads=[created(gone), created(slow), created(good)])

    outcome = fetch_messages(live, *jobs(FetchMessages))

    assert outcome.counts == {"gone": 1, "put_off": 1, "fetched": 1}
    assert [event.external_id for event in events()] == [good]
    states = {fetch.external_id: fetch.state for fetch in fetches()}
    assert states == {
        gone: FetchState.GONE,
        slow: FetchState.PENDING,
        good: FetchState.FETCHED,
    }


@pytest.mark.shows("A8")
def test_what_failed_is_rung_for_when_its_time_has_come(
    live, call, account, mailbox, jobs, events, write
):
    mail_id = mailbox.add()
    mailbox.fault(match=f"/messages/{mail_id}", status=408, times=1)
    call(payloads=[created(mail_id)])
    fetch_messages(live, *jobs(FetchMessages))
    write("UPDATE message_fetches SET next_attempt_at = now() - interval '1 second'")
    write("UPDATE message_fetches SET rung_at = now() - interval '1 hour'")

    sweep(live, forced=True)
    fetch_messages(live, *jobs(FetchMessages))

    assert [event.external_id for event in events()] == [mail_id]


def test_what_was_gone_is_fetched_when_it_is_announced_again(
    live, call, account, mailbox, jobs, fetches, write
):
    mail_id = mailbox.add()
    mailbox.fault(match=f"/messages/{mail_id}", status=404, times=1)
    call(payloads=[created(mail_id)])
    fetch_messages(live, *jobs(FetchMessages))

    call(payloads=[{"id": mail_id, "changeType": "updated"}])
    fetch_messages(live, *jobs(FetchMessages))

    assert [fetch.state for fetch in fetches()] == [FetchState.FETCHED]


@pytest.mark.parametrize(("before", "after"), [("draft", "sent"), ("junk", "inbox")])
def test_what_becomes_a_message_later_is_fetched_when_it_is_announced_again(
    live, call, account, mailbox, jobs, events, before, after
):
    mail_id = mailbox.add(folder=before)
    call(payloads=[created(mail_id)])
    fetch_messages(live, *jobs(FetchMessages))
    kept_before = events()

    mailbox.change(mail_id, folder=after)
    call(payloads=[{"id": mail_id, "changeType": "updated"}])
    for job in jobs(FetchMessages):
        fetch_messages(live, job)

    assert kept_before == []
    assert [event.external_id for event in events()] == [mail_id]


@pytest.mark.shows("K4")
def test_an_announcement_that_kills_its_worker_takes_no_neighbour_along(
    live, call, account, mailbox, jobs, events, fetches, write
):
    class Killed(BaseException):
        pass

    poison, *good = (mailbox.add() for _ in range(3))

    def kill(point):
        if point == "fetch_messages.called" and mailbox.requests_for(poison) > asked:
            raise Killed

    call(payloads=[created(poison), *map(created, good)])
    for _ in range(MAX_ATTEMPTS + 2):
        for job in jobs(FetchMessages):
            asked = mailbox.requests_for(poison)
            with suppress(Killed):
                fetch_messages(replace(live, checkpoint=kill), job)
        write(
            "UPDATE message_fetches SET rung_at = NULL, next_attempt_at = NULL, "
            "lease_expires_at = now() - interval '1 second' WHERE finished_at IS NULL"
        )
        sweep(live, forced=True)

    states = {fetch.external_id: fetch.state for fetch in fetches()}
    assert states == {poison: FetchState.FAILED} | dict.fromkeys(
        good, FetchState.FETCHED
    )
    assert {event.external_id for event in events()} == set(good)


def test_an_announcement_that_fails_for_good_is_a_dead_letter(
    live, call, account, mailbox, jobs, write, fetches
):
    mail_id = mailbox.add()
    mailbox.fault(match=f"/messages/{mail_id}", status=500, times=1)
    call(payloads=[created(mail_id)])
    write("UPDATE message_fetches SET attempts = 5")

    outcome = fetch_messages(live, *jobs(FetchMessages))

    assert outcome.counts == {"failed": 1}
    assert [fetch.state for fetch in fetches()] == [FetchState.FAILED]
    with live.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
    assert letter.job_type == "FETCH_MESSAGES"


@pytest.mark.shows("A20")
def test_a_disconnected_account_still_keeps_what_it_is_told(
    live, call, account, mailbox, jobs, events, write
):
    mail_id = mailbox.add()
    write("UPDATE channel_configs SET status = 'disconnected'")

    answer = call(payloads=[created(mail_id)])
    waiting = [fetch_messages(live, job).counts for job in jobs(FetchMessages)]
    write("UPDATE channel_configs SET status = 'active'")
    write("UPDATE message_fetches SET rung_at = NULL")
    sweep(live, forced=True)
    fetch_messages(live, *jobs(FetchMessages))

    assert answer.headers["X-Kept"] == "1"
    assert waiting == [{}]
    assert [event.external_id for event in events()] == [mail_id]


@pytest.mark.shows("B2")
def test_a_mail_that_polling_also_finds_is_one_event_with_both_receipts(
    live, call, account, mailbox, jobs, events, write
):
    mail_id = mailbox.add()
    sweep(live, forced=True)
    poll(live, *jobs(Poll))
    write("DELETE FROM message_fetches")
    body_before = events()

    # The notification overtook the poll: it was on its way before the event was there.
    with live.transaction(account.workspace_id) as tx:
        fetch_ids = store.fetches.announce(tx, account, [mail_id], receipt_id=None)
    live.publisher.jobs.clear()
    job = FetchMessages(
        workspace_id=account.workspace_id,
        config_id=account.id,
        fetch_ids=tuple(fetch_ids),
    )
    outcome = fetch_messages(live, job)

    assert outcome.counts == {"fetched": 1}
    assert [event.id for event in events()] == [event.id for event in body_before]
    assert mailbox.requests_for(mail_id) == 0


def test_news_without_ids_let_the_account_be_polled_at_once(
    live, call, account, jobs, write
):
    sweep(live, forced=True)
    poll(live, *jobs(Poll))

    call(payloads=None)

    assert [job.config_id for job in jobs(Poll)] == [account.id]


def test_news_that_nobody_will_read_are_an_incident(
    call, account, open_incidents, write
):
    write("UPDATE channel_configs SET poll_seconds = NULL")

    call(payloads=[created("m1")])
    call(lifecycleEvent="error", payloads=None)
    told_of_others = open_incidents()
    call(payloads=None)

    assert told_of_others == ["account_trouble"]
    assert open_incidents() == ["account_trouble", "news_unread"]


def test_trouble_with_an_account_is_an_incident(call, account, open_incidents):
    call(lifecycleEvent="error", error="Active token is missing", payloads=None)

    assert open_incidents() == ["account_trouble"]


@pytest.mark.shows("A9")
def test_without_its_database_the_web_process_asks_to_come_again(live):
    body = notification(payloads=[])

    answer = client_of(replace(live, database=Database(NOBODY_LISTENS))).post(
        "/aurinko-webhook", data=body, headers=signature(body)
    )

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_one_account_in_two_workspaces_reaches_both(
    live, call, account, make, mailbox, fetches
):
    connect(make, make.workspace(), mailbox)

    answer = call(payloads=[created(mailbox.add())])

    assert answer.headers["X-Kept"] == "2"
    assert len({fetch.workspace_id for fetch in fetches()}) == 2


def test_what_is_secret_in_a_request_is_not_kept(client, account, receipts):
    body = notification(payloads=[])
    secret = {"Authorization": "Bearer secret", "Cookie": "secret"}

    client.post("/aurinko-webhook", data=body, headers=signature(body) | secret)

    (receipt,) = receipts(account)
    assert "secret" not in json.dumps(receipt.headers)


def created(mail_id):
    return {"id": mail_id, "changeType": "created"}


def notification(**fields):
    whole = {"subscription": 7001, "resource": "/email/messages", "accountId": 4242}
    return json.dumps(
        {name: value for name, value in (whole | fields).items() if value is not None}
    ).encode()


def signature(body, *, age=0):
    timestamp = str(int(time.time()) - age)
    digest = hmac.new(
        SECRET.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256
    )
    return {
        "X-Aurinko-Request-Timestamp": timestamp,
        "X-Aurinko-Signature": digest.hexdigest(),
    }


@pytest.fixture
def client(live):
    return client_of(live)


@pytest.fixture
def call(client):
    """Posts a signed notification."""

    def call(**fields):
        body = notification(**fields)
        return client.post("/aurinko-webhook", data=body, headers=signature(body))

    return call


@pytest.fixture
def receipts(live):
    def receipts(config):
        with live.transaction(config.workspace_id) as tx:
            return tx.session.scalars(select(WebhookReceipt)).all()

    return receipts


@pytest.fixture
def fetches(live):
    def fetches():
        with live.system_transaction() as tx:
            return tx.session.scalars(
                select(MessageFetch).order_by(MessageFetch.id)
            ).all()

    return fetches
