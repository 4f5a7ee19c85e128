"""Scores what is kept of a reply against what its writer wrote, line by line."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.html_text import text_of_html
from app.domain.mail import read_mail
from app.domain.mail_text import split_reply
from evaluation.measures import Match, Share, percent
from evaluation.report import Progress, Report, Sheet, no_progress
from evaluation.rows import Row, read_rows
from evaluation.spread import batched, spread

#: Of the worst replies so many are named.
SHOWN = 10


@dataclass(frozen=True)
class Split:
    """One reply: how the lines that were kept agree with those that were written."""

    name: str
    position: int
    language: str
    client: str
    source: str
    match: Match
    is_exact: bool

    @property
    def lost(self) -> int:
        """Lines of the writer that are hidden."""
        return self.match.true - self.match.both

    @property
    def left(self) -> int:
        """Quoted or signed lines that are shown."""
        return self.match.found - self.match.both


def score_replies(path: Path, *, progress: Progress = no_progress) -> Report:
    """Split every reply of a corpus.

    Raises InvalidInput where a row has no `visible`, or neither `raw` nor `text` nor `html`.
    """
    splits: list[Split] = []
    for batch in spread(split_batch, batched(read_rows(path), _size)):
        splits += batch
        progress(len(splits), batch[-1].position)
    groups = [
        ("all", {"all": splits}),
        ("language", _grouped(splits, lambda one: one.language)),
        ("client", _grouped(splits, lambda one: one.client)),
        ("source", _grouped(splits, lambda one: one.source)),
    ]
    worst = sorted(
        (one for one in splits if not one.is_exact),
        key=lambda one: (-one.lost, -one.left, one.position),
    )
    return Report(
        scoring="replies",
        corpus=path.name,
        sheets=[
            Sheet(
                "visible lines of replies",
                (
                    "by",
                    "",
                    "replies",
                    "precision",
                    "recall",
                    "F1",
                    "exact",
                    "with lines lost",
                    "with lines left",
                ),
                [
                    _line(by, name, theirs)
                    for by, named in groups
                    for name, theirs in named.items()
                ],
            ),
            Sheet(
                "replies split worst",
                ("reply", "lines lost", "lines left", "language", "client"),
                [
                    (one.name, one.lost, one.left, one.language, one.client)
                    for one in worst[:SHOWN]
                ],
            ),
        ],
        record={
            **{
                f"by_{by}" if by != "all" else "replies": {
                    name: _group_record(theirs) for name, theirs in named.items()
                }
                for by, named in groups
            },
            "worst": [
                {"reply": one.name, "lines_lost": one.lost, "lines_left": one.left}
                for one in worst[:SHOWN]
            ],
        },
    )


def split_batch(rows: list[Row]) -> list[Split]:
    """Split the replies of rows."""
    return [_split(row) for row in rows]


def _split(row: Row) -> Split:
    found = _lines(split_reply(_text_of(row)).visible)
    true = _lines(row.text("visible"))
    both = (Counter(found) & Counter(true)).total()
    return Split(
        name=row.name,
        position=row.position,
        language=row.label("language"),
        client=row.label("client"),
        source=row.label("source"),
        match=Match(both, len(found), len(true)),
        is_exact=found == true,
    )


def _text_of(row: Row) -> str:
    """The text as the product would have it before it splits it."""
    if "raw" in row.fields:
        return read_mail(row.raw()).body_text or ""
    if "text" in row.fields:
        return row.text("text")
    return text_of_html(row.text("html"))


def _lines(text: str) -> list[str]:
    """The lines that say something, with their blanks made alike."""
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return [line for line in lines if line]


def _size(row: Row) -> int:
    return sum(len(value) for value in row.fields.values() if isinstance(value, str))


def _grouped(
    splits: Iterable[Split], key: Callable[[Split], str]
) -> dict[str, list[Split]]:
    found: dict[str, list[Split]] = defaultdict(list)
    for one in splits:
        found[key(one)].append(one)
    return dict(sorted(found.items()))


def _line(by: str, name: str, splits: Sequence[Split]) -> tuple[object, ...]:
    match = _total(splits)
    exact = Share(sum(one.is_exact for one in splits), len(splits))
    return (
        by,
        name,
        len(splits),
        f"{match.precision:.4f}",
        f"{match.recall:.4f}",
        f"{match.f1:.4f}",
        percent(exact.value),
        sum(one.lost > 0 for one in splits),
        sum(one.left > 0 for one in splits),
    )


def _group_record(splits: Sequence[Split]) -> dict[str, Any]:
    return {
        "replies": len(splits),
        **_total(splits).record(),
        "exact": Share(sum(one.is_exact for one in splits), len(splits)).record(),
        "with_lines_lost": sum(one.lost > 0 for one in splits),
        "with_lines_left": sum(one.left > 0 for one in splits),
    }


def _total(splits: Iterable[Split]) -> Match:
    return sum((one.match for one in splits), Match(0, 0, 0))
