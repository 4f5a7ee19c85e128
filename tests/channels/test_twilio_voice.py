from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.channels.adapters.twilio_voice import TwilioVoiceAdapter
from app.config import Settings
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.unified_message import Attachment, Direction, MessageKind
from tests.channels.webhooks import items_of, payload

CALL = "CA00000000000000000000000000000001"
RECORDING = "RE00000000000000000000000000000001"
RECORDING_URL = (
    "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001"
    f"/Recordings/{RECORDING}.mp3"
)
_ADAPTER = TwilioVoiceAdapter.from_settings(Settings())


def read(name):
    items = items_of(_ADAPTER, payload(f"twilio/{name}.txt"))
    assert [item.error for item in items] == [None] * len(items)
    return [item.message for item in items]


@pytest.mark.shows("F12")
def test_a_call_that_rings_is_its_entry_and_nothing_else():
    (entry,) = read("call_ringing")

    assert (entry.external_id, entry.target_id) == (CALL, None)
    assert entry.kind is MessageKind.CALL
    assert entry.direction is Direction.INBOUND
    assert entry.external_thread_id == "+46850000001:+46700000001"
    assert entry.metadata["call"] == {
        "from": "+46700000001",
        "to": "+46850000001",
        "status": "ringing",
    }


@pytest.mark.shows("F12")
def test_how_a_call_ended_is_a_change_to_its_entry():
    entry, change = read("call_completed")

    assert entry.external_id == change.target_id == CALL
    assert change.external_id == f"{CALL}:completed"
    assert change.body_text == "Call, 2 min 5 s"
    assert change.metadata["call"]["duration"] == 125
    assert change.sent_at == datetime(2026, 9, 3, 8, 15, 30, tzinfo=UTC)


@pytest.mark.shows("F12")
@pytest.mark.parametrize(
    "order",
    list(
        permutations(
            (
                "call_ringing",
                "call_completed",
                "call_record_action",
                "call_recording",
                "call_transcription",
            )
        )
    )[::7],
    ids=lambda order: "-".join(name.removeprefix("call_") for name in order),
)
def test_in_any_order_there_is_one_entry_and_each_change_once(order):
    messages = [message for name in order for message in read(name)]

    assert {message.external_id: message.target_id for message in messages} == {
        CALL: None,
        f"{CALL}:completed": CALL,
        f"{CALL}:recording:{RECORDING}": CALL,
        f"{CALL}:transcription:TR00000000000000000000000000000001": CALL,
    }
    # Files belong to the change that tells of them, whichever request brings the entry.
    assert [one.attachments for one in messages if one.target_id is None] != []
    assert all(not one.attachments for one in messages if one.target_id is None)


@pytest.mark.shows("F12")
def test_a_missed_call_says_so():
    _, change = read("call_no_answer")
    _, dialled = read("call_dialled")

    assert (change.body_text, change.metadata["call"]["missed"]) == (
        "Missed call",
        True,
    )
    assert (dialled.body_text, dialled.metadata["call"]["missed"]) == (
        "Missed call",
        True,
    )


@pytest.mark.shows("F12")
@pytest.mark.shows("A19")
def test_a_recording_is_a_file_of_the_call():
    (change,) = read("call_recording")

    assert change.attachments == [
        Attachment(name="recording.mp3", content_type="audio/mpeg", url=RECORDING_URL)
    ]
    assert change.metadata["call"]["recording_url"] == RECORDING_URL
    assert change.metadata["call"]["recording_duration"] == 12
    assert change.sender.value == UNKNOWN_SENDER


@pytest.mark.parametrize("status", ["in-progress", "absent"])
def test_a_recording_that_is_not_there_yet_is_no_file_and_does_not_hide_it(status):
    body = payload("twilio/call_recording.txt").replace(
        b"RecordingStatus=completed", f"RecordingStatus={status}".encode()
    )

    (item,) = items_of(_ADAPTER, body)

    assert item.message.attachments == []
    assert item.external_id == f"{CALL}:recording:{RECORDING}:{status}"


@pytest.mark.shows("F12")
def test_a_transcript_is_what_was_said():
    (change,) = read("call_transcription")

    assert change.body_text == "Please call me back about the red bicycle."
    assert change.metadata["call"]["transcript"] == change.body_text


@pytest.mark.shows("F12")
def test_a_leg_is_no_call_of_its_own():
    (change,) = read("call_leg")

    assert change.target_id == CALL
    assert change.external_id.startswith(f"{CALL}:leg:CA0")
    assert change.metadata["call"] == {
        "leg": {
            "sid": "CA00000000000000000000000000000002",
            "status": "no-answer",
            "duration": 0,
            "to": "+46730000009",
        }
    }


@pytest.mark.shows("E5")
def test_who_hides_the_number_is_not_one_person_with_one_conversation():
    (entry,) = read("call_hidden")

    assert entry.sender.value == UNKNOWN_SENDER
    assert entry.external_thread_id == f"+46850000001:{CALL}"


def test_a_call_that_we_made_went_out():
    body = payload("twilio/call_completed.txt")
    for before, after in (
        (b"Direction=inbound", b"Direction=outbound-api"),
        (
            b"From=%2B46700000001&To=%2B46850000001",
            b"From=%2B46850000001&To=%2B46700000001",
        ),
    ):
        assert before in body
        body = body.replace(before, after)

    entry, _ = (item.message for item in items_of(_ADAPTER, body))

    assert entry.direction is Direction.OUTBOUND
    assert entry.external_thread_id == "+46850000001:+46700000001"
    assert [one.value for one in entry.recipients] == ["+46700000001"]


@pytest.mark.shows("A10")
def test_what_is_new_about_a_call_is_kept_as_unsupported():
    body = b"CallSid=CA1&TranscriptionEvent=transcription-content&SequenceId=2"

    (item,) = items_of(_ADAPTER, body)

    assert item.message.kind is MessageKind.UNSUPPORTED
    assert item.external_id == "CA1:transcription-content:2"


def test_what_names_no_call_is_reported():
    (item,) = items_of(_ADAPTER, b"RecordingSid=RE1&RecordingUrl=x")

    assert item.message is None
    assert "CallSid" in item.error


_NAMES = """
    CallSid From To Direction CallStatus CallDuration ParentCallSid RecordingSid RecordingUrl
    RecordingStatus RecordingDuration TranscriptionSid TranscriptionText TranscriptionEvent
    DialCallStatus Timestamp RecordingStartTime SequenceNumber CallerName
"""


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(_NAMES.split()) | st.text(),
        st.text() | st.lists(st.text(), max_size=3),
    )
)
def test_whatever_a_form_holds_it_is_read_or_reported(form):
    for item in _ADAPTER.items_of(form):
        assert (item.message is None) == (item.error is not None)
