"""What the words mean by which a person stops or allows text messages, the same for all carriers."""

import re
from enum import StrEnum

#: No such word is longer, with what may stand around it.
_LONGEST = 40
_AROUND = re.compile(r"[\s.,!?'\"*#-]+")


class Consent(StrEnum):
    STOP = "stop"
    START = "start"
    HELP = "help"


_STOP = "stop stopall stopp arret arrêt unsubscribe cancel end quit revoke optout"
_WORDS = {
    **dict.fromkeys(_STOP.split(), Consent.STOP),
    "start": Consent.START,
    "unstop": Consent.START,
    "help": Consent.HELP,
    "info": Consent.HELP,
}
#: Carriers take these for "start" as well; said by somebody who never stopped, they are an answer.
_ANSWERS = frozenset({"yes"})


def consent_of(text: str | None, *, has_stopped: bool = False) -> Consent | None:
    """Return what a message that is nothing but such a word asks for; None for every other one.

    `has_stopped` says that its writer gets no messages now: then a plain "yes" means start.
    """
    if not text or len(text) > _LONGEST:
        return None
    word = _AROUND.sub("", text).casefold()
    if word in _ANSWERS:
        return Consent.START if has_stopped else None
    return _WORDS.get(word)
