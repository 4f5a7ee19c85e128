"""Reading mail: whatever the bytes are, a message comes out and the next one can come."""

import base64
import json
import re
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.mail import (
    UNKNOWN_SENDER,
    AttachedParts,
    content_digest,
    read_mail,
)
from app.domain.unified_message import Direction, MessageKind
from tests.domain.mails import mail, mail_of, multipart, text_part

PDF = b"%PDF-1.4 \x00\xff end"
PDF_PART = (
    b'Content-Type: application/pdf; name="offer.pdf"\n'
    b"Content-Transfer-Encoding: base64\n"
    b"Content-Disposition: attachment; filename=offer.pdf\n\n" + base64.b64encode(PDF)
)


def test_an_ordinary_mail_is_read_whole():
    raw = mail(
        cc="Bob <bob@Example.ORG>",
        in_reply_to="<parent@example.com>",
        references="<root@example.com> <parent@example.com>",
        x_gm_thrid="1790001",
    )

    message = read_mail(raw)

    assert message.external_id == "first@mail.example.com"
    assert message.external_thread_id == "gmail:1790001"
    assert message.direction is Direction.INBOUND
    assert message.sender.model_dump() == {
        "kind": "email",
        "value": "anna@example.com",
        "name": "Anna Example",
    }
    assert [(r.role, r.value, r.name) for r in message.recipients] == [
        ("to", "shop@bizzy.example", None),
        ("cc", "bob@example.org", "Bob"),
    ]
    assert message.subject == "A question"
    assert message.body_text == "Are you open?"
    assert message.body_html is None
    assert message.sent_at == datetime(2024, 3, 5, 9, 30, tzinfo=UTC)
    assert message.in_reply_to == "parent@example.com"
    assert message.references == ["root@example.com", "parent@example.com"]
    assert message.kind is MessageKind.TEXT
    assert message.attachments == []
    assert message.metadata == {}


@pytest.mark.parametrize(
    "own",
    ["anna@example.com", "ANNA@Example.com"],
    ids=["as written", "in another case"],
)
def test_what_we_sent_ourselves_is_outbound(own):
    message = read_mail(mail(), own_addresses=frozenset({own, "shop@bizzy.example"}))

    assert message.direction is Direction.OUTBOUND


def test_own_gmail_addresses_are_known_by_their_key():
    raw = mail(From="Shop <my.shop+orders@googlemail.com>")

    message = read_mail(raw, own_addresses=frozenset({"myshop@gmail.com"}))

    assert message.direction is Direction.OUTBOUND


# --- any bytes at all


@pytest.mark.shows("C1")
@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2_000))
def test_no_bytes_make_it_raise(raw):
    message = read_mail(raw)

    assert message.external_id
    json.dumps(message.model_dump(mode="json")).encode("utf-8")


HEADER_PIECES = st.sampled_from(
    [
        *(b"From: ", b"Subject: ", b"Content-Type: ", b"Date: ", b"References: "),
        *(b"multipart/mixed; boundary=b", b"message/delivery-status", b"text/html"),
        *(b"; charset=", b"gb2312", b"utf-7", b"filename*0*=x'y'%E4", b"--b", b"--b--"),
        *(b"Content-Transfer-Encoding: base64\n", b"=?utf-8?b?", b"=?x?q?=C3", b"?="),
        *(b"\n", b"\r\n", b"\n\n", b" ", b'"', b"<", b">", b"@", b"(", b";", b"\0"),
        *(b"\xed\xa0\x80", b"\x1b$B", b"a"),
    ]
)


@pytest.mark.shows("C1")
@settings(max_examples=300, deadline=None)
@given(st.lists(HEADER_PIECES | st.binary(max_size=8), max_size=60))
def test_no_mixture_of_mail_syntax_makes_it_raise(pieces):
    raw = b"".join(pieces)

    assert read_mail(raw) == read_mail(raw)


@pytest.mark.shows("C1")
def test_what_is_no_mail_keeps_its_text_and_says_so():
    message = read_mail(b"just some words\nand no header at all")

    assert message.sender.value == UNKNOWN_SENDER
    assert message.body_text == "just some words\nand no header at all"
    assert message.metadata["decode_error"] == "no header fields"


