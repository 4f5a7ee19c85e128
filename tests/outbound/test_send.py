"""Messages on their way out: once, in order, and what every error leads to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app import store
from app.channels.sending import Sent
from app.domain.outbound import MAX_CHECKS, MAX_SENDS
from app.domain.status import (
    ConfigStatus,
    DeliveryStatus,
    OutboundState,
)
from app.errors import (
    AuthError,
    Conflict,
    InvalidInput,
    OptedOut,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryableError,
    Undeliverable,
    WindowClosed,
)
from app.jobs.contracts import Outbound
from app.models import AuditEntry, DeadLetter, Message
from app.services.operations.requeue import requeue_letters
from app.services.operations.supervise import supervise
from app.services.operations.sweep import sweep
from app.services.outbound.messages import settle
from tests.outbound.conftest import chat, echo


def test_a_message_and_its_place_in_the_queue_are_written_together(
    world, answer, row, said
):
    [part] = answer()

    outbound, message = row(part)

    assert outbound.state is OutboundState.QUEUED
    assert (message.delivery_status, message.external_id) == (
        DeliveryStatus.QUEUED,
        None,
    )
    assert said()[-1].id == message.id
    [job] = [one for one in world.publisher.jobs if isinstance(one, Outbound)]
    assert job.conversation_id == outbound.conversation_id


def test_it_is_sent_to_whoever_wrote_and_takes_the_id_of_the_provider(
    answer, dispatch, provider, row, said
):
    [part] = answer()

    assert dispatch() == {"sent": 1}

    outbound, message = row(part)
    [taken] = provider.taken
    assert (taken.to.value, taken.text, taken.id) == (
        "+4915112345678",
        "It comes in blue.",
        message.id,
    )
    assert taken.reply_to == said()[0].external_id
    assert outbound.state is OutboundState.SENT
    assert (message.external_id, message.delivery_status) == ("p1", "sent")
    assert said()[0].reply_sent


@pytest.mark.shows("I1")
def test_what_was_sent_is_not_sent_again(answer, dispatch, provider):
    answer()
    dispatch()

    assert dispatch() == {}
    assert len(provider.taken) == 1


@pytest.mark.shows("I2")
def test_the_same_request_gives_the_same_message(answer, dispatch, provider):
    [once] = answer("Yes.", request_key="api:k1")
    [again] = answer("Yes.", request_key="api:k1")
    with pytest.raises(Conflict, match="another message"):
        answer("No.", request_key="api:k1")

    dispatch()
    assert once.id == again.id
    assert provider.texts == ["Yes."]


@pytest.mark.shows("I3")
def test_an_earlier_message_that_waits_keeps_the_later_ones_behind_it(
    answer, dispatch, provider, due_now
):
    provider.script = [RetryableError("busy")]
    answer("first")
    answer("second")

    assert dispatch() == {"put_off": 1}
    assert provider.texts == []
    due_now()
    assert dispatch() == {"sent": 2}
    assert provider.texts == ["first", "second"]


@pytest.mark.shows("I5")
def test_a_long_text_goes_out_in_parts_and_goes_on_where_it_failed(
    answer, dispatch, provider, due_now, said
):
    text = " ".join(f"word{number}" for number in range(400))
    provider.script = [lambda _: None, RetryableError("busy")]
    parts = answer(text)

    assert len(parts) > 2
    assert dispatch() == {"sent": 1, "put_off": 1}
    due_now()
    assert dispatch() == {"sent": len(parts) - 1}
    assert " ".join(provider.texts) == text
    assert [one.body for one in said()[1:]] == provider.texts


@pytest.mark.shows("I5")
def test_a_part_that_is_refused_takes_the_rest_of_its_text_along(
    answer, dispatch, provider, row
):
    provider.script = [PermanentError("no such template")]
    parts = answer("word " * 500)
    [later] = answer("and this")

    assert dispatch() == {"failed": 1, "sent": 1}
    assert provider.texts == ["and this"]
    states = [row(part)[0].state for part in parts]
    assert states == ["failed", *["cancelled"] * (len(parts) - 1)]
    assert row(parts[1])[1].delivery_status is DeliveryStatus.FAILED
    assert row(later)[0].state is OutboundState.SENT


@pytest.mark.shows("I4")
def test_what_may_succeed_is_tried_three_times_and_then_given_up_with_its_reason(
    world, answer, dispatch, provider, row, due_now
):
    provider.script = [RetryableError("the line is busy")] * (MAX_SENDS + 1)
    [part] = answer()
    for _ in range(MAX_SENDS + 1):
        dispatch()
        due_now()

    outbound, message = row(part)
    assert (outbound.state, outbound.rule, outbound.attempts) == (
        "failed",
        "gave_up",
        3,
    )
    assert message.delivery_reason == "RetryableError: the line is busy"
    assert len(provider.script) == 1
    with world.system_transaction() as tx:
        [letter] = store.dead_letters.find(tx, job_type="OUTBOUND")
    assert "busy" in letter.error


@pytest.mark.shows("I4")
@pytest.mark.parametrize(
    ("error", "rule"),
    [
        (PermanentError("too odd"), "refused"),
        (WindowClosed("too late"), "window_closed"),
        (OptedOut("said stop"), "opted_out"),
        (Undeliverable("no such number"), "undeliverable"),
    ],
)
def test_what_will_never_do_is_tried_once(answer, dispatch, provider, row, error, rule):
    provider.script = [error]
    [part] = answer()

    assert dispatch() == {"failed": 1}
    outbound, message = row(part)
    assert (outbound.state, outbound.rule) == (OutboundState.FAILED, rule)
    assert str(error) in message.delivery_reason


@pytest.mark.shows("I4", "A17")
def test_a_rate_limit_counts_no_attempt_and_holds_the_account_back(
    answer, dispatch, provider, row, due_now
):
    provider.script = [RateLimited("slow down", 30.0)] * 5
    [part] = answer()
    for _ in range(5):
        assert dispatch() == {"put_off": 1}
        assert dispatch() == {}
        due_now()

    assert row(part)[0].attempts == 0
    assert dispatch() == {"sent": 1}


@pytest.mark.shows("A20", "I4")
def test_refused_credentials_pause_sending_and_nothing_else(
    world, workspace, account, answer, dispatch, provider, receive, row, due_now
):
    provider.script = [AuthError("the token has expired")]
    [part] = answer()

    assert dispatch() == {"put_off": 1}
    due_now()
    assert dispatch() == {}
    assert receive(chat("still there?"))[0].message_id
    with world.transaction(workspace.id) as tx:
        config = store.tenants.config(tx, account.id)
        assert config.status is ConfigStatus.DISCONNECTED
        store.tenants.set_config_status(tx, account.id, ConfigStatus.ACTIVE, None)
    assert dispatch() == {"sent": 1}
    assert row(part)[0].attempts == 1


@pytest.mark.shows("I1")
@pytest.mark.parametrize(
    "error", [OutcomeUnknown("silence"), RuntimeError("a bug of ours")]
)
def test_what_may_have_been_sent_is_uncertain_and_not_sent_again(
    world, answer, dispatch, provider, row, due_now, error
):
    provider.script = [error]
    [part] = answer()

    assert dispatch() == {"uncertain": 1}
    due_now()
    sweep(world, forced=True)
    assert dispatch() == {}
    assert provider.taken == []
    outbound, _ = row(part)
    assert outbound.state is OutboundState.UNCERTAIN
    assert outbound.finished_at is not None
    assert supervise(world, forced=True)["sends_uncertain"] == 1


@pytest.mark.shows("I1")
def test_who_was_lost_while_sending_leaves_it_uncertain(
    world, workspace, conversation, answer, dispatch, provider, row, lapse, due_now
):
    [part] = answer()
    with world.transaction(workspace.id) as tx:
        claimed = store.outbound.claim(tx, conversation, lease=world.lease)
    assert claimed is not None
    assert dispatch() == {}
    lapse()
    due_now()
    world.publisher.jobs.clear()

    assert sweep(world, forced=True)["outbound"] == 1
    assert dispatch() == {"uncertain": 1}
    assert dispatch() == {}
    assert provider.taken == []
    assert row(part)[0].state is OutboundState.UNCERTAIN


@pytest.mark.shows("I1")
def test_an_uncertain_message_is_looked_for_and_found(
    answer, dispatch, provider, row, due_now
):
    provider.can_find = True
    provider.script = [OutcomeUnknown("silence")]
    [part] = answer()

    assert dispatch() == {"uncertain": 1}
    due_now()
    assert dispatch() == {"not_found": 1}
    provider.findable[part.message_id] = Sent("p77")
    due_now()
    assert dispatch() == {"sent": 1}
    outbound, message = row(part)
    assert (outbound.state, message.external_id) == (OutboundState.SENT, "p77")
    assert provider.taken == []


@pytest.mark.shows("I1")
def test_what_is_never_found_is_left_to_a_person(
    world, answer, dispatch, provider, row, due_now
):
    provider.can_find = True
    provider.script = [OutcomeUnknown("silence")]
    [part] = answer()
    dispatch()
    for _ in range(MAX_CHECKS + 2):
        due_now()
        dispatch()

    assert len(provider.looked) == MAX_CHECKS
    assert row(part)[0].finished_at is not None
    settle(world, part.id, was_sent=False, actor="test")
    assert dispatch() == {"sent": 1}
    with pytest.raises(Conflict):
        settle(world, part.id, was_sent=False, actor="test")
    assert len(provider.taken) == 1


def test_a_person_may_say_that_it_arrived(world, answer, dispatch, provider, row):
    provider.script = [OutcomeUnknown("silence")]
    parts = answer("word " * 300)
    dispatch()
    assert [row(part)[0].state for part in parts] == ["uncertain", "held"]

    settle(world, parts[0].id, was_sent=True, actor="anna")

    assert dispatch() == {"sent": 1}
    assert [row(part)[0].state for part in parts] == ["sent", "sent"]
    with world.system_transaction() as tx:
        actions = tx.session.scalars(
            select(AuditEntry.action).where(AuditEntry.actor == "anna")
        ).all()
    assert actions == ["message.settle"]


def test_an_uncertain_message_does_not_keep_others_waiting(
    answer, dispatch, provider, due_now
):
    provider.script = [OutcomeUnknown("silence")]
    answer("first")
    answer("second")

    assert dispatch() == {"uncertain": 1, "sent": 1}
    assert provider.texts == ["second"]


@pytest.mark.shows("F2", "B7", "I1")
@pytest.mark.parametrize("when", ["before the answer", "after it", "instead of it"])
def test_an_echo_meets_the_message_it_came_from(
    answer, dispatch, provider, receive, said, row, when
):
    def come_back(outgoing):
        if when != "after it":
            receive(echo("It comes in  blue.", external_id="p1"))
        if when == "instead of it":
            raise OutcomeUnknown("silence")

    provider.script = [come_back]
    [part] = answer()
    dispatch()
    if when == "after it":
        receive(echo("It comes in blue.", external_id="p1"))

    assert [one.body for one in said()] == [
        "Do you have it in blue?",
        "It comes in blue.",
    ]
    outbound, message = row(part)
    assert (outbound.state, message.external_id) == (OutboundState.SENT, "p1")
    assert message.delivery_status is DeliveryStatus.SENT


@pytest.mark.shows("B7")
def test_two_equal_texts_meet_one_echo_each(answer, dispatch, provider, receive, said):
    provider.script = [OutcomeUnknown("silence")] * 2
    answer("ok", request_key="test:1")
    answer("ok", request_key="test:2")
    dispatch()

    receive(echo("ok", external_id="e1"))
    assert [one.external_id for one in said()[1:]] == ["e1", None]
    receive(echo("ok", external_id="e2"), echo("ok", external_id="e1"))
    assert [one.external_id for one in said()[1:]] == ["e1", "e2"]
    receive(echo("ok", external_id="e3"))
    assert len(said()) == 4


@pytest.mark.shows("F1")
def test_what_a_person_wrote_in_the_providers_app_is_a_message_of_its_own(
    answer, dispatch, receive, said
):
    answer("one thing")
    dispatch()

    receive(echo("another thing", external_id="e1"))

    assert [one.body for one in said()[1:]] == ["one thing", "another thing"]


@pytest.mark.shows("F8", "F7")
def test_a_status_that_comes_before_the_answer_of_the_call_is_kept(
    answer, dispatch, provider, receive, row
):
    def status(name, **fields):
        return echo(
            None,
            kind="status",
            target_id="p1",
            external_id=f"p1:{name}",
            metadata={"status": name, **fields},
        )

    provider.script = [lambda _: receive(status("read")) and None]
    [part] = answer()

    dispatch()
    assert row(part)[1].delivery_status is DeliveryStatus.READ
    receive(status("delivered"))
    assert row(part)[1].delivery_status is DeliveryStatus.READ


@pytest.mark.shows("I1", "F8")
def test_a_status_that_carries_our_id_tells_what_became_of_an_uncertain_message(
    answer, dispatch, provider, receive, row, said
):
    provider.script = [OutcomeUnknown("silence")]
    [part] = answer()
    dispatch()

    receive(
        echo(
            None,
            kind="status",
            target_id="w9",
            external_id="w9:delivered",
            metadata={"status": "delivered", "own_id": str(part.message_id)},
        )
    )

    outbound, message = row(part)
    assert outbound.state is OutboundState.SENT
    assert (message.external_id, message.delivery_status) == ("w9", "delivered")


@pytest.mark.shows("L1")
def test_an_id_of_ours_in_somebody_elses_status_means_nothing(
    world, maker, make, answer, dispatch, provider, row
):
    from app.services.pipeline.materialize import materialize

    provider.script = [OutcomeUnknown("silence")]
    [part] = answer()
    dispatch()
    other = maker.config(
        make.workspace(), provider="provider", channel="whatsapp", addresses=[]
    )
    ids = maker.events(
        other,
        echo(
            None,
            kind="status",
            target_id="w9",
            external_id="w9:delivered",
            metadata={"status": "delivered", "own_id": str(part.message_id)},
        ),
    )
    materialize(world, maker.materialize_job(other, ids))

    assert row(part)[0].state is OutboundState.UNCERTAIN


@pytest.mark.shows("F13")
def test_who_has_said_stop_is_not_written_to(answer, dispatch, provider, receive, row):
    receive(chat("STOP", metadata={"consent": "stop"}))
    [part] = answer()

    assert dispatch() == {"opted_out": 1}
    assert provider.taken == []
    assert row(part)[0].rule == "opted_out"


@pytest.mark.shows("F13")
def test_a_provider_that_says_so_stops_the_next_message_too(
    answer, dispatch, provider, row
):
    provider.script = [OptedOut("21610")]
    answer("one")
    dispatch()
    answer("two")

    assert dispatch() == {"opted_out": 1}
    assert provider.taken == []


@pytest.mark.shows("I6")
def test_an_address_where_nothing_arrives_is_known_from_then_on(
    world, workspace, answer, dispatch, provider, account
):
    provider.script = [Undeliverable("not on WhatsApp")]
    answer()
    dispatch()

    with world.transaction(workspace.id) as tx:
        identity = store.customers.identity(
            tx, "phone", "+4915112345678", config_id=account.id
        )
    assert identity.undeliverable_at
    assert "not on WhatsApp" in identity.undeliverable_reason


@pytest.mark.shows("H7")
def test_a_free_text_after_the_window_is_refused_here(
    world, workspace, receive, answer, dispatch, provider, row
):
    provider.window = timedelta(hours=24)
    late = chat(
        sent_at=datetime.now(UTC) - timedelta(hours=25),
        sender={"kind": "phone", "value": "+4915199999999"},
        external_thread_id="+4915199999999",
    )
    within = receive(late)[0].conversation_id
    # What we say opens no window.
    receive(
        echo(
            "hello?",
            external_thread_id="+4915199999999",
            recipients=[late.sender.model_dump()],
        )
    )
    [part] = answer(within=within)

    assert dispatch(within) == {"window_closed": 1}
    outbound, _ = row(part)
    assert "template" in outbound.last_error
    assert provider.taken == []


@pytest.mark.shows("K4")
def test_a_dead_letter_is_sent_when_somebody_says_so(
    world, answer, dispatch, provider, row
):
    provider.script = [PermanentError("no such template")]
    [part] = answer()
    dispatch()
    with world.system_transaction() as tx:
        [letter] = store.dead_letters.find(tx, job_type="OUTBOUND")

    assert requeue_letters(world, [letter.id]) == [letter.id]
    assert dispatch() == {"sent": 1}
    assert requeue_letters(world, [letter.id]) == []
    assert row(part)[1].delivery_status is DeliveryStatus.SENT


def test_a_job_that_was_lost_is_rung_for_again(world, conversation, answer, due_now):
    answer()
    world.publisher.jobs.clear()
    assert sweep(world, forced=True)["outbound"] == 0

    due_now()
    assert sweep(world, forced=True)["outbound"] == 1
    [job] = [one for one in world.publisher.jobs if isinstance(one, Outbound)]
    assert job.conversation_id == conversation


def test_nothing_leaves_before_its_time(answer, dispatch):
    answer(send_at=datetime.now(UTC) + timedelta(hours=1))

    assert dispatch() == {}


@pytest.mark.parametrize("text", ["", "  \n", "x" * 100_001])
def test_a_text_that_cannot_be_sent_is_refused_when_it_is_queued(answer, text):
    with pytest.raises(InvalidInput):
        answer(text, request_key="test:odd")


def test_a_failed_answer_leaves_the_conversation_unanswered(
    world, answer, dispatch, provider, conversation
):
    provider.script = [PermanentError("no")]
    answer()
    with world.system_transaction() as tx:
        assert store.conversations.get(tx, conversation).last_outbound_message_at
    dispatch()

    with world.system_transaction() as tx:
        found = store.conversations.get(tx, conversation)
        assert found.last_outbound_message_at is None
        letters = tx.session.scalars(select(DeadLetter)).all()
        messages = tx.session.scalars(select(Message)).all()
    assert len(letters) == 1
    assert len(messages) == 2


@pytest.mark.shows("I5", "K4")
def test_a_text_whose_part_was_refused_goes_out_whole_when_somebody_says_so(
    world, answer, dispatch, provider
):
    text = " ".join(f"word{number}" for number in range(400))
    provider.script = [lambda _: None, PermanentError("no such template")]
    answer(text)
    dispatch()
    with world.system_transaction() as tx:
        [letter] = store.dead_letters.find(tx, job_type="OUTBOUND")

    requeue_letters(world, [letter.id])
    dispatch()

    assert " ".join(provider.texts) == text


def test_what_is_to_go_out_later_holds_nothing_back(
    answer, dispatch, provider, due_now
):
    answer("later", send_at=datetime.now(UTC) + timedelta(days=7))
    answer("now")

    assert dispatch() == {"sent": 1}
    assert provider.texts == ["now"]
    due_now()
    assert dispatch() == {"sent": 1}
    assert provider.texts == ["now", "later"]


@pytest.mark.shows("I7", "B7")
def test_what_comes_back_later_does_not_undo_what_was_reported_of_it(
    world, workspace, answer, dispatch, provider, receive, row
):
    provider.script = [lambda _: Sent(None)]
    [part] = answer()
    dispatch()
    with world.transaction(workspace.id) as tx:
        store.mail_reports.raise_delivery(
            tx, part.message_id, DeliveryStatus.FAILED, "no such user"
        )

    receive(echo("It comes in blue.", external_id="e1"))

    _, message = row(part)
    assert message.external_id == "e1"
    assert (message.delivery_status, message.delivery_reason) == (
        "failed",
        "no such user",
    )


@pytest.mark.shows("I1")
def test_what_was_put_off_for_days_still_meets_its_echo(
    world, answer, dispatch, provider, receive, said, due_now
):
    provider.script = [RateLimited("slow down", 30.0), OutcomeUnknown("silence")]
    answer()
    dispatch()
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE outbound_messages SET first_tried_at = now() - interval '3 days'"
        )
    due_now()
    dispatch()

    receive(echo("It comes in blue.", external_id="e1"))

    assert [one.external_id for one in said()[1:]] == ["e1"]


@pytest.mark.shows("F1")
def test_the_same_text_written_hours_after_one_that_nobody_knows_of_is_another(
    world, answer, dispatch, provider, receive, said, row
):
    provider.script = [OutcomeUnknown("silence")]
    [part] = answer("ok")
    dispatch()
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE outbound_messages SET first_tried_at = now() - interval '5 hours', "
            "finished_at = now() - interval '5 hours'"
        )

    receive(echo("ok", external_id="e1"))

    assert row(part)[0].state is OutboundState.UNCERTAIN
    assert [one.external_id for one in said()[1:]] == [None, "e1"]


@pytest.mark.shows("I1")
def test_what_is_uncertain_on_a_closed_account_is_told_to_somebody(
    world, workspace, account, answer, dispatch, provider
):
    provider.can_find = True
    provider.script = [OutcomeUnknown("silence")]
    answer()
    dispatch()
    with world.transaction(workspace.id) as tx:
        store.tenants.set_config_status(tx, account.id, ConfigStatus.PAUSED, None)
    assert supervise(world, forced=True)["sends_uncertain"] == 0

    with world.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE outbound_messages SET first_tried_at = now() - interval '2 hours'"
        )

    assert supervise(world, forced=True)["sends_uncertain"] == 1


@pytest.mark.shows("I1")
def test_what_was_being_sent_when_its_adapter_was_taken_away_is_uncertain(
    world, workspace, conversation, answer, dispatch, provider, row, lapse
):
    [part] = answer()
    with world.transaction(workspace.id) as tx:
        store.outbound.claim(tx, conversation, lease=world.lease)
    lapse()
    without = replace(world, adapters={})

    assert dispatch(runtime=without) == {"uncertain": 1}
    assert row(part)[0].finished_at is not None


def test_what_cannot_be_made_ready_is_given_up_and_keeps_nothing_waiting(
    world, answer, dispatch, provider, row
):
    [part] = answer("one")
    [later] = answer("two")
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE message_events SET payload = '{}'")
        connection.exec_driver_sql(
            "UPDATE outbound_messages SET target_message_id = NULL WHERE id = %s",
            (later.id,),
        )

    assert dispatch() == {"failed": 1, "sent": 1}
    assert provider.texts == ["two"]
    assert row(part)[0].state is OutboundState.FAILED
    with world.system_transaction() as tx:
        assert len(store.dead_letters.find(tx, job_type="OUTBOUND")) == 1


def test_what_has_been_due_for_long_is_told_to_somebody(world, account, answer):
    answer()
    assert supervise(world, forced=True)["queue_old"] == 0

    with world.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE outbound_messages SET updated_at = now() - interval '6 minutes'"
        )
    assert supervise(world, forced=True)["queue_old"] == 1

    with world.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE outbound_messages SET next_attempt_at = now() + interval '1 day'"
        )
    assert supervise(world, forced=True)["queue_old"] == 0


@pytest.mark.shows("I1")
def test_what_the_provider_said_is_kept_while_the_database_is_away_for_a_minute(
    world, answer, dispatch, provider, row, monkeypatch
):
    slept = []
    monkeypatch.setattr(
        "app.services.outbound.send.time", SimpleNamespace(sleep=slept.append)
    )
    provider.script = [lambda _: slept.append(0) and None]
    [part] = answer()

    assert dispatch(runtime=replace(world, database=Away(world.database, slept))) == {
        "sent": 1
    }
    assert sum(slept) >= 60
    assert row(part)[0].state is OutboundState.SENT


class Away:
    """A database that is gone for a minute, once something is slept over."""

    def __init__(self, database, slept):
        self.database = database
        self.slept = slept

    def transaction(self, *args, **kwargs):
        if self.slept and sum(self.slept) < 60:
            raise OperationalError("", {}, Exception("the server is gone"))
        return self.database.transaction(*args, **kwargs)


@pytest.mark.shows("I1")
def test_a_message_of_the_same_text_is_not_taken_for_one_that_nobody_knows_of(
    answer, dispatch, provider, row, due_now
):
    provider.can_find = True
    provider.script = [lambda _: None, OutcomeUnknown("silence")]
    [known] = answer("ok", request_key="test:1")
    [unknown] = answer("ok", request_key="test:2")
    assert dispatch() == {"sent": 1, "uncertain": 1}

    provider.findable[unknown.message_id] = Sent(row(known)[1].external_id)
    due_now()

    assert dispatch() == {"not_found": 1}
    assert row(unknown)[0].state is OutboundState.UNCERTAIN
