"""The Celery application, and the runtime that each worker process builds for itself."""

from functools import cache
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init

from app.bootstrap import build_runtime
from app.embedded import complete
from app.logs import configure_logs
from app.runtime import Runtime
from tasks import safe_qos

safe_qos.install()

celery_app = Celery(
    "bizzybee",
    include=[
        "tasks.pipeline",
        "tasks.sync",
        "tasks.outbound",
        "tasks.knowledge",
        "tasks.operations",
    ],
    set_as_current=True,
)
celery_app.config_from_object("celeryconfig")


@cache
def runtime() -> Runtime:
    """The runtime of this process."""
    from tasks.publisher import CeleryPublisher

    return build_runtime(complete(), CeleryPublisher())


def publish_or_give_up() -> None:
    """Let this process wait for the broker no longer than a second when it rings.

    For processes that somebody waits for; the sweep rings later. Workers, who also listen on their
    connections, keep the longer times of `celeryconfig`.
    """
    celery_app.conf.broker_transport_options = {
        **celery_app.conf.broker_transport_options,
        "socket_timeout": 1,
        "socket_connect_timeout": 1,
    }


@setup_logging.connect
def _our_logs(**_: Any) -> None:
    configure_logs(complete().log_level)


@worker_process_init.connect
def _own_connections(**_: Any) -> None:
    """A connection must not be shared with the process that forked us."""
    runtime.cache_clear()
