"""The sandbox's delta sync: what has changed, in which order, and when a token ends."""

import threading

import pytest

SYNC = "/aurinko/v1/email/sync"
UPDATED = f"{SYNC}/updated"
DELETED = f"{SYNC}/deleted"
MESSAGES = "/aurinko/v1/email/messages"
MAILS = "/_control/mailboxes/test/mails"


def begun(sandbox, **query):
    """The two tokens of a sync."""
    answer = sandbox.session.post(sandbox.url + SYNC, params=query, timeout=10).json()
    assert answer["ready"] is True
    return answer["syncUpdatedToken"], answer["syncDeletedToken"]


def drained(sandbox, token, path=UPDATED):
    """All that is new since a token, and the token for the next time."""
    records, page = [], sandbox.get(path, deltaToken=token).json()
    while True:
        assert page["length"] == len(page["records"])
        assert ("nextPageToken" in page) != ("nextDeltaToken" in page)
        records += page["records"]
        if "nextDeltaToken" in page:
            return records, page["nextDeltaToken"]
        page = sandbox.get(path, pageToken=page["nextPageToken"]).json()


def subjects(records):
    return [record["subject"] for record in records]


def test_a_sync_begins_with_the_mails_of_the_last_days(serve, mbox, mail):
    mails = [mail(day=day, Subject=str(day)) for day in (1, 20, 10, 31)]
    sandbox = serve(mbox(*mails))

    updated, deleted = begun(sandbox, daysWithin=12)
    records, token = drained(sandbox, updated)

    assert subjects(records) == ["20", "31"]
    assert drained(sandbox, token) == ([], token)
    assert drained(sandbox, deleted, DELETED)[0] == []


def test_the_body_type_of_a_sync_lasts(sandbox):
    updated, _ = begun(sandbox, bodyType="text")
    sandbox.add()

    (record,), token = drained(sandbox, updated)
    sandbox.change(record, flagged=True)
    (again,), _ = drained(sandbox, token)

    assert record["body"].strip() == again["body"].strip() == "Is it leather?"
    assert again["sysLabels"] == ["inbox", "unread", "flagged"]
    assert again["lastModifiedTime"] > record["lastModifiedTime"]


def test_changes_come_in_their_order_and_a_mail_once(sandbox):
    updated, _ = begun(sandbox)
    first, second, third = (
        sandbox.add(b"Subject: %d\n\nHi" % number) for number in (1, 2, 3)
    )
    sandbox.change(first, unread=False)
    sandbox.remove(second)

    records, token = drained(sandbox, updated)

    assert [r["id"] for r in records] == [third["id"], first["id"]]
    assert records[1]["sysLabels"] == ["inbox"]
    sandbox.change(third, folder="archive")
    (moved,), _ = drained(sandbox, token)
    assert (moved["id"], moved["folderId"]) == (third["id"], "ARCHIVE")
    assert moved["sysLabels"] == ["unread"]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_mail_that_changes_while_a_client_pages_is_not_missed(sandbox, size):
    updated, _ = begun(sandbox)
    mails = [sandbox.add(b"Subject: %d\n\nHi" % number) for number in range(5)]
    sandbox.behave(page_size=size)
    page = sandbox.get(UPDATED, deltaToken=updated).json()

    sandbox.change(mails[0], flagged=True)  # given out already
    sandbox.change(mails[3], flagged=True)  # still to come
    sandbox.remove(mails[4])
    seen = page["records"]
    while "nextPageToken" in page:
        page = sandbox.get(UPDATED, pageToken=page["nextPageToken"]).json()
        assert page["length"] <= size
        seen += page["records"]

    assert subjects(seen)[-2:] == ["0", "3"]
    assert sorted(subjects(seen)) == ["0", "0", "1", "2", "3"]
    newest = {record["id"]: record["sysLabels"] for record in seen}
    assert ["flagged" in labels for labels in newest.values()].count(True) == 2


def test_a_page_without_a_next_one_ends_where_the_next_sync_begins(sandbox):
    updated, _ = begun(sandbox)
    sandbox.behave(page_size=2)
    sandbox.add()
    sandbox.add()

    page = sandbox.get(UPDATED, deltaToken=updated).json()
    sandbox.add()

    assert page["length"] == 2
    assert len(drained(sandbox, page["nextDeltaToken"])[0]) == 1


