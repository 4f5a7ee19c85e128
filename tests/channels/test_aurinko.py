import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.channels.adapters.aurinko import AurinkoAdapter
from app.channels.base import Account, Interrupted, InterruptedByRateLimit
from app.channels.budget import Budget
from app.domain.unified_message import (
    Attachment,
    Direction,
    MessageKind,
    Participant,
    Recipient,
)
from app.errors import (
    AuthError,
    Gone,
    PermanentError,
    RateLimited,
    Refused,
    RetryableError,
)
from tests.fakes import ScriptedServer

MESSAGES = "/v1/email/messages"
ACCOUNT = Account(
    config_id="c1",
    addresses=frozenset({"support@shop.example"}),
    credentials={"access_token": "tok-1"},
)
#: As the provider's reference shows it.
RECORD = {
    "id": "AAMk-0001",
    "threadId": "thr-77",
    "internetMessageId": "<CAFx1@mail.example.com>",
    "createdTime": "2026-09-03T08:15:31Z",
    "lastModifiedTime": "2026-09-03T08:15:31Z",
    "sentAt": "2026-09-03T08:15:20Z",
    "receivedAt": "2026-09-03T08:15:30Z",
    "subject": "Where is my order 1042?",
    "sysLabels": ["inbox", "unread"],
    "keywords": ["customer"],
    "sysClassifications": ["personal"],
    "sensitivity": "normal",
    "from": {
        "name": "Anna Berg",
        "address": "anna@example.com",
        "raw": "Anna Berg <anna@example.com>",
    },
    "to": [{"name": "Support", "address": "support@shop.example"}],
    "cc": [{"name": None, "address": "bo@example.com"}],
    "bcc": [],
    "replyTo": [],
    "hasAttachments": True,
    "body": "<p>Hi,<br>it has been <b>two weeks</b>.</p>",
    "bodySnippet": "Hi, it has been two weeks.",
    "attachments": [
        {
            "id": "att/1",
            "name": "receipt.pdf",
            "mimeType": "application/pdf",
            "size": 48213,
            "inline": False,
            "contentId": None,
        }
    ],
    "inReplyTo": "<parent@shop.example>",
    "references": "<first@shop.example> <parent@shop.example>",
    "internetHeaders": [
        {"name": "Auto-Submitted", "value": "no"},
        {"name": "Received", "value": "by a"},
        {"name": "Received", "value": "by b"},
        {"name": "Content-Type", "value": "multipart/mixed; boundary=x"},
    ],
    "folderId": "INBOX",
    "webLink": "https://mail.example.com/m/AAMk-0001",
    "omitted": [],
}


def test_a_record_becomes_a_message(server, fetch):
    server.answer(page(RECORD))

    [item] = fetch().items

    message = item.message
    assert item.raw == RECORD
    assert (item.external_id, item.error) == ("AAMk-0001", None)
    assert message.external_id == "AAMk-0001"
    assert message.external_thread_id == "thr-77"
    assert message.direction is Direction.INBOUND
    assert message.sender == Participant(
        kind="email", value="anna@example.com", name="Anna Berg"
    )
    assert message.recipients == [
        Recipient(
            kind="email", value="support@shop.example", name="Support", role="to"
        ),
        Recipient(kind="email", value="bo@example.com", role="cc"),
    ]
    assert message.subject == "Where is my order 1042?"
    assert message.body_html == RECORD["body"]
    assert message.body_text == "Hi,\nit has been two weeks."
    assert message.sent_at == datetime(2026, 9, 3, 8, 15, 20, tzinfo=UTC)
    assert message.attachments == [
        Attachment(
            name="receipt.pdf",
            content_type="application/pdf",
            size=48213,
            url=f"{server.url}{MESSAGES}/AAMk-0001/attachments/att%2F1",
        )
    ]
    assert message.in_reply_to == "parent@shop.example"
    assert message.references == ["first@shop.example", "parent@shop.example"]
    assert message.headers == {
        "message-id": "<CAFx1@mail.example.com>",
        "auto-submitted": "no",
        "received": ["by a", "by b"],
        "content-type": "multipart/mixed; boundary=x",
    }
    assert message.kind is MessageKind.TEXT
    assert message.metadata == {
        "internet_message_id": "CAFx1@mail.example.com",
        "labels": ["inbox", "unread"],
        "received_at": "2026-09-03T08:15:30+00:00",
        "content_type": "multipart/mixed",
    }


