from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.channels.adapters.twilio_sms import TwilioSMSAdapter
from app.config import Settings
from app.domain.changes import Change, shape_of
from app.domain.unified_message import Direction, MessageKind
from tests.channels.webhooks import items_of, message_of, payload

_ADAPTER = TwilioSMSAdapter.from_settings(Settings())


def read(name, more=b""):
    return message_of(_ADAPTER, payload(f"twilio/{name}.txt") + more)


def test_a_text_is_read_with_who_and_where():
    message = read("sms")

    assert message.external_id == "SM00000000000000000000000000000001"
    assert message.external_thread_id == "+46850000001:+46700000001"
    assert message.direction is Direction.INBOUND
    assert (message.sender.kind, message.sender.value) == ("phone", "+46700000001")
    assert [one.value for one in message.recipients] == ["+46850000001"]
    assert (message.kind, message.body_text) == (MessageKind.TEXT, "Hej på dig  ")
    assert message.sent_at is None  # webhooks carry no time


def test_the_raw_form_is_kept_whole_with_fields_that_nobody_knows():
    (item,) = items_of(_ADAPTER, payload("twilio/sms.txt") + b"&New=1&New=2")

    assert item.raw["New"] == ["1", "2"]
    assert item.raw["AddOns"] == ""


@pytest.mark.shows("F14")
def test_ten_files_of_an_mms_keep_their_order():
    message = read("mms")

    assert message.kind is MessageKind.MEDIA
    assert [file.url[-2:] for file in message.attachments] == [
        f"{number:02d}" for number in range(10)
    ]
    assert message.attachments[0].content_type == "video/3gpp"


@pytest.mark.shows("C15")
@pytest.mark.parametrize(
    ("count", "files"), [(b"12", 12), (b"-1", 10), (b"many", 10), (b"9" * 30, 10)]
)
def test_a_file_that_is_counted_and_not_listed_is_missing_and_not_forgotten(
    count, files
):
    body = payload("twilio/mms.txt").replace(b"NumMedia=10", b"NumMedia=" + count)

    message = message_of(_ADAPTER, body)

    assert len(message.attachments) == files
    assert [file.url for file in message.attachments[10:]] == [None] * (files - 10)


def test_media_without_end_is_cut():
    body = payload("twilio/sms.txt") + b"&MediaUrl999=x&MediaUrl99=y"

    (last,) = (file for file in message_of(_ADAPTER, body).attachments if file.url)

    assert last.url == "y"


@pytest.mark.shows("E2")
def test_whatsapp_through_twilio_is_a_thread_of_its_own_with_an_id_of_its_own():
    message = read("whatsapp")

    assert message.external_thread_id == "whatsapp:+46850000001:+46700000001"
    assert (message.sender.kind, message.sender.name) == ("phone", "Anna Berg")
    assert message.in_reply_to == "SM00000000000000000000000000000009"
    assert message.metadata["via"] == "whatsapp"
    assert message.metadata["identities"] == [
        {"kind": "whatsapp_user", "value": "SE.13491208655302741918"}
    ]


@pytest.mark.shows("F9")
def test_a_place_and_a_button_are_readable_and_structured():
    place, button = read("whatsapp_location"), read("whatsapp_button")

    assert place.body_text == (
        "Location: The Shop, Main street 1, 59.334591, 18.063240"
    )
    assert place.metadata["structured"] == {
        "type": "location",
        "latitude": 59.334591,
        "longitude": 18.06324,
        "title": "The Shop",
        "address": "Main street 1",
    }
    assert button.body_text == "Yes, please"
    assert button.metadata["structured"]["data"] == "order:yes"


@pytest.mark.shows("A10")
def test_a_kind_that_is_new_at_twilio_is_kept_as_unsupported():
    message = read("whatsapp_unknown")

    assert message.kind is MessageKind.UNSUPPORTED
    assert "hologram" in message.body_text


def test_a_short_code_is_nobodys_telephone():
    assert read("short_code").sender.kind == "sms_sender"


