"""What Aurinko is asked for, and how a mail is found again."""

import pytest

from app.channels.sending import Sent
from app.errors import AuthError, BizzyBeeError, PermanentError
from tests.channels.senders import CASES, HEAD, MARK, TRIED_AT, send, sender_at

CASE = CASES["aurinko"]


def test_a_mail_goes_out_with_all_that_makes_it_an_answer(server):
    server.answer(CASE.taken, status=201)

    send("aurinko", server.url)

    [asked] = server.requests
    assert asked.query == {"bodyType": "html", "returnIds": "true"}
    assert asked.body == {
        "from": {"address": "hello@bikes.example"},
        "to": [{"name": "Anna Berg", "address": "anna@example.com"}],
        "subject": "Re: Saddle",
        "body": '<div><p dir="auto">Yes, in blüe 🚲.</p></div>',
        "inReplyTo": "<q2@example.com>",
        "references": "<q1@example.com> <bb-token.1@bikes.example> <q2@example.com>",
        "xHeaders": [
            {"name": "X-Autoreply", "value": "yes"},
            {"name": "X-BizzyBee-Mark", "value": MARK},
        ],
    }


def test_what_is_incomplete_was_sent(server):
    failed = {"failedSteps": ["returnIds"], "errorMessage": "message not found yet"}
    answer = {"processingStatus": "Incomplete", "processingError": failed}
    server.answer({"status": "Ok"} | answer, status=201)

    assert send("aurinko", server.url) == Sent(None, None)


@pytest.mark.shows("I4")
@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "token.dead", AuthError),
        (401, "token.refresh.failed", AuthError),
        (400, "unauthorized", AuthError),
        (400, "invalid.request", PermanentError),
    ],
)
def test_a_code_says_what_follows(server, status, code, error):
    server.answer({"code": code, "message": "no"}, status=status)

    with pytest.raises(BizzyBeeError) as raised:
        send("aurinko", server.url)

    assert type(raised.value) is error


def test_a_mail_without_a_head_is_not_sent(server):
    with pytest.raises(PermanentError):
        send("aurinko", server.url, mail=None)

    assert server.requests == []


@pytest.mark.shows("I1", "B7")
@pytest.mark.parametrize(
    "found",
    [
        pytest.param({"internetMessageId": f"<{HEAD.message_id}>"}, id="its id"),
        pytest.param({"references": f"<a@b> <{HEAD.message_id}>"}, id="its references"),
        pytest.param(
            {"internetHeaders": [{"name": "X-BizzyBee-Mark", "value": MARK}]},
            id="its mark",
        ),
    ],
)
def test_a_mail_is_found_among_the_sent_ones(server, found):
    server.answer({"records": [row("1")], "nextPageToken": "p2"})
    server.answer({"records": [row("2") | found]})

    assert find(server) == Sent("2", "thr-1")

    assert [asked.query.get("pageToken") for asked in server.requests] == [None, "p2"]


def test_where_the_list_leaves_out_the_headers_the_mail_is_looked_at(server):
    marked = {"internetHeaders": [{"name": "X-BizzyBee-Mark", "value": MARK}]}
    hidden = {"omitted": ["internetHeaders", "body"]}
    others = [
        row("1") | hidden | {"subject": "Re: Bell"},
        row("2") | hidden | {"to": [{"address": "bob@example.com"}]},
        row("3") | hidden | {"sentAt": "2026-09-03T08:00:00Z"},
    ]
    server.answer({"records": [*others, row("4") | hidden]})
    server.answer(row("4") | marked)

    assert find(server) == Sent("4", "thr-1")
    assert server.requests[1].path == "/v1/email/messages/4"


def test_another_mail_of_ours_is_not_taken_for_it(server):
    other = {"internetHeaders": [{"name": "X-BizzyBee-Mark", "value": "automatic; id"}]}
    server.answer({"records": [row("1") | other | {"references": HEAD.message_id}]})

    assert find(server) is None


def test_older_mails_end_the_search(server):
    old = row("1") | {"sentAt": "2026-09-01T00:00:00Z"}
    server.answer({"records": [old], "nextPageToken": "p2"})

    assert find(server) is None
    assert len(server.requests) == 1


def find(server):
    sender = sender_at("aurinko", server.url)
    return sender.find_sent(CASE.account, CASE.outgoing, since=TRIED_AT)


def row(number):
    told = {"id": number, "threadId": "thr-1", "sysLabels": ["sent"]}
    return told | {"sentAt": "2026-09-03T08:15:40Z", "subject": "Re: Saddle"}
