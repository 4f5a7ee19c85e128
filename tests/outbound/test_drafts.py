"""What people do with drafts."""

from datetime import UTC, datetime

import pytest

from app import store
from app.errors import Conflict, NotFound, PermanentError
from app.services.operations.requeue import requeue_letters
from app.services.outbound.drafts import approve_draft, edit_draft
from tests.outbound.conftest import chat, echo


@pytest.fixture
def drafted(decide_and_draft):
    [event] = decide_and_draft(chat())
    return event


@pytest.fixture
def approve(world, workspace):
    def approve(event, **fields):
        values = {"draft_id": None, "body": None, "actor": "anna"}
        return approve_draft(
            world, workspace.id, event.conversation_id, **(values | fields)
        )

    return approve


@pytest.fixture
def edit(world, workspace):
    def edit(event, body, draft_id=None):
        return edit_draft(
            world,
            workspace.id,
            event.conversation_id,
            body=body,
            draft_id=draft_id,
            actor="anna",
        )

    return edit


def test_an_approved_draft_is_sent_once(drafted, approve, dispatch, provider):
    first = approve(drafted)
    again = approve(drafted)

    assert first.is_new
    assert not again.is_new
    assert dispatch(drafted.conversation_id) == {"sent": 1}
    assert provider.texts == ["It left today."]
    assert first.parts[0].target_message_id == drafted.message_id


@pytest.mark.shows("G5")
def test_what_a_person_made_of_it_is_sent_and_what_the_model_wrote_is_kept(
    world, drafted, approve, edit, dispatch, provider
):
    edit(drafted, "It left on Monday.")
    approve(drafted)
    dispatch(drafted.conversation_id)

    assert provider.texts == ["It left on Monday."]
    with world.system_transaction() as tx:
        draft = store.messages.draft_of(tx, drafted.message_id)
    assert (draft.body, draft.edited_by, draft.status) == (
        "It left today.",
        "anna",
        "sent",
    )


@pytest.mark.shows("G5", "G3")
def test_a_newer_message_brings_a_new_draft_and_keeps_the_edited_one(
    world, drafted, edit, approve, decide_and_draft
):
    edited = edit(drafted, "It left on Monday.")
    decide_and_draft(chat("And when does it arrive?", sent_at=datetime.now(UTC)))

    with world.system_transaction() as tx:
        newest, kept = store.messages.drafts_in(tx, drafted.conversation_id)
    assert (newest.status, kept.status) == ("live", "stale")
    assert kept.edited_body == "It left on Monday."
    with pytest.raises(Conflict, match="overtaken"):
        approve(drafted, draft_id=edited.id)


@pytest.mark.shows("G3")
def test_a_draft_is_overtaken_by_the_answer_of_a_person(
    drafted, approve, receive, dispatch, provider
):
    receive(echo("It left yesterday.", external_id="e1"))

    with pytest.raises(Conflict):
        approve(drafted)
    assert dispatch(drafted.conversation_id) == {}
    assert provider.taken == []


def test_a_draft_that_was_sent_can_no_longer_be_edited(drafted, approve, edit):
    approve(drafted)

    with pytest.raises(Conflict, match="sent already"):
        edit(drafted, "Wait!")


@pytest.mark.shows("I1", "K4")
def test_a_failed_try_is_not_sent_beside_the_one_that_replaced_it(
    world, drafted, approve, dispatch, provider
):
    provider.script = [PermanentError("no such template")]
    approve(drafted)
    assert dispatch(drafted.conversation_id) == {"failed": 1}
    with world.system_transaction() as tx:
        [letter] = store.dead_letters.find(tx, job_type="OUTBOUND")
    approve(drafted)

    assert requeue_letters(world, [letter.id]) == []
    assert dispatch(drafted.conversation_id) == {"sent": 1}
    assert dispatch(drafted.conversation_id) == {}
    assert provider.texts == ["It left today."]


@pytest.mark.shows("I1", "K4")
def test_a_try_that_is_queued_again_is_the_one_that_an_approval_gives(
    world, drafted, approve, edit, dispatch, provider
):
    provider.script = [PermanentError("no such template")]
    approve(drafted)
    dispatch(drafted.conversation_id)
    edit(drafted, "It left today.")
    with world.system_transaction() as tx:
        [letter] = store.dead_letters.find(tx, job_type="OUTBOUND")

    assert requeue_letters(world, [letter.id]) == [letter.id]
    assert not approve(drafted).is_new
    assert dispatch(drafted.conversation_id) == {"sent": 1}
    assert provider.texts == ["It left today."]


def test_there_is_nothing_to_approve_where_no_draft_waits(receive, approve):
    [event] = receive(chat())

    with pytest.raises(NotFound):
        approve(event)


@pytest.mark.shows("L1")
def test_a_draft_of_another_workspace_is_not_there(world, make, drafted):
    other = make.workspace()

    with pytest.raises(NotFound):
        approve_draft(
            world,
            other.id,
            drafted.conversation_id,
            draft_id=None,
            body=None,
            actor="mallory",
        )
