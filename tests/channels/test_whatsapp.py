"""What WhatsApp's webhooks bring, read from payloads in the documented shape."""

import copy
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels.adapters.whatsapp import WhatsAppAdapter
from app.channels.base import Account
from app.channels.webhook import NoSecret
from app.config import Settings
from app.domain.unified_message import (
    Attachment,
    Direction,
    MessageKind,
    Participant,
    Recipient,
)
from app.errors import (
    AccessDenied,
    AuthError,
    Gone,
    InvalidPayload,
    PermanentError,
    RateLimited,
    Refused,
    RetryableError,
)
from tests.channels.meta import SECRET, as_sent, payload, request

ACCOUNT = Account("c1", frozenset(), {"access_token": "tok-1"})
ADAPTER = WhatsAppAdapter.from_settings(Settings())
#: Of the provider's reference.
SIGNED = b'{"object":"page","entry":[],"note":"Gr\\u00f6\\u00dfe 1/2"}'
SIGNATURE = "sha256=6d0fc84e587fcabad07dc908da55beaf2850b1b63c7cacebc5b4419e8f0df0b0"


@pytest.mark.shows("A1")
def test_a_batch_yields_every_message_and_every_status(messages):
    found = messages("whatsapp_batch")

    kinds = [one.kind for one in found]
    assert kinds.count(MessageKind.TEXT) == 6
    assert kinds.count(MessageKind.STATUS) == 2
    assert len({one.external_id for one in found}) == len(found) == 8


def test_a_text_says_who_when_where_and_in_answer_to_what(messages):
    message = messages("whatsapp_types")[0]

    assert message.external_id == "wamid.B10"
    assert message.external_thread_id == "+46700000001"
    assert message.direction is Direction.INBOUND
    assert message.sender == Participant(
        kind="phone", value="+46700000001", name="Anna"
    )
    assert message.recipients == [Recipient(kind="phone", value="+46850000001")]
    assert message.body_text == "Is the shop open on Sunday?"
    assert message.sent_at == datetime(2026, 9, 3, 8, 15, 40, tzinfo=UTC)
    assert message.in_reply_to == "wamid.PREVIOUS"
    assert message.target_id is None
    assert message.metadata == {
        "identities": [
            {"kind": "phone", "value": "+46700000001"},
            {"kind": "whatsapp_user", "value": "SE.1349000000000042"},
        ]
    }


def test_the_original_is_kept_with_the_account_and_the_contact(deliveries):
    [delivery] = deliveries(payload("whatsapp_batch"))

    assert delivery.account == "1060000000777"
    raw = delivery.items[0].raw
    assert raw["messages"][0]["id"] == "wamid.B1"
    assert raw["contacts"][0]["profile"]["name"] == "Anna"
    assert raw["metadata"]["phone_number_id"] == "1060000000777"


def test_media_has_an_address_of_its_own_and_its_caption(messages):
    picture, voice = messages("whatsapp_types")[1:3]

    assert (picture.kind, picture.body_text) == (MessageKind.MEDIA, "Broken")
    assert picture.attachments == [
        Attachment(
            content_type="image/jpeg",
            url="https://graph.facebook.com/900000000001",
        )
    ]
    assert picture.metadata["media"] == [
        {
            "id": "900000000001",
            "mime_type": "image/jpeg",
            "sha256": "3q2+7w==",
            "caption": "Broken",
            "type": "image",
            "voice": False,
        }
    ]
    assert voice.metadata["media"][0]["voice"] is True
    assert voice.attachments[0].content_type == "audio/ogg"
    assert voice.body_text is None


@pytest.mark.shows("F9")
@pytest.mark.parametrize(
    ("position", "sort", "words"),
    [
        (3, "list_reply", "Track parcel, by number"),
        (4, "button", "Confirm"),
        (5, "location", "Location: The corner, Main street 1, 57.70887 11.97456"),
        (6, "contacts", "Contact: Bo Ek, +46 70 000 00 02"),
        (7, "order", "As a gift\nOrder: 2 x mug at 10.5 SEK"),
        (8, "nfm_reply", "Sent\nsize: 42"),
        (9, "referral", "Message 19"),
    ],
)
def test_what_is_more_than_text_has_words_and_its_fields(
    messages, position, sort, words
):
    message = messages("whatsapp_types")[position]

    assert (message.kind, message.body_text) == (MessageKind.TEXT, words)
    assert list(message.metadata["structured"]) == [sort]
    assert message.metadata["structured"][sort]


