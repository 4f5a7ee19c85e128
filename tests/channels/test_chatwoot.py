import hashlib
import hmac
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.channels.adapters.chatwoot import ChatwootAdapter
from app.channels.budget import Budget
from app.channels.download import Downloads
from app.channels.webhook import NoSecret
from app.domain.changes import Change, shape_of
from app.domain.unified_message import Attachment, Direction, MessageKind
from app.errors import AccessDenied, Gone, InvalidPayload, Refused
from tests.channels.webhooks import (
    account,
    items_of,
    message_of,
    payload,
    request_of,
    told,
)

VECTOR = told("signatures.json")["chatwoot"][0]
FILE = "/rails/active_storage/blobs/redirect/eyJf--abc/broken%20spoke.jpg"
CONTACT = {"kind": "chatwoot_contact", "value": "71"}
PHONE = {"kind": "phone", "value": "+46700000001"}
EMAIL = {"kind": "email", "value": "anna@example.com"}
CLAIMED = {"claimed": True}


def chatwoot(url="https://app.chatwoot.com"):
    return ChatwootAdapter(
        url,
        budget=Budget(None, per_second=1),
        downloads=Downloads(max_bytes=1000),
        max_bytes=1000,
    )


def read(name):
    return message_of(chatwoot(), payload(f"chatwoot/{name}.json"))


def test_a_message_is_read_with_who_where_and_what_it_answers():
    message = read("incoming")

    assert (message.external_id, message.external_thread_id) == ("90211", "318")
    assert message.direction is Direction.INBOUND
    assert (message.kind, message.body_text) == (
        MessageKind.TEXT,
        "Where is my parcel?",
    )
    assert message.in_reply_to == "90200"
    assert message.sent_at == datetime(2026, 9, 3, 8, 15, 30, tzinfo=UTC)
    assert message.metadata["source_id"] == "wamid.HBgLNDY3"


def test_an_event_names_the_account_at_chatwoot():
    (delivery,) = chatwoot().receive(request_of(payload("chatwoot/incoming.json")))

    assert delivery.account == "3"


def test_the_numbers_of_the_api_mean_the_same_as_the_words_of_webhooks():
    message = read("incoming_rest_style")

    assert message.direction is Direction.INBOUND
    assert message.sent_at == datetime(2026, 9, 3, 8, 15, 30, tzinfo=UTC)


@pytest.mark.shows("E2")
@pytest.mark.shows("E5")
@pytest.mark.parametrize(
    ("name", "sender", "identities"),
    [
        ("incoming", PHONE, [CONTACT, PHONE, EMAIL | CLAIMED]),
        ("mail", EMAIL, [CONTACT, PHONE | CLAIMED, EMAIL]),
        ("widget", CONTACT, [CONTACT, PHONE | CLAIMED, EMAIL | CLAIMED]),
        ("widget_verified", CONTACT, [CONTACT, PHONE, EMAIL]),
    ],
)
def test_only_what_the_inbox_proves_is_somebodys_identity(name, sender, identities):
    message = read(name)

    assert {"kind": message.sender.kind, "value": message.sender.value} == sender
    assert message.metadata["identities"] == identities


@pytest.mark.shows("F1")
def test_what_a_colleague_writes_went_out_to_the_contact():
    message = read("outgoing")

    assert message.direction is Direction.OUTBOUND
    assert message.metadata["echo"] is True
    assert (message.sender.kind, message.sender.name) == ("chatwoot_user", "Olof Ek")
    assert [one.value for one in message.recipients] == ["+46700000001"]


def test_a_colleague_of_whom_an_old_version_says_no_more_is_no_customer():
    event = told("chatwoot/outgoing.json")
    del event["sender"]["type"]
    del event["conversation"]["meta"]

    message = message_of(chatwoot(), event)

    assert message.sender.kind == "chatwoot_user"
    assert [(one.kind, one.value) for one in message.recipients] == [
        ("chatwoot_contact", "71")
    ]
    assert "olof" not in str(message.metadata["identities"])


