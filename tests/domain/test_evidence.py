"""Triage by structure: sure of machines, silent about people."""

import pytest

from app.domain.decision import SURE_ENOUGH, Category, JudgedBy
from app.domain.evidence import evidence_of
from app.domain.mail import read_mail
from app.domain.unified_message import UnifiedMessage
from tests.domain.mails import mail, mail_of, multipart, text_part

DSN = (
    "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
    "Final-Recipient: rfc822; bob@example.org\nAction: failed\nStatus: 5.1.1\n"
)
QMAIL = (
    "Hi. This is the qmail-send program at example.net.\n"
    "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
)
LIST = {
    "List-Id": "<users.lists.example>",
    "List-Post": "<mailto:users@lists.example>",
    "List-Unsubscribe": "<mailto:users-request@lists.example?subject=unsubscribe>",
    "Precedence": "bulk",
    "Sender": "users-bounces@lists.example",
}
MAILING = {
    "From": "Shop News <news@shop.example>",
    "List-Unsubscribe": "<https://shop.example/u/1>",
}
NO_REPLY = {"From": "Shop <no-reply@shop.example>"}
REQUEST = "Content-Type: text/calendar; method={}\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\n"


def report(kind, *parts, **headers):
    part = multipart("report", text_part("a report"), *parts, report_type=kind)
    return mail_of(part, **headers)


def rule_of(raw):
    judgement = evidence_of(read_mail(raw))
    return judgement and judgement.source


def test_a_judgement_names_its_rule_and_its_reason():
    judgement = evidence_of(read_mail(mail(auto_submitted="auto-replied")))

    assert judgement is not None
    assert judgement.category is Category.NOTIFICATION
    assert judgement.judged_by is JudgedBy.EVIDENCE
    assert judgement.source == "evidence/1:auto-reply"
    assert judgement.reason == "the headers say that a program answered"
    assert judgement.confidence >= SURE_ENOUGH


@pytest.mark.shows("H1")
@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (report("delivery-status", DSN), "delivery-report"),
        (mail(x_failed_recipients="bob@example.org"), "delivery-report"),
        (mail(QMAIL, subject="failure notice", return_path="<>"), "bounce"),
        (mail(QMAIL, subject="failure notice"), "bounce"),
        (mail("gone", From="Mail System <MAILER-DAEMON@x.example>"), "bounce"),
        (mail("gone", From="MAILER-DAEMON <>", return_path="<>"), "bounce"),
        (
            mail("550 5.1.1 no such user", From="postmaster@x.example"),
            "bounce",
        ),
        (
            mail("x", subject="Unzustellbar: Angebot", return_path="<>"),
            "bounce",
        ),
        (
            report(
                "disposition-notification",
                "Content-Type: message/disposition-notification\n\nDisposition: displayed",
            ),
            "read-receipt",
        ),
        (
            report(
                "feedback-report",
                "Content-Type: message/feedback-report\n\nFeedback-Type: abuse",
            ),
            "complaint-report",
        ),
        (
            mail(
                "", subject="Report Domain: x.example Submitter: y.example Report-ID: 1"
            ),
            "domain-report",
        ),
    ],
    ids=[
        "a delivery report",
        "the header of Exim",
        "qmail",
        "qmail without a return path",
        "a daemon",
        "a daemon without an address",
        "a postmaster who quotes a server",
        "a German bounce",
        "a read receipt",
        "a complaint",
        "a report on a domain",
    ],
)
def test_reports_of_servers_are_notifications(raw, rule):
    judgement = evidence_of(read_mail(raw))

    assert judgement is not None
    assert judgement.category is Category.NOTIFICATION
    assert judgement.source == f"evidence/1:{rule}"


@pytest.mark.shows("H1")
@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({"Auto-Submitted": "auto-replied; owner-email=a@example.com"}, "auto-reply"),
        ({"Auto-Submitted": "auto-replied", "In-Reply-To": "<ours@x>"}, "auto-reply"),
        ({"X-Autoreply": "yes"}, "auto-reply"),
        ({"Precedence": "auto_reply"}, "auto-reply"),
        ({"Subject": "Automatic reply: Offer"}, "absence-note"),
        ({"Subject": "Automatische Antwort: Angebot"}, "absence-note"),
        ({"Subject": "Réponse automatique : Offre"}, "absence-note"),
        ({"Subject": "自动答复: 报价"}, "absence-note"),
        ({"Subject": "Out of office", "Return-Path": "<>"}, "absence-note"),
        (
            {"Subject": "Abwesend", "X-Auto-Response-Suppress": "All"},
            "absence-note",
        ),
    ],
    ids=[
        "RFC 3834",
        "RFC 3834, as an answer",
        "X-Autoreply",
        "Precedence",
        "Exchange",
        "Exchange in German",
        "Exchange in French",
        "Exchange in Chinese",
        "a note without a return path",
        "a note that wants no answer",
    ],
)
def test_automatic_answers_are_notifications(headers, rule):
    assert rule_of(mail("I am away.", **headers)) == f"evidence/1:{rule}"