def test_the_first_page_of_a_folder_is_asked_for_as_documented(server, fetch):
    server.answer(page(RECORD, more="pt_2"))

    assert fetch(folder="INBOX", limit=50).next_token == "pt_2"

    [asked] = server.requests
    assert (asked.method, asked.path) == ("GET", MESSAGES)
    assert asked.headers["Authorization"] == "Bearer tok-1"
    assert asked.query == {"q": "in:inbox", "limit": "50", "bodyType": "html"}


def test_a_later_page_is_asked_for_by_its_token_and_the_last_has_none(server, fetch):
    server.answer(page(RECORD))

    assert fetch(folder="SENT", token="pt_2").next_token is None

    assert server.requests[0].query["pageToken"] == "pt_2"
    assert server.requests[0].query["q"] == "in:sent"


def test_sent_mail_comes_before_received_mail(adapter):
    assert adapter.folders == ("SENT", "INBOX")


@pytest.mark.parametrize(
    ("labels", "folders"),
    [
        pytest.param(["inbox", "unread"], ["INBOX"], id="received"),
        pytest.param(["sent"], ["SENT"], id="sent"),
        pytest.param(["SENT", "inbox"], ["SENT"], id="sent to ourselves"),
        pytest.param(["important"], ["INBOX"], id="archived"),
        pytest.param([], ["INBOX"], id="no label"),
        pytest.param(["draft"], [], id="draft"),
        pytest.param(["draft", "sent"], [], id="draft among the sent"),
        pytest.param(["trash", "inbox"], [], id="trash"),
        pytest.param(["junk"], [], id="junk"),
        pytest.param(None, ["SENT", "INBOX"], id="labels unknown"),
        pytest.param("inbox", ["SENT", "INBOX"], id="labels unreadable"),
    ],
)
def test_labels_decide_what_belongs_to_a_folder(server, fetch, labels, folders):
    found = []
    for folder in ("SENT", "INBOX"):
        server.answer(page(RECORD | {"sysLabels": labels}))
        found += [folder for _ in fetch(folder=folder).items]

    assert found == folders


@pytest.mark.parametrize(
    ("fields", "direction"),
    [
        pytest.param({}, Direction.INBOUND, id="from a customer"),
        pytest.param({"sysLabels": ["sent"]}, Direction.OUTBOUND, id="labelled sent"),
        pytest.param(
            {"from": {"address": "Support@Shop.Example"}},
            Direction.OUTBOUND,
            id="from our address",
        ),
        pytest.param({"from": None}, Direction.INBOUND, id="from nobody"),
    ],
)
def test_direction_follows_label_and_sender(server, fetch, fields, direction):
    folder = "SENT" if "sysLabels" in fields else "INBOX"
    server.answer(page(RECORD | fields))

    [item] = fetch(folder=folder).items

    assert item.message.direction is direction


