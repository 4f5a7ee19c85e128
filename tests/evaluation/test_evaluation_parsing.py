"""Scoring of reading: each kind of damage is counted once, and by its cause."""

import pytest

from app.channels.mailbox import Mail
from app.domain.mail import read_mail
from app.domain.unified_message import Attachment
from evaluation.files import files_of
from evaluation.mails import Specimen
from evaluation.parsing import (
    EMPTY,
    EXCEPTION,
    FILES_MISSING,
    FINDINGS,
    NO_TEXT,
    NOT_FETCHED,
    REPLACED,
    REPLACED_IN_RAW,
    UNSTORABLE,
    findings,
    read_batch,
    score_parsing,
)
from tests.evaluation.corpora import mail

PDF = mail(
    "pdf@x",
    content_type="application/pdf",
    content_disposition='attachment; filename="a.pdf"',
)
TWO_FILES = mail(
    "files@x",
    content_type='multipart/mixed; boundary="b"',
    text="--b\n\nSee both.\n"
    "--b\nContent-Type: image/png\n\npixels\n"
    "--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nnotes\n"
    "--b--",
)


def test_a_sound_corpus_has_no_findings(write_mbox):
    report = score_parsing(write_mbox(mail("a@x"), TWO_FILES))

    assert report.record["mails"] == 2
    assert report.record["attachments"] == 2
    assert report.record["findings"] == dict.fromkeys(FINDINGS, 0)
    assert report.record["exceptions"] == {}
    assert report.record["decode_errors"]["count"] == 0
    assert all(floor.holds for floor in report.floors)


def test_decode_errors_are_counted_by_cause(write_mbox):
    odd = mail("a@x", content_type="text/plain; charset=x-none")
    same = mail("b@x", content_type="text/plain; charset=x-none")
    words = mail("c@x", content_type='text/plain; charset="my secret words"')
    broken = mail("d@x", content_type="multipart/mixed; boundary=b")

    report = score_parsing(write_mbox(odd, same, words, broken, mail("e@x")))

    assert report.record["decode_errors"]["count"] == 4
    assert report.record["decode_errors"]["share"] == 0.8
    assert report.record["decode_errors_by_cause"] == {
        "unknown charset x-none": 2,
        "unknown charset (no label)": 1,
        "multipart without its boundary": 1,
    }
    assert "secret" not in str(report)


@pytest.mark.parametrize(
    ("raw", "finding"),
    [
        (mail("a@x", text=""), EMPTY),
        (PDF, NO_TEXT),
        (mail("a@x", text="a\0b"), REPLACED_IN_RAW),
        (
            mail("a@x", text="a=00b", content_transfer_encoding="quoted-printable"),
            REPLACED_IN_RAW,
        ),
        (
            mail("a@x", text="caf\xe9 ").replace(b"\xc3\xa9", b"\x81\x8d"),
            REPLACED,
        ),
    ],
    ids=["empty", "only a file", "NUL", "encoded NUL", "undecodable"],
)
def test_each_finding_is_counted_once(write_mbox, raw, finding):
    report = score_parsing(write_mbox(mail("sound@x"), raw))

    expected = dict.fromkeys(FINDINGS, 0) | {finding: 1}
    assert report.record["findings"] == expected
    assert [name[0] for name in report.record["examples"][finding]] == ["2"]


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"body_text": "a\0b"}, UNSTORABLE),
        ({"headers": {"subject": ["half \ud800"]}}, UNSTORABLE),
        ({"attachments": [Attachment(size=1), Attachment(size=5)]}, NOT_FETCHED),
        ({"metadata": {"attachment_places": ["2"]}}, NOT_FETCHED),
        ({"metadata": {"attachment_places": ["2", "9"]}}, NOT_FETCHED),
    ],
)
def test_what_the_product_must_never_do_would_be_seen(change, finding):
    message = read_mail(TWO_FILES)
    spoilt = message.model_copy(update=change)

    assert list(findings(TWO_FILES, message)) == []
    assert list(findings(TWO_FILES, spoilt)) == [finding]


def test_an_exception_is_named_by_its_kind_and_ends_nothing():
    unreadable = Specimen("2", Mail("no bytes", 8))  # type: ignore[arg-type]

    readings = read_batch([Specimen("1", Mail(mail("a@x"), 4)), unreadable])

    assert [one.findings for one in readings] == [(), (f"{EXCEPTION}: TypeError",)]


@pytest.mark.parametrize(
    ("raw", "files"),
    [
        (mail("a@x"), 0),
        (PDF, 1),
        (TWO_FILES, 2),
        (mail("a@x", content_type="multipart/mixed; boundary=b"), 0),
        (mail("a@x", content_type="message/rfc822", text="Subject: in\n\nHi"), 1),
        (b"\n--" * 600, None),
        (
            mail(
                "a@x",
                content_type="text/x",
                content_disposition="attachment; filename*=idna''a",
            ),
            None,
        ),
    ],
    ids=[
        "text",
        "file",
        "two files",
        "no boundary",
        "attached mail",
        "hostile",
        "stumbling",
    ],
)
def test_files_are_counted_by_another_reading(raw, files):
    assert files_of(raw) == files


def test_a_file_that_we_do_not_list_would_be_found(write_mbox):
    # A form for single readers is left out on purpose, and the other reading sees a file in it.
    left_out = mail(
        "a@x",
        content_type="text/x-amp-html",
        content_disposition="attachment; filename=a.html",
    )
    mixed = mail(
        "b@x",
        content_type="multipart/mixed; boundary=b",
        text=f"--b\n\nHi\n--b\n{left_out.decode()}\n--b--".replace(
            "Message-ID: <a@x>\n", ""
        ),
    )

    report = score_parsing(write_mbox(mixed))

    assert report.record["findings"][FILES_MISSING] == 1


def test_many_mails_are_read_by_many_processes(write_mbox):
    mails = [mail(f"{number}@x") for number in range(450)]
    seen = []

    report = score_parsing(
        write_mbox(*mails), progress=lambda count, position: seen.append(count)
    )

    assert report.record["mails"] == 450
    assert seen == [200, 400, 450]
    times = report.record["milliseconds"]
    assert 0 < times["p50"] <= times["p99"] <= times["max"]
    assert len(report.record["slowest"]) == 5
