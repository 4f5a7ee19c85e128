"""Leases are short, and renewed while the work goes on."""

import time
from datetime import timedelta

import pytest

from app import store
from app.domain.status import EventStatus
from app.services.pipeline.materialize import materialize
from app.store.leases import Leases
from tests.factories import message

LENGTH = timedelta(seconds=0.6)


@pytest.fixture
def claim(runtime, config):
    def claim(event_id):
        with runtime.transaction(config.workspace_id) as tx:
            return store.claims.take(
                tx, [event_id], status=EventStatus.RECEIVED, lease=LENGTH
            )

    return claim


@pytest.mark.shows("K3")
def test_what_is_worked_on_stays_leased_however_long_it_takes(
    runtime, make, config, claim
):
    (event_id,) = make.events(config, message())
    held = claim(event_id)

    with Leases(runtime.database, length=LENGTH).held(held.token):
        time.sleep(3 * LENGTH.total_seconds())
        assert claim(event_id).events == []


@pytest.mark.shows("A19")
def test_files_that_are_fetched_stay_leased_too(runtime, make, config):
    (event_id,) = make.events(
        config, message(attachments=[{"url": "https://a.example"}])
    )
    materialize(runtime, make.materialize_job(config, [event_id]))
    message_id = make.event(event_id).message_id

    def take():
        with runtime.transaction(config.workspace_id) as tx:
            return store.attachments.take(tx, message_id, lease=LENGTH, leaving=())

    with Leases(runtime.database, length=LENGTH).held(take().token):
        time.sleep(3 * LENGTH.total_seconds())
        assert take().files == []


def test_what_nobody_works_on_any_more_can_soon_be_claimed(
    runtime, make, config, claim
):
    (event_id,) = make.events(config, message())
    leases = Leases(runtime.database, length=LENGTH)

    with leases.held(claim(event_id).token):
        pass  # as if killed: nothing is written and nothing given back
    time.sleep(1.2 * LENGTH.total_seconds())

    assert [event.id for event in claim(event_id).events] == [event_id]


def test_a_lease_that_was_given_back_is_not_renewed(runtime, make, config, claim):
    (event_id,) = make.events(config, message())
    held = claim(event_id)
    with runtime.transaction(config.workspace_id) as tx:
        store.claims.put_off(
            tx, held, event_id, until=tx.now, error="later", counted=True
        )

    with runtime.system_transaction() as tx:
        store.leases.renew(tx, [held.token], LENGTH)

    assert make.event(event_id).lease_expires_at is None
