"""Recurring work: rung for, claimed, run, written down."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest

from app import store
from app.domain.schedule import Progress
from app.domain.status import ScheduledOutcome
from app.errors import Conflict, InvalidInput, PermanentError, RetryableError
from app.jobs.contracts import Scheduled
from app.models import AuditEntry, ScheduledRun
from app.services.operations import schedule
from app.services.operations.run_scheduled import run_scheduled
from app.services.operations.schedule_kinds import KINDS, NAMES, Kind

HOUR = timedelta(hours=1)
DONE, MORE = ScheduledOutcome.DONE, ScheduledOutcome.MORE
FAILED, LOST = ScheduledOutcome.FAILED, ScheduledOutcome.LOST


class Work:
    """Does what its script says, then has one thing to do each time."""

    def __init__(self):
        self.script = deque()
        self.calls = []

    def __call__(self, _runtime, workspace_id):
        self.calls.append(workspace_id)
        step = self.script.popleft() if self.script else Progress({"things": 1})
        if isinstance(step, BaseException):
            raise step
        return step


class Killed(BaseException):
    """The process is gone: nobody cleans up."""


@pytest.fixture
def work(monkeypatch):
    """A kind of work named `probe`, hourly; the only one that there is."""
    work = Work()
    for name in list(KINDS):
        monkeypatch.delitem(KINDS, name)
    monkeypatch.setitem(KINDS, "probe", Kind(work, every=HOUR))
    return work


@pytest.fixture
def due(runtime, workspace, work):
    """The scheduled job of the workspace, due since a moment ago; as it is now when called again."""

    def due():
        (found,) = schedule.list_scheduled(runtime, workspace_id=workspace.id)
        return found

    due()
    return due


@pytest.fixture
def set_job(runtime, workspace):
    """Set columns of the job: `set_job(next_run_at=-HOUR)`, in time from now."""

    def set_job(**ages):
        changes = ", ".join(f"{name} = now() + %({name})s" for name in ages)
        with runtime.system_transaction() as tx:
            tx.session.connection().exec_driver_sql(
                f"UPDATE scheduled_jobs SET {changes}", ages
            )

    return set_job


@pytest.fixture
def run(runtime, workspace, due):
    """Take the job up, as a worker does that a tick rang for."""

    def run(**options):
        job = Scheduled(workspace_id=workspace.id, scheduled_id=due().id)
        return run_scheduled(replace(runtime, **options), job)

    return run


@pytest.fixture
def runs(runtime):
    """What was written down, the earliest first."""

    def runs():
        with runtime.system_transaction() as tx:
            return list(tx.session.query(ScheduledRun).order_by(ScheduledRun.id))

    return runs


def test_a_tick_gives_every_workspace_its_jobs_and_rings_for_them(runtime, make, work):
    first, second = make.workspace(), make.workspace()

    rung = schedule.tick(runtime)

    assert {one.workspace_id for one in rung} == {first.id, second.id}
    assert {one.kind for one in rung} == {"probe"}
    assert runtime.publisher.jobs == [
        Scheduled(workspace_id=one.workspace_id, scheduled_id=one.id) for one in rung
    ]


@pytest.mark.shows("K7")
def test_two_beats_do_the_work_of_one(runtime, due):
    first, second = schedule.tick(runtime), schedule.tick(runtime)

    assert (len(first), len(second)) == (1, 0)


@pytest.mark.shows("K7")
def test_what_was_rung_for_is_left_alone_until_it_must_be_lost(runtime, due, set_job):
    first = schedule.tick(runtime, forced=True)
    again = schedule.tick(runtime, forced=True)
    set_job(rung_at=-runtime.lease - timedelta(seconds=1))
    lost = schedule.tick(runtime, forced=True)

    assert (len(first), len(again), len(lost)) == (1, 0, 1)


@pytest.mark.shows("K7")
def test_a_tick_passes_by_what_another_is_just_ringing_for(runtime, due):
    with runtime.system_transaction() as one, runtime.system_transaction() as other:
        taken, left = (
            store.schedules.take_due(tx, ["probe"], grace=runtime.lease, limit=10)
            for tx in (one, other)
        )

    assert (len(taken), len(left)) == (1, 0)


@pytest.mark.shows("K7")
def test_of_two_workers_at_once_one_claims(runtime, workspace, due):
    scheduled = due()
    with (
        runtime.transaction(workspace.id) as one,
        runtime.transaction(workspace.id) as other,
    ):
        held = store.schedules.claim(one, scheduled.id, lease=runtime.lease)
        late = store.schedules.claim(other, scheduled.id, lease=runtime.lease)

    assert held.job.id == scheduled.id
    assert late is None


@pytest.mark.shows("K7")
def test_however_many_take_it_up_it_is_run_once(run, runs, work):
    start = Barrier(4)

    def take_up(_):
        start.wait(10)
        return run().counts

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(take_up, range(4)))

    assert sorted(outcomes, key=len) == [{}, {}, {}, {DONE: 1, "things": 1}]
    assert len(work.calls) == len(runs()) == 1


def test_a_run_is_written_down(workspace, run, runs, due):
    run()

    (one,) = runs()
    assert (one.workspace_id, one.kind, one.outcome) == (workspace.id, "probe", DONE)
    assert (one.counts, one.error, one.attempt) == ({"things": 1}, None, 1)
    assert one.started_at <= one.finished_at
    assert one.duration_ms < 10_000
    job = due()
    assert (job.last_outcome, job.attempts, job.lease_token) == (DONE, 0, None)


def test_what_is_not_due_is_not_run(run, set_job, work):
    set_job(next_run_at=timedelta(seconds=30))

    assert run().counts == {}
    assert work.calls == []


@pytest.mark.shows("K9")
def test_any_number_of_missed_runs_is_one_and_the_plan_stays(run, runs, due, set_job):
    set_job(anchor_at=-10.5 * HOUR, next_run_at=-9.5 * HOUR)
    anchor = due().anchor_at

    run()

    assert len(runs()) == 1
    assert due().next_run_at == anchor + 11 * HOUR
    assert run().counts == {}


def test_what_has_more_to_do_goes_on_at_once(runtime, run, runs, work, due):
    work.script += [Progress({"things": 5}, more=True)]

    first = run()
    rung = list(runtime.publisher.jobs)
    second = run()

    assert first.counts == {MORE: 1, "things": 5}
    assert [job.scheduled_id for job in rung] == [due().id]
    assert second.counts == {DONE: 1, "things": 1}
    assert [one.counts for one in runs()] == [{"things": 5}, {"things": 1}]


def test_what_may_go_well_later_is_tried_again_soon(run, runs, work, due, look):
    work.script += [RetryableError("the storage fails")]

    run()

    job = due()
    assert (job.last_outcome, job.attempts) == (FAILED, 1)
    assert "the storage fails" in job.last_error
    assert job.next_run_at - job.last_finished_at < timedelta(seconds=10)
    assert [(one.outcome, one.error) for one in runs()] == [(FAILED, job.last_error)]
    assert look() == {}


def test_what_fails_and_fails_waits_for_its_plan_and_somebody_knows(
    runtime, workspace, run, runs, work, due, set_job, look
):
    work.script += [RetryableError("the storage fails")] * 6
    for _ in range(6):
        set_job(next_run_at=-timedelta(seconds=1))
        run()

    job, incident = due(), look()["schedule_failed"]
    set_job(next_run_at=-timedelta(seconds=1))
    run()

    assert [one.attempt for one in runs()] == [1, 2, 3, 4, 5, 6, 1]
    assert job.next_run_at == job.anchor_at + HOUR
    assert job.attempts == 0
    assert (incident.workspace_id, incident.details["kind"]) == (workspace.id, "probe")
    assert look() == {}


def test_what_will_fail_again_is_not_tried_again(run, work, due, look):
    work.script += [PermanentError("no such table")]

    run()

    assert due().next_run_at == due().anchor_at + HOUR
    assert look()["schedule_failed"].count == 1


def test_a_fault_of_ours_is_written_down_and_not_swallowed(run, runs, work):
    work.script += [ZeroDivisionError("Anna's number")]

    with pytest.raises(ZeroDivisionError):
        run()

    (one,) = runs()
    assert one.outcome == FAILED
    assert "Anna" not in one.error


def test_a_killed_worker_is_written_down_by_the_next(run, runs, work, set_job):
    work.script += [Killed()]
    with pytest.raises(Killed):
        run()
    held = run().counts
    set_job(lease_expires_at=-timedelta(seconds=1))

    run()

    assert held == {}
    assert [(one.outcome, one.attempt) for one in runs()] == [(LOST, 1), (DONE, 2)]
    assert runs()[0].error == "its worker was lost"


def test_what_kills_its_workers_is_given_up_until_its_plan(
    run, runs, work, set_job, due, look
):
    work.script += [Killed()] * 6
    for _ in range(6):
        with pytest.raises(Killed):
            run()
        set_job(lease_expires_at=-timedelta(seconds=1))

    run()

    assert len(work.calls) == 6
    assert [one.outcome for one in runs()] == [LOST] * 6 + [FAILED]
    assert due().next_run_at == due().anchor_at + HOUR
    assert "its worker was lost" in look()["schedule_failed"].details["error"]


def test_who_was_too_slow_does_not_overwrite_its_successor(
    runtime, run, runs, due, set_job
):
    def meanwhile(point):
        if point == "schedule.worked":
            set_job(lease_expires_at=-timedelta(seconds=1))
            run()

    assert run(checkpoint=meanwhile).counts == {"taken_over": 1}
    assert [one.outcome for one in runs()] == [LOST, DONE]


def test_what_is_switched_off_is_neither_rung_for_nor_run(
    runtime, workspace, run, work
):
    schedule.disable(runtime, workspace.id, "probe", actor="test")

    assert schedule.tick(runtime) == []
    assert run().counts == {}
    with pytest.raises(Conflict, match="probe is switched off"):
        schedule.run_now(runtime, workspace.id, "probe")
    assert work.calls == []


def test_what_was_missed_while_off_is_not_made_up_for(runtime, workspace, due, set_job):
    schedule.disable(runtime, workspace.id, "probe", actor="test")
    set_job(anchor_at=-2.5 * HOUR, next_run_at=-1.5 * HOUR)

    enabled = schedule.enable(runtime, workspace.id, "probe", actor="test")

    assert enabled.next_run_at == enabled.anchor_at + 3 * HOUR


def test_another_period_counts_from_the_same_moment(runtime, workspace, due):
    every = timedelta(minutes=15)

    changed = schedule.enable(runtime, workspace.id, "probe", actor="test", every=every)

    assert changed.every_seconds == 900
    assert changed.next_run_at == changed.anchor_at + every


@pytest.mark.parametrize("seconds", [0, 59, 367 * 24 * 3600])
def test_a_period_out_of_bounds_is_refused(runtime, workspace, due, seconds):
    with pytest.raises(InvalidInput, match="from a minute to a year"):
        schedule.enable(
            runtime,
            workspace.id,
            "probe",
            actor="test",
            every=timedelta(seconds=seconds),
        )


@pytest.mark.parametrize(
    "change",
    [
        partial(schedule.enable, actor="test"),
        partial(schedule.disable, actor="test"),
        schedule.run_now,
    ],
    ids=["enable", "disable", "run"],
)
@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("tea", InvalidInput, "no kind of scheduled job is named 'tea'"),
        ("health_scoring", Conflict, "nothing in this version carries it out"),
    ],
    ids=["unknown", "not available"],
)
def test_a_kind_that_nothing_carries_out_is_refused(
    runtime, workspace, work, change, kind, error, words
):
    with pytest.raises(error, match=words):
        change(runtime, workspace.id, kind)


def test_run_by_hand_it_is_run_to_its_end_and_its_plan_stays(
    runtime, workspace, work, due, set_job
):
    set_job(next_run_at=HOUR)
    work.script += [Progress({"things": 5}, more=True)]

    done = schedule.run_now(runtime, workspace.id, "probe")

    assert len(work.calls) == 2
    assert (done.last_outcome, done.next_run_at) == (DONE, done.anchor_at + HOUR)
    assert runtime.publisher.jobs == []


def test_what_is_running_is_not_run_by_hand_as_well(runtime, workspace, run, work):
    def meanwhile(point):
        if point == "schedule.claimed":
            with pytest.raises(Conflict, match="probe is running already"):
                schedule.run_now(runtime, workspace.id, "probe")

    run(checkpoint=meanwhile)

    assert len(work.calls) == 1


@pytest.mark.shows("L5")
def test_who_switched_it_off_and_on_is_written_down(runtime, workspace, due):
    schedule.disable(runtime, workspace.id, "probe", actor="key abc")
    schedule.enable(runtime, workspace.id, "probe", actor="cli", every=2 * HOUR)

    with runtime.transaction(workspace.id) as tx:
        written = tx.session.query(AuditEntry).order_by(AuditEntry.id).all()
    assert [(one.actor, one.action, one.subject, one.details) for one in written] == [
        ("key abc", "schedule.disable", "probe", {}),
        ("cli", "schedule.enable", "probe", {"every_seconds": 7200}),
    ]


def test_switched_off_its_failure_is_nobodys_concern_any_more(
    runtime, workspace, run, work, look
):
    work.script += [PermanentError("no such table")]
    run()
    failing = look()

    schedule.disable(runtime, workspace.id, "probe", actor="test")

    assert set(failing) == {"schedule_failed"}
    assert look() == {}


@pytest.mark.shows("L1")
def test_a_tick_of_a_tenant_rings_for_its_own(runtime, make, workspace, work):
    make.workspace()

    rung = schedule.tick(runtime, workspace_id=workspace.id, forced=True)

    assert [one.workspace_id for one in rung] == [workspace.id]


def test_there_is_work_behind_every_kind_that_can_be_switched_on():
    assert KINDS.keys() <= set(NAMES)
    assert all(kind.every >= schedule.SHORTEST for kind in KINDS.values())


@pytest.fixture
def look(runtime):
    """The open incidents by kind."""

    def look():
        with runtime.system_transaction() as tx:
            return {one.kind: one for one in store.incidents.find(tx)}

    return look
