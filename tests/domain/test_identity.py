"""Whose a mail is, where more than one header could say."""

import pytest

from app.domain.identity import customer_of
from app.domain.mail import read_mail
from tests.domain.mails import mail

OWN = frozenset({"shop@bizzy.example"})


def whose(**headers):
    found = customer_of(read_mail(mail(**headers)), own=OWN)
    person = found.person
    return (
        (person.value, person.name) if person else None,
        found.evidence,
    )


@pytest.mark.shows("C6", "E5")
@pytest.mark.parametrize(
    ("headers", "person", "evidence"),
    [
        (
            {"reply_to": "boss@example.org"},
            ("anna@example.com", "Anna Example"),
            "from",
        ),
        (
            {
                "From": "Anna Example via Users <users@lists.example.org>",
                "Reply-To": "Anna Example <anna@example.com>",
                "List-Id": "Users <users.lists.example.org>",
                "List-Post": "<mailto:users@lists.example.org>",
            },
            ("anna@example.com", "Anna Example"),
            "list_rewritten_from",
        ),
        (
            {
                "From": "Anna Example via Users <users@lists.example.org>",
                "Reply-To": "users@lists.example.org",
                "Cc": "Bo <bo@example.com>, Anna Example <anna@example.com>",
                "List-Post": "<mailto:users@lists.example.org>",
            },
            ("anna@example.com", "Anna Example"),
            "list_rewritten_from",
        ),
        (
            {
                "From": "Anna via groups.io <anna=example.com@groups.example.io>",
                "List-Id": "<talk.groups.example.io>",
            },
            ("anna@example.com", "Anna"),
            "list_rewritten_from",
        ),
        (
            {
                "From": "'Anna Example' via Support <support@group.example>",
                "X-Original-From": "Anna Example <anna@example.com>",
                "X-Google-Group-Id": "12345",
            },
            ("anna@example.com", "Anna Example"),
            "original_sender",
        ),
        (
            {
                "From": "Anna Example via Support <support@group.example>",
                "X-Original-From": "Anna Example <anna@example.com>",
            },
            ("support@group.example", None),
            "shared_address",
        ),
        (
            {
                "From": "Market <noreply@market.example>",
                "Reply-To": "Anna <anna@example.com>",
            },
            ("anna@example.com", "Anna"),
            "reply_to_of_shared_address",
        ),
        (
            {
                "From": "Anna Example via Market <noreply@market.example>",
                "Reply-To": "c-17@reply.market.example",
            },
            ("c-17@reply.market.example", "Anna Example"),
            "reply_to_of_shared_address",
        ),
        (
            {
                "From": "WordPress <wordpress@blog.example>",
                "Reply-To": "anna@example.com",
            },
            ("anna@example.com", None),
            "reply_to_of_shared_address",
        ),
        (
            {"From": "Acme <info@acme.example>", "Reply-To": "sales@acme.example"},
            ("info@acme.example", "Acme"),
            "from",
        ),
        (
            {
                "From": "Acme <info@acme.example>",
                "Reply-To": "boss@example.org",
                "Auto-Submitted": "auto-replied",
            },
            ("info@acme.example", "Acme"),
            "from",
        ),
        (
            {
                "From": "Market <noreply@market.example>",
                "Reply-To": "anna@example.com, bo@example.com",
            },
            ("noreply@market.example", "Market"),
            "from",
        ),
        (
            {
                "From": "Market <noreply@market.example>",
                "Reply-To": "shop@bizzy.example",
            },
            ("noreply@market.example", "Market"),
            "from",
        ),
        (
            {"From": "Anna via Market <noreply@market.example>"},
            ("noreply@market.example", None),
            "shared_address",
        ),
        (
            {
                "From": "a@example.com, b@example.com",
                "Sender": "Bo <b@example.com>",
            },
            ("b@example.com", None),
            "from",
        ),
        ({"From": "", "Return-Path": "<>"}, None, "nobody"),
    ],
    ids=[
        "an ordinary mail that asks for answers elsewhere",
        "a list that rewrites",
        "a list that keeps the writer in Cc",
        "a list that encodes the writer",
        "a Google Group",
        "who only claims to be a group",
        "a market",
        "a market with addresses of its own",
        "a form",
        "one office to the other",
        "an auto-responder",
        "two people",
        "ourselves",
        "nobody beside the market",
        "two authors",
        "nobody at all",
    ],
)
def test_whose_a_mail_is(headers, person, evidence):
    assert whose(**headers) == (person, evidence)


def test_we_write_to_the_first_who_is_not_us():
    raw = mail(From="shop@bizzy.example", To="shop@bizzy.example, anna@example.com")
    sent = read_mail(raw, own_addresses=OWN)

    assert customer_of(sent, own=OWN).person.value == "anna@example.com"


def test_a_note_to_ourselves_is_nobodys():
    raw = mail(From="shop@bizzy.example", To="shop@bizzy.example")
    sent = read_mail(raw, own_addresses=OWN)

    assert customer_of(sent, own=OWN).person is None
