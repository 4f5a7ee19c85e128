"""Tells the line in which a program says whom it quotes from what people write."""

import re

from app.domain.reply_phrases import (
    ATTRIBUTION_LEAD,
    ATTRIBUTION_VERB,
    FIRST_PERSON,
)

_NAME_AT_MOST = 5
_ADDRESS = re.compile(r"[^\s<>()\[\]:,;]@[\w-]+(?:\.[\w-]+)*")
_NAMED_ADDRESS = re.compile(
    r"[<(\[][^<>()\[\]\s]+@[^<>()\[\]\s]+[>)\]]+\W{0,3}[:：]\W*$"
)
#: Buddhists count 543 years more, Persians 621 fewer.
YEAR = re.compile(
    r"(?:19|20|25)\d\d|1[34]\d\d(?=\D+\d{1,2}:)"
    r"|\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2}\b"
)
_TIME = re.compile(
    r"\d{1,2}\s?[:.h：時点时]\s?\d{2}|\d{1,2}\s?[ap]\.?m\b", re.IGNORECASE
)
#: What may follow the verb of an attribution beside a name: the rest of it, and the date.
_NO_NAME = re.compile(
    r"\([^()]{0,60}\)|\b(?:on|am|kl|klo|kello|om|um|at|op|le|el|il|em|den|dne|w|v|в)\b.*|[^\w\s]"
)


class Signs:
    """What speaks for a stretch of text being an attribution."""

    def __init__(self, text: str) -> None:
        self.has_verb = bool(ATTRIBUTION_VERB.search(text))
        self.has_address = bool(_ADDRESS.search(text))
        self.has_year = bool(YEAR.search(text))
        self.has_time = bool(_TIME.search(text))
        self.has_lead = bool(ATTRIBUTION_LEAD.match(text))
        self.text = text

    @property
    def speaks(self) -> bool:
        is_dated = self.has_year and (self.has_time or self.has_lead)
        return self.has_verb or self.has_address or is_dated

    @property
    def is_whole(self) -> bool:
        return self.has_year and self.has_lead and self.speaks

    @property
    def stands_alone(self) -> bool:
        """Whether nobody would write this but a program, so that no marks are needed below."""
        if FIRST_PERSON.search(self.text):
            return False
        is_timed = self.has_lead and self.has_time
        if self.has_verb and self.has_address:
            return self.has_year or is_timed
        if not self.has_year:
            return False
        if self.has_verb and self.has_time:
            return self._names_somebody()
        return is_timed and bool(_NAMED_ADDRESS.search(self.text))

    def _names_somebody(self) -> bool:
        """Whether a name stands beside the verb, as no "your driver wrote on it:" has."""
        verb = ATTRIBUTION_VERB.search(self.text)
        if verb is None:
            return False
        before = self.text[: verb.start()].split()
        after = _NO_NAME.sub("", self.text[verb.end() :]).split()
        if after:
            return not any(word[0].islower() for word in after[:2])
        is_listed = len(before) > 1 and before[-2].endswith((",", "，", "、"))
        is_named = bool(before) and not before[-1][0].islower()
        return (is_named or is_listed) and (
            self.has_lead or len(before) <= _NAME_AT_MOST
        )
