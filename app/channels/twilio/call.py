"""Telephone calls: each is one entry, and whatever is told of it later changes that entry.

Twilio tells of a call in many requests, and in any order: it rings, it ended, there is a recording,
there is a transcript. The first that says who calls whom, whichever it is, brings the entry itself
under the CallSid; what it and the others tell are changes to it.
"""

from dataclasses import dataclass
from typing import Any

from app.channels.base import Item
from app.channels.reading import count_of, filled, read_item, text_of, word_of
from app.channels.twilio.addresses import Address, read_address, thread_of
from app.domain.mail_date import claimed_moment
from app.domain.unified_message import (
    MAX_TEXT,
    Attachment,
    Direction,
    MessageKind,
    Participant,
    Recipient,
    UnifiedMessage,
)
from app.errors import InvalidPayload

#: Says no more than that there is a call.
_BEGINNINGS = frozenset({"queued", "initiated", "ringing"})
_WHO_CALLS_WHOM = ("From", "To", "Direction")
_UNANSWERED = frozenset({"busy", "no-answer", "failed", "canceled"})
_RECORDING_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}


@dataclass(frozen=True)
class _News:
    """What one request tells of a call."""

    id: str
    """Tells it from what else is told of the call."""
    facts: dict[str, Any]
    text: str | None = None
    recording: str | None = None
    kind: MessageKind = MessageKind.CALL


def read_call(provider: str, form: dict[str, Any]) -> list[Item]:
    """Read what a request tells: the call, where it says who calls whom, and what is new of it."""
    sid = word_of(form.get("CallSid"))
    parent = word_of(form.get("ParentCallSid"))
    news = _news(form)
    items = []
    # What reaches an employee is a leg of the call, which has the numbers of that leg.
    if not parent and all(word_of(form.get(name)) for name in _WHO_CALLS_WHOM):
        items.append(
            read_item(
                provider,
                form,
                _entry,
                external_id=sid or None,
            )
        )
    if not items or (news is not None and news.id not in _BEGINNINGS):
        items.append(
            read_item(
                provider,
                form,
                _change,
                external_id=sid or None,
            )
        )
    return items


def _entry(form: dict[str, Any]) -> UnifiedMessage:
    has_status = bool(word_of(form.get("CallStatus")))
    news = _status(form) if has_status else _News("", {})
    return _told(form, external_id=_required_sid(form), news=news)


def _change(form: dict[str, Any]) -> UnifiedMessage:
    sid = word_of(form.get("ParentCallSid")) or _required_sid(form)
    news = _news(form)
    if news is None:
        raise InvalidPayload("it says nothing of its call")
    return _told(form, external_id=f"{sid}:{news.id}", news=news, target_id=sid)


def _told(
    form: dict[str, Any],
    *,
    external_id: str,
    news: _News,
    target_id: str | None = None,
) -> UnifiedMessage:
    is_outbound = word_of(form.get("Direction")).lower().startswith("outbound")
    caller, called = (read_address(word_of(form.get(name))) for name in ("From", "To"))
    ours, theirs = (caller, called) if is_outbound else (called, caller)
    is_leg = bool(word_of(form.get("ParentCallSid")))
    ends = {"from": word_of(form.get("From")), "to": word_of(form.get("To"))}
    call = ({} if is_leg else filled(ends)) | news.facts
    moment = word_of(form.get("Timestamp")) or word_of(form.get("RecordingStartTime"))
    return UnifiedMessage(
        external_id=external_id,
        external_thread_id=None if is_leg else _thread(form, ours, theirs),
        direction=Direction.OUTBOUND if is_outbound else Direction.INBOUND,
        sender=Participant(
            kind=caller.kind,
            value=caller.value,
            name=word_of(form.get("CallerName")) or None,
        ),
        recipients=[Recipient(kind=called.kind, value=called.value, role="to")]
        if called.is_known
        else [],
        body_text=news.text or ("Call to us" if not is_outbound else "Call by us"),
        sent_at=claimed_moment(moment) if moment else None,
        attachments=_recordings(news),
        kind=news.kind,
        target_id=target_id,
        metadata={"call": call},
    )


def _thread(form: dict[str, Any], ours: Address, theirs: Address) -> str | None:
    if not ours.is_known:
        return None
    if not theirs.is_known:
        # Who hides the number is not one person.
        return f"{ours.key}:{_required_sid(form)}"
    return thread_of(ours, theirs)


def _required_sid(form: dict[str, Any]) -> str:
    if not (sid := word_of(form.get("CallSid"))):
        raise InvalidPayload("it has no CallSid")
    return sid


