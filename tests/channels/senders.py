"""One message per provider that we send through, and how the provider takes it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.channels.base import Account
from app.channels.registry import Adapters
from app.channels.sending import Address, Outgoing, Sender, Sent
from app.config import Settings
from app.domain.mail_head import MailHead

OWN_ID = UUID("01990f00-0000-7000-8000-000000000001")
TEXT = "Yes, in blüe 🚲."
TOKEN = "tok-secret-1"
TRIED_AT = datetime(2026, 9, 3, 8, 15, 30, tzinfo=UTC)
MARK = f"automatic; id={OWN_ID}; sig=00"
HEAD = MailHead(
    message_id="bb-token.1@bikes.example",
    subject="Re: Saddle",
    in_reply_to="q2@example.com",
    references=("q1@example.com", "q2@example.com"),
    headers=(
        ("Auto-Submitted", "auto-replied"),
        ("X-Autoreply", "yes"),
        ("X-BizzyBee-Mark", MARK),
    ),
    sender="hello@bikes.example",
)


@dataclass(frozen=True)
class Case:
    """How one provider is spoken to."""

    setting: str
    account: Account
    outgoing: Outgoing
    path: str
    taken: Any
    """What it answers to a message that it takes."""
    sent: Sent


def _account(external_id: str | None = None, **credentials: Any) -> Account:
    return Account("c1", frozenset(), credentials, external_id=external_id)


def _outgoing(kind: str, value: str, **fields: Any) -> Outgoing:
    return Outgoing(OWN_ID, Address(kind, value, "Anna Berg"), TEXT, **fields)


_MESSENGER = Case(
    "META_GRAPH_API_URL",
    _account("10600000000001", access_token=TOKEN),
    _outgoing("psid", "7300000000000011", thread_id="7300000000000011"),
    "/v25.0/10600000000001/messages",
    {"recipient_id": "7300000000000011", "message_id": "m_Out1"},
    Sent("m_Out1", "7300000000000011"),
)
CASES = {
    "aurinko": Case(
        "AURINKO_API_BASE_URL",
        _account(access_token=TOKEN),
        _outgoing("email", "anna@example.com", mail=HEAD),
        "/v1/email/messages",
        {"status": "Ok", "id": "AAMk-0002", "threadId": "thr-77"},
        Sent("AAMk-0002", "thr-77"),
    ),
    "chatwoot": Case(
        "CHATWOOT_BASE_URL",
        _account("3", access_token=TOKEN),
        _outgoing("chatwoot_contact", "71", thread_id="318", reply_to="90211"),
        "/api/v1/accounts/3/conversations/318/messages",
        {"id": 90212, "content": TEXT, "message_type": 1, "echo_id": str(OWN_ID)},
        Sent("90212", "318"),
    ),
    "instagram": replace(
        _MESSENGER,
        outgoing=_outgoing("igsid", "7300000000000011"),
    ),
    "messenger": _MESSENGER,
    "telegram": Case(
        "TELEGRAM_API_URL",
        _account(bot_token=f"44:{TOKEN}"),
        _outgoing("telegram_user", "910", thread_id="910", reply_to="910:7"),
        f"/bot44:{TOKEN}/sendMessage",
        {"ok": True, "result": {"message_id": 8, "chat": {"id": 910}}},
        Sent("910:8", "910"),
    ),
    "twilio-sms": Case(
        "TWILIO_API_URL",
        Account(
            "c1",
            frozenset({"+46850000001"}),
            {"account_sid": "AC1", "auth_token": TOKEN},
        ),
        _outgoing("phone", "+46700000001", thread_id="+46850000001:+46700000001"),
        "/2010-04-01/Accounts/AC1/Messages.json",
        {"sid": "SM9", "status": "queued", "direction": "outbound-api"},
        Sent("SM9", "+46850000001:+46700000001"),
    ),
    "whatsapp": Case(
        "META_GRAPH_API_URL",
        _account("1060000000777", access_token=TOKEN),
        _outgoing(
            "phone",
            "+46700000001",
            thread_id="+46700000001",
            reply_to="wamid.B10",
        ),
        "/v25.0/1060000000777/messages",
        {"contacts": [{"wa_id": "46700000001"}], "messages": [{"id": "wamid.OUT1"}]},
        Sent("wamid.OUT1", "+46700000001"),
    ),
}


def sender_at(provider: str, url: str, **settings: str) -> Sender:
    """The adapter of a provider that is at a URL."""
    told = {CASES[provider].setting: url} | settings
    sender = Adapters(Settings.model_validate(told)).of(provider)
    assert isinstance(sender, Sender)
    return sender


def send(provider: str, url: str, **changed: Any) -> Sent:
    """Send the message of a provider, with something about it changed."""
    case = CASES[provider]
    outgoing = replace(case.outgoing, **changed)
    return sender_at(provider, url).send(case.account, outgoing)
