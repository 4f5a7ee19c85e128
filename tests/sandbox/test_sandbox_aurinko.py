"""The sandbox's Aurinko: lists, single messages, attachments, accounts."""

import base64

import pytest

MESSAGES = "/aurinko/v1/email/messages"


def test_pages_cover_each_mail_once_and_newest_first(serve, mbox, mail):
    mails = [mail(day=day, Subject=f"On day {day}") for day in (3, 1, 5, 4, 2)]
    sandbox = serve(mbox(*mails))

    pages = sandbox.pages(limit=2)

    assert [page["length"] for page in pages] == [2, 2, 1]
    assert [r["subject"] for page in pages for r in page["records"]] == [
        "On day 5",
        "On day 4",
        "On day 3",
        "On day 2",
        "On day 1",
    ]


@pytest.mark.parametrize(
    ("limit", "lengths"), [({}, [20, 20, 20, 20, 20, 1]), ({"limit": 500}, [100, 1])]
)
def test_a_page_holds_20_and_never_more_than_100(serve, mbox, mail, limit, lengths):
    sandbox = serve(mbox(*[mail() for _ in range(101)]))

    pages = sandbox.pages(**limit)

    assert [page["length"] for page in pages] == lengths


def test_identical_copies_have_their_own_ids_in_one_thread(serve, mbox, mail):
    copy = mail(Message_ID="<a@example.com>")
    sandbox = serve(mbox(copy, copy))

    second, first = sandbox.records()

    assert first["id"] != second["id"]
    assert first["internetMessageId"] == second["internetMessageId"]
    assert first["threadId"] == second["threadId"]


def test_ids_and_page_tokens_outlive_a_mailbox_that_has_grown(serve, mbox, mail):
    mails = [mail(day=day) for day in (1, 2, 3)]
    sandbox = serve()
    file = {"name": "test", "owner": "hello@bikes.example"}
    sandbox.control("mailboxes", {**file, "path": str(mbox(*mails))})
    first = sandbox.get(MESSAGES, limit=2).json()

    sandbox.control("mailboxes", {**file, "path": str(mbox(*mails, mail(day=4)))})

    query = {"limit": 2, "pageToken": first["nextPageToken"]}
    second = sandbox.get(MESSAGES, **query).json()
    ids = [r["id"] for r in [*first["records"], *second["records"]]]
    assert ids == [record["id"] for record in sandbox.records()[1:]]
    assert "nextPageToken" not in second


def test_a_record_has_the_documented_fields(serve, mbox, mail):
    sandbox = serve(
        mbox(
            mail(
                "Where is <it>?\nAnna",
                day=2,
                From="=?utf-8?q?=C3=85sa?= Berg <asa@example.com>",
                To='"Shop, the" <hello@bikes.example>, x@example.com',
                Cc="c@example.com",
                Reply_To="reply@example.com",
                Date="Fri, 02 Jan 2026 09:59:58 +0200",
                Subject="=?iso-8859-1?q?Gr=F6=DFe?=",
                Message_ID="<b@example.com>",
                In_Reply_To="<a@example.com>",
                References="<0@example.com>\n <a@example.com>",
                List_Id="<bikes.example>",
            )
        )
    )

    (record,) = sandbox.records(bodyType="html")

    message_id = record["id"]
    assert message_id.startswith("sbx-000001-")
    assert record.pop("threadId").startswith("thr-000001-")
    headers = {h["name"]: h["value"] for h in record.pop("internetHeaders")}
    assert headers["List-Id"] == "<bikes.example>"
    assert record == {
        "id": message_id,
        "internetMessageId": "<b@example.com>",
        "createdTime": "2026-01-02T08:00:00Z",
        "lastModifiedTime": "2026-01-02T08:00:00Z",
        "sentAt": "2026-01-02T07:59:58Z",
        "receivedAt": "2026-01-02T08:00:00Z",
        "subject": "Größe",
        "sysLabels": ["inbox", "unread"],
        "keywords": [],
        "sysClassifications": [],
        "sensitivity": "normal",
        "from": {
            "name": "Åsa Berg",
            "address": "asa@example.com",
            "raw": "Åsa Berg <asa@example.com>",
        },
        "to": [
            {
                "name": "Shop, the",
                "address": "hello@bikes.example",
                "raw": "Shop, the <hello@bikes.example>",
            },
            {"name": "", "address": "x@example.com", "raw": "x@example.com"},
        ],
        "cc": [{"name": "", "address": "c@example.com", "raw": "c@example.com"}],
        "bcc": [],
        "replyTo": [
            {"name": "", "address": "reply@example.com", "raw": "reply@example.com"}
        ],
        "hasAttachments": False,
        "body": "<div>Where is &lt;it&gt;?<br>\nAnna</div>",
        "bodySnippet": "Where is <it>? Anna",
        "attachments": [],
        "inReplyTo": "<a@example.com>",
        "references": "<0@example.com> <a@example.com>",
        "folderId": "INBOX",
        "omitted": [],
    }


@pytest.mark.parametrize(
    ("body_type", "body"),
    [("html", "<p>Hi <b>there</b></p>"), ("text", "Hi *there*")],
)
def test_of_alternatives_the_wanted_one_is_the_body(serve, mbox, mail, body_type, body):
    sandbox = serve(
        mbox(
            mail(
                "--x\nContent-Type: text/plain\n\nHi *there*\n"
                "--x\nContent-Type: text/html\n\n<p>Hi <b>there</b></p>\n--x--",
                Content_Type="multipart/alternative; boundary=x",
            )
        )
    )

    (record,) = sandbox.records(bodyType=body_type)

    assert record["body"].strip() == body