def _news(form: dict[str, Any]) -> _News | None:
    """What is new; None where nothing is told that we know."""
    if word_of(form.get("TranscriptionEvent")):
        return _unknown(form, "TranscriptionEvent", "TranscriptionSid", "SequenceId")
    if word_of(form.get("TranscriptionSid")) or "TranscriptionText" in form:
        return _transcript(form)
    if word_of(form.get("RecordingSid")) or word_of(form.get("RecordingUrl")):
        return _recording(form)
    if word_of(form.get("DialCallStatus")):
        return _dialled(form)
    if word_of(form.get("CallStatus")):
        return _status(form)
    if word_of(form.get("CallSid")):
        return _unknown(
            form, "AnsweredBy", "StreamEvent", "StreamSid", "SequenceNumber"
        )
    return None


def _status(form: dict[str, Any]) -> _News:
    status = word_of(form.get("CallStatus")).lower()
    seconds = count_of(form.get("CallDuration"))
    sequence = count_of(form.get("SequenceNumber"))
    is_inbound = not word_of(form.get("Direction")).lower().startswith("outbound")
    if leg := word_of(form.get("ParentCallSid")) and word_of(form.get("CallSid")):
        facts = {
            "sid": leg,
            "status": status,
            "duration": seconds,
            "to": word_of(form.get("To")),
        }
        told = {"leg": filled(facts)}
        return _News(f"leg:{leg}:{status}", told, f"Passed on: {status}")
    facts = {"status": status, "duration": seconds, "sequence": sequence}
    is_missed = is_inbound and status in _UNANSWERED
    if is_missed:
        facts["missed"] = True
    text = None
    if status in _UNANSWERED:
        text = "Missed call" if is_missed else f"Call by us: {status}"
    elif status == "completed" and seconds is not None:
        text = f"Call, {_length(seconds)}"
    return _News(status, filled(facts), text)


def _dialled(form: dict[str, Any]) -> _News:
    """What became of passing a call on to somebody who might take it."""
    status = word_of(form.get("DialCallStatus")).lower()
    seconds = count_of(form.get("DialCallDuration"))
    facts: dict[str, Any] = {"dial_status": status, "dial_duration": seconds}
    facts["missed"] = status in _UNANSWERED
    text = "Missed call" if facts["missed"] else None
    return _News(f"dial:{status}", filled(facts), text)


def _recording(form: dict[str, Any]) -> _News:
    sid = word_of(form.get("RecordingSid"))
    url = word_of(form.get("RecordingUrl"))
    # Where a call is told to be recorded and goes on, there is no status and the recording is there.
    status = word_of(form.get("RecordingStatus")).lower() or "completed"
    seconds = count_of(form.get("RecordingDuration"))
    is_there = status == "completed" and bool(url)
    if is_there and url.rpartition(".")[2] not in _RECORDING_TYPES:
        url = f"{url}.mp3"
    facts: dict[str, Any] = {
        "recording_sid": sid,
        "recording_status": status,
        "recording_duration": seconds,
        "recording_url": url if is_there else None,
    }
    length = f", {_length(seconds)}" if seconds is not None else ""
    return _News(
        f"recording:{sid or url}" + ("" if status == "completed" else f":{status}"),
        filled(facts),
        f"Recording{length}" if is_there else f"Recording: {status}",
        recording=url if is_there else None,
    )


def _transcript(form: dict[str, Any]) -> _News:
    sid = word_of(form.get("TranscriptionSid"))
    status = word_of(form.get("TranscriptionStatus")).lower() or "completed"
    text = text_of(form.get("TranscriptionText")).strip()[:MAX_TEXT]
    facts = {
        "transcript": text,
        "transcription_sid": sid,
        "transcription_status": status,
        "recording_sid": word_of(form.get("RecordingSid")),
    }
    return _News(
        f"transcription:{sid or 'unnamed'}"
        + ("" if status == "completed" else f":{status}"),
        filled(facts),
        text or f"Transcript: {status}",
    )


def _unknown(form: dict[str, Any], *names: str) -> _News:
    told = [word_of(form.get(name)) for name in names]
    which = ":".join(part for part in told if part)[:200] or "unknown"
    return _News(
        which,
        {},
        f"Something about a call that we do not know: {which}",
        kind=MessageKind.UNSUPPORTED,
    )


def _recordings(news: _News) -> list[Attachment]:
    if not news.recording:
        return []
    extension = news.recording.rpartition(".")[2]
    return [
        Attachment(
            name=f"recording.{extension}",
            content_type=_RECORDING_TYPES[extension],
            url=news.recording,
        )
    ]


def _length(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
