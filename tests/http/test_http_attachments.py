"""Files of messages, handed out: by key, and to somebody who is signed in."""

import base64
from uuid import uuid4

import pytest
from flask_openapi.utils import parse_rule
from sqlalchemy import select, update

from app.channels.base import Item
from app.domain.mail import read_mail
from app.domain.status import AttachmentState, Scope, Source
from app.jobs.contracts import StoreFiles
from app.models import Attachment
from app.services.pipeline.ingest import ingest
from app.services.pipeline.materialize import materialize
from app.services.sync.store_files import store_files
from tests.domain.mails import mail_of, multipart, text_part
from tests.http.browser import parsed, text_of, texts

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\2\0\0\0\2 the rest of it"
INNER = b"From: Bo Ek <bo@example.com>\nSubject: Re: a/b\n\n\x80 raw bytes  \n"
TRACKER = "https://tracker.example/open.gif"

HTML = f"""<p onclick="alert(1)">Dear <b>shop</b> <img src="cid:logo@x" alt="Logo">
<script>alert(1)</script><img src="{TRACKER}" alt="Photo">
<img src="{TRACKER}" width="1" height="1"><a href="javascript:alert(1)">go</a></p>"""


def part(content, content_type, *headers):
    head = [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64"]
    return "\n".join([*head, *headers, "", ""]).encode() + base64.b64encode(content)


def attached(content, content_type, name):
    return part(
        content, content_type, f'Content-Disposition: attachment; filename="{name}"'
    )


@pytest.mark.shows("C15")
def test_a_file_comes_byte_for_byte_to_the_disk_and_never_as_a_page(
    arrive, api, download
):
    content = bytes(range(256)) * 2000
    (file,) = arrive(text_part("Here"), attached(content, "text/html", "page.html"))

    answered = download(file, api(Scope.READ))

    assert answered.data == content
    assert answered.headers["Content-Length"] == str(len(content))
    assert answered.content_type == "application/octet-stream"
    assert answered.headers["Content-Disposition"] == (
        "attachment; filename=\"page.html\"; filename*=UTF-8''page.html"
    )
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
    assert answered.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.shows("C10")
def test_only_a_picture_by_its_bytes_is_shown_in_place(arrive, api, download):
    picture, page = arrive(
        text_part("Here"),
        attached(PNG, "application/octet-stream", "a.png"),
        attached(b"<script>alert(1)</script>", "image/png", "b.png"),
    )

    shown, kept = download(picture, api()), download(page, api())

    assert shown.content_type == "image/png"
    assert shown.headers["Content-Disposition"].startswith("inline; ")
    assert kept.content_type == "application/octet-stream"
    assert kept.headers["Content-Disposition"].startswith("attachment; ")


@pytest.mark.shows("C13")
def test_an_attached_message_comes_byte_for_byte_and_names_its_sender(
    arrive, api, download, messages
):
    (file,) = arrive(
        text_part("See below"), b"Content-Type: message/rfc822\n\n" + INNER
    )

    answered = download(file, api())

    assert answered.data == INNER
    assert 'filename="Re: a_b.eml"' in answered.headers["Content-Disposition"]
    ((listed,),) = [one["attachments"] for one in messages()]
    assert listed["inner"] == {
        "sender": "bo@example.com",
        "sender_name": "Bo Ek",
        "subject": "Re: a/b",
        "date": None,
    }


@pytest.mark.parametrize(
    ("name", "shown", "whole"),
    [
        ('a"b.pdf', "a_b.pdf", "a%22b.pdf"),
        ("Größe.pdf", "Gr__e.pdf", "Gr%C3%B6%C3%9Fe.pdf"),
        ("a\r\nSet-Cookie: x", "a Set-Cookie: x", "a%20Set-Cookie%3A%20x"),
        ("photo\u202egpj.exe", "photogpj.exe", "photogpj.exe"),
        ("../../etc/passwd", ".._.._etc_passwd", ".._.._etc_passwd"),
        (None, "file", "file"),
    ],
)
def test_no_name_breaks_out_of_its_header(
    arrive, api, download, change, name, shown, whole
):
    (file,) = arrive(text_part("Here"), attached(b"x", "text/plain", "a"))
    change(name=name)

    answered = download(file, api())

    assert answered.headers["Content-Disposition"] == (
        f"attachment; filename=\"{shown}\"; filename*=UTF-8''{whole}"
    )
    assert "Set-Cookie" not in answered.headers


@pytest.mark.shows("C15")
@pytest.mark.parametrize(
    ("state", "reason", "detail"),
    [
        (AttachmentState.PENDING, None, "the file is not stored, but pending"),
        (
            AttachmentState.REFUSED,
            "it is larger than 25 MiB",
            "the file is not stored, but refused: it is larger than 25 MiB",
        ),
        (
            AttachmentState.GONE,
            "the provider no longer has it",
            "the file is not stored, but gone: the provider no longer has it",
        ),
    ],
)
def test_what_is_not_stored_is_a_conflict_with_its_reason(
    arrive, api, download, change, state, reason, detail
):
    (file,) = arrive(text_part("Here"), attached(b"x", "text/plain", "a"))
    change(state=state, reason=reason, storage_key=None)

    answered = download(file, api())

    assert answered.status_code == 409
    assert answered.json["detail"] == detail


@pytest.mark.shows("L1")
def test_a_file_of_another_workspace_is_not_there(
    arrive, api, download, foreign, signed_in, client
):
    (file,) = arrive(text_part("Here"), attached(b"x", "text/plain", "a"))

    assert download(file, api(of=foreign)).status_code == 404
    theirs = signed_in(of=foreign)
    for page in (f"attachments/{file.id}", "mail"):
        assert (
            theirs.get(f"/inbox/messages/{file.message_id}/{page}").status_code == 404
        )
    path = f"/api/v1/messages/{uuid4()}/attachments/{file.id}"
    assert client.get(path, headers=api()).status_code == 404


def test_a_file_needs_a_key_that_may_read(arrive, api, download, browser):
    (file,) = arrive(text_part("Here"), attached(b"x", "text/plain", "a"))

    assert download(file, {}).status_code == 401
    assert download(file, api(Scope.INGEST)).status_code == 403
    for page in (f"attachments/{file.id}", "mail"):
        answered = browser.get(f"/inbox/messages/{file.message_id}/{page}")
        assert answered.status_code == 303


def test_a_file_that_the_storage_has_lost_is_not_there(arrive, api, download, runtime):
    (file,) = arrive(text_part("Here"), attached(b"x", "text/plain", "a"))
    runtime.storage.delete(file.storage_key)

    assert download(file, api()).status_code == 404


@pytest.mark.shows("C10", "C15")
def test_messages_list_their_files_with_what_became_of_them(arrive, messages):
    html = text_part('<img src="cid:logo@x">', "html")
    receipt, logo = arrive(
        html,
        attached(b"MZ", "application/pdf", "receipt.pdf"),
        part(PNG, "image/png", "Content-ID: <logo@x>"),
    )

    ((first, second),) = [one["attachments"] for one in messages()]
    assert first == {
        "id": str(receipt.id),
        "message_id": str(receipt.message_id),
        "name": "receipt.pdf",
        "content_type": "application/pdf",
        "size": 2,
        "content_id": None,
        "is_inline": False,
        "state": "stored",
        "reason": None,
        "warning": "opening it may run a program",
        "inner": None,
        "sha256": receipt.sha256,
        "path": f"/api/v1/messages/{receipt.message_id}/attachments/{receipt.id}",
    }
    assert (second["id"], second["is_inline"]) == (str(logo.id), True)


def test_the_path_that_is_listed_is_the_one_there_is(client):
    rules = {parse_rule(rule.rule) for rule in client.application.url_map.iter_rules()}

    assert "/api/v1/messages/{message_id}/attachments/{attachment_id}" in rules


@pytest.mark.shows("C9")
def test_a_mail_is_shown_in_a_frame_that_runs_nothing(arrive, signed_in, conversation):
    arrive(text_part(HTML, "html"), part(PNG, "image/png", "Content-ID: <logo@x>"))

    page = signed_in(Scope.READ).get(conversation())

    (frame,) = parsed(page).xpath("//iframe")
    assert frame.get("sandbox").split() == [
        "allow-same-origin",
        "allow-popups",
        "allow-popups-to-escape-sandbox",
    ]
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert texts(page, "//article//details/summary") == ["As text"]
    # What the text shows is no file of its own.
    assert not parsed(page).xpath("//ul[@aria-label='Attachments']")


@pytest.mark.shows("C9", "C10")
def test_the_frame_holds_the_mail_made_safe(arrive, signed_in, conversation):
    (logo,) = arrive(
        text_part(HTML, "html"), part(PNG, "image/png", "Content-ID: <logo@x>")
    )
    reader = signed_in(Scope.READ)

    mail = reader.get(frame_of(reader.get(conversation())))

    page = parsed(mail)
    assert not page.xpath("//script | //@onclick")
    assert page.xpath("//img/@src") == [
        f"/inbox/messages/{logo.message_id}/attachments/{logo.id}"
    ]
    assert reader.get(page.xpath("//img/@src")[0]).data == PNG
    assert texts(mail, "//*[@class='blocked']") == ["Photo"]
    assert TRACKER not in mail.text
    assert "javascript" not in mail.text
    policy = mail.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-same-origin allow-popups ")
    assert "allow-scripts" not in policy
    assert "default-src 'none'; style-src 'self' 'unsafe-inline'" in policy
    assert "img-src 'self' data:;" in policy
    assert mail.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert mail.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.shows("C9")
def test_pictures_from_elsewhere_come_when_somebody_asks(
    arrive, signed_in, conversation
):
    arrive(text_part(HTML, "html"), part(PNG, "image/png", "Content-ID: <logo@x>"))
    reader = signed_in(Scope.READ)
    frame = frame_of(reader.get(conversation()))
    (switch,) = parsed(reader.get(frame)).xpath("//p[@class='note']/a/@href")

    mail = reader.get(switch)

    # The point that counts readers stays away even then.
    assert parsed(mail).xpath("//img[starts-with(@src, 'https:')]/@src") == [TRACKER]
    assert (
        "img-src 'self' data: https: http:;"
        in (mail.headers["Content-Security-Policy"])
    )
    (back,) = parsed(mail).xpath("//p[@class='note']/a/@href")
    assert back == frame


def test_a_message_without_html_has_no_frame(arrive, signed_in, conversation):
    (file,) = arrive(text_part("Only text"), attached(b"x", "text/plain", "a.txt"))
    reader = signed_in(Scope.READ)

    page = reader.get(conversation())

    assert not parsed(page).xpath("//iframe")
    assert texts(page, "//article/div") == ["Only text"]
    assert reader.get(f"/inbox/messages/{file.message_id}/mail").status_code == 404


@pytest.mark.shows("C13", "C15")
def test_stored_files_are_linked_and_the_others_say_why_not(
    arrive, signed_in, conversation, runtime
):
    *_, big = arrive(
        text_part("Here"),
        attached(b"MZ", "application/pdf", "receipt.pdf"),
        b"Content-Type: message/rfc822\n\n" + INNER,
        attached(b"x", "video/mp4", "film.mp4"),
    )
    with runtime.system_transaction() as tx:
        tx.session.execute(
            update(Attachment)
            .where(Attachment.id == big.id)
            .values(state="refused", reason="it is larger than 25 MiB")
        )
    reader = signed_in(Scope.READ)

    page = reader.get(conversation())

    assert texts(page, "//ul[@aria-label='Attachments']/li") == [
        "receipt.pdf application/pdf, 2 bytes Beware: opening it may run a program",
        "unnamed file message/rfc822, 61 bytes Written by Bo Ek bo@example.com: Re: a/b",
        "film.mp4 video/mp4, 1 bytes not kept: it is larger than 25 MiB",
    ]
    links = parsed(page).xpath("//ul[@aria-label='Attachments']//a/@href")
    assert [reader.get(link).data for link in links] == [b"MZ", INNER]
    assert "it is larger than" in text_of(page)


def frame_of(page):
    (source,) = parsed(page).xpath("//iframe/@src")
    return source


@pytest.fixture
def arrive(runtime, make, config):
    """Lets a mail of these parts arrive and its files be kept; returns them."""

    def arrive(*parts):
        raw = mail_of(multipart("mixed", *parts))
        item = Item(
            raw={"mime": base64.b64encode(raw).decode()}, message=read_mail(raw)
        )
        with runtime.transaction(config.workspace_id) as tx:
            (event_id,) = ingest(tx, config, [item], source=Source.IMPORT).event_ids
        materialize(runtime, make.materialize_job(config, [event_id]))
        message_id = make.event(event_id).message_id
        job = StoreFiles(workspace_id=config.workspace_id, message_ids=(message_id,))
        store_files(runtime, job)
        with runtime.system_transaction() as tx:
            return tx.session.scalars(
                select(Attachment).order_by(Attachment.position)
            ).all()

    return arrive


@pytest.fixture
def api(as_key):
    return as_key


@pytest.fixture
def download(client):
    def download(file, headers):
        path = f"/api/v1/messages/{file.message_id}/attachments/{file.id}"
        return client.get(path, headers=headers)

    return download


@pytest.fixture
def conversation(runtime):
    """The page of the only conversation there is."""

    def conversation():
        with runtime.system_transaction() as tx:
            found = tx.session.connection().exec_driver_sql(
                "SELECT id FROM conversations"
            )
            return f"/inbox/{found.scalar_one()}"

    return conversation


@pytest.fixture
def messages(client, as_key, conversation):
    """The messages of the only conversation there is, as the API lists them."""

    def messages():
        path = conversation().replace("/inbox/", "/api/v1/conversations/")
        return client.get(f"{path}/messages", headers=as_key(Scope.READ)).json["items"]

    return messages


@pytest.fixture
def change(runtime):
    """Writes columns of all files, past what our code would check."""

    def change(**values):
        with runtime.system_transaction() as tx:
            tx.session.execute(update(Attachment).values(**values))

    return change
