"""Directs the mailboxes: everything below `/_control/mailboxes`.

POST   /                  {name, owner, path} and settings: for the token `sandbox-<name>`
GET    /<name>            how it behaves; PATCH changes settings (mailbox_settings.py)
POST   /<name>/expire     the tokens of delta sync are too old from now on
GET    /<name>/mails      the mails, oldest change first
POST   /<name>/mails      {raw: base64, folder, unread, flagged, important, received}
PATCH  /<name>/mails/<id> {folder, unread, flagged, important, new_id}
DELETE /<name>/mails/<id> for good

As with tokens, a name that nothing was loaded for is the default mailbox.
"""

from pathlib import Path
from typing import Annotated, Any

from flask import Blueprint
from pydantic import AwareDatetime, PlainValidator, StringConstraints, ValidationError

from sandbox import directions, headers, wire
from sandbox.aurinko_access import TOKEN
from sandbox.directions import Answer, Direction
from sandbox.entries import Entry
from sandbox.mailbox import Mailbox
from sandbox.mailbox_settings import MailboxSettings
from sandbox.world import world

blueprint = Blueprint("mailboxes", __name__)

_FLAGS = ("unread", "flagged", "important")

Folder = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]


class _NewMail(Direction):
    raw: Annotated[bytes, PlainValidator(wire.base64_bytes)]
    folder: Folder = "inbox"
    unread: bool | None = None
    flagged: bool = False
    important: bool = False
    received: AwareDatetime | None = None


class _ChangedMail(Direction):
    folder: Folder | None = None
    unread: bool | None = None
    flagged: bool | None = None
    important: bool | None = None
    new_id: bool | None = None


@blueprint.post("")
def load() -> Answer:
    """Load a mailbox for the token `sandbox-<name>`; loading again shows new mails."""
    asked = wire.json_body()
    name, path, owner = (str(asked.pop(k, "") or "") for k in ("name", "path", "owner"))
    if not name or not owner:
        directions.refuse("name and owner are required")
    try:
        settings = MailboxSettings.model_validate(asked)
        mailbox = world().load(name, Path(path) if path else None, owner, settings)
    except ValidationError as error:
        directions.refuse(directions.reason(error))
    except OSError as error:
        directions.refuse(f"the mailbox cannot be read: {error}")
    return {"token": f"{TOKEN}{name}", "owner": owner, "messages": len(mailbox)}, 201


@blueprint.get("/<name>")
def behaviour(name: str) -> Answer:
    """How a mailbox behaves."""
    mailbox = world().mailbox(name)
    return {
        "owner": mailbox.owner,
        "messages": len(mailbox),
        "settings": mailbox.settings.model_dump(),
    }, 200


@blueprint.patch("/<name>")
def behave(name: str) -> Answer:
    """Change how a mailbox behaves."""
    try:
        world().mailbox(name).set(**wire.json_body())
    except ValidationError as error:
        directions.refuse(directions.reason(error))
    return behaviour(name)


@blueprint.post("/<name>/expire")
def expire(name: str) -> Answer:
    """Make the tokens of delta sync too old."""
    world().mailbox(name).expire_tokens()
    return {}, 200


@blueprint.get("/<name>/mails")
def mails(name: str) -> list[dict[str, Any]]:
    """The mails, that of the oldest change first."""
    mailbox = world().mailbox(name)
    found, _, _ = mailbox.updated(0, len(mailbox), lambda entry: True)
    return [_described(mailbox, entry) for entry in found]


@blueprint.post("/<name>/mails")
def add(name: str) -> Answer:
    """Let a mail arrive; in the inbox it is unread unless something else is said."""
    mailbox, asked = world().mailbox(name), directions.read(_NewMail)
    flags = {"flagged": asked.flagged, "important": asked.important}
    flags["unread"] = asked.folder == "inbox" if asked.unread is None else asked.unread
    received = int(asked.received.timestamp()) if asked.received else None
    entry = mailbox.add(asked.raw, folder=asked.folder, received=received, flags=flags)
    return _described(mailbox, entry), 201


@blueprint.patch("/<name>/mails/<mail_id>")
def change(name: str, mail_id: str) -> Answer:
    """Move or mark a mail; it may have another id afterwards."""
    mailbox, asked = world().mailbox(name), directions.read(_ChangedMail)
    flags = asked.model_dump(include={*_FLAGS}, exclude_none=True)
    entry = mailbox.change(
        mail_id, folder=asked.folder, new_id=asked.new_id, flags=flags
    )
    if entry is None:
        directions.refuse("there is no such mail", 404)
    return _described(mailbox, entry), 200


@blueprint.delete("/<name>/mails/<mail_id>")
def delete(name: str, mail_id: str) -> Answer:
    """Delete a mail for good."""
    if world().mailbox(name).remove(mail_id) is None:
        directions.refuse("there is no such mail", 404)
    return {}, 200


def _described(mailbox: Mailbox, entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "threadId": mailbox.thread_id(entry),
        "folder": entry.folder,
        "labels": list(entry.labels),
        "received": headers.iso(entry.received or None),
    }