@pytest.mark.shows("C12")
@pytest.mark.parametrize("method", ["REQUEST", "CANCEL", "REPLY"])
def test_calendars_are_notifications(method):
    raw = mail_of(multipart("alternative", text_part("come"), REQUEST.format(method)))

    assert rule_of(raw) == "evidence/1:calendar"


def test_a_date_that_comes_with_a_letter_is_no_calendar_mail():
    raw = mail_of(multipart("mixed", text_part("ours"), REQUEST.format("PUBLISH")))

    assert rule_of(raw) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Spam-Flag": "YES"},
        {"X-Spam-Status": "Yes, score=9.1 required=5.0"},
        {"X-Gmail-Labels": "Spam,Unread"},
        {"X-Forefront-Antispam-Report": "CIP:192.0.2.1;SFV:SPM;SCL:5"},
    ],
    ids=["flag", "status", "label of Gmail", "Exchange"],
)
def test_the_verdict_of_the_receiving_server_is_taken(headers):
    judgement = evidence_of(read_mail(mail(**headers)))

    assert judgement is not None
    assert judgement.category is Category.SPAM


@pytest.mark.parametrize(
    "headers",
    [
        MAILING | {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
        MAILING | {"Precedence": "bulk"},
        MAILING | {"X-Campaign-Id": "7"},
        MAILING | {"Feedback-ID": "7:shop"},
        {"From": "news@shop.example", "X-Mailer": "Mailchimp Mailer - **CID1**"},
        {"From": "Shop <newsletter@shop.example>"},
        {"From": "news@shop.example", "Precedence": "bulk", "X-Campaign": "7"},
    ],
    ids=[
        "one click",
        "bulk",
        "a campaign",
        "a feedback id",
        "a program for mailings",
        "an address for mailings",
        "bulk without a way out",
    ],
)
def test_mailings_are_newsletters(headers):
    judgement = evidence_of(read_mail(mail("Our news.", **headers)))

    assert judgement is not None
    assert judgement.category is Category.NEWSLETTER
    assert judgement.source == "evidence/1:newsletter"


@pytest.mark.shows("H1")
@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({"Auto-Submitted": "auto-generated"}, "auto-submitted"),
        ({"Auto-Submitted": "auto-notified"}, "auto-submitted"),
        (NO_REPLY | {"Precedence": "bulk"}, "no-reply"),
        (NO_REPLY | {"X-SES-Outgoing": "2024.03.05-192.0.2.1"}, "no-reply"),
        (NO_REPLY | {"Reply-To": "no-reply@shop.example"}, "no-reply"),
        (NO_REPLY | {"List-Unsubscribe": "<https://shop.example/u>"}, "no-reply"),
        ({"From": "root@x.example", "X-Cron-Env": "<SHELL=/bin/sh>"}, "program-output"),
    ],
    ids=[
        "generated",
        "notified",
        "bulk",
        "a sending service",
        "an answer to nobody",
        "a way out",
        "cron",
    ],
)
def test_what_programs_write_is_a_notification(headers, rule):
    assert (
        rule_of(mail("Your parcel is on its way.", **headers)) == f"evidence/1:{rule}"
    )


def test_a_commit_on_a_list_for_commits_is_a_notification():
    commit = "Author: bob\nDate: 2024-03-05\n\nLog Message:\n\nmend it\n"
    headers = LIST | {"List-Id": "<project-commits.lists.example>"}

    assert rule_of(mail(commit, **headers)) == "evidence/1:commit"
    assert rule_of(mail(commit, **LIST)) is None
    assert rule_of(mail(commit, **headers, in_reply_to="<commit@x>")) is None
    assert rule_of(mail("why?", **headers)) is None