def test_deletions_are_told_page_by_page_with_what_is_left_of_them(sandbox):
    mails = [sandbox.add() for _ in range(3)]
    _, deleted = begun(sandbox)
    sandbox.behave(page_size=2)
    for mail in mails:
        sandbox.remove(mail)

    records, token = drained(sandbox, deleted, DELETED)

    assert [record["id"] for record in records] == [mail["id"] for mail in mails]
    assert records[0]["folderId"] == "INBOX"
    assert records[0]["internetMessageId"] == "<saddle@example.com>"
    times = [record["timestamp"] for record in records]
    assert times == sorted({*times})
    assert drained(sandbox, token, DELETED)[0] == []


def test_a_deleted_mail_is_not_found_nor_listed(sandbox):
    mail = sandbox.add()

    sandbox.remove(mail)

    assert sandbox.get(f"{MESSAGES}/{mail['id']}").status_code == 404
    assert sandbox.records() == []
    assert sandbox.delete(f"{MAILS}/{mail['id']}").status_code == 404


def test_a_move_keeps_the_id_unless_the_provider_gives_new_ones(sandbox):
    mail = sandbox.add()
    updated, deleted = begun(sandbox)

    trashed = sandbox.change(mail, folder="trash")
    sandbox.behave(new_id_on_move=True)
    restored = sandbox.change(trashed, folder="inbox")

    assert trashed["id"] == mail["id"]
    assert restored["id"] != mail["id"]
    assert restored["threadId"] == mail["threadId"]
    assert [r["id"] for r in drained(sandbox, updated)[0]] == [restored["id"]]
    gone = drained(sandbox, deleted, DELETED)[0]
    assert [(r["id"], r["folderId"]) for r in gone] == [(mail["id"], "TRASH")]
    assert sandbox.get(f"{MESSAGES}/{mail['id']}").status_code == 404
    whole = sandbox.get(f"{MESSAGES}/{restored['id']}").json()
    assert whole["internetMessageId"] == "<saddle@example.com>"


def test_what_changes_nothing_is_no_change(sandbox):
    mail = sandbox.add()
    updated, _ = begun(sandbox)
    _, token = drained(sandbox, updated)

    sandbox.change(mail, folder="inbox", unread=True)

    assert drained(sandbox, token)[0] == []


def test_a_sync_is_not_ready_so_often(sandbox):
    sandbox.behave(not_ready=2)

    answers = [sandbox.post(SYNC, {}).json() for _ in range(3)]

    assert answers[:2] == [{"ready": False}, {"ready": False}]
    assert answers[2]["ready"] is True


@pytest.mark.parametrize("path", [UPDATED, DELETED])
def test_expired_tokens_are_gone_and_new_ones_are_not(sandbox, path):
    sandbox.behave(page_size=1)
    tokens = begun(sandbox)
    mails = [sandbox.add(), sandbox.add(), sandbox.add()]
    for mail in mails[:2]:
        sandbox.remove(mail)
    sandbox.add()
    token = tokens[path == DELETED]
    page = sandbox.get(path, deltaToken=token).json()["nextPageToken"]

    sandbox.control("mailboxes/test/expire", {})

    expired = [sandbox.get(path, deltaToken=token), sandbox.get(path, pageToken=page)]
    assert [answer.status_code for answer in expired] == [410, 410]
    assert expired[0].json()["code"] == "token.expired"
    fresh = begun(sandbox)[path == DELETED]
    assert sandbox.get(path, deltaToken=fresh).status_code == 200


def test_loading_a_mailbox_again_ends_its_tokens(sandbox, mbox, mail):
    asked = {"name": "test", "owner": "hello@bikes.example", "path": str(mbox(mail()))}
    sandbox.control("mailboxes", asked)
    updated, _ = begun(sandbox)

    sandbox.control("mailboxes", asked)

    assert sandbox.get(UPDATED, deltaToken=updated).status_code == 410


@pytest.mark.parametrize(
    "query",
    [{}, {"deltaToken": "W10"}, {"deltaToken": "x"}, {"pageToken": "\N{SNOWMAN}"}],
    ids=["none", "empty", "broken", "not base64"],
)
@pytest.mark.parametrize("path", [UPDATED, DELETED])
def test_what_is_no_token_is_refused(sandbox, path, query):
    assert sandbox.get(path, **query).status_code == 400


