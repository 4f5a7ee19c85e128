"""`python -m tests.chaos --minutes 10`: storm after storm, each with another seed.

Prints a table and writes it to `var/chaos/report.json`; a seed can be given back to repeat a storm.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from app.config import ROOT
from tests.chaos.storm import Report, Storm

STORM_SECONDS = 120.0
OUTPUT = ROOT / "var" / "chaos"


def main() -> None:
    """Run storms for so many minutes; ends with status 1 at the first that finds something."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--storms", type=int, default=1000, help="at most so many")
    asked = parser.parse_args()
    until = time.monotonic() + asked.minutes * 60
    reports: list[Report] = []
    while time.monotonic() < until and len(reports) < asked.storms:
        seed = asked.seed + len(reports)
        storm = Storm(OUTPUT / str(seed), seed=seed, count=asked.messages, say=_say)
        reports.append(storm.run(STORM_SECONDS))
        _write(reports)
        _print(reports)
        if not _is_clean(reports[-1]):
            _say(f"seed {seed}: {reports[-1].violations}")
            sys.exit(1)


def _is_clean(report: Report) -> bool:
    whole = report.events == report.expected
    return whole and report.quiet_after >= 0 and not report.violations


def _kills(report: Report) -> int:
    return report.kills + sum(report.killed_at.values())


def _write(reports: list[Report]) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    rows = [asdict(report) for report in reports]
    (OUTPUT / "report.json").write_text(json.dumps(rows, default=str, indent=2))


def _print(reports: list[Report]) -> None:
    table = Table(
        "seed",
        "events",
        "expected",
        "faults",
        "kills",
        "given up, requeued",
        "model calls",
        "answers used",
        "quiet after s",
        "found",
    )
    for report in reports:
        table.add_row(
            str(report.seed),
            str(report.events),
            str(report.expected),
            str(len(report.done)),
            str(_kills(report)),
            str(report.given_up),
            str(sum(report.model_calls.values())),
            str(sum(report.answers_used.values())),
            f"{report.quiet_after:.0f}",
            ", ".join(report.violations) or "nothing",
        )
    table.add_section()
    table.add_row(
        "all",
        str(sum(report.events for report in reports)),
        str(sum(report.expected for report in reports)),
        str(sum(len(report.done) for report in reports)),
        str(sum(_kills(report) for report in reports)),
    )
    Console(stderr=True).print(table)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
