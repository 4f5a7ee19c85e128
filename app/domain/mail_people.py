"""Who a mail is from and to, where headers contradict each other or say nothing."""

from app.domain.mail_addresses import MAX_VALUE, Mailbox, read_mailboxes
from app.domain.mail_headers import Headers
from app.domain.unified_message import Participant, Recipient

#: Stands for every sender that could not be read: never one person.
UNKNOWN_SENDER = "unknown-sender"

#: Reply-To comes late: an auto-responder's names somebody else.
_INSTEAD_OF_FROM = ("sender", "reply-to", "return-path")
#: Of one name; a mail should have one of each.
_MAX_FIELDS = 20
_ROLES = ("to", "cc", "bcc")


def sender_of(headers: Headers) -> Participant:
    """Return who wrote the mail, or `UNKNOWN_SENDER` where no field names anybody."""
    authors = _mailboxes(headers, "from")
    if len(authors) > 1:
        # Of several authors, the standard has one named as the sender.
        senders = {one.address.lower() for one in _mailboxes(headers, "sender")}
        authors.sort(key=lambda one: one.address.lower() not in senders)
    for mailbox in authors:
        return _participant(_before_the_group(mailbox, headers))
    for field in _INSTEAD_OF_FROM:
        for mailbox in _mailboxes(headers, field):
            return _participant(_before_the_group(mailbox, headers))
    # `MAILER-DAEMON <>` has no address, and still says who it is.
    name = (headers.first("from") or "").replace("<>", "").strip()[:300]
    return Participant(kind="email", value=UNKNOWN_SENDER, name=name or None)


def recipients_of(headers: Headers) -> list[Recipient]:
    """Return whom it is addressed to, in the order of to, cc, bcc."""
    return [
        Recipient(kind="email", value=mailbox.address, name=mailbox.name, role=role)
        for role in _ROLES
        for mailbox in _mailboxes(headers, role)
    ]


def _mailboxes(headers: Headers, field: str) -> list[Mailbox]:
    values = headers.undecoded(field, MAX_VALUE)[:_MAX_FIELDS]
    return [mailbox for value in values for mailbox in read_mailboxes(value)]


def _before_the_group(mailbox: Mailbox, headers: Headers) -> Mailbox:
    """Look behind a Google Group that put its own address in place of the writer's."""
    if " via " not in (mailbox.name or ""):
        return mailbox
    groups = headers.all("x-google-group-id")
    writers = _mailboxes(headers, "x-original-sender") if groups else []
    if not writers:
        return mailbox
    name = (mailbox.name or "").rpartition(" via ")[0].strip("' ")
    return Mailbox(writers[0].address, name or None)


def _participant(mailbox: Mailbox) -> Participant:
    return Participant(kind="email", value=mailbox.address, name=mailbox.name)