def test_a_reaction_is_about_its_target_and_may_be_taken_back(messages):
    put, taken = messages("whatsapp_changes")[:2]

    assert (put.kind, put.target_id) == (MessageKind.REACTION, "wamid.OUT0")
    assert put.metadata["emoji"] == "👍"
    assert taken.metadata["emoji"] is None
    assert (put.external_id, taken.external_id) == ("wamid.B20", "wamid.B21")


def test_an_edit_and_a_deletion_name_their_target(messages):
    edit, deletion = messages("whatsapp_changes")[2:4]

    assert (edit.kind, edit.target_id) == (MessageKind.EDIT, "wamid.B1")
    assert edit.body_text == "Message one"
    assert edit.external_id == "wamid.B1:edit:wamid.B22"
    assert (deletion.kind, deletion.target_id) == (MessageKind.DELETE, "wamid.B2")
    assert deletion.external_id == "wamid.B2:delete"
    assert deletion.body_text is None


def test_a_changed_number_carries_both(messages):
    message = messages("whatsapp_changes")[4]

    assert message.kind is MessageKind.EVENT
    assert message.metadata["event"] == "user_changed_number"
    values = [one["value"] for one in message.metadata["identities"]]
    assert values == ["+46700000001", "SE.1349000000000042", "+46700000009"]


@pytest.mark.shows("A10")
@pytest.mark.parametrize(
    ("position", "words"),
    [(5, "unsupported message: poll"), (6, "unsupported message: order_status")],
)
def test_a_type_that_nobody_knows_is_kept_as_such(
    messages, deliveries, position, words
):
    message = messages("whatsapp_changes")[position]
    [delivery] = deliveries(payload("whatsapp_changes"))

    assert (message.kind, message.body_text) == (MessageKind.UNSUPPORTED, words)
    assert delivery.items[position].raw["messages"][0]["id"] == message.external_id


@pytest.mark.shows("A10")
def test_a_field_that_nobody_knows_is_kept_as_such(deliveries):
    change = {
        "field": "flows",
        "value": {"metadata": {"phone_number_id": "1"}, "event": "CHANGED"},
    }

    [delivery] = deliveries(envelope(change))
    [again] = deliveries(envelope(change))

    [item] = delivery.items
    assert delivery.account == "1"
    assert item.message.body_text == "unsupported message: flows"
    assert item.raw == change
    assert item.external_id == again.items[0].external_id


@pytest.mark.shows("A10")
def test_a_list_that_nobody_knows_stands_beside_the_others(deliveries):
    batch = payload("whatsapp_batch")
    batch["entry"][0]["changes"][0]["value"]["polls"] = [{"id": "p1"}]

    [delivery] = deliveries(batch)

    [unknown] = [
        one for one in delivery.items if one.message.kind is MessageKind.UNSUPPORTED
    ]
    assert len(delivery.items) == 9
    assert unknown.message.body_text == "unsupported message: polls"
    assert unknown.raw["polls"] == [{"id": "p1"}]


def test_everybody_in_a_batch_has_their_own_name(deliveries):
    batch = payload("whatsapp_batch")
    value = batch["entry"][0]["changes"][0]["value"]
    value["contacts"].append({"profile": {"name": "Bo"}, "user_id": "SE.2"})
    value["messages"][1] |= {"from": "46700000002", "from_user_id": "SE.2"}
    del value["messages"][0]["from_user_id"]

    [delivery] = deliveries(batch)

    anna, bo = (item.message for item in delivery.items[:2])
    assert (anna.sender.name, bo.sender.name) == ("Anna", "Bo")
    assert anna.metadata["identities"][1]["value"] == "SE.1349000000000042"


def test_a_status_is_known_by_its_message_and_its_name(messages):
    failed, played, unknown = messages("whatsapp_statuses")

    assert failed.external_id == "wamid.OUT1:status:failed"
    assert (failed.kind, failed.target_id) == (MessageKind.STATUS, "wamid.OUT1")
    assert failed.direction is Direction.OUTBOUND
    assert failed.recipients[0].value == "+46700000001"
    assert failed.metadata["status"] == "failed"
    assert failed.metadata["error"]["code"] == 131047
    assert failed.metadata["rule"] == "window_closed"
    assert failed.metadata["own_id"] == "out:8841"
    assert played.external_id == "wamid.OUT2:status:played"
    assert unknown.metadata["status"] == "teleported"


