"""What is decided about an inbound message, and how a judgement becomes a decision."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: Below this the judgement is a guess, and a person looks.
SURE_ENOUGH = 0.7


class Decision(StrEnum):
    AUTO_HANDLED = "auto_handled"
    NEEDS_HUMAN = "needs_human"
    ACT_NOW = "act_now"
    QUICK_WIN = "quick_win"


class Category(StrEnum):
    """What a message is about. The first group asks nothing of anybody."""

    NOTIFICATION = "notification"
    NEWSLETTER = "newsletter"
    SPAM = "spam"

    INQUIRY = "inquiry"
    ORDER = "order"
    BOOKING = "booking"
    CANCELLATION = "cancellation"
    COMPLAINT = "complaint"
    PAYMENT = "payment"
    FEEDBACK = "feedback"
    PERSONAL = "personal"
    OTHER = "other"


ASKS_NOTHING = frozenset({Category.NOTIFICATION, Category.NEWSLETTER, Category.SPAM})


class JudgedBy(StrEnum):
    RULE = "rule"
    """A sender rule of the workspace."""
    EVIDENCE = "evidence"
    """What the message itself proves: headers, structure."""
    MODEL = "model"
    NOBODY = "nobody"
    """Nothing could settle it: no evidence and no usable model answer."""


@dataclass(frozen=True)
class Judgement:
    """What somebody thinks of a message, and why."""

    category: Category
    confidence: float
    """0 to 1."""
    reason: str
    judged_by: JudgedBy
    source: str
    """Which rule, evidence or model spoke, with its version."""
    urgent: bool = False
    forced: Decision | None = None
    """A sender rule may name the decision itself."""

    def record(self) -> dict[str, Any]:
        """What is kept for the question why, with the decision that follows."""
        return {
            "decision": decide(self),
            "category": self.category,
            "confidence": self.confidence,
            "reason": self.reason,
            "judged_by": self.judged_by,
            "source": self.source,
            "urgent": self.urgent,
        }


def decide(judgement: Judgement) -> Decision:
    """Turn a judgement into what happens next."""
    if judgement.forced is not None:
        return judgement.forced
    if judgement.category in ASKS_NOTHING:
        return Decision.AUTO_HANDLED
    if judgement.confidence < SURE_ENOUGH:
        return Decision.NEEDS_HUMAN
    return Decision.ACT_NOW if judgement.urgent else Decision.QUICK_WIN
