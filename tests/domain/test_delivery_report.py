"""Delivery reports: fields first, then the words of servers, and nothing guessed."""

import time

import pytest

from app.domain.delivery_cause import Cause
from app.domain.delivery_report import (
    Action,
    DeliveryReport,
    RecipientReport,
    delivery_report_of,
)
from app.domain.mail import read_mail
from app.domain.unified_message import UnifiedMessage
from tests.domain.mails import mail, mail_of, multipart, text_part

DAEMON = {"From": "Mail Delivery System <MAILER-DAEMON@mx.example.net>"}
ORIGINAL = (
    "Content-Type: message/rfc822\n\nMessage-ID: <ours@bizzy.example>\n"
    "From: shop@bizzy.example\nTo: bob@example.org\nSubject: Your =?utf-8?q?w=C3=BCrfel?=\n\nhi\n"
)
RETURNED = (
    "Return-Path: <shop@bizzy.example>\nReceived: from a by b; Tue, 5 Mar 2024\n"
    "Message-ID: <ours@bizzy.example>\nFrom: shop@bizzy.example\n"
    "To: bob@example.org\nSubject: Your offer\n\nHello Bob, mail me: eve@other.example\n"
)


def read(raw):
    report = delivery_report_of(read_mail(raw))
    assert report is not None
    return report


def recipients_of(raw):
    return [
        (one.address, one.action, one.status, one.is_permanent, one.cause)
        for one in read(raw).recipients
    ]


def status(fields, kind="message/delivery-status"):
    return f"Content-Type: {kind}\n\nReporting-MTA: dns; mx.example.net\n\n{fields}"


def report(*parts, **headers):
    part = multipart(
        "report",
        text_part("It did not work."),
        *parts,
        report_type="delivery-status",
    )
    return mail_of(part, **(DAEMON | headers))


@pytest.mark.shows("I7")
def test_a_report_names_recipient_status_reason_and_original():
    raw = report(
        status(
            "Original-Recipient: rfc822;bob@example.org\n"
            "Final-Recipient: rfc822; robert@inner.example.org\nAction: failed\n"
            "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such\n user here\n"
        ),
        ORIGINAL,
    )

    assert read(raw) == DeliveryReport(
        recipients=[
            RecipientReport(
                address="robert@inner.example.org",
                original_address="bob@example.org",
                action=Action.FAILED,
                status="5.1.1",
                is_permanent=True,
                cause=Cause.NO_MAILBOX,
                reason="550 5.1.1 no such user here",
            )
        ],
        original_message_id="ours@bizzy.example",
        original_subject="Your würfel",
        reporting_mta="mx.example.net",
    )


def test_a_report_is_stored_as_json_and_read_back():
    found = read(
        report(status("Final-Recipient: rfc822; a@b.example\nAction: failed\n"))
    )

    stored = found.model_dump(mode="json")

    assert stored["recipients"][0]["action"] == "failed"
    assert DeliveryReport.model_validate(stored) == found


@pytest.mark.shows("I7")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("Action: delayed\nStatus: 4.4.1", (Action.DELAYED, False, Cause.UNREACHABLE)),
        ("Action: failed\nStatus: 4.4.7", (Action.FAILED, False, Cause.UNREACHABLE)),
        ("Action: failed\nStatus: 5.2.2", (Action.FAILED, True, Cause.MAILBOX_FULL)),
        ("Action: failed\nStatus: 5.7.26", (Action.FAILED, True, Cause.REFUSED)),
        ("Action: Failed (gave up)", (Action.FAILED, None, Cause.UNKNOWN)),
        ("Action: delivered\nStatus: 2.0.0", (Action.DELIVERED, None, Cause.UNKNOWN)),
        ("Action: relayed\nStatus: 2.1.5", (Action.RELAYED, None, Cause.UNKNOWN)),
        ("Action: expanded\nStatus: 2.1.5", (Action.EXPANDED, None, Cause.UNKNOWN)),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 552 5.3.4 sorry",
            (Action.FAILED, True, Cause.TOO_LARGE),
        ),
        (
            "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 552 over quota",
            (Action.FAILED, True, Cause.MAILBOX_FULL),
        ),
    ],
    ids=[
        "delayed is no failure",
        "given up on what was temporary",
        "full for good",
        "refused by policy",
        "failed and nothing else",
        "delivered",
        "relayed",
        "expanded",
        "the answer is more exact than the status",
        "a full mailbox under another status",
    ],
)
def test_action_class_and_cause(fields, expected):
    (found,) = read(
        report(status(f"Final-Recipient: rfc822; a@b.example\n{fields}\n"))
    ).recipients

    assert (found.action, found.is_permanent, found.cause) == expected


