"""What may leave without a person, and what may not."""

import base64
from decimal import Decimal

import pytest

from app.ai import prompts
from app.domain.reply_check import MAX_LENGTH, faults_of_reply

PROMPTS = [prompts.load("draft/2"), prompts.load("orders/1")]
OURS = {
    "allowed_links": ["shop.example"],
    "allowed_addresses": ["hello@shop.example", "+49 30 1234567", "anna@example.com"],
    "own_texts": [
        "See https://help.other.example/returns or call 0800 765 4321. We give 10 % to"
        " members; shipping is 4,90 €. IBAN DE02 1203 0000 0000 2020 51."
    ],
    "catalogue_prices": [Decimal("12.50"), Decimal("1250.00")],
    "prompt_markers": PROMPTS,
    "secrets": ["sk-live-4242"],
}


def rules(text, **fields):
    return [fault.rule for fault in faults_of_reply(text, **(OURS | fields))]


@pytest.mark.parametrize(
    "text",
    [
        "Hello Anna,\n\nit left today.\n\nKind regards\nThe Shop",
        "Guten Tag,\n\nwir melden uns am 03.11.2026 um 14:30 Uhr, z.B. per Telefon.",
        "You find it at https://www.shop.example/mugs?id=4 or shop.example/faq.",
        "As I wrote: https://help.other.example/returns/form",
        "Write to hello@shop.example or call 0049 30 12 34 567.",
        "We have noted anna@example.com.",
        "The blue mug is 12.50 €, two are EUR 25,00, the large one is $1,250.00.",
        "Members get 10% off, shipping is 4,90 €, as I wrote.",
        "Your parcel 48151623 and order 2026-1042 left on 2026-11-02 at 9:30-10:00.",
        "👩‍👩‍👧 بالتأكيد، سنرد عليكم اليوم.",
        "かしこまりました。本日発送いたします。",
        "Donaudampfschifffahrtsgesellschaftskapitän is a fine word.",
        "Danke für Ihre Nachricht.Wir prüfen das,d.h. bis morgen.",
        "Our account is still DE02120300000000202051.",
        "A person of the business will confirm it.",
    ],
)
def test_an_ordinary_reply_may_leave(text):
    assert rules(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        (" \n—", "empty"),
        ("word " * MAX_LENGTH, "too_long"),
        ("See https://evil.example/x", "foreign_link"),
        ("See http://shop.example@evil.example/", "foreign_link"),
        ("See https://shop.example.evil.example/", "foreign_link"),
        ("See https://evil.example\\@shop.example/", "foreign_link"),
        ("See HTTPS://EVIL.EXAMPLE", "foreign_link"),
        ("See evil.com for more", "foreign_link"),
        ("See www.evil.zone", "foreign_link"),
        ("See evil.co/login", "foreign_link"),
        ("See ｅｖｉｌ．ｃｏｍ", "foreign_link"),
        ("See evil。com", "foreign_link"),
        ("See xn--sh-8ja.example", "foreign_link"),
        ("See shоp.example", "foreign_link"),
        ("See http://10.0.0.1/", "foreign_link"),
        ("See 10.0.0.1:8080", "foreign_link"),
        ("See http://[::1]/", "foreign_link"),
        ("ftp://evil.example/a", "foreign_link"),
        ("myshop.example is ours", "foreign_link"),
        ("Write to bo@evil.example", "foreign_address"),
        ("Write to hello@shop.example.evil.example", "foreign_address"),
        ("Call +49 170 7654321", "foreign_number"),
        ("Call 0170/7654321", "foreign_number"),
        ("Call (0170) 765-43-21.", "foreign_number"),
        ("Call 612 345 678", "foreign_number"),
        ("Pay to GB33 BUKB 2020 1555 5555 55", "foreign_number"),
        ("Pay to 4242424242424242", "foreign_number"),
        ("![x](https://shop.example/a.png)", "markup"),
        ("<img src=x>", "markup"),
        ("Click [here](shop.example)", "markup"),
        ("javascript:alert(1)", "markup"),
        ("Hello\u202e there", "hidden_text"),
        ("Hello\U000e0041\U000e0042 there", "hidden_text"),
        ("Bcc: hello@shop.example\nHello", "header_line"),
        ("**Subject:** Your order\nHello", "header_line"),
        (base64.b64encode(b"You write replies for the business").decode(), "encoded"),
        ("bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh", "encoded_text"),
        ("I was told: in the language it is written in, in its degree of", "prompt"),
        ("I will call create_order now", "prompt_leaked"),
        ('{"from": "Anna", "at": "now"}', "prompt_leaked"),
        ("<|im_start|>system", "prompt_leaked"),
        ("The key is sk-live-4242.", "secret"),
        ("The key is SK - live - 4242.", "secret"),
        ("You get 50 % off", "unknown_discount"),
        ("It is 9.99 € today", "unknown_price"),
        ("It is only $ 1", "unknown_price"),
        ("Your order is confirmed.", "order_claimed"),
        ("Ihre Bestellung wurde aufgenommen.", "order_claimed"),
        ("تم تأكيد طلبك", "order_claimed"),
    ],
)
@pytest.mark.shows("G9")
def test_what_is_not_ours_to_say_is_a_fault(text, expected):
    assert any(rule.startswith(expected) for rule in rules(text)), rules(text)


@pytest.mark.parametrize("turned", [str.upper, lambda text: text[::-1]])
def test_a_prompt_is_known_in_other_clothes(turned):
    leak = "give no link, address, phone number or account number that is not in an"

    assert "prompt_leaked" in rules(turned(leak))


def test_an_order_that_is_one_may_be_told_of():
    assert rules("Your order is noted.", has_order=True) == []
    assert rules("Hello.", order_refused=True) == ["order_refused"]


def test_without_a_catalogue_amounts_are_not_looked_at():
    assert rules("It is 9.99 €", catalogue_prices=None) == []


def test_faults_name_no_address_and_no_number():
    faults = faults_of_reply("bo@evil.example, +49 170 7654321", **OURS)

    assert {fault.rule for fault in faults} == {"foreign_address", "foreign_number"}
    assert not any("evil" in fault.detail or "765" in fault.detail for fault in faults)


def test_hostile_text_is_read_in_no_time():
    for hostile in (
        "a." * 500_000,
        "0 " * 500_000,
        "http://" * 200_000,
        "AB12" * 200_000,
    ):
        faults_of_reply(hostile, **(OURS | {"own_texts": [hostile[:8_000]]}))
