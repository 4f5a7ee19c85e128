"""What happens around every request: its id, one log line, and the headers of an answer."""

import re
import time

import structlog
from flask import Flask, Response, g, request

from app.domain.ids import new_id
from app.http.context import runtime
from app.logs import get_logger

ID_HEADER = "X-Request-Id"

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")

#: Asked every few seconds by machines; their lines would hide the others.
_UNLOGGED = frozenset({"health.healthz", "health.readyz"})

#: For answers that no browser has to render. A page brings its own policy.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

log = get_logger("http")


def register(app: Flask) -> None:
    """Wrap every request of the application."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def _begin() -> None:
    given = request.headers.get(ID_HEADER, "")
    g.request_id = given if _SANE_ID.fullmatch(given) else str(new_id())
    g.started = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _forget(_error: BaseException | None) -> None:
    """What the thread does next belongs to another request."""
    structlog.contextvars.clear_contextvars()


def _end(response: Response) -> Response:
    response.headers[ID_HEADER] = g.request_id
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if str(runtime().settings.public_url).startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint not in _UNLOGGED:
        log.info(
            "request",
            method=request.method,
            # The rule, not the path: what stands in a path is the caller's business.
            route=str(request.url_rule or "none"),
            status=response.status_code,
            duration_ms=round((time.monotonic() - g.started) * 1000),
        )
    return response
