"""The short form of the storm; `make chaos` is the long one."""

import os

import pytest

from app.config import ROOT
from tests.chaos.storm import Storm

pytestmark = [pytest.mark.first, pytest.mark.timeout(280)]

COPIES = {
    "web": 1,
    "worker-io": 1,
    "worker-ai": 1,
    "worker-sync": 1,
    "worker-out": 1,
    "worker-ops": 1,
    "beat": 2,
    "listener": 1,
}


@pytest.mark.shows(
    "A3", "A11", "A17", "B1", "B2", "C1", "G2", "G4", "K1", "K2", "K3", "K4"
)
def test_nothing_is_lost_and_nothing_happens_twice():
    data_dir = ROOT / "var" / f"chaos-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"

    report = Storm(data_dir, seed=11, count=120, copies=COPIES).run(seconds=8)

    assert report.violations == {}, report
    assert report.events == report.expected
    assert report.quiet_after >= 0, report
