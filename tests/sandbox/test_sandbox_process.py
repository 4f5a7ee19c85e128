"""`python -m sandbox` as the demo starts it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import requests

ROOT = Path(__file__).parents[2]


def test_it_says_where_it_listens_and_stops_when_told(mbox, mail):
    path = mbox(mail(), mail())
    command = [sys.executable, "-m", "sandbox", "--mailbox", str(path)]
    options = ["--owner", "hello@bikes.example", "--omit-bodies", "every=2"]
    process = subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = json.loads(process.stdout.readline())["url"]
        with requests.Session() as session:
            session.trust_env = False
            page = session.get(
                f"{url}/aurinko/v1/email/messages",
                headers={"Authorization": "Bearer sandbox-demo"},
                timeout=10,
            ).json()
    finally:
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=10)

    assert page["length"] == 2
    assert [record["omitted"] for record in page["records"]] == [["body"], []]
    assert (process.returncode, rest, errors) == (0, "", "")


def test_a_mailbox_that_is_not_there_is_named():
    finished = subprocess.run(
        [sys.executable, "-m", "sandbox", "--mailbox", "nowhere.mbox"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert finished.returncode == 1
    assert "nowhere.mbox" in finished.stderr
