"""Who counts as the same: too little splits a customer, too much shows one to another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.identifiers import email_key, identity_key, is_global, phone_aliases


@pytest.mark.shows("E8")
@pytest.mark.parametrize(
    ("address", "key"),
    [
        (" Anna@Example.COM ", "anna@example.com"),
        ("anna.ex+shop@gmail.com", "annaex@gmail.com"),
        ("a.n.n.a@GoogleMail.com", "anna@gmail.com"),
        ("anna.ex+shop@example.com", "anna.ex+shop@example.com"),
        ("+shop@gmail.com", "+shop@gmail.com"),
        ("anna@xn--mnchen-3ya.example", "anna@münchen.example"),
        ("anna@MÜNCHEN.example", "anna@münchen.example"),
        ("anna@straße.example", "anna@straße.example"),
        ("anna@strasse.example", "anna@strasse.example"),
        ("anna@xn--gmail-.com", "anna@xn--gmail-.com"),
        ("anna@example.com.", "anna@example.com"),
        ("MAILER-DAEMON", "mailer-daemon"),
        ("", ""),
        ("anna@xn--\udcff", "anna@xn--\udcff"),
    ],
    ids=[
        "case and blanks",
        "dots and plus at Gmail",
        "the other name of Gmail",
        "dots and plus elsewhere",
        "nothing before the plus",
        "an encoded domain",
        "the same domain in letters",
        "a sharp s",
        "is not two",
        "a disguise",
        "the dot of the root",
        "no domain",
        "nothing",
        "a lone surrogate",
    ],
)
def test_email_keys(address, key):
    assert email_key(address) == key


@given(st.text() | st.from_regex(r"[\w.+]{0,9}@(xn--)?[\w.-]{0,12}", fullmatch=True))
def test_the_key_of_a_key_is_itself(address):
    assert email_key(email_key(address)) == email_key(address)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("+49 (0)170 1234567", "+491701234567"),
        ("+49170-1234567", "+491701234567"),
        ("0170 1234567", "0170 1234567"),
        ("12345", "12345"),
        (" MyBank ", "MyBank"),
        ("+49 30 1234567 ext. 8", "+49 30 1234567 ext. 8"),
        ("+", "+"),
        ("+" + "9" * 500, "+" + "9" * 500),
    ],
    ids=[
        "with blanks",
        "with a hyphen",
        "without its country",
        "a short code",
        "a name",
        "one of many behind a switchboard",
        "a sign alone",
        "no number at all",
    ],
)
def test_phone_keys(value, key):
    assert identity_key("phone", value) == key


def test_other_kinds_are_only_stripped():
    assert identity_key("telegram", " Anna.Ex+1@x ") == "Anna.Ex+1@x"
    assert identity_key("email", "A.B@gmail.com") == "ab@gmail.com"


@pytest.mark.shows("E2")
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("email", True),
        ("phone", True),
        ("whatsapp_user", False),
        ("igsid", False),
        ("psid", False),
        ("x", False),
    ],
)
def test_only_addresses_and_numbers_are_the_same_everywhere(kind, expected):
    assert is_global(kind) is expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+5511987654321", "+551187654321"),
        ("+5215512345678", "+525512345678"),
        ("+5491112345678", "+541112345678"),
    ],
    ids=["Brazil", "Mexico", "Argentina"],
)
def test_a_number_is_known_under_both_of_its_forms(one, other):
    assert phone_aliases(one) == [one, other]
    assert phone_aliases(other) == [other, one]


@pytest.mark.parametrize(
    "number",
    [
        "+46700000001",
        "+551133334444",
        "+5511333344445",
        "+52123",
        "anna",
        "",
        "+5511٩٨٧٦٥٤٣٢١",
    ],
    ids=[
        "Sweden",
        "a landline",
        "too long",
        "too short",
        "no number",
        "empty",
        "digits",
    ],
)
def test_other_numbers_have_one_form(number):
    assert phone_aliases(number) == [number]