@pytest.mark.shows("C5")
@pytest.mark.parametrize(
    ("fields", "value", "name"),
    [
        pytest.param({"from": None}, "unknown-sender", None, id="absent"),
        pytest.param({"from": {}}, "unknown-sender", None, id="empty"),
        pytest.param({"from": "anna"}, "unknown-sender", None, id="wrong type"),
        pytest.param(
            {"from": {"name": "Anna", "address": "<>"}},
            "unknown-sender",
            "Anna",
            id="empty address",
        ),
        pytest.param(
            {"from": {"name": "", "address": "MAILER-DAEMON"}},
            "unknown-sender",
            "MAILER-DAEMON",
            id="no address",
        ),
        pytest.param(
            {"from": {"address": "", "raw": '"Berg, Anna" <anna@example.com>'}},
            "anna@example.com",
            "Berg, Anna",
            id="only raw",
        ),
        pytest.param(
            {"from": {"name": "'Anna  Berg'", "address": "anna@Example.com"}},
            "anna@example.com",
            "Anna Berg",
            id="untidy name",
        ),
        pytest.param(
            {"from": {"name": "'anna@example.com'", "address": "anna@example.com"}},
            "anna@example.com",
            None,
            id="address as name",
        ),
        pytest.param(
            {"from": [{"address": "anna@example.com"}, {"address": "b@example.com"}]},
            "anna@example.com",
            None,
            id="two senders",
        ),
        pytest.param(
            {
                "from": None,
                "internetHeaders": [{"name": "Sender", "value": "bo@example.com"}],
            },
            "bo@example.com",
            None,
            id="only Sender",
        ),
    ],
)
def test_a_damaged_sender_is_resolved_or_unknown(server, fetch, fields, value, name):
    server.answer(page(RECORD | fields))

    [item] = fetch().items

    assert item.message.sender == Participant(kind="email", value=value, name=name)


@pytest.mark.shows("C6")
def test_behind_a_google_group_the_writer_is_found(server, fetch):
    group = {"name": "'Anna' via Sales", "address": "sales@shop.example"}
    headers = [
        {"name": "From", "value": "'Anna' via Sales <sales@shop.example>"},
        {"name": "X-Google-Group-Id", "value": "12"},
        {"name": "X-Original-Sender", "value": "anna@example.com"},
    ]
    server.answer(page(RECORD | {"from": group, "internetHeaders": headers}))

    [item] = fetch().items

    assert item.message.sender.value == "anna@example.com"


def test_headers_that_are_not_told_are_taken_from_the_record(server, fetch):
    reply_to = [{"address": "a@example.com"}, {"name": "B", "address": "b@example.com"}]
    server.answer(page(RECORD | {"internetHeaders": None, "replyTo": reply_to}))

    [item] = fetch().items

    assert item.message.headers == {
        "message-id": "<CAFx1@mail.example.com>",
        "reply-to": "a@example.com, b@example.com",
    }


@pytest.mark.shows("C14")
@pytest.mark.parametrize(
    ("fields", "sent_at", "claimed"),
    [
        pytest.param({}, "2026-09-03T08:15:20+00:00", None, id="as sent"),
        pytest.param(
            {"sentAt": "2026-09-03T10:15:20+02:00"},
            "2026-09-03T08:15:20+00:00",
            None,
            id="with an offset",
        ),
        pytest.param(
            {"sentAt": None}, "2026-09-03T08:15:30+00:00", None, id="only received"
        ),
        pytest.param(
            {"sentAt": "", "receivedAt": 5},
            "2026-09-03T08:15:31+00:00",
            None,
            id="only created",
        ),
        pytest.param(
            {"sentAt": None, "receivedAt": None, "createdTime": None},
            None,
            None,
            id="none",
        ),
        pytest.param({"sentAt": "next week"}, None, "next week", id="no date"),
        pytest.param({"sentAt": 1788423330}, None, "1788423330", id="a number"),
        pytest.param(
            {"sentAt": "0001-01-01T00:00:00+02:00"},
            None,
            "0001-01-01T00:00:00+02:00",
            id="before all years",
        ),
        pytest.param(
            {"sentAt": "9999-12-31T23:59:59-12:00"},
            None,
            "9999-12-31T23:59:59-12:00",
            id="after all years",
        ),
    ],
)
def test_the_claimed_date_is_kept_as_a_time_or_as_text(
    server, fetch, fields, sent_at, claimed
):
    server.answer(page(RECORD | fields))

    [item] = fetch().items

    moment = item.message.sent_at
    assert (moment.isoformat() if moment else None) == sent_at
    assert item.message.metadata.get("claimed_date") == claimed


