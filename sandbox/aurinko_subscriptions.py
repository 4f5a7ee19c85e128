"""Aurinko's subscriptions: who is told of changes, once it has shown that it listens."""

import time
from typing import Any, Literal, NoReturn
from urllib.parse import urlencode, urlsplit, urlunsplit

import requests
from flask import Blueprint

from sandbox import aurinko_access, signature, wire
from sandbox.subscriptions import MESSAGES, Subscription
from sandbox.world import world

blueprint = Blueprint("subscriptions", __name__)

_RESOURCES = (MESSAGES, "/email/tracking")
_DRAFTS_FILTER = "withoutDrafts"
_USUAL_LIMIT = 50
_ANSWER_SECONDS = 30


@blueprint.post("/v1/subscriptions")
def subscribe() -> dict[str, Any]:
    """Subscribe to changes; the receiver has to answer before this does."""
    aurinko_access.mailbox()
    asked, name = wire.json_body(), aurinko_access.account_name()
    resource, url = asked.get("resource"), asked.get("notificationUrl")
    if resource not in _RESOURCES:
        aurinko_access.invalid("resource")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        aurinko_access.invalid("notificationUrl")
    subscription = Subscription(
        id=world().subscriptions.new_id(),
        account=name,
        account_id=aurinko_access.account_id(name),
        resource=resource,
        url=url,
        detail_level=_detail_level(asked.get("detailLevel")),
        without_drafts=_without_drafts(asked.get("filters")),
    )
    _validate(subscription)
    world().subscriptions.add(subscription)
    return _described(subscription)


@blueprint.get("/v1/subscriptions")
def subscriptions() -> dict[str, Any]:
    """The subscriptions of the account, the oldest first."""
    offset = aurinko_access.number("offset", 0, least=0)
    limit = aurinko_access.number("limit", _USUAL_LIMIT)
    every = aurinko_access.said("includeInactive")
    found = [each for each in _own() if each.active or every]
    page = found[offset : offset + limit]
    return {
        "records": [_described(each) for each in page],
        "length": len(page),
        "offset": offset,
        "totalSize": len(found),
        "done": offset + limit >= len(found),
    }


@blueprint.delete("/v1/subscriptions/<int:subscription_id>")
def unsubscribe(subscription_id: int) -> dict[str, Any]:
    """End a subscription."""
    if subscription_id not in {each.id for each in _own()}:
        aurinko_access.refuse(404, "There is no such subscription")
    world().subscriptions.remove(subscription_id)
    return {}


def _own() -> list[Subscription]:
    aurinko_access.mailbox()
    name = aurinko_access.account_name()
    return [each for each in world().subscriptions.all() if each.account == name]


def _described(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "resource": subscription.resource,
        "notificationUrl": subscription.url,
        "filters": [_DRAFTS_FILTER] if subscription.without_drafts else [],
        "detailLevel": subscription.detail_level,
        "active": subscription.active,
        "disabledByBilling": False,
    }


def _detail_level(asked: Any) -> Literal["signal", "status"]:
    if asked not in (None, "signal", "status"):
        aurinko_access.invalid("detailLevel")
    return "signal" if asked == "signal" else "status"


def _without_drafts(asked: Any) -> bool:
    if asked not in (None, [], [_DRAFTS_FILTER]):
        aurinko_access.invalid("filters")
    return bool(asked)


def _validate(subscription: Subscription) -> None:
    """Ask the receiver to repeat a token; who does not is not subscribed."""
    secret = world().notifications.secret
    token = wire.fingerprint(f"{secret} {subscription.id} {subscription.url}")
    timeout = min(world().courier.settings.timeout_seconds, _ANSWER_SECONDS)
    headers = signature.headers(secret, int(time.time()), b"")
    headers["Content-Type"] = "text/plain; charset=utf-8"
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy must not see what is sent to loopback
            answer = session.post(
                _with_token(subscription.url, token),
                data=b"",
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            )
    except (requests.RequestException, ValueError) as error:
        _refuse_receiver(f"gave no answer: {type(error).__name__}")
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if answer.status_code != 200:
        _refuse_receiver(f"answered {answer.status_code}")
    if kind != "text/plain":
        _refuse_receiver(f"answered {kind or 'of no type'}")
    if answer.content != token.encode():
        _refuse_receiver("did not repeat the token")


def _with_token(url: str, token: str) -> str:
    split = urlsplit(url)
    own = urlencode({"validationToken": token})
    query = f"{split.query}&{own}" if split.query else own
    return urlunsplit(split._replace(query=query))


def _refuse_receiver(fault: str) -> NoReturn:
    aurinko_access.refuse(
        400, f"The notification URL {fault}", "notification.url.invalid"
    )
