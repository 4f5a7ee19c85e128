"""Scores what the evidence says of mails whose kind is known."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.decision import ASKS_NOTHING
from app.domain.evidence import evidence_of
from app.domain.mail import read_mail
from evaluation.measures import Share, percent
from evaluation.report import Floor, Progress, Report, Sheet, no_progress
from evaluation.rows import Row, read_rows
from evaluation.spread import batched, spread

HUMAN = "human"
LABELS = (HUMAN, "newsletter", "notification", "spam")
#: What evidence leaves to others.
OPEN = "open"
FAILED = "exception"

MOST_HUMAN_HIDDEN = 0.005
FEWEST_BOUNCES_RECOGNISED = 0.98
#: How corpora name what a mail server says of a mail it could not deliver.
_BOUNCES = ("bounce", "delivery-status", "delivery-report", "dsn", "ndr")
#: Mails that are named per finding.
SHOWN = 5


@dataclass(frozen=True)
class Verdict:
    """One mail: what it is, and what the evidence says."""

    name: str
    position: int
    label: str
    subtype: str
    source: str
    category: str
    rule: str

    @property
    def is_bounce(self) -> bool:
        return self.subtype.lower().replace("_", "-").startswith(_BOUNCES)

    @property
    def is_automatic(self) -> bool:
        """Whether the product would handle it without a person."""
        return self.category in ASKS_NOTHING


def score_triage(path: Path, *, progress: Progress = no_progress) -> Report:
    """Judge every row of a labelled corpus.

    Raises InvalidInput where a row has no known label or no mail.
    """
    verdicts: list[Verdict] = []
    for judged in spread(judge_batch, batched(read_rows(path), _size)):
        verdicts += judged
        progress(len(verdicts), judged[-1].position)
    human = [one for one in verdicts if one.label == HUMAN]
    hidden = [one for one in human if one.is_automatic]
    bounces = [one for one in verdicts if one.is_bounce]
    missed = [one for one in bounces if one.category != "notification"]
    failed = sum(one.category == FAILED for one in verdicts)
    floors = [Floor("exceptions while judging mail", failed, 0, True)]
    if human:
        share = len(hidden) / len(human)
        floors.append(Floor("human called automatic", share, MOST_HUMAN_HIDDEN, True))
    if bounces:
        share = 1 - len(missed) / len(bounces)
        floors.append(Floor("bounces recognised", share, FEWEST_BOUNCES_RECOGNISED))
    return Report(
        scoring="triage",
        corpus=path.name,
        sheets=[
            _hidden_sheet(human),
            _confusion_sheet(verdicts),
            _bounce_sheet(bounces),
            _rule_sheet(verdicts),
        ],
        record=_record(verdicts, human, bounces),
        floors=floors,
    )


def judge_batch(rows: list[Row]) -> list[Verdict]:
    """Ask the evidence about the mails of rows."""
    return [_judge(row) for row in rows]


def _judge(row: Row) -> Verdict:
    label = row.text("label")
    if label not in LABELS:
        raise row.fault(f"label is none of {', '.join(LABELS)}")
    category, rule = _verdict(row.raw())
    return Verdict(
        name=row.name,
        position=row.position,
        label=label,
        subtype=row.label("subtype"),
        source=row.label("source"),
        category=category,
        rule=rule,
    )


def _verdict(raw: bytes) -> tuple[str, str]:
    """The category that the evidence names, and by which rule."""
    try:
        judgement = evidence_of(read_mail(raw))
    except Exception as error:  # noqa: BLE001 — whatever it is, it must not happen
        return FAILED, type(error).__name__
    if judgement is None:
        return OPEN, OPEN
    # "evidence/1:bounce"
    return judgement.category.value, judgement.source.rpartition(":")[2]


def _size(row: Row) -> int:
    return len(row.fields.get("raw") or "")


def _by_source(verdicts: Iterable[Verdict]) -> dict[tuple[str, ...], list[Verdict]]:
    found: dict[tuple[str, ...], list[Verdict]] = defaultdict(list)
    for one in verdicts:
        found[one.source, one.label, one.subtype].append(one)
    return dict(sorted(found.items()))


def _hidden_sheet(human: Sequence[Verdict]) -> Sheet:
    sources: dict[str, list[Verdict]] = defaultdict(list)
    for one in human:
        sources[one.source].append(one)
    rows = []
    for source, theirs in (("all", human), *sorted(sources.items())):
        hidden = [one for one in theirs if one.is_automatic]
        share = Share(len(hidden), len(theirs))
        low, high = share.interval
        rules = Counter(one.rule for one in hidden)
        rows.append(
            (
                source,
                share.of,
                share.count,
                percent(share.value),
                f"{percent(low)} to {percent(high)}",
                _listed(rules),
                ", ".join(one.name for one in hidden[:SHOWN]),
            )
        )
    return Sheet(
        "human mail called automatic",
        ("source", "human", "hidden", "share", "95 % interval", "rules", "rows"),
        rows,
    )


def _confusion_sheet(verdicts: Sequence[Verdict]) -> Sheet:
    categories = [OPEN, *sorted({one.category for one in verdicts} - {OPEN})]
    rows = []
    for key, theirs in _by_source(verdicts).items():
        counts = Counter(one.category for one in theirs)
        rows.append((*key, *(counts[category] for category in categories)))
    return Sheet(
        "verdicts by source", ("source", "label", "subtype", *categories), rows
    )


def _bounce_sheet(bounces: Sequence[Verdict]) -> Sheet:
    rows = []
    for (source, _, subtype), theirs in _by_source(bounces).items():
        missed = [one for one in theirs if one.category != "notification"]
        share = Share(len(theirs) - len(missed), len(theirs))
        rows.append(
            (
                source,
                subtype,
                str(share),
                _listed(Counter(one.rule for one in theirs)),
                ", ".join(f"{one.name} ({one.category})" for one in missed[:SHOWN]),
            )
        )
    return Sheet(
        "bounces recognised",
        ("source", "subtype", "recognised", "rules", "missed rows"),
        rows,
    )


def _rule_sheet(verdicts: Sequence[Verdict]) -> Sheet:
    return Sheet(
        "rules",
        ("rule", "fires", "on human mail", "precision", "of its category", "labels"),
        [
            (
                rule,
                one["fires"],
                one["on_human"],
                percent(one["precision"]),
                percent(one["of_its_category"]),
                _listed(one["labels"]),
            )
            for rule, one in _rules(verdicts).items()
        ],
    )


def _rules(verdicts: Iterable[Verdict]) -> dict[str, dict[str, Any]]:
    """Per rule, the busiest first: how often it spoke, and how often that was right."""
    spoken: dict[str, list[Verdict]] = defaultdict(list)
    for one in verdicts:
        if one.category not in {OPEN, FAILED}:
            spoken[one.rule].append(one)
    table = {}
    for rule, theirs in sorted(spoken.items(), key=lambda one: -len(one[1])):
        labels = Counter(one.label for one in theirs)
        right = sum(one.label == one.category for one in theirs)
        table[rule] = {
            "fires": len(theirs),
            "on_human": labels[HUMAN],
            "precision": 1 - labels[HUMAN] / len(theirs),
            "of_its_category": right / len(theirs),
            "labels": labels,
        }
    return table


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _record(
    verdicts: Sequence[Verdict], human: Sequence[Verdict], bounces: Sequence[Verdict]
) -> dict[str, Any]:
    hidden = [one for one in human if one.is_automatic]
    recognised = [one for one in bounces if one.category == "notification"]
    return {
        "rows": len(verdicts),
        "exceptions": [one.name for one in verdicts if one.category == FAILED],
        "human_called_automatic": {
            **Share(len(hidden), len(human)).record(),
            "rules": Counter(one.rule for one in hidden),
            "rows": [one.name for one in hidden],
        },
        "bounces_recognised": {
            **Share(len(recognised), len(bounces)).record(),
            "missed_rows": [one.name for one in bounces if one not in recognised],
        },
        "by_source": [
            {
                "source": source,
                "label": label,
                "subtype": subtype,
                "verdicts": Counter(one.category for one in theirs),
                "rules": Counter(one.rule for one in theirs),
            }
            for (source, label, subtype), theirs in _by_source(verdicts).items()
        ],
        "rules": _rules(verdicts),
    }
