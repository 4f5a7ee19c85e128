"""Who may call a route: every route says so, and one that says nothing is closed."""

import hmac
import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from flask import Flask, current_app, g, request

from app.domain.status import Scope
from app.errors import AccessDenied
from app.http.context import Caller, runtime
from app.http.ui import session
from app.services.accounts import authenticate

TOKEN_HEADER = "x-bb-worker-token"

_KEY_NEEDED = "an API key is needed: Authorization: Bearer <key>"

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Access:
    """What a route asks for."""

    scopes: tuple[Scope, ...] = ()
    """A key with any of them will do; where there are none, everybody may call."""
    operators: bool = False
    """Whether the operators' token will do instead."""
    by_session: bool = False
    """Whether a person at a browser calls, who has signed in with a key."""


_ACCESS: dict[Callable[..., Any], Access] = {}


def needs(
    *scopes: Scope, operators: bool = False, by_session: bool = False
) -> Callable[[View], View]:
    """Ask callers of a view for a key with one of the scopes, or for the operators' token.

    With `by_session` the key is the one that somebody signed in with.
    """

    def mark(view: View) -> View:
        _ACCESS[view] = Access(scopes, operators, by_session)
        return view

    return mark


def public(view: View) -> View:
    """Let everybody call a view."""
    _ACCESS[view] = Access()
    return view


def access_to(app: Flask, endpoint: str) -> Access | None:
    """What the view behind an endpoint asks for; None where it does not say."""
    if endpoint.rpartition(".")[2] == "static":
        return Access()  # Files that come with the code are no secret.
    return _ACCESS.get(inspect.unwrap(app.view_functions[endpoint]))


def authorize() -> None:
    """Find out who calls, before anything else of the request is read.

    Raises AccessDenied.
    """
    if request.endpoint is None:
        return  # No route: answered with 404 or 405.
    access = access_to(current_app, request.endpoint)
    if access is None:
        raise AccessDenied("nobody may call this route", known=True)
    if not access.scopes:
        return
    if access.by_session:
        g.caller = session.caller_with(access.scopes)
    elif access.operators and TOKEN_HEADER in request.headers:
        g.caller = _operator(request.headers[TOKEN_HEADER])
    else:
        g.caller = _holder_of_key(access.scopes)
    structlog.contextvars.bind_contextvars(workspace=str(g.caller.workspace_id or ""))


def _operator(token: str) -> Caller:
    expected = runtime().settings.worker_token
    if expected is None or not hmac.compare_digest(
        token.encode(), expected.get_secret_value().encode()
    ):
        raise AccessDenied("the worker token is not valid")
    return Caller(actor="operator", workspace_id=None)


def _holder_of_key(scopes: tuple[Scope, ...]) -> Caller:
    given = request.authorization
    key = given.token if given and given.type == "bearer" else None
    if not key:
        raise AccessDenied(_KEY_NEEDED)
    return holder_of(key, scopes)


def holder_of(key: str, scopes: Collection[Scope]) -> Caller:
    """Who holds a key with one of the scopes.

    Raises AccessDenied.
    """
    # What is not printable ASCII is no key of ours and must not reach the database.
    if not (key.isascii() and key.isprintable()):
        raise AccessDenied(_KEY_NEEDED)
    workspace_id = authenticate(runtime(), key, scopes)
    return Caller(f"key {key.split('_')[1]}", workspace_id)