@pytest.mark.parametrize(
    "fields",
    [
        "Final-Recipient: rfc822; a@x.example\nStatus: 5.1.1\n\n"
        "Final-Recipient: rfc822; b@x.example\nStatus: 4.2.2\n",
        "Final-Recipient: rfc822; a@x.example\nStatus: 5.1.1\n"
        "Final-Recipient: rfc822; b@x.example\nStatus: 4.2.2\n",
        "Final-Recipient: rfc822; a@x.example\n\nStatus: 5.1.1\n\n"
        "Final-Recipient: rfc822; b@x.example\n\nStatus: 4.2.2\n",
        "Status: 5.1.1\nFinal-Recipient: RFC822;<a@x.example>\n\n"
        "Status: 4.2.2 (full)\nFinal-Recipient: a@x.example.invalid\n"
        "Final-Recipient: rfc822; b@x.example\n",
    ],
    ids=["as it should be", "no empty line", "one too many", "other order"],
)
def test_broken_blocks_still_tell_recipients_apart(fields):
    found = read(report(status(fields))).recipients

    codes = {one.address: one.status for one in found}
    assert codes["a@x.example"] == "5.1.1"
    assert found[-1].address == "b@x.example"


@pytest.mark.parametrize(
    "raw",
    [
        report(
            status(
                "Final-Recipient: utf-8; a@b.example\nStatus: 5.1.1\n",
                "message/global-delivery-status",
            )
        ),
        report(
            status(
                "Final-Recipient: rfc822; a@b.example\nStatus: 5.1.1\n", "text/plain"
            )
        ),
        report(
            status(
                "Final-Recipient: rfc822; a@b.example\nStatus: 5.1.1\n",
                'text/plain; name="details.txt"',
            )
        ),
        mail(
            "It failed.\n\nFinal-Recipient: rfc822; a@b.example\nStatus: 5.1.1\n",
            **DAEMON,
        ),
        mail_of(
            multipart(
                "mixed",
                text_part("x"),
                status("Final-Recipient: rfc822; a@b.example\nStatus: 5.1.1\n"),
            ),
            **DAEMON,
        ),
    ],
    ids=[
        "of RFC 6533",
        "as plain text",
        "as a file",
        "within the text",
        "not marked as report",
    ],
)
def test_a_status_is_found_wherever_it_stands(raw):
    ((address, action, code, permanent, _),) = recipients_of(raw)

    assert (address, action, code, permanent) == (
        "a@b.example",
        Action.FAILED,
        "5.1.1",
        True,
    )


QMAIL = (
    "Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to\n\n"
    "<bob@example.org>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
    "<carol@example.org>:\n192.0.2.7 does not like recipient.\n"
    "Remote host said: 452 4.2.2 quota exceeded\n\n"
    f"--- Below this line is a copy of the message.\n\n{RETURNED}"
)
EXIM = (
    "A message that you sent could not be delivered to one or more of its recipients.\n\n"
    "  bob@example.org\n    (generated from sales@bizzy.example.org)\n"
    "    SMTP error from remote mail server after RCPT TO:<bob@example.org>:\n"
    "    host mx.example.org [192.0.2.1]: 550 user unknown\n\n"
    f"------ This is a copy of the message, including all the headers. ------\n\n{RETURNED}"
)
POSTFIX = (
    "This is the mail system at host mx.example.net.\n\nFor help, ask postmaster@mx.example.net\n\n"
    "<bob@example.org>: host mx.example.org[192.0.2.1] said: 554 5.7.1 spam\n"
    "    content refused (in reply to end of DATA command)\n"
)
SENDMAIL = (
    "The original message was received at Tue, 5 Mar 2024 10:00:00\nfrom here\n\n"
    "   ----- The following addresses had permanent fatal errors -----\n<bob@example.org>\n"
    "    (reason: 550 5.1.2 <bob@example.org>... Host unknown)\n"
    "    (expanded from: <bobby@example.com>)\n"
)
OUTLOOK = (
    "Delivery has failed to these recipients or groups:\n\n"
    "bob@example.org<mailto:bob@example.org>\nThe address could not be found.\n\n"
    "Diagnostic information for administrators:\n\nGenerating server: ex.example.net\n\n"
    "bob@example.org\nRemote server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'\n\n"
    f"Original message headers:\n\n{RETURNED}"
)
GMAIL = (
    "Delivery to the following recipient failed permanently:\n\n     bob@example.org\n\n"
    "Technical details of permanent failure:\nThe error was: 550 5.2.1 account disabled\n\n"
    f"----- Original message -----\n\n{RETURNED}"
)
EXCHANGE = (
    "Your message\n\n  To: Bob\n  Subject: Your offer\n  Sent: today\n\n"
    "did not reach the following recipient(s):\n\nbob@example.org on Tue, 5 Mar\n"
    "    The recipient name is not recognized\n"
)
GERMAN = (
    "Ihre Nachricht konnte nicht zugestellt werden.\n\nEmpfänger: bob@example.org\n"
    "Grund: Das Postfach des Empfängers ist voll\n"
)


