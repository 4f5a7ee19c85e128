"""Many workers, many requests, echoes in between and sudden deaths: each message goes out once."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from app.domain.status import OutboundState
from app.errors import Conflict
from app.services.outbound.messages import Wanted, send_message
from tests.outbound.conftest import chat, echo

WORKERS = 4


def together(work, count=WORKERS):
    """Do the same from many threads at once."""
    start = Barrier(count)

    def run(number):
        start.wait(10)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.shows("I3", "I1")
def test_many_workers_send_each_message_once_and_in_order(answer, dispatch, provider):
    texts = [f"number {number}" for number in range(12)]
    provider.script = [lambda _: time.sleep(0.005)] * len(texts)
    for text in texts:
        answer(text)

    together(lambda _: [dispatch() for _ in texts])

    assert provider.texts == texts


@pytest.mark.shows("I2")
def test_one_request_made_many_times_at_once_is_one_message(
    world, workspace, conversation, dispatch, provider
):
    wanted = Wanted(text="Once.", conversation_id=conversation)

    queued = together(
        lambda _: send_message(world, workspace.id, wanted, key="k", actor="test")
    )

    assert len({one.parts[0].id for one in queued}) == 1
    assert [one.is_new for one in queued].count(True) == 1
    dispatch()
    assert provider.texts == ["Once."]
    other = replace(wanted, text="Twice?")
    with pytest.raises(Conflict):
        send_message(world, workspace.id, other, key="k", actor="test")


@pytest.mark.shows("E7", "I2")
def test_one_new_conversation_however_many_write_to_somebody_first(
    world, workspace, account, maker
):
    to = {"kind": "phone", "value": "+4915177777777"}

    def write(number):
        wanted = Wanted(
            text=f"Hello {number}", config_id=account.id, to=chat(sender=to).sender
        )
        return send_message(world, workspace.id, wanted, key=str(number), actor="test")

    queued = together(write)

    assert len({one.parts[0].conversation_id for one in queued}) == 1


@pytest.mark.shows("F2", "B7")
def test_echoes_meet_their_messages_while_these_are_being_sent(
    answer, dispatch, provider, receive, said
):
    texts = [f"number {number}" for number in range(8)]
    for text in texts:
        answer(text)
    numbers = {text: number for number, text in enumerate(texts)}

    def take(outgoing):
        sent = provider.take(outgoing)
        number = numbers[outgoing.text]
        if number % 3 == 0:
            receive(echo(outgoing.text, external_id=sent.external_id))
        return sent

    provider.script = [take] * len(texts)

    def work(number):
        if number:
            return dispatch()
        return [
            receive(echo(one.text, external_id=f"p{place}"))
            for _ in range(3)
            for place, one in enumerate(list(provider.taken), 1)
        ]

    together(work)
    dispatch()

    assert provider.texts == texts
    assert [one.body for one in said()[1:]] == texts
    assert len({one.external_id for one in said()}) == len(texts) + 1


def test_answering_and_receiving_in_one_conversation_do_not_block_each_other(
    answer, dispatch, provider, receive, said
):
    def work(number):
        for turn in range(6):
            if number % 2:
                answer(f"answer {number}.{turn}")
                dispatch()
            else:
                receive(
                    chat(f"question {number}.{turn}", external_id=f"q{number}.{turn}")
                )

    together(work)
    while dispatch():
        pass

    assert len(provider.taken) == 12
    assert len(said()) == 1 + 24


class Killed(BaseException):
    """The process is gone at this point."""


@pytest.mark.shows("I1")
@pytest.mark.parametrize(
    ("point", "taken", "state"),
    [
        ("outbound.claimed", 0, "uncertain"),
        ("outbound.called", 1, "uncertain"),
    ],
)
def test_who_dies_around_the_call_never_causes_a_second_one(
    world, answer, dispatch, provider, row, lapse, due_now, receive, point, taken, state
):
    def kill(reached):
        if reached == point:
            raise Killed

    [part] = answer()
    with pytest.raises(Killed):
        dispatch(runtime=replace(world, checkpoint=kill))
    for _ in range(3):
        lapse()
        due_now()
        dispatch()

    assert len(provider.taken) == taken
    assert row(part)[0].state == state
    if taken:
        receive(echo("It comes in blue.", external_id="p1"))
        assert row(part)[0].state is OutboundState.SENT
