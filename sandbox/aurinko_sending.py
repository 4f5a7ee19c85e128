"""Aurinko's sending: what it accepts is counted, and a copy of it is in SENT."""

from typing import Any

from flask import Blueprint

from sandbox import aurinko_access, records, wire
from sandbox.letters import Letter, Person, Unsendable
from sandbox.mailbox import Mailbox
from sandbox.sends import MailSend
from sandbox.world import world

blueprint = Blueprint("sending", __name__)

Answer = tuple[dict[str, Any], int]


@blueprint.post("/v1/email/messages")
def send() -> Answer:
    """Send a mail."""
    mailbox = aurinko_access.mailbox()
    return _sent(mailbox, _letter(), "/v1/email/messages"), 201


@blueprint.post("/v1/email/messages/<message_id>/reply")
def reply(message_id: str) -> Answer:
    """Answer a mail, to its sender unless other recipients are named."""
    mailbox = aurinko_access.mailbox()
    answered = aurinko_access.entry_of(mailbox, message_id)
    letter = _as_answer(_letter(), records.record(mailbox, answered, "text"))
    return _sent(mailbox, letter, "/v1/email/messages/<id>/reply"), 200


def _letter() -> Letter:
    try:
        return Letter.read(wire.json_body())
    except Unsendable as error:
        aurinko_access.invalid(str(error))


def _as_answer(letter: Letter, answered: records.Record) -> Letter:
    parent = str(answered.get("internetMessageId") or "")
    subject = str(answered["subject"])
    if not subject.lower().startswith("re:"):
        subject = f"Re: {subject}"
    senders = answered["replyTo"] or [answered.get("from")]
    people = [Person.model_construct(**sender) for sender in senders if sender]
    return letter.model_copy(
        update={
            "to": letter.to or people,
            "subject": letter.subject or subject,
            "in_reply_to": parent,
            "references": f"{answered.get('references') or ''} {parent}".strip(),
        }
    )


def _sent(mailbox: Mailbox, letter: Letter, route: str) -> dict[str, Any]:
    name, body_type = aurinko_access.account_name(), aurinko_access.body_type()

    def sent(number: int) -> MailSend:
        submitted, kept_as = _message_ids(mailbox, number)
        written = letter.written(
            mailbox.owner,
            message_id=kept_as,
            moment=mailbox.now() + 1,
            body_type=body_type,
        )
        is_kept = mailbox.settings.keep_sent
        return MailSend(
            number=number,
            provider="aurinko",
            name=name,
            route=route,
            message_id=submitted,
            sent_message_id=kept_as,
            id=mailbox.add(written, folder="sent").id if is_kept else None,
            to=letter.recipients(),
            subject=letter.subject,
            body=wire.json_body(),
        )

    try:
        accepted = world().sends.accept(sent)
    except Unsendable as error:
        aurinko_access.invalid(str(error))
    return _answer(mailbox, accepted)


def _message_ids(mailbox: Mailbox, number: int) -> tuple[str, str]:
    """The Message-ID that is told, and that of the copy: a server may write its own."""
    unique = f"{number}-{wire.request_fingerprint()[:10]}"
    submitted = f"<gen-{unique}@{mailbox.owner.rpartition('@')[2]}>"
    if mailbox.settings.rewrite_message_id:
        return submitted, f"<out-{unique}@relay.mail.example>"
    return submitted, submitted


def _answer(mailbox: Mailbox, accepted: MailSend) -> dict[str, Any]:
    answer = {
        "status": "Ok",
        "submittedMessageId": accepted.message_id,
        "processingStatus": "Ok",
    }
    wants_ids = aurinko_access.said("returnIds")
    copy = mailbox.find(accepted.id or "") if wants_ids else None
    if mailbox.count_down("incomplete_sends") or (wants_ids and copy is None):
        return answer | {
            "processingStatus": "Incomplete",
            "processingError": {
                "failedSteps": ["returnIds" if wants_ids else "tracking"],
                "errorMessage": "message not found yet",
            },
        }
    if copy is not None:
        answer |= {"id": copy.id, "threadId": mailbox.thread_id(copy)}
    return answer
