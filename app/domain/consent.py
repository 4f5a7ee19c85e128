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
#: What nobody says by chance. The other words are the carriers', who act on them by themselves; where
#: no carrier does, "cancel" below an appointment is an answer.
_UNMISTAKABLE = frozenset(
    {"stop", "stopall", "stopp", "arret", "arrêt", "unsubscribe", "optout", "unstop"}
)
#: Carriers take these for "start" as well; said by somebody who never stopped, they are an answer.
_ANSWERS = frozenset({"yes"})


def consent_of(
    text: str | None, *, by_telephone: bool = True, has_stopped: bool = False
) -> Consent | None:
    """Return what a message that is nothing but such a word asks for; None for every other one.

    `by_telephone` says that a carrier knows the words too. `has_stopped` says that the writer gets no
    messages now: then a plain "yes" or "start" means start, wherever it is said.
    """
    if not text or len(text) > _LONGEST:
        return None
    word = _AROUND.sub("", text).casefold()
    meant = Consent.START if word in _ANSWERS else _WORDS.get(word)
    if has_stopped and meant is Consent.START:
        return meant
    if word in _ANSWERS or not (by_telephone or word in _UNMISTAKABLE):
        return None
    return meant
