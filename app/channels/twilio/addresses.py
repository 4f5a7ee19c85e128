"""Who is on a line: numbers, short codes, names of senders, and addresses of other channels."""

import re
from dataclasses import dataclass

from app.domain.identifiers import identity_key
from app.domain.mail_people import UNKNOWN_SENDER

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PREFIXED = re.compile(r"([a-z][a-z_]{1,19}):(.+)", re.DOTALL)
#: What stands for a hidden number; as digits they spell ANONYMOUS, RESTRICTED, and so on.
_HIDDEN = """
    anonymous restricted unknown unavailable blocked private
    +266696687 +7378742833 +8656696 +86282452253 +2562533
"""
_NOBODY = frozenset(_HIDDEN.split())


@dataclass(frozen=True)
class Address:
    """One end of a line."""

    kind: str
    value: str
    carrier: str = ""
    """`whatsapp` and such, where it is not the telephone network."""

    @property
    def is_known(self) -> bool:
        return self.value != UNKNOWN_SENDER

    @property
    def key(self) -> str:
        """The form that is the same however the address is written."""
        return identity_key(self.kind, self.value)


def read_address(written: str) -> Address:
    """Return who an address means. Never raises: what is no number is the name of a sender."""
    text = written.strip()
    carrier = ""
    if prefixed := _PREFIXED.fullmatch(text):
        carrier, text = prefixed[1], prefixed[2].strip()
    number = re.sub(r"[ ().-]", "", text)
    if not text or number.lower() in _NOBODY:
        return Address("phone", UNKNOWN_SENDER, carrier)
    if _E164.fullmatch(number):
        return Address("phone", identity_key("phone", number), carrier)
    return Address(f"{carrier}_user" if carrier else "sms_sender", text, carrier)


def thread_of(ours: Address, theirs: Address) -> str:
    """Return the id of what two addresses say to each other.

    One number reached by telephone and by WhatsApp is answered where it wrote, so these are two.
    """
    carrier = f"{theirs.carrier}:" if theirs.carrier else ""
    return f"{carrier}{ours.key}:{theirs.key}"