@pytest.mark.shows("C1")
def test_damaged_header_lines_do_not_hide_the_others():
    raw = mail().replace(b"To:", b"a line that lost its name\nTo:")

    message = read_mail(raw)

    assert message.subject == "A question"
    assert message.recipients[0].value == "shop@bizzy.example"
    assert message.body_text == "Are you open?"


@pytest.mark.shows("C1")
def test_a_body_without_the_empty_line_before_it_is_kept():
    message = read_mail(b"From: anna@example.com\nHello there\nhow are you?\n")

    assert message.body_text == "Hello there\nhow are you?"


@pytest.mark.parametrize(
    "before",
    [b"From anna@example.com Tue Mar  5 10:30:00 2024\n", b"\r\n\r\n", b"\xef\xbb\xbf"],
    ids=["the line of an mbox", "empty lines", "a byte order mark"],
)
def test_what_stands_before_the_first_header_is_passed_over(before):
    assert read_mail(before + mail()).subject == "A question"


def test_lone_carriage_returns_are_line_ends():
    message = read_mail(mail("one\ntwo").replace(b"\n", b"\r"))

    assert message.subject == "A question"
    assert message.body_text == "one\ntwo"


# --- charsets


@pytest.mark.shows("C2")
@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("gb2312", "关于订单的问题"),
        ("koi8-r", "Вопрос о заказе"),
        ("shift_jis", "注文についての質問"),
    ],
)
def test_raw_8_bit_headers_are_read_in_the_charset_of_the_body(charset, text):
    raw = mail(
        text.encode(charset),
        subject=text.encode(charset),
        content_type=f"text/plain; charset={charset}",
    )

    message = read_mail(raw)

    assert message.subject == text
    assert message.body_text == text


@pytest.mark.shows("C2")
def test_words_cut_inside_a_character_are_joined_before_decoding():
    halves = "日本".encode()[:4], "日本".encode()[4:]
    words = [f"=?utf-8?B?{base64.b64encode(half).decode()}?=" for half in halves]

    message = read_mail(mail(subject=f"{words[0]}\n {words[1]}"))

    assert message.subject == "日本"


@pytest.mark.shows("C2")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=?iso-8859-1?Q?Gr=FC=DFe?= aus =?utf-8?B?S8O2bG4=?=", "Grüße aus Köln"),
        ("=?gb2312?B?xOO6ww==?=", "你好"),
        ("=?utf-8*de?Q?M=C3=BCller?=", "Müller"),
        ("=?nonsense?Q?abc?=", "abc"),
        ("=?utf-8?Q?what?now?=", "what?now"),
        ("=?utf-8?B?abc", "=?utf-8?B?abc"),
        ("a =?utf-8?Q?b?= =?utf-8?Q?c?= d", "a bc d"),
        ("=?utf-8?b?w5xiZXJyYXNjaHVuZw==?=", "Überraschung"),
    ],
    ids=[
        "two charsets",
        "a short word that could be another",
        "with a language",
        "an unknown charset",
        "a bare question mark",
        "without an end",
        "blanks between words",
        "in small letters",
    ],
)
def test_encoded_words(value, expected):
    assert read_mail(mail(subject=value)).subject == expected


@pytest.mark.shows("C2")
@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename*=utf-8''%C3%BCbersicht.pdf", "übersicht.pdf"),
        (
            "attachment; filename*0*=iso-8859-1'de'%FC; filename*1=ber; filename*2=.pdf",
            "über.pdf",
        ),
        ('attachment; filename="=?utf-8?Q?=C3=BCber.pdf?="', "über.pdf"),
        ("attachment; filename=old.pdf; filename*=utf-8''n%C3%A9w.pdf", "néw.pdf"),
        (r'attachment; filename="C:\\My Files\\a.pdf"', "a.pdf"),
        ("attachment; filename=../../etc/passwd", "passwd"),
        ("attachment", None),
    ],
    ids=[
        "RFC 2231",
        "RFC 2231 in pieces",
        "RFC 2047",
        "both forms",
        "a path of Windows",
        "a path that leads out",
        "none",
    ],
)
def test_names_of_files(disposition, name):
    part = f"Content-Type: application/pdf\nContent-Disposition: {disposition}\n\nx"

    message = read_mail(mail_of(multipart("mixed", text_part("hi"), part)))

    assert message.attachments[0].name == name