@pytest.mark.parametrize(
    ("fields", "text", "html"),
    [
        pytest.param({"body": "<p>A</p>"}, "A", "<p>A</p>", id="html"),
        pytest.param({"body": "a < b\n\nc"}, "a < b\n\nc", None, id="plain text"),
        pytest.param({"body": ""}, RECORD["bodySnippet"], None, id="empty"),
        pytest.param({"body": None, "bodySnippet": None}, None, None, id="nothing"),
        pytest.param(
            {"body": "<img src=x>"},
            RECORD["bodySnippet"],
            "<img src=x>",
            id="picture alone",
        ),
        pytest.param({"body": "<p>a\x00b</p>"}, "a�b", "<p>a�b</p>", id="NUL"),
    ],
)
def test_the_body_is_kept_as_text_and_as_html(server, fetch, fields, text, html):
    server.answer(page(RECORD | fields))

    [item] = fetch().items

    assert (item.message.body_text, item.message.body_html) == (text, html)


@pytest.mark.shows("C4")
def test_a_huge_body_is_cut_and_says_so(server, fetch):
    server.answer(page(RECORD | {"body": "<p>" + "word " * 500_000 + "</p>"}))

    [item] = fetch().items

    assert len(item.message.body_html) == 2_000_000
    assert 1_900_000 < len(item.message.body_text) <= 2_000_000
    assert item.message.metadata["truncated"] is True


@pytest.mark.shows("H1")
@pytest.mark.parametrize(
    ("fields", "facts", "kind"),
    [
        pytest.param(
            {"meetingMessageMethod": "request"},
            {"meeting_method": "request", "calendar_method": "REQUEST"},
            MessageKind.EVENT,
            id="invitation",
        ),
        pytest.param(
            {"meetingMessageMethod": "other"},
            {"meeting_method": "other", "calendar_method": "OTHER"},
            MessageKind.TEXT,
            id="something with a date",
        ),
        pytest.param(
            {"type": "multipart/report; report-type=Delivery-Status; boundary=x"},
            {"content_type": "multipart/report", "report_type": "delivery-status"},
            MessageKind.TEXT,
            id="bounce",
        ),
        pytest.param(
            {"type": 'multipart/encrypted; protocol="application/pgp-encrypted"'},
            {"content_type": "multipart/encrypted", "encrypted": True},
            MessageKind.TEXT,
            id="encrypted",
        ),
        pytest.param(
            {"type": "application/pkcs7-mime; smime-type=signed-data"},
            {"content_type": "application/pkcs7-mime"},
            MessageKind.TEXT,
            id="signed",
        ),
        pytest.param(
            {"body": None, "bodySnippet": None}, {}, MessageKind.MEDIA, id="files alone"
        ),
        pytest.param(
            {"omitted": ["internetHeaders"]},
            {"omitted": ["internetHeaders"]},
            MessageKind.TEXT,
            id="headers not told",
        ),
    ],
)
def test_structure_is_kept_as_facts(server, fetch, fields, facts, kind):
    declared = fields.pop("type", None)
    headers = [{"name": "Content-type", "value": declared}] if declared else []
    server.answer(page(RECORD | {"internetHeaders": headers} | fields))

    [item] = fetch().items

    always = {"internet_message_id", "labels", "received_at"}
    metadata = item.message.metadata
    assert {k: v for k, v in metadata.items() if k not in always} == facts
    assert item.message.kind is kind


