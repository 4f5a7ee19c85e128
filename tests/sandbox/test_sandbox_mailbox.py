"""The mailbox behind the sandbox's Aurinko: mbox files, threads, damaged mails."""

import ast
import gzip
from pathlib import Path

import pytest

import sandbox
from sandbox import records
from sandbox.mailbox import Mailbox

ME = "hello@bikes.example"


def test_lines_that_were_escaped_for_the_mbox_are_read_back(mbox, mail):
    path = mbox(mail("Hi\n>From here on\n>>From there"), mail("second"))

    mailbox = Mailbox(path, ME)

    assert len(mailbox) == 2
    assert texts(mailbox) == ["second", "Hi\nFrom here on\n>From there"]


def test_a_sentence_that_begins_with_from_separates_nothing(mbox, mail):
    assert len(Mailbox(mbox(mail("Hi\n\nFrom the start I was unsure.")), ME)) == 1


@pytest.mark.parametrize("spread", range(0, 1100, 97))
def test_a_separator_is_found_wherever_a_block_ends(mbox, mail, spread):
    large = mail("x" * (2**20 - 500 + spread))

    mailbox = Mailbox(mbox(large, mail("second")), ME)

    assert [len(text) for text in texts(mailbox)] == [6, 2**20 - 500 + spread]


def test_a_truncated_file_is_served_as_far_as_it_goes(mbox, mail):
    whole = mail("first") + mail("second and more")

    mailbox = Mailbox(mbox(whole[:-8]), ME)

    assert texts(mailbox) == ["second an", "first"]


@pytest.mark.parametrize("cut", [None, -12], ids=["whole", "truncated"])
def test_a_packed_mailbox_is_unpacked(mbox, mail, cut):
    packed = gzip.compress(mail("first"))[:cut]

    mailbox = Mailbox(mbox(packed, name="test.mbox.gz"), ME)

    assert len(mailbox) == 1


def test_crlf_and_lf_may_be_mixed(mbox, mail):
    mailbox = Mailbox(mbox(mail("one").replace(b"\n", b"\r\n"), mail("two")), ME)

    assert texts(mailbox) == ["two", "one"]


def test_mails_that_name_a_common_id_are_one_thread(mbox, mail):
    phrase = "Message from Anna <anna@example.com> of yesterday <1@example.com>"
    mailbox = Mailbox(
        mbox(
            mail(Message_ID="<1@example.com>"),
            mail(Message_ID="<2@example.com>", In_Reply_To="<1@example.com>; from me"),
            mail(Message_ID="<3@example.com>", References="<0@x> <2@example.com>"),
            mail(Message_ID="<4@example.com>", In_Reply_To=phrase),
            mail(Message_ID="<5@example.com>", In_Reply_To="4@example.com"),
            mail(Message_ID="<6@example.com>", In_Reply_To="<anna@example.com>"),
        ),
        ME,
    )

    threads = [mailbox.thread_id(entry)[:10] for entry in entries(mailbox)]

    assert threads == ["thr-000006", *5 * ["thr-000001"]]


def test_a_takeout_mailbox_knows_its_threads(mbox, mail):
    mailbox = Mailbox(
        mbox(
            mail(X_GM_THRID="17", Message_ID="<1@x>"),
            mail(X_GM_THRID="18", References="<1@x>"),
            mail(X_GM_THRID="17"),
        ),
        ME,
    )

    threads = [mailbox.thread_id(entry)[:10] for entry in entries(mailbox)]

    assert threads == ["thr-000001", "thr-000002", "thr-000001"]


@pytest.mark.parametrize(
    ("headers", "body", "text"),
    [
        ({"Content_Type": "text/plain; charset=x-odd"}, b"caf\xe9", "café"),
        ({"Content_Type": "text/plain; charset=utf-7"}, b"+2AA-", "?"),
        ({"Content_Type": "multipart/mixed"}, b"no parts", "no parts"),
        ({"To": b"((((" * 900, "Date": "Mon, 99 Foo 2002"}, b"hi", "hi"),
        ({"From": b"\xff\xfe <a\xff@b>, =?utf-8?b?=?="}, b"hi", "hi"),
        ({"Message_ID": "[", "Subject": b"=?x?b?====?= \xe9"}, b"hi", "hi"),
        (
            {"Content_Transfer_Encoding": "base64", "Content_Type": 'text/plain; a="'},
            b"aGk",
            "hi",
        ),
    ],
    ids=[
        "unknown charset",
        "surrogate out of a charset",
        "no boundary",
        "nested comments",
        "broken sender",
        "broken subject",
        "broken base64",
    ],
)
def test_a_damaged_mail_is_still_a_record(mbox, mail, headers, body, text):
    mailbox = Mailbox(mbox(mail(body, **headers)), ME)

    assert texts(mailbox) == [text]


def test_parts_nested_absurdly_deep_are_shown_as_they_stand(mbox, mail):
    levels = (
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}" for n in range(900)
    )
    deep = "\n".join(levels)
    path = mbox(mail("--b\n" + deep, Content_Type="multipart/mixed; boundary=b"))

    (text,) = texts(Mailbox(path, ME))

    assert text.startswith("--b\nContent-Type: multipart/mixed; boundary=b0")


def test_the_sandbox_knows_nothing_of_the_product():
    imported = set()
    for path in Path(sandbox.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Import):
                imported.update(name.name.partition(".")[0] for name in node.names)

    assert not imported & {"app", "tasks"}


def entries(mailbox):
    return mailbox.page(100, lambda entry: True)[0]


def texts(mailbox):
    """The bodies of all mails, newest first."""
    return [
        records.record(mailbox, entry, "text")["body"].rstrip().replace("\r\n", "\n")
        for entry in entries(mailbox)
    ]
