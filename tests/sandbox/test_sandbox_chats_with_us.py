"""Customers write at the simulated providers, and our web application and adapters take it."""

import base64
import socket
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from werkzeug.serving import make_server

from app import store
from app.channels.registry import Adapters
from app.config import Settings, environment_of
from app.http import create_app
from app.jobs.contracts import ImportFetch, Materialize, Poll
from app.models import ChannelConfig
from app.services.accounts import account_of
from app.services.operations.sweep import sweep
from app.services.pipeline.fetch_page import fetch_page
from app.services.pipeline.materialize import materialize
from app.services.sync.poll import poll
from app.services.sync.start_import import start_import
from tests.http.client import rows
from tests.sandbox.chats import WAYS
from tests.sandboxes import running

SECRET = "shared-secret"
PNG = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
#: Our name of a provider, our channel, and what its account has to know.
OURS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "whatsapp": ("whatsapp", "whatsapp", {"access_token": "sandbox-1"}),
    "messenger": ("messenger", "facebook", {"access_token": "sandbox-1"}),
    "instagram": ("instagram", "instagram", {"access_token": "sandbox-1"}),
    "telegram": (
        "telegram",
        "telegram",
        {"secret_token": SECRET, "bot_token": "4400000001:sandbox-1"},
    ),
    "twilio": ("twilio-sms", "sms", {"auth_token": SECRET}),
    "chatwoot": (
        "chatwoot",
        "chatwoot",
        {"webhook_secret": SECRET, "access_token": "sandbox-1"},
    ),
}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@dataclass
class Joined:
    """An account that the sandbox and we know."""

    sandbox: Any
    way: Any
    config: ChannelConfig
    callback: str

    def send(self, *args: Any, **more: Any) -> Any:
        """Send through the provider. Twilio's token also signs."""
        token = SECRET if self.way.product == "twilio" else "sandbox-1"
        return self.way.send(self.sandbox, *args, token=token, **more)

    def control(self, what: str, **asked: Any) -> Any:
        """Direct the product."""
        return self.sandbox.control(f"chats/{self.way.product}/{what}", asked)

    def deliver(self, **settings: Any) -> Any:
        return self.sandbox.patch(f"chats/{self.way.product}/webhooks", settings)

    def attempts(self) -> list[dict[str, Any]]:
        """All of them, once none is left to make."""
        path = f"/_control/chats/{self.way.product}/attempts"
        while (state := self.sandbox.get(path).json())["waiting"]:
            pass
        return state["attempts"]


@pytest.mark.shows("A1")
@every_way
def test_what_a_customer_writes_is_stored_once_with_its_words(join, way, live, bodies):
    joined = join(way)
    joined.deliver(copies=3)

    way.inbound(joined.sandbox, "Är/är \\ 'hjälmen' 🙂 röd?")

    assert [attempt["status"] for attempt in joined.attempts()] == [200] * 3
    assert bodies() == [("Är/är \\ 'hjälmen' 🙂 röd?", "inbound")]


@pytest.mark.shows("A4")
@every_way
def test_what_is_signed_with_another_secret_is_not_believed(join, way, bodies):
    joined = join(way)
    account = f"chats/{way.product}/{way.account}"
    joined.sandbox.patch(account, {"secret": "another"})
    joined.deliver(max_attempts=1)

    way.inbound(joined.sandbox)

    assert [attempt["status"] for attempt in joined.attempts()] == [401]
    assert bodies() == []


@pytest.mark.shows("A1")
@pytest.mark.parametrize("product", ["whatsapp", "messenger", "instagram"])
@pytest.mark.parametrize("order", ["made", "reversed", "shuffled"])
def test_a_batch_in_any_order_is_all_there(join, bodies, product, order):
    way = WAYS[product]
    joined = join(way)
    joined.deliver(hold=True, copies=2)
    texts = [f"Message {number}" for number in range(9)]
    for text in texts:
        way.inbound(joined.sandbox, text)

    joined.control("release", order=order, together=True)

    attempts = joined.attempts()
    assert [attempt["status"] for attempt in attempts] == [200, 200]
    assert len(attempts[0]["body"]["entry"]) == 3
    assert sorted(body for body, _ in bodies()) == texts