@pytest.mark.shows("I7")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            QMAIL,
            [
                ("bob@example.org", Action.FAILED, "5.1.1", True, Cause.NO_MAILBOX),
                (
                    "carol@example.org",
                    Action.FAILED,
                    "4.2.2",
                    False,
                    Cause.MAILBOX_FULL,
                ),
            ],
        ),
        (EXIM, [("bob@example.org", Action.FAILED, None, True, Cause.NO_MAILBOX)]),
        (POSTFIX, [("bob@example.org", Action.FAILED, "5.7.1", True, Cause.REFUSED)]),
        (SENDMAIL, [("bob@example.org", Action.FAILED, "5.1.2", True, Cause.NO_HOST)]),
        (
            OUTLOOK,
            [("bob@example.org", Action.FAILED, "5.1.1", True, Cause.NO_MAILBOX)],
        ),
        (GMAIL, [("bob@example.org", Action.FAILED, "5.2.1", True, Cause.NO_MAILBOX)]),
        (EXCHANGE, [("bob@example.org", Action.FAILED, None, True, Cause.NO_MAILBOX)]),
        (GERMAN, [("bob@example.org", Action.FAILED, None, False, Cause.MAILBOX_FULL)]),
    ],
    ids=[
        "qmail",
        "exim",
        "postfix",
        "sendmail",
        "outlook",
        "gmail",
        "exchange",
        "german",
    ],
)
def test_the_words_of_servers_are_understood(text, expected):
    raw = mail(text, subject="Undeliverable mail", **DAEMON)

    assert recipients_of(raw) == expected


def test_an_alias_is_told_from_what_stood_behind_it():
    exim = read(mail(EXIM, **DAEMON)).recipients[0]
    sendmail = read(mail(SENDMAIL, **DAEMON)).recipients[0]

    assert exim.original_address == "sales@bizzy.example.org"
    assert sendmail.original_address == "bobby@example.com"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (mail(QMAIL, **DAEMON), "ours@bizzy.example"),
        (mail(OUTLOOK, **DAEMON), "ours@bizzy.example"),
        (
            mail_of(multipart("mixed", text_part(POSTFIX), ORIGINAL), **DAEMON),
            "ours@bizzy.example",
        ),
        (
            mail(POSTFIX, **DAEMON, x_original_message_id="<other@bizzy.example>"),
            "other@bizzy.example",
        ),
        (
            mail(POSTFIX, **DAEMON, in_reply_to="<parent@bizzy.example>"),
            "parent@bizzy.example",
        ),
        (mail(POSTFIX, **DAEMON), None),
    ],
    ids=[
        "below the text",
        "original headers",
        "attached",
        "a header",
        "an answer",
        "nowhere",
    ],
)
def test_the_original_is_found_where_it_is(raw, expected):
    assert read(raw).original_message_id == expected


@pytest.mark.parametrize(
    ("subject", "text", "action"),
    [
        (
            "Warning: could not send message for past 4 hours",
            "still trying",
            Action.DELAYED,
        ),
        (
            "Delivery Status Notification (Delay)",
            "<a@b.example>: later",
            Action.DELAYED,
        ),
        (
            "Delivery Status Notification (Failure)",
            "It was delayed before.",
            Action.FAILED,
        ),
        ("Returned mail: Deferred: Connection timed out", "x", Action.FAILED),
        ("Zustellung verzögert", "a@b.example", Action.DELAYED),
        ("Mail status", "Something about a@b.example", Action.UNKNOWN),
    ],
    ids=[
        "a warning",
        "a delay",
        "a failure after delays",
        "given up",
        "german",
        "unclear",
    ],
)
@pytest.mark.shows("I7")
def test_delayed_is_told_from_failed(subject, text, action):
    assert read(mail(text, subject=subject, **DAEMON)).action is action


def test_a_filter_that_names_nobody_leaves_the_recipient_open():
    raw = mail("550 5.7.1 blocked as spam", subject="Mail blocked", **DAEMON)

    ((address, action, code, *_),) = recipients_of(raw)

    assert (address, action, code) == (None, Action.FAILED, "5.7.1")


