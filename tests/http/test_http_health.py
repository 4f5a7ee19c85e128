"""Liveness and readiness."""

import socket
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from app import store
from app.store.transaction import Database
from tests.http.client import NOBODY_LISTENS, changed, client_of


@pytest.fixture
def beat(runtime):
    """Lets the sweep have run so long ago."""

    def beat(ago):
        with runtime.system_transaction() as tx:
            store.heartbeats.take_turn(tx, "sweep", every=timedelta())
            tx.session.execute(
                text("UPDATE heartbeats SET at = :at"), {"at": tx.now - ago}
            )

    return beat


def test_where_all_is_well_it_is_ready(client, beat):
    beat(timedelta(seconds=1))

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json["ready"] is True
    assert {name: check["ok"] for name, check in response.json["checks"].items()} == {
        "database": True,
        "migrations": True,
        "beat": True,
        "supervisor": True,
        "broker": True,
    }


@pytest.mark.parametrize(
    ("sweep_seconds", "age", "ok"),
    [(1, 29, True), (1, 31, False), (10, 59, True), (10, 61, False)],
)
@pytest.mark.shows("K7")
def test_a_beat_that_stopped_is_not_ready(runtime, beat, sweep_seconds, age, ok):
    beat(timedelta(seconds=age))
    settings = changed(runtime.settings, sweep_seconds=sweep_seconds)

    response = client_of(replace(runtime, settings=settings)).get("/readyz")

    assert response.status_code == (200 if ok else 503)
    found = response.json["checks"]["beat"]
    assert found["ok"] is ok
    assert found["message"].startswith(f"the sweep last ran {age} s ago")


@pytest.mark.shows("K7")
def test_a_sweep_that_never_ran_is_not_ready(client):
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json["ready"] is False
    assert response.json["checks"]["beat"] == {
        "ok": False,
        "message": "the sweep has never run: see that beat and a worker for bb_ops_jobs "
        "are running",
    }


def test_without_a_database_it_lives_and_is_not_ready(runtime):
    client = client_of(replace(runtime, database=Database(NOBODY_LISTENS)))

    alive, ready = client.get("/healthz"), client.get("/readyz")

    assert (alive.status_code, alive.json) == (200, {"status": "ok"})
    assert ready.status_code == 503
    checks = ready.json["checks"]
    assert checks["database"] == {
        "ok": False,
        "message": "does not answer: start PostgreSQL, or correct DATABASE_URL",
    }
    assert not checks["migrations"]["ok"]
    assert not checks["beat"]["ok"]
    assert checks["broker"]["ok"]


def test_a_schema_that_is_behind_is_not_ready(runtime, client, beat):
    beat(timedelta(seconds=1))
    with runtime.database.engine.begin() as connection:
        head = connection.scalar(
            text(
                "UPDATE alembic_version SET version_num = '0001'"
                " RETURNING (SELECT version_num FROM alembic_version)"
            )
        )
    try:
        response = client.get("/readyz")
    finally:
        with runtime.database.engine.begin() as connection:
            connection.execute(
                text("UPDATE alembic_version SET version_num = :head"), {"head": head}
            )

    assert response.status_code == 503
    assert response.json["checks"]["migrations"] == {
        "ok": False,
        "message": f"at 0001, the code is at {head}: run bizzybee migrate",
    }


def test_without_a_broker_it_lives_and_is_not_ready(runtime, beat):
    beat(timedelta(seconds=1))
    settings = changed(runtime.settings, redis_url="redis://127.0.0.1:1/0")
    client = client_of(replace(runtime, settings=settings))

    alive, ready = client.get("/healthz"), client.get("/readyz")

    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.json["checks"]["broker"] == {
        "ok": False,
        "message": "does not answer: start Redis, or correct REDIS_URL",
    }
    assert ready.json["checks"]["database"]["ok"]


@pytest.mark.timeout(10)
def test_a_broker_that_hangs_is_not_waited_for(runtime, beat):
    beat(timedelta(seconds=1))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        settings = changed(runtime.settings, redis_url=url)

        response = client_of(replace(runtime, settings=settings)).get("/readyz")

    assert response.status_code == 503
    assert not response.json["checks"]["broker"]["ok"]


@pytest.mark.shows("L3")
def test_readiness_says_nothing_of_addresses_and_passwords(runtime):
    settings = changed(runtime.settings, redis_url="redis://:secret1@127.0.0.1:1/0")
    away = replace(runtime, settings=settings, database=Database(NOBODY_LISTENS))

    response = client_of(away).get("/readyz")

    assert "secret1" not in response.text
    assert "127.0.0.1" not in response.text
