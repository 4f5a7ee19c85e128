"""How tests and the demo direct the sandbox: everything below `/_control`.

POST /faults      {provider, status | mode | delay_ms, times, match, headers, body}
POST /replies     {provider, body, times, match}: exactly this body, status 200
GET /faults       what still waits; DELETE drops it, replies too
POST /latency     {ms, provider}; without a provider for all
POST /mailboxes   {name, path, owner}: for the token `sandbox-<name>`
GET /requests     the last 10,000; DELETE forgets them and the counts
GET /counts       requests by provider and route
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from flask import Blueprint, abort, jsonify, make_response

from sandbox import wire
from sandbox.aurinko import TOKEN
from sandbox.faults import BadScript, Script
from sandbox.mailbox import Mailbox
from sandbox.world import world

blueprint = Blueprint("control", __name__)

PROVIDERS = ("aurinko", "gateway", "anthropic", "openai")

Answer = tuple[dict[str, Any], int]


@blueprint.post("/faults")
def add_fault() -> Answer:
    """Play a fault for the next matching requests."""
    return _add(wire.json_body())


@blueprint.post("/replies")
def add_reply() -> Answer:
    """Answer the next matching requests with exactly this body."""
    asked = wire.json_body()
    if asked.get("body") is None:
        _refuse("body is missing")
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
        _refuse("ms must be a number of milliseconds")
    for provider in [_known(asked["provider"])] if "provider" in asked else PROVIDERS:
        world().latency_ms[provider] = milliseconds
    return world().latency_ms, 200


@blueprint.post("/mailboxes")
def load_mailbox() -> Answer:
    """Load a mailbox for the token `sandbox-<name>`; loading again shows new mails."""
    asked = wire.json_body()
    name, path, owner = (str(asked.get(key) or "") for key in ("name", "path", "owner"))
    if not name or not path or not owner:
        _refuse("name, path and owner are required")
    try:
        mailbox = Mailbox(Path(path), owner)
    except OSError as error:
        _refuse(f"the mailbox cannot be read: {error}")
    world().mailboxes[name] = mailbox
    return {"token": f"{TOKEN}{name}", "owner": owner, "messages": len(mailbox)}, 201


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


def _add(asked: dict[str, Any]) -> Answer:
    try:
        script = Script.read(asked)
    except BadScript as error:
        _refuse(str(error))
    _known(script.provider)
    world().scripts.add(script)
    return asdict(script), 201


def _known(provider: str) -> str:
    if provider not in PROVIDERS:
        _refuse(f"provider must be one of {', '.join(PROVIDERS)}")
    return provider


def _refuse(why: str) -> NoReturn:
    abort(make_response(jsonify({"error": why}), 400))
