"""Scores how mails are read: what fails, what is damaged, what it costs."""

import re
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.domain.mail import AttachedParts, read_mail
from app.domain.scrub import scrub_text
from app.domain.unified_message import UnifiedMessage
from evaluation.files import files_of
from evaluation.mails import Specimen, read_mails
from evaluation.measures import Share, percent, percentile
from evaluation.report import Floor, Progress, Report, Sheet, no_progress
from evaluation.spread import batched, spread

EXCEPTION = "exception"
UNSTORABLE = "NUL or half a character left in the result"
REPLACED = "replacement characters that the raw mail has not"
REPLACED_IN_RAW = "replacement characters, as in the raw mail"
EMPTY = "nothing in it"
NO_TEXT = "no text, but files"
NOT_FETCHED = "an attachment that cannot be fetched again"
FILES_MISSING = "fewer files than the standard library finds"
NOT_COMPARED = "files not counted: too much for the standard library"
#: In the order in which they are shown.
FINDINGS = (
    UNSTORABLE,
    REPLACED,
    REPLACED_IN_RAW,
    EMPTY,
    NO_TEXT,
    NOT_FETCHED,
    FILES_MISSING,
    NOT_COMPARED,
)

#: Mails that are named per finding, and the slowest ones.
SHOWN = 5
#: Each is looked up in the whole mail anew.
_FETCHED = 20

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_IN_RAW = re.compile(rb"\xef\xbf\xbd|=EF=BF=BD|\0|=00", re.IGNORECASE)
_LABEL = re.compile(r"unknown charset [\w.:-]+")


@dataclass(frozen=True)
class Reading:
    """What came of one mail."""

    name: str
    size: int
    position: int
    seconds: float = 0.0
    """Of processor time: what else runs on the machine does not count."""
    findings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    """The parts of `decode_error`."""
    attachments: int = 0


@dataclass
class _Tally:
    mails: int = 0
    size: int = 0
    attachments: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    faulty: int = 0
    named: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    slowest: list[Reading] = field(default_factory=list)

    def add(self, reading: Reading) -> None:
        self.mails += 1
        self.size += reading.size
        self.attachments += reading.attachments
        self.findings.update(reading.findings)
        self.faults.update(reading.faults)
        self.faulty += bool(reading.faults)
        for one in (*reading.findings, *reading.faults):
            if len(self.named[one]) < SHOWN:
                self.named[one].append(reading.name)
        self.seconds.append(reading.seconds)
        self.slowest = sorted([*self.slowest, reading], key=lambda one: -one.seconds)[
            :SHOWN
        ]


def score_parsing(path: Path, *, progress: Progress = no_progress) -> Report:
    """Read every mail of a corpus."""
    tally = _Tally()
    batches = batched(read_mails(path), lambda one: len(one.mail.raw))
    for readings in spread(read_batch, batches):
        for reading in readings:
            tally.add(reading)
        progress(tally.mails, readings[-1].position)
    exceptions = _exceptions(tally)
    return Report(
        scoring="parsing",
        corpus=path.name,
        sheets=_sheets(tally),
        record=_record(tally),
        floors=[
            Floor("exceptions while reading mail", sum(exceptions.values()), 0, True)
        ],
    )


def read_batch(specimens: list[Specimen]) -> list[Reading]:
    """Read mails and look at what came of them."""
    return [_read(one) for one in specimens]


def _read(specimen: Specimen) -> Reading:
    raw = specimen.mail.raw
    known = (specimen.name, len(raw), specimen.mail.position)
    started = time.process_time()
    try:
        message = read_mail(raw)
        seconds = time.process_time() - started
        found = tuple(findings(raw, message))
    except Exception as error:  # noqa: BLE001 — whatever it is, it must not happen
        seconds = time.process_time() - started
        kind = f"{EXCEPTION}: {type(error).__name__}"
        return Reading(*known, seconds, findings=(kind,))
    return Reading(
        *known,
        seconds,
        findings=found,
        faults=tuple(_faults(message)),
        attachments=len(message.attachments),
    )


