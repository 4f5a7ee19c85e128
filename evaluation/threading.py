"""Scores conversations against the true threads, in file order and in random ones."""

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.channels.mailbox import Mail
from app.errors import InvalidInput
from app.runtime import Runtime
from evaluation.causes import causes
from evaluation.mails import read_mails
from evaluation.measures import Match, Share, percent
from evaluation.partition import (
    Groups,
    Mixed,
    differing_pairs,
    exact,
    match_pairs,
    mixed,
)
from evaluation.pipeline import Placed, send_through
from evaluation.report import Floor, Progress, Report, Sheet, no_progress
from evaluation.spool import spooled
from evaluation.truth import Truth, read_truth

LOWEST_F1 = 0.98
#: Of the worst groups so many are shown.
SHOWN = 10


@dataclass(frozen=True)
class Run:
    """What became of a mailbox that came in one order."""

    order: str
    groups: Groups
    events: int
    duplicates: int
    unplaced: int
    sharing: int
    """Mails that share their Message-ID with another: the truth cannot tell them apart."""
    match: Match
    exact: Share
    replies: Share
    """Replies that stand with what they answer."""
    split: list[Mixed]
    merged: list[Mixed]
    split_causes: Counter[str]
    merged_causes: Counter[str]
    changed: int
    """Pairs that stand together in file order and not in this one, or the other way round."""
    seconds: float


def score_threading(
    runtime: Runtime,
    path: Path,
    truth_path: Path,
    *,
    backwards: bool = False,
    seeds: Sequence[int] = (),
    progress: Progress = no_progress,
) -> Report:
    """Send a mailbox through the pipeline in file order, `backwards`, and per seed in a random order.

    Providers hand out a mailbox newest first, so backwards is how most imports arrive.

    Raises InvalidInput where the truth speaks of none of these mails.
    """
    truth = read_truth(truth_path)
    with spooled() as spool:
        mails = (one.mail for one in read_mails(path))
        first = _run(runtime, "file", spool.keeping(mails), truth, None, progress)
        if not first.groups.keys() & truth.threads.keys():
            raise InvalidInput(f"{truth_path} speaks of no mail of {path}")
        runs = [first]
        for name, order in _orders(len(spool), backwards, seeds):
            taken = spool.take(order)
            runs.append(_run(runtime, name, taken, truth, first.groups, progress))
    return Report(
        scoring="threading",
        corpus=path.name,
        sheets=_sheets(runs, truth),
        record={
            "not_in_truth": len(first.groups.keys() - truth.threads.keys()),
            "not_in_mailbox": len(truth.threads.keys() - first.groups.keys()),
            "disputed_in_truth": truth.disputed,
            "runs": [_record(run) for run in runs],
        },
        floors=_floors(runs),
    )


def _orders(
    count: int, backwards: bool, seeds: Sequence[int]
) -> Iterator[tuple[str, Sequence[int]]]:
    if backwards:
        yield "backwards", range(count - 1, -1, -1)
    for seed in seeds:
        order = list(range(count))
        random.Random(seed).shuffle(order)
        yield f"seed {seed}", order


def _run(
    runtime: Runtime,
    order: str,
    mails: Iterable[Mail],
    truth: Truth,
    base: Groups | None,
    progress: Progress,
) -> Run:
    started = time.monotonic()
    mailbox = send_through(runtime, mails, progress=progress)
    seconds = time.monotonic() - started
    placed = list(mailbox.placed())
    groups, sharing = _groups(placed)
    split, merged = mixed(truth.threads, groups), mixed(groups, truth.threads)
    ancestors = mailbox.ancestors(
        {one for group in (*split, *merged) for part in group.parts for one in part}
    )
    edges = [
        (one, other)
        for one, other in truth.parents
        if one in groups and other in groups
    ]
    return Run(
        order=order,
        groups=groups,
        events=mailbox.events,
        duplicates=mailbox.duplicates,
        unplaced=mailbox.events - len(placed),
        sharing=sharing,
        match=match_pairs(groups, truth.threads),
        exact=Share(
            exact(groups, truth.threads),
            len({truth.threads[one] for one in groups.keys() & truth.threads.keys()}),
        ),
        replies=Share(
            sum(groups[one] == groups[other] for one, other in edges), len(edges)
        ),
        split=split,
        merged=merged,
        split_causes=causes(split, ancestors),
        merged_causes=causes(merged, ancestors),
        changed=0 if base is None else differing_pairs(groups, base),
        seconds=seconds,
    )