def test_a_body_left_out_of_the_list_is_fetched(server, fetch):
    whole = {name: RECORD[name] for name in ("id", "body", "from", "sysLabels")}
    server.answer(page(RECORD | {"id": "a/b", "body": None, "omitted": ["body"]}))
    server.answer(whole | {"id": "a/b", "internetHeaders": []})

    [item] = fetch().items

    assert item.message.body_text == "Hi,\nit has been two weeks."
    assert item.message.subject == "Where is my order 1042?"  # from the list
    assert "auto-submitted" not in item.message.headers  # from the message
    assert item.raw["omitted"] == []
    assert server.requests[1].path == f"{MESSAGES}/a%2Fb"
    assert server.requests[1].query == {"bodyType": "html"}


def test_a_body_that_is_stored_is_not_fetched_again(server, fetch):
    asked = []

    def known(external_ids):
        asked.append(set(external_ids))
        return {"m1"}

    server.answer(page(bodiless("m1"), bodiless("m2"), RECORD))
    server.answer(RECORD | {"id": "m2"})

    items = fetch(known=known).items

    assert asked == [{"m1", "m2"}]
    assert [item.external_id for item in items] == ["m1", "m2", "AAMk-0001"]
    assert [request.path for request in server.requests] == [
        MESSAGES,
        f"{MESSAGES}/m2",
    ]
    assert items[0].raw == bodiless("m1")
    assert items[0].message.metadata["omitted"] == ["body"]


def test_without_missing_bodies_nobody_asks_what_is_known(server, fetch):
    def known(external_ids):
        raise AssertionError("asked")

    server.answer(page(RECORD))

    assert len(fetch(known=known).items) == 1


@pytest.mark.shows("A8")
@pytest.mark.parametrize("status", [404, 410, 400])
def test_a_mail_that_is_gone_comes_back_with_its_error(server, fetch, status):
    server.answer(page(bodiless("m1"), RECORD))
    server.answer({}, status=status)

    gone, sound = fetch().items

    assert gone.message is None
    assert gone.error == f"aurinko: GET {MESSAGES}/m1 answered {status}"
    assert gone.external_id == "m1"
    assert gone.raw == bodiless("m1")
    assert sound.message is not None


@pytest.mark.shows("A8", "A17")
@pytest.mark.parametrize(
    ("status", "headers", "error", "wait"),
    [
        pytest.param(429, {"Retry-After": "9"}, RateLimited, 9.0, id="too fast"),
        pytest.param(429, {}, RateLimited, 30.0, id="too fast, no time given"),
        pytest.param(500, {}, RetryableError, None, id="broken"),
        pytest.param(408, {"Retry-After": "3"}, RetryableError, 3.0, id="not ready"),
        pytest.param(401, {}, AuthError, None, id="token dead"),
    ],
)
def test_a_page_fails_as_its_first_body_does(
    server, fetch, status, headers, error, wait
):
    server.answer(page(bodiless("m1"), RECORD))
    server.answer({}, status=status, headers=headers)

    with pytest.raises(error) as raised:
        fetch()

    assert type(raised.value) is error
    assert getattr(raised.value, "retry_after", None) == wait


@pytest.mark.shows("A17")
def test_a_page_that_hits_the_rate_limit_half_way_hands_over_its_first_half(
    server, fetch
):
    server.answer(page(RECORD, bodiless("m1"), bodiless("m2"), bodiless("m3")))
    server.answer(RECORD | {"id": "m1"})
    server.answer({}, status=429, headers={"Retry-After": "9"})

    with pytest.raises(RateLimited) as raised:
        fetch()

    assert type(raised.value) is InterruptedByRateLimit
    assert raised.value.retry_after == 9.0
    assert [item.external_id for item in raised.value.items] == ["AAMk-0001", "m1"]
    assert all(item.message for item in raised.value.items)


def test_a_page_that_breaks_half_way_hands_over_its_first_half(server, fetch):
    server.answer(page(RECORD, bodiless("m1")))
    server.answer({}, status=502)

    with pytest.raises(Interrupted) as raised:
        fetch()

    assert type(raised.value) is Interrupted
    assert str(raised.value) == f"aurinko: GET {MESSAGES}/m1 answered 502"
    assert [item.external_id for item in raised.value.items] == ["AAMk-0001"]


