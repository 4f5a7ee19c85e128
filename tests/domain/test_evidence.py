"""Triage by structure: sure of machines, silent about people."""

import time
from uuid import UUID

import pytest

from app.domain import loop_mark
from app.domain.decision import SURE_ENOUGH, Category, JudgedBy
from app.domain.evidence import RULES, evidence_of
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
OURS = (
    "Content-Type: message/rfc822\n\nFrom: shop@bizzy.example\n"
    "Message-ID: <ours@bizzy.example>\n\nhi\n"
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
#: What is left of a list where archives and gateways have taken the rest away.
BARE_LIST = {
    "List-Unsubscribe": "<mailto:leave@lists.example>",
    "Precedence": "bulk",
}
NO_REPLY = {"From": "Shop <no-reply@shop.example>"}
NOTICE = {"From": "Shop <notifications@shop.example>"}
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
    assert judgement.source == "evidence/3:auto-reply"
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
        (mail("gone", subject="退信", From="postmaster@x.example"), "bounce"),
        (mail("452 4.2.2 full", From="postmaster@x.example", subject="Note"), "bounce"),
        (
            mail(
                "Could not be delivered to: <b@x.example>",
                **NO_REPLY,
                subject="Undeliverable mail",
            ),
            "bounce",
        ),
        (
            mail_of(
                multipart(
                    "mixed", text_part("It could not be delivered to him."), OURS
                ),
                **NO_REPLY,
            ),
            "bounce",
        ),
        (
            mail('{"notificationType":"Bounce","mail":{}}', **NO_REPLY),
            "delivery-report",
        ),
        (
            mail_of(
                multipart("mixed", OURS),
                subject="complaint about message from 192.0.2.1",
            ),
            "complaint-report",
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
        "a Chinese bounce",
        "a postmaster who quotes a code",
        "nobody's address, in words and subject",
        "nobody's address returns our mail",
        "an event of a sending service",
        "a complaint that only attaches",
        "a read receipt",
        "a complaint",
        "a report on a domain",
    ],
)
def test_reports_of_servers_are_notifications(raw, rule):
    judgement = evidence_of(read_mail(raw))

    assert judgement is not None
    assert judgement.category is Category.NOTIFICATION
    assert judgement.source == f"evidence/3:{rule}"


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
    assert rule_of(mail("I am away.", **headers)) == f"evidence/3:{rule}"


@pytest.mark.shows("C12")
@pytest.mark.parametrize("method", ["REQUEST", "CANCEL", "REPLY"])
def test_calendars_are_notifications(method):
    raw = mail_of(multipart("alternative", text_part("come"), REQUEST.format(method)))

    assert rule_of(raw) == "evidence/3:calendar"


@pytest.mark.shows("C12")
def test_an_answer_of_exchange_to_an_invitation_is_a_notification():
    accepted = mail("", content_class="urn:content-classes:calendarmessage")
    letter = mail("", content_class="urn:content-classes:message")

    assert rule_of(accepted) == "evidence/3:calendar"
    assert rule_of(letter) is None


def test_a_date_that_comes_with_a_letter_is_no_calendar_mail():
    raw = mail_of(multipart("mixed", text_part("ours"), REQUEST.format("PUBLISH")))

    assert rule_of(raw) is None


