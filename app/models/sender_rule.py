"""What a workspace has decided about senders, once and for all."""

from sqlalchemy import Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.decision import Category, Decision
from app.domain.status import RuleField
from app.models.base import Base, InWorkspace, Timestamps, UUIDKey


class SenderRule(InWorkspace, Timestamps, Base):
    """Mail that matches needs no model: the rule says what it is."""

    __tablename__ = "sender_rules"
    __table_args__ = (
        UniqueConstraint("workspace_id", "field", "pattern"),
        Index(None, "workspace_id"),
    )

    id: Mapped[UUIDKey]
    field: Mapped[RuleField]
    pattern: Mapped[str]
    """Compared whole with an address or domain, found anywhere in a subject; case is ignored."""
    category: Mapped[Category]
    decision: Mapped[Decision | None]
    """Overrides what the category would lead to."""
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    """Counts the changes; a decision names the version that made it."""