@pytest.mark.shows("C3")
@pytest.mark.parametrize(
    ("label", "raw_text", "expected"),
    [
        ("iso-gb2312", "你好，我有一个问题".encode("gbk"), "你好，我有一个问题"),
        ("unicode-1-1-utf-7", b"Gr+APwA3w-e", "Grüße"),
        ("utf-8", "Grüße".encode("latin-1"), "Grüße"),
        ("iso-8859-1", "Grüße".encode(), "Grüße"),
        ("us-ascii", "für 5 €".encode("cp1252"), "für 5 €"),
        ("no-such-charset", "Grüße".encode(), "Grüße"),
        ("base64", b"plain", "plain"),
        ("utf-16", b"not wide at all", "not wide at all"),
        ("iso-2022-jp", "質問です".encode("iso-2022-jp"), "質問です"),
    ],
)
def test_wrong_and_unknown_charset_labels(label, raw_text, expected):
    raw = mail(raw_text, content_type=f"text/plain; charset={label}")

    assert read_mail(raw).body_text == expected


@pytest.mark.parametrize(
    ("label", "own"),
    [
        ("utf-7", "CAG+kvHcABAD=wxyz@mail.example.com"),
        ("unicode-1-1-utf-7", "CAG+kvHcABAD=wxyz@mail.example.com"),
        ("hz-gb-2312", "a~{VPND~}b@mail.example.com"),
    ],
)
def test_the_charset_of_a_body_leaves_plain_headers_alone(label, own):
    raw = mail(
        content_type=f"text/plain; charset={label}",
        message_id=f"<{own}>",
        references=f"<first.{own}>",
    )

    message = read_mail(raw)

    assert message.external_id == own
    assert message.references == [f"first.{own}"]


@pytest.mark.shows("C3")
def test_an_unlabelled_script_is_guessed():
    text = "Здравствуйте, у меня вопрос о моём заказе и о доставке в Москву. " * 3

    message = read_mail(mail(text.encode("koi8-r")))

    assert message.body_text == text.strip()


@pytest.mark.shows("C3")
def test_nothing_comes_out_that_postgresql_refuses():
    raw = mail(b"a\0b \xed\xa0\x80", subject=b"x\0y", x_odd=b"\0")

    everything = read_mail(raw).model_dump_json()

    assert "\\u0000" not in everything
    assert "a\N{REPLACEMENT CHARACTER}b" in everything


@pytest.mark.shows("C3")
def test_an_unknown_charset_is_named():
    raw = mail(content_type="text/plain; charset=x-none")

    assert read_mail(raw).metadata["decode_error"] == "unknown charset x-none"


def test_html_without_a_label_is_read_as_it_says_itself():
    html = '<meta charset="windows-1251"><p>Вопрос о заказе</p>'.encode("cp1251")

    message = read_mail(mail(html, content_type="text/html"))

    assert message.body_text == "Вопрос о заказе"


# --- bodies


@pytest.mark.shows("C9")
def test_html_alone_becomes_text_with_its_line_breaks():
    html = (
        "<html><head><title>t</title><style>p {}</style></head><body><p>Hello,</p>"
        "<p>one<br>two</p><script>evil()</script>"
        '<span style="display:none">unseen</span><table><tr><td>three</td></tr></table>'
    )

    message = read_mail(mail(html, content_type="text/html"))

    assert message.body_text == "Hello,\n\none\ntwo\n\nthree"
    assert message.body_html == html


def test_of_alternatives_each_form_is_kept():
    part = multipart(
        "alternative", text_part("plain"), text_part("<b>rich</b>", "html")
    )

    message = read_mail(mail_of(part))

    assert (message.body_text, message.body_html) == ("plain", "<b>rich</b>")
    assert message.attachments == []


