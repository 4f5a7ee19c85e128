"""The files of Twilio: media of messages, recordings of calls; asked for with credentials."""

from flask import Blueprint, Response

from sandbox import twilio_access
from sandbox.twilio_access import refuse
from sandbox.world import world

blueprint = Blueprint("twilio_files", __name__)

_ACCOUNT = "/2010-04-01/Accounts/<sid>"


@blueprint.get(f"{_ACCOUNT}/Messages/<message_sid>/Media/<media_sid>")
def media(sid: str, message_sid: str, media_sid: str) -> Response:
    """A file that came with a message."""
    return _file(sid, media_sid)


@blueprint.get(f"{_ACCOUNT}/Recordings/<recording_sid>")
@blueprint.get(f"{_ACCOUNT}/Calls/<call_sid>/Recordings/<recording_sid>")
def recording(sid: str, recording_sid: str, call_sid: str = "") -> Response:
    """What a caller has said."""
    return _file(sid, recording_sid.removesuffix(".mp3").removesuffix(".wav"))


def _file(sid: str, file_sid: str) -> Response:
    account = twilio_access.opened(sid)
    found = world().chats.media(file_sid[2:])
    if found is None or found.account is not account:
        refuse(20404)
    return Response(found.content, content_type=found.content_type)