@pytest.mark.shows("F13")
@pytest.mark.parametrize(
    ("name", "more", "consent"),
    [
        ("stop", b"", "stop"),
        ("opt_out_type", b"", "stop"),
        ("sms", b"&OptOutType=START", "start"),
        ("sms", b"&OptOutType=HELP", "help"),
        ("sms", b"&OptOutType=WHAT", None),
        ("sms", b"", None),
    ],
)
def test_stop_start_and_help_are_told(name, more, consent):
    assert read(name, more).metadata.get("consent") == consent


@pytest.mark.shows("F13")
@pytest.mark.parametrize(("body", "consent"), [(b"Cancel", None), (b"Stop", "stop")])
def test_by_whatsapp_no_carrier_takes_an_answer_for_a_refusal(body, consent):
    told = payload("twilio/whatsapp.txt").replace(b"Is+it+there%3F", body)

    message = message_of(_ADAPTER, told)

    assert message.body_text == body.decode()
    assert message.metadata.get("consent") == consent


@pytest.mark.shows("F7")
@pytest.mark.shows("F8")
def test_a_status_is_about_the_message_that_went_out():
    message = read("status_delivered")

    assert message.kind is MessageKind.STATUS
    assert message.target_id == "SM00000000000000000000000000000009"
    assert message.external_id == f"{message.target_id}:status:delivered"
    assert message.direction is Direction.OUTBOUND
    assert message.external_thread_id == "+46850000001:+46700000001"
    assert message.metadata["status"] == "delivered"


@pytest.mark.shows("F7")
@pytest.mark.shows("F13")
def test_a_failure_tells_its_code():
    assert read("status_undelivered").metadata == {
        "status": "failed",
        "provider_status": "undelivered",
        "error": {
            "code": "21610",
            "message": "Attempt to send to unsubscribed recipient",
        },
        "rule": "opted_out",
    }


@pytest.mark.shows("F7")
@pytest.mark.parametrize(
    ("told", "status"),
    [
        (b"accepted", "queued"),
        (b"sending", "queued"),
        (b"sent", "sent"),
        (b"read", "read"),
        (b"canceled", "failed"),
        (b"played", "played"),
    ],
)
def test_every_status_is_said_in_the_words_of_all_channels(told, status):
    body = payload("twilio/status_delivered.txt").replace(b"=delivered", b"=" + told)

    found = message_of(_ADAPTER, body).metadata

    assert (found["status"], found["provider_status"]) == (status, told.decode())


@pytest.mark.parametrize(
    "body",
    [b"AccountSid=AC1&Body=x", b"MessageSid=+&Body=x", b"MessageStatus=sent"],
)
def test_what_has_no_id_is_reported(body):
    (item,) = items_of(_ADAPTER, body)

    assert item.message is None
    assert "MessageSid" in item.error


def test_all_the_nameless_are_not_one_conversation():
    body = b"MessageSid=SM1&From=&To=%2B46850000001&Body=x"

    assert message_of(_ADAPTER, body).external_thread_id is None


_NAMES = """
    MessageSid SmsStatus MessageStatus From To Body NumMedia MediaUrl0 MediaContentType3 Latitude
    Longitude ButtonText ListTitle ReferralBody MessageType OptOutType NumSegments ErrorCode
    ExternalUserId ProfileName
"""


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(_NAMES.split()) | st.text(),
        st.text() | st.lists(st.text(), max_size=3),
    )
)
def test_whatever_a_form_holds_it_is_read_or_reported(form):
    item = _ADAPTER.items_of(form)[0]

    assert (item.message is None) == (item.error is not None)


@pytest.mark.shows("F7")
def test_what_a_status_says_is_what_its_message_shows():
    told = shape_of(
        [
            Change(MessageKind.STATUS, datetime.now(UTC), "1", details=one.metadata)
            for one in (read("status_delivered"), read("status_undelivered"))
        ]
    )

    assert (told.delivery_status, told.failed_by) == ("failed", "opted_out")
    assert told.delivery_reason.startswith("21610: ")
