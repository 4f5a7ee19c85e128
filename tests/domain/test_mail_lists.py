"""Which lists a mail came over, and what that lets in."""

import pytest

from app.domain.forest import Forest
from app.domain.ids import new_id
from app.domain.mail import read_mail
from app.domain.mail_lists import lists_of
from app.domain.mail_report import report_of
from app.domain.threading import read_threading
from tests.domain.mails import mail
from tests.factories import START


@pytest.mark.parametrize(
    ("headers", "lists"),
    [
        ({}, set()),
        ({"to": "talk@lists.example"}, set()),
        ({"list_id": "Talk <talk.lists.example>"}, {"talk.lists.example"}),
        ({"list_id": "talk.lists.example"}, {"talk.lists.example"}),
        ({"list_post": "<mailto:Talk@lists.example?x=1>"}, {"talk@lists.example"}),
        ({"list_post": "NO"}, set()),
        (
            {"mailing_list": "contact a@lists.example; list talk@lists.example"},
            {"talk@lists.example"},
        ),
        ({"delivered_to": "mailing list talk@lists.example"}, {"talk@lists.example"}),
        ({"x_beenthere": "talk@lists.example"}, {"talk@lists.example"}),
        (
            {
                "to": "talk@lists.example",
                "sender": "talk@lists.example",
                "precedence": "Bulk",
            },
            {"talk@lists.example"},
        ),
        ({"to": None, "subject": "Re: [Talk] Tea"}, {"[talk]"}),
        ({"to": None, "subject": "[Ticket 17] Tea"}, set()),
        ({"to": None, "subject": "[EXTERNAL] Tea"}, set()),
        ({"subject": "[Talk] Tea"}, set()),
    ],
)
def test_a_mail_says_over_which_lists_it_came(headers, lists):
    assert lists_of(read_mail(mail(**headers))) == lists


@pytest.mark.shows("D3")
@pytest.mark.parametrize(
    ("own", "is_joined"),
    [("me@else.example", True), ("support@lists.example", False)],
    ids=["a list of others", "a group before our own mailbox"],
)
def test_a_list_lets_in_whoever_writes_to_it_unless_it_is_ours(own, is_joined):
    over = {"list_id": "<support.lists.example>"}
    raws = [
        mail(message_id="<a@x>", **over),
        mail(
            message_id="<s@x>",
            From="mallory@example.net",
            in_reply_to="<a@x>",
            **over,
        ),
    ]

    assert joined(raws, own) is is_joined


@pytest.mark.shows("H2")
@pytest.mark.parametrize(
    ("failed", "is_joined"),
    [("anna@example.com", True), ("mallory@example.net", False)],
)
def test_a_delivery_report_belongs_to_the_mail_it_reports_on(failed, is_joined):
    sent = mail(From="shop@bizzy.example", To="anna@example.com", message_id="<a@x>")
    report = mail(
        "--b\nContent-Type: text/plain\n\nIt failed.\n"
        "--b\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example.net\n\n"
        f"Final-Recipient: rfc822; {failed}\nAction: failed\nStatus: 5.1.1\n\n"
        "--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <a@x>\n\n--b--\n",
        From="MAILER-DAEMON@mx.example.net",
        To="shop@bizzy.example",
        message_id="<r@mx>",
        content_type='multipart/report; report-type=delivery-status; boundary="b"',
    )

    assert joined([sent, report], "shop@bizzy.example") is is_joined


def joined(raws, own):
    """Whether the mails make one conversation."""
    forest = Forest()
    for raw in raws:
        node = new_id()
        message = read_mail(raw, own_addresses=frozenset({own}))
        found = read_threading(
            message,
            at=START,
            own={own},
            message_id=node,
            report=report_of(message),
        )
        forest.add(node, found.claims, found.participants)
    forest.settle()
    return len(forest.trees()) == 1
