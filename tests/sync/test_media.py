"""Media of messaging channels, from the webhook that names a file to its bytes in the storage."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select

from app.channels.download import Downloads
from app.channels.registry import Adapters
from app.config import Settings, environment_of
from app.domain.status import AttachmentState
from app.jobs.contracts import Materialize, StoreFiles
from app.models import Attachment, Message
from app.services.pipeline.materialize import materialize
from app.services.sync.store_files import store_files
from tests.channels.examples import SECRET, examples_of
from tests.channels.meta import payload as meta_payload
from tests.channels.webhooks import FORM, payload, request_of, told
from tests.fakes import ScriptedServer
from tests.http.client import client_of

PICTURE = b"\xff\xd8 a broken spoke"
TWILIO = "AC00000000000000000000000000000001"


@dataclass(frozen=True)
class Provider:
    """How a provider brings a picture, and what it says before it hands out the bytes."""

    name: str
    channel: str
    brings: Callable[[str], Any]
    """The webhook, where the provider has this base address."""
    answers: Callable[[ScriptedServer], None]
    """All answers before the last one."""
    last_path: str
    credentials: dict[str, Any]
    caption: str | None


def whatsapp(url):
    envelope = meta_payload("whatsapp_types")
    value = envelope["entry"][0]["changes"][0]["value"]
    value["messages"] = value["messages"][1:2]
    del value["messages"][0]["image"]["sha256"]
    return envelope


def whatsapp_says_where(server):
    server.answer({"url": f"{server.url}/cdn/9", "mime_type": "image/jpeg"})


def messaging(name):
    def brings(url):
        envelope = meta_payload(f"{name}_events")
        envelope["entry"] = envelope["entry"][:1]
        (first, *_) = envelope["entry"][0]["messaging"]
        picture = {"type": "image", "payload": {"url": f"{url}/cdn/9"}}
        first["message"] = {"mid": "m_1", "attachments": [picture]}
        envelope["entry"][0]["messaging"] = [first]
        return envelope

    return brings


def twilio(url):
    body = payload("twilio/mms.txt").decode()
    at = f"{url}/2010-04-01/Accounts/{TWILIO}/Messages/MM1/Media/ME1"
    fields = [one for one in body.split("&") if not one.startswith("Media")]
    told = "&".join(fields).replace("NumMedia=10", "NumMedia=1")
    return f"{told}&MediaUrl0={at}&MediaContentType0=image%2Fjpeg".encode()


PROVIDERS = [
    Provider(
        "whatsapp",
        "whatsapp",
        whatsapp,
        whatsapp_says_where,
        "/cdn/9",
        {"access_token": "tok-1"},
        "Broken",
    ),
    *(
        Provider(
            name, channel, messaging(name), lambda _: None, "/cdn/9", {"x": "y"}, None
        )
        for name, channel in (("messenger", "facebook"), ("instagram", "instagram"))
    ),
    Provider(
        "telegram",
        "telegram",
        lambda _: told("telegram/photo.json"),
        lambda server: server.answer(
            {"ok": True, "result": {"file_path": "photos/file_9.jpg"}}
        ),
        "/file/bot4400000001:AAE-token/photos/file_9.jpg",
        {"bot_token": "4400000001:AAE-token"},
        "This spoke is broken",
    ),
    Provider(
        "twilio-sms",
        "sms",
        twilio,
        lambda server: server.answer(
            status=307, headers={"Location": f"{server.url}/cdn/9"}
        ),
        "/cdn/9",
        {},
        "All the parts",
    ),
]


@pytest.mark.shows("A19", "F14")
def test_a_picture_is_one_message_and_its_bytes_are_kept(arrive, server, provider):
    one = arrive()
    provider.answers(server)
    server.answer(PICTURE)

    assert one.keep() == {"stored": 1}

    file, message = one.file(), one.message()
    assert one.runtime.storage.get(file.storage_key) == PICTURE
    assert (file.position, file.state) == (0, AttachmentState.STORED)
    assert message.body == provider.caption
    assert server.requests[-1].path == provider.last_path


@pytest.mark.shows("A19")
@pytest.mark.parametrize("status", [404, 410])
def test_an_expired_address_leaves_a_placeholder_and_the_message(
    arrive, server, provider, status
):
    one = arrive()
    provider.answers(server)
    server.answer({}, status=status)
    if provider.name == "whatsapp":
        # Only the address has expired; the file itself is known by its id until that is gone too.
        assert one.keep() == {"put_off": 1}
        one.let_time_pass()
        server.answer({"error": {"code": 100}}, status=400)

    assert one.keep() == {"gone": 1}

    assert one.file().state is AttachmentState.GONE
    assert one.file().reason
    assert one.message().body == provider.caption
    assert one.message().attachments


@pytest.mark.shows("A19")
@pytest.mark.parametrize("status", [500, 503, 429])
def test_what_fails_for_now_is_asked_for_again(arrive, server, provider, status):
    one = arrive()
    provider.answers(server)
    server.answer({}, status=status)
    (first,) = one.keep()
    waits = one.file()
    one.let_time_pass()
    provider.answers(server)
    server.answer(PICTURE)

    assert first in {"put_off", "waits"}
    assert waits.state is AttachmentState.PENDING
    assert waits.next_attempt_at > waits.updated_at
    assert one.keep() == {"stored": 1}
    assert one.file().reason is None


@pytest.mark.shows("L2")
def test_what_is_too_large_is_not_taken_in(arrive, server, provider):
    one = arrive(BB_ATTACHMENT_MAX_BYTES=150_000)
    provider.answers(server)
    server.answer(b"x" * 150_001)

    assert one.keep() == {"refused": 1}

    assert one.file().reason == "it is larger than 0.143 MiB"
    assert one.message().body == provider.caption


@pytest.mark.shows("L2")
def test_no_provider_leads_inside(arrive, server, provider):
    """Neither by the address that it names, nor by one where it sends us on."""
    inside = ScriptedServer()
    inside.answer(b"metadata of the machine")
    one = arrive(BB_PRIVATE_DOWNLOADS=False)
    if provider.name in {"messenger", "instagram"}:
        reason = "its address is not one of https"
    elif provider.name == "whatsapp":
        server.answer({"url": f"{inside.url}/latest/meta-data"})
        reason = "none of Meta's"
    else:
        if provider.name == "telegram":
            provider.answers(server)
        server.answer(status=302, headers={"Location": f"{inside.url}/latest"})
        reason = "its address is not one of https"

    (outcome,) = one.keep()
    inside.close()

    assert inside.requests == []
    assert outcome in {"refused", "failed"}
    assert reason in one.file().reason
    assert one.message().body == provider.caption


@pytest.mark.shows("L2")
@pytest.mark.parametrize("resolved", ["10.0.0.8", "169.254.169.254", "::1"])
def test_a_name_that_leads_inside_is_refused_with_the_reason(live, arrive_at, resolved):
    asked = []

    def resolve(host, port, **_):
        asked.append(host)
        return [(2, 1, 6, "", (resolved, port))]

    messenger = next(one for one in PROVIDERS if one.name == "messenger")
    at = replace(live, downloads=Downloads(max_bytes=1000, resolve=resolve))
    one = arrive_at(at, messenger, "https://cdn.example")

    assert one.keep() == {"refused": 1}

    assert one.file().reason == "its address is not a public one"
    assert asked == ["cdn.example"]


@pytest.mark.shows("F14")
def test_ten_files_of_an_mms_are_kept_in_their_order(live, arrive_at, server):
    sms = next(one for one in PROVIDERS if one.name == "twilio-sms")
    body = payload("twilio/mms.txt").decode()
    here = server.url.replace(":", "%3A").replace("/", "%2F")
    told = body.replace("https%3A%2F%2Fapi.twilio.com", here).encode()
    one = arrive_at(live, replace(sms, brings=lambda _: told), server.url)
    for number in range(10):
        server.answer(f"part {number}".encode())

    assert one.keep() == {"stored": 10}

    kept = [live.storage.get(file.storage_key) for file in one.files()]
    assert kept == [f"part {number}".encode() for number in range(10)]
    assert one.message().body == "All the parts"


@dataclass(frozen=True)
class Arrived:
    """A message with files, as it stands in the database."""

    runtime: Any
    workspace_id: Any

    def keep(self) -> dict[str, int]:
        """What became of the files, by the job that was published for them."""
        job = StoreFiles(
            workspace_id=self.workspace_id, message_ids=(self.message().id,)
        )
        return dict(store_files(self.runtime, job).counts)

    def message(self) -> Message:
        with self.runtime.transaction(self.workspace_id) as tx:
            return tx.session.scalars(select(Message)).one()

    def files(self) -> list[Attachment]:
        with self.runtime.transaction(self.workspace_id) as tx:
            found = tx.session.scalars(select(Attachment).order_by(Attachment.position))
            return list(found)

    def file(self) -> Attachment:
        (found,) = self.files()
        return found

    def let_time_pass(self) -> None:
        with self.runtime.system_transaction() as tx:
            tx.session.connection().exec_driver_sql(
                "UPDATE attachments SET next_attempt_at = now() - interval '1 second'"
            )
            tx.session.connection().exec_driver_sql(
                "UPDATE channel_configs SET rate_limited_until = NULL"
            )


@pytest.fixture
def server():
    """Stands for every provider and its files."""
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture(params=PROVIDERS, ids=lambda one: one.name)
def provider(request):
    return request.param


@pytest.fixture
def at_server(runtime, server):
    """A runtime whose providers are the server."""

    def at_server(**variables):
        values = {
            "META_APP_SECRET": SECRET,
            "META_GRAPH_API_URL": server.url,
            "TELEGRAM_API_URL": server.url,
            "TWILIO_API_URL": server.url,
            "BB_PRIVATE_DOWNLOADS": True,
        }
        told = {name: str(value) for name, value in (values | variables).items()}
        settings = Settings.model_validate(environment_of(runtime.settings) | told)
        return replace(
            runtime,
            settings=settings,
            adapters=Adapters(settings),
            downloads=Downloads.from_settings(settings),
        )

    return at_server


@pytest.fixture
def live(at_server):
    return at_server()


@pytest.fixture
def arrive(at_server, arrive_at, server, provider):
    """Lets the provider bring its picture."""
    return lambda **variables: arrive_at(at_server(**variables), provider, server.url)


@pytest.fixture
def arrive_at(make, workspace, jobs):
    def arrive_at(runtime, provider, url):
        examples = examples_of(provider.name.replace("-", "_"))
        config = make.config(
            workspace,
            provider=provider.name,
            channel=provider.channel,
            addresses=[],
            credentials={**examples.credentials, **provider.credentials},
            external_account_id=examples.account_id,
        )
        brought = provider.brings(url)
        body = brought if isinstance(brought, bytes) else json.dumps(brought).encode()
        path = f"/webhooks/{provider.name}/{config.id}"
        headers = {"content-type": FORM} if isinstance(brought, bytes) else {}
        request = examples.sign(
            request_of(
                body, url=f"{runtime.settings.public_url}{path}", headers=headers
            ),
            SECRET,
        )
        answer = client_of(runtime).post(path, data=body, headers=request.headers)
        assert (answer.status_code, answer.headers["X-Kept"]) == (200, "1")
        for job in jobs(Materialize):
            materialize(runtime, job)
        assert [len(job.message_ids) for job in jobs(StoreFiles)] == [1]
        return Arrived(runtime, workspace.id)

    return arrive_at
