"""Up from nothing, down to nothing, and from many sides at once."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import create_engine, make_url

from app.config import ROOT, process_environment
from app.store import migrations
from tests.catalog import catalog_of

REVISIONS = [
    path.name.partition("_")[0]
    for path in sorted((ROOT / "alembic" / "versions").glob("*.py"))
]


def test_down_leaves_nothing_and_up_again_is_the_same(blank):
    engine = blank()
    migrations.upgrade(engine)
    first = catalog(engine)

    migrations.downgrade(engine, "base")
    nothing = catalog(engine)
    migrations.upgrade(engine)

    assert nothing == {}
    assert catalog(engine) == first
    assert len(first) > 100
    assert revision(engine) == REVISIONS[-1] == migrations.head_revision()


def test_every_step_can_be_taken_back(blank):
    engine = blank()
    for before, here in zip(["base", *REVISIONS], REVISIONS, strict=False):
        migrations.upgrade(engine, here)
        there = catalog(engine)

        migrations.downgrade(engine, before)
        migrations.upgrade(engine, here)

        assert catalog(engine) == there, here
        assert revision(engine) == here


def test_going_up_twice_changes_nothing(blank):
    engine = blank()
    migrations.upgrade(engine)
    first = catalog(engine)

    migrations.upgrade(engine)

    assert catalog(engine) == first


def test_threads_that_migrate_together_do_it_once(blank):
    engine = blank()
    start = Barrier(4)

    def migrate(_):
        start.wait(10)
        migrations.upgrade(engine)
        return revision(engine)

    with ThreadPoolExecutor(4) as pool:
        reached = list(pool.map(migrate, range(4)))

    assert reached == [REVISIONS[-1]] * 4


def test_processes_that_migrate_together_do_it_once(blank, servers):
    engine = blank()
    url = engine.url.render_as_string(hide_password=False)
    environment = process_environment(servers) | {"DATABASE_URL": url}
    together = [
        subprocess.Popen(
            [sys.executable, "-m", "app.cli", "migrate"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    said = [process.communicate(timeout=60) for process in together]

    assert [process.returncode for process in together] == [0, 0], said
    assert said == [("", f"the database is at revision {REVISIONS[-1]}\n")] * 2
    assert revision(engine) == REVISIONS[-1]


def test_who_waits_for_another_migration_is_not_cut_short(blank, servers):
    """Statements of ours end after a minute; a migration, or the wait for one, may take longer."""
    engine = blank()
    url = make_url(str(servers.database_url)).set(database=engine.url.database)
    impatient = create_engine(url, connect_args={"options": "-c statement_timeout=100"})
    with engine.connect() as other, ThreadPoolExecutor(1) as pool:
        other.exec_driver_sql(
            f"SELECT pg_advisory_xact_lock({migrations.MIGRATION_LOCK})"
        )
        waiting = pool.submit(migrations.upgrade, impatient)
        time.sleep(0.3)
        other.rollback()

        waiting.result(timeout=30)

    impatient.dispose()
    assert revision(engine) == REVISIONS[-1]


def test_alembic_itself_reads_our_settings(blank, servers):
    """`alembic -c setup.cfg` is what people know."""
    engine = blank()
    url = engine.url.render_as_string(hide_password=False)

    done = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", "setup.cfg", "upgrade", "0001"],
        cwd=ROOT,
        env=process_environment(servers)
        | {"DATABASE_URL": url, "PYTHONPATH": "", "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert revision(engine) == "0001"


def test_a_database_that_was_never_migrated_has_no_revision(blank):
    assert revision(blank()) is None


def test_a_migration_that_fails_leaves_the_database_as_it_was(blank):
    engine = blank()
    migrations.upgrade(engine, "0002")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE bb_unreplied_messages ()")
    before = catalog(engine)

    with pytest.raises(Exception, match="bb_unreplied_messages"):
        migrations.upgrade(engine)

    assert revision(engine) == "0002"
    assert catalog(engine) == before


def catalog(engine):
    with engine.connect() as connection:
        return catalog_of(connection)


def revision(engine):
    with engine.connect() as connection:
        return migrations.current_revision(connection)
