"""Directs what subscribers are told.

GET    /subscriptions         all; PATCH /subscriptions/<id> {active}
GET    /webhooks              how notifications are delivered; PATCH (courier_settings.py)
POST   /notifications         {subscription, payloads, lifecycleEvent, error, copies}:
                              exactly that, signed
POST   /notifications/release {order: made | reversed | shuffled, together}
GET    /notifications         {waiting, held, attempts}; DELETE forgets all of them
"""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field, ValidationError

from sandbox import directions, wire
from sandbox.directions import Answer, Direction
from sandbox.notifications import Order
from sandbox.world import world

blueprint = Blueprint("webhooks", __name__)


class _Activity(Direction):
    active: bool


class _Notification(Direction):
    subscription: int
    payloads: list[dict[str, Any]] | None = None
    lifecycleEvent: str | None = None
    error: str | None = None
    copies: Annotated[int, Field(ge=1, le=100)] | None = None


class _Release(Direction):
    order: Order = "made"
    together: bool = False


@blueprint.get("/subscriptions")
def subscriptions() -> list[dict[str, Any]]:
    """The subscriptions of all accounts."""
    return [each.described() for each in world().subscriptions.all()]


@blueprint.patch("/subscriptions/<int:subscription_id>")
def activate(subscription_id: int) -> Answer:
    """Switch a subscription on or off."""
    active = directions.read(_Activity).active
    changed = world().subscriptions.set_active(subscription_id, active)
    if changed is None:
        directions.refuse("there is no such subscription", 404)
    return changed.described(), 200


@blueprint.get("/webhooks")
def delivery() -> Answer:
    """How notifications are delivered."""
    return world().courier.settings.model_dump(), 200


@blueprint.patch("/webhooks")
def deliver() -> Answer:
    """Change how notifications are delivered."""
    try:
        world().courier.set(**wire.json_body())
    except ValidationError as error:
        directions.refuse(directions.reason(error))
    return delivery()


@blueprint.post("/notifications")
def notify() -> Answer:
    """Send a notification that no change is behind."""
    asked = directions.read(_Notification)
    subscription = world().subscriptions.get(asked.subscription)
    if subscription is None:
        directions.refuse("there is no such subscription", 404)
    content = asked.model_dump(exclude_none=True, exclude={"subscription", "copies"})
    number = world().notifications.send(subscription, content, copies=asked.copies)
    return {"number": number}, 201


@blueprint.post("/notifications/release")
def release() -> Answer:
    """Deliver what was held back."""
    asked = directions.read(_Release)
    released = world().notifications.release(asked.order, together=asked.together)
    return {"released": released}, 200


@blueprint.get("/notifications")
def notifications() -> Answer:
    """What is under way, what is held back, and every attempt so far."""
    held = world().notifications.held()
    return {**world().courier.state(), "held": held}, 200


@blueprint.delete("/notifications")
def clear() -> Answer:
    """Forget what is under way, what is held back, and the attempts."""
    world().notifications.drop()
    world().courier.clear()
    return {}, 200
