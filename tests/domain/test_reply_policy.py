"""Every rule that forbids to answer without a person, and nothing else that does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.decision import Category, Decision
from app.domain.reply_policy import Answered, Caps, Situation, refusals
from app.domain.status import ConversationStatus
from tests.factories import message

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
OWN = {"shop@shop.example", "sales@shop.example"}
SERVERS = frozenset({"mx.shop.example"})
FINE = Situation(
    allowed_everywhere=True,
    allowed_by_workspace=True,
    ai_enabled=True,
    conversation_status=ConversationStatus.OPEN,
    handed_over_to=None,
    decision=Decision.QUICK_WIN,
    category=Category.INQUIRY,
    is_old=False,
    is_history=False,
    reply_sent=False,
    is_newest=True,
    is_deleted=False,
    edited_since_draft=False,
    answered_by_person=False,
    opted_out=False,
    undeliverable=False,
    answered=Answered(),
    caps=Caps(per_conversation=3, per_sender=10, per_workspace=100),
    window=timedelta(hours=24),
    last_written_at=NOW - timedelta(hours=1),
    now=NOW,
)


def rules(said=None, **changed):
    found = refusals(
        said if said is not None else message(),
        replace(FINE, **changed),
        own=OWN,
        mail_servers=SERVERS,
    )
    return {one.rule for one in found}


def test_a_question_of_a_customer_may_be_answered():
    assert rules() == set()


@pytest.mark.shows("H1", "H3", "H4", "H5", "H6", "H7")
@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("switched_off", {"allowed_everywhere": False}),
        ("workspace_off", {"allowed_by_workspace": False}),
        ("ai_disabled", {"ai_enabled": False}),
        ("closed", {"conversation_status": ConversationStatus.CLOSED}),
        ("closed", {"conversation_status": ConversationStatus.PENDING}),
        ("handed_over", {"handed_over_to": "app 1"}),
        ("needs_human", {"decision": Decision.NEEDS_HUMAN}),
        ("no_reply_needed", {"decision": Decision.AUTO_HANDLED}),
        ("undecided", {"decision": None}),
        ("spam", {"category": Category.SPAM}),
        ("old", {"is_old": True}),
        ("history", {"is_history": True}),
        ("replied", {"reply_sent": True}),
        ("newer_message", {"is_newest": False}),
        ("deleted", {"is_deleted": True}),
        ("edited", {"edited_since_draft": True}),
        ("answered_by_person", {"answered_by_person": True}),
        ("opted_out", {"opted_out": True}),
        ("undeliverable", {"undeliverable": True}),
        ("window_closed", {"last_written_at": NOW - timedelta(hours=25)}),
        ("window_closed", {"last_written_at": None}),
        ("conversation_cap", {"answered": Answered(in_conversation=3)}),
        ("sender_cap", {"answered": Answered(to_sender=10)}),
        ("workspace_cap", {"answered": Answered(in_workspace=100)}),
    ],
)
def test_each_circumstance_forbids_it_by_its_own_rule(rule, changed):
    assert rules(**changed) == {rule}


def test_an_account_without_a_window_has_none_that_closes():
    assert rules(window=None, last_written_at=None) == set()


@pytest.mark.shows("H1")
@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("auto_submitted", {"headers": {"auto-submitted": "auto-generated"}}),
        ("auto_reply", {"headers": {"auto-submitted": "auto-replied"}}),
        ("auto_reply", {"headers": {"x-bizzybee-mark": "automatic; id=x; sig=y"}}),
        ("auto_submitted", {"headers": {"x-auto-response-suppress": "All"}}),
        ("bulk", {"headers": {"precedence": "bulk"}}),
        ("bulk", {"headers": {"list-id": "<talk.lists.example>"}}),
        ("bulk", {"headers": {"list-unsubscribe": "<mailto:off@lists.example>"}}),
        ("noreply", {"sender": "no-reply@market.example"}),
        ("server", {"sender": "MAILER-DAEMON@mx.example"}),
        ("own_address", {"sender": "sales@shop.example"}),
        ("encrypted", {"metadata": {"encrypted": True}}),
        ("calendar", {"metadata": {"calendar": {"summary": "Lunch"}}}),
        ("spam_folder", {"metadata": {"labels": ["Spam"]}}),
        ("kind_event", {"kind": "event"}),
        ("kind_call", {"kind": "call"}),
        ("kind_unsupported", {"kind": "unsupported"}),
        ("bot", {"metadata": {"is_bot": True}}),
        ("not_inbound", {"direction": "outbound"}),
        ("consent", {"metadata": {"consent": "stop"}}),
    ],
)
def test_each_sign_of_a_program_forbids_it(rule, fields):
    assert rule in rules(message(**fields))


@pytest.mark.shows("H8")
@pytest.mark.parametrize(
    ("reply_to", "is_refused"),
    [
        (None, False),
        ("anna@example.com", False),
        ("Anna Berg <anna.berg@example.com>", False),
        ("anna@elsewhere.example", True),
        ("anna@example.com, bo@example.com", True),
        (["anna@example.com", "bo@example.com"], True),
    ],
)
def test_an_answer_that_is_to_go_elsewhere_needs_a_person(reply_to, is_refused):
    headers = {} if reply_to is None else {"reply-to": reply_to}

    assert ("reply_to" in rules(message(headers=headers))) is is_refused


@pytest.mark.shows("H8", "L4")
@pytest.mark.parametrize(
    ("verdict", "is_refused"),
    [
        ("mx.shop.example; dmarc=fail header.from=example.com", True),
        ("mx.shop.example; dmarc=pass header.from=example.com", False),
        # Anybody can write such a line.
        ("mx.evil.example; dmarc=fail header.from=example.com", False),
    ],
)
def test_who_is_not_who_they_say_needs_a_person(verdict, is_refused):
    said = message(headers={"authentication-results": verdict})

    assert ("unverified_sender" in rules(said)) is is_refused


def test_what_is_no_longer_kept_is_not_answered():
    found = refusals(None, FINE, own=OWN, mail_servers=SERVERS)

    assert [one.rule for one in found] == ["no_original"]


def test_every_rule_has_a_reason_in_words():
    said = message(headers={"auto-submitted": "auto-replied"})
    found = refusals(
        said, replace(FINE, ai_enabled=False), own=OWN, mail_servers=SERVERS
    )

    assert len(found) >= 2
    assert all(len(one.reason.split()) > 2 for one in found)


@pytest.mark.shows("H1")
@pytest.mark.parametrize(
    ("sender", "own", "is_ours"),
    [
        ("anna@example.com", "shop@shop.example", False),
        ("shop@shop.example", "shop@shop.example", True),
        ("Shop+orders@shop.example", "shop@shop.example", True),
        ("shop@shop.example", "shop+in@shop.example", True),
        ("shopping@shop.example", "shop@shop.example", False),
        ("shop@example.com", "shop@shop.example", False),
        ("+a@shop.example", "+b@shop.example", False),
    ],
)
def test_what_comes_from_us_under_any_tag_is_not_answered(sender, own, is_ours):
    asked = message(
        sender={"kind": "email", "value": sender}, body_text="Where is my parcel?"
    )

    found = refusals(asked, FINE, own={own}, mail_servers=frozenset())

    assert [one.rule for one in found] == (["own_address"] if is_ours else [])
