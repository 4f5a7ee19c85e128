"""Servers and fixtures that all tests share: real PostgreSQL, real Redis, fake network only.

The servers are the embedded ones, below `var/test`, unless DATABASE_URL and REDIS_URL are set. Each
worker of a parallel run has a database of its own, copied from one that was migrated once.
"""

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg2
import pytest
import redis
from sqlalchemy import Engine, create_engine, make_url

from app import embedded
from app.bootstrap import build_runtime
from app.config import ROOT, Settings, environment_of, load_settings
from app.jobs.broker import Broker
from app.runtime import Runtime
from app.store import migrations
from tests.factories import Maker
from tests.fakes import CollectingPublisher

pytest_plugins = ["tests.behaviours"]

TEMPLATE = "bizzybee_test_template"
SECRET_KEY = base64.b64encode(b"k" * 32).decode()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, whatever order chance has chosen."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The servers of this run, and a fresh database for this worker."""
    base = Settings(
        **{
            "BB_DATA_DIR": ROOT / "var" / "test",
            "BB_SECRET_KEY": SECRET_KEY,
            "BB_AI_MODE": "offline",
            # Most tests are of one stage, and do not wait for the next sweep.
            "BB_DEBOUNCE_SECONDS": "0",
            "BB_STORAGE_URL": f"file:{tmp_path_factory.mktemp('files')}",
        }
    )
    url = base.database_url or embedded.start_postgres(base.data_dir, "postgres")
    redis_url = base.redis_url or embedded.start_redis(base.data_dir)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    database = copy_of_template(url, f"bizzybee_test_{worker}")
    return Settings.model_validate(
        environment_of(base)
        | {"DATABASE_URL": database, "REDIS_URL": _redis_of_worker(redis_url, worker)}
    )


@pytest.fixture(scope="session")
def environment(servers: Settings) -> Iterator[None]:
    """The variables of this process, for what reads them itself: Celery's settings, the command."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_of(servers).items():
            patch.setenv(name, value)
        load_settings.cache_clear()
        yield
    load_settings.cache_clear()


@pytest.fixture(scope="session")
def shared_runtime(servers: Settings) -> Iterator[Runtime]:
    runtime = build_runtime(servers, CollectingPublisher())
    yield runtime
    runtime.database.dispose()


@pytest.fixture
def runtime(shared_runtime: Runtime) -> Runtime:
    """A runtime on an empty database, with a publisher that collects (`publisher.jobs`)."""
    with shared_runtime.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM workspaces")
        connection.exec_driver_sql("DELETE FROM pipeline_incidents")
        connection.exec_driver_sql("DELETE FROM dead_letters")
        connection.exec_driver_sql("DELETE FROM pipeline_job_audit")
        connection.exec_driver_sql("DELETE FROM heartbeats")
    shared_runtime.publisher.jobs.clear()
    return shared_runtime


@pytest.fixture
def make(runtime: Runtime) -> Maker:
    """Makes rows: `make.workspace()`, `make.event(config, text="…")`."""
    return Maker(runtime)


@pytest.fixture
def workspace(make: Maker):
    return make.workspace()


@pytest.fixture
def config(make: Maker, workspace):
    """A connected mailbox of `workspace`."""
    return make.config(workspace)


@pytest.fixture
def broker(environment: None, servers: Settings) -> Iterator[Broker]:
    """The real queues, empty: for what publishes through Celery itself."""
    with redis.Redis.from_url(str(servers.redis_url)) as client:
        client.flushdb()
        yield Broker(str(servers.redis_url))
        client.flushdb()


@pytest.fixture
def blank(servers: Settings) -> Iterator[Callable[[], Engine]]:
    """Makes databases with nothing in them."""
    url = make_url(str(servers.database_url))
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    made: list[Engine] = []

    def make() -> Engine:
        name = f"{url.database}_blank_{len(made)}"
        with admin.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE template0')
        made.append(create_engine(url.set(database=name)))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()
        with admin.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE "{engine.url.database}"')
    admin.dispose()


def copy_of_template(url: str, name: str) -> str:
    """A new database with the current schema; returns its URL.

    The template is migrated by whoever comes first and copied by the others.
    """
    admin = _as_libpq(url)
    connection = psycopg2.connect(admin)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(7263)")
            cursor.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [_template_name()]
            )
            if cursor.fetchone() is None:
                _build_template(cursor, url)
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{_template_name()}"')
    finally:
        connection.close()
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _redis_of_worker(url: str, worker: str) -> str:
    """Each worker rings doorbells of its own: Redis has 16 numbered databases."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss"} or not worker.startswith("gw"):
        return url
    number = int(worker.removeprefix("gw")) % 15 + 1
    return parts._replace(path=f"/{number}").geturl()


def _build_template(cursor, url: str) -> None:
    name = _template_name()
    cursor.execute(f'CREATE DATABASE "{name}"')
    engine = create_engine(make_url(url).set(database=name))
    try:
        migrations.upgrade(engine)
    except BaseException:
        engine.dispose()
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        raise
    engine.dispose()


def _template_name() -> str:
    """Names the schema by its content: an edited migration makes another template."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "alembic").rglob("*")):
        if path.suffix in {".py", ".sql"}:
            digest.update(path.read_bytes())
    return f"{TEMPLATE}_{digest.hexdigest()[:12]}"


def _as_libpq(url: str) -> str:
    return (
        make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    )
