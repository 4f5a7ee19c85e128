"""Structured logs: one JSON object per line, fields instead of sentences.

Bodies, addresses and credentials never get here: what is logged is ids, counts and kinds.
"""

import logging
import sys
from functools import cache
from typing import Any

import structlog

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logs(level: str = "INFO") -> None:
    """Send everything, libraries included, to stderr as JSON lines. Safe to repeat."""
    _configure_structlog()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # They log request lines and task arguments, which are ours to choose.
    for name in ("urllib3", "httpx2", "httpcore2", "celery.worker.strategy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("celery.app.trace").setLevel(logging.WARNING)
    # It quotes what servers say, and below that whole mails.
    logging.getLogger("imapclient").setLevel(logging.ERROR)


@cache
def _configure_structlog() -> None:
    """Once per process: loggers in use would keep what was there before."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> Any:
    """A logger whose calls take fields: `log.info("job", outcome="done")`."""
    return structlog.get_logger(name)