def test_an_empty_plain_form_gives_way_to_the_html():
    part = multipart("alternative", text_part(" \n"), text_part("<p>rich</p>", "html"))

    assert read_mail(mail_of(part)).body_text == "rich"


def test_text_around_a_picture_stays_together():
    picture = "Content-Type: image/png\nContent-ID: <logo@x>\n\nPNG"

    message = read_mail(
        mail_of(multipart("mixed", text_part("above"), picture, text_part("below")))
    )

    assert message.body_text == "above\nbelow"
    assert [(a.content_type, a.content_id) for a in message.attachments] == [
        ("image/png", "logo@x")
    ]


def test_the_footer_of_a_list_does_not_replace_an_html_body():
    part = multipart("mixed", text_part("<p>Hello</p>", "html"), text_part("footer"))

    assert read_mail(mail_of(part)).body_text == "Hello\nfooter"


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("base64", b"R3LDvMOfZQ=="),
        ("base64", b"R3LDvMOfZQ"),
        ("base64", b"R3LD!vMOf\nZQ=="),
        ("base64", "Grüße".encode()),
        ("quoted-printable", b"Gr=C3=BC=C3=9F=\ne"),
        ("x-uuencode", b"begin 644 x\n'1W+#O,.?90  \n \nend\n"),
        ("8bit", "Grüße".encode()),
        ("unheard-of", "Grüße".encode()),
    ],
    ids=[
        "base64",
        "base64 without its padding",
        "base64 with junk",
        "base64 claimed only",
        "quoted-printable",
        "uuencode",
        "none",
        "an unknown one",
    ],
)
def test_transfer_encodings(encoding, content):
    raw = mail(
        content,
        content_type="text/plain; charset=utf-8",
        content_transfer_encoding=encoding,
    )

    assert read_mail(raw).body_text == "Grüße"


@pytest.mark.shows("C4")
def test_an_empty_mail_is_kept_and_flagged():
    message = read_mail(mail(""))

    assert message.body_text is None
    assert message.kind is MessageKind.TEXT
    assert message.metadata == {"empty": True}


@pytest.mark.shows("C4", "C15")
def test_an_attachment_alone_makes_a_media_message():
    message = read_mail(mail_of(multipart("mixed", PDF_PART)))

    assert message.kind is MessageKind.MEDIA
    assert message.body_text is None
    assert message.attachments[0].model_dump() == {
        "name": "offer.pdf",
        "content_type": "application/pdf",
        "size": len(PDF),
        "url": None,
        "content_id": None,
    }


@pytest.mark.shows("C15")
def test_an_attachment_is_found_again_by_its_place():
    inner = multipart("related", text_part("<p>x</p>", "html"), PDF_PART)
    raw = mail_of(multipart("mixed", text_part("hello"), inner))

    places = read_mail(raw).metadata["attachment_places"]

    assert places == ["2.2"]
    assert AttachedParts(raw).content("2.2") == PDF
    assert AttachedParts(raw).content("7") is None


@pytest.mark.shows("C13")
def test_an_attached_message_is_not_mixed_into_the_text():
    inner = mail("inner words", subject="The first one")
    attached = b"Content-Type: message/rfc822\n\n" + inner
    raw = mail_of(multipart("mixed", text_part("please see"), attached))

    message = read_mail(raw)

    assert message.body_text == "please see"
    assert message.attachments[0].content_type == "message/rfc822"
    assert message.metadata["attached_messages"] == [
        {
            "place": "2",
            "from": "Anna Example <anna@example.com>",
            "to": "shop@bizzy.example",
            "subject": "The first one",
            "date": "Tue, 05 Mar 2024 10:30:00 +0100",
            "message_id": "first@mail.example.com",
        }
    ]
    assert AttachedParts(raw).content("2") == inner


