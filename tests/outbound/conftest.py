"""A chat account whose provider is played in this process, and people who write to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app import store
from app.domain.status import OutboundOrigin
from app.jobs.contracts import Outbound
from app.services.outbound.enqueue import Letter, answer_conversation
from app.services.outbound.send import send
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from tests.factories import Maker, message
from tests.fakes import ScriptedClassifier, ScriptedDrafter
from tests.provider import Provider, through

ANNA = {"kind": "phone", "value": "+4915112345678", "name": "Anna Berg"}
US = {"kind": "phone", "value": "+49301234567"}


def chat(text="Do you have it in blue?", **fields):
    """A message from Anna, now, on a chat channel."""
    values = {
        "sender": ANNA,
        "recipients": [US],
        "external_thread_id": ANNA["value"],
        "subject": None,
        "body_text": text,
        "sent_at": datetime.now(UTC) - timedelta(seconds=30),
    }
    return message(**(values | fields))


def echo(text, **fields):
    """What we said, as a provider brings it back."""
    values = {"direction": "outbound", "sender": US, "recipients": [ANNA]}
    return chat(text, **({"sent_at": datetime.now(UTC)} | values | fields))


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def world(runtime, provider):
    """The runtime whose messages go to `provider`."""
    return through(runtime, provider)


@pytest.fixture
def maker(world):
    return Maker(world)


@pytest.fixture
def account(world, maker, workspace):
    """Connected an hour ago: what is sent now is not old."""
    config = maker.config(
        workspace,
        provider="provider",
        channel="whatsapp",
        addresses=[US["value"]],
        credentials={"access_token": "test"},
    )
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE channel_configs SET connected_at = now() - interval '1 hour'"
        )
    return config


@pytest.fixture
def receive(world, maker, account):
    """Bring messages into the model; returns the events."""

    def receive(*messages):
        ids = maker.events(account, *messages)
        materialize(world, maker.materialize_job(account, ids))
        return [maker.event(one) for one in ids]

    return receive


@pytest.fixture
def conversation(receive):
    """The id of the conversation that Anna has begun."""
    return receive(chat())[0].conversation_id


@pytest.fixture
def answer(world, workspace, conversation):
    """Queue an answer of a person; returns its parts."""

    def answer(text="It comes in blue.", *, within=conversation, **fields):
        values = {
            "origin": OutboundOrigin.PERSON,
            "actor": "test",
            "request_key": f"test:{text}",
        }
        with world.transaction(workspace.id) as tx:
            queued = answer_conversation(
                tx, world, within, Letter(text=text, **(values | fields))
            )
        return list(queued.parts)

    return answer


@pytest.fixture
def dispatch(world, workspace, request):
    """Send what is due, in Anna's conversation unless told otherwise."""

    def dispatch(within=None, runtime=world):
        within = within or request.getfixturevalue("conversation")
        job = Outbound(workspace_id=workspace.id, conversation_id=within)
        return dict(send(runtime, job).counts)

    return dispatch


@pytest.fixture
def row(world):
    """A message of the queue as it is now, with its message."""

    def row(part):
        with world.system_transaction() as tx:
            outbound = store.outbound.get(tx, part.id)
            found = store.messages.of_ids(tx, [outbound.message_id])
            return outbound, found[outbound.message_id]

    return row


@pytest.fixture
def said(world, request):
    """All that was said in a conversation, in its order."""

    def said(within=None):
        within = within or request.getfixturevalue("conversation")
        with world.system_transaction() as tx:
            return store.messages.latest(tx, within, limit=100)

    return said


@pytest.fixture
def due_now(world):
    """Let everything be due that waits for its time."""

    def due_now():
        with world.database.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE outbound_messages SET next_attempt_at = NULL, rung_at = NULL "
                "WHERE finished_at IS NULL"
            )
            connection.exec_driver_sql(
                "UPDATE channel_configs SET rate_limited_until = NULL"
            )

    return due_now


@pytest.fixture
def lapse(world):
    """Let the leases of the queue lapse, as those of a killed worker do."""

    def lapse():
        with world.database.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE outbound_messages SET lease_expires_at = now() - interval '1 second' "
                "WHERE lease_token IS NOT NULL"
            )

    return lapse


@pytest.fixture
def decide_and_draft(world, maker, account):
    """Bring messages through the whole pipeline; returns the events."""

    def decide_and_draft(*messages, judged=(), reply=()):
        current = replace(
            world,
            classifier=ScriptedClassifier(*judged),
            drafter=ScriptedDrafter(*reply),
        )
        ids = maker.events(account, *messages)
        materialize(current, maker.materialize_job(account, ids))
        classify(current, maker.classify_job(account, ids))
        draft(current, maker.draft_job(account, ids))
        return [maker.event(one) for one in ids]

    return decide_and_draft
