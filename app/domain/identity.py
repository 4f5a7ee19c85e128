"""Whose a message is: the person behind the address that a list, a form or a market put there.

One address may stand for many people, and only then may another header say who it is. What an
ordinary mail asks to be answered to is nobody's identity, and of an auto-responder it is often
somebody else's.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from pydantic import ValidationError

from app.domain.identifiers import email_key, identity_key
from app.domain.mail_addresses import Mailbox, read_mailboxes
from app.domain.mail_lists import lists_of
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.mail_roles import NO_REPLY, PROGRAMS
from app.domain.mail_signs import MailSigns
from app.domain.unified_message import Direction, Participant, UnifiedMessage

#: Local parts behind which a program or an office stands, and not always the same person.
_SHARED = re.compile(
    r"(?:.*[._+-])?(?:"
    r"info|kontakt|contacto?|contatto|forms?|formulare?|formmail|wordpress|web(?:site|form|mail|"
    r"master)?|www(?:-data|run)?|apache|nginx|php|mailer|mail|e-?mail|service|support|hello|hallo|"
    r"office|team|sales|orders?|shop|store|booking|reservations?|inquir(?:y|ies)|enquir(?:y|ies)|"
    r"anfragen?|leads?|marketplace|messages?|messaging|notifications?|notify|alerts?|updates?|"
    r"admin|root|system|automat(?:ed|ic)?|bot|relay|help(?:desk)?"
    r")(?:[._+-].*|\d*)"
)
_VIA = re.compile(
    r"\s+(?:via|über|par l'intermédiaire de|a través de|through)\s+", re.IGNORECASE
)
#: groups.io and others write the member into the list's own address.
_ENCODED = re.compile(r"([^=@\s]{1,64})=([\w-]+(?:\.[\w-]+)+)")
_AUTO_REPLY_HEADERS = ("x-autoreply", "x-autorespond", "x-auto-reply", "x-vacation")
_MAX_VALUE = 2_000
#: One person has a handful; what comes with more is a list of something else.
_MAX_IDENTITIES = 20
#: The rules by which a message itself, and nothing written in it, says whose it is.
_DIRECT = frozenset({"from", "sender", "recipient"})
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_CHANGES_OF_NUMBER = frozenset({"user_changed_number", "customer_changed_number"})


@dataclass(frozen=True)
class Identified:
    """The other side of a message, and the rule that found it."""

    person: Participant | None
    """None where nobody is named: the nameless are not one customer."""
    evidence: str


def customer_of(message: UnifiedMessage, *, own: Collection[str] = ()) -> Identified:
    """Say who is on the other side. `own` are the keys of our addresses.

    The first rule that applies speaks: whom we wrote to; the writer that a list names beside its own
    address; the person to whom a shared address asks to answer; the sender.
    """
    if message.direction is Direction.OUTBOUND:
        return _recipient(message, own)
    sender = message.sender
    if sender.value == UNKNOWN_SENDER:
        return Identified(None, "nobody")
    if sender.kind != "email":
        return Identified(sender, "sender")
    mail = _Mail(message, own)
    for evidence, rule in _RULES:
        if mailbox := rule(mail):
            name = mailbox.name or mail.name_before_via
            person = Participant(kind="email", value=mailbox.address, name=name)
            return Identified(person, evidence)
    if mail.is_shared and mail.name_before_via:
        # The name is that of whoever wrote this time.
        nameless = Participant(kind="email", value=sender.value)
        return Identified(nameless, "shared_address")
    return Identified(sender, "from")


def identifiers_of(
    message: UnifiedMessage, identified: Identified, *, own: Collection[str] = ()
) -> tuple[Participant, ...]:
    """Return what proves to be the same person, that by which they were found first.

    What somebody merely says of themselves proves nothing. An address that many share is nobody's,
    and ties nobody to anything.
    """
    person = identified.person
    if person is None:
        return ()
    told = message.metadata.get("identities")
    is_direct = identified.evidence in _DIRECT and (
        message.direction is Direction.INBOUND or len(message.recipients) == 1
    )
    if not is_direct or not isinstance(told, list) or not _is_personal(person):
        return (person,)
    inbound = message.direction is Direction.INBOUND
    ours = message.recipients if inbound else [message.sender]
    found = {_key(person): person}
    for entry in told[:_MAX_IDENTITIES]:
        one = _proven(entry)
        if one is None or not _is_personal(one):
            continue
        if _key(one) not in {_key(us) for us in ours} and _key(one)[1] not in own:
            found.setdefault(_key(one), one)
    return tuple(found.values())


def rule_of(message: UnifiedMessage) -> str:
    """Name the proof that the identifiers of a message are the same person's."""
    if message.metadata.get("event") in _CHANGES_OF_NUMBER:
        return "changed_number"
    return "same_message"