def test_a_token_is_good_for_its_own_route_and_use_only(sandbox):
    updated, deleted = begun(sandbox)

    answers = [
        sandbox.get(UPDATED, deltaToken=deleted),
        sandbox.get(DELETED, deltaToken=updated),
        sandbox.get(UPDATED, pageToken=updated),
        sandbox.get(UPDATED, deltaToken=updated, pageToken=updated),
    ]

    assert [answer.status_code for answer in answers] == [400] * 4


@pytest.mark.parametrize("days", ["0", "-1", "many", "9" * 40])
def test_senseless_days_are_refused(sandbox, days):
    answer = sandbox.session.post(
        sandbox.url + SYNC, params={"daysWithin": days}, timeout=10
    )

    assert answer.status_code == 400


def test_an_imap_mailbox_leaves_out_bodies_in_lists_and_sync(sandbox):
    mail = sandbox.add()
    sandbox.behave(service_type="IMAP")
    updated, _ = begun(sandbox)

    listed = [*sandbox.records(), *drained(sandbox, updated)[0]]

    for record in listed:
        assert record["omitted"] == ["body", "attachments", "internetHeaders"]
        assert not {"body", "attachments", "internetHeaders"} & set(record)
        assert record["bodySnippet"] == "Is it leather?"
    whole = sandbox.get(f"{MESSAGES}/{mail['id']}", bodyType="text").json()
    assert (whole["omitted"], whole["body"].strip()) == ([], "Is it leather?")
    account = sandbox.get("/aurinko/v1/account").json()
    assert account["serviceType"] == "IMAP"