def test_a_dead_token_stops_the_page_wherever_it_is_noticed(server, fetch):
    server.answer(page(RECORD, bodiless("m1")))
    server.answer({"code": "token.dead"}, status=401)

    with pytest.raises(AuthError):
        fetch()


@pytest.mark.shows("A17")
def test_a_page_under_a_rate_limit_waits_as_asked(server, fetch):
    server.answer({}, status=429, headers={"Retry-After": "45"})

    with pytest.raises(RateLimited) as raised:
        fetch(token="secret-token")

    assert type(raised.value) is RateLimited
    assert raised.value.retry_after == 45.0
    assert str(raised.value) == f"aurinko: GET {MESSAGES} answered 429"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([], id="a list"),
        pytest.param(None, id="null"),
        pytest.param({"messages": [RECORD]}, id="another name for the records"),
        pytest.param({"records": {"0": RECORD}}, id="records that are no list"),
        pytest.param(
            {"records": [], "nextPageToken": {"t": 1}}, id="a token that is no text"
        ),
        pytest.param({"records": [], "nextPageToken": "t1"}, id="the same token again"),
    ],
)
def test_a_page_that_cannot_be_read_is_asked_for_again(server, fetch, answer):
    server.answer(answer)

    with pytest.raises(RetryableError, match="aurinko"):
        fetch(token="t1")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"length": 0}, id="no records"),
        pytest.param({"length": 0, "records": [], "nextPageToken": ""}, id="empty"),
    ],
)
def test_an_empty_page_ends_the_folder(server, fetch, answer):
    server.answer(answer)

    page = fetch()

    assert (page.items, page.next_token) == ([], None)


@pytest.mark.shows("A2")
@pytest.mark.parametrize(
    ("record", "raw", "error", "external_id"),
    [
        pytest.param(
            17, {"record": 17}, "aurinko: a record without an id", None, id="a number"
        ),
        pytest.param({}, {}, "aurinko: a record without an id", None, id="empty"),
        pytest.param(
            {"id": True},
            {"id": True},
            "aurinko: a record without an id",
            None,
            id="an id that is none",
        ),
        pytest.param(
            {"id": "m1", "threadId": "t" * 1001},
            {"id": "m1", "threadId": "t" * 1001},
            "aurinko: unreadable record: external_thread_id: "
            "Value should have at most 1000 items after validation, not 1001",
            "m1",
            id="a thread id that is too long",
        ),
    ],
)
def test_one_unreadable_record_does_not_take_its_page_along(
    server, fetch, record, raw, error, external_id
):
    server.answer(page(record, RECORD))

    broken, sound = fetch().items

    assert broken.message is None
    assert (broken.raw, broken.error) == (raw, error)
    assert broken.external_id == external_id
    assert sound.message is not None


def test_a_record_nested_too_deep_keeps_its_id(server, fetch):
    deep = json.loads("[" * 900 + "]" * 900)
    server.answer(json.dumps(page({"id": "m1", "keywords": deep}, RECORD)).encode())

    broken, sound = fetch().items

    assert broken.error == "aurinko: unreadable record: nested too deep"
    assert (broken.raw, broken.external_id) == ({"id": "m1"}, "m1")
    assert sound.message is not None


@pytest.mark.shows("C1")
@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_field_may_be_anything(server, fetch, data):
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "address", "raw", "value", "id", "size"])
                | st.text(max_size=5),
                inner,
                max_size=4,
            )
        ),
        max_leaves=6,
    )
    fields = data.draw(
        st.dictionaries(st.sampled_from(sorted(RECORD)), values, max_size=6)
    )
    server.answer(page(RECORD | {"sysLabels": None} | fields))
    server.answer({})  # for its body, where that is said to be omitted

    [*items] = fetch().items

    server._answers.clear()
    assert len(items) <= 1
    for item in items:
        assert (item.message is None) == (item.error is not None)
        json.dumps(item.raw).encode()


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param({}, id="none"),
        pytest.param({"access_token": ""}, id="empty"),
        pytest.param({"access_token": "a\nb"}, id="with a line break"),
    ],
)
def test_an_account_without_a_token_needs_a_person(adapter, credentials):
    account = Account("c1", frozenset(), credentials)

    with pytest.raises(AuthError, match="no usable access token"):
        adapter.fetch_page(account, folder="INBOX", token=None, limit=1, known=set)


