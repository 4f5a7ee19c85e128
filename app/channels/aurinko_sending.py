"""Mails through Aurinko: how one is written, and how it is told among those that were sent.

A mail gets its Message-ID there. Ours stands among its References, so that answers name it, and
our mark in a header.
"""

from datetime import datetime
from typing import Any

import requests

from app.channels.reading import moment_of, objects_of, text_of
from app.channels.send_faults import Fault, Refusal, SendClient, by_code
from app.channels.sending import CLOCKS_DIFFER, Outgoing
from app.domain import loop_mark
from app.domain.identifiers import email_key
from app.domain.mail_head import MailHead
from app.domain.mail_html import html_of_text
from app.domain.mail_ids import message_id, message_ids
from app.domain.printable import plain
from app.errors import AuthError
from app.transport import retry_after

_RENEW = Fault(AuthError, "the mailbox has to be connected with Aurinko again")
CODES = {
    "unauthorized": _RENEW,
    "token.dead": _RENEW,
    "token.invalid": _RENEW,
    "token.refresh.failed": _RENEW,
}


class AurinkoSendClient(SendClient):
    """Sends by Aurinko."""

    def read_refusal(
        self, response: requests.Response, told: dict[str, Any]
    ) -> Refusal:
        code = text_of(told.get("code"))
        status, pause = response.status_code, retry_after(response.headers)
        # Unknown ones are not shown: nobody knows what stands in them.
        fault = by_code(CODES, code) if status < 500 else None
        return Refusal(status, code if fault else "", fault, pause)


def letter_of(outgoing: Outgoing, mail: MailHead) -> dict[str, Any]:
    """Return a mail as Aurinko takes it."""
    letter: dict[str, Any] = {
        "to": [_person(outgoing.to.value, outgoing.to.name)],
        "subject": plain(mail.subject),
        "body": outgoing.html or html_of_text(outgoing.text),
        "references": " ".join(f"<{one}>" for one in _references(mail)),
        "xHeaders": [
            {"name": name, "value": plain(value)}
            for name, value in mail.headers
            # Others are written by the mailbox's own service, which takes none from us.
            if name.lower().startswith("x-")
        ],
    }
    if mail.in_reply_to:
        letter["inReplyTo"] = f"<{mail.in_reply_to}>"
    if mail.sender:
        letter["from"] = _person(mail.sender, mail.sender_name)
    return letter


def is_same(record: dict[str, Any], mail: MailHead) -> bool:
    """Whether a listed mail is the one that was handed over."""
    mark = dict(mail.headers).get(loop_mark.NAME)
    for header in objects_of(record.get("internetHeaders")):
        if mark and text_of(header.get("name")).lower() == loop_mark.HEADER:
            return text_of(header.get("value")).strip() == mark
    told = record.get("references")
    references = told if isinstance(told, list) else [told]
    named = message_ids(" ".join(map(text_of, references)))
    own = message_id(text_of(record.get("internetMessageId")))
    return mail.message_id in {own, *named}


def may_be_same(record: dict[str, Any], outgoing: Outgoing, mail: MailHead) -> bool:
    """Whether a listed mail leaves out what would tell, and what it shows is the same."""
    omitted = record.get("omitted")
    hides = isinstance(omitted, list) and "internetHeaders" in omitted
    to = {
        email_key(text_of(one.get("address"))) for one in objects_of(record.get("to"))
    }
    is_alike = text_of(record.get("subject")).strip() == mail.subject
    return hides and is_alike and (not to or email_key(outgoing.to.value) in to)


def is_older(record: dict[str, Any], since: datetime) -> bool:
    """Whether a mail was sent before a moment."""
    moment = moment_of(record.get("sentAt")) or moment_of(record.get("createdTime"))
    return moment is not None and moment < since - CLOCKS_DIFFER


def _person(address: str, name: str | None) -> dict[str, str]:
    named = plain(name)
    return {"address": address} | ({"name": named} if named else {})


def _references(mail: MailHead) -> tuple[str, ...]:
    """The ancestors, and before the nearest of them our own id: an answer repeats them all."""
    return (*mail.references[:-1], mail.message_id, *mail.references[-1:])
