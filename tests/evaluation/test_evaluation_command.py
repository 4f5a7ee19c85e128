"""The command: what it finds, what it prints, how it ends."""

import json
import subprocess
import sys

import pytest
from sqlalchemy import make_url

from app.config import ROOT
from evaluation.command import main
from evaluation.pipeline import database_beside
from tests.evaluation.corpora import exists, labelled, mail, reply

#: Stands in subjects, bodies, names and file names of all corpora here.
SECRET = "Zanzibar"


def secret(message_id, **headers):
    return mail(
        message_id,
        text=f"{SECRET}\n> {SECRET}",
        subject=SECRET,
        from_=f"{SECRET} <a@{SECRET}.example>",
        **headers,
    )


@pytest.fixture
def corpora(tmp_path, write_mbox, write_rows):
    """One of each kind, all as they should be."""
    write_mbox(secret("a@x"), reply("b@x", "a@x", text=SECRET), name="box.mbox.gz")
    write_rows({"message_ids": ["a@x", "b@x"]}, name="box.threads.jsonl")
    write_rows(labelled("human", secret("c@x")), name="labelled-own.jsonl")
    write_rows({"text": SECRET, "visible": SECRET}, name="replies-own.jsonl.gz")
    return tmp_path


@pytest.mark.usefixtures("environment")
def test_a_folder_is_scored_whole(corpora, servers, capsys):
    status = main(["all", str(corpora), "--json"])

    printed = json.loads(capsys.readouterr().out)
    assert status == 0
    assert [(one["scoring"], one["corpus"]) for one in printed["reports"]] == [
        ("parsing", "box.mbox.gz"),
        ("parsing", "labelled-own.jsonl"),
        ("triage", "labelled-own.jsonl"),
        ("replies", "replies-own.jsonl.gz"),
        ("threading", "box.mbox.gz"),
    ]
    threading = printed["reports"][-1]
    orders = [run["order"] for run in threading["runs"]]
    assert orders == ["file", "backwards", "seed 1"]
    assert all(floor["holds"] for floor in printed["floors"])
    url = make_url(str(servers.database_url))
    assert not exists(url, database_beside(str(url.database)))


@pytest.mark.usefixtures("environment")
def test_nothing_of_a_mail_is_printed(corpora, write_rows, capsys):
    write_rows({"message_ids": ["a@x"]}, {"message_ids": ["b@x"]}, name="wrong.jsonl")
    write_rows(
        labelled("human", secret("d@x", auto_submitted="auto-replied")),
        name="labelled-own.jsonl",
    )
    write_rows({"id": 7, "text": SECRET, "visible": "Other"}, name="replies-own.jsonl")
    box = str(corpora / "box.mbox.gz")

    for arguments in (
        ["parsing", box],
        ["threading", box, "--truth", str(corpora / "wrong.jsonl")],
        ["triage", str(corpora / "labelled-own.jsonl")],
        ["replies", str(corpora / "replies-own.jsonl")],
    ):
        main(arguments)
        main([*arguments, "--json"])

    printed = capsys.readouterr()
    assert "auto-reply" in printed.out
    assert "a@x" in printed.out
    assert SECRET.lower() not in (printed.out + printed.err).lower()


@pytest.mark.parametrize(("options", "status"), [([], 1), (["--no-floors"], 0)])
def test_a_missed_floor_fails_the_run(write_rows, capsys, options, status):
    absence = mail("a@x", auto_submitted="auto-replied")
    path = write_rows(labelled("human", absence), name="labelled.jsonl")

    assert main(["triage", str(path), *options]) == status

    assert ("MISSED" in capsys.readouterr().out) == (status == 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["all", "{tmp}"],
        ["all", "{tmp}/nowhere"],
        ["parsing", "{tmp}/nowhere.mbox"],
        ["threading", "{tmp}/box.mbox"],
    ],
    ids=["empty folder", "no folder", "no file", "no truth"],
)
def test_where_nothing_can_be_scored_it_says_what_to_give(tmp_path, capsys, arguments):
    if "box" in arguments[1]:
        (tmp_path / "box.mbox").touch()

    status = main([one.format(tmp=tmp_path) for one in arguments])

    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    assert str(tmp_path) in printed.err


def test_rows_of_an_unknown_kind_are_passed_over_aloud(corpora, write_rows, capsys):
    for path in corpora.glob("box.*"):
        path.unlink()
    write_rows({"x": 1}, name="odd.jsonl")

    assert main(["all", str(corpora)]) == 0

    assert "odd.jsonl" in capsys.readouterr().err


def test_it_runs_from_the_shell(corpora):
    done = subprocess.run(
        [sys.executable, "-m", "evaluation", "parsing", corpora / "box.mbox.gz"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "exceptions while reading mail" in done.stdout
