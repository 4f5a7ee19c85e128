"""The form of a rule of evidence."""

from collections.abc import Callable
from dataclasses import dataclass

from app.domain.decision import Category
from app.domain.mail_signs import MailSigns


@dataclass(frozen=True)
class Rule:
    """Something that a mail may prove about itself."""

    name: str
    category: Category
    confidence: float
    """Not above what was measured on mail of several sources."""
    reason: str
    holds: Callable[[MailSigns], bool]
