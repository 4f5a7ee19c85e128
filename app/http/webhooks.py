"""Where providers call: one route for all of them, answered when what they brought is stored."""

from http import HTTPStatus
from uuid import UUID

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from app.channels.webhook import WebhookRequest
from app.http.auth import public
from app.http.bodies import read_bytes
from app.http.context import runtime
from app.http.openapi import problems
from app.services.sync.receive_webhook import receive_webhook

webhooks = APIBlueprint("webhooks", __name__, abp_tags=[{"name": "webhooks"}])

_RESPONSES = problems(404, 413)


class ProviderPath(BaseModel):
    provider: str


class AccountPath(BaseModel):
    provider: str
    config_id: UUID


@webhooks.get("/aurinko-webhook", responses=_RESPONSES)
@public
def try_aurinko() -> Response:
    """Aurinko tries the address of an application; the same as `/webhooks/aurinko`."""
    return _receive("aurinko", None)


@webhooks.post("/aurinko-webhook", responses=_RESPONSES)
@public
def call_aurinko() -> Response:
    """Aurinko brings news of the accounts that it names; the same as `/webhooks/aurinko`."""
    return _receive("aurinko", None)


@webhooks.get("/webhooks/<provider>", responses=_RESPONSES)
@public
def try_provider(path: ProviderPath) -> Response:
    """A provider tries the address of an application."""
    return _receive(path.provider, None)


@webhooks.post("/webhooks/<provider>", responses=_RESPONSES)
@public
def call_provider(path: ProviderPath) -> Response:
    """A provider brings news of the accounts that it names."""
    return _receive(path.provider, None)


@webhooks.get("/webhooks/<provider>/<uuid:config_id>", responses=_RESPONSES)
@public
def try_account(path: AccountPath) -> Response:
    """A provider tries the address of one account."""
    return _receive(path.provider, path.config_id)


@webhooks.post("/webhooks/<provider>/<uuid:config_id>", responses=_RESPONSES)
@public
def call_account(path: AccountPath) -> Response:
    """A provider brings news of one account."""
    return _receive(path.provider, path.config_id)


def _receive(provider: str, config_id: UUID | None) -> Response:
    """Whoever calls is known by the signature alone; without a right one nothing is stored."""
    received = receive_webhook(runtime(), provider, _as_signed(), config_id=config_id)
    return Response(
        received.body,
        HTTPStatus.OK,
        # How much was new is nothing that a provider reads.
        {"X-Kept": str(received.kept)},
        content_type=received.content_type,
    )


def _as_signed() -> WebhookRequest:
    """The request as its sender saw it: the public address, whatever stands before us."""
    query = request.query_string.decode("ascii", "replace")
    path = request.environ.get("RAW_URI", request.path).partition("?")[0]
    public_url = f"{runtime().settings.public_url}{path}"
    return WebhookRequest(
        method=request.method,
        url=f"{public_url}?{query}" if query else public_url,
        headers={name.lower(): value for name, value in request.headers.items()},
        query=request.args.to_dict(),
        body=read_bytes(),
    )
