"""Where an answer to a message goes, by what it says itself."""

from app.domain.identifiers import email_key
from app.domain.mail_addresses import read_mailboxes
from app.domain.unified_message import Participant, UnifiedMessage


def reply_address(message: UnifiedMessage) -> Participant | None:
    """The one address that a mail asks to be answered to; None where it asks nothing of the kind."""
    asked = _asked(message)
    return asked[0] if len(asked) == 1 else None


def asks_elsewhere(message: UnifiedMessage) -> bool:
    """Whether a mail wants its answer at another domain than its sender's, or at several places.

    A person may know why; a program must not send there.
    """
    asked = _asked(message)
    if not asked:
        return False
    home = _domain(message.sender.value)
    return len(asked) > 1 or _domain(asked[0].value) != home


def _asked(message: UnifiedMessage) -> list[Participant]:
    if message.sender.kind != "email":
        return []
    header = message.headers.get("reply-to")
    values = header if isinstance(header, list) else [header]
    found: dict[str, Participant] = {}
    for value in values:
        if isinstance(value, str):
            for box in read_mailboxes(value):
                person = Participant(kind="email", value=box.address, name=box.name)
                found.setdefault(email_key(box.address), person)
    return list(found.values())


def _domain(address: str) -> str:
    return email_key(address).rpartition("@")[2]
