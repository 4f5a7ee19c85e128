"""`python -m tests.chaos --minutes 10`: storm after storm, each with another seed."""

import argparse
import sys
import time

from app.config import ROOT
from tests.chaos.storm import Storm

STORM_SECONDS = 60.0


def main() -> None:
    """Run storms for so many minutes; ends with status 1 at the first that finds something."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=600)
    asked = parser.parse_args()
    until = time.monotonic() + asked.minutes * 60
    seed = asked.seed
    while time.monotonic() < until:
        storm = Storm(ROOT / "var" / "chaos", seed=seed, count=asked.messages, say=_say)
        report = storm.run(min(STORM_SECONDS, until - time.monotonic()))
        _say(
            f"seed {seed}: {report.events} of {report.expected} events, "
            f"{len(report.done)} faults, {report.deaths} processes died, "
            f"{report.given_up} given up and requeued, quiet after {report.quiet_after:.0f} s"
        )
        if report.violations or report.events != report.expected:
            for name, rows in report.violations.items():
                _say(f"  {name}: {rows}")
            sys.exit(1)
        seed += 1


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