@pytest.mark.shows("C11")
def test_a_signed_mail_shows_its_text_and_its_signature():
    signature = "Content-Type: application/pgp-signature; name=a.asc\n\n-----BEGIN"

    message = read_mail(mail_of(multipart("signed", text_part("hello"), signature)))

    assert message.body_text == "hello"
    assert message.metadata["signed"] is True
    assert [a.name for a in message.attachments] == ["a.asc"]


@pytest.mark.shows("C11")
@pytest.mark.parametrize(
    "raw",
    [
        mail_of(
            multipart(
                "encrypted",
                "Content-Type: application/pgp-encrypted\n\nVersion: 1",
                "Content-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----",
            )
        ),
        mail(
            "MIIB",
            content_type="application/pkcs7-mime; smime-type=enveloped-data",
            content_transfer_encoding="base64",
        ),
        mail("-----BEGIN PGP MESSAGE-----\nabc\n-----END PGP MESSAGE-----\n"),
    ],
    ids=["PGP/MIME", "S/MIME", "PGP within the text"],
)
def test_an_encrypted_mail_says_so_and_is_never_empty(raw):
    message = read_mail(raw)

    assert message.body_text == "[encrypted message]"
    assert message.metadata["encrypted"] is True


@pytest.mark.shows("C12")
def test_an_invitation_is_an_event():
    calendar = (
        "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\n"
        "BEGIN:VTIMEZONE\nDTSTART:19700101T000000\nEND:VTIMEZONE\nBEGIN:VEVENT\n"
        "SUMMARY:A long\n  walk\\, together\nDTSTART:20240310T090000Z\n"
        "LOCATION:Park\nEND:VEVENT\nEND:VCALENDAR"
    )

    message = read_mail(mail_of(multipart("alternative", text_part("come"), calendar)))
    alone = read_mail(mail_of(calendar.encode()))

    assert message.kind is alone.kind is MessageKind.EVENT
    assert message.body_text == "come"
    assert alone.body_text == "A long walk, together\nPark"
    assert message.metadata["calendar_method"] == "REQUEST"
    assert message.metadata["calendar"] == {
        "summary": "A long walk, together",
        "dtstart": "20240310T090000Z",
        "location": "Park",
    }


def test_a_date_that_is_only_handed_out_leaves_the_mail_a_text():
    ticket = "Content-Type: text/calendar; method=PUBLISH\n\nBEGIN:VCALENDAR"

    message = read_mail(mail_of(multipart("mixed", text_part("your ticket"), ticket)))

    assert message.kind is MessageKind.TEXT


@pytest.mark.shows("I7")
def test_a_delivery_report_is_taken_apart():
    status = (
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
        "Final-Recipient: rfc822; bob@example.org\nAction: Failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 user unknown\n"
    )
    original = "Content-Type: text/rfc822-headers\n\nMessage-ID: <ours@bizzy.example>\n"
    part = multipart(
        "report", text_part("failed"), status, original, report_type="delivery-status"
    )

    message = read_mail(mail_of(part))

    assert message.body_text == "failed"
    assert message.metadata["content_type"] == "multipart/report"
    assert message.metadata["report_type"] == "delivery-status"
    assert message.metadata["original_message_id"] == "ours@bizzy.example"
    assert message.metadata["delivery_status"] == [
        {
            "final_recipient": "bob@example.org",
            "action": "failed",
            "status": "5.1.1",
            "diagnostic": "550 5.1.1 user unknown",
        }
    ]


# --- hostile structure


def nested(depth: int) -> bytes:
    opening = "".join(
        f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"
        for level in range(depth)
    )
    return mail_of((opening + "Content-Type: text/plain\n\nat the bottom\n").encode())


@pytest.mark.shows("C4")
def test_reasonable_nesting_is_followed_and_more_is_flagged():
    followed, refused = read_mail(nested(50)), read_mail(nested(51))

    assert followed.body_text == "at the bottom"
    assert "decode_error" not in followed.metadata
    assert refused.metadata["decode_error"] == "nested deeper than 50 parts"
    assert len(refused.attachments) == 1


@pytest.mark.shows("C4")
def test_parts_are_counted():
    part = "Content-Type: image/png\n\nx"

    message = read_mail(mail_of(multipart("mixed", *[part] * 1_200)))

    assert len(message.attachments) == 999
    assert message.metadata["decode_error"] == "more than 1000 parts"