@pytest.mark.shows("H1")
@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({"X-Gmail-Labels": "Spam,Unread"}, "spam-folder"),
        ({"X-Forefront-Antispam-Report": "CIP:192.0.2.1;SFV:SPM;SCL:5"}, "spam-folder"),
        ({"X-MS-Exchange-Organization-SCL": "5"}, "spam-folder"),
        (LIST | {"X-Gmail-Labels": "Spam"}, "spam-folder"),
        ({"X-Spam-Flag": "YES"}, "spam-verdict"),
        ({"X-Spam-Status": "Yes, score=9.1 required=5.0"}, "spam-verdict"),
        ({"X-Rspamd-Action": "add header"}, "spam-verdict"),
    ],
    ids=["label", "Exchange", "level", "label on a list", "flag", "status", "Rspamd"],
)
def test_who_received_it_is_believed_when_calling_it_spam(headers, rule):
    judgement = evidence_of(read_mail(mail(**headers)))

    assert judgement is not None
    assert judgement.category is Category.SPAM
    assert judgement.source == f"evidence/3:{rule}"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-MS-Exchange-Organization-SCL": "4"},
        {"X-MS-Exchange-Organization-SCL": "-1"},
        {"X-Forefront-Antispam-Report": "CIP:192.0.2.1;SFV:NSPM;SCL:1"},
        {"X-Spam-Status": "No, score=0.1"},
        {"X-Spam-Level": "*****"},
        {"Authentication-Results": "mx.evil.example; dmarc=fail"},
        LIST | {"X-Spam-Flag": "YES"},
        {"X-Spam-Flag": "YES", "In-Reply-To": "<ours@bizzy.example>"},
    ],
    ids=[
        "a level below",
        "trusted",
        "not spam",
        "not spam by status",
        "stars",
        "a verdict of anybody",
        "a list let it through",
        "an answer to us",
    ],
)
def test_a_weak_word_of_spam_is_not_enough(headers):
    assert evidence_of(read_mail(mail(**headers))) is None


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
    assert judgement.source == "evidence/3:newsletter"


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
        ({"Subject": "Cron <web@x.example> backup"}, "program-output"),
        ({"X-List-Administrivia": "yes"}, "program-output"),
        ({"X-GitHub-Reason": "ci_activity"}, "program-output"),
        (NOTICE | {"X-SG-EID": "1"}, "service-notice"),
        (NOTICE | {"Return-Path": "<7@eu.amazonses.com>"}, "service-notice"),
        (NOTICE | {"List-Unsubscribe": "<https://shop.example/u>"}, "service-notice"),
    ],
    ids=[
        "generated",
        "notified",
        "bulk",
        "a sending service",
        "an answer to nobody",
        "a way out",
        "cron",
        "cron by its subject",
        "the manager of a list",
        "a build",
        "an address for notices",
        "an address for notices and a path",
        "an address for notices and a way out",
    ],
)
def test_what_programs_write_is_a_notification(headers, rule):
    assert (
        rule_of(mail("Your parcel is on its way.", **headers)) == f"evidence/3:{rule}"
    )


@pytest.mark.parametrize(
    ("html", "headers", "rule"),
    [
        (
            '<script type="application/ld+json">{"@type": "ParcelDelivery"}</script>',
            {},
            "deed",
        ),
        ('<div itemtype="http://schema.org/FlightReservation">x</div>', {}, "deed"),
        ('<div itemtype="http://schema.org/Person">x</div>', {}, None),
        (
            '<div itemtype="http://schema.org/Order">x</div>',
            {"Reply-To": "Anna <anna@example.org>"},
            None,
        ),
        (
            '<div itemtype="http://schema.org/Order">x</div>',
            {"Subject": "Fwd: Your order"},
            None,
        ),
    ],
    ids=["a parcel", "a booking", "a person", "an order of somebody", "handed on"],
)
def test_what_is_written_for_programs_was_written_by_one(html, headers, rule):
    raw = mail(html, content_type="text/html", **headers)

    assert rule_of(raw) == (rule and f"evidence/3:{rule}")


WAY_OUT = '<p>News!</p><a href="https://shop.example/x/1">Unsubscribe</a>'


@pytest.mark.parametrize(
    ("body", "headers", "rule"),
    [
        (WAY_OUT, {"List-Unsubscribe": "<https://shop.example/u>"}, "way-out"),
        (WAY_OUT, {"X-SG-EID": "1"}, "way-out"),
        (WAY_OUT, {"Precedence": "bulk"}, "way-out"),
        (WAY_OUT.replace("Unsubscribe", "Hier abmelden"), {"X-SG-EID": "1"}, "way-out"),
        (WAY_OUT.replace("Unsubscribe", "Map"), {"X-SG-EID": "1"}, None),
        (WAY_OUT, {}, None),
        (WAY_OUT, {"X-SG-EID": "1", "In-Reply-To": "<ours@x>"}, None),
        (WAY_OUT, {"X-SG-EID": "1", "Subject": "Fwd: News"}, None),
        (WAY_OUT, {"X-SG-EID": "1", "From": "Anna <anna@gmail.com>"}, None),
        (WAY_OUT, {"X-SG-EID": "1", "User-Agent": "Mozilla Thunderbird"}, None),
    ],
    ids=[
        "a header",
        "a service",
        "bulk",
        "German",
        "another link",
        "no program",
        "an answer",
        "handed on",
        "from a mailbox of a person",
        "from a mail program",
    ],
)
def test_a_mailing_has_its_end_in_header_and_text(body, headers, rule):
    raw = mail(
        body,
        **{"From": "Shop <hello@shop.example>", "Content-Type": "text/html"} | headers,
    )

    assert rule_of(raw) == (rule and f"evidence/3:{rule}")


