"""`outbound` and `auto-reply`."""

import pytest

from app.domain.status import OutboundState
from app.errors import OutcomeUnknown
from app.jobs.contracts import Outbound
from app.services.outbound.messages import Wanted, get_outbound, send_message
from app.services.outbound.send import send
from app.services.pipeline.materialize import materialize
from tests.factories import Maker
from tests.outbound.conftest import chat
from tests.provider import Provider, through


@pytest.fixture
def uncertain(runtime, workspace):
    """The id of a message of which nobody knows whether it arrived."""
    world = through(runtime, Provider(OutcomeUnknown("no answer came")))
    make = Maker(world)
    config = make.config(workspace, provider="provider", channel="whatsapp")
    [event_id] = make.events(config, chat())
    materialize(world, make.materialize_job(config, [event_id]))
    conversation_id = make.event(event_id).conversation_id
    wanted = Wanted(text="It comes in blue.", conversation_id=conversation_id)
    queued = send_message(world, workspace.id, wanted, key=None, actor="test")
    job = Outbound(workspace_id=workspace.id, conversation_id=conversation_id)
    assert dict(send(world, job).counts) == {"uncertain": 1}
    return queued.parts[0].id


def test_the_queue_is_listed_by_state(bizzybee, make, workspace, uncertain):
    where = ("-w", workspace.name)

    listed = bizzybee("outbound", "list", *where, "--json").json
    doubtful = bizzybee("outbound", "list", *where, "--state", "uncertain", "--json")
    sent = bizzybee("outbound", "list", *where, "--state", "sent", "--json").json
    theirs = bizzybee("outbound", "list", "-w", make.workspace().name, "--json").json

    [one] = listed
    assert (one["id"], one["state"], one["origin"]) == (
        str(uncertain),
        "uncertain",
        "person",
    )
    assert "no answer came" in one["last_error"]
    assert doubtful.json == listed
    assert (sent, theirs) == ([], [])
    assert str(uncertain) in bizzybee("outbound", "list", *where).out


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_is_a_number_of_rows(bizzybee, workspace, limit):
    done = bizzybee("outbound", "list", "-w", workspace.name, "--limit", limit)

    assert done.code == 2


@pytest.mark.shows("L6")
@pytest.mark.parametrize(
    ("word", "state"),
    [("--sent", OutboundState.SENT), ("--again", OutboundState.QUEUED)],
)
def test_a_person_says_what_became_of_a_message(
    bizzybee, runtime, workspace, uncertain, word, state
):
    done = bizzybee("outbound", "settle", uncertain, word, "--json").json
    again = bizzybee("outbound", "settle", uncertain, word)

    assert done == {"id": str(uncertain), "state": state}
    assert get_outbound(runtime, workspace.id, uncertain).state is state
    assert (again.code, again.err) == (
        1,
        "its outcome is known; nothing was changed\n",
    )


@pytest.mark.parametrize("words", [[], ["--sent", "--again"]], ids=["none", "both"])
def test_to_settle_one_must_say_how(bizzybee, runtime, workspace, uncertain, words):
    done = bizzybee("outbound", "settle", uncertain, *words)

    assert done.code == 2
    assert "--sent or --again" in done.err
    found = get_outbound(runtime, workspace.id, uncertain)
    assert found.state is OutboundState.UNCERTAIN


def test_a_message_that_is_not_there_is_not_settled(bizzybee, workspace):
    done = bizzybee("outbound", "settle", workspace.id, "--again")

    assert (done.code, done.err) == (1, f"no outbound message {workspace.id}\n")


def test_automatic_replies_are_switched_for_one_workspace(bizzybee, make, workspace):
    other = make.workspace()

    on = bizzybee("auto-reply", "-w", workspace.name, "on", "--json").json
    said = bizzybee("auto-reply", "-w", workspace.name, "off").err
    lost = bizzybee("auto-reply", "-w", "nobody's", "on")

    assert on == {"workspace_id": str(workspace.id), "auto_reply": True}
    assert said == f"automatic replies of {workspace.name} are off\n"
    assert lost.code == 1
    listed = {
        one["name"]: one["auto_reply"]
        for one in bizzybee("workspace", "list", "--json").json
    }
    assert listed == {workspace.name: False, other.name: False}