def test_what_staff_wrote_on_the_phone_is_outbound(messages):
    [echo] = messages("whatsapp_echo")

    assert (echo.direction, echo.metadata["echo"]) == (Direction.OUTBOUND, True)
    assert echo.external_thread_id == "+46700000001"
    assert echo.sender.value == "+46850000001"
    assert [one.value for one in echo.recipients] == ["+46700000001"]
    assert echo.in_reply_to == "wamid.B1"


def test_a_person_without_a_phone_is_known_by_the_id(deliveries):
    batch = payload("whatsapp_types")
    value = batch["entry"][0]["changes"][0]["value"]
    value["messages"] = value["messages"][:1]
    del value["messages"][0]["from"], value["contacts"][0]["wa_id"]

    [delivery] = deliveries(batch)

    message = delivery.items[0].message
    assert message.sender == Participant(
        kind="whatsapp_user", value="SE.1349000000000042", name="Anna"
    )
    assert message.external_thread_id == "SE.1349000000000042"
    assert "identities" not in message.metadata


def test_a_message_that_names_nobody_is_kept_without_a_customer(deliveries):
    batch = payload("whatsapp_types")
    value = batch["entry"][0]["changes"][0]["value"]
    value["contacts"] = []
    value["messages"] = value["messages"][:1]
    del value["messages"][0]["from"], value["messages"][0]["from_user_id"]

    [delivery] = deliveries(batch)

    message = delivery.items[0].message
    assert message.sender.value == "unknown-sender"
    assert message.external_thread_id is None


@pytest.mark.shows("A2")
@pytest.mark.parametrize(
    "element",
    [None, 7, "x", [], {}, {"id": ""}, {"id": {}}, {"id": "x" * 3000, "from": "46"}],
    ids=["null", "number", "text", "list", "empty", "no id", "object id", "long id"],
)
def test_a_malformed_element_is_alone_with_its_error(deliveries, element):
    batch = payload("whatsapp_batch")
    batch["entry"][0]["changes"][0]["value"]["messages"][0] = element

    [delivery] = deliveries(batch)

    broken = [one for one in delivery.items if one.message is None]
    assert len(delivery.items) == 8
    assert len(broken) == 1
    assert broken[0].error


@pytest.mark.shows("A2")
def test_what_is_nested_too_deep_is_alone_with_its_error(deliveries):
    deep = b"[" * 300 + b"]" * 300
    batch = payload("whatsapp_batch")
    batch["entry"][0]["changes"][0]["value"]["messages"][0] = "here"
    body = as_sent(batch).replace(b'"here"', b'{"id": "wamid.D", "x": %b}' % deep)

    [delivery] = deliveries(body)

    assert [one.error is None for one in delivery.items].count(False) == 1
    assert len(delivery.items) == 8


def test_accounts_of_one_request_are_kept_apart(deliveries):
    batch = payload("whatsapp_batch")
    batch["entry"][1] = copy.deepcopy(batch["entry"][1])
    for change in batch["entry"][1]["changes"]:
        change["value"]["metadata"] = {"phone_number_id": "2"}

    found = {one.account: len(one.items) for one in deliveries(batch)}

    assert found == {"1060000000777": 4, "2": 4}


def test_an_error_without_a_message_is_trouble_with_the_account(deliveries):
    value = {
        "metadata": {"phone_number_id": "1"},
        "errors": [{"code": 131031, "title": "Account locked\ud800"}],
    }

    [delivery] = deliveries(envelope({"field": "messages", "value": value}))

    assert (delivery.items, delivery.trouble) == ([], "131031: Account locked\ufffd")


def test_an_order_to_stop_is_kept_as_an_event(deliveries):
    wish = {
        "wa_id": "46700000001",
        "detail": "User requested to stop marketing messages",
        "category": "marketing_messages",
        "value": "stop",
        "timestamp": 1788423330,
    }
    value = {"metadata": {"phone_number_id": "1"}, "user_preferences": [wish]}

    [delivery] = deliveries(envelope({"field": "user_preferences", "value": value}))

    message = delivery.items[0].message
    assert (message.kind, message.direction) == (MessageKind.EVENT, Direction.INBOUND)
    assert message.metadata["event"] == "user_preferences"
    assert message.metadata["structured"]["preference"]["value"] == "stop"
    assert message.sender.value == "+46700000001"