@pytest.mark.shows("C4")
@pytest.mark.parametrize(
    "raw",
    [
        nested(3_000),
        mail("--b\n" * 1_000_000, content_type="multipart/mixed; boundary=b"),
        mail("<div>" * 100_000 + "deep", content_type="text/html"),
        mail("<p " + "a=1 " * 50_000 + ">x", content_type="text/html"),
        mail('<p style="padding-left:99999em">x' * 5_000, content_type="text/html"),
        mail("<a href=x>link</a> " * 5_000, content_type="text/html"),
        mail("<script>" * 100_000, content_type="text/html"),
        mail("hello\n" * 800_000),
        mail("x", subject="=?a?q?x" * 100_000),
        mail("x", to="a@b.example:" * 100_000),
        mail("x", x_long="x" * 5_000_000),
        mail("a." * 500_000, content_type="text/plain; charset=idna"),
    ],
    ids=[
        "nested multiparts",
        "empty parts",
        "nested tags",
        "attributes",
        "giant margins",
        "links",
        "open scripts",
        "many lines",
        "unfinished words",
        "colons in an address",
        "one long header",
        "a codec of quadratic cost",
    ],
)
def test_hostile_mail_takes_bounded_time(raw):
    start = time.process_time()

    message = read_mail(raw)

    assert time.process_time() - start < 2
    assert len(message.body_text or "") <= 2_000_000


@pytest.mark.shows("C4")
def test_a_text_that_is_too_long_is_cut_and_flagged():
    fits = read_mail(mail("x" * 2_000_000))
    cut = read_mail(mail("x" * 2_000_001))

    assert len(fits.body_text or "") == len(cut.body_text or "") == 2_000_000
    assert "truncated" not in fits.metadata
    assert cut.metadata["truncated"] is True


@pytest.mark.shows("C4")
def test_text_below_the_depth_of_the_parser_is_not_lost():
    html = "<div>" * 400 + "still here" + "</div>" * 400

    assert read_mail(mail(html, content_type="text/html")).body_text == "still here"


def test_headers_are_listed_up_to_a_limit():
    message = read_mail(mail(x_trace=["1", "2"], x_long="y" * 20_000, X=["z"] * 300))

    assert message.headers["x-trace"] == ["1", "2"]
    assert message.headers["subject"] == "A question"
    assert len(message.headers["x-long"]) == 10_000
    assert len(message.headers["x"]) == 200 - 6 - 3


# --- senders


@pytest.mark.shows("C5")
@pytest.mark.parametrize(
    ("headers", "sender", "name"),
    [
        ({"From": None, "Sender": "s@example.com"}, "s@example.com", None),
        ({"From": "<>", "Reply-To": "r@example.com"}, "r@example.com", None),
        ({"From": "nobody here"}, "anna@example.com", None),
        ({"From": "", "Return-Path": "<>"}, UNKNOWN_SENDER, None),
        (
            {"From": "MAILER-DAEMON <>", "Return-Path": "<>"},
            UNKNOWN_SENDER,
            "MAILER-DAEMON",
        ),
        ({"From": "Team: a@example.com, b@example.com;"}, "a@example.com", None),
        ({"From": ["a@example.com", "b@example.com"]}, "a@example.com", None),
        ({"From": "a@example.com, b@example.com"}, "a@example.com", None),
        (
            {"From": '"boss@example.org" <me@example.com>'},
            "me@example.com",
            "boss@example.org",
        ),
        ({"From": '"Doe, Jane" <j@example.com>'}, "j@example.com", "Doe, Jane"),
        ({"From": "Jane <j@example.com> (home) x"}, "j@example.com", "Jane x"),
        ({"From": "j@example.com>"}, "j@example.com", None),
        ({"From": "j@example.com (Jane Doe)"}, "j@example.com", "Jane Doe"),
        ({"From": "<mailto:j@example.com>"}, "j@example.com", None),
        ({"From": "Jane <J.Doe@EXAMPLE.com>"}, "J.Doe@example.com", "Jane"),
        (
            {"From": "=?utf-8?Q?M=C3=BCller,_Eva?= <e@example.com>"},
            "e@example.com",
            "Müller, Eva",
        ),
        ({"From": '"two words"@example.com'}, '"two words"@example.com', None),
        ({"From": "<@relay.example:j@example.com>"}, "j@example.com", None),
    ],
    ids=[
        "none but Sender",
        "empty brackets",
        "no address",
        "nothing anywhere",
        "a daemon without address",
        "a group",
        "two From headers",
        "two addresses",
        "an address as name",
        "a comma in the name",
        "trailing junk",
        "half a bracket",
        "the name in a comment",
        "a link",
        "domain in capitals",
        "an encoded comma",
        "a quoted local part",
        "a route",
    ],
)
def test_the_sender_is_resolved(headers, sender, name):
    message = read_mail(mail(**headers))

    assert (message.sender.value, message.sender.name) == (sender, name)


