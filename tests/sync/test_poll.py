"""Asking an account what is new."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from app import store
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.status import ConfigStatus, EventStatus, WatermarkResource
from app.errors import AuthError
from app.jobs.contracts import FetchMessages, Materialize, Poll
from app.services.accounts import renew_credentials, set_config_status
from app.services.operations.sweep import sweep
from app.services.sync.account_faults import settle_for_account
from app.services.sync.fetch_messages import fetch_messages
from app.services.sync.poll import poll
from tests.sync.conftest import connect
from tests.sync.mailbox import mail


def test_what_is_new_is_kept_and_handed_on(polled, mailbox, events):
    mailbox.add()

    outcome = polled()

    (event,) = events()
    assert (event.source, event.status) == ("poll", EventStatus.RECEIVED)
    (job,) = outcome.next_jobs
    assert isinstance(job, Materialize)
    assert job.event_ids == (event.id,)


def test_a_second_look_finds_nothing_new(polled, mailbox, events):
    mailbox.add()
    polled()

    outcome = polled()

    assert (outcome.counts, outcome.next_jobs) == ({}, [])
    assert len(events()) == 1


@pytest.mark.shows("A15")
def test_mails_that_come_while_pages_are_read_are_not_lost(polled, mailbox, events):
    for _ in range(7):
        mailbox.add()
    mailbox.set(page_size=3)
    polled()

    mailbox.add()
    polled(times=5)

    assert len(events()) == 8
    assert len({event.external_id for event in events()}) == 8


@pytest.mark.shows("A18")
def test_a_mail_that_was_read_and_filed_before_is_kept_too(polled, mailbox, events):
    first = mailbox.add()
    mailbox.change(first, unread=False)
    mailbox.change(first, folder="archive")

    polled()

    assert len(events()) == 1


@pytest.mark.shows("A18")
def test_a_mail_that_gets_another_id_by_being_moved_is_no_new_one(
    polled, mailbox, events
):
    mailbox.set(new_id_on_move=True)
    first = mailbox.add()
    polled()

    moved = mailbox.change(first, folder="archive")
    polled()

    assert moved != first
    assert [event.external_id for event in events()] == [first]


@pytest.mark.shows("B4")
def test_two_mails_with_one_message_id_are_both_kept(polled, mailbox, events):
    mailbox.add(mail("Your parcel 1 is on its way", Message_ID="<same@example.com>"))
    mailbox.add(mail("Your parcel 2 is on its way", Message_ID="<same@example.com>"))

    polled()

    assert len(events()) == 2


@pytest.mark.shows("B8")
@pytest.mark.parametrize("folder", ["draft", "junk", "trash"])
def test_what_was_said_to_nobody_is_left_out(polled, mailbox, events, folder):
    mailbox.add(folder=folder)

    polled()

    assert events() == []


def test_a_draft_that_is_sent_is_kept_as_ours(polled, mailbox, events):
    draft = mailbox.add(mail(From="shop@shop.example"), folder="draft")
    polled()

    mailbox.change(draft, folder="sent")
    polled()

    (event,) = events()
    assert event.direction == "outbound"


@pytest.mark.shows("A13")
def test_a_place_that_was_forgotten_is_found_again_without_duplicates(
    polled, mailbox, events, open_incidents
):
    mailbox.add()
    polled()
    mailbox.expire()
    mailbox.add()

    polled()

    assert len(events()) == 2
    assert open_incidents() == ["cursor_reset"]


@pytest.mark.shows("A11")
def test_the_watermark_stays_where_a_page_could_not_be_stored(
    account, polled, mailbox, watermark, write, events, nothing_can_be_stored
):
    polled()
    before = watermark(account).cursor
    mailbox.add()
    with nothing_can_be_stored(), pytest.raises(IntegrityError):
        polled()

    assert watermark(account).cursor == before
    polled()
    assert len(events()) == 1


def test_what_cannot_be_stored_is_told_and_the_provider_left_alone_meanwhile(
    live, account, polled, mailbox, watermark, open_incidents, nothing_can_be_stored
):
    mailbox.add()
    with nothing_can_be_stored(), pytest.raises(IntegrityError):
        polled()

    held = watermark(account)
    with live.transaction(account.workspace_id) as tx:
        waits = held.next_attempt_at - tx.now
    assert (held.lease_token, held.attempts) == (None, 1)
    assert held.last_error == "IntegrityError"
    assert waits > timedelta(seconds=5)
    assert open_incidents() == ["polling_failed"]
    polled()
    assert open_incidents() == []


@pytest.mark.shows("A8")
def test_a_mail_that_the_provider_never_manages_to_show_keeps_no_other(
    live, polled, mailbox, watermark, account, events, jobs, open_incidents
):
    polled()
    mailbox.set(service_type="IMAP")  # its lists come without bodies
    first, poison, last = (mailbox.add() for _ in range(3))
    mailbox.fault(match=f"/messages/{poison}", status=500, times=3)

    polled(times=3)

    assert {event.external_id for event in events()} == {first, last}
    assert watermark(account).last_error is None
    assert open_incidents() == []
    for _ in range(3):
        (job,) = jobs(FetchMessages)
        fetch_messages(live, job)
        sweep_at_once(live)
    assert {event.external_id for event in events()} == {first, poison, last}
    assert {event.source for event in events()} == {"poll"}


def test_a_provider_that_shows_no_mail_at_all_is_asked_again_from_the_same_place(
    polled, mailbox, watermark, account, events
):
    polled()
    before = watermark(account).cursor
    mailbox.set(service_type="IMAP")
    mails = {mailbox.add() for _ in range(3)}
    mailbox.fault(match="/v1/email/messages/", status=503, times=3)

    outcome = polled()

    assert outcome.counts == {"put_off": 1}
    assert watermark(account).cursor == before
    polled(times=2)
    assert {event.external_id for event in events()} == mails


@pytest.mark.shows("A17")
def test_a_rate_limit_holds_back_the_whole_account_and_is_no_attempt(
    live, account, polled, mailbox, watermark
):
    mailbox.fault(match="/sync", status=429, headers={"Retry-After": "77"}, times=1)

    outcome = polled()

    held = watermark(account)
    with live.transaction(account.workspace_id) as tx:
        config = store.tenants.config(tx, account.id)
        waits = config.rate_limited_until - tx.now
    assert outcome.counts == {"rate_limited": 1}
    assert held.attempts == 0
    assert timedelta(seconds=70) < waits <= timedelta(seconds=77)
    assert polled().counts == {}


@pytest.mark.shows("A21")
def test_refused_credentials_stop_polling_until_new_ones_are_entered(
    live, account, polled, mailbox, open_incidents, events, state_of
):
    mailbox.set(token_status="dead")
    mailbox.add()

    polled()
    polled()

    assert state_of(account) is ConfigStatus.DISCONNECTED
    assert open_incidents() == ["account_disconnected"]
    mailbox.set(token_status="active")
    renew_credentials(
        live, account.workspace_id, account.id, {"access_token": mailbox.token}
    )
    polled()
    assert len(events()) == 1
    assert open_incidents() == []


@pytest.mark.shows("A21")
def test_a_refusal_of_the_old_credentials_says_nothing_of_the_new_ones(
    live, account, mailbox, open_incidents, state_of
):
    with live.transaction(account.workspace_id) as tx:
        asked_with = store.tenants.config(tx, account.id)
    renew_credentials(
        live, account.workspace_id, account.id, {"access_token": mailbox.token}
    )

    with live.transaction(account.workspace_id) as tx:
        settle_for_account(tx, asked_with, AuthError("the token is dead"))

    assert state_of(account) is ConfigStatus.ACTIVE
    assert open_incidents() == []


def test_a_mailbox_that_is_being_prepared_is_asked_again(
    account, polled, mailbox, watermark, events
):
    mailbox.set(not_ready=1)
    mailbox.add()

    first = polled()
    polled()

    assert first.counts == {"put_off": 1}
    assert len(events()) == 1
    assert watermark(account).attempts == 0


def test_an_outage_of_months_is_counted_as_far_as_counting_goes(
    polled, mailbox, write, watermark, account, events
):
    polled()
    mailbox.add()
    write("UPDATE sync_watermarks SET attempts = 32767")

    polled()

    assert watermark(account).attempts == 0
    assert len(events()) == 1


@pytest.mark.shows("K4")
def test_a_mailbox_that_kills_its_workers_is_told_of_and_left_alone_for_a_while(
    live, account, polled, jobs, write, open_incidents
):
    class Killed(BaseException):
        pass

    def kill(point):
        if point == "poll.called":
            raise Killed

    killing = replace(live, checkpoint=kill)
    polled()
    write("UPDATE sync_watermarks SET next_attempt_at = NULL")
    for _ in range(MAX_ATTEMPTS + 1):
        sweep(live, forced=True)
        for job in jobs(Poll):
            with pytest.raises(Killed):
                poll(killing, job)
        write(
            "UPDATE sync_watermarks SET rung_at = NULL, "
            "lease_expires_at = now() - interval '1 second'"
        )

    sweep(live, forced=True)

    assert jobs(Poll) == []
    assert open_incidents() == ["polling_failed"]
    polled()
    assert open_incidents() == []


def test_two_workers_fetch_what_is_new_once(live, account, mailbox, events, make):
    mailbox.add()
    sweep(live, forced=True)
    job = Poll(workspace_id=account.workspace_id, config_id=account.id)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: poll(live, job), range(4)))

    assert sum(outcome.counts.get("created", 0) for outcome in outcomes) == 1
    assert len(events()) == 1


def test_an_account_is_rung_for_when_its_time_has_come(live, account, jobs, write):
    sweep(live, forced=True)
    first = jobs(Poll)
    sweep(live, forced=True)
    at_once = jobs(Poll)
    poll(live, first[0])
    write("UPDATE sync_watermarks SET next_attempt_at = now() - interval '1 second'")
    write("UPDATE sync_watermarks SET rung_at = next_attempt_at - interval '1 second'")

    sweep(live, forced=True)

    assert [job.config_id for job in first] == [account.id]
    assert at_once == []
    assert [job.config_id for job in jobs(Poll)] == [account.id]


@pytest.mark.parametrize(
    "settings", [{"poll_seconds": None}, {}], ids=["not", "paused"]
)
def test_an_account_that_is_not_polled_or_paused_is_not_rung_for(
    live, make, workspace, mailbox, jobs, settings
):
    config = connect(make, workspace, mailbox, **settings)
    if not settings:
        set_config_status(live, workspace.id, config.id, status=ConfigStatus.PAUSED)

    sweep(live, forced=True)

    assert jobs(Poll) == []


def sweep_at_once(runtime):
    """Sweep when every announcement is due."""
    with runtime.system_transaction() as tx:
        tx.session.connection().exec_driver_sql(
            "UPDATE message_fetches SET rung_at = NULL, next_attempt_at = NULL"
        )
    sweep(runtime, forced=True)


@pytest.fixture
def polled(live, account, write):
    """Polls the account now, as often as told, whenever its time would be; returns the last outcome."""

    def polled(*, times=1):
        with live.system_transaction() as tx:
            store.watermarks.add_missing(tx)
        job = Poll(workspace_id=account.workspace_id, config_id=account.id)
        for _ in range(times):
            write("UPDATE sync_watermarks SET next_attempt_at = NULL")
            outcome = poll(live, job)
        return outcome

    return polled


@pytest.fixture
def watermark(live):
    def watermark(config):
        with live.transaction(config.workspace_id) as tx:
            found = store.watermarks.of_config(tx, config.id)
        return found[WatermarkResource.MESSAGES]

    return watermark


@pytest.fixture
def state_of(live):
    def state_of(config):
        with live.transaction(config.workspace_id) as tx:
            return store.tenants.config(tx, config.id).status

    return state_of


@pytest.fixture
def nothing_can_be_stored(live):
    """Lets the database refuse every new event until the end of the block."""

    @contextmanager
    def nothing_can_be_stored():
        refuse = "ADD CONSTRAINT no_room CHECK (false) NOT VALID"
        with live.database.engine.begin() as owner:
            owner.exec_driver_sql(f"ALTER TABLE message_events {refuse}")
        try:
            yield
        finally:
            with live.database.engine.begin() as owner:
                owner.exec_driver_sql(
                    "ALTER TABLE message_events DROP CONSTRAINT no_room"
                )

    return nothing_can_be_stored