def test_the_steps_of_a_call_are_about_the_call(deliveries):
    steps = [
        {"id": "wacid.1", "from": "46700000001", "event": "connect", "timestamp": "1"},
        {"id": "wacid.1", "from": "46700000001", "event": "terminate", "duration": 30},
    ]
    value = {"metadata": {"phone_number_id": "1"}, "calls": steps}

    [delivery] = deliveries(envelope({"field": "calls", "value": value}))

    found = [one.message for one in delivery.items]
    assert [one.external_id for one in found] == [
        "wacid.1:call:connect",
        "wacid.1:call:terminate",
    ]
    assert {one.target_id for one in found} == {"wacid.1"}
    assert found[1].body_text == "call: terminate, 30 s"


@pytest.mark.shows("A5")
def test_the_signature_is_over_the_bytes_as_they_came(adapter):
    adapter.verify(request(SIGNED, headers={"x-hub-signature-256": SIGNATURE}), None)

    rewritten = SIGNED.replace(b'":"', b'": "')
    with pytest.raises(AccessDenied):
        adapter.verify(
            request(rewritten, headers={"x-hub-signature-256": SIGNATURE}), None
        )


@pytest.mark.shows("A4")
@pytest.mark.parametrize(
    "given", ["", "sha256=", SIGNATURE.removeprefix("sha256="), "sha1=00", "ü"]
)
def test_what_is_not_signed_is_refused(adapter, given):
    with pytest.raises(AccessDenied):
        adapter.verify(request(SIGNED, headers={"x-hub-signature-256": given}), None)


@pytest.mark.shows("A4")
def test_without_a_secret_nobody_is_believed():
    adapter = WhatsAppAdapter.from_settings(Settings())

    with pytest.raises(NoSecret, match="META_APP_SECRET"):
        adapter.verify(request({}), None)
    with pytest.raises(NoSecret, match="META_VERIFY_TOKEN"):
        adapter.verify(request(b"", method="GET"), None)


def test_the_secret_of_an_account_goes_before_the_common_one(adapter):
    own = Account("c1", frozenset(), {"app_secret": "its own"})

    adapter.verify(request({}), Account("c1", frozenset(), {}))
    with pytest.raises(AccessDenied):
        adapter.verify(request({}), own)


def test_the_handshake_wants_the_token(adapter):
    query = {"hub.mode": "subscribe", "hub.challenge": "11", "hub.verify_token": "vt"}
    right = request(b"", method="GET", query=query)
    own = Account("c1", frozenset(), {"verify_token": "other"})

    adapter.verify(right, None)
    assert adapter.handshake(right) == "11"
    for wrong in ({"hub.verify_token": "no"}, {"hub.mode": "x"}):
        with pytest.raises(AccessDenied):
            adapter.verify(request(b"", method="GET", query=query | wrong), None)
    with pytest.raises(AccessDenied):
        adapter.verify(right, own)


def test_a_request_that_is_no_get_is_no_handshake(adapter):
    query = {"hub.mode": "subscribe", "hub.challenge": "11"}

    assert adapter.handshake(request({}, query=query)) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"object": "page", "entry": []}',
        b"[" * 99_999,
        b'{"object": "whatsapp_business_account"}',
    ],
    ids=range(7),
)
def test_a_request_that_cannot_be_read_says_so(adapter, body):
    with pytest.raises(InvalidPayload):
        adapter.receive(request(body))


def test_a_request_with_more_than_anybody_sends_is_kept_whole(adapter):
    value = {"metadata": {"phone_number_id": "1"}, "messages": [{}] * 10_001}

    with pytest.raises(InvalidPayload, match="10000"):
        adapter.receive(request(envelope({"field": "messages", "value": value})))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "type",
                    "text",
                    "from",
                    "body",
                    "errors",
                    "context",
                    "interactive",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(
    sort=st.sampled_from(
        ["text", "image", "interactive", "order", "contacts", "edit", "system", "x"]
    ),
    part=JSON,
    rest=st.dictionaries(
        st.sampled_from(["from", "timestamp", "context", "referral", "errors"]), JSON
    ),
    name=st.sampled_from(["messages", "statuses", "calls", "message_echoes"]),
)
def test_no_element_whatsoever_is_an_exception(sort, part, rest, name):
    element = {"id": "wamid.X", "type": sort, sort: part, "status": "sent", **rest}
    value = {"metadata": rest, "contacts": [part, rest], name: [element, part]}

    found = ADAPTER.receive(request(envelope({"field": sort, "value": value})))

    items = [item for delivery in found for item in delivery.items]
    assert len(items) == 2
    assert all((item.message is None) == (item.error is not None) for item in items)


@pytest.mark.shows("A19")
def test_a_file_is_fetched_by_its_id_and_checked(server):
    content = b"a picture"
    server.answer(media(server, content))
    server.answer(content)

    fetched = fetch(server)

    assert fetched == content
    first, second = server.requests
    assert (first.path, second.path) == ("/v25.0/900000000001", "/file")
    assert {one.headers["Authorization"] for one in server.requests} == {"Bearer tok-1"}


