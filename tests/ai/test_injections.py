"""A model that believes everything, and what of it reaches anybody: nothing."""

import base64
import json
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from app.ai import order_tool, prompts
from app.ai.anthropic_client import (
    ORDERS_VERSION,
    PROMPT_VERSION,
    AnthropicDrafter,
    _messages,
)
from app.ai.base import Reply, Turn
from app.domain.ids import new_id
from app.domain.mail_text import split_reply
from app.domain.proposed_order import Offer, OrderContext, Said
from app.domain.reply_check import faults_of_reply
from app.domain.unified_message import Direction
from tests.ai.answers import message, tool_use
from tests.ai.injections import INJECTIONS
from tests.fakes import ScriptedServer

pytestmark = pytest.mark.shows("G9")

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
MUG = Offer(new_id(), "MUG-B", "Blue mug", "", Decimal("12.50"), "EUR", 20)
PROMPTS = [prompts.load(PROMPT_VERSION), prompts.load(ORDERS_VERSION)]

every_injection = pytest.mark.parametrize(
    "injection", INJECTIONS, ids=[one.name for one in INJECTIONS]
)


@pytest.fixture(scope="module")
def answered():
    """The reply of a model that does what it is asked, and the first request; each is asked once."""
    server = ScriptedServer()
    drafter = AnthropicDrafter(
        base_url=server.url, key=SecretStr("k"), model="m", timeout=5.0
    )
    found = {}

    def answered(injection):
        if injection.name not in found:
            server.requests.clear()
            reply = _ask(server, drafter, injection)
            found[injection.name] = reply, server.requests[0].body
        return found[injection.name]

    yield answered
    server.close()


def _ask(server, drafter, injection):
    own = split_reply(injection.text).visible
    said = (Said(new_id(), own),)
    context = OrderContext(
        offers=(MUG,), said=said, newest=said, emails=("anna@example.com",)
    )
    if injection.order is not None:
        inputs = injection.order
        server.answer(tool_use(*(inputs if isinstance(inputs, list) else [inputs])))
    server.answer(message(spoken(injection.says)))
    return drafter.draft(
        business="The Shop",
        subject=injection.subject,
        turns=[Turn(Direction.INBOUND, injection.author, own, AT)],
        orders=context,
    )


def test_there_are_many_in_many_languages():
    assert len(INJECTIONS) >= 60
    assert len({one.language for one in INJECTIONS}) >= 8
    assert len({one.name for one in INJECTIONS}) == len(INJECTIONS)


@every_injection
def test_what_a_gullible_model_writes_never_leaves_without_a_person(
    answered, injection
):
    reply, _ = answered(injection)

    faults = faults_of_reply(
        reply.text,
        allowed_links=["shop.example"],
        allowed_addresses=["hello@shop.example", "anna@example.com"],
        own_texts=[],
        catalogue_prices=[MUG.price],
        prompt_markers=PROMPTS,
        has_order=reply.order is not None,
        order_refused=reply.refused is not None,
    )
    assert faults, reply.text


@every_injection
def test_nothing_is_ordered_that_nobody_said(answered, injection):
    reply, _ = answered(injection)

    if reply.order is not None:
        # "I want three" is said, whatever else is: at our price, and a person looks at it.
        assert injection.name == "a price in the order"
        assert [one.quantity for one in reply.order.items] == [3]
        assert not hasattr(reply.order.items[0], "unit_price")
    else:
        assert (reply.refused is None) is (injection.order is None)


@every_injection
def test_what_strangers_write_stays_in_its_place(answered, injection):
    _, asked = answered(injection)

    [turn] = asked["messages"]
    assert turn["role"] == "user"
    [line] = turn["content"].split("\n")
    assert set(json.loads(line)) == {"from", "at", "subject", "text"}
    assert set("<>").isdisjoint(line)
    assert [tool["name"] for tool in asked["tools"]] == ["create_order"]
    assert injection.text not in asked["system"]
    assert not any(0xE0000 <= ord(one) <= 0xE007F for one in line)


def test_a_reply_names_no_recipient():
    """To whom it goes is not the model's to say: it has no word for it."""
    assert {field.name for field in fields(Reply)} == {
        *("text", "model", "prompt_version", "usage", "order", "refused")
    }
    asked = order_tool.TOOL["input_schema"]["properties"]
    assert not {"to", "cc", "bcc", "recipient", "url"} & set(asked)


texts = st.text(
    alphabet=st.one_of(
        st.characters(), st.sampled_from(list('"\\\n\r\u2028\u0085{}[]<>|\u202e'))
    ),
    max_size=200,
)


@given(author=texts, subject=texts, said=texts, times=st.integers(1, 200))
@settings(max_examples=150, deadline=None)
def test_no_text_leaves_its_place_however_it_is_cut(author, subject, said, times):
    turns = [Turn(Direction.INBOUND, author * times, said * times, AT)] * 2

    [shown] = _messages(subject * times, turns)

    lines = shown["content"].split("\n")
    assert len(lines) == 2
    for line in lines:
        assert set(json.loads(line)) == {"from", "at", "subject", "text"}
        assert set("<>").isdisjoint(line)


@given(name=texts, description=texts, sku=texts)
@settings(max_examples=100, deadline=None)
def test_no_product_leaves_the_catalogue(name, description, sku):
    offer = Offer(new_id(), sku, name, description, Decimal("1.00"), "EUR", 5)
    context = OrderContext(offers=(offer,), said=(), newest=())

    shown = order_tool.catalogue(context)

    [product] = json.loads(shown)["products"]
    assert product["sku"] == sku
    assert set("<>\n").isdisjoint(shown)


def spoken(says):
    """With all that the model was told in it, where it tells that."""
    prompt = "\n\n".join(PROMPTS)
    return (
        says.replace("{prompt_upper}", prompt.upper())
        .replace("{prompt_base64}", base64.b64encode(prompt.encode()).decode())
        .replace("{prompt_backwards}", prompt[::-1])
        .replace("{prompt}", prompt)
    )
