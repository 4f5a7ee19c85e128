"""WhatsApp, Messenger and Instagram through the web application, as Meta calls it."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app import store
from app.channels.registry import Adapters
from app.config import Settings, environment_of
from app.domain.status import WatermarkResource
from app.errors import InvalidInput
from app.jobs.contracts import Materialize, Poll
from app.models import (
    Customer,
    CustomerIdentity,
    Message,
    MessageChange,
    WebhookReceipt,
)
from app.services.operations.sweep import sweep
from app.services.pipeline.materialize import materialize
from app.services.sync.poll import poll
from app.services.sync.start_import import start_import
from tests.channels.meta import SECRET, as_sent, payload, signature
from tests.channels.test_messenger import PAGE, listing, row, talk
from tests.fakes import ScriptedServer
from tests.http.client import client_of

NUMBER = "1060000000777"


@pytest.mark.shows("A1")
@pytest.mark.shows("A3")
def test_a_batch_is_kept_before_it_is_answered(call, number, events, jobs, receipts):
    answer = call("whatsapp", payload("whatsapp_batch"))

    assert (answer.status_code, answer.text) == (200, "EVENT_RECEIVED")
    assert answer.headers["X-Kept"] == "8"
    assert {event.config_id for event in events()} == {number.id}
    assert len(events()) == 8
    [receipt] = receipts(number)
    assert json.loads(receipt.body) == payload("whatsapp_batch")
    assert receipt.verdict == "signed"
    assert [job.config_id for job in jobs(Materialize)] == [number.id]


@pytest.mark.shows("A2")
def test_a_malformed_element_is_a_dead_letter_and_the_others_go_on(
    call, live, number, events
):
    batch = payload("whatsapp_batch")
    batch["entry"][0]["changes"][0]["value"]["messages"][0] = {"id": 7, "text": "ü\0"}
    del batch["entry"][0]["changes"][0]["value"]["messages"][1]["id"]

    answer = call("whatsapp", batch)

    assert (answer.status_code, len(events())) == (200, 7)
    with live.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
    assert letter.job_type == "INGEST"
    assert letter.payload["raw"]["messages"][0]["text"]["body"] == "Message 2"


@pytest.mark.shows("B1")
def test_a_batch_delivered_fifty_times_at_once_is_kept_once(live, number, events):
    body = as_sent(payload("whatsapp_batch"))
    client = client_of(live)

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: client.application.test_client().post(
                    "/webhooks/whatsapp", data=body, headers=signature(body)
                ),
                range(50),
            )
        )

    assert {answer.status_code for answer in answers} == {200}
    assert sum(int(answer.headers["X-Kept"]) for answer in answers) == 8
    assert len(events()) == 8


@pytest.mark.shows("A4")
@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Hub-Signature-256": "sha256=" + "0" * 64}],
    ids=["none", "wrong"],
)
def test_what_is_not_signed_leaves_nothing(
    client, number, events, receipts, open_incidents, headers
):
    body = as_sent(payload("whatsapp_batch"))

    answer = client.post("/webhooks/whatsapp", data=body, headers=headers)

    assert answer.status_code == 401
    assert (events(), receipts(number)) == ([], [])
    assert open_incidents() == ["webhook_refused"]


@pytest.mark.shows("A5")
def test_a_rewritten_body_is_not_the_signed_one(client, number, events):
    body = as_sent(payload("whatsapp_changes"))
    rewritten = json.dumps(json.loads(body), ensure_ascii=False).encode()

    refused = client.post("/webhooks/whatsapp", data=rewritten, headers=signature(body))
    taken = client.post("/webhooks/whatsapp", data=body, headers=signature(body))

    assert (refused.status_code, taken.status_code) == (401, 200)
    assert len(events()) == 7


@pytest.mark.parametrize("provider", ["whatsapp", "messenger", "instagram"])
def test_the_handshake_gives_back_the_challenge_to_whoever_has_the_token(
    client, provider
):
    query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="

    answer = client.get(f"/webhooks/{provider}?{query}common-token")
    refused = client.get(f"/webhooks/{provider}?{query}guessed")

    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.mimetype == "text/plain"
    assert refused.status_code == 403


@pytest.mark.shows("L1")
def test_an_account_with_its_own_application_is_called_at_its_own_address(
    client, make, number, events
):
    own = {"access_token": "t", "app_secret": "own-secret", "verify_token": "own-token"}
    config = connect(make, make.workspace(), "2", credentials=own)
    theirs, ours = payload("whatsapp_batch"), as_sent(numbered("2"))
    path = f"/webhooks/whatsapp/{config.id}"
    query = "hub.mode=subscribe&hub.challenge=1&hub.verify_token=own-token"

    taken = client.post(path, data=ours, headers=signature(ours, "own-secret"))
    common = client.post(path, data=ours, headers=signature(ours))
    body = as_sent(theirs)
    foreign = client.post(path, data=body, headers=signature(body, "own-secret"))

    assert client.get(f"{path}?{query}").text == "1"
    assert [one.status_code for one in (taken, common, foreign)] == [200, 401, 404]
    assert {event.config_id for event in events()} == {config.id}


@pytest.mark.shows("L1")
def test_two_tenants_in_one_request_get_their_own(call, make, number, events):
    other = connect(make, make.workspace(), "2")
    batch = payload("whatsapp_batch")
    batch["entry"][1] = numbered("2")["entry"][1]

    answer = call("whatsapp", batch)

    assert answer.headers["X-Kept"] == "8"
    kept = [(event.config_id, event.workspace_id) for event in events()]
    assert kept.count((number.id, number.workspace_id)) == 4
    assert kept.count((other.id, other.workspace_id)) == 4


def test_an_account_that_nobody_has_connected_is_not_found(
    call, number, events, open_incidents
):
    answer = call("whatsapp", numbered("3"))

    assert (answer.status_code, events()) == (404, [])
    assert open_incidents() == ["webhook_unknown_account"]


@pytest.mark.shows("A10")
def test_what_names_no_account_is_kept_whole(call, live, number, events):
    change = {"field": "account_update", "value": {"event": "VERIFIED_ACCOUNT"}}
    batch = payload("whatsapp_batch")
    batch["entry"].append({"id": "2090000000001", "changes": [change]})

    answers = [call("whatsapp", batch), call("whatsapp", batch)]

    assert {answer.status_code for answer in answers} == {200}
    assert len(events()) == 8
    with live.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
    assert letter.job_type == "WEBHOOK"


@pytest.mark.shows("A2")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"object": "page", "entry": 7}',
        b"[" * 100_000,
        b"\xff{}",
        b'{"object": "whatsapp_business_account", "entry": [7, null, {}, {"id": 1}]}',
        b'{"object": "whatsapp_business_account", "entry": []}',
    ],
    ids=range(8),
)
def test_no_signed_body_is_an_error_of_ours(client, number, body):
    answer = client.post("/webhooks/whatsapp", data=body, headers=signature(body))

    assert answer.status_code == 200


@pytest.mark.shows("A10")
@pytest.mark.parametrize(
    "name", ["types", "changes", "statuses", "echo", "batch"], ids=str
)
def test_everything_that_whatsapp_brings_finds_its_place(
    call, live, number, jobs, events, name
):
    call("whatsapp", payload(f"whatsapp_{name}"))

    for job in jobs(Materialize):
        materialize(live, job)

    assert {event.last_error for event in events()} == {None}
    with live.transaction(number.workspace_id) as tx:
        stored = tx.session.scalars(select(Message)).all()
        changes = tx.session.scalars(select(MessageChange)).all()
    assert len(stored) + len(changes) == len(events())


@pytest.mark.shows("E1")
@pytest.mark.parametrize(
    "order",
    ["phone both user", "user both phone", "both user phone", "user phone both"],
)
def test_who_takes_a_username_stays_in_the_conversation(
    call, live, number, jobs, order
):
    batch = payload("whatsapp_types")
    value = batch["entry"][0]["changes"][0]["value"]
    both = value["messages"][0]
    shown = {"phone": ["from_user_id"], "user": ["from"], "both": []}
    for who in order.split():
        said = {name: one for name, one in both.items() if name not in shown[who]}
        value["contacts"], value["messages"] = [], [said | {"id": f"wamid.{who}"}]
        call("whatsapp", batch)
        for job in jobs(Materialize):
            materialize(live, job)

    with live.transaction(number.workspace_id) as tx:
        stored = tx.session.scalars(select(Message)).all()
    assert len(stored) == 3
    assert len({one.conversation_id for one in stored}) == 1
    assert len({one.customer_id for one in stored}) == 1


@pytest.mark.shows("E3")
@pytest.mark.parametrize(
    "order", ["old new change", "old change new", "change old new"]
)
def test_who_changes_their_number_stays_the_same_customer(
    call, live, number, jobs, order
):
    batch = payload("whatsapp_types")
    value = batch["entry"][0]["changes"][0]["value"]
    told = {
        "old": {"from": "46700000008"},
        "new": {"from": "46700000009"},
        "change": {
            "from": "46700000008",
            "type": "system",
            "system": {
                "type": "user_changed_number",
                "body": "Anna changed from 46700000008 to 46700000009",
                "wa_id": "46700000009",
            },
        },
    }
    for what in order.split():
        said = {"timestamp": "1788423330", "type": "text", "text": {"body": "Hello"}}
        said |= told[what] | {"id": f"wamid.{what}"}
        value["contacts"], value["messages"] = [], [said]
        call("whatsapp", batch)
        for job in jobs(Materialize):
            materialize(live, job)

    with live.transaction(number.workspace_id) as tx:
        owners = set(tx.session.scalars(select(Message.customer_id)))
        known = tx.session.execute(
            select(CustomerIdentity.value, CustomerIdentity.customer_id)
        ).all()
    assert len(owners) == 1
    assert dict(known) == dict.fromkeys(["+46700000008", "+46700000009"], *owners)


@pytest.mark.shows("B9")
def test_a_message_that_comes_under_two_names_of_its_sender_is_one(
    call, live, number, jobs
):
    batch = payload("whatsapp_types")
    value = batch["entry"][0]["changes"][0]["value"]
    both = value["messages"][0]
    value["contacts"] = []
    for missing in ("nothing", "from", "from_user_id"):
        value["messages"] = [{name: both[name] for name in both if name != missing}]
        call("whatsapp", batch)
        for job in jobs(Materialize):
            materialize(live, job)

    with live.transaction(number.workspace_id) as tx:
        assert len(tx.session.scalars(select(Message)).all()) == 1
        assert len(tx.session.scalars(select(Customer)).all()) == 1


@pytest.mark.shows("E2")
def test_two_pages_have_different_people_under_the_same_id(
    call, live, make, jobs, workspace
):
    for page_id in ("1", "2"):
        connect(make, workspace, page_id, provider="messenger", channel="facebook")
        batch = payload("messenger_events")
        batch["entry"] = [batch["entry"][0] | {"id": page_id}]
        call("messenger", batch)
    for job in jobs(Materialize):
        materialize(live, job)

    with live.transaction(workspace.id) as tx:
        stored = tx.session.scalars(select(Message)).all()
    assert len({one.customer_id for one in stored}) == 2


@pytest.mark.shows("B2")
def test_called_and_asked_for_a_message_is_one_event(
    call, asking, make, workspace, events, graph, jobs
):
    config = connect(
        make,
        workspace,
        PAGE,
        provider="messenger",
        channel="facebook",
        poll_seconds=10,
    )
    call("messenger", payload("messenger_events"))
    before = len(events())
    now = datetime.now(UTC).replace(microsecond=0)
    graph.answer(listing(("t_1", now)))
    graph.answer(talk(row("m_AbC123", now), row("m_new", now)))
    sweep(asking, forced=True)
    outcome = poll(asking, *jobs(Poll))

    assert outcome.counts == {"created": 1}
    assert len(events()) == before + 1
    with asking.transaction(workspace.id) as tx:
        kept = store.watermarks.of_config(tx, config.id)
    assert kept[WatermarkResource.MESSAGES].cursor["until"] == now.isoformat()


@pytest.mark.shows("A20")
@pytest.mark.shows("A21")
def test_an_expired_token_disconnects_the_account(
    call, asking, make, workspace, graph, jobs, open_incidents
):
    connect(
        make,
        workspace,
        PAGE,
        provider="messenger",
        channel="facebook",
        poll_seconds=10,
    )
    graph.answer({"error": {"code": 190, "error_subcode": 463}}, status=400)
    sweep(asking, forced=True)
    poll(asking, *jobs(Poll))

    assert open_incidents() == ["account_disconnected"]
    assert call("messenger", payload("messenger_events")).headers["X-Kept"] == "14"


@pytest.mark.shows("A13")
def test_a_walk_whose_cursor_has_expired_begins_again_and_says_so(
    asking, make, workspace, events, graph, jobs, open_incidents
):
    connect(
        make,
        workspace,
        PAGE,
        provider="messenger",
        channel="facebook",
        poll_seconds=10,
    )
    now = datetime.now(UTC).replace(microsecond=0)
    first, second = listing(("t_1", now), after="A"), listing(("t_1", now))
    for answer in (first, talk(row("m_1", now))):
        graph.answer(answer)
    graph.answer({"error": {"code": 100}}, status=400)
    for answer in (second, talk(row("m_1", now))):
        graph.answer(answer)

    for _ in range(3):
        sweep(asking, forced=True)
        hurry(asking, workspace)
        poll(asking, *jobs(Poll)[:1])

    assert [event.external_id for event in events()] == ["m_1"]
    assert open_incidents() == ["cursor_reset"]


def test_whatsapp_has_no_history_to_import(live, number):
    with pytest.raises(InvalidInput, match="whatsapp has no history to import"):
        start_import(live, number.workspace_id, number.id)


def numbered(phone_number_id):
    """The batch, to another number of ours."""
    batch = payload("whatsapp_batch")
    for entry in batch["entry"]:
        for change in entry["changes"]:
            change["value"]["metadata"]["phone_number_id"] = phone_number_id
    return batch


def connect(make, workspace, account_id, **fields):
    values = {"provider": "whatsapp", "channel": "whatsapp", "addresses": []}
    return make.config(workspace, external_account_id=account_id, **(values | fields))


def hurry(runtime, workspace):
    """Make every account due."""
    with runtime.transaction(workspace.id) as tx:
        for config in store.tenants.configs(tx):
            store.watermarks.hurry(tx, config.id, WatermarkResource.MESSAGES)
            tx.publish_after_commit(
                Poll(workspace_id=workspace.id, config_id=config.id)
            )


@pytest.fixture
def live(runtime):
    """A runtime that knows the secrets of the application."""
    return _with(runtime, META_APP_SECRET=SECRET, META_VERIFY_TOKEN="common-token")


@pytest.fixture
def graph():
    """The Graph API, which answers as told."""
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def asking(live, graph):
    """The same runtime, before that API."""
    return _with(live, META_GRAPH_API_URL=graph.url)


def _with(runtime, **variables):
    settings = Settings.model_validate(environment_of(runtime.settings) | variables)
    return replace(runtime, settings=settings, adapters=Adapters(settings))


@pytest.fixture
def number(make, workspace):
    """A connected phone number."""
    return connect(make, workspace, NUMBER)


@pytest.fixture
def client(live):
    return client_of(live)


@pytest.fixture
def call(client):
    """Posts a signed request."""

    def call(provider, content):
        body = as_sent(content)
        return client.post(f"/webhooks/{provider}", data=body, headers=signature(body))

    return call


@pytest.fixture
def receipts(live):
    def receipts(config):
        with live.transaction(config.workspace_id) as tx:
            return tx.session.scalars(select(WebhookReceipt)).all()

    return receipts