def test_an_attachment_is_described_in_lists_and_fetched_by_its_id(serve, mbox, mail):
    sandbox = serve(
        mbox(
            mail(
                "--x\n\nsee there\n--x\nContent-Type: application/pdf; name=r.pdf\n"
                "Content-Transfer-Encoding: base64\n\nUERGIQ==\n--x--",
                Content_Type="multipart/mixed; boundary=x",
            )
        )
    )

    (record,) = sandbox.records()

    (described,) = record["attachments"]
    assert described == {
        "id": "att-1",
        "name": "r.pdf",
        "mimeType": "application/pdf",
        "size": 4,
        "inline": False,
        "contentId": None,
    }
    path = f"{MESSAGES}/{record['id']}/attachments"
    fetched = sandbox.get(f"{path}/att-1").json()
    assert base64.b64decode(fetched["content"]) == b"PDF!"
    assert sandbox.get(f"{path}/att-2").status_code == 404


def test_large_bodies_and_every_nth_are_left_out_of_lists_only(serve, mbox, mail):
    bodies = ["one", "two", "three", "x" * 200_000]
    mails = [mail(body, day=day) for day, body in enumerate(bodies, start=1)]
    sandbox = serve(mbox(*mails), omit_every=2)

    records = sandbox.records(bodyType="text")[::-1]

    assert [record["omitted"] for record in records] == [[], ["body"], [], ["body"]]
    assert ["body" in record for record in records] == [True, False, True, False]
    paths = [f"{MESSAGES}/{record['id']}" for record in records]
    whole = [sandbox.get(path, bodyType="text").json() for path in paths]
    assert [message["body"].strip() for message in whole] == bodies
    assert [message["omitted"] for message in whole] == [[], [], [], []]


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ("in:sent", ["answer"]),
        ("in:inbox", ["new", "read"]),
        ("is:unread", ["new"]),
        ("in:inbox after:2026/01/02", ["new"]),
        ("after:01/02/2026", ["new", "answer"]),
        ("before:2026-01-02", ["read"]),
    ],
)
def test_a_query_chooses_messages(serve, mbox, mail, query, subjects):
    sandbox = serve(
        mbox(
            mail(Subject="read", Status="RO", day=1),
            mail(Subject="answer", From="Us <Hello@Bikes.example>", day=2),
            mail(Subject="new", day=3),
        )
    )

    records = sandbox.records(q=query, limit=1)

    assert [record["subject"] for record in records] == subjects


def test_spam_of_a_takeout_mailbox_is_shown_on_request_only(serve, mbox, mail):
    sandbox = serve(mbox(mail(X_Gmail_Labels="Spam,Unread"), mail()))

    assert len(sandbox.records()) == 1
    labels = [r["sysLabels"] for r in sandbox.records(includeTrashAndJunk="true")]
    assert ["junk"] in labels


@pytest.mark.parametrize(
    "query",
    [
        {"q": "larger:5M"},
        {"limit": "0"},
        {"limit": "many"},
        {"bodyType": "markdown"},
        {"pageToken": "nonsense"},
        {"pageToken": "WzEsMiwib3RoZXIiXQ"},
        {"pageToken": "W251bGwsIDIsICIiXQ"},
    ],
    ids=[
        "unknown term",
        "limit of nothing",
        "limit in words",
        "unknown body type",
        "broken token",
        "token of another query",
        "token without a place",
    ],
)
def test_what_cannot_be_answered_is_refused(sandbox, query):
    answer = sandbox.get(MESSAGES, **query)

    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message", "requestId", "originalError"}


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "unauthorized"),
        ("Bearer someone-elses", "unauthorized"),
        ("Bearer sandbox-dead", "token.dead"),
    ],
    ids=["no token", "foreign token", "dead token"],
)
@pytest.mark.parametrize("path", [MESSAGES, f"{MESSAGES}/x", "/aurinko/v1/account"])
def test_a_token_is_required(sandbox, authorization, code, path):
    sandbox.session.headers["Authorization"] = authorization

    answer = sandbox.get(path)

    assert answer.status_code == 401
    assert answer.json()["code"] == code


@pytest.mark.parametrize("message_id", ["sbx-000001-0", "sbx-000009-00", "x", "sbx-"])
def test_an_unknown_message_is_not_found(serve, mbox, mail, message_id):
    sandbox = serve(mbox(mail()))

    assert sandbox.get(f"{MESSAGES}/{message_id}").status_code == 404


def test_the_token_chooses_the_mailbox(serve, mbox, mail):
    sandbox = serve(mbox(mail(Subject="default")))
    other = mbox(mail(Subject="other"), name="other.mbox")
    asked = {"name": "two", "path": str(other), "owner": "two@bikes.example"}

    loaded = sandbox.control("mailboxes", asked)

    assert loaded == {
        "token": "sandbox-two",
        "owner": "two@bikes.example",
        "messages": 1,
    }
    assert [r["subject"] for r in sandbox.records()] == ["default"]
    sandbox.session.headers["Authorization"] = "Bearer sandbox-two"
    assert [r["subject"] for r in sandbox.records()] == ["other"]
    assert sandbox.get("/aurinko/v1/account").json()["email"] == "two@bikes.example"