def test_a_folder_that_is_not_imported_is_refused(fetch):
    with pytest.raises(PermanentError, match="aurinko has no folder 'TRASH'"):
        fetch(folder="TRASH")


def page(*records, more=None):
    token = {"nextPageToken": more} if more else {}
    return {"length": len(records), "records": list(records), **token}


def adapter_of(server, *, max_file_bytes=1_000_000):
    return AurinkoAdapter(
        server.url,
        webhook_secret=None,
        budget=Budget(None, per_second=1),
        max_file_bytes=max_file_bytes,
    )


def bodiless(message_id):
    record = {name: value for name, value in RECORD.items() if name != "body"}
    return record | {"id": message_id, "omitted": ["body"]}


@pytest.fixture
def adapter(server: ScriptedServer) -> AurinkoAdapter:
    return adapter_of(server)


@pytest.fixture
def fetch(adapter: AurinkoAdapter):
    """Fetches a page of the account; nothing is known unless told otherwise."""

    def fetch(*, folder="INBOX", token=None, limit=100, known=lambda ids: set()):
        return adapter.fetch_page(
            ACCOUNT, folder=folder, token=token, limit=limit, known=known
        )

    return fetch


@pytest.mark.shows("A19", "C15")
def test_a_file_is_fetched_where_its_message_says(server, adapter):
    server.answer({"id": "a 1", "content": base64.b64encode(b"%PDF").decode()})
    url = f"{server.url}/v1/email/messages/m%2F1/attachments/a%201"

    content = adapter.fetch_attachment(ACCOUNT, url)

    (request,) = server.requests
    assert content == b"%PDF"
    assert request.path == "/v1/email/messages/m%2F1/attachments/a%201"
    assert request.headers["Authorization"] == "Bearer tok-1"


@pytest.mark.shows("L2")
@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/v1/email/messages/m/attachments/a",
        "{base}.elsewhere.example/v1/email/messages/m/attachments/a",
        "{base}@elsewhere.example/v1/email/messages/m/attachments/a",
        "{base}/v1/account",
        "{base}/v1/email/messages/../attachments/a",
        "{base}/v1/email/messages/m/attachments/..",
        "{base}/v1/email/messages/m/attachments/a?x=y",
        "{base}/v1/email/messages/m/n/attachments/a",
    ],
)
def test_the_token_is_sent_to_no_other_address(server, adapter, address):
    assert adapter.fetch_attachment(ACCOUNT, address.format(base=server.url)) is None
    assert server.requests == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"content": {}, "status": 404}, Gone),
        ({"content": {}, "status": 401}, AuthError),
        ({"content": {}, "status": 429}, RateLimited),
        ({"content": {"content": None}}, RetryableError),
        ({"content": {"content": "abc"}}, RetryableError),
        ({"content": []}, RetryableError),
        ({"content": {"content": "A" * 200_000}}, Refused),
    ],
    ids=["gone", "refused", "busy", "empty", "no base64", "a list", "too large"],
)
def test_a_file_that_cannot_be_fetched_says_what_follows(server, answer, error):
    small = adapter_of(server, max_file_bytes=100_000)
    server.answer(**answer)

    with pytest.raises(error) as raised:
        small.fetch_attachment(
            ACCOUNT, f"{server.url}/v1/email/messages/m/attachments/a"
        )

    assert type(raised.value) is error
