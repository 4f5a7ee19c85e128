"""Mails that report on one of ours."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, InWorkspace, Timestamps, on_account


class MailReport(InWorkspace, Timestamps, Base):
    """What an inbound mail says became of one that we sent."""

    __tablename__ = "mail_reports"
    __table_args__ = (
        on_account(),
        Index(None, "config_id", "about_mail_id"),
        Index(None, "about_message_id"),
    )

    message_id: Mapped[UUID] = mapped_column(
        ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True
    )
    config_id: Mapped[UUID]
    kind: Mapped[str]
    """A `ReportKind`."""
    about_mail_id: Mapped[str | None]
    """The Message-ID that it names; anybody can name one."""
    about_message_id: Mapped[UUID | None]
    """Our own mail with that id, once it is there; nothing follows from a report without it."""
    details: Mapped[dict[str, Any]]
