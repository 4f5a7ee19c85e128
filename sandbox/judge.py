"""Answers a text as a model might, always the same for the same text."""

import re
from collections.abc import Collection
from typing import NamedTuple

from sandbox import words
from sandbox.vocabulary import Vocabulary, listed, words_of
from sandbox.wire import fingerprint

#: Newsletters go on and on; what a message is about stands at its beginning.
_LOOKED_AT = 6000
_CATEGORIES = Vocabulary(words.CATEGORIES)
_URGENT = Vocabulary({"urgent": words.URGENT})
_LANGUAGES = {code: set(listed(text)) for code, text in words.LANGUAGES.items()}
_ASKS_NOTHING = {"spam", "newsletter", "notification"}
_SENDERS = {
    "notification": re.compile(
        r"no-?reply|do-?not-?reply|mailer-daemon|postmaster|notif|alerts?@", re.I
    ),
    "newsletter": re.compile(r"newsletter|digest|news@|marketing@|rss", re.I),
}
_ANSWER = re.compile(r"\s*(re|aw|sv|antw|odp|ref|vs)\s*:", re.I)
#: From how much evidence on an answer is how sure, and how far it spreads above.
_SURENESS = ((4, 0.85, 0.12), (2, 0.74, 0.18), (1, 0.62, 0.2), (0, 0.55, 0.14))


class Judgement(NamedTuple):
    """What the sandbox's model thinks of a message."""

    category: str
    confidence: float
    urgent: bool
    reason: str


def judge(sender: str, subject: str, text: str) -> Judgement:
    """Sort a message by the words in it."""
    text = text[:_LOOKED_AT]
    evidence = _evidence(sender, subject, text)
    category = max(evidence, key=lambda name: len(evidence[name]))
    because = evidence[category]
    if not because:
        category = "other"
    # Nobody is in a hurry about a newsletter that says "today".
    haste = () if category in _ASKS_NOTHING else _haste(f"{subject}\n{text}")
    return Judgement(
        category=category,
        confidence=_confidence(len(because), f"{sender}\n{subject}\n{text}"),
        urgent=bool(haste),
        reason=_reason(because, haste),
    )


def language(text: str) -> str:
    """The two-letter code of the language a text is most likely in."""
    said = words_of(text[:_LOOKED_AT])
    counts = {
        code: sum(word in known for word in said) for code, known in _LANGUAGES.items()
    }
    return max(counts, key=lambda code: counts[code])


def is_urgent(text: str) -> bool:
    """Whether a text says that it cannot wait."""
    return bool(_haste(text[:_LOOKED_AT]))


def _evidence(sender: str, subject: str, text: str) -> dict[str, list[str]]:
    """What speaks for each category; what weighs more is there more than once."""
    in_subject, in_text = _CATEGORIES.found(subject), _CATEGORIES.found(text)
    evidence = {
        name: [*in_text.get(name, ()), *(2 * [*in_subject.get(name, ())])]
        for name in words.CATEGORIES
    }
    for name, pattern in _SENDERS.items():
        if pattern.search(sender):
            evidence[name] += 3 * ["its sender"]
    for name in _ASKS_NOTHING:
        evidence[name] *= 2
    if _ANSWER.match(subject):  # nobody replies with a newsletter
        evidence["newsletter"] = []
    if "?" in text:
        evidence["inquiry"].append("a question mark")
    return evidence


def _haste(text: str) -> Collection[str]:
    return _URGENT.found(text).get("urgent", ())


def _confidence(evidence: int, everything: str) -> float:
    """Surer with more evidence, and different from message to message."""
    low, spread = next((low, s) for least, low, s in _SURENESS if evidence >= least)
    return round(low + spread * int(fingerprint(everything)[:4], 16) / 0xFFFF, 2)


def _reason(because: Collection[str], haste: Collection[str]) -> str:
    # Sorted, as the order within a set differs from process to process.
    said = sorted(set(because))[:3] or ["no known word"]
    return (
        f"sandbox: {', '.join([*said, *(f'urgent: {w}' for w in sorted(haste)[:1])])}"
    )