@pytest.mark.shows("C6")
def test_reply_to_does_not_make_somebody_else_the_sender():
    message = read_mail(mail(reply_to="boss@example.org"))

    assert message.sender.value == "anna@example.com"


@pytest.mark.shows("C6")
def test_the_writer_behind_a_google_group_is_the_sender():
    headers = {
        "From": "'Anna Example' via Support <support@bizzy.example>",
        "X-Original-Sender": "anna@example.com",
    }

    grouped = read_mail(mail(**headers, x_google_group_id="12345"))
    claimed = read_mail(mail(**headers))

    assert grouped.sender.value == "anna@example.com"
    assert grouped.sender.name == "Anna Example"
    assert claimed.sender.value == "support@bizzy.example"


# --- ids


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<a@example.com>", "a@example.com"),
        ("  < a@example.com > ", "a@example.com"),
        ("a@example.com", "a@example.com"),
        ("<a@example.com> (added by mx)", "a@example.com"),
        ("<very-long\n -id@example.com>", "very-long-id@example.com"),
        ("<AbC@example.com>", "AbC@example.com"),
        (["", "<second@example.com>"], "second@example.com"),
    ],
    ids=["plain", "blanks", "bare", "a remark", "folded", "capitals", "twice"],
)
def test_message_ids_are_normalised(value, expected):
    assert read_mail(mail(message_id=value)).external_id == expected


def test_an_endless_message_id_is_shortened_the_same_way_everywhere():
    endless = f"<{'x' * 2_000}@example.com>"

    first = read_mail(mail(message_id=endless))
    answer = read_mail(mail(in_reply_to=endless))

    assert len(first.external_id) < 200
    assert answer.in_reply_to == first.external_id


@pytest.mark.shows("B5")
def test_a_mail_without_id_gets_the_same_one_on_each_way_it_takes():
    plain = mail(message_id=None)
    travelled = b"Received: by mx\nX-Spam-Score: 1\nX-GM-THRID: 5\n" + plain
    other_ends = travelled.replace(b"\n", b"\r\n") + b"\r\n\r\n"

    ids = {read_mail(raw).external_id for raw in (plain, travelled, other_ends)}
    another = read_mail(mail("Something else\n", message_id=None)).external_id

    assert ids == {read_mail(plain).external_id}
    assert re.fullmatch(r"sha256:[0-9a-f]{64}@bizzybee\.invalid", ids.pop())
    assert another != read_mail(plain).external_id


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<a@example.com>", ["a@example.com"]),
        ("a@example.com", ["a@example.com"]),
        ("<a@example.com> <b@example.com>", ["a@example.com", "b@example.com"]),
        ("<a@example.com>; from Bob on Monday", ["a@example.com"]),
        ('Your message of "Monday" <a@example.com>', ["a@example.com"]),
        ("Message from Bob <bob@example.org> of Monday <a@x>", ["a@x"]),
        ("message from Bob <bob@example.org>", []),
        ("message from Bob of Monday", []),
        ("message from bob@example.org of Monday", []),
        ("", []),
    ],
    ids=[
        "bracketed",
        "bare",
        "two",
        "a remark behind",
        "a remark before",
        "an address and an id",
        "an address alone",
        "words alone",
        "words and a bare address",
        "empty",
    ],
)
def test_parents_are_found_in_old_and_new_forms(value, expected):
    message = read_mail(mail(in_reply_to=value))

    found = [message.in_reply_to] if message.in_reply_to else []
    assert found + message.references == expected


