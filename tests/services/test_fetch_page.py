"""Importing an account page by page, from the sandbox over real HTTP."""

from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from app import store
from app.channels.registry import Adapters
from app.config import Settings, environment_of
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.status import ConfigStatus, RunState
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs.contracts import ImportFetch, Materialize
from app.models import MessageEvent, PipelineRun
from app.services import accounts
from app.services.accounts import renew_credentials
from app.services.pipeline.fetch_page import fetch_page
from app.services.sync.start_import import cancel_run, start_import
from sandbox.server import create_sandbox, listen
from tests.sandboxes import running

MAILS = 7


def test_a_run_fetches_sent_first_then_the_inbox(live, config, run_all):
    run = run_all(start_import(live, config.workspace_id, config.id))

    assert run.state is RunState.COMPLETED
    assert (run.fetched_so_far, run.created, run.duplicates) == (MAILS, MAILS, 0)
    assert not run.truncated
    with live.system_transaction() as tx:
        events = store.events.find(tx, run_id=run.id)
    assert [event.direction for event in events] == ["outbound"] * 2 + ["inbound"] * 5


def test_a_page_hands_its_events_to_materialize_and_queues_the_next(live, config, make):
    run_id = start_import(live, config.workspace_id, config.id)
    (job,) = live.publisher.jobs
    live.publisher.jobs.clear()

    outcome = fetch_page(live, job)

    assert outcome.counts == {"created": 2, "duplicates": 0}
    (first,) = outcome.next_jobs
    assert isinstance(first, Materialize)
    assert first.run_id == run_id
    (following,) = live.publisher.jobs
    assert isinstance(following, ImportFetch)
    assert (following.folder, following.page_token) == ("INBOX", None)
    assert following.fetched_so_far == 2


@pytest.mark.shows("B1")
def test_running_an_import_again_adds_nothing(live, config, run_all):
    run_all(start_import(live, config.workspace_id, config.id))

    run = run_all(start_import(live, config.workspace_id, config.id))

    assert (run.created, run.duplicates) == (0, MAILS)


@pytest.mark.shows("B1")
def test_a_job_delivered_twice_fetches_one_page(live, config, counts):
    start_import(live, config.workspace_id, config.id)
    (job,) = live.publisher.jobs
    fetch_page(live, job)
    fetched = counts()

    with live.transaction(config.workspace_id) as tx:
        held = store.runs.claim(tx, job.run_id, lease=timedelta(minutes=1))
    again = fetch_page(live, job)

    assert held is not None
    assert again.counts == {}
    assert counts() == fetched


@pytest.mark.shows("A16")
@pytest.mark.parametrize(
    ("cap", "fetched", "truncated"),
    [
        pytest.param(1, 1, True, id="inside the first folder"),
        pytest.param(2, 2, True, id="at the end of the first folder"),
        pytest.param(6, 6, True, id="one short"),
        pytest.param(7, 7, False, id="exactly all"),
        pytest.param(8, 7, False, id="more than there is"),
    ],
)
def test_the_cap_is_kept_and_said(live, config, run_all, cap, fetched, truncated):
    run = run_all(start_import(live, config.workspace_id, config.id, cap=cap))

    assert run.state is RunState.COMPLETED
    assert (run.fetched_so_far, run.truncated) == (fetched, truncated)


@pytest.mark.shows("A17")
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "7"}, 7, id="told when"),
        pytest.param({}, 30, id="not told"),
    ],
)
def test_a_rate_limit_means_later_and_is_no_attempt(
    live, config, fault, runs, headers, seconds
):
    run_id = start_import(live, config.workspace_id, config.id)
    fault(status=429, headers=headers)

    outcome = fetch_page(live, live.publisher.jobs.pop())

    run = runs(run_id)
    assert outcome.counts == {"rate_limited": 1}
    assert run.state is RunState.RUNNING
    assert (run.attempts, run.rate_limit_count, run.pages) == (0, 1, 0)
    wait = run.next_attempt_at - run.heartbeat_at
    assert wait == timedelta(seconds=seconds)


def test_a_failing_provider_is_tried_six_times_and_then_reported(
    live, config, fault, runs
):
    run_id = start_import(live, config.workspace_id, config.id)
    job = live.publisher.jobs.pop()
    fault(status=503, times=MAX_ATTEMPTS)

    for _ in range(MAX_ATTEMPTS):
        due_now(live, run_id)
        fetch_page(live, job)

    run = runs(run_id)
    assert run.state is RunState.FAILED
    with live.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
        (incident,) = store.incidents.find(tx)
    assert letter.job_type == "IMPORT_FETCH"
    assert letter.attempts == MAX_ATTEMPTS
    assert incident.kind == "import_failed"


@pytest.mark.shows("A21")
def test_a_dead_token_disconnects_the_account(live, make, workspace, runs):
    config = make.config(workspace, credentials={"access_token": "sandbox-dead"})
    run_id = start_import(live, workspace.id, config.id)

    fetch_page(live, live.publisher.jobs.pop())

    assert runs(run_id).state is RunState.FAILED
    with live.transaction(workspace.id) as tx:
        assert store.tenants.config(tx, config.id).status is ConfigStatus.DISCONNECTED
    with pytest.raises(Conflict, match="disconnected"):
        start_import(live, workspace.id, config.id)


@pytest.mark.shows("A21")
def test_a_new_token_brings_the_account_back(live, make, workspace, run_all):
    config = make.config(workspace, credentials={"access_token": "sandbox-dead"})
    run_all(start_import(live, workspace.id, config.id))

    renew_credentials(live, workspace.id, config.id, {"access_token": "sandbox-new"})
    run = run_all(start_import(live, workspace.id, config.id))

    assert (run.state, run.created) == (RunState.COMPLETED, MAILS)


