"""Puts the providers into one application and serves it."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIEnvironment

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler

from sandbox import (
    anthropic,
    aurinko,
    aurinko_access,
    chatwoot,
    chatwoot_access,
    control,
    embeddings,
    faults,
    gateway,
    meta,
    meta_access,
    products,
    telegram,
    telegram_access,
    twilio,
    twilio_access,
)
from sandbox.courier import Courier
from sandbox.faults import Coded, Script
from sandbox.journal import Seen
from sandbox.notifications import Notifications
from sandbox.subscriptions import Subscriptions
from sandbox.world import EXTENSION, World, world

#: How Chatwoot wants its token. Werkzeug drops names with underscores.
_TOKEN_HEADER = "api_access_token"
#: With which notifications are signed where nothing else is said.
SIGNING_SECRET = "sandbox-signing-secret"

_ERROR_BODIES: Mapping[str, Callable[[int, str], dict[str, Any]]] = {
    "aurinko": aurinko_access.error_body,
    "gateway": gateway.error_body,
    "anthropic": anthropic.error_body,
    "openai": gateway.error_body,
    "meta": meta_access.error_body,
    "telegram": telegram_access.error_body,
    "twilio": twilio_access.error_body,
    "chatwoot": chatwoot_access.error_body,
}
#: Errors that providers know by a code.
_CODED: Mapping[str, Callable[[int, int | None, int], Coded]] = {
    "meta": meta_access.coded,
    "telegram": telegram_access.coded,
    "twilio": twilio_access.coded,
    "chatwoot": chatwoot_access.coded,
}
_MODULES = (
    aurinko,
    gateway,
    anthropic,
    embeddings,
    meta,
    telegram,
    twilio,
    chatwoot,
)


def create_sandbox(
    mailbox: Path | None = None,
    owner: str = "owner@shop.example",
    *,
    latency_ms: int = 0,
    omit_every: int = 0,
    signing_secret: str = SIGNING_SECRET,
    seed: int = 0,
) -> Flask:
    """Build the application; without a mailbox Aurinko's default one is empty."""
    app = Flask("sandbox", static_folder=None)
    app.extensions[EXTENSION] = create_world(
        mailbox,
        owner,
        latency_ms=latency_ms,
        omit_every=omit_every,
        signing_secret=signing_secret,
        seed=seed,
    )
    for module in _MODULES:
        app.register_blueprint(module.blueprint, url_prefix=f"/{module.blueprint.name}")
    app.register_blueprint(control.blueprint, url_prefix="/_control")
    app.before_request(_play)
    app.after_request(_note)
    app.register_error_handler(HTTPException, _refused)
    return app


def create_world(
    mailbox: Path | None = None,
    owner: str = "owner@shop.example",
    *,
    latency_ms: int = 0,
    omit_every: int = 0,
    signing_secret: str = SIGNING_SECRET,
    seed: int = 0,
) -> World:
    """What an application knows at its start."""
    subscriptions = Subscriptions()
    courier = Courier()
    known = World(
        subscriptions=subscriptions,
        courier=courier,
        notifications=Notifications(courier, subscriptions, signing_secret, seed),
        callbacks=products.callbacks(seed),
        omit_every=omit_every,
        latency_ms=dict.fromkeys(control.PROVIDERS, latency_ms),
    )
    known.load("", mailbox, owner)
    return known


def listen(app: Flask, port: int = 0) -> BaseWSGIServer:
    """A server with a thread per request, listening already; port 0 takes a free one."""
    return _Server("127.0.0.1", port, app, _QuietHandler)


class _Server(ThreadedWSGIServer):
    """Takes the deliveries of the sandbox along when it closes."""

    def server_close(self) -> None:
        assert isinstance(self.app, Flask)
        self.app.extensions[EXTENSION].stop()
        super().server_close()


class _QuietHandler(WSGIRequestHandler):
    """Logs no requests: the journal has them. Closes each connection, as werkzeug does."""

    protocol_version = "HTTP/1.1"
    # Headers and body are written apart; waiting for an acknowledgement costs 40 ms.
    disable_nagle_algorithm = True

    def make_environ(self) -> WSGIEnvironment:
        """Keep the one header of which a provider wants the underscores, as proxies must."""
        environ = super().make_environ()
        if token := self.headers.get(_TOKEN_HEADER):
            environ[f"HTTP_{_TOKEN_HEADER.upper()}"] = token
        return environ

    def connection_dropped(
        self, error: BaseException, environ: WSGIEnvironment | None = None
    ) -> None:
        """Hang up. Only a sent header would close the connection, and none may be."""
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def _play() -> Response | None:
    """Take the time a provider takes, then do what is scripted."""
    g.started = time.monotonic()
    g.body = request.get_data()
    g.script = None
    provider, path = _addressed()
    if not provider:
        return None
    time.sleep(world().latency_ms[provider] / 1000)
    g.script = world().scripts.take(provider, request.method, path)
    if g.script is None or g.script.served:
        return None
    return _scripted(g.script, provider)


def _scripted(script: Script, provider: str) -> Response | None:
    time.sleep(script.delay_ms / 1000)
    if script.code is not None:
        coded = _CODED[provider](script.code, script.subcode, script.wait)
        answer = jsonify(script.body or coded.body)
        answer.status_code = script.status or coded.status
        answer.headers.update({**coded.headers, **script.headers})
        return answer
    status = script.status or 200
    return script.answer(_ERROR_BODIES[provider](status, faults.reason(status)))


def _note(response: Response) -> Response:
    provider, path = _addressed()
    if not provider:
        return response
    if g.script and g.script.served:
        response = _scripted(g.script, provider) or response
    mode = g.script.mode if g.script else None
    if mode == faults.HALF:
        response = faults.half(response)
    path, _, query = path.partition("?")
    world().journal.add(
        Seen(
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            method=request.method,
            provider=provider,
            path=path,
            query=query,
            status=None if mode in (faults.DROP, faults.HANG) else response.status_code,
            duration_ms=round((time.monotonic() - g.started) * 1000),
            body=g.body.decode("utf-8", "replace"),
        ),
        route=_route(provider),
    )
    return response


def _refused(error: HTTPException) -> Response | HTTPException:
    """A wrong path or method, in the words of the provider that was asked."""
    provider, _ = _addressed()
    if error.response is not None or not provider:
        return error
    status = error.code or 500
    response = jsonify(_ERROR_BODIES[provider](status, error.description or error.name))
    response.status_code = status
    return response


def _addressed() -> tuple[str, str]:
    """The provider that is asked and the path it sees; no provider for `/_control`."""
    _, provider, path = f"{request.full_path.rstrip('?')}/".split("/", 2)
    return (provider, f"/{path[:-1]}") if provider in _ERROR_BODIES else ("", "")


def _route(provider: str) -> str:
    """The path with its ids left open, so that there are not endless many."""
    if request.url_rule is None:
        return "(unknown)"
    return request.url_rule.rule.removeprefix(f"/{provider}")
