"""Errors as callers see them: RFC 9457 problems, and nothing that is not theirs to know."""

import math
import traceback
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, request
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.domain.faults import faults_of
from app.errors import (
    AccessDenied,
    BizzyBeeError,
    Conflict,
    InvalidInput,
    InvalidPayload,
    NotFound,
    PermanentError,
    RetryableError,
    TooLarge,
)
from app.http.bodies import TOO_LARGE
from app.http.schemas import Problem
from app.logs import get_logger

#: Seconds after which a caller may try again where nobody knows better.
RETRY_AFTER = 5

#: The first that fits counts, so what is special stands before what is general.
STATUSES: tuple[tuple[type[BizzyBeeError], HTTPStatus], ...] = (
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InvalidInput, HTTPStatus.BAD_REQUEST),
    (InvalidPayload, HTTPStatus.BAD_REQUEST),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (AccessDenied, HTTPStatus.UNAUTHORIZED),
    (RetryableError, HTTPStatus.SERVICE_UNAVAILABLE),
    # What refuses for good from inside a request is a provider that we asked for the caller.
    (PermanentError, HTTPStatus.BAD_GATEWAY),
)

log = get_logger("http")


def register(app: Flask) -> None:
    """Answer every error of the application with a problem."""
    app.register_error_handler(BizzyBeeError, _ours)
    app.register_error_handler(HTTPException, _of_http)
    # A database that is away or refuses: the same request may succeed in a moment. What it says
    # of the values themselves (DataError, IntegrityError) is a fault of ours.
    for kind in (OperationalError, InterfaceError, InternalError, PoolTimeout):
        app.register_error_handler(kind, _database_away)
    app.register_error_handler(Exception, _unforeseen)


def problem(
    status: int,
    detail: str,
    *,
    errors: Iterable[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer of type `application/problem+json`."""
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=list(errors) or None,
        request_id=g.get("request_id"),
    )
    return Response(
        body.model_dump_json(exclude_none=True),
        status,
        headers,
        content_type="application/problem+json",
    )


def unusable(error: ValidationError) -> Response:
    """The answer to parameters that do not fit their model."""
    return problem(
        HTTPStatus.BAD_REQUEST,
        "the parameters are not valid",
        errors=faults_of(error),
    )


def _ours(error: BizzyBeeError) -> Response:
    status = next((code for kind, code in STATUSES if isinstance(error, kind)), None)
    if status is None:
        return _unforeseen(error)
    headers: dict[str, str] = {}
    errors: Sequence[dict[str, Any]] = ()
    if isinstance(error, AccessDenied):
        headers["WWW-Authenticate"] = 'Bearer realm="bizzybee"'
        if error.known:
            status = HTTPStatus.FORBIDDEN
            headers["WWW-Authenticate"] += ', error="insufficient_scope"'
    elif isinstance(error, RetryableError):
        headers["Retry-After"] = str(math.ceil(error.retry_after or RETRY_AFTER))
    elif isinstance(error, InvalidInput):
        errors = error.errors
    return problem(status, str(error), errors=errors, headers=headers)


def _of_http(error: HTTPException) -> Response:
    detail = error.description or ""
    if isinstance(error, RequestEntityTooLarge):
        detail = TOO_LARGE
    own = {"content-type", "content-length"}
    return problem(
        error.code or HTTPStatus.INTERNAL_SERVER_ERROR,
        detail,
        # `Allow` of a 405 is part of the answer.
        headers={
            name: value
            for name, value in error.get_headers(request.environ)
            if name.lower() not in own
        },
    )


def _database_away(error: Exception) -> Response:
    log.error("database away", error=type(error).__name__)
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the database is away; try again later",
        headers={"Retry-After": str(RETRY_AFTER)},
    )


def _unforeseen(error: Exception) -> Response:
    # Only the kind and the place: the text of a foreign error may quote a message or a key.
    log.error(
        "request failed",
        error=type(error).__name__,
        traceback="".join(traceback.format_tb(error.__traceback__)),
    )
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"this is a fault of ours; its number is {g.get('request_id')}",
    )
