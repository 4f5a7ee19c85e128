"""What a mail server says of a failed delivery in words of its own.

Each server has its own text, and they change. Common to all is that the address stands
at the start of a line or behind a label, the reason near it, and the returned mail below.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.delivery_cause import Cause, cause_of, quotes_reply
from app.domain.mail_ids import message_id
from app.domain.reply_phrases import CUT, LABELS

#: Where servers say what they have to say; below it stands what they return.
_MAX_TEXT = 400_000
_MAX_LINES = 400
_MAX_LINE = 600
_MAX_REASON = 500
_REASON_LINES = 8
MAX_MENTIONS = 100

_ADDRESS = re.compile(
    r"(?<![\w.+=@-])[\w.!#$%&*+/=?^`{}~-]{1,100}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}"
)
_FIRST = re.compile(
    r"[\s>|*•·–\"'<\[(-]{0,20}(?:\d{1,3}[.)]\s*)?(?:(?:smtp|mailto|rfc822)[:;]\s*)?"
    r"(?=[^\s@]{1,100}@)",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:\b(?:to|recipients?|address(?:es)?|addressed|user(?:id| name)?|mailbox|account"
    r"|an|für|à|a|para|per|till|til|aan|voor|do|empf[äa]nger\w*|destinataires?"
    r"|destinatari[oa]s?|ontvangers?|получател\w*|адрес\w*|failed|attempts)"
    r"|宛先|あて先|收件人|받는 사람)\s*(?:address\s*)?[:：=]?\s*[\"'‘“<\[(]{0,3}"
    r"(?:mailto:|smtp:|rfc822;\s*)?$",
    re.IGNORECASE,
)
#: Whose address stands there for another reason: whom to ask, who wrote.
_NOT_THE_RECIPIENT = re.compile(
    r"message-?id|mail from|envelope.?from|\bfrom\s*[:=<]|sender\b|reply-?to|contact"
    r"|assist|support|question|\bhelp|forward (?:this|the)|return-path|\bfor help"
    r"|^\W*(?:from|von|de|da|van|subject|sent by|cc|x-[\w-]+|received)\s*[:：]",
    re.IGNORECASE,
)
_ABOUT_OURS = re.compile(r"\W{0,6}(?:subject|to|from|date|sent|cc)\s*:", re.IGNORECASE)
_BEHIND_ALIAS = re.compile(r"\(?(?:expanded|generated) from:?", re.IGNORECASE)
_COPY = re.compile(
    r"[ \t>]{0,8}[-=*_#. ]{0,60}(?:"
    r"(?:below this line|this|enclosed|here|included|below|following|attached|what follows)"
    r" (?:is|are|contains) (?:a|the) copy of[^\n]{0,120}"
    r"|(?:(?:the|your) )?original (?:message|mail|e-?mail)(?: as)?(?: follows| headers?"
    r"(?: follow)?)?"
    r"|(?:un(?:sent|delivered)|returned|rejected|bounced|failed) (?:message|mail)"
    r"(?: follows| below| headers?)?"
    r"|(?:start of )?returned message|(?:the )?(?:message|mail|original) headers? follow"
    r"|headers? of (?:the|your) (?:original )?(?:message|mail)|message contents? follows?"
    r"|your (?:message|mail)(?: text)? follows|kopie der nachricht|copie du message"
    r"|original(?:e|er)? (?:nachrichten)?(?:kopf|header)\w*"
    r")[^\w\n]{0,80}",
    re.IGNORECASE,
)
_TRACE = re.compile(
    r"^[ \t>|]{0,8}(?:received|return-path|x-received|dkim-signature|mime-version"
    r"|delivered-to):[ \t]",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER = re.compile(r"[ \t>|]{0,8}[A-Za-z][\w-]{1,40}:[ \t]")
_ID = re.compile(
    r"^[ \t>|]{0,8}(?:original[ -]|internet )?message-?id[ \t]*[:：][ \t]*"
    r"\n?[ \t>|]{0,8}(<?[^\s<>]{1,900}>?)",
    re.IGNORECASE | re.MULTILINE,
)
_SUBJECT_IN_WORDS = re.compile(
    r"subject of the message is:\s*([^\n]{1,400})", re.IGNORECASE
)
_TO = re.compile(r"^[ \t>|]{0,8}to[ \t]*[:：][ \t]*([^\n]{1,2000})", re.I | re.M)
_SERVER = re.compile(
    r"(?:generating server:|qmail-send program at|mail system at host|postfix program at"
    r" host|smtp relay on|mail agent v[\d.]{1,20} at|^message from)\s{1,5}"
    r"([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})",
    re.IGNORECASE | re.MULTILINE,
)
_HELP = re.compile(r"<?https?://[^\s<>]{1,500}>?|<mailto:[^<>\s]{1,300}>")
_FOLD = re.compile(r"\n[ \t]+")


@dataclass(frozen=True)
class Mention:
    """An address that a server names as one it could not serve."""

    address: str
    reason: str | None
    original_address: str | None = None
    """The alias that was written to, where the server tells."""


@dataclass(frozen=True)
class Notice:
    """The text of a server, and what it returns below of our mail."""

    said: str
    returned: str

    def mentions(self, *, ignored: frozenset[str]) -> list[Mention]:
        """Return the recipients it speaks of; `ignored` are addresses in lower case."""
        lines = [line[:_MAX_LINE] for line in self.said.split("\n")[:_MAX_LINES]]
        for ranked in (_leading, _labelled, _beside_code, _any):
            found = [
                (at, address)
                for at, address in ranked(lines)
                if address.lower() not in ignored
            ]
            if found:
                return _with_reasons(lines, found)
        return []

    @property
    def reason(self) -> str | None:
        """What the server gives as the reason, whoever it concerns."""
        lines = [line[:_MAX_LINE] for line in self.said.split("\n")[:_MAX_LINES]]
        return _reason_anywhere(lines, None)

    @property
    def original_id(self) -> str | None:
        """The Message-ID of the mail it returns."""
        found = _ID.search(self.returned) or _ID.search(self.said)
        return message_id(found[1]) if found else None

    @property
    def original_to(self) -> str | None:
        """The To of the mail it returns."""
        found = _TO.search(self.returned)
        return found[1] if found else None

    @property
    def server(self) -> str | None:
        """The server by the name it gives itself."""
        found = _SERVER.search(self.said)
        return found[1] if found else None

    @property
    def original_subject(self) -> str | None:
        for text in (self.returned, self.said):
            for line in _FOLD.sub(" ", text[:50_000]).split("\n"):
                label, _, subject = (
                    line.strip(" \t>|").replace("：", ":").partition(":")
                )
                is_subject = LABELS.get("".join(label.lower().split())) == "subject"
                if is_subject and subject.strip():
                    return subject.strip()
        found = _SUBJECT_IN_WORDS.search(self.said)
        return found[1].strip() if found else None


def read_notice(text: str) -> Notice:
    """Tell what the server says from what it returns."""
    text = text[:_MAX_TEXT]
    trace = _TRACE.search(text)
    end = _block_start(text, trace.start()) if trace else len(text)
    at = 0
    for line in text[:end].split("\n"):
        is_copy = _COPY.fullmatch(line.rstrip()) or (
            len(line) < 200 and CUT.fullmatch(line.strip())
        )
        if is_copy and text[:at].strip():
            end = at
            break
        at += len(line) + 1
    if not text[:end].strip():
        return Notice(said=text, returned=text)
    return Notice(said=text[:end], returned=text[end:])


def _block_start(text: str, at: int) -> int:
    """The returned headers may begin with others than the ones looked for."""
    while at > 0:
        above = text.rfind("\n", 0, at - 1) + 1
        if not _HEADER.match(text, above, at):
            break
        at = above
    return at


def _leading(lines: list[str]) -> Iterator[tuple[int, str]]:
    for at, line in enumerate(lines):
        start = None if _BEHIND_ALIAS.match(line.strip()) else _FIRST.match(line)
        found = _ADDRESS.match(line, start.end()) if start else None
        if found:
            yield at, _clean(found[0])


def _labelled(lines: list[str]) -> Iterator[tuple[int, str]]:
    for at, line in _plain_lines(lines):
        for found in _ADDRESS.finditer(line):
            if _LABEL.search(line[max(0, found.start() - 60) : found.start()]):
                yield at, _clean(found[0])


def _beside_code(lines: list[str]) -> Iterator[tuple[int, str]]:
    for at, line in _plain_lines(lines):
        if quotes_reply(line):
            for found in _ADDRESS.finditer(line):
                yield at, _clean(found[0])


def _any(lines: list[str]) -> Iterator[tuple[int, str]]:
    for at, line in _plain_lines(lines):
        for found in _ADDRESS.finditer(line):
            yield at, _clean(found[0])


def _plain_lines(lines: list[str]) -> Iterator[tuple[int, str]]:
    for at, line in enumerate(lines):
        if "@" in line and not _NOT_THE_RECIPIENT.search(line):
            yield at, line


def _clean(address: str) -> str:
    return address.rstrip(".-").strip("'`")


def _with_reasons(lines: list[str], found: list[tuple[int, str]]) -> list[Mention]:
    mentions: dict[str, Mention] = {}
    starts = [at for at, _ in found] + [len(lines)]
    for number, (at, address) in enumerate(found[: 4 * MAX_MENTIONS]):
        key = address.lower()
        end = next((start for start in starts[number:] if start > at), len(lines))
        own = _reason_after(lines, at, min(end, at + 30), address)
        known = mentions.get(key)
        if known is not None and (known.reason or not own):
            continue
        if known is not None or len(mentions) < MAX_MENTIONS:
            mentions[key] = Mention(address, own, _alias(lines, at, end, key))
    alone = len(mentions) == 1
    return [
        each
        if each.reason and _tells(each.reason)
        else Mention(
            each.address,
            _reason_anywhere(lines, None if alone else each.address) or each.reason,
            each.original_address,
        )
        for each in mentions.values()
    ]


def _reason_after(lines: list[str], at: int, end: int, address: str) -> str | None:
    """What stands behind the address and in the lines that follow it."""
    rest = lines[at].partition(address)[2].strip(" \t>)]}\"'”’:;.,-")
    words = [rest] if rest else []
    for line in lines[at + 1 : end]:
        if _ABOUT_OURS.match(line):
            break
        if not line.strip():
            if words:
                break
            continue
        if not _BEHIND_ALIAS.match(line.strip()):
            words.append(line)
        if len(words) == _REASON_LINES:
            break
    return _bounded(words)


def _reason_anywhere(lines: list[str], address: str | None) -> str | None:
    """The first answer of a server that is quoted, or that tells why in words."""
    for is_reason in (quotes_reply, _names_cause):
        for at, line in enumerate(lines):
            if is_reason(line) and (address is None or address in line):
                words = [line]
                for more in lines[at + 1 : at + _REASON_LINES]:
                    if not more.strip():
                        break
                    words.append(more)
                return _bounded(words)
    return None


def _alias(lines: list[str], at: int, end: int, key: str) -> str | None:
    for line in lines[at:end]:
        if alias := _BEHIND_ALIAS.search(line):
            found = _ADDRESS.search(line, alias.end())
            return _clean(found[0]) if found and found[0].lower() != key else None
    return None


def _tells(reason: str) -> bool:
    return quotes_reply(reason) or _names_cause(reason)


def _names_cause(text: str) -> bool:
    return cause_of(None, text) is not Cause.UNKNOWN


def _bounded(words: list[str]) -> str | None:
    text = " ".join(_HELP.sub(" ", " ".join(words)).split())
    return text[:_MAX_REASON].strip("()[] ") or None
