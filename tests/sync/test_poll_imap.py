"""Polling a mailbox on a real IMAP server, through the same use case as every other account."""

from datetime import UTC, datetime

import pytest

from app.jobs.contracts import Poll
from app.services.operations.sweep import sweep
from app.services.pipeline.materialize import materialize
from app.services.sync.poll import poll
from tests.imap_servers import pymap
from tests.sync.mailbox import mail


@pytest.mark.shows("A18", "B2")
def test_a_mailbox_over_imap_is_rung_for_read_and_placed(
    runtime, account, imap, jobs, events, write
):
    imap.add(mail("Where is my order?", Message_ID="<imap1@example.com>"), at=now())
    sweep(runtime, forced=True)
    (job,) = jobs(Poll)

    first = poll(runtime, job)
    write("UPDATE sync_watermarks SET next_attempt_at = NULL")
    again = poll(runtime, job)
    materialize(runtime, first.next_jobs[0])

    (event,) = events()
    assert (event.external_id, event.source) == ("imap1@example.com", "poll")
    assert event.message_id is not None
    assert (first.counts, again.counts) == ({"created": 1}, {})


@pytest.mark.shows("A13")
def test_uids_that_are_given_out_anew_are_an_incident_and_no_duplicates(
    runtime, account, imap, jobs, events, write, open_incidents
):
    imap.add(mail(), at=now())
    sweep(runtime, forced=True)
    (job,) = jobs(Poll)
    poll(runtime, job)
    write("UPDATE sync_watermarks SET next_attempt_at = NULL")

    imap.number_anew()
    poll(runtime, job)

    assert len(events()) == 1
    assert open_incidents() == ["cursor_reset"]


def now():
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def imap_server():
    with pymap() as server:
        yield server


@pytest.fixture
def imap(imap_server):
    mailbox = imap_server.mailbox()
    yield mailbox
    mailbox.phone.logout()


@pytest.fixture
def account(make, workspace, imap):
    return make.config(
        workspace, provider="imap", credentials=imap.credentials(), poll_seconds=10
    )


@pytest.fixture
def live(runtime):
    """What the shared fixtures look into."""
    return runtime
