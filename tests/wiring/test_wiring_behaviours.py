"""The report of behaviours tells the truth, in one process and in many."""

import subprocess
import sys

import pytest

from app.config import ROOT

SUITE = """
import pytest

@pytest.mark.shows("B1", "A2")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_many(number):
    pass

@pytest.mark.shows("A10")
def test_good():
    pass

@pytest.mark.shows("A10")
def test_bad():
    assert 0

@pytest.mark.shows("A9")
@pytest.mark.parametrize("number", [1, 2])
def test_half(number):
    assert number == 1

@pytest.mark.shows("L6")
def test_left_out():
    pytest.skip("no")

@pytest.mark.shows("K1")
def test_broken_before(broken):
    pass

def test_plain():
    pass

@pytest.fixture
def broken():
    raise RuntimeError
"""

REPORT = """\
A2
  passed  test_suite.py::test_many (3 cases)
A9
  failed  test_suite.py::test_half (2 cases)
A10
  failed  test_suite.py::test_bad
  passed  test_suite.py::test_good
B1
  passed  test_suite.py::test_many (3 cases)
K1
  failed  test_suite.py::test_broken_before
L6
  skipped test_suite.py::test_left_out
2 of 127 behaviours shown, 4 with a test that does not pass, 121 open
"""


@pytest.mark.parametrize("workers", [["-p", "no:xdist"], ["-n", "2"]], ids=["1", "2"])
def test_the_report_says_which_tests_show_what_and_whether_they_pass(
    pytest_of, workers
):
    done = pytest_of(SUITE, "--behaviours", *workers)

    assert done.returncode == 1
    assert REPORT in done.stdout.split(" behaviours ===")[1]


def test_without_being_asked_nothing_is_reported(pytest_of):
    done = pytest_of(SUITE, "-p", "no:xdist")

    assert "behaviours" not in done.stdout


def test_a_behaviour_that_is_not_on_the_list_stops_the_run(pytest_of):
    suite = SUITE + "\n@pytest.mark.shows('A23')\ndef test_invented():\n    pass\n"

    done = pytest_of(suite, "-p", "no:xdist")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "test_invented shows A23: not on the acceptance list" in done.stderr


@pytest.fixture
def pytest_of(tmp_path):
    """Runs a suite of its own."""

    def run(suite, *options):
        (tmp_path / "test_suite.py").write_text(suite)
        (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = shows(id): …\n")
        return subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "tests.behaviours"),
                *("-p", "no:randomly", "-p", "no:cacheprovider", *options),
            ],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