def test_an_item_of_a_feed_is_a_notification():
    item = "URL: https://blog.example/1\nDate: 2024-03-05\n\nA story."

    assert rule_of(mail(item, From="rss@x.example")) == "evidence/1:feed-item"
    assert rule_of(mail(item)) is None
    assert rule_of(mail("Do you like it?", From="rss@x.example")) is None


@pytest.mark.parametrize(
    "raw",
    [
        mail(),
        mail(**LIST),
        mail(**LIST, in_reply_to="<parent@x>", subject="Re: [users] A question"),
        mail(**LIST, list_unsubscribe_post="List-Unsubscribe=One-Click"),
        mail(
            **LIST | {"List-Post": None, "List-Owner": "<mailto:owner@lists.example>"}
        ),
        mail(**MAILING, in_reply_to="<ours@x>"),
        mail(**MAILING | {"From": "bob@shop.example"}),
        mail(
            **MAILING | {"From": "bob@shop.example", "Precedence": "bulk"},
            user_agent="Mutt/2.2.12",
        ),
        mail(
            **MAILING | {"From": "Anna via Market <m7@market.example>"},
            list_unsubscribe_post="List-Unsubscribe=One-Click",
        ),
        mail(auto_submitted="no"),
        mail(auto_submitted="auto-generated", in_reply_to="<ours@x>"),
        mail(x_auto_response_suppress="All"),
        mail(precedence="bulk", sender="owner-users@lists.example"),
        mail(feedback_id="i1:example:mail"),
        mail("I was in the office.", subject="Out of office next week?"),
        mail("see there", subject="Re: Automatic reply: Offer"),
        mail("My parcel!", subject="Delivery failed"),
        mail("What does this mean?\n" + QMAIL, subject="Fwd: failure notice"),
        mail("Automated forwarding?", **LIST, subject="Automated forwarding"),
        mail(subject="Question to the postmaster", From="postmaster@x.example"),
        mail(
            **NO_REPLY,
            auto_submitted="auto-generated",
            reply_to="Anna <anna@example.com>",
        ),
        mail(
            "A new enquiry\n\nName: Anna\nE-mail: anna@example.com\nMessage: Open?",
            **NO_REPLY,
            auto_submitted="auto-generated",
        ),
        mail(
            "Name: Anna\nPhone: 0170 1234567\nMessage: please call",
            **NO_REPLY,
            x_ses_outgoing="2024.03.05-192.0.2.1",
        ),
        mail(**NO_REPLY),
        mail(From="Bob <newsletter@shop.example>", user_agent="Thunderbird"),
        mail_of(
            multipart("mixed", text_part("why did this bounce?"), DSN),
        ),
        mail_of(multipart("mixed", text_part("our meeting"), REQUEST.format(""))),
    ],
    ids=[
        "a letter",
        "the first mail of a discussion",
        "an answer on a list",
        "a list with one click",
        "a list that names no address",
        "an answer to a mailing",
        "a way out and nothing more",
        "a mailing list of programmers",
        "a buyer behind a market",
        "not automatic",
        "an answer of a ticket system",
        "wants no automatic answers",
        "an old list",
        "a provider that marks everything",
        "a word about an absence",
        "an answer to an absence note",
        "a parcel",
        "a bounce handed on",
        "a discussion of automation",
        "a postmaster who writes",
        "a form that names the person in Reply-To",
        "a form that names the person in its text",
        "a form with a number to call",
        "no reply and no other sign",
        "a person at the address for mailings",
        "a report handed on",
        "a calendar file",
    ],
)
def test_a_persons_mail_is_never_called_automatic(raw):
    assert evidence_of(read_mail(raw)) is None


def test_only_inbound_mail_is_judged():
    raw = mail(auto_submitted="auto-replied")
    ours = read_mail(raw, own_addresses=frozenset({"anna@example.com"}))
    chat = UnifiedMessage.model_validate(
        {
            "external_id": "1",
            "direction": "inbound",
            "sender": {"kind": "phone", "value": "+491701234567"},
            "headers": {"auto-submitted": "auto-replied"},
        }
    )

    assert evidence_of(ours) is None
    assert evidence_of(chat) is None


def test_headers_and_metadata_of_any_shape_are_survived():
    odd = read_mail(mail()).model_copy(
        update={
            "headers": {"precedence": None, "return-path": [1, "<>"], "list-post": {}},
            "metadata": {"labels": "Spam", "report_type": 5, "calendar_method": []},
        }
    )

    assert evidence_of(odd) is None