def test_a_commit_on_a_list_for_commits_is_a_notification():
    commit = "Author: bob\nDate: 2024-03-05\n\nLog Message:\n\nmend it\n"
    headers = LIST | {"List-Id": "<project-commits.lists.example>"}

    assert rule_of(mail(commit, **headers)) == "evidence/3:commit"
    assert rule_of(mail(commit, **LIST)) is None
    assert rule_of(mail(commit, **headers, in_reply_to="<commit@x>")) is None
    assert rule_of(mail("why?", **headers)) is None


def test_an_item_of_a_feed_is_a_notification():
    item = "URL: https://blog.example/1\nDate: 2024-03-05\n\nA story."

    assert rule_of(mail(item, From="rss@x.example")) == "evidence/3:feed-item"
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
        mail(**BARE_LIST, sender="users-admin@lists.example"),
        mail(
            **BARE_LIST, return_path="<users-return-7-shop=bizzy.example@lists.example>"
        ),
        mail(
            **BARE_LIST | {"To": "users@lists.example"}, list_id="<users.lists.example>"
        ),
        mail(
            **BARE_LIST | {"To": "users@lists.example"}, reply_to="users@lists.example"
        ),
        mail(**BARE_LIST | {"From": "Anna <anna@gmail.com>"}),
        mail(**BARE_LIST | {"Precedence": None}, feedback_id="i7:user:proton"),
        mail(
            **MAILING,
            list_unsubscribe_post="List-Unsubscribe=One-Click",
            reply_to="x+0123456789@shop.example",
        ),
        mail(auto_submitted="auto-generated", x_zendesk_from_account_id="1"),
        mail(auto_submitted="auto-generated", x_discourse_post_id="1"),
        mail(**NOTICE),
        mail(**NOTICE, x_sg_eid="1", in_reply_to="<ours@x>"),
        mail(**NOTICE, x_sg_eid="1", reply_to="reply+a1b2c3d4e5@shop.example"),
        mail("The cron <web@x.example> job?", subject="About cron <web@x.example>"),
        mail("x", subject="Re: Undeliverable", From="postmaster@x.example"),
        mail(QMAIL, From="anna@gmail.com", subject="Undelivered mail"),
        mail("We have received your parcel.", subject="Request received"),
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
        "a list that only its manager names",
        "a list that only its return path names",
        "a list that only its id names",
        "a list that answers go to",
        "a list without a name",
        "a host that counts complaints",
        "an answer through a service reaches somebody",
        "a person at a help desk",
        "a member of a forum",
        "an address for notices and nothing more",
        "an answer from an address for notices",
        "an address for notices that takes answers",
        "a word about cron",
        "a postmaster who answers",
        "a person who pastes a bounce",
        "a person who received something",
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


@pytest.mark.shows("C4")
@pytest.mark.parametrize(
    "text",
    [
        "unsubscribe " * 40_000,
        "https://x.example/" * 20_000,
        "<a " * 100_000,
        "<a>" * 100_000,
        "your message to " * 20_000,
        "please click " * 20_000,
        "name:" * 50_000,
        "a@b." * 50_000,
        "itemtype=" * 50_000,
    ],
    ids=[
        "words",
        "links",
        "open tags",
        "tags",
        "bounces",
        "challenges",
        "labels",
        "addresses",
        "types",
    ],
)
def test_hostile_text_is_judged_in_bounded_time(text):
    headers = NO_REPLY | {"X-SG-EID": "1", "Return-Path": "<>", "Precedence": "bulk"}
    message = read_mail(mail(**headers)).model_copy(
        update={"body_text": text, "body_html": text}
    )
    start = time.process_time()

    evidence_of(message)

    assert time.process_time() - start < 1


def test_each_rule_has_a_name_of_its_own_and_a_reason():
    names = [rule.name for rule in RULES]

    assert len(set(names)) == len(names)
    assert all(rule.reason and SURE_ENOUGH <= rule.confidence < 1 for rule in RULES)


@pytest.mark.shows("H1", "H3")
@pytest.mark.parametrize("automatic", [True, False])
def test_an_answer_of_another_installation_is_told_by_its_mark(automatic):
    mark = loop_mark.make(b"somebody else's", UUID(int=7), automatic=automatic)

    rule = rule_of(mail(x_bizzybee_mark=mark))

    assert rule == ("evidence/3:auto-reply" if automatic else None)
