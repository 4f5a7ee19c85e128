"""What a mail says of one of ours, in one shape for all kinds."""

import pytest

from app.domain.mail import read_mail
from app.domain.mail_report import ReportKind, report_of


def test_a_bounce_names_who_is_lost_and_why():
    report = report_of(read_mail(bounce("5.1.1", "failed")))

    assert report.kind is ReportKind.BOUNCE
    assert report.about_mail_id == "answer1@shop.example"
    assert report.is_permanent
    assert report.lost == ["anna@example.com"]
    assert "user unknown" in report.reason


@pytest.mark.shows("I7")
@pytest.mark.parametrize(
    ("status", "action", "kind"),
    [
        ("4.4.1", "delayed", ReportKind.DELAY),
        ("2.0.0", "delivered", ReportKind.DELIVERY),
        ("4.2.2", "failed", ReportKind.BOUNCE),
    ],
)
def test_what_is_late_or_arrived_is_not_lost(status, action, kind):
    report = report_of(read_mail(bounce(status, action)))

    assert report.kind is kind
    assert report.lost == []


def test_an_absence_note_is_a_report():
    raw = (
        b"From: anna@example.com\r\nTo: shop@shop.example\r\n"
        b"Subject: Automatic reply: Your order\r\nAuto-Submitted: auto-replied\r\n"
        b"In-Reply-To: <answer1@shop.example>\r\n\r\nI am out of the office.\r\n"
    )

    report = report_of(read_mail(raw))

    assert report.kind is ReportKind.ABSENCE
    assert report.about_mail_id == "answer1@shop.example"


def test_a_mail_of_a_person_reports_nothing():
    raw = b"From: anna@example.com\r\nSubject: My order\r\n\r\nWhere is it?\r\n"

    assert report_of(read_mail(raw)) is None


def bounce(status, action):
    return (
        "From: MAILER-DAEMON@mx.example.net\r\nTo: shop@shop.example\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nReturn-Path: <>\r\n"
        "Message-ID: <bounce1@mx.example.net>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\n\r\nThis is the mail system.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.net\r\n\r\n"
        "Final-Recipient: rfc822; anna@example.com\r\n"
        f"Action: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n"
        "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        "From: shop@shop.example\r\nTo: anna@example.com\r\nSubject: Re: My order\r\n"
        "Message-ID: <answer1@shop.example>\r\n"
        "--b--\r\n"
    ).encode()
