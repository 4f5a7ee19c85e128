"""Orders that the assistant takes: one per confirmation, or none."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from app import store
from app.ai.anthropic_client import AnthropicDrafter
from app.domain.proposed_order import OrderContext, ProposedItem, ProposedOrder, Said
from app.domain.status import EventStatus, OrderState
from app.services.commerce import catalogue, orders
from app.services.commerce.catalogue import ProductFields
from app.services.commerce.order_context import offers_of
from app.services.commerce.place_order import place_order
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from sandbox.server import create_sandbox, listen
from tests.ai import answers
from tests.factories import START, message
from tests.fakes import ScriptedClassifier, ScriptedDrafter, ScriptedServer
from tests.sandboxes import running

SAID = "I take two of the blue mugs, please."
WANTS_TWO = answers.call("MUG-B", 2, "I take two of the blue mugs")
LATER = START + timedelta(hours=1)


class Killed(BaseException):
    """A process that ends here does nothing more."""


@pytest.fixture
def server():
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def mug(runtime, workspace):
    return catalogue.add_product(
        runtime,
        workspace.id,
        ProductFields(
            sku="MUG-B", name="Blue mug", price=Decimal("12.50"), currency="EUR"
        ),
        actor="test",
    )


@pytest.fixture
def arrive(runtime, make, config):
    """Bring messages up to the decision."""

    def arrive(*messages):
        ids = make.events(config, *messages)
        materialize(runtime, make.materialize_job(config, ids))
        current = replace(
            runtime, classifier=ScriptedClassifier(), drafter=ScriptedDrafter()
        )
        classify(current, make.classify_job(config, ids))
        return ids

    return arrive


@pytest.fixture
def write(runtime, make, config, server, mug):
    """Draft with a model that wants this order, if any; the far side is the network."""

    def write(event_id, wanted=None, *, checkpoint=None, reply="We noted it."):
        if wanted is not None:
            server.answer(answers.tool_use(wanted))
        server.answer(answers.message(reply))
        drafter = AnthropicDrafter(
            base_url=server.url, key=SecretStr("k"), model="m", timeout=5.0
        )
        current = replace(runtime, drafter=drafter)
        if checkpoint is not None:
            current = replace(current, checkpoint=checkpoint)
        return draft(current, make.draft_job(config, [event_id])).counts

    return write


@pytest.fixture
def placed(runtime, workspace):
    """The orders of the workspace, the newest first."""
    return lambda: orders.list_orders(runtime, workspace.id, limit=10)


@pytest.fixture
def draft_of(runtime, make):
    def draft_of(event_id):
        with runtime.system_transaction() as tx:
            return store.messages.draft_of(tx, make.event(event_id).message_id)

    return draft_of


def test_a_confirmed_order_waits_for_its_review(arrive, write, placed, draft_of, make):
    (event_id,) = arrive(message(body_text=SAID))

    assert write(event_id, WANTS_TWO) == {"drafted": 1}

    (order,) = placed()
    event = make.event(event_id)
    assert order.state is OrderState.PENDING_REVIEW
    assert order.ai_generated
    assert order.conversation_id == event.conversation_id
    assert order.confirmed_by_message_id == event.message_id
    assert order.confirmed_with == "I take two of the blue mugs"
    (item,) = order.items
    assert (item["sku"], item["quantity"]) == ("MUG-B", 2)
    assert (item["name"], item["unit_price"]) == ("Blue mug", "12.50")
    assert (order.total, order.currency) == (Decimal("25.00"), "EUR")
    assert order.customer_name == "Anna Berg"
    assert order.customer_email == "anna@example.com"
    kept = draft_of(event_id)
    assert (kept.order_id, kept.order_refusal) == (order.id, None)


def test_the_sandbox_shows_an_order(
    arrive, runtime, make, config, mug, placed, draft_of
):
    (event_id,) = arrive(message(body_text=SAID))
    with running(create_sandbox(None, "shop@shop.example"), listen) as url:
        drafter = AnthropicDrafter(
            base_url=f"{url}/anthropic", key=SecretStr("k"), model="m", timeout=5.0
        )
        draft(replace(runtime, drafter=drafter), make.draft_job(config, [event_id]))

    (order,) = placed()
    assert order.items[0]["quantity"] == 2
    assert "2 × Blue mug" in draft_of(event_id).body


def test_a_reply_without_an_order_places_none(arrive, write, placed, draft_of):
    (event_id,) = arrive(message(body_text="Is the blue mug large?"))

    write(event_id, reply="It holds a third of a litre.")

    assert placed() == []
    assert draft_of(event_id).order_id is None


def test_what_is_refused_is_kept_with_the_draft(arrive, write, placed, draft_of):
    (event_id,) = arrive(message(body_text=SAID))

    write(event_id, answers.call("MUG-B", 900, "I take two"), reply="I shall ask.")

    assert placed() == []
    kept = draft_of(event_id)
    assert kept.order_refusal["rule"] == "quantity_out_of_bounds"
    assert (kept.body, kept.order_id) == ("I shall ask.", None)


def test_where_a_workspace_trusts_it_the_order_is_confirmed(
    arrive, write, placed, runtime, workspace, config
):
    orders.set_trust(runtime, workspace.id, trusted=True, actor="test")
    connected_before(runtime, config)
    (event_id,) = arrive(message(body_text=SAID))

    write(event_id, WANTS_TWO)

    assert [one.state for one in placed()] == [OrderState.CONFIRMED]


def test_what_was_written_before_we_were_connected_is_not_trusted(
    arrive, write, placed, runtime, workspace
):
    orders.set_trust(runtime, workspace.id, trusted=True, actor="test")
    (event_id,) = arrive(message(body_text=SAID, sent_at=START - timedelta(days=9)))

    write(event_id, WANTS_TWO)

    assert [one.state for one in placed()] == [OrderState.PENDING_REVIEW]


@pytest.mark.shows("G4")
def test_killed_before_the_commit_it_is_redone_and_there_is_one(
    arrive, write, placed, runtime, make
):
    (event_id,) = arrive(message(body_text=SAID))

    def kill(point):
        if point == "draft.called":
            raise Killed

    with pytest.raises(Killed):
        write(event_id, WANTS_TWO, checkpoint=kill)
    before = placed()
    let_lapse(runtime)
    write(event_id, WANTS_TWO)

    assert before == []
    assert len(placed()) == 1
    assert make.event(event_id).status is EventStatus.DRAFTED


@pytest.mark.shows("G4", "B1")
def test_two_that_place_the_order_of_one_message_place_one(
    runtime, arrive, make, workspace, mug, placed
):
    """Both hold an answer of the model: the unique key decides."""
    (event_id,) = arrive(message(body_text=SAID))
    event = make.event(event_id)
    said = Said(event.message_id, SAID)
    context = OrderContext(offers=tuple(offers_of([mug])), said=(said,), newest=(said,))
    wanted = ProposedOrder((ProposedItem("MUG-B", 2),), "I take two")
    start = Barrier(2)

    def place(_):
        start.wait(10)
        with runtime.transaction(workspace.id) as tx:
            found = place_order(
                tx,
                wanted,
                context,
                workspace_id=workspace.id,
                conversation_id=event.conversation_id,
            )
            time.sleep(0.1)
            return found

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(place, range(2))

    (order,) = placed()
    assert first == second == order.id


@pytest.mark.shows("B1")
def test_a_job_delivered_twice_asks_and_orders_once(arrive, write, placed, server):
    (event_id,) = arrive(message(body_text=SAID))
    write(event_id, WANTS_TWO)

    assert write(event_id, WANTS_TWO) == {}

    assert len(placed()) == 1
    assert len(server.requests) == 2


@pytest.mark.shows("G3")
def test_a_draft_that_a_newer_message_overtakes_places_no_order(
    arrive, write, placed, make
):
    (event_id,) = arrive(message(external_id="a@x", body_text=SAID, sent_at=START))

    def overtake(point):
        if point == "draft.called":
            arrive(message(external_id="b@x", in_reply_to="a@x", body_text="Wait!"))

    assert write(event_id, WANTS_TWO, checkpoint=overtake) == {"superseded": 1}

    assert placed() == []


def test_a_message_that_only_adds_to_it_completes_the_same_order(arrive, write, placed):
    (first,) = arrive(message(external_id="a@x", body_text=SAID, sent_at=START))
    write(first, WANTS_TWO)
    (second,) = arrive(
        message(
            external_id="b@x",
            in_reply_to="a@x",
            body_text="Send them to Long Lane 5, Leeds.",
            sent_at=LATER,
        )
    )

    write(second, WANTS_TWO | {"customer_address": "Long Lane 5, Leeds"})

    (order,) = placed()
    assert order.customer_address == "Long Lane 5, Leeds"
    assert order.items[0]["quantity"] == 2


def test_a_change_of_mind_before_the_answer_takes_the_place_of_the_order(
    arrive, write, placed
):
    (first,) = arrive(message(external_id="a@x", body_text=SAID, sent_at=START))
    write(first, WANTS_TWO)
    (second,) = arrive(
        message(
            external_id="b@x",
            in_reply_to="a@x",
            body_text="Sorry, make it three mugs.",
            sent_at=LATER,
        )
    )

    write(second, answers.call("MUG-B", 3, "make it three mugs"))

    newer, older = placed()
    assert (newer.state, newer.items[0]["quantity"]) == (OrderState.PENDING_REVIEW, 3)
    assert older.state is OrderState.CANCELLED
    assert str(newer.id) in older.note


def test_an_order_that_somebody_dealt_with_is_not_written_over(
    arrive, write, placed, runtime, workspace
):
    (first,) = arrive(message(external_id="a@x", body_text=SAID, sent_at=START))
    write(first, WANTS_TWO)
    (order,) = placed()
    orders.change_order(
        runtime, workspace.id, order.id, state=OrderState.CONFIRMED, actor="test"
    )
    (second,) = arrive(
        message(
            external_id="b@x", in_reply_to="a@x", body_text="Thanks!", sent_at=LATER
        )
    )

    write(second, reply="You are welcome.")

    (kept,) = placed()
    assert (kept.state, kept.items) == (OrderState.CONFIRMED, order.items)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"active": False}, id="no longer sold"),
        pytest.param({"price": Decimal("14.00")}, id="dearer"),
    ],
)
def test_a_catalogue_that_changed_during_the_call_has_the_reply_written_anew(
    arrive, write, placed, runtime, workspace, mug, make, change
):
    (event_id,) = arrive(message(body_text=SAID))

    def during(point):
        if point == "draft.called":
            catalogue.change_product(
                runtime, workspace.id, mug.id, change, actor="test"
            )

    assert write(event_id, WANTS_TWO, checkpoint=during) == {"put_off": 1}

    assert placed() == []
    assert make.event(event_id).finished_at is None


def test_where_the_ai_is_switched_off_there_is_nothing_to_order(
    arrive, write, server, runtime, make
):
    (event_id,) = arrive(message(body_text=SAID))
    with runtime.system_transaction() as tx:
        tx.session.execute(text("UPDATE conversations SET ai_enabled = false"))

    write(event_id, reply="Hello.")

    assert "tools" not in server.requests[0].body


def test_a_quoted_yes_is_nobodys(arrive, write, placed, draft_of):
    (event_id,) = arrive(
        message(
            body_text="What do you think of this?\n\n"
            "On Mon, 2 Nov 2026 at 10:00, Bo <bo@example.com> wrote:\n"
            "> I take two of the blue mugs, please.\n"
        )
    )

    write(event_id, WANTS_TWO, reply="Hello.")

    assert placed() == []
    assert draft_of(event_id).order_refusal is not None


def test_the_orders_of_joined_conversations_stay_together(
    arrive, write, placed, runtime, make
):
    (first,) = arrive(message(external_id="a@x", body_text="Hello", sent_at=START))
    (second,) = arrive(message(external_id="b@x", body_text=SAID, sent_at=START))
    write(second, WANTS_TWO)

    arrive(message(external_id="c@x", references=["a@x", "b@x"], sent_at=LATER))

    (order,) = placed()
    assert order.conversation_id == make.event(first).conversation_id
    assert order.conversation_id == make.event(second).conversation_id


def let_lapse(runtime):
    """What a killed worker held is free after a while."""
    with runtime.system_transaction() as tx:
        tx.session.execute(
            text("UPDATE message_events SET lease_expires_at = now() - interval '1 s'")
        )


def connected_before(runtime, config):
    """Let an account be connected before anybody wrote."""
    with runtime.system_transaction() as tx:
        tx.session.execute(
            text("UPDATE channel_configs SET connected_at = :at WHERE id = :id"),
            {"at": START - timedelta(days=1), "id": config.id},
        )
