"""Reads what a mail server reports on a mail of ours: who did not get it, and why.

Fields as RFC 3464 has them count first, the words of the server fill what they leave
out. What neither tells stays unknown.
"""

import re
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.domain.delivery_cause import Cause, cause_of, is_permanent, status_in
from app.domain.delivery_event import read_event
from app.domain.delivery_text import MAX_MENTIONS, Mention, Notice, read_notice
from app.domain.evidence_reports import is_bounce, is_delivery_report
from app.domain.mail_addresses import read_mailboxes
from app.domain.mail_headers import decode_words
from app.domain.mail_ids import message_id
from app.domain.mail_phrases import DELAYED, ENDED, RETURNED_SUBJECT
from app.domain.mail_signs import MailSigns
from app.domain.status_fields import has_status, read_status
from app.domain.unified_message import Direction, UnifiedMessage

_MAX_REASON = 500
_ADDRESS = re.compile(r"[^\s<>;,\"]{1,300}@[^\s<>;,\"]{1,300}")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


class Action(StrEnum):
    """What became of the mail, as RFC 3464 names it."""

    FAILED = "failed"
    DELAYED = "delayed"
    """The server goes on trying: no failure."""
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    UNKNOWN = "unknown"


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True)


class RecipientReport(_Stored):
    """What became of the mail for one recipient."""

    address: str | None = None
    original_address: str | None = None
    """What we wrote to, where the server names another address as the last one."""
    action: Action = Action.UNKNOWN
    status: str | None = None
    """`5.1.1`"""
    is_permanent: bool | None = None
    """Whether another try is useless; None where nothing tells."""
    cause: Cause = Cause.UNKNOWN
    reason: str | None = None
    """In the words of the server."""


class DeliveryReport(_Stored):
    """A report on one mail."""

    recipients: list[RecipientReport] = []
    original_message_id: str | None = None
    original_subject: str | None = None
    reporting_mta: str | None = None

    @property
    def action(self) -> Action:
        """The worst that is reported."""
        actions = {recipient.action for recipient in self.recipients}
        return next((each for each in Action if each in actions), Action.UNKNOWN)


def delivery_report_of(message: UnifiedMessage) -> DeliveryReport | None:
    """Read a mail that reports on a delivery, or return None where it is none."""
    if message.sender.kind != "email" or message.direction is Direction.OUTBOUND:
        return None
    mail = MailSigns(message)
    if not (is_delivery_report(mail) or is_bounce(mail)):
        return None
    return _Reader(mail).report()


