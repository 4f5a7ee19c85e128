"""What opens something does not leave with a text."""

import pytest

from app.domain.redaction import REMOVED, redacted

KEY = "bb_0123456789ab_" + "Zz-_0123456789Zz-_0123456789"


@pytest.mark.shows("L3")
@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"use {KEY}.", f"use {REMOVED}."),
        ("sk-ant-api03-abcdefghijklmnop", REMOVED),
        ("sk_live_abcdefghij0123", REMOVED),
        ("key=AKIAIOSFODNN7EXAMPLE", f"key={REMOVED}"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijklmn", REMOVED),
        ("123456789:AAabcdefghijklmnopqrstuvwxyz0123456", REMOVED),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----\nok",
            f"{REMOVED}\nok",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIabc", REMOVED),
        ("My password: hunter2", f"My password: {REMOVED}"),
        ("password is hunter2!", f"password is {REMOVED}"),
        ("Passwort ist: geheim", f"Passwort ist: {REMOVED}"),
        ("mot de passe : azerty", f"mot de passe : {REMOVED}"),
        ("パスワード：himitsu", f"パスワード：{REMOVED}"),
        ("card 4111 1111 1111 1111, thanks", f"card {REMOVED}, thanks"),
        ("card 4111-1111-1111-1111", f"card {REMOVED}"),
        ("378282246310005", REMOVED),
    ],
)
def test_secrets_are_taken_out(text, left):
    assert redacted(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "I forgot my password and my pin.",
        "My password is gone, please help",
        "Your parcel 00340434161094042557 is late",
        "tracking 4111111111111112",
        "order 1234567890123456",
        "call +49 170 1234567 or 0170 1234567",
        "IBAN DE02 1203 0000 0000 2020 51",
        "sk-8 skateboard, article bb_12",
        "On 2026-11-02 at 10:00 I paid 12.50",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    assert redacted(text) == text


def test_hostile_text_is_read_in_no_time():
    for hostile in (
        "4111 " * 200_000,
        "eyJ" * 200_000,
        "-----BEGIN PRIVATE KEY-----" * 2_000,
        "password:" * 100_000,
    ):
        redacted(hostile[:200_000])
