"""Finds how somebody signed: after dashes, by a telephone, below a name, in a notice of the company.

The closing phrase and the name stay with the text, for they are part of what was said. What stands
below them moves only where it holds what a letterhead holds.
"""

import re
from collections.abc import Iterator

from app.domain.line_kinds import Kind
from app.domain.signature_phrases import (
    BUSINESS,
    CLOSING,
    CONTACT,
    FOOTER,
    LIST_LINK,
    LIST_WORDS,
    NOTICE,
    NOTICE_CORE,
    NOTICE_WORD,
    POSTSCRIPT,
    SENT_FROM,
)

#: Signatures stand at the end; so many written lines are looked at from there.
_MOST_LINES = 400
_STANDARD_LINES = 60
#: The blank after the dashes is the standard; without it the dashes may divide a text.
_LOOSE_LINES = 15
_CONTACT_LINES = 30
_LONGEST_LINE = 160
_LONGEST_SENT = 120
_LEAST_NOTICE = 80
_LONGEST_NOTICE = 6000
#: So many lines of one paragraph are tried as the beginning of a notice.
_MOST_STARTS = 4

_LOOSE = re.compile(r"\s{0,3}(?:--|__|-{3,}|_{3,}|—+|–+|\*{3,}|={3,}|~{3,})\s*")
_PGP = ("-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP SIGNATURE-----")
_LIST_FOOTER = re.compile(r"\s*_{20,}\s*")
_LINK = re.compile(r"\s*<?(?:(?:https?://|www\.)\S+|[\w-]+(?:\.[\w-]+)+)>?\s*")
_LISTED = re.compile(r"\s*(?:\[\d+\]|\d{1,2}[.)]\s|[-*•]\s)")
#: "Co." and "Ltd." end no sentence.
_LAST_WORD = re.compile(r"\s[^\W\dA-Z_]{4,}\.$")
_SENTENCE_ENDS = ("?", "？", "!", "！", ":", "：", "。")
_NO_NAME = re.compile(r"[\d@?!:;]|https?|www\.")
_NAME_AT_MOST = 6


def mark_signatures(lines: list[str], kinds: list[Kind]) -> None:
    """Mark the signatures among the written lines of a text."""
    _Marker(lines, kinds).mark_all()


