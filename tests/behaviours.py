"""`--behaviours`: which behaviours of the acceptance list are shown, by which tests, and do they pass.

A test names the behaviours it shows with `@pytest.mark.shows("A1", "B2")`. An id that is not on the
list stops the run: a behaviour that nobody knows cannot be shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

#: How many behaviours each letter of the acceptance list has.
LIST = {
    "A": 22, "B": 9, "C": 15, "D": 10, "E": 8, "F": 15,
    "G": 10, "H": 9, "I": 7, "J": 7, "K": 9, "L": 6,
}  # fmt: skip
ALL_IDS = tuple(
    f"{letter}{number}"
    for letter, count in LIST.items()
    for number in range(1, count + 1)
)
PROPERTY = "shows"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--behaviours",
        action="store_true",
        help="print, per id of the acceptance list, the tests that show it",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Workers of a parallel run only mark their reports; whoever started them prints.
    if config.getoption("behaviours") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Behaviours(), "behaviours-report")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note the ids where reports carry them, also from one process to another."""
    for item in items:
        shown = [one for mark in item.iter_markers("shows") for one in mark.args]
        if unknown := sorted(set(shown).difference(ALL_IDS)):
            raise pytest.UsageError(
                f"{item.nodeid} shows {', '.join(unknown)}: not on the acceptance list"
            )
        if shown:
            item.user_properties.append((PROPERTY, sorted(set(shown), key=_place)))


@dataclass
class Shown:
    """What a test came to. Its parameter sets count as one test."""

    runs: set[str] = field(default_factory=set)
    outcomes: set[str] = field(default_factory=set)

    @property
    def verdict(self) -> str:
        for outcome in ("failed", "skipped"):
            if outcome in self.outcomes:
                return outcome
        return "passed"

    @property
    def repeated(self) -> str:
        return f" ({len(self.runs)} cases)" if len(self.runs) > 1 else ""


class Behaviours:
    """Collects reports and prints them by id at the end."""

    def __init__(self) -> None:
        self._by_id: dict[str, dict[str, Shown]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # A fixture that fails before or after the test fails what the test wants to show.
        if report.when != "call" and report.passed:
            return
        test = report.nodeid.partition("[")[0]
        for name, ids in report.user_properties:
            if name != PROPERTY:
                continue
            for one in _strings(ids):
                shown = self._by_id.setdefault(one, {}).setdefault(test, Shown())
                shown.runs.add(report.nodeid)
                shown.outcomes.add(report.outcome)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        out = terminalreporter
        out.section("behaviours")
        for one in sorted(self._by_id, key=_place):
            out.write_line(one, bold=True)
            for test, shown in sorted(self._by_id[one].items()):
                out.write_line(f"  {shown.verdict:8}{test}{shown.repeated}")
        proven = sum(
            all(shown.verdict == "passed" for shown in tests.values())
            for tests in self._by_id.values()
        )
        out.write_line(
            f"{proven} of {len(ALL_IDS)} behaviours shown, "
            f"{len(self._by_id) - proven} with a test that does not pass, "
            f"{len(ALL_IDS) - len(self._by_id)} open"
        )


def _strings(ids: object) -> Iterator[str]:
    assert isinstance(ids, list)
    yield from map(str, ids)


def _place(one: str) -> int:
    return ALL_IDS.index(one)
