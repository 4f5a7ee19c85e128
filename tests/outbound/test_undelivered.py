"""What providers say of messages of ours after they have taken them."""

import pytest

from app import store
from tests.outbound.conftest import ANNA, echo


def status(name, **fields):
    return echo(
        None,
        kind="status",
        target_id="p1",
        external_id=f"p1:{name}",
        metadata={"status": name, **fields},
    )


@pytest.fixture
def anna(world, workspace, account):
    """What is known of her."""

    def anna():
        with world.transaction(workspace.id) as tx:
            return store.customers.identity(
                tx, ANNA["kind"], ANNA["value"], config_id=account.id
            )

    return anna


@pytest.mark.shows("F7", "F13")
@pytest.mark.parametrize("when", ["after the answer", "before the answer"])
def test_who_is_found_to_have_stopped_us_is_not_written_to_again(
    answer, dispatch, provider, receive, anna, when
):
    failed = status(
        "failed", rule="opted_out", error={"code": 131050, "title": "stopped"}
    )
    if when == "before the answer":
        provider.script = [lambda _: receive(failed) and None]
    answer("one")
    dispatch()
    if when == "after the answer":
        receive(failed)
    answer("two")

    assert anna().opted_out_at
    assert dispatch() == {"opted_out": 1}
    assert provider.texts == ["one"]


@pytest.mark.shows("F7", "I6")
def test_where_nothing_arrives_is_known_until_something_does(
    answer, dispatch, receive, anna
):
    answer("one")
    dispatch()

    receive(status("failed", rule="undeliverable", error={"code": "30003"}))
    assert anna().undeliverable_reason == "30003"
    receive(status("delivered"))
    assert anna().undeliverable_at

    answer("two")
    dispatch()
    receive(
        echo(
            None,
            kind="status",
            target_id="p2",
            external_id="p2:delivered",
            metadata={"status": "delivered"},
        )
    )
    assert anna().undeliverable_at is None


@pytest.mark.shows("F7")
def test_an_answer_that_could_not_be_delivered_answers_nothing(
    world, conversation, answer, dispatch, receive, row, said
):
    [part] = answer()
    dispatch()
    assert said()[0].reply_sent

    receive(status("failed", error={"code": 131000, "title": "Something went wrong"}))
    receive(status("delivered"))

    assert row(part)[1].delivery_status == "failed"
    assert not said()[0].reply_sent
    with world.system_transaction() as tx:
        found = store.conversations.get(tx, conversation)
        [incident] = [
            one for one in store.incidents.find(tx) if one.kind == "message_undelivered"
        ]
    assert found.last_outbound_message_at is None
    assert (incident.count, incident.details["rule"]) == (1, "refused")