def _groups(placed: Sequence[Placed]) -> tuple[Groups, int]:
    """Mail → conversation, and how many mails share their id: those are known by their content too."""
    times = Counter(one.message_id for one in placed)
    groups = {
        one.message_id
        if times[one.message_id] == 1
        else f"{one.message_id}#{one.digest}": one.conversation_id
        for one in placed
    }
    return groups, sum(count for count in times.values() if count > 1)


def _floors(runs: Sequence[Run]) -> list[Floor]:
    return [
        Floor("threading F1", min(run.match.f1 for run in runs), LOWEST_F1),
        Floor("mails without a place", max(run.unplaced for run in runs), 0, True),
        Floor(
            "pairs that the order of arrival changes",
            max(run.changed for run in runs),
            0,
            True,
        ),
    ]


def _sheets(runs: Sequence[Run], truth: Truth) -> list[Sheet]:
    first = runs[0]
    return [
        Sheet(
            "conversations against true threads",
            (
                "order",
                "mails",
                "precision",
                "recall",
                "F1",
                "exact threads",
                "replies with parent",
                "torn",
                "mixed up",
                "pairs changed",
                "seconds",
            ),
            [
                (
                    run.order,
                    len(run.groups),
                    f"{run.match.precision:.4f}",
                    f"{run.match.recall:.4f}",
                    f"{run.match.f1:.4f}",
                    f"{run.exact.count} of {run.exact.of}",
                    percent(run.replies.value),
                    len(run.split),
                    len(run.merged),
                    run.changed,
                    f"{run.seconds:.0f}",
                )
                for run in runs
            ],
        ),
        Sheet(
            "what was left out of the score",
            ("mails", "why"),
            [
                (first.duplicates, "stand in the file twice"),
                (first.sharing, "share their Message-ID with another mail"),
                (
                    len(first.groups.keys() - truth.threads.keys()),
                    "are not in the truth",
                ),
                (
                    len(truth.threads.keys() - first.groups.keys()),
                    "of the truth are not in the mailbox",
                ),
                (truth.disputed, "stand in several threads of the truth"),
            ],
        ),
        Sheet(
            "pairs in error, by what ties them",
            ("order", "error", "pairs", "cause"),
            [
                (run.order, error, pairs, why)
                for run in runs
                for error, counted in (
                    ("torn", run.split_causes),
                    ("mixed up", run.merged_causes),
                )
                for why, pairs in counted.most_common()
            ],
        ),
        _worst("true threads torn worst (file order)", first.split),
        _worst("conversations mixed up worst (file order)", first.merged),
    ]


def _worst(title: str, groups: Sequence[Mixed]) -> Sheet:
    return Sheet(
        title,
        ("pairs", "parts", "a mail of each of the first three"),
        [
            (
                group.pairs,
                " + ".join(str(len(part)) for part in group.parts),
                "  ".join(part[0] for part in group.parts[:3]),
            )
            for group in groups[:SHOWN]
        ],
    )


def _record(run: Run) -> dict[str, Any]:
    return {
        "order": run.order,
        "events": run.events,
        "duplicates": run.duplicates,
        "unplaced": run.unplaced,
        "sharing_an_id": run.sharing,
        **run.match.record(),
        "pairs_found": run.match.found,
        "pairs_true": run.match.true,
        "pairs_both": run.match.both,
        "exact_threads": run.exact.record(),
        "replies_with_parent": run.replies.record(),
        "pairs_changed": run.changed,
        "torn_threads": len(run.split),
        "torn": [_mixed_record(group) for group in run.split[:SHOWN]],
        "torn_pairs_by_cause": dict(run.split_causes.most_common()),
        "mixed_up_conversations": len(run.merged),
        "mixed_up": [_mixed_record(group) for group in run.merged[:SHOWN]],
        "mixed_up_pairs_by_cause": dict(run.merged_causes.most_common()),
        "seconds": round(run.seconds, 1),
    }


def _mixed_record(group: Mixed) -> dict[str, Any]:
    return {
        "pairs": group.pairs,
        "sizes": [len(part) for part in group.parts],
        "ids": [part[0] for part in group.parts],
    }
