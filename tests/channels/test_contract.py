"""What `app/channels` promises of every adapter, held against each that the registry finds.

An adapter that takes requests shows some of its provider's in `examples/`, under its own name.
"""

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from app.channels.base import Account, ChannelAdapter, Item
from app.channels.registry import Adapters
from app.channels.sending import Sender, TextLimit
from app.channels.webhook import NoSecret, Receiver, WebhookRequest
from app.config import Settings
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.scrub import scrub
from app.domain.unified_message import Channel, MessageKind, UnifiedMessage
from app.errors import AccessDenied, InvalidPayload
from tests.channels.examples import (
    SECRET,
    Examples,
    NoExamples,
    Signed,
    examples_of,
)
from tests.channels.webhooks import FORM

ADAPTERS = Adapters(Settings())
#: What stands where something else should; each replaces every part of every example.
HOSTILE = (
    None,
    True,
    -1,
    10**30,
    1e300,
    "",
    " \t",
    "\ud800\x00",
    "x" * 3_000,
    [],
    {},
    [None],
    [[[[[[[[{}]]]]]]]],
    {"id": {"id": 1}},
)
GARBAGE = (
    b"",
    b"\x00",
    b"\xff\xfe{}",
    b"null",
    b"7",
    b'"words"',
    b"[]",
    b"{}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"a": NaN, "b": 1e999}',
    b"\xef\xbb\xbf{}",
    b"=&=&%zz%",
    b"a=" + b"&b=1" * 5_000,
)
#: Of one example; spread over all of it.
MOST_CUTS = 40
MOST_CHANGES = 250

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER = re.compile(r"\+\d{3,15}|\d{3,8}|[A-Za-z0-9 ]{1,15}")


def file_of(adapter: ChannelAdapter) -> str:
    """The name of the file that an adapter stands in."""
    return type(adapter).__module__.rpartition(".")[2]


def overrides(adapter: ChannelAdapter, name: str, base: type = ChannelAdapter) -> bool:
    return getattr(type(adapter), name) is not getattr(base, name)


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
def test_an_adapter_says_what_it_is_and_what_it_can_do(adapter):
    assert adapter.provider == file_of(adapter).replace("_", "-")
    assert isinstance(adapter.channel, Channel)
    assert type(adapter).__doc__
    assert inspect.getmodule(type(adapter)).__doc__
    assert bool(adapter.folders) == overrides(adapter, "fetch_page")
    assert adapter.polls == overrides(adapter, "fetch_changes")


@pytest.mark.shows("L2")
@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "file:///etc/passwd",
        "http://127.0.0.1:1/a",
        "https://files.example/a.pdf",
        "https://api.telegram.org.files.example/file_id/a",
        "https://graph.facebook.com@files.example/v25.0/1",
    ],
)
def test_an_address_that_is_not_the_providers_gets_no_credentials(adapter, url):
    nobody = Account("c1", frozenset(), credentials={})

    assert adapter.fetch_attachment(nobody, url) is None


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
def test_who_sends_says_how_much_it_carries_and_what_it_can_find(adapter):
    is_mail = adapter.channel is Channel.EMAIL
    limit = getattr(adapter, "text_limit", None)

    if isinstance(adapter, Sender):
        assert (limit is None) == is_mail
        assert adapter.window is None or adapter.window > timedelta()
        assert adapter.can_find == overrides(adapter, "find_sent", Sender)
    assert limit is None or (isinstance(limit, TextLimit) and limit.size > 0)


@dataclass(frozen=True)
class Case:
    """An adapter that is called, and what it shows."""

    adapter: Any
    examples: Examples

    @property
    def readable(self) -> tuple[WebhookRequest, ...]:
        return self.examples.requests

    def signed(self, request: WebhookRequest, secret: str = SECRET) -> WebhookRequest:
        return self.examples.sign(request, secret)

    def verify(self, request: WebhookRequest) -> None:
        self.adapter.verify(request, self.examples.account)

    def refuses(self, request: WebhookRequest) -> bool:
        try:
            self.verify(request)
        except AccessDenied as error:
            return SECRET not in str(error)
        return False

    def items(self, request: WebhookRequest) -> list[Item]:
        return [
            item
            for delivery in self.adapter.receive(request)
            for item in delivery.items
        ]


RECEIVERS = [name for name, one in ADAPTERS.items() if isinstance(one, Receiver)]


@pytest.fixture(params=RECEIVERS)
def case(request: pytest.FixtureRequest) -> Case:
    adapter = ADAPTERS[request.param]
    try:
        examples = examples_of(file_of(adapter))
    except NoExamples as missing:
        pytest.fail(str(missing), pytrace=False)
    settings = Settings.model_validate(dict(examples.settings))
    return Case(Adapters(settings)[request.param], examples)


def test_whoever_adds_an_adapter_is_told_to_show_what_it_takes():
    with pytest.raises(NoExamples, match=r"add tests/channels/examples/pigeon\.py"):
        examples_of("pigeon")


