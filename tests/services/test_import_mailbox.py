"""Importing mails from files."""

import gzip

import pytest

from app import store
from app.channels.mailbox import read_maildir, read_mbox
from app.domain.status import EventStatus, RunMode, RunState
from app.errors import InvalidInput, NotFound
from app.services.sync.import_mailbox import import_mailbox

MBOX = b"""From anna@example.com Mon Nov  2 09:00:00 2026
From: Anna <anna@example.com>
To: shop@shop.example
Subject: First
Message-ID: <one@example.com>
Date: Mon, 02 Nov 2026 09:00:00 +0000

Hello
>From here on it is text.

From shop@shop.example Mon Nov  2 10:00:00 2026
From: Shop <shop@shop.example>
To: anna@example.com
Subject: Re: First
Message-ID: <two@shop.example>
In-Reply-To: <one@example.com>
Date: Mon, 02 Nov 2026 10:00:00 +0000

Hi Anna

From bo@example.com Mon Nov  2 11:00:00 2026
From: Bo <bo@example.com>
To: shop@shop.example
Subject: No id

Is it there?
"""


@pytest.fixture
def bring(runtime, config, tmp_path):
    """Import bytes as an mbox; returns the run."""

    def bring(content, name="box.mbox", **options):
        path = tmp_path / name
        path.write_bytes(content)
        run_id = import_mailbox(
            runtime,
            config.workspace_id,
            config.id,
            read_mbox(path),
            source="mbox",
            **options,
        )
        with runtime.system_transaction() as tx:
            return store.runs.get(tx, run_id)

    return bring


@pytest.fixture
def events_of(runtime):
    def events_of(run):
        with runtime.system_transaction() as tx:
            return store.events.find(tx, run_id=run.id)

    return events_of


def test_every_mail_becomes_an_event(bring, events_of, runtime):
    run = bring(MBOX)

    assert run.state is RunState.COMPLETED
    assert (run.created, run.duplicates, run.rejected) == (3, 0, 0)
    first, second, third = events_of(run)
    assert first.external_id == "one@example.com"
    assert first.payload["body_text"] == "Hello\nFrom here on it is text."
    assert second.direction == "outbound"
    assert third.external_id.endswith("@bizzybee.invalid")
    assert first.status is EventStatus.RECEIVED
    assert [job.job_type for job in runtime.publisher.jobs] == ["MATERIALIZE"]


@pytest.mark.shows("B5")
def test_importing_again_adds_nothing(bring):
    bring(MBOX)

    run = bring(MBOX)

    assert (run.created, run.duplicates) == (0, 3)


@pytest.mark.shows("B5")
def test_line_ends_make_no_other_mail(bring):
    bring(MBOX)

    run = bring(MBOX.replace(b"\n", b"\r\n"))

    assert (run.created, run.duplicates) == (0, 3)


@pytest.mark.shows("B4")
def test_two_mails_with_one_message_id_are_both_kept(bring, events_of):
    other = MBOX.replace(b"Is it there?", b"Something else").replace(
        b"Subject: No id", b"Subject: Reused\nMessage-ID: <one@example.com>"
    )

    run = bring(other)

    assert run.created == 3
    assert [event.id_collision for event in events_of(run)] == [False, False, True]


@pytest.mark.shows("C1")
def test_a_file_that_breaks_off_gives_what_there_is(bring, events_of):
    run = bring(MBOX[: MBOX.index(b"Subject: No id") + 10])

    assert run.created == 3
    assert events_of(run)[2].payload["sender"]["value"] == "bo@example.com"


def test_a_packed_file_is_read_and_one_that_breaks_off_too(bring):
    packed = gzip.compress(MBOX * 50)

    whole = bring(packed, name="box.mbox.gz")
    broken = bring(packed[: len(packed) // 2], name="half.mbox.gz")

    assert whole.state is RunState.COMPLETED
    assert broken.state is RunState.COMPLETED


def test_a_cap_is_kept_and_said(bring):
    run = bring(MBOX, cap=2)

    assert (run.created, run.truncated) == (2, True)


def test_history_says_so_on_the_run(bring):
    assert bring(MBOX, mode=RunMode.HISTORY).mode is RunMode.HISTORY


def test_what_is_no_mbox_is_refused_and_the_run_says_why(bring, runtime, config):
    with pytest.raises(InvalidInput, match="does not begin with a 'From ' line"):
        bring(b"%PDF-1.7\n")

    with runtime.transaction(config.workspace_id) as tx:
        (run,) = store.runs.newest_first(tx)
    assert run.state is RunState.FAILED
    assert "is no mbox" in run.last_error


def test_an_empty_file_is_an_empty_mailbox(bring):
    assert bring(b"").created == 0


def test_an_unknown_account_is_refused(runtime, workspace, make):
    foreign = make.config(make.workspace())

    with pytest.raises(NotFound):
        import_mailbox(runtime, workspace.id, foreign.id, [], source="mbox")


def test_a_maildir_is_read_with_its_subfolders(runtime, config, tmp_path):
    for folder, name in (("cur", "1:2,S"), ("new", "2"), (".Archive/cur", "3")):
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(
            b"From: a@example.com\nMessage-ID: <%s@x>\n\nText\n" % name[:1].encode()
        )

    import_mailbox(
        runtime,
        config.workspace_id,
        config.id,
        read_maildir(tmp_path),
        source="maildir",
    )

    with runtime.transaction(config.workspace_id) as tx:
        ids = {event.external_id for event in store.events.find(tx)}
    assert ids == {"1@x", "2@x", "3@x"}


def test_a_folder_that_is_no_maildir_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no Maildir"):
        list(read_maildir(tmp_path))