def test_a_thread_is_found_when_it_was_required_often_enough(sandbox):
    first, second = sandbox.add(), sandbox.add()
    sandbox.behave(thread_not_ready=2, retry_after=7)
    path = f"{MESSAGES}/{first['id']}"

    unknown = sandbox.get(path).json()
    answers = [sandbox.get(path, requireThreadId="true") for _ in range(3)]

    assert "threadId" not in unknown
    assert unknown["omitted"] == ["threadId"]
    assert [answer.status_code for answer in answers] == [408, 408, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[2].json()["threadId"] == first["threadId"]
    listed = {record["id"]: record.get("threadId") for record in sandbox.records()}
    assert listed == {first["id"]: first["threadId"], second["id"]: None}


def test_a_conversation_is_the_mails_of_its_thread(sandbox):
    sandbox.add()
    answer = sandbox.add(
        b"Subject: Re\nIn-Reply-To: <saddle@example.com>\n\nYes", folder="sent"
    )
    sandbox.add(b"Subject: other\n\nHi")

    path = f"/aurinko/v1/email/conversations/{answer['threadId']}"
    first = sandbox.get(path, limit=1).json()
    second = sandbox.get(path, limit=1, pageToken=first["nextPageToken"]).json()

    subjects = [r["subject"] for r in first["records"] + second["records"]]
    assert sorted(subjects) == ["Re", "Saddle"]
    assert "nextPageToken" not in second


def test_a_late_mail_joins_a_thread_and_renames_none(sandbox):
    one = sandbox.add(b"Message-ID: <1@x>\n\nHi")
    two = sandbox.add(b"Message-ID: <2@x>\n\nHi")
    both = sandbox.add(b"Message-ID: <3@x>\nReferences: <1@x> <2@x>\n\nHi")
    early = sandbox.add(b"Message-ID: <5@x>\nIn-Reply-To: <4@x>\n\nHi")
    late = sandbox.add(b"Message-ID: <4@x>\n\nHi")

    threads = {
        mail["id"]: mail["threadId"]
        for mail in sandbox.get("/_control/mailboxes/test/mails").json()
    }

    assert threads[one["id"]] == threads[both["id"]] == one["threadId"]
    assert threads[two["id"]] == two["threadId"] != one["threadId"]
    assert threads[early["id"]] == threads[late["id"]]


def test_times_follow_from_the_mails_or_from_the_clock(sandbox):
    told = sandbox.add(received="2026-02-03T04:05:06+00:00")
    dated = sandbox.add()
    undated = sandbox.add(b"Subject: x\n\nHi")
    sandbox.behave(wall_clock=True)
    true = sandbox.add()

    assert told["received"] == "2026-02-03T04:05:06Z"
    assert dated["received"] == "2026-01-05T10:00:00Z"
    assert "2026-02-03T04:05:06Z" < undated["received"] < "2026-02-03T04:06:00Z"
    assert true["received"] > "2026-07"


def test_a_date_in_the_far_future_takes_no_time_along(serve, mbox, mail):
    far = "Thu, 30 Dec 9999 12:00:00 +0000"
    sandbox = serve(mbox(mail(day=1)))

    mail = sandbox.add(b"Date: %s\n\nHi" % far.encode())
    later = sandbox.add(b"Subject: x\n\nHi")
    sandbox.change(mail, flagged=True)

    assert mail["received"] == "9999-12-30T12:00:00Z"
    assert later["received"].startswith("2026-01-01T08:00")
    assert len(drained(sandbox, begun(sandbox)[0])[0]) == 3


def test_two_sandboxes_that_are_told_the_same_are_the_same(serve):
    def story(sandbox):
        updated, deleted = begun(sandbox)
        mail, other = sandbox.add(), sandbox.add(b"Subject: x\n\nHi")
        sandbox.change(mail, folder="trash", new_id=True)
        sandbox.remove(other)
        return [drained(sandbox, updated), drained(sandbox, deleted, DELETED)]

    assert story(serve()) == story(serve())


def test_a_client_that_pages_under_writers_misses_nothing(sandbox):
    updated, _ = begun(sandbox)
    sandbox.behave(page_size=3)

    def write():
        for _ in range(12):
            mail = sandbox.add()
            sandbox.change(mail, flagged=True)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    seen, token = [], updated
    while any(writer.is_alive() for writer in writers):
        records, token = drained(sandbox, token)
        seen += records
    seen += drained(sandbox, token)[0]

    newest = {record["id"]: record["sysLabels"] for record in seen}
    assert len(newest) == 36
    assert all("flagged" in labels for labels in newest.values())


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "mailboxes/test/mails", {}, 400),
        ("POST", "mailboxes/test/mails", {"raw": "%%%"}, 400),
        ("POST", "mailboxes/test/mails", {"raw": "eA==", "folder": "A B"}, 400),
        ("POST", "mailboxes/test/mails", {"raw": "eA==", "received": "soon"}, 400),
        ("PATCH", "mailboxes/test/mails/sbx-1", {}, 404),
        ("PATCH", "mailboxes/test", {"page_size": 0}, 400),
        ("PATCH", "mailboxes/test", {"token_status": "tired"}, 400),
        ("PATCH", "mailboxes/test", {"nothing": 1}, 400),
        ("POST", "mailboxes", {"name": "x", "owner": "a@b", "odd": 1}, 400),
    ],
)
def test_a_senseless_direction_is_refused(sandbox, method, path, body, status):
    answer = sandbox.session.request(
        method, f"{sandbox.url}/_control/{path}", json=body, timeout=10
    )

    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("token_status", "code"),
    [("invalid", "token.refresh.failed"), ("dead", "token.dead")],
)
def test_an_account_whose_token_is_broken_says_so_itself(sandbox, token_status, code):
    sandbox.behave(token_status=token_status, token_error="consent withdrawn")

    account = sandbox.get("/aurinko/v1/account").json()
    answers = [
        sandbox.get(MESSAGES),
        sandbox.get(UPDATED, deltaToken="x"),
        sandbox.post(SYNC, {}),
        sandbox.post(MESSAGES, {}),
        sandbox.post("/aurinko/v1/subscriptions", {}),
    ]

    assert account["tokenStatus"] == token_status
    assert account["tokenError"] == "consent withdrawn"
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["code"] for answer in answers} == {code}
    sandbox.behave(token_status="active", token_error=None)
    assert sandbox.get(MESSAGES).status_code == 200


def test_an_empty_mailbox_needs_no_file(sandbox):
    asked = {"name": "new", "owner": "new@bikes.example", "service_type": "Office365"}

    loaded = sandbox.control("mailboxes", asked)

    assert loaded["messages"] == 0
    shown = sandbox.get("/_control/mailboxes/new").json()
    assert shown["owner"] == "new@bikes.example"
    assert shown["settings"]["service_type"] == "Office365"