@pytest.mark.parametrize("mode", ["drop", "garbage", "half"])
def test_a_broken_answer_is_tried_again_and_stores_nothing(
    live, config, fault, runs, mode
):
    run_id = start_import(live, config.workspace_id, config.id)
    fault(mode=mode)

    outcome = fetch_page(live, live.publisher.jobs.pop())

    assert outcome.counts == {"put_off": 1}
    assert runs(run_id).attempts == 1
    with live.system_transaction() as tx:
        assert tx.session.query(MessageEvent).count() == 0


def test_one_import_at_a_time_per_account(live, config):
    start_import(live, config.workspace_id, config.id)

    with pytest.raises(Conflict, match="going already"):
        start_import(live, config.workspace_id, config.id)


def test_a_cancelled_run_fetches_nothing_more(live, config, counts):
    run_id = start_import(live, config.workspace_id, config.id)
    cancel_run(live, config.workspace_id, run_id)

    outcome = fetch_page(live, live.publisher.jobs.pop())

    assert outcome.counts == {}
    assert counts() == 0


def test_a_paused_account_is_not_read_until_it_is_resumed(live, config, counts):
    start_import(live, config.workspace_id, config.id)
    (job,) = live.publisher.jobs

    def fetch_while(status):
        accounts.set_config_status(live, config.workspace_id, config.id, status=status)
        return fetch_page(live, job).counts

    assert fetch_while(ConfigStatus.PAUSED) == {}
    assert counts() == 0
    assert fetch_while(ConfigStatus.ACTIVE) == {"created": 2, "duplicates": 0}


def test_a_cap_below_one_is_refused(live, config):
    with pytest.raises(InvalidInput, match="at least 1"):
        start_import(live, config.workspace_id, config.id, cap=0)


@pytest.mark.shows("L1")
def test_the_account_of_another_workspace_is_not_found(live, make, config):
    stranger = make.workspace()

    with pytest.raises(NotFound):
        start_import(live, stranger.id, config.id)


def test_an_error_that_nobody_foresaw_is_tried_again_and_not_hidden(
    live, config, runs, monkeypatch
):
    run_id = start_import(live, config.workspace_id, config.id)
    (job,) = live.publisher.jobs
    adapter = live.adapters.of("aurinko")
    monkeypatch.setattr(adapter, "fetch_page", lambda *_, **__: {}["nothing"])

    with pytest.raises(KeyError):
        fetch_page(live, job)

    run = runs(run_id)
    assert (run.attempts, run.last_error) == (1, "KeyError")
    assert run.lease_token is None
    assert run.next_attempt_at is not None


def due_now(runtime, run_id):
    with runtime.system_transaction() as tx:
        tx.session.connection().exec_driver_sql(
            "UPDATE pipeline_runs SET next_attempt_at = NULL WHERE id = %s",
            (str(run_id),),
        )


@pytest.fixture(scope="module")
def sandbox_url(tmp_path_factory):
    path = tmp_path_factory.mktemp("mailbox") / "small.mbox"
    path.write_text("\n".join(mails()))
    with running(create_sandbox(path, "shop@shop.example"), listen) as url:
        yield url


@pytest.fixture(autouse=True)
def fresh_sandbox(sandbox_url):
    requests.delete(f"{sandbox_url}/_control/faults", timeout=5)
    requests.delete(f"{sandbox_url}/_control/requests", timeout=5)


@pytest.fixture
def live(runtime, sandbox_url):
    """A runtime whose provider is the sandbox."""
    settings = Settings.model_validate(
        environment_of(runtime.settings)
        | {
            "AURINKO_API_BASE_URL": f"{sandbox_url}/aurinko",
            "BB_IMPORT_BATCH_SIZE": 3,
        }
    )
    return replace(runtime, settings=settings, adapters=Adapters(settings))


@pytest.fixture
def fault(sandbox_url):
    def fault(**script):
        answer = requests.post(
            f"{sandbox_url}/_control/faults",
            json={"provider": "aurinko", **script},
            timeout=5,
        )
        answer.raise_for_status()

    return fault


@pytest.fixture
def counts(sandbox_url):
    """How many requests the provider has seen."""

    def counts():
        seen = requests.get(f"{sandbox_url}/_control/requests", timeout=5).json()
        rows = seen["requests"] if isinstance(seen, dict) else seen
        return sum(row["provider"] == "aurinko" for row in rows)

    return counts


@pytest.fixture
def runs(live):
    def runs(run_id) -> PipelineRun:
        with live.system_transaction() as tx:
            return store.runs.get(tx, run_id)

    return runs


@pytest.fixture
def run_all(live, runs):
    """Carry out the fetch jobs of a run until it ends."""

    def run_all(run_id):
        while runs(run_id).finished_at is None:
            jobs = [one for one in live.publisher.jobs if isinstance(one, ImportFetch)]
            live.publisher.jobs.clear()
            fetch_page(live, jobs[-1])
        live.publisher.jobs.clear()
        return runs(run_id)

    return run_all


def mails():
    for number in range(1, MAILS + 1):
        sender = "shop@shop.example" if number > 5 else f"person{number}@example.com"
        yield (
            f"From {sender} Mon Nov  2 09:{number:02}:00 2026\n"
            f"From: {sender}\nTo: shop@shop.example\nSubject: Mail {number}\n"
            f"Date: Mon, 02 Nov 2026 09:{number:02}:00 +0000\n"
            f"Message-ID: <m{number}@example.com>\n\nText {number}\n"
        )