def findings(raw: bytes, message: UnifiedMessage) -> Iterator[str]:
    """What is wrong or odd about what was made of a mail."""
    texts = list(_texts(message.model_dump()))
    if any(scrub_text(text) != text for text in texts):
        yield UNSTORABLE
    if any(_REPLACEMENT in text for text in texts):
        yield REPLACED_IN_RAW if _IN_RAW.search(raw) else REPLACED
    if not (message.body_text or message.body_html):
        yield NO_TEXT if message.attachments else EMPTY
    if not _can_fetch(raw, message):
        yield NOT_FETCHED
    files = files_of(raw)
    if files is None:
        yield NOT_COMPARED
    elif files > len(message.attachments):
        yield FILES_MISSING


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(name)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _can_fetch(raw: bytes, message: UnifiedMessage) -> bool:
    places = message.metadata.get("attachment_places", [])
    if len(places) != len(message.attachments):
        return False
    parts = AttachedParts(raw)
    for place, attachment in list(zip(places, message.attachments, strict=True))[
        :_FETCHED
    ]:
        content = parts.content(place)
        if content is None or len(content) != attachment.size:
            return False
    return True


def _faults(message: UnifiedMessage) -> Iterator[str]:
    for fault in str(message.metadata.get("decode_error", "")).split("; "):
        if fault.startswith("unknown charset") and not _LABEL.fullmatch(fault):
            # What stands there instead of a label may be anything.
            yield "unknown charset (no label)"
        elif fault:
            yield fault


def _exceptions(tally: _Tally) -> dict[str, int]:
    return {
        finding: count
        for finding, count in tally.findings.items()
        if finding.startswith(EXCEPTION)
    }


def _sheets(tally: _Tally) -> list[Sheet]:
    ordered = sorted(tally.seconds)
    findings = {**_exceptions(tally), **{one: tally.findings[one] for one in FINDINGS}}
    return [
        Sheet(
            "reading mail",
            (
                "mails",
                "MB",
                "exceptions",
                "decode errors",
                "p50 ms",
                "p99 ms",
                "max ms",
            ),
            [
                (
                    tally.mails,
                    f"{tally.size / 1e6:.1f}",
                    sum(_exceptions(tally).values()),
                    f"{tally.faulty} ({percent(Share(tally.faulty, tally.mails).value)})",
                    *(
                        f"{1000 * percentile(ordered, share):.1f}"
                        for share in (0.5, 0.99, 1.0)
                    ),
                )
            ],
        ),
        Sheet(
            "findings",
            ("mails", "share", "finding", "for example"),
            [
                (
                    count,
                    percent(Share(count, tally.mails).value),
                    one,
                    ", ".join(tally.named[one]),
                )
                for one, count in findings.items()
            ],
        ),
        Sheet(
            "decode errors by cause",
            ("mails", "share", "cause", "for example"),
            [
                (
                    count,
                    percent(Share(count, tally.mails).value),
                    fault,
                    ", ".join(tally.named[fault]),
                )
                for fault, count in tally.faults.most_common()
            ],
        ),
        Sheet(
            "slowest mails",
            ("ms", "bytes", "mail"),
            [
                (f"{1000 * one.seconds:.1f}", one.size, one.name)
                for one in tally.slowest
            ],
        ),
    ]


def _record(tally: _Tally) -> dict[str, Any]:
    ordered = sorted(tally.seconds)
    return {
        "mails": tally.mails,
        "bytes": tally.size,
        "exceptions": _exceptions(tally),
        "attachments": tally.attachments,
        "findings": {one: tally.findings[one] for one in FINDINGS},
        "decode_errors": Share(tally.faulty, tally.mails).record(),
        "decode_errors_by_cause": dict(tally.faults.most_common()),
        "examples": {one: names for one, names in tally.named.items() if names},
        "milliseconds": {
            name: round(1000 * percentile(ordered, share), 3)
            for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        },
        "slowest": [
            {
                "mail": one.name,
                "bytes": one.size,
                "milliseconds": round(1000 * one.seconds, 3),
            }
            for one in tally.slowest
        ],
    }