@pytest.mark.shows("A5")
def test_what_the_provider_signed_is_believed(case):
    for request in case.readable:
        case.verify(case.signed(request))


@pytest.mark.shows("A4")
def test_what_nobody_or_somebody_else_signed_is_not_believed(case):
    for request in case.readable:
        assert case.refuses(request)
        assert case.refuses(case.signed(request, "another-secret"))
        assert case.refuses(case.signed(request, ""))


@pytest.mark.shows("A4")
@pytest.mark.parametrize(
    "value", ["", " ", "x", "sha256=", "ü\x7f", "\xff" * 64, "0" * 64, "9" * 50_000]
)
def test_no_header_whatsoever_is_an_error_or_believed(case, value):
    signed = case.signed(case.readable[0])
    added = {*signed.headers} - {*case.readable[0].headers}

    for name in added:
        headers = {**signed.headers, name: value}
        assert case.refuses(replace(signed, headers=headers)), name


@pytest.mark.shows("A5")
def test_another_body_than_the_signed_one_is_not_believed(case):
    for request in case.readable:
        signed = case.signed(request)
        if case.examples.signed is Signed.NOTHING:
            case.verify(replace(signed, body=b"{}"))
            continue
        assert case.refuses(replace(signed, body=b""))
        assert case.refuses(replace(signed, body=request.body + b"&x=1"))
        assert case.refuses(replace(signed, body=request.body[1:]))
        rewritten = rewrite(request)
        assert rewritten != request.body
        same_words = case.refuses(replace(signed, body=rewritten))
        assert same_words == (case.examples.signed is Signed.BYTES)


@pytest.mark.shows("A4")
def test_without_a_secret_nobody_is_believed(case):
    keyless = Adapters(Settings())[case.adapter.provider]
    nobody = replace(case.examples.account, credentials={})
    for account in (None, nobody):
        with pytest.raises(NoSecret) as raised:
            keyless.verify(case.signed(case.readable[0]), account)
        assert raised.value.retry_after


@pytest.mark.shows("L3")
def test_a_secret_that_comes_with_a_request_is_declared(case):
    signed = case.signed(case.readable[0])
    told = {name for name, value in signed.headers.items() if SECRET in value}
    asked = {name for name, value in signed.query.items() if SECRET in value}

    assert case.adapter.secret_headers >= Receiver.secret_headers | told
    assert case.adapter.secret_parameters >= asked
    assert {name.lower() for name in case.adapter.secret_headers} == set(
        case.adapter.secret_headers
    )
    assert SECRET.encode() not in signed.body


def test_a_message_is_no_trial_of_the_address(case):
    for request in case.readable:
        assert case.adapter.handshake(request) is None


def test_what_the_provider_says_is_read_and_its_account_known(case):
    for request in case.readable:
        for delivery in case.adapter.receive(request):
            assert delivery.account == case.examples.account_id
            assert [item.error for item in delivery.items if item.error] == []


@pytest.mark.shows("B1")
def test_the_same_bytes_say_the_same_each_time(case):
    settings = Settings.model_validate(dict(case.examples.settings))
    other = Adapters(settings)[case.adapter.provider]

    for request in (*case.readable, case.examples.unknown, case.examples.malformed):
        if request is not None:
            first = case.adapter.receive(request)
            assert first == case.adapter.receive(request) == other.receive(request)


@pytest.mark.shows("B1")
def test_every_thing_has_an_id_of_its_own(case):
    for request in case.readable:
        items = case.items(request)
        ids = [item.message.external_id for item in items]

        assert ids == [item.external_id for item in items]
        assert ids == [one.strip() for one in ids]
        assert len({*ids}) == len(ids)


def test_people_times_and_headers_have_their_one_form(case):
    for request in case.readable:
        for message in (item.message for item in case.items(request)):
            people = [message.sender, *message.recipients]
            assert all(_WORD.fullmatch(one.kind) for one in people)
            for one in people:
                if one.kind == "phone" and one.value != UNKNOWN_SENDER:
                    assert _NUMBER.fullmatch(one.value), one
                if one.kind == "email" and one.value != UNKNOWN_SENDER:
                    assert "@" in one.value
                    assert one.value.strip("<> ") == one.value
            if message.sent_at is not None:
                assert message.sent_at.utcoffset() == timedelta()
                # Milliseconds that are read as seconds lie far ahead.
                assert 2000 < message.sent_at.year < 2100
            assert all(name == name.lower() for name in message.headers)


def test_every_thing_says_something_or_what_it_is_about(case):
    for request in case.readable:
        for message in (item.message for item in case.items(request)):
            if message.kind in {MessageKind.EDIT, MessageKind.DELETE}:
                assert message.target_id
            elif message.kind is MessageKind.MEDIA:
                assert message.attachments
            elif message.kind is MessageKind.TEXT:
                assert message.body_text or message.body_html or message.metadata


def test_what_is_read_can_be_stored(case):
    for request in case.readable:
        for item in case.items(request):
            stored = item.message.model_dump(mode="json", exclude_defaults=True)
            assert UnifiedMessage.model_validate(stored) == item.message
            json.dumps(scrub(item.raw), allow_nan=False)


