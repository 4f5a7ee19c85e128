"""The sandbox's sending: counted once each, and found again in SENT."""

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import requests

from sandbox.letters import Letter
from tests.channels.senders import CASES, HEAD, sender_at

MESSAGES = "/aurinko/v1/email/messages"
SENDS = "/_control/sends"
TO_ANNA = {"to": [{"name": "Anna", "address": "anna@example.com"}]}
LETTER = {**TO_ANNA, "subject": "Saddle", "body": "<p>It is leather.</p>"}


def send(sandbox, letter=None, path=MESSAGES, **query):
    return sandbox.session.post(
        sandbox.url + path,
        json=LETTER if letter is None else letter,
        params={"bodyType": "html", "returnIds": "true", **query},
        timeout=10,
    )


def sent_records(sandbox):
    return sandbox.records(q="in:sent", bodyType="html")


def test_a_sent_mail_is_in_sent_and_counted(sandbox):
    answer = send(sandbox)

    assert answer.status_code == 201
    (record,) = sent_records(sandbox)
    assert answer.json() == {
        "status": "Ok",
        "processingStatus": "Ok",
        "id": record["id"],
        "threadId": record["threadId"],
        "submittedMessageId": record["internetMessageId"],
    }
    assert record["sysLabels"] == ["sent"]
    assert record["from"]["address"] == "hello@bikes.example"
    assert record["to"][0]["address"] == "anna@example.com"
    assert record["body"].strip() == "<p>It is leather.</p>"
    (listed,) = sandbox.get(SENDS).json()
    assert listed == {
        "number": 1,
        "provider": "aurinko",
        "name": "test",
        "route": "/v1/email/messages",
        "message_id": record["internetMessageId"],
        "sent_message_id": record["internetMessageId"],
        "id": record["id"],
        "to": ["anna@example.com"],
        "subject": "Saddle",
        "body": LETTER,
    }


def test_a_sent_mail_has_all_that_was_asked_for(sandbox):
    references = " ".join(f"<{number:060d}@example.com>" for number in range(9))
    letter = {
        **LETTER,
        "from": {"name": "Åsa", "address": "hello@bikes.example"},
        "cc": [{"address": "c@example.com"}],
        "bcc": [{"address": "b@example.com"}],
        "replyTo": [{"address": "r@example.com"}],
        "subject": "Größe – " + "sehr " * 30,
        "inReplyTo": "<saddle@example.com>",
        "references": references,
        "xHeaders": [{"name": "X-Our-Key", "value": "k" * 200}],
        "listHeaders": [{"name": "List-Unsubscribe", "value": "<https://x.example>"}],
        "attachments": [
            {
                "name": "r.pdf",
                "mimeType": "application/pdf",
                "content": base64.b64encode(b"PDF!").decode(),
            }
        ],
        "tracking": {"opens": True},
    }

    assert send(sandbox, letter).status_code == 201

    (record,) = sent_records(sandbox)
    assert record["from"]["name"] == "Åsa"
    assert [record[role][0]["address"][0] for role in ("cc", "bcc", "replyTo")] == [
        "c",
        "b",
        "r",
    ]
    assert record["subject"] == letter["subject"].strip()
    assert record["inReplyTo"] == "<saddle@example.com>"
    assert record["references"] == references
    headers = {h["name"]: h["value"] for h in record["internetHeaders"]}
    assert headers["X-Our-Key"] == "k" * 200
    assert headers["List-Unsubscribe"] == "<https://x.example>"
    assert [a["name"] for a in record["attachments"]] == ["r.pdf"]
    assert record["body"].strip() == LETTER["body"]


def test_a_plain_text_mail_is_plain_text(sandbox):
    send(sandbox, {**TO_ANNA, "body": "1 < 2"}, bodyType="text")

    (record,) = sandbox.records(q="in:sent", bodyType="text")
    assert record["body"].strip() == "1 < 2"


def test_an_answer_is_in_the_thread_of_its_mail(sandbox):
    mail = sandbox.add()

    answer = send(sandbox, {"body": "Yes"}, path=f"{MESSAGES}/{mail['id']}/reply")

    assert answer.status_code == 200
    assert answer.json()["threadId"] == mail["threadId"]
    (record,) = sent_records(sandbox)
    assert record["subject"] == "Re: Saddle"
    assert record["to"][0]["address"] == "anna@example.com"
    assert record["inReplyTo"] == record["references"] == "<saddle@example.com>"
    missing = send(sandbox, path=f"{MESSAGES}/sbx-000009-x/reply")
    assert missing.status_code == 404
    assert len(sandbox.get(SENDS).json()) == 1


def test_a_mail_is_sent_once_for_each_request_under_concurrency(sandbox):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(sandbox), range(24)))

    assert {answer.status_code for answer in answers} == {201}
    sends = sandbox.get(SENDS).json()
    assert [each["number"] for each in sends] == list(range(1, 25))
    ids = {answer.json()["id"] for answer in answers}
    assert ids == {each["id"] for each in sends}
    assert len({each["message_id"] for each in sends}) == 24


def test_an_incomplete_send_was_sent(sandbox):
    sandbox.behave(incomplete_sends=1)

    first, second = send(sandbox), send(sandbox)

    assert first.status_code == 201
    assert first.json()["processingStatus"] == "Incomplete"
    assert first.json()["processingError"]["failedSteps"] == ["returnIds"]
    assert not {"id", "threadId"} & set(first.json())
    assert second.json()["processingStatus"] == "Ok"
    assert len(sent_records(sandbox)) == len(sandbox.get(SENDS).json()) == 2


