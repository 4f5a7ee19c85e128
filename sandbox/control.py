"""How tests and the demo direct the sandbox: everything below `/_control`.

POST /faults      {provider, status | code | mode | delay_ms, times, match, method, served,
                  headers, body, subcode, wait}
POST /replies     {provider, body, times, match}: exactly this body, status 200
GET /faults       what still waits; DELETE drops it, replies too
POST /latency     {ms, provider}; without a provider for all
GET /requests     the last 10,000; DELETE forgets them and the counts
GET /counts       requests by provider and route
GET /sends        what was accepted for sending, `?name=` by one account, `?provider=`;
                  DELETE

/mailboxes is in control_mailboxes.py; /subscriptions, /webhooks and /notifications are in
control_webhooks.py; /chats is in control_chats.py.
"""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, request

from sandbox import (
    control_chats,
    control_mailboxes,
    control_webhooks,
    directions,
    wire,
)
from sandbox.directions import Answer
from sandbox.faults import BadScript, Script
from sandbox.world import world

blueprint = Blueprint("control", __name__)
blueprint.register_blueprint(control_mailboxes.blueprint, url_prefix="/mailboxes")
blueprint.register_blueprint(control_webhooks.blueprint)
blueprint.register_blueprint(control_chats.blueprint, url_prefix="/chats")

PROVIDERS = (
    "aurinko",
    "gateway",
    "anthropic",
    "openai",
    "meta",
    "telegram",
    "twilio",
    "chatwoot",
)
_WITH_CODES = ("meta", "telegram", "twilio", "chatwoot")


@blueprint.post("/faults")
def add_fault() -> Answer:
    """Play a fault for the next matching requests."""
    return _add(wire.json_body())


@blueprint.post("/replies")
def add_reply() -> Answer:
    """Answer the next matching requests with exactly this body."""
    asked = wire.json_body()
    if asked.get("body") is None:
        directions.refuse("body is missing")
    return _add({"status": 200, **asked})


@blueprint.get("/faults")
def faults() -> list[dict[str, Any]]:
    """The faults and replies that still wait."""
    return [asdict(script) for script in world().scripts.waiting()]


@blueprint.delete("/faults")
def clear_faults() -> Answer:
    """Drop all faults and replies that still wait."""
    world().scripts.clear()
    return {}, 200


@blueprint.post("/latency")
def set_latency() -> Answer:
    """Let a provider, or all of them, take so long for each answer."""
    asked = wire.json_body()
    milliseconds = asked.get("ms")
    if not isinstance(milliseconds, int) or milliseconds < 0:
        directions.refuse("ms must be a number of milliseconds")
    for provider in [_known(asked["provider"])] if "provider" in asked else PROVIDERS:
        world().latency_ms[provider] = milliseconds
    return world().latency_ms, 200


@blueprint.get("/requests")
def requests() -> list[dict[str, Any]]:
    """The requests to the providers, oldest first."""
    return world().journal.requests()


@blueprint.delete("/requests")
def clear_requests() -> Answer:
    """Forget the requests and start counting anew."""
    world().journal.clear()
    return {}, 200


@blueprint.get("/counts")
def counts() -> dict[str, dict[str, int]]:
    """How often each path of each provider was asked."""
    return world().journal.counts()


@blueprint.get("/sends")
def sends() -> list[dict[str, Any]]:
    """What was accepted for sending, in its order."""
    asked = request.args
    return world().sends.accepted(asked.get("name"), asked.get("provider"))


@blueprint.delete("/sends")
def clear_sends() -> Answer:
    """Forget what was accepted for sending."""
    world().sends.clear()
    return {}, 200


def _add(asked: dict[str, Any]) -> Answer:
    try:
        script = Script.read(asked)
    except BadScript as error:
        directions.refuse(str(error))
    _known(script.provider)
    if script.code is not None and script.provider not in _WITH_CODES:
        directions.refuse(f"{script.provider} has no codes")
    world().scripts.add(script)
    return asdict(script), 201


def _known(provider: str) -> str:
    if provider not in PROVIDERS:
        directions.refuse(f"provider must be one of {', '.join(PROVIDERS)}")
    return provider