def _proven(entry: object) -> Participant | None:
    if not isinstance(entry, dict) or entry.get("claimed"):
        return None
    try:
        return Participant.model_validate(entry)
    except ValidationError:
        return None


def _key(one: Participant) -> tuple[str, str]:
    return one.kind, identity_key(one.kind, one.value)


def _is_personal(one: Participant) -> bool:
    """Whether an identifier can be one person's alone."""
    if one.kind == "email":
        local_part, at, _ = email_key(one.value).rpartition("@")
        return bool(at) and not _is_shared(local_part)
    if one.kind == "phone":
        # Without its country, or short, the same number is somebody else's elsewhere.
        return bool(_E164.fullmatch(identity_key("phone", one.value)))
    return one.value.strip() not in {"", UNKNOWN_SENDER}


def _is_shared(local_part: str) -> bool:
    return (
        local_part in PROGRAMS
        or bool(NO_REPLY.fullmatch(local_part))
        or bool(_SHARED.fullmatch(local_part))
    )


def _recipient(message: UnifiedMessage, own: Collection[str]) -> Identified:
    for one in message.recipients:
        if one.kind != "email" or email_key(one.value) not in own:
            return Identified(one, "recipient")
    return Identified(None, "nobody")


class _Mail:
    """A mail, and what of it tells people from the addresses they share."""

    def __init__(self, message: UnifiedMessage, own: Collection[str]) -> None:
        self._message = message
        self._signs = MailSigns(message)
        self._own = own
        self.sender = message.sender
        self.key = email_key(message.sender.value)
        self.lists = lists_of(message)

    @property
    def name_before_via(self) -> str | None:
        """`Anna` of `'Anna' via Market`."""
        parts = _VIA.split(self.sender.name or "", maxsplit=1)
        return parts[0].strip("'\" ") or None if len(parts) == 2 else None

    @property
    def takes_no_reply(self) -> bool:
        return self._signs.takes_no_reply

    @property
    def is_shared(self) -> bool:
        return self.takes_no_reply or bool(_SHARED.fullmatch(self._signs.local_part))

    @property
    def is_auto_reply(self) -> bool:
        submitted = self._signs.header("auto-submitted")
        return (
            submitted.startswith("auto-replied")
            or self._signs.has_any(*_AUTO_REPLY_HEADERS)
            or self._signs.header("precedence") in {"auto_reply", "auto-reply"}
        )

    @property
    def is_of_a_group(self) -> bool:
        return self._signs.has_any("x-google-group-id")

    def others(self, name: str) -> list[Mailbox]:
        """The mailboxes of a header that are neither ours, nor a list's, nor the sender's."""
        value = self._message.headers.get(name)
        values = value if isinstance(value, list) else [value]
        mailboxes = (
            mailbox
            for each in values
            if isinstance(each, str)
            for mailbox in read_mailboxes(each[:_MAX_VALUE])
        )
        known = {self.key, *self.lists, *self._own}
        return [one for one in mailboxes if email_key(one.address) not in known]


def _original(mail: _Mail) -> Mailbox | None:
    """A Google Group that put its own address in place of the writer's names him elsewhere."""
    if not mail.is_of_a_group or mail.name_before_via is None:
        return None
    writers = mail.others("x-original-from") or mail.others("x-original-sender")
    return writers[0] if writers else None


def _rewritten(mail: _Mail) -> Mailbox | None:
    """A list that writes in its own name, for the sake of DMARC, names the writer beside it."""
    if mail.key not in mail.lists and not (mail.lists and mail.name_before_via):
        return None
    if encoded := _ENCODED.fullmatch(mail.sender.value.rpartition("@")[0]):
        return Mailbox(f"{encoded[1]}@{encoded[2].lower()}", None)
    for header in ("x-original-from", "reply-to", "cc"):
        for mailbox in mail.others(header):
            # Copied in are others too: there the name has to be the same.
            if header != "cc" or mailbox.name in (
                mail.name_before_via,
                mail.sender.name,
            ):
                return mailbox
    return None


def _behind_shared(mail: _Mail) -> Mailbox | None:
    """A form or a market asks to answer the person for whom it writes."""
    if not mail.is_shared or mail.is_auto_reply:
        return None
    people = mail.others("reply-to")
    if len(people) != 1:
        return None
    local_part = people[0].address.rpartition("@")[0].lower()
    # From one office to the other is nobody's name.
    if _SHARED.fullmatch(local_part) and not mail.takes_no_reply:
        return None
    return people[0]


_RULES: tuple[tuple[str, Callable[[_Mail], Mailbox | None]], ...] = (
    ("original_sender", _original),
    ("list_rewritten_from", _rewritten),
    ("reply_to_of_shared_address", _behind_shared),
)
