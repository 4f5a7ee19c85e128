"""Complaints of readers, and what became of a mail in their program."""

import pytest

from app.domain.complaint import Complaint, complaint_of
from app.domain.mail import read_mail
from app.domain.read_receipt import ReadReceipt, read_receipt_of
from tests.domain.mails import mail, mail_of, multipart, text_part

ORIGINAL = (
    "Content-Type: message/rfc822\n\nMessage-ID: <ours@bizzy.example>\n"
    "From: shop@bizzy.example\nTo: bob@example.org\nSubject: News\n\nhi\n"
)


def report(kind, fields, *parts):
    part = multipart(
        "report",
        text_part("a report"),
        f"Content-Type: message/{kind}\n\n{fields}",
        *parts,
        report_type=kind,
    )
    return read_mail(mail_of(part))


@pytest.mark.parametrize(
    ("fields", "kind", "recipient"),
    [
        (
            "Feedback-Type: abuse\nOriginal-Rcpt-To: <eve@example.org>",
            "abuse",
            "eve@example.org",
        ),
        ("Feedback-Type: Fraud\nVersion: 1", "fraud", "bob@example.org"),
        ("Feedback-Type: not-spam", "not-spam", "bob@example.org"),
    ],
    ids=["who complains", "only the mail tells", "the opposite"],
)
@pytest.mark.shows("H1")
def test_a_complaint_names_reader_and_mail(fields, kind, recipient):
    assert complaint_of(report("feedback-report", fields, ORIGINAL)) == Complaint(
        kind=kind,
        recipient=recipient,
        original_message_id="ours@bizzy.example",
        original_subject="News",
    )


def test_a_mail_attached_without_a_word_is_a_complaint_by_its_subject_only():
    named, other = (
        read_mail(mail_of(multipart("mixed", ORIGINAL), subject=subject))
        for subject in ("complaint about message from 192.0.2.1", "please see")
    )

    assert complaint_of(named) is not None
    assert complaint_of(other) is None


@pytest.mark.parametrize(
    ("disposition", "said", "is_read"),
    [
        ("manual-action/MDN-sent-manually; displayed", "displayed", True),
        ("automatic-action/MDN-sent-automatically; Deleted/error", "deleted", False),
        ("", None, False),
    ],
    ids=["shown", "deleted", "not told"],
)
def test_a_receipt_tells_what_became_of_a_mail(disposition, said, is_read):
    fields = (
        "Final-Recipient: rfc822; bob@example.org\n"
        f"Original-Message-ID: <ours@bizzy.example>\nDisposition: {disposition}"
    )

    receipt = read_receipt_of(report("disposition-notification", fields))

    assert receipt == ReadReceipt(
        recipient="bob@example.org",
        disposition=said,
        original_message_id="ours@bizzy.example",
    )
    assert receipt.is_read is is_read


def test_letters_are_neither():
    letter = read_mail(mail("This is abuse! I read it.", subject="Read: News"))

    assert complaint_of(letter) is None
    assert read_receipt_of(letter) is None
