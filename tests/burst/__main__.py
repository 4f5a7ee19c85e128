"""`python -m tests.burst --webhooks 10000`: a burst against the real processes; prints what it took.

Ends with status 1 where anything but the distinct messages is stored. Slow answers are reported and
are no failure: they depend on what else the machine does.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from app.config import ROOT
from tests.burst.burst import Burst, Report

OUTPUT = ROOT / "var" / "burst"
#: Milliseconds that 99 of 100 answers may take on two cores.
TARGET = 250


def main() -> None:
    """Run one burst."""
    parser = argparse.ArgumentParser(prog="python -m tests.burst", description=__doc__)
    parser.add_argument("--webhooks", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rate", type=float, default=0, help="a second; 0: unbounded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--patience", type=float, default=900, help="for the workers, s"
    )
    asked = parser.parse_args()
    report = Burst(
        OUTPUT / "data",
        seed=asked.seed,
        count=asked.webhooks,
        connections=asked.connections,
        rate=asked.rate,
        say=_say,
    ).run(asked.patience)
    (OUTPUT / "report.json").write_text(json.dumps(asdict(report), indent=2))
    _print(report)
    if report.wrong:
        _say(f"wrong: {report.wrong}")
        sys.exit(1)


def _print(report: Report) -> None:
    table = Table("what", "found")
    times = report.milliseconds
    rows = {
        "webhooks": report.webhooks,
        "distinct messages": report.distinct,
        "stored events, messages": f"{report.events}, {report.messages}",
        "answers": report.statuses,
        "requests a second": f"{report.webhooks / report.seconds:.0f}",
        "p50, p95, p99, longest": ", ".join(f"{one:.0f} ms" for one in times.values()),
        f"p99 below {TARGET} ms": "yes" if times["p99"] < TARGET else "NO",
        "p99 by provider": ", ".join(
            f"{name} {one:.0f}" for name, one in report.by_provider.items()
        ),
        "all worked on after": f"{report.quiet_after:.0f} s",
        "load before, at the end": ", ".join(f"{one:.1f}" for one in report.load),
        "wrong": report.wrong or "nothing",
    }
    for what, found in rows.items():
        table.add_row(what, str(found))
    Console(stderr=True).print(table)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
