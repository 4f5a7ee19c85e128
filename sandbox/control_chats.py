"""Directs what happens in chats. PRODUCT is whatsapp, messenger, instagram, telegram, twilio
or chatwoot; ID names an account there.

POST   /PRODUCT                {id} and settings (chat_settings.py): connects an account
GET    /PRODUCT/ID             how it behaves; PATCH changes settings
GET    /PRODUCT/ID/messages    what was said
POST   /PRODUCT/ID/inbound     {from, text, name, at, id, with, staff, chat, file, copies}
POST   /PRODUCT/ID/tell        {content, address, copies}: exactly that, signed
POST   /META/ID/handshake      {verify_token}: as when a callback is entered at Meta
POST   /PRODUCT/ID/expire      cursors are too old from now on
POST   /twilio/ID/call         {from, text, address, order}: what is told of a call
DELETE /media/ID               the file is gone
GET    /PRODUCT/webhooks       how news is delivered; PATCH (courier_settings.py)
POST   /PRODUCT/release        {order: made | reversed | shuffled, together}
GET    /PRODUCT/attempts       {waiting, held, attempts}; DELETE forgets all of them
"""

from typing import Annotated, Any

import requests
from flask import Blueprint, request
from pydantic import Field, PlainValidator, StringConstraints, ValidationError

from sandbox import directions, incoming, twilio_call, wire
from sandbox.callbacks import Callbacks, Order
from sandbox.chat_settings import ChatSettings
from sandbox.chats import PRODUCTS, Account
from sandbox.directions import Answer, Direction
from sandbox.incoming import Said
from sandbox.meta_access import META
from sandbox.world import world

blueprint = Blueprint("chats", __name__)

Copies = Annotated[int, Field(ge=1, le=100)]
Person = Annotated[str, StringConstraints(pattern=r"^[-+:.@\w]{1,100}$")]
_CALL = ("ringing", "completed", "record_action", "recording", "transcription")


class _File(Direction):
    content: Annotated[bytes, PlainValidator(wire.base64_bytes)]
    type: str = "image/jpeg"


class _Inbound(Direction):
    sender: Annotated[Person, Field(alias="from")]
    text: str = ""
    name: str = ""
    at: float | None = None
    id: str | None = None
    more: Annotated[dict[str, Any], Field(alias="with", default_factory=dict)]
    staff: bool = False
    chat: Person | None = None
    file: _File | None = None
    copies: Copies | None = None


class _Told(Direction):
    content: dict[str, Any]
    address: str | None = None
    copies: Copies | None = None


class _Handshake(Direction):
    verify_token: str


class _Call(Direction):
    caller: Annotated[Person, Field(alias="from")]
    text: str = ""
    address: str | None = None
    order: list[str] = Field(default_factory=lambda: list(_CALL))
    copies: Copies | None = None


class _Release(Direction):
    order: Order = "made"
    together: bool = False


@blueprint.post("/<product>")
def connect(product: str) -> Answer:
    """Connect an account; connecting it again forgets what was said."""
    asked = wire.json_body()
    account_id = asked.pop("id", None)
    if not isinstance(account_id, str) or not account_id:
        directions.refuse("id is required")
    if product in ("telegram", "chatwoot") and not account_id.isdecimal():
        directions.refuse("id must be a number")
    try:
        settings = ChatSettings.model_validate(asked)
    except ValidationError as error:
        directions.refuse(directions.reason(error))
    return _described(world().chats.connect(_known(product), account_id, settings)), 201


@blueprint.get("/<product>/<account_id>")
def behaviour(product: str, account_id: str) -> Answer:
    """How an account behaves."""
    return _described(_account(product, account_id)), 200


@blueprint.patch("/<product>/<account_id>")
def behave(product: str, account_id: str) -> Answer:
    """Change how an account behaves."""
    account = _account(product, account_id)
    try:
        world().chats.change(account, **wire.json_body())
    except ValidationError as error:
        directions.refuse(directions.reason(error))
    return _described(account), 200


@blueprint.get("/<product>/<account_id>/messages")
def messages(product: str, account_id: str) -> list[dict[str, Any]]:
    """What was said, the oldest first."""
    return [vars(one) for one in _account(product, account_id).messages()]


@blueprint.post("/<product>/<account_id>/inbound")
def inbound(product: str, account_id: str) -> Answer:
    """Let somebody write."""
    account, asked = _account(product, account_id), directions.read(_Inbound)
    media = None
    if asked.file is not None:
        media = world().chats.keep(account, asked.file.content, asked.file.type)
    person = asked.chat or asked.sender
    if product == "telegram" and not person.removeprefix("-").isdecimal():
        directions.refuse("people and chats of Telegram are numbers")
    said = Said(
        person=person,
        text=asked.text,
        name=asked.name,
        at=asked.at,
        message_id=asked.id,
        more=asked.more,
        staff=asked.staff,
        writer=asked.sender,
        media=media,
        base_url=request.host_url,
    )
    message = incoming.arrive(account, said, asked.copies)
    return vars(message) | {"media": media.id if media else None}, 201


