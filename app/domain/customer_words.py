"""What a customer has said themselves: a yes, their name, where they live."""

import re
import unicodedata
from collections.abc import Sequence
from uuid import UUID

from app.domain.identifiers import email_key
from app.domain.line_kinds import Kind
from app.domain.proposed_order import OrderContext, ProposedOrder, Refusal, Said
from app.domain.reply_quotes import mark_quotes

#: Of one message of the customer.
MAX_SAID = 20_000

_MAX_QUOTE = 300
_MAX_FIELD = 500
_SHORTEST_PHONE = 6

_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r"(?m)^[ \t]{0,4}>.*$")
#: Some scripts put no space behind it; a point within ASCII may be one of a number.
_SENTENCE_END = re.compile(r"[.!?…؟]+(?=\s|$|[^\x00-\x7f])|。|\n")
_ADDRESS = re.compile(r"[\w.+'-]{1,64}@[\w.-]{1,255}")
#: Digits as people group them.
_PHONE = re.compile(r"\+?\(?\d(?:[\s()./-]{0,3}\d){5,19}")
#: A sentence with one of these need not be a yes; a person looks.
_DENIAL = re.compile(
    r"(?<!\w)(?:not|(?:do|does|did|wo|ca|would|should|is|are)n'?t|cannot|never|no|cancel"
    r"|nicht|kein(?:e|en|er|es)?|nie|niemals|storniere?|storno|ne|n'\w+|pas|jamais|annule[rz]?"
    r"|nunca|cancela|non|mai|annulla|não|cancele|niet|geen|nooit|inte|ej|aldrig|ikke|aldri|ei"
    r"|älä|anuluj|nechci|не|нет|никогда|değil|hayır|istemiyorum|لا|ليس|لن)(?!\w)"
    r"|不要|不想|不用|别|別|取消|没有|ません|ないで|キャンセル|않|취소"
)


def confirming_message(quote: str, newest: Sequence[Said]) -> UUID | Refusal:
    """The newest message that holds the words, in a sentence that neither asks nor denies."""
    words = folded(quote.strip().strip("\"'“”„«»")[: _MAX_QUOTE + 1]).split()
    if len(quote) > _MAX_QUOTE or not any(map(_WORD.search, words)):
        return Refusal("not_confirmed", "the words that confirm it are missing")
    pattern = re.compile(
        _edge(words[0][0], r"(?<!\w)")
        + r"\s+".join(map(re.escape, words))
        + _edge(words[-1][-1], r"(?!\w)")
    )
    for said in reversed(newest):
        text = _fold_lines(own_words(said.text))
        for match in pattern.finditer(text):
            sentence = _sentence(text, match)
            if sentence.rstrip().endswith(("?", "؟")):
                return Refusal("only_asked", "the customer asks and does not confirm")
            if _DENIAL.search(sentence.replace("’", "'")):
                return Refusal("denied", "the customer may be saying no")
            return said.message_id
    return Refusal(
        "not_confirmed",
        "the words that confirm it do not stand in the customer's newest messages",
    )


def unstated_data(proposed: ProposedOrder, context: OrderContext) -> Refusal | None:
    """Refuse what is known of the customer only to the model."""
    texts = [own_words(said.text) for said in context.said]
    fields = {
        "name": (proposed.name, [*texts, *context.names]),
        "address": (proposed.address, texts),
    }
    for field, (value, sources) in fields.items():
        found = given(value)
        if found and not _is_said(found, sources):
            return _invented(field)
    if (email := given(proposed.email)) and email_key(email) not in {
        email_key(found)
        for text in [*texts, *context.emails]
        for found in _ADDRESS.findall(text)
    }:
        return _invented("email")
    if (phone := given(proposed.phone)) and _digits(phone) not in {
        _digits(found)
        for text in [*texts, *context.phones]
        for found in _PHONE.findall(unicodedata.normalize("NFKC", text))
    }:
        return _invented("phone")
    return None


def own_words(text: str) -> str:
    """What the writer of a text wrote: a mail that is nothing but quotes is shown whole."""
    lines = _QUOTED.sub("", text[:MAX_SAID]).split("\n")
    kinds = [Kind.WRITTEN] * len(lines)
    mark_quotes(lines, kinds)
    return "\n".join(
        line for line, kind in zip(lines, kinds, strict=True) if kind is Kind.WRITTEN
    )


def given(value: str | None) -> str | None:
    """Empty text and the words by which models write that there is nothing."""
    stripped = (value or "").strip()
    return None if stripped.lower() in {"", "null", "none", "n/a", "-"} else stripped


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _sentence(text: str, match: re.Match[str]) -> str:
    start = 0
    for end in _SENTENCE_END.finditer(text, 0, match.start()):
        start = end.end()
    # The quote may bring the mark along.
    behind = _SENTENCE_END.search(text, max(match.end() - 1, match.start()))
    return text[start : behind.end() if behind else len(text)].strip()


def _edge(character: str, boundary: str) -> str:
    """A word begins and ends somewhere only in scripts that put spaces between words."""
    is_spaced = character.isdigit() or character.lower() != character.upper()
    return boundary if is_spaced else ""


def _fold_lines(text: str) -> str:
    return folded(text).replace("\r", "\n")


def _invented(field: str) -> Refusal:
    return Refusal(f"{field}_not_stated", f"the {field} is not one the customer gave")


def _is_said(value: str, texts: Sequence[str]) -> bool:
    """Whether each word of a value stands in one of the texts."""
    if len(value) > _MAX_FIELD:
        return False
    words = set(_WORD.findall(folded(value)))
    for text in texts:
        shown = folded(text)
        if words and words <= set(_WORD.findall(shown)):
            return True
        # Some scripts put no space between words.
        if not value.isascii() and "".join(folded(value).split()) in shown:
            return True
    return False


def _digits(phone: str) -> str:
    """The number that is dialled; never guessed to be of some country."""
    phone = unicodedata.normalize("NFKC", phone).strip()
    digits = "".join(str(unicodedata.digit(one)) for one in phone[:60] if one.isdigit())
    is_international = phone.startswith(("+", "(+")) or digits.startswith("00")
    if len(digits) < _SHORTEST_PHONE:
        return "none"
    return f"+{digits.removeprefix('00')}" if is_international else digits