@every_way
def test_an_answer_and_what_became_of_it_find_their_place(join, way, live, bodies):
    joined = join(way)
    way.inbound(joined.sandbox)
    joined.attempts()
    callback = {"StatusCallback": joined.callback} if way.product == "twilio" else {}

    answer = joined.send(**callback)

    assert answer.status_code == way.status, answer.text
    assert {attempt["status"] for attempt in joined.attempts()} == {200}
    told = bodies()
    echoes = {"messenger", "instagram", "chatwoot"}
    assert told[1:] == (
        [("Yes, in blue.", "outbound")] if way.product in echoes else []
    )
    assert {error for (error,) in rows(live, "message_events", "last_error")} == {None}


@pytest.mark.parametrize("product", ["messenger", "instagram", "whatsapp", "chatwoot"])
def test_what_staff_write_by_hand_is_ours(join, bodies, product):
    way = WAYS[product]
    joined = join(way)
    way.inbound(joined.sandbox)

    way.inbound(joined.sandbox, "Olof here", staff=True)

    joined.attempts()
    assert sorted(bodies())[1] == ("Olof here", "outbound")


@pytest.mark.parametrize("product", ["messenger", "instagram"])
def test_conversations_are_imported_page_by_page(join, live, bodies, product):
    way = WAYS[product]
    joined = join(way, callback=None, page_size=2)
    texts = [f"From person {number}" for number in range(7)]
    for number, text in enumerate(texts):
        way.inbound(joined.sandbox, text, **{"from": f"73000{number}"})
    joined.send("Hello", person="730003")

    start_import(live, joined.config.workspace_id, joined.config.id)
    run_jobs(live, ImportFetch, fetch_page)

    told = bodies()
    assert sorted(told) == sorted(
        [*((text, "inbound") for text in texts), ("Hello", "outbound")]
    )


def test_of_a_long_conversation_the_newest_twenty_can_be_imported(join, live, bodies):
    way = WAYS["messenger"]
    joined = join(way, callback=None)
    for number in range(25):
        way.inbound(joined.sandbox, f"Message {number:02}")

    start_import(live, joined.config.workspace_id, joined.config.id)
    run_jobs(live, ImportFetch, fetch_page)

    assert sorted(body for body, _ in bodies())[0] == "Message 05"
    assert len(bodies()) == 20


@pytest.mark.shows("B2")
@pytest.mark.parametrize("product", ["messenger", "instagram"])
def test_what_was_called_and_asked_for_is_one_message(join, live, bodies, product):
    way = WAYS[product]
    joined = join(way, poll_seconds=10)
    way.inbound(joined.sandbox, "Called")
    joined.attempts()
    bodies()
    joined.sandbox.patch(f"chats/{product}/{way.account}", {"callback": None})
    way.inbound(joined.sandbox, "Not called")

    sweep_all(live)
    outcomes = run_jobs(live, Poll, poll)

    assert outcomes[0].counts == {"created": 1}
    assert bodies() == [("Called", "inbound"), ("Not called", "inbound")]


@pytest.mark.shows("A20")
def test_an_expired_token_is_noticed_by_polling(join, live):
    way = WAYS["messenger"]
    joined = join(way, poll_seconds=10)
    joined.sandbox.control("faults", {"provider": "meta", "code": 190})

    sweep_all(live)
    run_jobs(live, Poll, poll)

    with live.system_transaction() as tx:
        kinds = [incident.kind for incident in store.incidents.find(tx)]
    assert kinds == ["account_disconnected"]


@every_way
def test_a_picture_can_be_fetched(join, way, live):
    joined = join(way)
    asked = {"content": base64.b64encode(PNG).decode(), "type": "image/gif"}
    way.inbound(joined.sandbox, "", file=asked)
    joined.attempts()
    run_jobs(live, Materialize, materialize)

    (url,) = (url for (url,) in rows(live, "attachments", "url"))

    if way.product in ("messenger", "instagram"):
        # Nothing of the account opens these: whoever knows the address may have the file.
        assert joined.sandbox.session.get(url, timeout=5).content == PNG
        return
    adapter = live.adapters.get(joined.config.provider)
    content = adapter.fetch_attachment(account_of(live, joined.config), url)
    assert content == PNG


@pytest.mark.shows("F12")
@pytest.mark.parametrize("order", ["made", "reversed", "shuffled"])
def test_a_call_told_in_any_order_is_one_call(join, live, order):
    way = WAYS["twilio"]
    joined = join(way, provider="twilio-voice", channel="voice")
    joined.deliver(hold=True, copies=2)

    call = joined.control(
        f"{way.account}/call", **{"from": "+46700000001", "text": "Call me back"}
    )
    joined.control("release", order=order)

    assert {attempt["status"] for attempt in joined.attempts()} == {200}
    found = rows(live, "message_events", "external_id")
    assert call["id"] in {external_id for (external_id,) in found}
    run_jobs(live, Materialize, materialize)
    assert len(rows(live, "conversations", "id")) == 1


