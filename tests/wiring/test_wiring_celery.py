"""Tasks, queues, workers and beat fit together; each setting keeps its outage away."""

import re
from datetime import timedelta

import pytest
from honcho.environ import parse_procfile

from app.config import ROOT
from app.jobs import queues
from app.services.operations.supervise import EVERY

PROCESSES = parse_procfile((ROOT / "Procfile").read_text()).processes
WORKERS = {
    name: set(re.search(r"--queues (\S+)", command).group(1).split(","))
    for name, command in PROCESSES.items()
    if " worker " in command
}
CONSUMED = set().union(*WORKERS.values())
STAGES = ["fetch_page", "materialize", "classify", "draft"]


def test_there_are_tasks(tasks):
    assert {f"pipeline.{stage}" for stage in STAGES} <= tasks.keys()
    assert {"operations.sweep", "operations.supervise"} <= tasks.keys()


def test_every_task_has_a_route_to_a_queue_that_a_worker_consumes(celery, tasks):
    for name in tasks:
        queue = celery.amqp.router.route({}, name)["queue"].name
        assert any(matches(route, name) for route in celery.conf.task_routes), name
        assert queue in CONSUMED, name


def test_every_queue_is_consumed_and_there_are_no_others():
    assert set(queues.ALL) == CONSUMED


def test_a_task_is_named_after_the_place_where_its_code_is(tasks):
    for name, task in tasks.items():
        assert name == f"{task.__module__.removeprefix('tasks.')}.{task.__name__}"


def test_a_stage_runs_from_the_queue_of_its_contract(celery):
    from tasks.chains import STAGES

    for contract, stage in STAGES:
        route = celery.amqp.router.route({}, stage.task)
        assert route["queue"].name == contract.queue


def test_the_queues_are_plain(celery):
    """Through a topic exchange publishes vanish after a FLUSHALL."""
    declared = {queue.name: queue for queue in celery.conf.task_queues}

    assert declared.keys() == set(queues.ALL)
    for queue in declared.values():
        assert queue.exchange.type == "direct"
    assert celery.conf.task_create_missing_queues is False


def test_model_calls_hold_up_neither_imports_nor_the_sweep():
    slow = {queues.CLASSIFY, queues.DRAFT}

    for name, consumed in WORKERS.items():
        if consumed & slow:
            assert consumed <= slow
            assert "--pool threads" in PROCESSES[name]


def test_there_is_one_beat_and_it_stands_alone():
    beats = [name for name, command in PROCESSES.items() if " beat " in command]

    assert beats == ["beat"]
    for name in WORKERS:
        assert re.search(r"\s(-B|--beat)\b", PROCESSES[name]) is None


@pytest.mark.shows("G4")
def test_a_worker_that_is_told_to_stop_finishes_or_hands_back(celery):
    assert 0 < celery.conf.worker_soft_shutdown_timeout <= 60
    for name in WORKERS:
        assert "REMAP_SIGTERM=SIGQUIT" in PROCESSES[name]


def test_every_beat_entry_is_a_task_that_expires_with_its_next_tick(celery, tasks):
    assert celery.conf.beat_schedule
    for entry in celery.conf.beat_schedule.values():
        assert entry["task"] in tasks
        assert isinstance(entry["schedule"], timedelta)
        assert 0 < entry["options"]["expires"] <= entry["schedule"].total_seconds()


def test_beat_ticks_no_less_often_than_the_use_cases_take_their_turns(celery, servers):
    every = {
        entry["task"]: entry["schedule"] for entry in celery.conf.beat_schedule.values()
    }

    assert every["operations.supervise"] < EVERY
    assert every["operations.sweep"] == timedelta(seconds=servers.sweep_seconds)


def test_a_task_that_runs_is_not_delivered_again(celery):
    """Beyond the visibility timeout Redis hands a job to somebody else."""
    timeout = celery.conf.broker_transport_options["visibility_timeout"]

    longest = max(
        celery.conf.task_time_limit,
        *(one["time_limit"] for one in celery.conf.task_annotations.values()),
    )
    assert timeout >= 2 * longest
    assert celery.conf.task_time_limit > celery.conf.task_soft_time_limit


@pytest.mark.shows("K3")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task_acks_late", True),
        ("task_reject_on_worker_lost", True),
        ("worker_prefetch_multiplier", 1),
        ("worker_cancel_long_running_tasks_on_connection_loss", False),
        ("result_backend", None),
        ("task_ignore_result", True),
        ("task_serializer", "json"),
        ("accept_content", ["json"]),
        ("broker_connection_retry_on_startup", True),
        ("broker_connection_max_retries", None),
        ("task_publish_retry_policy", {"max_retries": 0}),
        ("task_default_queue", queues.OPS),
        ("worker_hijack_root_logger", False),
        ("worker_redirect_stdouts", False),
        ("timezone", "UTC"),
        ("beat_scheduler", "celery.beat:Scheduler"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_setting_keeps_its_outage_away(celery, name, value):
    assert getattr(celery.conf, name) == value


@pytest.mark.parametrize(
    "name", ["socket_timeout", "socket_connect_timeout", "health_check_interval"]
)
def test_no_silent_broker_is_waited_for_for_ever(celery, name):
    assert 0 < celery.conf.broker_transport_options[name] <= 30


def test_stages_come_back_and_ticks_do_not(tasks):
    early = {name for name, task in tasks.items() if not task.acks_late}

    assert early == {
        "operations.embeddings",
        "operations.sweep",
        "operations.supervise",
        "operations.tick_schedules",
    }


def test_the_command_is_where_setup_says(celery):
    from app.cli.main import main

    entry = (ROOT / "setup.cfg").read_text()
    assert f"bizzybee = {main.__module__}:{main.__name__}" in entry


def matches(route, name):
    return re.fullmatch(re.escape(route).replace(r"\*", ".*"), name)


@pytest.fixture
def celery(environment):
    from tasks.celery_app import celery_app

    celery_app.loader.import_default_modules()
    return celery_app


@pytest.fixture
def tasks(celery):
    """Ours; Celery brings some of its own."""
    return {
        name: task
        for name, task in celery.tasks.items()
        if not name.startswith("celery.")
    }
