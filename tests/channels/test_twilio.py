"""What both adapters for Twilio share: who is believed, what is answered, how files come."""

import base64
import hashlib
from urllib.parse import urlencode

import pytest

from app.channels.adapters.twilio_sms import TwilioSMSAdapter
from app.channels.budget import Budget
from app.channels.download import Downloads
from app.channels.twilio.addresses import read_address, thread_of
from app.channels.twilio.signature import signature
from app.channels.webhook import NoSecret
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.unified_message import MessageKind
from app.errors import AccessDenied, AuthError, Gone, InvalidPayload, Refused
from tests.channels.webhooks import FORM, account, items_of, request_of, told
from tests.fakes import ScriptedServer

VECTORS = told("signatures.json")["twilio"]
FORMS = [vector for vector in VECTORS if "json_body" not in vector]
JSON = VECTORS[-1]
URL = "https://hooks.example.test/twilio/sms"
MEDIA = "/2010-04-01/Accounts/AC01/Messages/MM01/Media/ME01"
CREDENTIALS = {"account_sid": "AC01", "auth_token": "token"}


def twilio(url="https://api.twilio.com", *, allow_private=False):
    return TwilioSMSAdapter(
        url,
        budget=Budget(None, per_second=1),
        downloads=Downloads(max_bytes=1000, allow_private=allow_private),
        max_bytes=1000,
    )


def signed(
    body, *, url=URL, token="token", as_url=None, content_type=FORM, method="POST"
):
    """A request with the signature over `as_url`, which is the address unless it is told."""
    fields = {}
    if method == "POST" and content_type == FORM:
        for pair in body.decode().split("&") if body else []:
            name, _, value = pair.partition("=")
            fields.setdefault(name, []).append(value)
    headers = {
        "content-type": content_type,
        "x-twilio-signature": signature(token, as_url or url, fields),
    }
    return request_of(body, url=url, headers=headers, method=method)


@pytest.mark.shows("A6")
@pytest.mark.parametrize(
    "vector", FORMS, ids=["known example", "empty field", "repeated field"]
)
def test_the_published_signatures_are_right(vector):
    body = urlencode(vector["params"], doseq=True).encode()
    headers = {"content-type": FORM, "x-twilio-signature": vector["signature"]}
    owner = account(auth_token=vector["auth_token"])

    twilio().verify(request_of(body, url=vector["url"], headers=headers), owner)
    with pytest.raises(AccessDenied):
        twilio().verify(
            request_of(body + b"&x=", url=vector["url"], headers=headers), owner
        )


@pytest.mark.shows("A6")
def test_of_a_json_body_the_address_holds_the_hash():
    headers = {
        "content-type": "application/json",
        "x-twilio-signature": JSON["signature"],
    }
    owner = account(auth_token=JSON["auth_token"])
    body = JSON["json_body"].encode()

    twilio().verify(request_of(body, url=JSON["url"], headers=headers), owner)
    for other in (body + b" ", b""):
        with pytest.raises(AccessDenied, match="body"):
            twilio().verify(request_of(other, url=JSON["url"], headers=headers), owner)


@pytest.mark.shows("A6")
def test_a_json_body_without_its_hash_is_not_believed():
    request = signed(b"{}", content_type="application/json")

    with pytest.raises(AccessDenied, match="body"):
        twilio().verify(request, account(auth_token="token"))


@pytest.mark.shows("A6")
@pytest.mark.parametrize(
    ("called", "as_signed"),
    [
        (URL, "https://hooks.example.test:443/twilio/sms"),
        ("https://hooks.example.test:8443/a?b=1", "https://hooks.example.test/a?b=1"),
        ("http://[::1]/a", "http://[::1]:80/a"),
        ("http://[::1]:5000/a", "http://[::1]/a"),
    ],
)
def test_the_address_may_be_signed_with_and_without_its_port(called, as_signed):
    request = signed(b"a=1", url=called, as_url=as_signed)

    twilio().verify(request, account(auth_token="token"))


@pytest.mark.shows("A4")
@pytest.mark.shows("A6")
@pytest.mark.parametrize(
    "changed",
    [
        {"body": b"Body=x+"},
        {"body": b"Body=x&Body=y"},
        {"url": f"{URL}?a=1"},
        {"url": "http://hooks.example.test/twilio/sms"},
        {"url": "https://other.example.test/twilio/sms"},
        {"headers": {"content-type": FORM}},
        {"headers": {"content-type": FORM, "x-twilio-signature": "ü"}},
        {"method": "GET"},
    ],
    ids=range(8),
)
def test_whatever_was_not_signed_is_refused(changed):
    request = signed(b"Body=x")
    forged = type(request)(**(vars(request) | changed))

    twilio().verify(request, account(auth_token="token"))
    with pytest.raises(AccessDenied):
        twilio().verify(forged, account(auth_token="token"))


@pytest.mark.shows("A6")
def test_by_get_everything_is_signed_with_the_address():
    url = f"{URL}?MessageSid=SM1&From=%2B46700000001&To=%2B46850000001&Body=Hi"
    request = signed(b"", url=url, method="GET")

    twilio().verify(request, account(auth_token="token"))
    (delivery,) = twilio().receive(request)

    assert delivery.items[0].message.body_text == "Hi"


@pytest.mark.shows("A4")
def test_more_fields_than_anybody_sends_are_refused_unread():
    body = b"a=1&" * 1_000_000

    with pytest.raises(AccessDenied, match="fields"):
        twilio().verify(
            request_of(body, headers={"content-type": FORM}),
            account(auth_token="token"),
        )
    with pytest.raises(InvalidPayload):
        twilio().receive(request_of(body))