@blueprint.post("/<product>/<account_id>/tell")
def tell(product: str, account_id: str) -> Answer:
    """Tell something that nobody has said, or of which nothing is kept."""
    account, asked = _account(product, account_id), directions.read(_Told)
    content = asked.content
    if product == "telegram" and "update_id" not in content:
        ((name, told),) = content.items()
        content = incoming.update(account, name, told)
    _callbacks(product).tell(
        account, content, address=asked.address, copies=asked.copies
    )
    return {}, 201


@blueprint.post("/<product>/<account_id>/handshake")
def handshake(product: str, account_id: str) -> Answer:
    """Ask the callback to repeat a challenge, as Meta does before it believes an address."""
    account, asked = _account(product, account_id), directions.read(_Handshake)
    if product not in META or account.settings.callback is None:
        directions.refuse("only Meta asks, where there is a callback")
    challenge = wire.fingerprint(account.id)
    query = {
        "hub.mode": "subscribe",
        "hub.challenge": challenge,
        "hub.verify_token": asked.verify_token,
    }
    with requests.Session() as session:
        session.trust_env = False  # a proxy must not see what is sent to loopback
        try:
            answer = session.get(account.settings.callback, params=query, timeout=20)
        except requests.RequestException as error:
            directions.refuse(f"no answer: {type(error).__name__}", 502)
    is_right = answer.status_code == 200 and answer.text == challenge
    return {"status": answer.status_code, "verified": is_right}, 200


@blueprint.post("/twilio/<account_id>/call")
def call(account_id: str) -> Answer:
    """Let somebody call and leave a message."""
    account, asked = _account("twilio", account_id), directions.read(_Call)
    media = world().chats.keep(account, b"ID3 sandbox", "audio/mpeg")
    number = world().chats.count(account, "calls")
    sid = f"CA{number:032x}"
    forms = twilio_call.forms(
        account,
        sid,
        caller=asked.caller,
        to=f"+{account.settings.number}",
        text=asked.text,
        recording=media.id,
        base_url=request.host_url,
    )
    if unknown := set(asked.order) - set(forms):
        directions.refuse(f"unknown: {', '.join(sorted(unknown))}")
    for name in asked.order:
        _callbacks("twilio").tell(
            account, forms[name], address=asked.address, copies=asked.copies
        )
    return {"id": sid, "media": media.id}, 201


@blueprint.post("/<product>/<account_id>/expire")
def expire(product: str, account_id: str) -> Answer:
    """Make the cursors of an account too old."""
    _account(product, account_id).epoch += 1
    return {}, 200


@blueprint.delete("/media/<media_id>")
def lose(media_id: str) -> Answer:
    """Keep a file no longer."""
    if not world().chats.lose_media(media_id):
        directions.refuse("there is no such file", 404)
    return {}, 200


@blueprint.get("/<product>/webhooks")
def delivery(product: str) -> Answer:
    """How news is delivered."""
    return _callbacks(product).courier.settings.model_dump(), 200


@blueprint.patch("/<product>/webhooks")
def deliver(product: str) -> Answer:
    """Change how news is delivered."""
    try:
        _callbacks(product).courier.set(**wire.json_body())
    except ValidationError as error:
        directions.refuse(directions.reason(error))
    return delivery(product)


@blueprint.post("/<product>/release")
def release(product: str) -> Answer:
    """Deliver what was held back."""
    asked, callbacks = directions.read(_Release), _callbacks(product)
    if asked.together and not callbacks.manner.batches:
        directions.refuse(f"{product} tells one thing at a time")
    released = callbacks.release(asked.order, together=asked.together)
    return {"released": released}, 200


@blueprint.get("/<product>/attempts")
def attempts(product: str) -> Answer:
    """What is under way, what is held back, and every attempt so far."""
    callbacks = _callbacks(product)
    return {**callbacks.courier.state(), "held": callbacks.held()}, 200


@blueprint.delete("/<product>/attempts")
def clear(product: str) -> Answer:
    """Forget what is under way, what is held back, and the attempts."""
    _callbacks(product).clear()
    return {}, 200


def _known(product: str) -> str:
    if product not in PRODUCTS:
        directions.refuse(f"there is only {', '.join(PRODUCTS)}", 404)
    return product


def _account(product: str, account_id: str) -> Account:
    account = world().chats.get(_known(product), account_id)
    if account is None:
        directions.refuse("there is no such account", 404)
    return account


def _callbacks(product: str) -> Callbacks:
    return world().callbacks[_known(product)]


def _described(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "conversations": len(account.conversations),
        "settings": account.settings.model_dump(),
    }