@pytest.mark.parametrize(("token", "verified"), [("ours", True), ("other", False)])
@pytest.mark.parametrize("product", ["whatsapp", "messenger", "instagram"])
def test_meta_is_told_that_the_address_is_ours(join, product, token, verified):
    joined = join(WAYS[product])

    answer = joined.control(f"{joined.way.account}/handshake", verify_token=token)

    assert answer == {"status": 200 if verified else 403, "verified": verified}


def test_who_hides_their_number_on_whatsapp_is_one_person(join, live, bodies):
    way = WAYS["whatsapp"]
    joined = join(way)

    for text in ("First", "Second"):
        way.inbound(joined.sandbox, text, **{"from": "SE.1349000000000042"})

    joined.attempts()
    assert bodies() == [("First", "inbound"), ("Second", "inbound")]
    assert len(rows(live, "customers", "id")) == 1


def test_a_webhook_is_tried_again_until_we_are_there(join, live, bodies):
    way = WAYS["telegram"]
    joined = join(way)
    joined.deliver(scale=0.05)
    account = f"chats/{way.product}/{way.account}"
    joined.sandbox.patch(account, {"callback": "http://127.0.0.1:1/webhooks"})
    way.inbound(joined.sandbox, "Hello?")
    joined.sandbox.patch(account, {"callback": joined.callback})

    attempts = joined.attempts()

    assert attempts[-1]["status"] == 200
    assert bodies() == [("Hello?", "inbound")]


def run_jobs(runtime, contract, work):
    """Do the jobs of a contract, and those that follow from them."""
    outcomes = []
    while jobs := [job for job in runtime.publisher.jobs if isinstance(job, contract)]:
        for job in jobs:
            runtime.publisher.jobs.remove(job)
            outcome = work(runtime, job)
            runtime.publisher.jobs.extend(outcome.next_jobs)
            outcomes.append(outcome)
    return outcomes


def sweep_all(runtime):
    """Have every account asked what is new."""
    sweep(runtime, forced=True)


@pytest.fixture
def live(runtime, sandbox):
    """A runtime whose providers are the sandbox, and which they reach at a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings.model_validate(
        environment_of(runtime.settings)
        | {
            "PORT": str(port),
            "BB_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "META_APP_SECRET": SECRET,
            "META_VERIFY_TOKEN": "ours",
            "META_GRAPH_API_URL": f"{sandbox.url}/meta",
            "TELEGRAM_API_URL": f"{sandbox.url}/telegram",
            "TWILIO_API_URL": f"{sandbox.url}/twilio",
            "CHATWOOT_BASE_URL": f"{sandbox.url}/chatwoot",
            "BB_PRIVATE_DOWNLOADS": "true",
        }
    )
    return replace(runtime, settings=settings, adapters=Adapters(settings))


@pytest.fixture
def web(live):
    """Our web application, over real HTTP."""
    app = create_app(live)
    listen = partial(make_server, "127.0.0.1", live.settings.port, threaded=True)
    with running(app, lambda app, port: listen(app)) as url:
        yield url


@pytest.fixture
def join(sandbox, web, make, workspace):
    """Connects an account on both sides."""

    def join(way, *, poll_seconds=None, provider=None, channel=None, **settings):
        ours, usual_channel, credentials = OURS[way.product]
        config = make.config(
            workspace,
            provider=provider or ours,
            channel=channel or usual_channel,
            addresses=[],
            credentials=credentials | _basic(way),
            external_account_id=way.account,
            poll_seconds=poll_seconds,
        )
        by_account = way.product in ("telegram", "twilio", "chatwoot")
        path = f"/webhooks/{config.provider}" + (f"/{config.id}" if by_account else "")
        callback = f"{web}{path}"
        given = {"secret": SECRET, "callback": callback} | settings
        if way.product == "twilio":
            given["token"] = SECRET
        way.connect(sandbox, **given)
        return Joined(sandbox, way, config, callback)

    return join


def _basic(way):
    return {"account_sid": way.account} if way.product == "twilio" else {}


@pytest.fixture
def bodies(live):
    """What is stored of messages after all jobs are done."""

    def bodies():
        run_jobs(live, Materialize, materialize)
        return rows(live, "messages", "body, direction")

    return bodies