class _Reader:
    def __init__(self, mail: MailSigns) -> None:
        self.mail = mail
        self.text = mail.message.body_text or ""
        self.notice: Notice = read_notice(self.text)
        self.facts: dict[str, Any] = read_event(self.text) or mail.message.metadata
        self.attached = mail.attached[0] if mail.attached else {}
        self.mentions = self.notice.mentions(ignored=self._ignored())

    def report(self) -> DeliveryReport:
        return DeliveryReport(
            recipients=self._recipients(),
            original_message_id=self._original_id(),
            original_subject=self._original_subject(),
            reporting_mta=self._reporting_mta(),
        )

    def _ignored(self) -> frozenset[str]:
        """Addresses that a report names beside those it is about."""
        message = self.mail.message
        ours = {recipient.value.lower() for recipient in message.recipients}
        author = read_mailboxes(self.attached.get("from", ""))
        ours |= {mailbox.address.lower() for mailbox in author[:1]}
        return frozenset(ours | {message.sender.value.lower()})

    def _recipients(self) -> list[RecipientReport]:
        entries = self._entries()
        if entries:
            return [self._of_entry(entry, len(entries) == 1) for entry in entries]
        known = {mention.address.lower(): mention for mention in self.mentions}
        header = self.mail.undecoded("x-failed-recipients")
        failed = [mailbox.address for mailbox in read_mailboxes(header)]
        named = [
            known.get(address.lower(), Mention(address, self.notice.reason))
            for address in failed[:MAX_MENTIONS]
        ]
        if not named:
            named = self.mentions or self._only_recipient()
        if not named:
            return [self._recipient(None, reason=self.notice.reason)]
        return [
            self._recipient(
                each.address,
                original=each.original_address,
                reason=each.reason,
            )
            for each in named
        ]

    def _entries(self) -> list[dict[str, str]]:
        listed = self.facts.get("delivery_status")
        entries = [
            {str(name): str(value) for name, value in entry.items()}
            for entry in (listed if isinstance(listed, list) else [])
            if isinstance(entry, dict)
        ]
        return entries or self._in_text[0]

    @cached_property
    def _in_text(self) -> tuple[list[dict[str, str]], str | None]:
        """The fields of a status where they stand among the words."""
        return read_status(self.text) if has_status(self.text) else ([], None)

    def _of_entry(self, entry: dict[str, str], is_only: bool) -> RecipientReport:
        final = _address(entry.get("final_recipient"))
        original = _address(entry.get("original_recipient"))
        if final is None and original is None and is_only:
            found = self.mentions or self._only_recipient()
            final = found[0].address if len(found) == 1 else None
        reasons = [
            mention.reason
            for mention in self.mentions
            if mention.address in {final, original}
        ]
        if is_only and not reasons:
            reasons = [self.notice.reason]
        return self._recipient(
            final or original,
            original=original,
            action=entry.get("action"),
            status=entry.get("status"),
            reason=entry.get("diagnostic") or next(iter(reasons), None),
        )

    def _only_recipient(self) -> list[Mention]:
        """Whom the mail went to, where it went to nobody else."""
        to = self.attached.get("to") or self.notice.original_to or ""
        mailboxes = read_mailboxes(to)
        if len(mailboxes) != 1 or self.attached.get("cc"):
            return []
        return [Mention(mailboxes[0].address, self.notice.reason)]

    def _recipient(
        self,
        address: str | None,
        *,
        original: str | None = None,
        action: str | None = None,
        status: str | None = None,
        reason: str | None = None,
    ) -> RecipientReport:
        reason = " ".join((reason or "").split())[:_MAX_REASON]
        stated = _STATUS.search(status or "")
        code = stated[0] if stated else status_in(reason)
        specific = status_in(reason) if code and code.endswith(".0.0") else code
        cause = cause_of(specific, reason)
        done = self._action(action, code, reason)
        is_success = done in {Action.DELIVERED, Action.RELAYED, Action.EXPANDED}
        permanent = (
            False if done is Action.DELAYED else is_permanent(code, reason, cause)
        )
        return RecipientReport(
            address=address,
            original_address=original if original != address else None,
            action=done,
            status=code,
            is_permanent=None if is_success else permanent,
            cause=Cause.UNKNOWN if is_success else cause,
            reason=reason or None,
        )

    def _action(self, stated: str | None, code: str | None, reason: str) -> Action:
        word = (stated or "").strip().lower().split(" ")[0].strip(".;,")
        if word in set(Action):
            return Action(word)
        said = self.notice.said[:5_000]
        subject = self.mail.subject
        # The subject has but one thing to say; texts speak of what may come as well.
        for text in (subject, said):
            if ENDED.search(text):
                return Action.FAILED
            if DELAYED.search(text):
                return Action.DELAYED
        if code is not None:
            return {"2": Action.DELIVERED, "5": Action.FAILED}.get(
                code[0], Action.UNKNOWN
            )
        is_known = is_permanent(None, reason, cause_of(None, reason))
        return Action.FAILED if is_known else Action.UNKNOWN

    def _original_id(self) -> str | None:
        found = self.facts.get("original_message_id") or self.attached.get("message_id")
        if isinstance(found, str) and found:
            return message_id(found)
        if stated := self.mail.undecoded("x-original-message-id"):
            return message_id(stated)
        message = self.mail.message
        last = message.references[-1] if message.references else None
        return self.notice.original_id or message.in_reply_to or last

    def _original_subject(self) -> str | None:
        found = self.facts.get("original_subject") or self.attached.get("subject")
        found = found or self.notice.original_subject
        if not found and (match := RETURNED_SUBJECT.match(self.mail.subject)):
            found = match[1]
        subject = decode_words(str(found or "")).strip().strip("\"'")
        return subject[:_MAX_REASON] or None

    def _reporting_mta(self) -> str | None:
        stated = self.facts.get("reporting_mta")
        found = stated or self._in_text[1] or self.notice.server
        return str(found)[:_MAX_REASON] if found else None


def _address(value: str | None) -> str | None:
    found = _ADDRESS.search(value or "")
    return found[0].strip("'`.:") if found else None
