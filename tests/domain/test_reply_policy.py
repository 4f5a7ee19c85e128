"""What is never answered without a person."""

from datetime import UTC, datetime

import pytest

from app.domain.decision import Decision
from app.domain.reply_policy import Answered, Caps, Situation, refusals
from app.domain.status import ConversationStatus
from tests.factories import message

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
CALM = Situation(
    allowed_everywhere=True,
    allowed_by_workspace=True,
    ai_enabled=True,
    conversation_status=ConversationStatus.OPEN,
    handed_over_to=None,
    decision=Decision.QUICK_WIN,
    category=None,
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
    caps=Caps(3, 5, 100),
    window=None,
    last_written_at=NOW,
    now=NOW,
)


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

    found = refusals(asked, CALM, own={own}, mail_servers=frozenset())

    assert [one.rule for one in found] == (["own_address"] if is_ours else [])
