"""Wakes the pipeline when another server writes `message_events` itself.

PostgreSQL notifies; the listener then does what the sweep does anyway, only at once. If it is not
running, the sweep finds the rows a few seconds later.
"""

import select
import signal
import sys
import time
from types import FrameType

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection
from sqlalchemy.exc import DBAPIError

from app.embedded import complete
from app.logs import configure_logs, get_logger
from app.runtime import Runtime
from app.services.operations.sweep import sweep
from tasks.celery_app import runtime

CHANNEL = "bizzybee_events"
RECONNECT_SECONDS = 1.0

log = get_logger("listener")


def main() -> None:
    """Listen until told to stop; reconnects for ever."""
    configure_logs(complete().log_level)
    signal.signal(signal.SIGTERM, _stop)
    while True:
        try:
            _listen(runtime())
        except (psycopg2.Error, DBAPIError) as error:
            log.warning("database away", error=type(error).__name__)
            time.sleep(RECONNECT_SECONDS)


def _listen(current: Runtime) -> None:
    with_driver = current.database.engine.url
    conn: connection = psycopg2.connect(
        with_driver.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        conn.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        conn.cursor().execute(f"LISTEN {CHANNEL}")
        # What came while nobody listened.
        sweep(current, forced=True)
        while True:
            select.select([conn], [], [])
            conn.poll()
            if conn.notifies:
                conn.notifies.clear()
                log.info("swept", **sweep(current, forced=True))
    finally:
        conn.close()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
