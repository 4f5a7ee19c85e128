"""`python -m tests.chaos.recovery`: how long it takes to recover, with the default settings.

Prints, for each fault, the seconds from the fault until everything that was under way is terminal.
"""

import random
import sys
import time

import requests

from app.config import ROOT, Settings
from tests.chaos.feed import post
from tests.chaos.invariants import count
from tests.chaos.storm import UNFINISHED, Storm

CASES = (
    "nothing broken",
    "Redis flushed",
    "worker killed in a model call",
    "Redis restarted",
)
UNDER_WAY = 40


class Recovery(Storm):
    """The same system with default timing; one fault at a time."""

    def measure(self) -> dict[str, float]:
        """Seconds until quiet, per fault."""
        with self.system():
            return {case: self._case(number, case) for number, case in enumerate(CASES)}

    def _settings_for(self, sandbox: str) -> Settings:
        timing = {
            name: field.default
            for name, field in Settings.model_fields.items()
            if name
            in {
                "lease_seconds",
                "sweep_seconds",
                "gateway_timeout",
                "anthropic_timeout",
            }
        }
        return super()._settings_for(sandbox).model_copy(update=timing)

    def _case(self, number: int, case: str) -> float:
        self._latency(2000)
        batch = [
            one
            | {
                "external_id": f"{number}-{place}@x",
                "external_thread_id": f"{number}-{place}",
            }
            for place, one in enumerate(self._messages[:UNDER_WAY])
        ]
        post(self._feed, batch)
        time.sleep(1.5)  # so that some are in a model call and the others wait
        started = time.monotonic()
        if case == "Redis flushed":
            self._servers.flush_redis()
        elif case == "Redis restarted":
            self._servers.restart_redis()
        elif case == "worker killed in a model call":
            self._processes.kill_one(random.Random(1), "worker-ai")
        while count(self._servers.libpq_url, UNFINISHED):
            time.sleep(0.1)
        return time.monotonic() - started

    def _latency(self, milliseconds: int) -> None:
        requests.post(
            f"{self._sandbox}/_control/latency", json={"ms": milliseconds}, timeout=5
        ).raise_for_status()


def main() -> None:
    copies = {"web": 1, "worker-io": 1, "worker-ai": 1, "worker-ops": 1, "beat": 1}
    recovery = Recovery(
        ROOT / "var" / "recovery", seed=1, count=UNDER_WAY, copies=copies
    )
    for case, seconds in recovery.measure().items():
        sys.stdout.write(f"{case}: {seconds:.1f} s\n")


if __name__ == "__main__":
    main()