def test_a_server_may_write_its_own_message_id(sandbox):
    sandbox.behave(rewrite_message_id=True)

    submitted = send(sandbox).json()["submittedMessageId"]

    (record,) = sent_records(sandbox)
    (listed,) = sandbox.get(SENDS).json()
    assert listed["message_id"] == submitted != record["internetMessageId"]
    assert listed["sent_message_id"] == record["internetMessageId"]


def test_a_provider_may_keep_no_copy(sandbox):
    sandbox.behave(keep_sent=False)

    answer = send(sandbox).json()

    assert answer["processingStatus"] == "Incomplete"
    assert sandbox.records() == []
    (listed,) = sandbox.get(SENDS).json()
    assert (listed["id"], listed["message_id"]) == (None, answer["submittedMessageId"])


def test_without_ids_there_are_none(sandbox):
    answer = send(sandbox, returnIds="false").json()

    assert set(answer) == {"status", "processingStatus", "submittedMessageId"}


def test_a_mail_may_be_accepted_and_the_connection_dropped(sandbox):
    fault = {"provider": "aurinko", "match": MESSAGES.removeprefix("/aurinko")}
    lost = {**fault, "method": "POST", "mode": "drop", "served": True}
    sandbox.control("faults", lost)

    assert sandbox.records() == []  # another method
    with pytest.raises(requests.ConnectionError):
        send(sandbox)

    assert len(sent_records(sandbox)) == len(sandbox.get(SENDS).json()) == 1
    assert send(sandbox).status_code == 201
    assert len(sandbox.get(SENDS).json()) == 2


def test_a_mail_may_be_accepted_and_an_error_be_answered(sandbox):
    fault = {"provider": "aurinko", "status": 504, "served": True}
    sandbox.control("faults", fault)

    answer = send(sandbox)

    assert (answer.status_code, answer.json()["code"]) == (504, "server.error")
    assert len(sandbox.get(SENDS).json()) == 1


def test_a_dropped_request_that_was_not_served_sends_nothing(sandbox):
    sandbox.control("faults", {"provider": "aurinko", "mode": "drop"})

    with pytest.raises(requests.ConnectionError):
        send(sandbox)

    assert sandbox.get(SENDS).json() == []


def test_sends_are_listed_by_account_and_can_be_forgotten(sandbox):
    sandbox.control("mailboxes", {"name": "two", "owner": "two@bikes.example"})
    send(sandbox)
    sandbox.session.headers["Authorization"] = "Bearer sandbox-two"
    send(sandbox)

    assert [s["number"] for s in sandbox.get(SENDS, name="two").json()] == [2]
    assert sandbox.delete(SENDS).ok
    assert sandbox.get(SENDS).json() == []
    assert send(sandbox).status_code == 201
    assert [s["number"] for s in sandbox.get(SENDS).json()] == [3]


@pytest.mark.parametrize(
    "letter",
    [
        {},
        {**LETTER, "to": []},
        {**LETTER, "to": [{"name": "Anna"}]},
        {**LETTER, "to": [{"address": "not an address"}]},
        {**LETTER, "to": "anna@example.com"},
        {**LETTER, "subject": "a\r\nBcc: x@example.com"},
        {**LETTER, "inReplyTo": "<a@x>\n\nbody"},
        {**LETTER, "body": "\ud800"},
        {**LETTER, "xHeaders": [{"name": "Message-ID", "value": "<a@x>"}]},
        {**LETTER, "xHeaders": [{"name": "X-A", "value": "a\nb: c"}]},
        {**LETTER, "attachments": [{"name": "a", "content": "%%%"}]},
    ],
    ids=[
        "nothing",
        "nobody",
        "no address",
        "a broken address",
        "text for people",
        "a header in the subject",
        "a body in a header",
        "a lone surrogate",
        "a header that is not one's own",
        "a header in a header",
        "broken base64",
    ],
)
def test_what_is_no_mail_is_refused_and_not_sent(sandbox, letter):
    answer = send(sandbox, letter)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid.request"
    assert sandbox.get(SENDS).json() == []
    assert sandbox.records() == []


def test_the_same_letter_is_written_alike():
    asked = {**LETTER, "attachments": [{"name": "a", "content": "eA=="}]}

    def written():
        letter = Letter.read(asked)
        return letter.written(
            "me@x.example", message_id="<1@x.example>", moment=1, body_type="html"
        )

    assert written() == written()


@pytest.mark.parametrize("rewrites", [False, True])
def test_what_our_adapter_sends_is_found_again_and_once(sandbox, rewrites):
    sandbox.behave(rewrite_message_id=rewrites)
    case = CASES["aurinko"]
    account = replace(case.account, credentials={"access_token": "sandbox-test"})
    head = replace(HEAD, sender=None)
    outgoing = replace(case.outgoing, mail=head)
    adapter = sender_at("aurinko", f"{sandbox.url}/aurinko")
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert adapter.find_sent(account, outgoing, since=since) is None

    sent = adapter.send(account, outgoing)

    assert adapter.find_sent(account, outgoing, since=since) == sent
    (record,) = sent_records(sandbox)
    assert record["id"] == sent.external_id
    assert record["inReplyTo"] == f"<{HEAD.in_reply_to}>"
    assert HEAD.message_id in record["references"]