@pytest.mark.shows("J2")
def test_a_private_note_is_marked_and_no_message():
    message = read("note")

    assert message.kind is MessageKind.EVENT
    assert message.metadata["private"] is True
    assert message.direction is Direction.OUTBOUND


def test_a_note_stays_private_when_it_is_changed():
    event = told("chatwoot/note.json") | {"event": "message_updated"}

    message = message_of(chatwoot(), event)

    assert (message.kind, message.metadata["private"]) == (MessageKind.EDIT, True)


def test_a_private_note_that_claims_to_come_in_is_still_none():
    event = told("chatwoot/note.json") | {"message_type": "incoming"}

    message = message_of(chatwoot(), event)

    assert (message.kind, message.direction) == (MessageKind.EVENT, Direction.OUTBOUND)


@pytest.mark.parametrize("name", ["activity", "resolved", "contact_updated"])
def test_what_happens_in_chatwoot_opens_no_conversation(name):
    message = read(name)

    assert message.kind is MessageKind.EVENT
    assert message.metadata["no_conversation"] is True


def test_a_conversation_tells_its_status():
    assert read("resolved").metadata["conversation"]["status"] == "resolved"
    assert read("resolved").external_thread_id == "318"


def test_typing_says_nothing_lasting():
    assert items_of(chatwoot(), payload("chatwoot/typing.json")) == []


def test_files_and_places_are_told_apart():
    message = read("files")

    assert message.kind is MessageKind.MEDIA
    assert message.attachments == [
        Attachment(
            name="broken spoke.jpg",
            content_type="image/jpeg",
            size=48213,
            url="https://app.chatwoot.com/rails/active_storage/blobs/redirect/eyJf"
            "/broken%20spoke.jpg",
        )
    ]
    assert message.body_text == "Location: The Shop, 59.334591, 18.063240"
    assert message.metadata["structured"]["latitude"] == 59.334591


def test_a_mail_keeps_its_subject_and_its_html():
    message = read("mail")

    assert message.subject == "My parcel"
    assert message.body_text == "Hello,\nis it there?"
    assert message.body_html == "<p>Hello,<br>is it there?</p>"


@pytest.mark.shows("F7")
def test_what_became_of_a_message_of_ours_is_a_status():
    delivered, failed = read("delivered"), read("failed")

    assert {delivered.kind, failed.kind} == {MessageKind.STATUS}
    assert {delivered.target_id, failed.target_id} == {"90215"}
    assert delivered.external_id == "90215:status:delivered"
    assert delivered.metadata["status"] == "delivered"
    assert "error" not in delivered.metadata
    assert failed.metadata["status"] == "failed"
    assert failed.metadata["error"]["message"] == "131047: Re-engagement message"


@pytest.mark.shows("F4")
def test_an_edit_tells_the_new_words_and_each_is_one_of_its_own():
    message = read("edited")
    event = told("chatwoot/edited.json")
    event["conversation"]["messages"][0]["updated_at"] = "2026-09-03T08:18:00.000Z"

    later = message_of(chatwoot(), event)

    assert (message.kind, message.target_id) == (MessageKind.EDIT, "90211")
    assert message.body_text == "Where is parcel 1042?"
    assert message.external_id != later.external_id


@pytest.mark.shows("F5")
def test_a_deletion_holds_nothing_of_the_message():
    message = read("deleted")

    assert (message.kind, message.target_id) == (MessageKind.DELETE, "90211")
    assert message.external_id == "90211:delete"
    assert message.body_text is None


@pytest.mark.shows("F9")
def test_what_was_chosen_below_a_message_is_an_answer_of_the_contact():
    change, answer = (
        item.message
        for item in items_of(chatwoot(), payload("chatwoot/form_answered.json"))
    )

    assert change.target_id == answer.target_id == "90219"
    assert (answer.kind, answer.body_text) == (MessageKind.TEXT, "Medium")
    assert answer.direction is Direction.INBOUND
    assert answer.sender.value == "71"


