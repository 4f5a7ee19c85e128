"""What kind of automatic answer a mail is, and until when somebody is away."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from app.domain import mail_phrases as phrases
from app.domain.evidence_answers import (
    is_acknowledgement,
    is_answer_by_subject,
    is_challenge,
    is_marked_answer,
)
from app.domain.mail_signs import MailSigns
from app.domain.unified_message import Direction, UnifiedMessage

#: Notes are short; what stands below is the mail that they answer.
_MAX_NOTE = 3_000
#: Nobody is away for longer, so what is further off is another date.
_LONGEST_ABSENCE = timedelta(days=400)


class AutoReplyKind(StrEnum):
    ABSENCE = "absence"
    ACKNOWLEDGEMENT = "acknowledgement"
    """Our mail was received, and a person will see it."""
    CHALLENGE = "challenge"
    """Our mail waits until we prove that a person wrote it."""
    OTHER = "other"


class AutoReply(BaseModel):
    """An automatic answer to a mail of ours."""

    model_config = ConfigDict(frozen=True)

    kind: AutoReplyKind
    returns_on: date | None = None
    """The day that an absence note names: the first one back, or the last one away."""
    original_message_id: str | None = None


def auto_reply_of(message: UnifiedMessage) -> AutoReply | None:
    """Read a mail that a program sent in answer, or return None where it is none."""
    if message.sender.kind != "email" or message.direction is Direction.OUTBOUND:
        return None
    mail = MailSigns(message)
    kind = _kind(mail)
    if kind is None:
        return None
    last = message.references[-1] if message.references else None
    return AutoReply(
        kind=kind,
        returns_on=_return_date(mail) if kind is AutoReplyKind.ABSENCE else None,
        original_message_id=message.in_reply_to or last,
    )


def _kind(mail: MailSigns) -> AutoReplyKind | None:
    is_answer = is_marked_answer(mail) or is_answer_by_subject(mail)
    if is_challenge(mail):
        return AutoReplyKind.CHALLENGE
    if not is_answer:
        return AutoReplyKind.ACKNOWLEDGEMENT if is_acknowledgement(mail) else None
    note = mail.text[:_MAX_NOTE]
    if phrases.ABSENCE_SUBJECT.match(mail.subject) or phrases.ABSENCE_BODY.search(note):
        return AutoReplyKind.ABSENCE
    says_received = phrases.RECEIVED_SUBJECT.search(mail.subject)
    if says_received or phrases.RECEIVED_NOTE.search(note):
        return AutoReplyKind.ACKNOWLEDGEMENT
    return AutoReplyKind.OTHER


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january january jan januar jänner janvier janv enero ene gennaio gen janeiro"
            " januari stycznia ledna января",
            "february feb februar feber février févr febrero febbraio febbr fevereiro fev"
            " februari lutego února февраля",
            "march mar märz maerz mrz mars marzo março maart mrt marca března марта",
            "april apr avril avr abril abr aprile kwietnia dubna апреля",
            "may mai mayo maggio mag maio mei maj maja května мая",
            "june jun juni juin junio giugno giu junho czerwca června июня",
            "july jul juli juillet juil julio luglio lug julho lipca července июля",
            "august aug août aout agosto ago augustus augusti sierpnia srpna августа",
            "september sep sept septembre septiembre settembre set setembro września září"
            " сентября",
            "october oct oktober okt octobre octubre ottobre ott outubro out oktober"
            " października října октября",
            "november nov novembre noviembre novembro listopada listopadu ноября",
            "december dec dezember dez décembre déc diciembre dic dicembre dezembro"
            " december grudnia prosince декабря",
        ),
        1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_TURN = re.compile(
    r"\b(?:until|till|through|return(?:ing|s)?|back|again on|bis|ab|wieder|zurück|jusqu"
    r"|retour|à partir|hasta|regres\w+|vuelv\w+|de vuelta|fino|rientr\w+|torn\w+|até"
    r"|retorn\w+|tot|terug|vanaf|till och med|tillbaka|åter|indtil|til|tilbage|takaisin"
    r"|asti|do dnia|wracam|wrócę|do|zpět|по|до|вернусь|возвращ\w+)\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?P<iso>\b\d{4}-\d{2}-\d{2}\b)"
    r"|\b(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.(?:\s?(?P<y>\d{4}|\d{2})\b)?"
    r"|\b(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y2>\d{4}|\d{2})\b"
    rf"|\b(?P<d3>\d{{1,2}})(?:st|nd|rd|th|er|\.|º|ª)?(?: of| de)? (?P<m3>{_MONTH})\b\.?"
    r"(?:,? (?:de )?(?P<y3>\d{4}))?"
    rf"|\b(?P<m4>{_MONTH})\b\.? (?P<d4>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<y4>\d{{4}}))?"
    r"|(?:(?P<y5>\d{4})年)?(?P<m5>\d{1,2})月(?P<d5>\d{1,2})[日号]",
    re.IGNORECASE,
)
#: How far before a date stands what makes it the one of the return.
_NEAR = 60


def _return_date(mail: MailSigns) -> date | None:
    """The last date that stands behind a word of returning."""
    sent = mail.message.sent_at
    text = f"{mail.subject}\n{mail.text[:_MAX_NOTE]}"
    found: list[date] = []
    for match in _DATE.finditer(text):
        before = text[max(0, match.start() - _NEAR) : match.start()]
        is_asian = match["m5"] is not None
        if not is_asian and not _TURN.search(before):
            continue
        start = sent.date() if sent else None
        found += [
            day
            for day in _days(match, start)
            if start is None or start <= day <= start + _LONGEST_ABSENCE
        ]
    return max(found, default=None)


def _days(match: re.Match[str], sent: date | None) -> Iterator[date]:
    year, month, day = _numbers(match)
    if not year and sent is None:
        return
    years = [year] if year else [sent.year, sent.year + 1] if sent else []
    for each in years:
        try:
            found = date(each + 2000 if each < 100 else each, month, day)
        except ValueError:
            continue
        if year or sent is None or found >= sent:
            yield found
            return


def _numbers(match: re.Match[str]) -> tuple[int, int, int]:
    """Year (0 where it is left out), month and day; impossible ones where unsure."""
    if match["iso"]:
        year, month, day = match["iso"].split("-")
        return int(year), int(month), int(day)
    if match["d"]:
        return int(match["y"] or 0), int(match["m"]), int(match["d"])
    if match["a"]:
        first, second, year = int(match["a"]), int(match["b"]), int(match["y2"])
        # Which one is the month differs by country, unless one of them cannot be.
        if first > 12:
            return year, second, first
        return (year, first, second) if second > 12 or first == second else (1, 0, 0)
    for number in "34":
        if match[f"m{number}"]:
            month_name = match[f"m{number}"].lower()
            year = int(match[f"y{number}"] or 0)
            return year, _MONTHS[month_name], int(match[f"d{number}"])
    return int(match["y5"] or 0), int(match["m5"]), int(match["d5"])
