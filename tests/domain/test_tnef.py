"""Outlook's own wrapping, unpacked as far as it goes."""

import base64
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.mail import AttachedParts, read_mail
from app.domain.tnef import MARK, MAX_FILES, unpack
from tests.domain.mails import mail_of, multipart, text_part

pytestmark = pytest.mark.shows("C10")

MESSAGE, FILE = 1, 2


def wrapped(*fields):
    return MARK + b"\x01\x00" + b"".join(fields)


def field(level, name, value):
    head = struct.pack("<BHHI", level, name, 0, len(value))
    return head + value + struct.pack("<H", sum(value) & 0xFFFF)


def properties(*each):
    return struct.pack("<I", len(each)) + b"".join(each)


def text_property(name, text):
    value = text.encode("utf-16-le") + b"\0\0"
    return long_property(0x1F, name, value)


def long_property(kind, name, value):
    padded = value + b"\0" * (-len(value) % 4)
    return struct.pack("<HHII", kind, name, 1, len(value)) + padded


def attached(title, content, *described):
    return (
        field(FILE, 0x9002, b"\0" * 14)
        + field(FILE, 0x8010, title + b"\0")
        + field(FILE, 0x800F, content)
        + field(FILE, 0x9005, properties(*described))
    )


CODEPAGE = field(MESSAGE, 0x9007, struct.pack("<II", 1252, 0))
RECEIPT = attached(
    b"RECEIP~1.PDF",
    b"%PDF a receipt",
    text_property(0x3707, "Receipt for Zo\u00eb.pdf"),
    text_property(0x370E, "application/pdf"),
)
PLAIN = wrapped(CODEPAGE, field(MESSAGE, 0x800C, b"Caf\xe9\r\n\0"), RECEIPT)


def test_text_and_files_come_out():
    found = unpack(PLAIN)

    (receipt,) = found.files
    assert found.text == "Caf\u00e9\n"
    assert receipt.name == "Receipt for Zo\u00eb.pdf"
    assert receipt.content_type == "application/pdf"
    assert receipt.content == b"%PDF a receipt"


def test_html_comes_out_in_its_own_charset():
    body = properties(
        struct.pack("<HHI", 3, 0x3FDE, 28592),
        long_property(0x102, 0x1013, "<p>\u0141\u00f3d\u017a</p>".encode("iso-8859-2")),
        struct.pack("<HH", 0x1F, 0x8001) + b"\1" * 16 + struct.pack("<II", 0, 5)
        + struct.pack("<II", 1, 2) + b"a\0\0\0",
        text_property(0x1000, "\u0141\u00f3d\u017a"),
    )  # fmt: skip

    found = unpack(wrapped(field(MESSAGE, 0x9003, body)))

    assert found.text == "\u0141\u00f3d\u017a"
    assert "<p>" in found.html


def test_a_name_loses_the_folders_before_it():
    (file,) = unpack(wrapped(attached(b"..\\..\\evil.txt", b"x"))).files

    assert file.name == "evil.txt"


def test_a_mail_lists_what_its_wrapping_holds():
    raw = mail_of(multipart("mixed", text_part("See the file."), winmail(PLAIN)))

    message = read_mail(raw)

    outer, receipt = message.attachments
    places = message.metadata["attachment_places"]
    assert message.body_text == "See the file."
    assert outer.name == "winmail.dat"
    assert (receipt.name, receipt.content_type, receipt.size) == (
        "Receipt for Zo\u00eb.pdf",
        "application/pdf",
        14,
    )
    parts = AttachedParts(raw)
    assert [parts.content(place) for place in places] == [PLAIN, b"%PDF a receipt"]
    assert parts.content(f"{places[0]}/2") is parts.content(f"{places[0]}/x") is None


def test_a_mail_whose_text_is_only_in_the_wrapping_says_it():
    message = read_mail(mail_of(winmail(PLAIN)))

    assert message.body_text == "Caf\u00e9"


def test_what_only_looks_wrapped_stays_a_file():
    message = read_mail(mail_of(multipart("mixed", text_part("a"), winmail(b"no"))))

    assert [file.name for file in message.attachments] == ["winmail.dat"]


@pytest.mark.parametrize(
    "content",
    [
        wrapped(attached(b"a", b"x") * 100_000),
        wrapped(field(MESSAGE, 0x9003, b"\xff" * 8) * 100_000),
        wrapped(field(MESSAGE, 0x9003, struct.pack("<I", 2**32 - 1))),
        wrapped(
            field(
                MESSAGE,
                0x9003,
                struct.pack("<IHHI", 9, 0x101F, 0x1000, 2**32 - 1) + b"\0" * 4_000_000,
            )
        ),
        wrapped(field(MESSAGE, 0x9004, struct.pack("<I", 2**32 - 1))),
        MARK + b"\0\0" + struct.pack("<BHHI", 1, 0x800C, 0, 2**32 - 1),
    ],
    ids=["files", "fields", "properties", "values", "recipients", "length"],
)
def test_counts_that_lie_are_not_believed(content):
    begun = time.process_time()

    found = unpack(content)

    assert time.process_time() - begun < 3
    assert len(found.files) <= MAX_FILES


@given(st.binary(max_size=200), st.integers(0, len(PLAIN)))
def test_whatever_is_inside_nothing_is_raised(noise, cut):
    unpack(PLAIN[:cut] + noise)
    unpack(MARK + noise)
    assert unpack(noise if not noise.startswith(MARK) else b"") is None


def winmail(content):
    return (
        b'Content-Type: application/ms-tnef; name="winmail.dat"\n'
        b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(content)
    )