def test_a_rating_is_no_question():
    _, rating = (
        item.message for item in items_of(chatwoot(), payload("chatwoot/rated.json"))
    )

    assert (rating.kind, rating.body_text) == (MessageKind.EVENT, "Rating: 5. Quick!")
    assert rating.metadata["no_conversation"] is True


@pytest.mark.shows("A10")
def test_what_is_new_at_chatwoot_is_kept_as_unsupported():
    message = read("unknown")
    odd = message_of(
        chatwoot(), told("chatwoot/incoming.json") | {"message_type": "hologram"}
    )

    assert message.kind is odd.kind is MessageKind.UNSUPPORTED
    assert "hologram" in message.body_text
    assert message.external_thread_id == "318"


@pytest.mark.shows("B1")
@pytest.mark.parametrize("name", ["resolved", "contact_updated", "unknown"])
def test_what_has_no_id_of_its_own_is_the_same_when_it_comes_again(name):
    event = told(f"chatwoot/{name}.json")

    again = message_of(chatwoot(), dict(reversed(event.items())))

    assert read(name).external_id == again.external_id


@pytest.mark.shows("A2")
@pytest.mark.parametrize(
    "changed",
    [
        {"id": None},
        {"id": True},
        {"id": "x" * 5000},
        {"event": None},
        {"event": "", "id": 5},
        {"id": 10**1000},
    ],
    ids=range(6),
)
def test_what_does_not_say_what_it_is_is_reported(changed):
    (item,) = items_of(chatwoot(), told("chatwoot/incoming.json") | changed)

    assert item.message is None
    assert item.error.startswith("chatwoot: unreadable")


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{" * 100_000])
def test_a_body_that_is_no_object_cannot_be_read(body):
    with pytest.raises(InvalidPayload):
        chatwoot().receive(request_of(body))


_INNER = """
    id type meta sender email messages items submitted_values data_url file_type updated_at
"""
_OUTER = """
    id content message_type content_attributes attachments conversation sender private created_at
    status meta
"""
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(_INNER.split()),
            inner,
            max_size=6,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(
    event=st.sampled_from(
        ["message_created", "message_updated", "contact_updated", "conversation_x"]
    ),
    fields=st.dictionaries(
        st.sampled_from(_OUTER.split()),
        _json,
    ),
)
def test_whatever_an_event_holds_it_is_read_or_reported(event, fields):
    for item in items_of(chatwoot(), {"event": event, "id": 7} | fields):
        assert (item.message is None) == (item.error is not None)


@pytest.mark.shows("A4")
@pytest.mark.shows("A5")
def test_a_signature_is_over_the_time_and_the_bytes_as_they_came():
    owner = account(webhook_secret=VECTOR["secret"])
    headers = {
        "x-chatwoot-timestamp": VECTOR["timestamp"],
        "x-chatwoot-signature": VECTOR["signature"],
    }
    body = VECTOR["body"].encode()

    chatwoot().verify(request_of(body, headers=headers), owner)
    for forged in (
        request_of(body + b" ", headers=headers),
        request_of(body, headers=headers | {"x-chatwoot-timestamp": "1790000001"}),
        request_of(body, headers=headers | {"x-chatwoot-signature": "sha256="}),
        request_of(body),
    ):
        with pytest.raises(AccessDenied):
            chatwoot().verify(forged, owner)


@pytest.mark.shows("A4")
@pytest.mark.parametrize(("ahead", "is_believed"), [(-86_400, True), (600, False)])
def test_old_signatures_are_redeliveries_and_future_ones_are_refused(
    ahead, is_believed
):
    timestamp = str(int(time.time()) + ahead)
    digest = hmac.new(b"s", f"{timestamp}.{{}}".encode(), hashlib.sha256).hexdigest()
    request = request_of(
        b"{}",
        headers={
            "x-chatwoot-timestamp": timestamp,
            "x-chatwoot-signature": f"sha256={digest}",
        },
    )

    if is_believed:
        chatwoot().verify(request, account(webhook_secret="s"))
        return
    with pytest.raises(AccessDenied, match="future"):
        chatwoot().verify(request, account(webhook_secret="s"))


@pytest.mark.shows("A4")
@pytest.mark.parametrize(
    ("credentials", "url", "headers", "is_believed"),
    [
        ({"webhook_path_secret": "p"}, "?token=p", {}, True),
        ({"webhook_path_secret": "p"}, "?token=q", {}, False),
        ({"webhook_path_secret": "p"}, "?token=", {}, False),
        ({"webhook_path_secret": "p"}, "", {}, False),
        ({"webhook_path_secret": "p"}, "?token=p", {"x-chatwoot-signature": "x"}, True),
        ({"webhook_path_secret": "p", "webhook_secret": "s"}, "?token=p", {}, True),
        (
            {"webhook_path_secret": "p", "webhook_secret": "s"},
            "?token=p",
            {"x-chatwoot-signature": "sha256=00"},
            False,
        ),
        ({"webhook_secret": "s"}, "?token=s", {}, False),
    ],
)
def test_without_a_signature_the_address_has_to_hold_the_secret(
    credentials, url, headers, is_believed
):
    request = request_of(b"{}", url=f"https://x.example/{url}", headers=headers)

    if is_believed:
        chatwoot().verify(request, account(**credentials))
        return
    with pytest.raises(AccessDenied):
        chatwoot().verify(request, account(**credentials))


@pytest.mark.shows("A4")
@pytest.mark.parametrize(
    "owner", [None, account(), account(webhook_secret="", webhook_path_secret=None)]
)
def test_without_a_secret_nobody_is_believed(owner):
    with pytest.raises(NoSecret):
        chatwoot().verify(request_of(b"{}", url="https://x.example/?token="), owner)


@pytest.mark.shows("A19")
def test_a_file_in_a_chatwoot_of_our_own_is_fetched_where_it_says(server):
    server.answer(status=302, headers={"Location": "/rails/active_storage/disk/1/a"})
    server.answer(b"picture")

    content = chatwoot(server.url).fetch_attachment(account(), f"{server.url}{FILE}")

    assert content == b"picture"
    assert [one.path for one in server.requests] == [
        FILE,
        "/rails/active_storage/disk/1/a",
    ]
    assert not any("Authorization" in one.headers for one in server.requests)


@pytest.mark.shows("L2")
@pytest.mark.parametrize(
    "url",
    [
        "https://storage.example/a.jpg",
        "{base}/api/v1/accounts",
        "{base}/rails/active_storage/../../api",
        "{base}.evil.example" + FILE,
    ],
)
def test_other_addresses_are_nothing_of_ours(server, url):
    found = chatwoot(server.url).fetch_attachment(
        account(), url.format(base=server.url)
    )

    assert (found, server.requests) == (None, [])


@pytest.mark.shows("A19")
def test_a_file_that_is_gone_says_so_without_its_address(server):
    server.answer(status=404)

    with pytest.raises(Gone) as raised:
        chatwoot(server.url).fetch_attachment(account(), f"{server.url}{FILE}")

    assert "eyJf" not in str(raised.value)


@pytest.mark.shows("C15")
def test_a_file_that_is_too_large_is_refused(server):
    server.answer(b"x" * 2000)

    with pytest.raises(Refused):
        chatwoot(server.url).fetch_attachment(account(), f"{server.url}{FILE}")


@pytest.mark.shows("F7")
def test_what_a_status_says_is_what_its_message_shows():
    shown = [
        shape_of(
            [Change(MessageKind.STATUS, datetime.now(UTC), "1", details=one.metadata)]
        )
        for one in (read("delivered"), read("failed"))
    ]

    assert [one.delivery_status for one in shown] == ["delivered", "failed"]
    assert "131047" in shown[1].delivery_reason