@pytest.mark.shows("A10")
def test_the_original_is_kept_as_it_came(case):
    for request in (*case.readable, case.examples.unknown):
        said = leaves(fields_of(request)) if request else set()
        for item in case.items(request) if request else ():
            kept = leaves(item.raw)
            assert kept
            assert kept <= said


@pytest.mark.shows("A10")
def test_what_is_new_at_the_provider_is_kept_as_unsupported_with_all_it_said(case):
    if case.examples.unknown is None:
        assert overrides(case.adapter, "fetch_message")
        return
    (item,) = case.items(case.examples.unknown)

    assert item.message.kind is MessageKind.UNSUPPORTED
    assert item.message.body_text
    assert item.raw


@pytest.mark.shows("A2")
def test_what_is_malformed_is_alone_with_its_error(case):
    if case.examples.malformed is None:
        assert overrides(case.adapter, "fetch_message")
        return
    items = case.items(case.examples.malformed)
    (broken,) = [item for item in items if item.message is None]

    assert broken.error.startswith(f"{case.adapter.provider}: ") or broken.error
    assert broken.raw
    assert len(items) == case.examples.readable + 1


@pytest.mark.shows("A2")
@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_reported_as_such(case, body):
    for headers in ({}, {"content-type": FORM}, {"content-type": "application/json"}):
        request = replace(case.readable[0], headers=headers, body=body)
        assert read(case.adapter, request) is not None


@pytest.mark.shows("A2")
def test_half_a_body_is_read_or_reported(case):
    for request in case.readable:
        size = len(request.body)
        for cut in range(0, size, max(1, size // MOST_CUTS)):
            read(case.adapter, replace(request, body=request.body[:cut]))


@pytest.mark.shows("A2", "A10")
def test_whatever_stands_in_a_field_is_read_or_reported(case):
    for request in case.readable:
        changed = list(changed_bodies(request))
        for body in islice(changed, 0, None, max(1, -(-len(changed) // MOST_CHANGES))):
            read(case.adapter, replace(request, body=body))


def read(receiver: Receiver, request: WebhookRequest) -> list[Item] | str:
    """What a request brings, or why nothing of it can be read; nothing else may come of it."""
    try:
        deliveries = receiver.receive(request)
    except InvalidPayload as error:
        return str(error)
    items = [item for delivery in deliveries for item in delivery.items]
    for item in items:
        assert (item.message is None) == (item.error is not None)
        assert SECRET not in (item.error or "")
        json.dumps(scrub(item.raw), allow_nan=False).encode()
        if item.message is not None:
            item.message.model_dump_json().encode()
    return items


def is_form(request: WebhookRequest) -> bool:
    return request.headers.get("content-type") == FORM


def rewrite(request: WebhookRequest) -> bytes:
    """The same words in other bytes."""
    if is_form(request):
        fields = parse_qsl(request.body.decode(), keep_blank_values=True)
        return urlencode(fields[::-1]).encode()
    return json.dumps(
        json.loads(request.body), ensure_ascii=False, separators=(" ,", " : ")
    ).encode()


def changed_bodies(request: WebhookRequest) -> Iterator[bytes]:
    """The request with each of its parts replaced, and left out."""
    if is_form(request):
        fields = parse_qsl(request.body.decode(), keep_blank_values=True)
        for position, (name, value) in enumerate(fields):
            others = fields[:position] + fields[position + 1 :]
            yield urlencode(others).encode()
            yield urlencode([*others, (name, value), (name, value)]).encode()
            for text in ("", " ", "\x00", "x" * 3_000, "-1", "9" * 400, "{}"):
                yield urlencode([*others, (name, text)]).encode()
        return
    whole = json.loads(request.body)
    for path in paths(whole):
        yield json.dumps(without(whole, path)).encode()
        for value in HOSTILE:
            yield json.dumps(replaced(whole, path, value)).encode()


def fields_of(request: WebhookRequest) -> Any:
    """What a body says."""
    if is_form(request):
        return parse_qsl(request.body.decode(), keep_blank_values=True)
    return json.loads(request.body)


def leaves(value: Any) -> set[str]:
    """All that stands in a value, whatever stands around it."""
    if isinstance(value, dict):
        return leaves(list(value.values()))
    if isinstance(value, list | tuple):
        return {leaf for part in value for leaf in leaves(part)}
    return {repr(value)}


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places within a value."""
    inner = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inner = enumerate(value)
    for key, part in inner:
        yield (*above, key)
        yield from paths(part, (*above, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    copied = list(value) if isinstance(value, list) else dict(value)
    copied[path[0]] = replaced(value[path[0]], path[1:], by)
    return copied


def without(value: Any, path: tuple[Any, ...]) -> Any:
    copied = list(value) if isinstance(value, list) else dict(value)
    if len(path) == 1:
        del copied[path[0]]
    else:
        copied[path[0]] = without(value[path[0]], path[1:])
    return copied
