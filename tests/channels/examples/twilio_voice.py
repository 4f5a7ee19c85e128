from dataclasses import replace

from tests.channels.examples.twilio_sms import EXAMPLES as MESSAGES
from tests.channels.webhooks import FORM, payload, request_of

_ACCOUNT = b"AccountSid=AC00000000000000000000000000000001"
_NAMES = "ringing no_answer completed dialled record_action recording transcription"


def _form(body):
    return request_of(body, headers={"content-type": FORM})


EXAMPLES = replace(
    MESSAGES,
    requests=tuple(
        _form(payload(f"twilio/call_{name}.txt")) for name in _NAMES.split()
    ),
    unknown=_form(_ACCOUNT + b"&CallSid=CA1&TranscriptionEvent=content&SequenceId=2"),
    malformed=_form(_ACCOUNT + b"&CallStatus=ringing"),
)
