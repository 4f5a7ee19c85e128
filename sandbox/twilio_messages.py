"""Twilio's messages: sent, and listed for those who want to know what became of a send."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from flask import Blueprint, request

from sandbox import chat_sending, cursors, twilio_access, twilio_calls, wire
from sandbox.chats import Account, Conversation, Message
from sandbox.twilio_access import refuse
from sandbox.world import world

blueprint = Blueprint("twilio_messages", __name__)

PATH = "/2010-04-01/Accounts/<sid>/Messages"

_LONGEST_BODY = 1_600
_SEGMENT = 153
_USUAL_PAGE, _LARGEST_PAGE = 50, 1_000
_NUMBER = re.compile(r"(?:whatsapp:)?\+[1-9][0-9]{4,14}")
_WHATSAPP = "whatsapp:"
_WINDOW = 63016


@blueprint.post(f"{PATH}.json")
def send(sid: str) -> tuple[dict[str, Any], int]:
    """Send a message."""
    account = twilio_access.opened(sid)
    form = request.form.to_dict()
    _check(form)
    person = form["To"]
    conversation = world().chats.conversation(account, person, person)
    failed = _failure(account, conversation, form)
    sender = form.get("From") or f"+{account.settings.number}"
    message = chat_sending.accept(
        account,
        conversation,
        form.get("Body", ""),
        route=f"{PATH}.json",
        body=form,
        facts={
            "from": sender,
            "to": person,
            "messaging_service_sid": form.get("MessagingServiceSid"),
        },
        failed=failed,
    )
    answer = described(account, message) | {"status": "queued", "date_sent": None}
    _tell(account, message, failed, form.get("StatusCallback"))
    chat_sending.told(account)
    return answer, 201


@blueprint.get(f"{PATH}.json")
def messages(sid: str) -> dict[str, Any]:
    """The messages of an account, the newest first."""
    account = twilio_access.opened(sid)
    found = [one for one in reversed(account.messages()) if _is_wanted(one)]
    size, start = _page_size(account), 0
    if given := request.args.get("PageToken"):
        position = cursors.unpacked(given, int)
        if position is None:
            refuse(20001)
        # New messages move the others down, as they do at Twilio.
        start = position[0]
    page = found[start : start + size]
    following = None
    if start + size < len(found):
        query = request.args.to_dict() | {"PageToken": cursors.packed(start + size)}
        following = f"{_uri(account)}.json?{wire.query(query)}"
    return {
        "messages": [described(account, one) for one in page],
        "page_size": size,
        "next_page_uri": following,
        "uri": f"{_uri(account)}.json",
    }


@blueprint.get(f"{PATH}/<message_sid>.json")
def message(sid: str, message_sid: str) -> dict[str, Any]:
    """One message."""
    account = twilio_access.opened(sid)
    found = account.find(message_sid)
    if found is None:
        refuse(20404)
    return described(account, found)


def described(account: Account, message: Message) -> dict[str, Any]:
    """A message as Twilio writes it; counts are text."""
    facts = message.facts
    at = format_datetime(datetime.fromtimestamp(message.at, UTC))
    uri = f"{_uri(account)}/{message.id}"
    return {
        "sid": message.id,
        "account_sid": account.id,
        "api_version": twilio_calls.API_VERSION,
        "body": message.text,
        "date_created": at,
        "date_sent": at,
        "date_updated": at,
        "direction": "inbound" if message.inbound else "outbound-api",
        "error_code": facts.get("error_code"),
        "error_message": None,
        "from": message.person if message.inbound else facts["from"],
        "to": facts["to"],
        "messaging_service_sid": facts.get("messaging_service_sid"),
        "num_media": str(facts.get("num_media", 0)),
        "num_segments": str(-(-len(message.text) // _SEGMENT) or 1),
        "price": None,
        "price_unit": "USD",
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "uri": f"{uri}.json",
    }


def _check(form: dict[str, str]) -> None:
    if not form.get("To"):
        refuse(21604)
    if not _NUMBER.fullmatch(form["To"]):
        refuse(21211)
    if not (form.get("From") or form.get("MessagingServiceSid")):
        refuse(21603)
    if form.get("From") == form["To"]:
        refuse(21266)
    if not any(form.get(name) for name in ("Body", "MediaUrl", "ContentSid")):
        refuse(21602)
    if len(form.get("Body", "")) > _LONGEST_BODY:
        refuse(21617)
    callback = form.get("StatusCallback")
    if callback and not callback.startswith(("http://", "https://")):
        refuse(21609)


def _failure(
    account: Account, conversation: Conversation, form: dict[str, str]
) -> int | None:
    """The code with which it will turn out not to be delivered."""
    settings = account.settings
    if conversation.opted_out:
        refuse(21610)
    code = settings.refuses.get(conversation.person)
    if code is not None and twilio_access.is_at_once(code):
        refuse(code)
    if code is not None:
        return code
    is_free = form["To"].startswith(_WHATSAPP) and not form.get("ContentSid")
    return (
        _WINDOW if is_free and settings.windows and not conversation.is_open() else None
    )


def _tell(
    account: Account, message: Message, failed: int | None, address: str | None
) -> None:
    for status, code in chat_sending.statuses(account, failed):
        told = "undelivered" if failed and status == "failed" else status
        message.status, message.facts["error_code"] = told, code
        if address:
            form = twilio_calls.status(account, message, told, code)
            chat_sending.tell(account, form, address)


def _is_wanted(message: Message) -> bool:
    told = {
        "To": message.facts["to"],
        "From": message.person if message.inbound else message.facts["from"],
    }
    if any(request.args.get(name, value) != value for name, value in told.items()):
        return False
    at = datetime.fromtimestamp(int(message.at), UTC)
    compared: dict[str, Callable[[datetime], bool]] = {
        "DateSent>": lambda given: at >= given,
        "DateSent<": lambda given: at <= given,
        "DateSent": lambda given: at.date() == given.date(),
    }
    return all(
        fits(_moment(request.args[name]))
        for name, fits in compared.items()
        if request.args.get(name)
    )


def _moment(given: str) -> datetime:
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        refuse(20001)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _page_size(account: Account) -> int:
    given = request.args.get("PageSize", str(_USUAL_PAGE))
    if not given.isdecimal() or not 1 <= int(given[:9]) <= _LARGEST_PAGE:
        refuse(20001)
    return min(int(given), account.settings.page_size or _LARGEST_PAGE)


def _uri(account: Account) -> str:
    return f"/2010-04-01/Accounts/{account.id}/Messages"
