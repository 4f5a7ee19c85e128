"""What a mail proves about itself, by its structure: what it says is not weighed.

A wrong "automatic" hides a customer, a missed one costs a glance. So each rule asks for
signs that no person's mail has, and what is left open is left to others. Half of all
mail on lists is written by people, under List-Unsubscribe and `Precedence: bulk`.
"""

from app.domain import (
    evidence_answers,
    evidence_calendar,
    evidence_mailings,
    evidence_notices,
    evidence_reports,
    evidence_verdicts,
)
from app.domain.decision import Category, JudgedBy, Judgement
from app.domain.mail_signs import MailSigns
from app.domain.unified_message import Direction, UnifiedMessage

#: Counts up when a rule changes, so that an old decision still names what made it.
VERSION = 3

#: The first that holds speaks: what says most about a mail stands first.
RULES = (
    *evidence_reports.RULES,
    *evidence_answers.RULES,
    *evidence_calendar.RULES,
    *evidence_verdicts.RULES,
    *evidence_mailings.RULES,
    *evidence_notices.RULES,
)

CONSENT_REASON = "the sender says whether they want to hear from us"


def evidence_of(message: UnifiedMessage) -> Judgement | None:
    """Judge an inbound message by what settles it, or return None.

    Mail on a discussion list, answers, and what a form hands on are a person's.
    """
    if message.direction is Direction.OUTBOUND:
        return None
    if message.metadata.get("consent"):
        return Judgement(
            category=Category.NOTIFICATION,
            confidence=1.0,
            reason=CONSENT_REASON,
            judged_by=JudgedBy.EVIDENCE,
            source=f"evidence/{VERSION}:consent",
        )
    if message.sender.kind != "email":
        return None
    mail = MailSigns(message)
    for rule in RULES:
        if rule.holds(mail):
            return Judgement(
                category=rule.category,
                confidence=rule.confidence,
                reason=rule.reason,
                judged_by=JudgedBy.EVIDENCE,
                source=f"evidence/{VERSION}:{rule.name}",
            )
    return None
