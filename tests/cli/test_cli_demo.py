"""The live part of the demo: what it sets up, and what it does not let pass."""

from datetime import UTC, datetime, timedelta

import pytest

from app import store
from app.cli import demo_chat
from app.domain.status import OutboundOrigin
from app.services.outbound.enqueue import Letter, answer_conversation
from app.services.pipeline.materialize import materialize
from tests.factories import message

pytestmark = pytest.mark.usefixtures("bizzybee")
ANNA = {"kind": "phone", "value": "+46701740605", "name": "Anna Lind"}


def test_the_shop_is_the_same_each_time(runtime):
    first, second = demo_chat.open_shop(), demo_chat.open_shop()

    assert first.id == second.id
    with runtime.transaction(first.id) as tx:
        assert len(store.products.in_order(tx, limit=10, active_only=True)) == 3
        assert store.tenants.workspace(tx, first.id).auto_reply


def test_a_conversation_that_broke_off_is_left_and_another_account_is_next(story):
    shop, _ = story(answers=(1, 0))

    names = [demo_chat.open_account(shop).name for _ in range(2)]

    assert names == ["whatsapp 2", "whatsapp 2"]


def test_a_shop_in_which_nobody_has_spoken_is_no_success():
    shop = demo_chat.open_shop()

    assert judge(shop, []).faults == ["the shop has no conversation"]


@pytest.mark.parametrize(
    ("copies", "fault"),
    [
        (0, ["the providers took 0 messages, we know of 2"]),
        (1, []),
        (2, ["the providers took 4 messages, we know of 2"]),
    ],
)
def test_what_the_provider_took_is_held_against_what_we_know(story, copies, fault):
    shop, sent = story(answers=(1, 1))
    taken = [{"body": {"biz_opaque_callback_data": one}} for one in sent]

    told = judge(shop, taken * copies)

    assert told.faults == ["0 orders, not one", *fault]
    assert told.record["dialogue"][0]["said"] == demo_chat.SAID[0]


def test_what_was_sent_before_may_not_be_sent_again(story):
    shop, sent = story(answers=(1, 1))
    again = [{"body": {"biz_opaque_callback_data": sent[0]}}]
    later = datetime.now(UTC) + timedelta(minutes=1)

    told = judge(shop, again, since=later)

    assert told.faults[-1] == "the providers took 1 messages, we know of 0"


@pytest.mark.parametrize(
    ("answers", "times"), [((1, 0), 0), ((1, 2), 2)], ids=["no answer", "two"]
)
def test_each_message_has_to_be_answered_once(story, answers, times):
    shop, sent = story(answers=answers)
    taken = [{"body": {"biz_opaque_callback_data": one}} for one in sent]

    fault, _ = judge(shop, taken).faults

    assert f" was answered {times} times; see: bizzybee events explain " in fault


def judge(shop, accepted, *, since=None):
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    return demo_chat.judge(shop, accepted, since=since or hour_ago, seconds=1.0)


@pytest.fixture
def story(runtime, make):
    """What the customer says, each message answered so often; returns what was sent."""

    def story(answers):
        shop = demo_chat.open_shop()
        account = demo_chat.open_account(shop)
        sent = []
        for text, times in zip(demo_chat.SAID, answers, strict=True):
            (event_id,) = make.events(
                account,
                message(
                    sender=ANNA,
                    recipients=[],
                    external_thread_id=ANNA["value"],
                    subject=None,
                    body_text=text,
                    sent_at=datetime.now(UTC),
                ),
            )
            materialize(runtime, make.materialize_job(account, [event_id]))
            event = make.event(event_id)
            sent += [answered(runtime, event, number) for number in range(times)]
        with runtime.database.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE outbound_messages SET state = 'sent', finished_at = now()"
            )
            connection.exec_driver_sql("UPDATE message_events SET finished_at = now()")
        return shop, sent

    return story


def answered(runtime, event, number):
    letter = Letter(
        text="It costs 12.50 EUR.",
        origin=OutboundOrigin.AUTOMATIC,
        actor="test",
        request_key=f"test:{event.id}:{number}",
        target_message_id=event.message_id,
    )
    with runtime.transaction(event.workspace_id) as tx:
        queued = answer_conversation(tx, runtime, event.conversation_id, letter)
    return str(queued.parts[0].message_id)
