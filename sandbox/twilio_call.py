"""What Twilio tells of a telephone call: several requests that come in any order."""

from typing import Any

from sandbox.chats import Account

Form = dict[str, Any]

_RECORDINGS = "2010-04-01/Accounts/{}/Recordings"
_SECONDS = "12"


def forms(
    account: Account,
    call: str,
    *,
    caller: str,
    to: str,
    text: str,
    recording: str,
    base_url: str,
) -> dict[str, Form]:
    """Each request about a call, by its name; `recording` is the id of its file."""
    base: Form = {
        "AccountSid": account.id,
        "ApiVersion": "2010-04-01",
        "CallSid": call,
        "From": caller,
        "To": to,
        "Caller": caller,
        "Called": to,
        "Direction": "inbound",
    }
    recorded: Form = {
        "RecordingSid": f"RE{recording}",
        "RecordingUrl": f"{base_url}twilio/{_RECORDINGS.format(account.id)}/RE{recording}",
        "RecordingDuration": _SECONDS,
    }
    return {
        "ringing": base | {"CallStatus": "ringing"},
        "completed": base | {"CallStatus": "completed", "CallDuration": _SECONDS},
        "record_action": base | recorded | {"CallStatus": "in-progress"},
        "recording": {
            "AccountSid": account.id,
            "CallSid": call,
            **recorded,
            "RecordingStatus": "completed",
            "RecordingChannels": "1",
            "RecordingSource": "RecordVerb",
        },
        "transcription": base
        | {
            "RecordingSid": recorded["RecordingSid"],
            "RecordingUrl": recorded["RecordingUrl"],
            "TranscriptionSid": f"TR{recording}",
            "TranscriptionText": text,
            "TranscriptionStatus": "completed",
        },
    }
