"""The command: what to score, how far it is, and what status to end with."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from app.channels.mailbox import size_of
from app.cli.imports import progress_bar
from app.cli.output import say
from app.config import ROOT
from app.errors import BizzyBeeError, InvalidInput
from evaluation.corpora import Corpora, find_corpora, truth_beside
from evaluation.parsing import score_parsing
from evaluation.pipeline import pipeline
from evaluation.replies import score_replies
from evaluation.report import Progress, Report
from evaluation.sheets import missed, show_reports
from evaluation.threading import score_threading
from evaluation.triage import score_triage

#: Invented ones, so that there are always some.
REPLIES = Path(__file__).parent / "cases" / "replies.jsonl"
CORPORA = ROOT.parent / "shared" / "corpora"
#: Of the random orders in which the mailboxes of a folder arrive.
SEEDS = (1,)

FAILED = 1
UNUSABLE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Score what was asked for; returns 0, 1 where a floor is missed, 2 where nothing can be scored."""
    asked = _parser().parse_args(arguments)
    try:
        reports = list(_reports(asked))
    except InvalidInput as error:
        say(str(error), style="red")
        return UNUSABLE
    except BizzyBeeError as error:
        say(str(error), style="red")
        return FAILED
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        say(f"PostgreSQL is away or refuses: {reason}", style="red")
        return FAILED
    show_reports(reports, as_json=asked.json, floors=asked.floors)
    return FAILED if asked.floors and missed(reports) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evaluation",
        description="Score the understanding of mail on corpora given by their paths.",
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object")
    common.add_argument(
        "--no-floors",
        dest="floors",
        action="store_false",
        help="only look: a missed floor does not fail the run",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    everything = commands.add_parser(
        "all", parents=[common], help="whatever a folder holds"
    )
    everything.add_argument("path", type=Path, nargs="?", metavar="FOLDER")

    for command, what in (
        ("parsing", "read every mail of a mailbox or of labelled rows"),
        ("replies", "split the replies of rows"),
        ("triage", "judge the mails of labelled rows by evidence"),
        ("threading", "send a mailbox through the pipeline, compare conversations"),
    ):
        one = commands.add_parser(command, parents=[common], help=what)
        one.add_argument("path", type=Path, metavar="PATH")
    one.add_argument(
        "--truth", type=Path, help="the true threads; else NAME.threads.jsonl beside it"
    )
    one.add_argument(
        "--backwards", action="store_true", help="the newest first as well"
    )
    one.add_argument(
        "--shuffle",
        type=int,
        nargs="+",
        default=[],
        metavar="SEED",
        help="in a random order as well, once per seed",
    )
    one.add_argument("--batch", type=int, help="so many mails go together")
    return parser


def _reports(asked: argparse.Namespace) -> Iterator[Report]:
    if asked.command == "all":
        yield from _of_folder(asked.path or CORPORA, is_given=asked.path is not None)
        return
    if not asked.path.exists():
        raise InvalidInput(f"there is no {asked.path}")
    with _bar(asked.command, asked.path) as progress:
        match asked.command:
            case "parsing":
                yield score_parsing(asked.path, progress=progress)
            case "replies":
                yield score_replies(asked.path, progress=progress)
            case "triage":
                yield score_triage(asked.path, progress=progress)
            case "threading":
                truth = asked.truth or truth_beside(asked.path)
                if truth is None:
                    raise InvalidInput(
                        f"no true threads beside {asked.path}; give them with --truth"
                    )
                with pipeline(batch=asked.batch) as runtime:
                    yield score_threading(
                        runtime,
                        asked.path,
                        truth,
                        backwards=asked.backwards,
                        seeds=asked.shuffle,
                        progress=progress,
                    )


def _of_folder(folder: Path, *, is_given: bool) -> Iterator[Report]:
    found = find_corpora(folder) if folder.is_dir() else Corpora()
    if not found:
        where = f"in {folder}" if is_given else "given"
        raise InvalidInput(
            f"no corpora {where}: make eval CORPORA=FOLDER, with NAME.mbox[.gz] and "
            "NAME.threads.jsonl[.gz] beside it, labelled*.jsonl[.gz] or replies*.jsonl[.gz] "
            "in it; docs/evaluation.md shows their rows"
        )
    for path in found.unknown:
        say(f"{path.name}: rows of a kind that nothing here scores", style="yellow")
    for path in [path for path, _ in found.mailboxes] + found.labelled:
        with _bar("parsing", path) as progress:
            yield score_parsing(path, progress=progress)
    for path in found.labelled:
        with _bar("triage", path) as progress:
            yield score_triage(path, progress=progress)
    for path in found.replies or [REPLIES]:
        with _bar("replies", path) as progress:
            yield score_replies(path, progress=progress)
    for path, truth in found.mailboxes:
        if truth is not None:
            with _bar("threading", path) as progress, pipeline() as runtime:
                yield score_threading(
                    runtime,
                    path,
                    truth,
                    backwards=True,
                    seeds=SEEDS,
                    progress=progress,
                )


@contextmanager
def _bar(scoring: str, path: Path) -> Iterator[Progress]:
    with progress_bar() as bars:
        bar = bars.add_task(f"{scoring} {path.name}", total=size_of(path), mails=0)

        def advance(mails: int, position: int) -> None:
            bars.update(bar, completed=position, mails=mails)

        yield advance