def test_who_got_the_only_copy_is_the_one_who_did_not():
    lonely = mail_of(
        multipart("mixed", text_part("The mailbox is full."), ORIGINAL), **DAEMON
    )
    several = mail_of(
        multipart(
            "mixed",
            text_part("The mailbox is full."),
            ORIGINAL.replace("To: bob", "To: eve@x.example, bob"),
        ),
        **DAEMON,
    )

    assert [one.address for one in read(lonely).recipients] == ["bob@example.org"]
    assert [one.address for one in read(several).recipients] == [None]


def test_the_header_of_exim_names_the_recipients():
    raw = mail(
        "Sorry.\n\n550 no such user",
        x_failed_recipients="a@x.example, b@x.example",
        **DAEMON,
    )

    assert [one.address for one in read(raw).recipients] == [
        "a@x.example",
        "b@x.example",
    ]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            '{"notificationType":"Bounce","bounce":{"bounceType":"Permanent",'
            '"bouncedRecipients":[{"emailAddress":"bob@example.org","status":"5.1.1",'
            '"diagnosticCode":"smtp; 550 unknown user"}]},'
            '"mail":{"messageId":"m1","commonHeaders":{"subject":"Your offer"}}}',
            ("bob@example.org", Action.FAILED, "5.1.1", True, Cause.NO_MAILBOX),
        ),
        (
            '{"Type":"Notification","Message":"{\\"eventType\\":\\"Delivery\\",'
            '\\"delivery\\":{\\"recipients\\":[\\"bob@example.org\\"]},'
            '\\"mail\\":{\\"messageId\\":\\"m1\\"}}"}',
            ("bob@example.org", Action.DELIVERED, None, None, Cause.UNKNOWN),
        ),
    ],
    ids=["a bounce", "a delivery in an envelope"],
)
def test_events_of_a_sending_service_are_reports(event, expected):
    raw = mail(f"{event}\n--\nunsubscribe", From="no-reply@sns.example.com")

    assert recipients_of(raw) == [expected]
    assert read(raw).original_message_id == "m1"


@pytest.mark.parametrize(
    "raw",
    [
        mail(),
        mail('{"notificationType": "Bounce"}', From="no-reply@x.example"),
        mail("Look at this:\n\n" + QMAIL, subject="Fwd: failure notice"),
        mail(
            "> 550 5.1.1 user unknown\nWhy?",
            subject="Re: Undeliverable",
            in_reply_to="<x@y>",
        ),
        mail("I read 550 5.1.1 in my log", subject="Undeliverable mail, again"),
        mail(auto_submitted="auto-replied", subject="Automatic reply: Offer"),
    ],
    ids=[
        "a letter",
        "half an event",
        "handed on",
        "an answer",
        "a question",
        "an auto-reply",
    ],
)
def test_other_mail_is_no_report(raw):
    assert delivery_report_of(read_mail(raw)) is None


def test_our_own_mail_is_no_report():
    raw = mail(QMAIL, From="postmaster@bizzy.example")
    ours = read_mail(raw, own_addresses=frozenset({"postmaster@bizzy.example"}))

    assert delivery_report_of(ours) is None


def test_facts_of_any_shape_are_survived():
    odd = {
        "report_type": "delivery-status",
        "content_type": "multipart/report",
        "delivery_status": [None, 5, {"final_recipient": 7, "status": []}],
        "attached_messages": ["x", {"from": 3}],
        "original_message_id": {"a": 1},
        "reporting_mta": 4,
    }
    message = read_mail(mail(**DAEMON)).model_copy(update={"metadata": odd})

    report = delivery_report_of(UnifiedMessage.model_validate(message.model_dump()))

    assert report is not None
    assert [one.address for one in report.recipients] == [None]


@pytest.mark.parametrize(
    "text",
    [
        "a@b." * 100_000,
        "<a@b.example>: 550\n" * 20_000,
        "Final-Recipient: rfc822; a@b.example\n" * 20_000,
        "Message-ID:\n" * 50_000,
        "> " * 200_000,
        "unable to deliver " * 20_000,
        "mailbox for " + "x" * 100_000,
        "{" * 200_000,
        "----- " * 50_000,
    ],
    ids=[
        "addresses",
        "recipients",
        "fields",
        "ids",
        "quotes",
        "phrases",
        "a word",
        "json",
        "lines",
    ],
)
@pytest.mark.shows("C4")
def test_hostile_reports_take_bounded_time(text):
    message = read_mail(mail(text, **DAEMON))
    start = time.process_time()

    report = delivery_report_of(message)

    assert time.process_time() - start < 2
    assert report is not None
    assert len(report.recipients) <= 100
