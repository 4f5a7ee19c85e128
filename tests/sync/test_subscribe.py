"""Keeping a provider's promise alive: the sandbox calls our web application over real HTTP."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from werkzeug.serving import make_server

from app import store
from app.channels.registry import Adapters
from app.config import Settings, environment_of
from app.domain.status import ConfigStatus, WatermarkResource
from app.http import create_app
from app.jobs.contracts import FetchMessages, Subscribe
from app.services.operations.sweep import sweep
from app.services.sync.fetch_messages import fetch_messages
from app.services.sync.subscribe import subscribe
from tests.sandboxes import served
from tests.sync.conftest import connect


@pytest.mark.shows("A22")
def test_a_subscription_brings_what_is_new(
    public, account, subscribed, mailbox, events, until
):
    subscribed()

    mail_id = mailbox.add()
    jobs = until(lambda: taken(public, FetchMessages))
    for job in jobs:
        fetch_messages(public, job)

    assert [event.external_id for event in events()] == [mail_id]
    assert events()[0].source == "webhook"


def test_what_is_in_force_stays(account, subscribed, mailbox):
    subscribed()

    subscribed()

    assert len(ours(mailbox, account)) == 1


@pytest.mark.shows("A22")
def test_a_subscription_that_the_provider_has_dropped_is_made_again(
    account, subscribed, mailbox, write
):
    subscribed()
    (first,) = ours(mailbox, account)
    mailbox.deactivate(first["id"])

    subscribed()

    (second,) = [one for one in ours(mailbox, account) if one["active"]]
    assert second["id"] != first["id"]


def test_the_id_by_which_the_provider_names_the_account_is_learned(
    public, account, subscribed, write
):
    write("UPDATE channel_configs SET external_account_id = NULL")

    subscribed()

    with public.transaction(account.workspace_id) as tx:
        assert store.tenants.config(tx, account.id).external_account_id


@pytest.mark.shows("A22")
def test_a_renewal_that_fails_is_an_incident_until_it_works(
    account, subscribed, mailbox, open_incidents
):
    mailbox.fault(match="/v1/subscriptions", status=500, times=1)
    failed = subscribed()
    opened = open_incidents()

    subscribed()

    assert failed.counts == {"put_off": 1}
    assert opened == ["subscription_failed"]
    assert open_incidents() == []


def test_a_token_that_is_broken_disconnects_the_account(
    public, account, subscribed, mailbox
):
    mailbox.set(token_status="invalid")

    subscribed()

    with public.transaction(account.workspace_id) as tx:
        config = store.tenants.config(tx, account.id)
    assert config.status is ConfigStatus.DISCONNECTED


def test_only_accounts_that_ask_for_it_are_subscribed(
    public, make, workspace, mailbox, account
):
    connect(make, workspace, mailbox, subscribes=False)

    sweep(public, forced=True)

    assert [job.config_id for job in taken(public, Subscribe)] == [account.id]


def ours(mailbox, account):
    return [
        one for one in mailbox.subscriptions() if one["url"].endswith(str(account.id))
    ]


def taken(runtime, contract):
    jobs = [job for job in runtime.publisher.jobs if isinstance(job, contract)]
    runtime.publisher.jobs.clear()
    return jobs


@pytest.fixture
def public(live) -> Iterator:
    """A runtime with its web application where the provider can reach it."""
    server = make_server("127.0.0.1", 0, None, threaded=True)
    settings = Settings.model_validate(
        environment_of(live.settings)
        | {"BB_PUBLIC_URL": f"http://127.0.0.1:{server.server_port}"}
    )
    runtime = replace(live, settings=settings, adapters=Adapters(settings))
    server.app = create_app(runtime)
    with served(server):
        yield runtime


@pytest.fixture
def account(make, workspace, mailbox):
    return connect(make, workspace, mailbox, poll_seconds=None, subscribes=True)


@pytest.fixture
def subscribed(public, account, write):
    """Renews the subscription of the account now, whenever its time would be."""

    def subscribed():
        with public.system_transaction() as tx:
            store.watermarks.add_missing(tx)
        write(
            "UPDATE sync_watermarks SET next_attempt_at = NULL WHERE resource = %s",
            WatermarkResource.SUBSCRIPTION.value,
        )
        job = Subscribe(workspace_id=account.workspace_id, config_id=account.id)
        return subscribe(public, job)

    return subscribed


@pytest.fixture
def until():
    """Asks again until something is found, for at most ten seconds."""

    def until(look):
        deadline = time.monotonic() + 10
        while not (found := look()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    return until