class _Marker:
    def __init__(self, lines: list[str], kinds: list[Kind]) -> None:
        self.lines = lines
        self.kinds = kinds
        texts = [at for at, line in enumerate(lines) if self._is_text(at)]
        self._first = texts[0] if texts else 0
        self._from = texts[-_MOST_LINES] if len(texts) > _MOST_LINES else self._first
        dividers = [at for at in texts if lines[at].rstrip() == "--"]
        self._last_divider = dividers[-1] if dividers else None

    def mark_all(self) -> None:
        for at in self._texts():
            line = self.lines[at].strip()
            if len(line) <= _LONGEST_SENT and SENT_FROM.fullmatch(line):
                self._mark(at, at + 1)
        self._mark_list_link()
        self._mark_notices()
        for at in self._texts():
            self._mark(at, self._end_of_signed(at))
        for at in self._texts():
            self._mark_contact(at)

    def _texts(self) -> Iterator[int]:
        """The written lines that are looked at, as long as they are not marked."""
        return (at for at in range(self._from, len(self.lines)) if self._is_text(at))

    def _is_text(self, at: int) -> bool:
        return self.kinds[at] is Kind.WRITTEN and bool(self.lines[at].strip())

    def _end_of_signed(self, at: int) -> int:
        """Where the signature below dashes ends, or where they stand if there is none."""
        line = self.lines[at]
        if line.startswith(_PGP):
            return self._end_of_pgp(at)
        if line.rstrip("\r") == "-- ":
            return self._end(at, _STANDARD_LINES)
        if _LIST_FOOTER.fullmatch(line):
            footer = "\n".join(self.lines[at : at + 5])
            if LIST_WORDS.search(footer):
                return self._end(at, _STANDARD_LINES)
        if not _LOOSE.fullmatch(line):
            return at
        if self._is_above(at, Kind.SIGNATURE):
            return at + 1
        end = self._end(at, _LOOSE_LINES)
        below = [self.lines[here] for here in range(at + 1, end) if self._is_text(here)]
        if line.strip() == "--" and self._last_divider == at:
            is_signed = any(map(LIST_WORDS.search, below)) or _is_name_alone(below)
        else:
            is_signed = line.strip() == "__" and _is_name_alone(below)
            is_signed = is_signed and self._last_divider is None
        return end if is_signed or self._is_letterhead(line, below) else at

    def _end_of_pgp(self, at: int) -> int:
        """Where the armour ends that begins here: the head of a text, or its signature."""
        is_head = "SIGNED MESSAGE" in self.lines[at]
        for end in range(at + 1, min(at + _STANDARD_LINES, len(self.lines))):
            line = self.lines[end]
            if (is_head and not line.strip()) or line.startswith("-----END PGP"):
                return end + 1
        return at

    def _is_letterhead(self, divider: str, below: list[str]) -> bool:
        """Whether lines say how to reach somebody; below dashes they may quote a wit too."""
        if divider.strip() != "--" and any(map(_LOOSE.fullmatch, below)):
            return False
        said = [_is_sentence(each) for each in below]
        has_contact = any(
            CONTACT.search(each[:_LONGEST_LINE]) and not is_said
            for each, is_said in zip(below, said, strict=True)
        )
        return has_contact and (divider.strip() == "--" or not any(said))

    def _end(self, at: int, most: int) -> int:
        """Where the written lines end, or where they begin if there are more."""
        for end in range(at + 1, len(self.lines)):
            if self.kinds[end] is Kind.QUOTED:
                return end
            most -= bool(self.lines[end].strip())
            if most < 0:
                return at
        return len(self.lines)

    def _mark_list_link(self) -> None:
        texts = list(self._texts())
        if len(texts) > 1 and LIST_LINK.fullmatch(self.lines[texts[-1]]):
            is_meant = self.lines[texts[-2]].rstrip().endswith((":", "："))
            self._mark(texts[-1], texts[-1] if is_meant else texts[-1] + 1)

    def _mark_notices(self) -> None:
        """Mark the notices that companies put below every mail, paragraph by paragraph."""
        heading: int | None = None
        for start, end in self._paragraphs():
            text = self._joined(start, end)
            at = self._notice_in(start, end)
            if heading is not None and (at == start or _is_notice(text)):
                at = heading
            if at is not None:
                heading = end
                if at > self._first:
                    has_rule = _LOOSE.fullmatch(self.lines[at - 1])
                    self._mark(at - 1 if has_rule else at, end)
            else:
                is_heading = len(text) < _LEAST_NOTICE and NOTICE.match(text)
                heading = start if is_heading else None

    def _notice_in(self, start: int, end: int) -> int | None:
        starts = [at for at in range(start, end) if _begins_notice(self.lines[at])]
        for at in starts[:_MOST_STARTS]:
            if FOOTER.match(self.lines[at]) or _is_notice(self._joined(at, end)):
                return at
        return None

    def _paragraphs(self) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for at in self._texts():
            if found and found[-1][1] == at:
                found[-1] = (found[-1][0], at + 1)
            else:
                found.append((at, at + 1))
        return found

    def _joined(self, start: int, end: int) -> str:
        return " ".join(self.lines[start:end])[:_LONGEST_NOTICE]

    def _mark_contact(self, at: int) -> None:
        """Mark the letterhead below a closing phrase and a name."""
        closing = self._closing(at)
        name = self._next_text(at + 1) if closing else None
        if closing is None or name is None or name > at + 3 or self._closing(name):
            return
        has_name_below = _is_name(self.lines[name])
        if not has_name_below and not _is_name(closing["rest"]):
            return
        start = name + 1 if has_name_below else name
        self._mark(start, max(start, self._end_of_contact(start)))

    def _closing(self, at: int) -> re.Match[str] | None:
        line = self.lines[at].strip()
        return CLOSING.fullmatch(line) if len(line) <= _LONGEST_LINE else None

    def _end_of_contact(self, start: int) -> int:
        """The end of the last paragraph that a letterhead would hold."""
        end = start
        has_contact = False
        stop = min(start + _CONTACT_LINES, len(self.lines))
        for at in range(start, stop):
            line = self.lines[at]
            if not line.strip():
                has_contact = False
                continue
            if self.kinds[at] is not Kind.WRITTEN or _is_sentence(line):
                break
            if self._closing(at):
                # So the first was none: "Thanks Bob," may open a mail.
                return start
            starts = at > start and not self.lines[at - 1].strip()
            is_link = starts and bool(_LINK.fullmatch(line))
            has_contact = has_contact or (not is_link and bool(CONTACT.search(line)))
            if has_contact:
                end = at + 1
        return end

    def _next_text(self, at: int) -> int | None:
        for here in range(at, min(at + 4, len(self.lines))):
            if self.lines[here].strip():
                return here if self.kinds[here] is Kind.WRITTEN else None
        return None

    def _is_above(self, at: int, kind: Kind) -> bool:
        for here in range(at + 1, min(at + 4, len(self.lines))):
            if self.lines[here].strip():
                return self.kinds[here] is kind
        return False

    def _mark(self, start: int, end: int) -> None:
        for at in range(start, end):
            if self.kinds[at] is Kind.WRITTEN:
                self.kinds[at] = Kind.SIGNATURE


def _begins_notice(line: str) -> bool:
    return bool(FOOTER.match(line) or NOTICE.match(line))


def _is_notice(text: str) -> bool:
    found = {word.lower() for word in NOTICE_WORD.findall(text)}
    is_about_secrecy = bool(NOTICE_CORE.search(text))
    return is_about_secrecy and len(text) >= _LEAST_NOTICE and len(found) >= 2


def _is_name_alone(lines: list[str]) -> bool:
    return bool(lines) and _is_name(lines[0]) and not any(map(_is_sentence, lines))


def _is_name(line: str) -> bool:
    """Whether a line could be a name: few words, no figures, no sentence."""
    line = line.strip(" \t\xa0*_,")
    words = line.split()
    if not 1 <= len(words) <= _NAME_AT_MOST or len(line) > 60:
        return False
    if _NO_NAME.search(line):
        return False
    if words[-1][0].islower():
        return len(words) == 1
    lower = sum(word[0].islower() for word in words)
    return lower <= len(words) / 2 and line[-1] != "."


def _is_sentence(line: str) -> bool:
    """Whether somebody says something here, as nobody does in a letterhead."""
    line = line.strip()
    if any(pattern.match(line) for pattern in (POSTSCRIPT, _LISTED)):
        return True
    if BUSINESS.search(line) or line.endswith(_SENTENCE_ENDS):
        return True
    words = [word for word in line.split() if word.strip(".,;").isalpha()]
    lower = sum(word.islower() for word in words)
    if len(words) >= 4 and lower >= 0.6 * len(words) and lower >= 3:
        return True
    if len(line.split()) > 1 and _LAST_WORD.search(line):
        return True
    return len(line) > _LONGEST_LINE
