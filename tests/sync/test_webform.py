"""The contact form of a website, from its post to its customer."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from app.domain.status import Source
from app.jobs.contracts import Materialize
from app.models import Conversation, Customer, Message
from app.services.pipeline.ingest import ingest
from app.services.pipeline.materialize import materialize
from tests.channels.examples import SECRET
from tests.channels.examples.webform import POST, sign
from tests.channels.webhooks import request_of
from tests.http.client import client_of, rows

NOON = datetime(2026, 9, 3, 12, 0, tzinfo=UTC)
OK = {"email": "anna@example.com", "message": "ok"}


@pytest.mark.shows("A5")
def test_a_signed_post_becomes_a_message_of_a_customer(form, post, settle):
    refused = post(POST, secret="guessed")
    taken = post(POST)

    assert (refused, taken) == (401, 200)
    (message,), (customer,), (conversation,) = settle(Message, Customer, Conversation)
    assert (message.body, message.subject) == (
        "Are you open on Sunday?\nOrder number: 1042",
        "Öppettider",
    )
    assert message.channel == conversation.channel == "web"
    assert message.sent_at == datetime(2026, 9, 3, 8, 15, 30, tzinfo=UTC)
    assert message.customer_id == conversation.customer_id == customer.id
    assert customer.name == "Anna Berg"


def test_who_gives_a_number_is_known_by_it_and_who_gives_nothing_is_nobody(
    post, settle, runtime
):
    post({"name": "Bo", "phone": "+46 70 000 00 02", "message": "Call me"})
    post({"message": "Your site is slow"})
    post({"message": "Your site is slow indeed"})

    messages, customers, conversations = settle(Message, Customer, Conversation)

    assert rows(runtime, "customer_identities", "kind, value") == [
        ("phone", "+46700000002")
    ]
    assert (len(messages), len(customers), len(conversations)) == (3, 1, 3)


@pytest.mark.shows("B6")
def test_the_same_words_an_hour_apart_are_two_and_the_same_request_is_one(post, events):
    for _ in range(2):
        post(OK, at=NOON)
        post(OK, at=NOON + timedelta(hours=1))

    assert len(events()) == 2


@pytest.mark.shows("B6")
@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_a_post_that_is_stamped_anew_is_one_across_windows_in_any_order(
    post, events, order
):
    # The windows of ten minutes meet at noon.
    moments = [NOON - timedelta(seconds=20), NOON + timedelta(seconds=20)]

    for place in order:
        post(OK, at=moments[place])

    (event,) = events()
    assert event.payload["body_text"] == "ok"


@pytest.mark.shows("B1", "B6")
def test_of_two_workers_that_have_it_at_once_one_keeps_it(runtime, form, post, events):
    adapter = runtime.adapters["webform"]
    request = sign(
        request_of(OK), SECRET, timestamp=stamp(NOON - timedelta(seconds=20))
    )
    (delivery,) = adapter.receive(request)

    with ThreadPoolExecutor(1) as other:
        with runtime.transaction(form.workspace_id) as tx:
            kept = ingest(tx, form, delivery.items, source=Source.WEBHOOK)
            answer = other.submit(post, OK, at=NOON + timedelta(seconds=20))
            with pytest.raises(TimeoutError):
                answer.result(timeout=0.5)
        assert answer.result() == 200

    assert [event.id for event in events()] == kept.event_ids


@pytest.mark.shows("B6")
def test_an_id_outweighs_the_words(post, events):
    post(OK | {"id": "1"}, at=NOON)
    post(OK | {"id": "2"}, at=NOON)
    post(OK | {"id": "2", "message": "ok!"}, at=NOON + timedelta(hours=2))

    assert [event.external_id for event in events()] == ["1", "2"]


def stamp(at):
    return str(int(at.timestamp()))


@pytest.fixture
def form(make, workspace):
    return make.config(
        workspace,
        provider="webform",
        channel="web",
        addresses=[],
        credentials={"webhook_secret": SECRET},
    )


@pytest.fixture
def post(runtime, form):
    """Posts a form as the website does; returns the status of the answer."""
    application = client_of(runtime).application

    def post(fields, *, at=NOON, secret=SECRET):
        request = request_of(json.dumps(fields).encode())
        signed = sign(request, secret, timestamp=stamp(at))
        answer = application.test_client().post(
            f"/webhooks/webform/{form.id}", data=signed.body, headers=signed.headers
        )
        return answer.status_code

    return post


@pytest.fixture
def settle(runtime, jobs):
    """Lets what came find its place; returns the rows of tables."""

    def settle(*tables):
        for job in jobs(Materialize):
            materialize(runtime, job)
        with runtime.system_transaction() as tx:
            return [tx.session.query(table).all() for table in tables]

    return settle