def test_a_chain_of_references_is_bounded_and_keeps_its_ends():
    chain = " ".join(f"<{number}@x>" for number in range(2_000))

    references = read_mail(mail(references=chain)).references

    assert len(references) == 500
    assert references[0] == "0@x"
    assert references[-1] == "1999@x"


# --- dates


@pytest.mark.shows("C14")
@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("5 Mar 2024 10:30 GMT", datetime(2024, 3, 5, 10, 30, tzinfo=UTC)),
        ("Tue, 5 Mar 2024 10:30:00 -0000", datetime(2024, 3, 5, 10, 30, tzinfo=UTC)),
        ("Tue, 5 Mar 24 10:30:00 EST", datetime(2024, 3, 5, 15, 30, tzinfo=UTC)),
        ("2024-03-05T10:30:00+01:00", datetime(2024, 3, 5, 9, 30, tzinfo=UTC)),
        (
            "Tue, 5 Mar 2024 10:30:60 +0000",
            datetime(2024, 3, 5, 10, 30, 59, tzinfo=UTC),
        ),
        ("Tue, 5 Mar 3610 10:30:00 +0000", datetime(3610, 3, 5, 10, 30, tzinfo=UTC)),
    ],
    ids=["short", "no zone", "a named zone", "ISO", "a leap second", "far ahead"],
)
def test_dates_that_can_be_read(value, moment):
    message = read_mail(mail(date=value))

    assert message.sent_at == moment
    assert "claimed_date" not in message.metadata


@pytest.mark.shows("C14")
@pytest.mark.parametrize(
    "value",
    [
        "gestern",
        "Mon, 99 Foo 2024 99:99:99",
        "Tue, 05 Mar 0102 10:30:00 +0000",
        "Wed, 31 Dec 1969 23:59:59 +0000",
        "Fri, 01 Jan 9999 00:00:00 +0000",
    ],
    ids=["a word", "impossible", "the year 102", "before 1970", "after 9000"],
)
def test_dates_that_cannot_be_kept_stay_as_they_were_claimed(value):
    message = read_mail(mail(date=value))

    assert message.sent_at is None
    assert message.metadata["claimed_date"] == value


@pytest.mark.shows("C14")
def test_a_missing_date_claims_nothing():
    message = read_mail(mail(date=None))

    assert message.sent_at is None
    assert message.metadata == {}


def test_gmail_labels_are_read_as_csv():
    labels = '=?UTF-8?Q?Posteingang,"Bestellungen,_neu",Ge=C3=B6ffnet?='

    message = read_mail(mail(x_gmail_labels=labels))

    assert message.metadata["labels"] == [
        "Posteingang",
        "Bestellungen, neu",
        "Geöffnet",
    ]


# --- digests


@pytest.mark.shows("B4")
def test_the_digest_is_the_same_for_copies_and_another_for_another_mail():
    plain = mail()
    copy = (b"Received: by mx\n" + plain + b"\n \n").replace(b"\n", b"\r\n")
    refolded = mail(subject="A\n question")

    assert content_digest(plain) == content_digest(copy) == content_digest(refolded)
    assert content_digest(mail("Are you closed?")) != content_digest(plain)
    assert content_digest(mail(subject="Another")) != content_digest(plain)


def test_the_digest_never_changes():
    # Stored keys depend on it: a change here makes every known mail a new one.
    assert content_digest(mail()) == (
        "85b25e36fae96fee4dcc260c73ba61f6f666a86b1dc4f156a9c12fd71893c8e3"
    )


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=500))
def test_the_digest_exists_for_any_bytes(raw):
    assert len(content_digest(raw)) == 64
