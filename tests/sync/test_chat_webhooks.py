"""Telegram, Twilio and Chatwoot call the web application."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from app import store
from app.channels.twilio.signature import fields_of, signature
from app.jobs.contracts import Materialize
from app.models import WebhookReceipt
from app.services.pipeline.materialize import materialize
from tests.channels.webhooks import FORM, payload, told
from tests.http.client import changed, client_of, rows

SECRET = "telegram-secret"
TOKEN = "twilio-auth-token"
PUBLIC = "https://hooks.example.test"
TEXT = payload("telegram/text.json")


@pytest.mark.shows("B1")
def test_an_update_delivered_fifty_times_at_once_is_one_event(
    client, bot, events, jobs, runtime
):
    def call(_):
        return client.application.test_client().post(
            f"/webhooks/telegram/{bot.id}", data=TEXT, headers=secret()
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(50)))

    assert {answer.status_code for answer in answers} == {200}
    (event,) = events()
    assert (event.external_id, event.source) == ("5500000001:55", "webhook")
    (job,) = jobs(Materialize)
    materialize(runtime, job)
    assert rows(runtime, "messages", "body") == [("Hej, var är mitt paket?",)]


@pytest.mark.shows("A4")
@pytest.mark.parametrize("given", [{}, {"X-Telegram-Bot-Api-Secret-Token": "wrong"}])
def test_an_update_without_the_secret_leaves_nothing(
    client, bot, events, receipts, open_incidents, given
):
    answer = client.post(f"/webhooks/telegram/{bot.id}", data=TEXT, headers=given)

    assert answer.status_code == 401
    assert (events(), receipts(bot)) == ([], [])
    assert open_incidents() == ["webhook_refused"]


@pytest.mark.shows("L3")
def test_the_secret_of_a_request_is_not_kept(client, bot, receipts):
    client.post(f"/webhooks/telegram/{bot.id}", data=TEXT, headers=secret())

    (receipt,) = receipts(bot)
    assert receipt.body == TEXT
    assert SECRET not in json.dumps([receipt.headers, receipt.query])


@pytest.mark.shows("A4")
@pytest.mark.parametrize(
    "provider", ["telegram", "twilio-sms", "twilio-voice", "chatwoot"]
)
def test_the_address_of_no_account_believes_nobody(client, provider, events):
    answer = client.post(f"/webhooks/{provider}", data=TEXT, headers=secret())

    assert answer.status_code == 503
    assert events() == []


@pytest.mark.shows("A2")
def test_a_malformed_part_is_a_dead_letter_and_the_others_are_events(
    client, bot, events, runtime
):
    body = payload("telegram/business_deleted.json")

    answer = client.post(f"/webhooks/telegram/{bot.id}", data=body, headers=secret())

    assert (answer.status_code, answer.headers["X-Kept"]) == (200, "2")
    assert len(events()) == 2
    with runtime.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
    assert "which message" in letter.error
    assert letter.payload["raw"]["update_id"] == 771000023


@pytest.mark.shows("A10")
@pytest.mark.parametrize(
    "body",
    [
        b'{"update_id": 1, "message": {"chat": {"id": 1}, "message_id": 2, "x": NaN}}',
        b'{"update_id": 1, "message": {"chat": {"id": 1}, "message_id": 2, "x": 1e999}}',
        b'{"update_id": 1, "message": {"chat": {"id": 1}, "message_id": 2, "text": "\\u0000\\ud800"}}',
        b'{"update_id": 1, "message": {"chat": {"id": 1}, "message_id": 2, "text": "\xff"}}',
    ],
    ids=["no number", "beyond numbers", "not storable", "no UTF-8"],
)
def test_what_the_database_would_refuse_does_not_cost_the_update(
    client, bot, events, body
):
    answer = client.post(f"/webhooks/telegram/{bot.id}", data=body, headers=secret())

    assert answer.status_code == 200
    assert [event.external_id for event in events()] == ["1:2"]


@pytest.mark.shows("A6")
def test_twilio_is_believed_behind_a_proxy_and_answered_in_its_language(
    client, line, events
):
    body = payload("twilio/sms.txt")

    answer = post_signed(client, f"/webhooks/twilio-sms/{line.id}?shop=1&x=%20", body)

    assert (answer.status_code, answer.text) == (200, "<Response/>")
    assert answer.mimetype == "text/xml"
    (event,) = events()
    assert event.payload["body_text"] == "Hej på dig  "
    assert event.raw["AddOns"] == ""


@pytest.mark.shows("A4")
@pytest.mark.shows("A6")
def test_what_twilio_did_not_sign_leaves_nothing(client, line, events, receipts):
    path = f"/webhooks/twilio-sms/{line.id}"
    body = payload("twilio/sms.txt")
    headers = {"X-Twilio-Signature": signed(path, body)}

    answers = [
        client.post(path, data=body + b"x", headers=headers, content_type=FORM),
        client.post(f"{path}?a=1", data=body, headers=headers, content_type=FORM),
        client.post(path, data=body, content_type=FORM),
    ]

    assert [answer.status_code for answer in answers] == [401] * 3
    assert (events(), receipts(line)) == ([], [])


@pytest.mark.shows("L1")
def test_one_account_of_twilio_cannot_speak_for_another(client, line, events):
    body = payload("twilio/sms.txt").replace(b"AccountSid=AC", b"AccountSid=AX")

    answer = post_signed(client, f"/webhooks/twilio-sms/{line.id}", body)

    assert answer.status_code == 404
    assert events() == []


@pytest.mark.shows("F12")
def test_all_that_is_told_of_a_call_in_disorder_is_one_entry_with_its_changes(
    client, telephone, events
):
    names = ["transcription", "recording", "completed", "record_action", "ringing"]

    for name in names + names:
        body = payload(f"twilio/call_{name}.txt")
        answer = post_signed(client, f"/webhooks/twilio-voice/{telephone.id}", body)
        assert answer.status_code == 200

    found = {event.external_id: event.payload.get("target_id") for event in events()}
    call = "CA00000000000000000000000000000001"
    assert len(found) == 4
    assert found.pop(call) is None
    assert set(found.values()) == {call}


def test_chatwoot_is_believed_by_the_secret_in_its_address_which_is_not_kept(
    client, helpdesk, events, receipts
):
    body = payload("chatwoot/incoming.json")
    path = f"/webhooks/chatwoot/{helpdesk.id}"

    believed = client.post(f"{path}?token=path-secret&x=1", data=body)
    refused = client.post(f"{path}?token=other", data=body)

    assert (believed.status_code, refused.status_code) == (200, 401)
    assert [event.external_id for event in events()] == ["90211"]
    (receipt,) = receipts(helpdesk)
    assert receipt.query == {"x": "1"}


def test_an_account_of_chatwoot_takes_no_events_of_another(client, helpdesk, events):
    event = told("chatwoot/incoming.json") | {"account": {"id": 4}}

    answer = client.post(
        f"/webhooks/chatwoot/{helpdesk.id}?token=path-secret", json=event
    )

    assert answer.status_code == 404
    assert events() == []


def secret():
    return {"X-Telegram-Bot-Api-Secret-Token": SECRET}


def signed(path, body):
    return signature(TOKEN, f"{PUBLIC}{path}", fields_of(body.decode()))


def post_signed(client, path, body):
    headers = {"X-Twilio-Signature": signed(path, body)}
    return client.post(path, data=body, headers=headers, content_type=FORM)


@pytest.fixture
def live(runtime):
    """Reached by providers under another name than its own."""
    return replace(runtime, settings=changed(runtime.settings, public_url=PUBLIC))


@pytest.fixture
def client(live):
    return client_of(live)


@pytest.fixture
def connect(make, workspace):
    def connect(provider, channel, credentials, account_id=None):
        return make.config(
            workspace,
            provider=provider,
            channel=channel,
            addresses=[],
            credentials=credentials,
            external_account_id=account_id,
        )

    return connect


@pytest.fixture
def bot(connect):
    return connect("telegram", "telegram", {"secret_token": SECRET})


@pytest.fixture
def line(connect):
    account_id = "AC00000000000000000000000000000001"
    return connect("twilio-sms", "sms", {"auth_token": TOKEN}, account_id)


@pytest.fixture
def telephone(connect):
    return connect("twilio-voice", "voice", {"auth_token": TOKEN})


@pytest.fixture
def helpdesk(connect):
    return connect("chatwoot", "chatwoot", {"webhook_path_secret": "path-secret"}, "3")


@pytest.fixture
def receipts(live):
    def receipts(config):
        with live.transaction(config.workspace_id) as tx:
            return tx.session.scalars(select(WebhookReceipt)).all()

    return receipts