@pytest.mark.shows("A4")
@pytest.mark.parametrize("owner", [None, account(), account(auth_token=7)])
def test_without_a_token_nobody_is_believed(owner):
    with pytest.raises(NoSecret):
        twilio().verify(signed(b"a=1"), owner)


def test_a_request_names_the_account_at_twilio():
    (delivery,) = twilio().receive(request_of(b"AccountSid=AC01&MessageSid=SM1"))

    assert delivery.account == "AC01"


@pytest.mark.shows("A10")
def test_a_signed_body_that_is_no_form_is_kept_as_unsupported():
    headers = {"content-type": "application/json"}

    (item,) = items_of(twilio(), b'[{"type": "x"}]', headers=headers)

    assert item.message.kind is MessageKind.UNSUPPORTED
    assert item.raw == {"body": '[{"type": "x"}]'}
    digest = hashlib.sha256(b'[{"type": "x"}]').hexdigest()
    assert item.external_id == f"body:{digest}"


def test_a_request_without_fields_cannot_be_read():
    with pytest.raises(InvalidPayload):
        twilio().receive(request_of(b""))


@pytest.mark.parametrize(
    ("written", "kind", "value", "carrier"),
    [
        ("+46700000001", "phone", "+46700000001", ""),
        (" +46 70-000 00 01 ", "phone", "+46700000001", ""),
        ("whatsapp:+46700000001", "phone", "+46700000001", "whatsapp"),
        ("whatsapp:SE.134912", "whatsapp_user", "SE.134912", "whatsapp"),
        ("messenger:771", "messenger_user", "771", "messenger"),
        ("72345", "sms_sender", "72345", ""),
        ("MyBank", "sms_sender", "MyBank", ""),
        ("46700000001", "sms_sender", "46700000001", ""),
        ("+12345", "sms_sender", "+12345", ""),
        ("", "phone", UNKNOWN_SENDER, ""),
        ("anonymous", "phone", UNKNOWN_SENDER, ""),
        ("+266696687", "phone", UNKNOWN_SENDER, ""),
        ("sip:anna@example.com", "sip_user", "anna@example.com", "sip"),
    ],
)
def test_an_address_says_what_sort_it_is(written, kind, value, carrier):
    address = read_address(written)

    assert (address.kind, address.value, address.carrier) == (kind, value, carrier)


def test_one_number_by_telephone_and_by_whatsapp_is_two_threads():
    ours = read_address("+46850000001")

    threads = {
        thread_of(ours, read_address(theirs))
        for theirs in ("+46700000001", "+46 70 000 00 01", "whatsapp:+46700000001")
    }

    assert threads == {
        "+46850000001:+46700000001",
        "whatsapp:+46850000001:+46700000001",
    }


@pytest.mark.shows("A19")
@pytest.mark.shows("L2")
def test_credentials_go_to_twilio_and_not_to_the_storage_it_sends_on_to(server):
    storage = ScriptedServer()
    try:
        server.answer(status=307, headers={"Location": f"{storage.url}/bucket/1"})
        storage.answer(b"picture")

        content = twilio(server.url, allow_private=True).fetch_attachment(
            account(**CREDENTIALS), f"{server.url}{MEDIA}"
        )
    finally:
        storage.close()

    assert content == b"picture"
    basic = base64.b64encode(b"AC01:token").decode()
    assert server.requests[0].headers["Authorization"] == f"Basic {basic}"
    assert "Authorization" not in storage.requests[0].headers


@pytest.mark.shows("L2")
def test_twilio_cannot_send_us_to_where_a_stranger_could_not(server):
    server.answer(status=302, headers={"Location": "http://127.0.0.1:9/secret"})

    with pytest.raises(Refused):
        twilio(server.url).fetch_attachment(
            account(**CREDENTIALS), f"{server.url}{MEDIA}"
        )


def test_within_twilio_a_redirect_takes_the_credentials_along_but_not_for_ever(server):
    for _ in range(4):
        server.answer(status=302, headers={"Location": MEDIA})

    with pytest.raises(Refused, match="leads on"):
        twilio(server.url).fetch_attachment(
            account(**CREDENTIALS), f"{server.url}{MEDIA}"
        )

    assert {one.headers["Authorization"] for one in server.requests} == {
        "Basic QUMwMTp0b2tlbg=="
    }


def test_an_api_key_is_used_where_there_is_one(server):
    server.answer(b"x")
    key = {"api_key_sid": "SK01", "api_key_secret": "s"}

    twilio(server.url).fetch_attachment(
        account(**CREDENTIALS, **key), f"{server.url}{MEDIA}"
    )

    basic = base64.b64encode(b"SK01:s").decode()
    assert server.requests[0].headers["Authorization"] == f"Basic {basic}"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example" + MEDIA,
        "{base}.evil.example" + MEDIA,
        "{base}/2010-04-01/Accounts/AC01.json",
        "{base}/2010-04-01/Accounts/AC01/Messages/../Media/ME01",
        "{base}" + MEDIA + "?a=1",
    ],
)
def test_no_other_address_gets_the_credentials(server, url):
    found = twilio(server.url).fetch_attachment(
        account(**CREDENTIALS), url.format(base=server.url)
    )

    assert (found, server.requests) == (None, [])


@pytest.mark.shows("A19")
@pytest.mark.parametrize(("status", "error"), [(404, Gone), (401, AuthError)])
def test_what_twilio_refuses_says_what_follows_and_not_where(server, status, error):
    server.answer(status=status)

    with pytest.raises(error) as raised:
        twilio(server.url).fetch_attachment(
            account(**CREDENTIALS), f"{server.url}{MEDIA}"
        )

    assert "ME01" not in str(raised.value)


def test_without_credentials_nothing_is_asked(server):
    with pytest.raises(AuthError):
        twilio(server.url).fetch_attachment(account(), f"{server.url}{MEDIA}")

    assert server.requests == []
