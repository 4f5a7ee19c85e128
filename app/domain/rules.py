"""Sender rules: what a workspace has decided about senders once and for all."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from app.domain.decision import Category, Decision, JudgedBy, Judgement
from app.domain.identifiers import email_key
from app.domain.status import RuleField
from app.domain.unified_message import UnifiedMessage


class Rule(Protocol):
    """What is read of a stored rule."""

    id: UUID
    field: RuleField
    pattern: str
    category: Category
    decision: Decision | None
    version: int


def judge_by_rules(message: UnifiedMessage, rules: Iterable[Rule]) -> Judgement | None:
    """The verdict of the most specific rule that matches: address, then domain, then subject.

    Among equals the older rule speaks.
    """
    order = list(RuleField)
    matching = [rule for rule in rules if matches(rule, message)]
    if not matching:
        return None
    rule = min(matching, key=lambda one: order.index(RuleField(one.field)))
    return Judgement(
        category=rule.category,
        confidence=1.0,
        reason=f"sender rule: {rule.field} {rule.pattern!r}",
        judged_by=JudgedBy.RULE,
        source=f"rule/{rule.id}@{rule.version}",
        forced=rule.decision,
    )


def matches(rule: Rule, message: UnifiedMessage) -> bool:
    """Whether a rule speaks about a message."""
    pattern = rule.pattern.strip().lower()
    if rule.field == RuleField.SUBJECT:
        return pattern in (message.subject or "").lower()
    sender = message.sender.value
    if rule.field == RuleField.ADDRESS:
        return email_key(sender) == email_key(pattern)
    domain = email_key(sender).rpartition("@")[2]
    return domain == pattern or domain.endswith("." + pattern)
