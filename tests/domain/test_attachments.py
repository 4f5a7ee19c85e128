"""What is known of a file by its name and its first bytes."""

import struct

import pytest

from app.domain.attachments import (
    inner_message,
    is_refused,
    is_single_pixel,
    picture_type,
    read_kinds,
    referenced_ids,
    warning_of,
)

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def png(width, height):
    return PNG + struct.pack(">II", width, height) + b"\x08\x06\x00\x00\x00"


def gif(width, height):
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\x00\x00"


@pytest.mark.shows("C15")
@pytest.mark.parametrize(
    ("name", "content", "warning"),
    [
        ("invoice.exe", b"", "opening it may run a program"),
        ("invoice.pdf.JS", b"", "opening it may run a program"),
        ("invoice.exe. .", b"", "opening it may run a program"),
        ("invoice.exe:hidden.txt", b"", "opening it may run a program"),
        ("holiday.jpg", b"MZ\x90\x00", "opening it may run a program"),
        ("notes", b"#!/bin/sh", "opening it may run a program"),
        ("prices.xlsm", b"PK", "it may contain macros, which are programs"),
        ("prices.xlsx", b"PK", None),
        ("receipt.pdf", b"%PDF-1.7", None),
        ("exe", b"", None),
        (None, b"", None),
    ],
)
def test_what_runs_when_it_is_opened_is_flagged(name, content, warning):
    assert warning_of(name, content) == warning


@pytest.mark.shows("C15")
@pytest.mark.parametrize(
    ("name", "content_type", "refused"),
    [
        ("a.exe", None, True),
        ("a.EXE", "image/png", True),
        ("a.zip", None, True),
        ("a.bin", "Application/X-MSDownload", True),
        ("a.pdf", "application/pdf", False),
        ("exe", "text/plain", False),
        (None, None, False),
    ],
)
def test_unwanted_kinds_are_told_by_extension_or_type(name, content_type, refused):
    kinds = read_kinds(" exe, .ZIP,application/x-msdownload,, ")

    assert is_refused(kinds, name, content_type) is refused


def test_where_no_kind_is_unwanted_everything_is_taken():
    assert not is_refused(read_kinds(""), "a.exe", "application/x-msdownload")
    assert not is_refused(read_kinds(" , "), None, None)


@pytest.mark.shows("C10")
@pytest.mark.parametrize(
    ("content", "single"),
    [
        (png(1, 1), True),
        (gif(1, 1), True),
        (png(1, 2), False),
        (gif(2, 1), False),
        (png(600, 400), False),
        (PNG, False),
        (b"\xff\xd8\xff\xe0", False),
        (b"", False),
    ],
)
def test_a_single_point_is_told_from_a_picture(content, single):
    assert is_single_pixel(content) is single


@pytest.mark.parametrize(
    ("beginning", "media_type"),
    [
        (png(2, 2), "image/png"),
        (gif(2, 2), "image/gif"),
        (b"\xff\xd8\xff\xdb", "image/jpeg"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\x00\x00\x00AVI ", None),
        (b"<svg onload=alert(1)>", None),
        (b"<html>GIF89a", None),
        (b"", None),
    ],
)
def test_only_bytes_say_what_a_picture_is(beginning, media_type):
    assert picture_type(beginning) == media_type


@pytest.mark.shows("C10")
def test_the_pictures_that_a_body_shows_are_found():
    html = """<img src="cid:logo@x"><IMG SRC='CID:foto%401'><td background=cid:back@x>
    <p style="background:url(cid:css@x)">cid: <a href="https://acid:x">"""

    found = referenced_ids(html)

    assert found == {"logo@x", "foto@1", "back@x", "css@x"}
    assert referenced_ids(None) == frozenset()


@pytest.mark.shows("C13")
def test_an_attached_message_says_who_wrote_it():
    inner = b"From: Bo Ek <bo@example.com>\r\nSubject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\r\n\r\nHi"

    assert inner_message(inner) == {
        "sender": "bo@example.com",
        "sender_name": "Bo Ek",
        "subject": "Größe",
    }
    assert inner_message(b"") == {"sender": "unknown-sender"}