def test_a_file_that_arrives_damaged_is_fetched_again(server):
    server.answer(media(server, b"a picture"))
    server.answer(b"a pictur!")

    with pytest.raises(RetryableError, match="damaged"):
        fetch(server)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_an_address_that_has_expired_says_nothing_about_the_token(server, status):
    server.answer(media(server, b"x"))
    server.answer(b"", status=status)

    with pytest.raises(RetryableError) as raised:
        fetch(server)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://files.example/x",
        "https://lookaside.fbsbx.com.files.example/x",
        "http://lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com:8443/x",
        "https://facebook.com@files.example/x",
        "http://[",
        None,
    ],
)
def test_the_token_goes_to_nobody_but_meta(server, address):
    server.answer(media(server, b"x") | {"url": address})

    with pytest.raises(PermanentError, match="none of Meta's"):
        fetch(server)
    assert len(server.requests) == 1


def test_a_file_that_is_too_large_is_not_fetched(server):
    server.answer(media(server, b"x") | {"file_size": 10**9})

    with pytest.raises(Refused):
        fetch(server)


@pytest.mark.parametrize(
    "path", ["", "/../me", "/1/2", "?x=1", "/1?fields=x", "/%2e%2e", "/1#"]
)
def test_only_an_id_below_the_base_is_an_address_of_ours(server, path):
    adapter = adapter_at(server)

    assert adapter.fetch_attachment(ACCOUNT, server.url + path) is None
    assert adapter.fetch_attachment(ACCOUNT, "https://cdn.example/1") is None
    assert server.requests == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"code": 100, "error_subcode": 33}, Gone),
        ({"code": 100}, Gone),
        ({"code": 190, "error_subcode": 463}, AuthError),
        ({"code": 80007}, RateLimited),
        ({"code": 131000}, RetryableError),
        ({"code": 131052}, PermanentError),
    ],
)
def test_a_refused_file_says_what_follows(server, fault, expected):
    server.answer({"error": {"message": "Anna", **fault}}, status=400)

    with pytest.raises(expected) as raised:
        fetch(server)
    assert "Anna" not in str(raised.value)


def test_there_is_no_history_to_ask_for(adapter):
    assert (adapter.polls, adapter.folders) == (False, ())
    with pytest.raises(NotImplementedError, match="whatsapp has no history to import"):
        adapter.fetch_page(ACCOUNT, folder="X", token=None, limit=1, known=set)


def envelope(*changes):
    entry = {"id": "2090000000001", "changes": list(changes)}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def media(server, content):
    return {
        "url": f"{server.url}/file?secret=1",
        "mime_type": "image/jpeg",
        "sha256": hashlib.sha256(content).hexdigest(),
        "file_size": len(content),
        "id": "900000000001",
    }


def fetch(server):
    url = f"{server.url}/900000000001"
    return adapter_at(server).fetch_attachment(ACCOUNT, url)


def adapter_at(server):
    settings = Settings.model_validate({"META_GRAPH_API_URL": server.url})
    return WhatsAppAdapter.from_settings(settings)


@pytest.fixture
def adapter():
    return WhatsAppAdapter.from_settings(
        Settings.model_validate({"META_APP_SECRET": SECRET, "META_VERIFY_TOKEN": "vt"})
    )


@pytest.fixture
def deliveries(adapter):
    """Reads a payload."""
    return lambda content: adapter.receive(request(content))


@pytest.fixture
def messages(deliveries):
    """The messages of a payload file, none of them broken."""

    def messages(name):
        items = [item for one in deliveries(payload(name)) for item in one.items]
        assert [item.error for item in items if item.error] == []
        return [item.message for item in items]

    return messages


@pytest.mark.shows("I4", "F7")
@pytest.mark.parametrize(
    ("code", "rule"),
    [
        (131026, "undeliverable"),
        (131050, "opted_out"),
        (132001, "refused"),
        (999999, None),
        ("131026", None),
    ],
)
def test_a_failure_says_by_which_rule_as_the_answer_to_a_send_does(
    deliveries, code, rule
):
    batch = payload("whatsapp_statuses")
    [change] = batch["entry"][0]["changes"]
    change["value"]["statuses"][0]["errors"][0]["code"] = code

    [delivery] = deliveries(batch)

    assert delivery.items[0].message.metadata.get("rule") == rule
