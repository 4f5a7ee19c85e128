"""What can be queued: the payloads that operators and other servers know, field for field."""

import json
from uuid import UUID

import pytest
from pydantic import ValidationError

from app.errors import InvalidPayload
from app.jobs import queues
from app.jobs.contracts import (
    CONTRACTS,
    Classify,
    DeadLetterNotice,
    Draft,
    Embed,
    FetchMessages,
    ImportFetch,
    Job,
    Materialize,
    Outbound,
    Poll,
    Scheduled,
    StoreFiles,
    Subscribe,
    read_job,
)

WORKSPACE = "018f0000-0000-7000-8000-000000000001"
RUN = "018f0000-0000-7000-8000-000000000002"
CONFIG = "018f0000-0000-7000-8000-000000000003"
EVENT = "018f0000-0000-7000-8000-000000000004"
CONVERSATION = "018f0000-0000-7000-8000-000000000005"
MESSAGE = "018f0000-0000-7000-8000-000000000006"
OTHER = "018f0000-0000-7000-8000-000000000007"

#: One of each, with every field that the description of the pipeline names.
KNOWN = {
    ImportFetch: {
        "job_type": "IMPORT_FETCH",
        "workspace_id": WORKSPACE,
        "run_id": RUN,
        "config_id": CONFIG,
        "folder": "SENT",
        "pageToken": "p2",
        "cap": 2500,
        "fetched_so_far": 200,
        "pages": 2,
        "rate_limit_count": 1,
    },
    Poll: {"job_type": "POLL", "workspace_id": WORKSPACE, "config_id": CONFIG},
    FetchMessages: {
        "job_type": "FETCH_MESSAGES",
        "workspace_id": WORKSPACE,
        "config_id": CONFIG,
        "fetch_ids": [OTHER],
    },
    Subscribe: {
        "job_type": "SUBSCRIBE",
        "workspace_id": WORKSPACE,
        "config_id": CONFIG,
    },
    Materialize: {
        "job_type": "MATERIALIZE",
        "event_id": EVENT,
        "workspace_id": WORKSPACE,
        "run_id": RUN,
        "channel": "email",
        "config_id": CONFIG,
    },
    Classify: {
        "job_type": "CLASSIFY",
        "workspace_id": WORKSPACE,
        "run_id": RUN,
        "config_id": CONFIG,
        "channel": "whatsapp",
        "event_id": EVENT,
        "conversation_id": CONVERSATION,
        "target_message_id": MESSAGE,
    },
    Draft: {
        "job_type": "DRAFT",
        "workspace_id": WORKSPACE,
        "run_id": RUN,
        "conversation_id": CONVERSATION,
        "target_message_id": MESSAGE,
        "event_id": EVENT,
    },
    StoreFiles: {
        "job_type": "STORE_FILES",
        "workspace_id": WORKSPACE,
        "run_id": RUN,
        "message_ids": [MESSAGE, OTHER],
    },
    Outbound: {
        "job_type": "OUTBOUND",
        "workspace_id": WORKSPACE,
        "conversation_id": CONVERSATION,
        "outbound_id": OTHER,
    },
    Scheduled: {
        "job_type": "SCHEDULED",
        "workspace_id": WORKSPACE,
        "scheduled_id": OTHER,
    },
    Embed: {
        "job_type": "EMBED",
        "workspace_id": WORKSPACE,
        "chunk_ids": [OTHER],
    },
}

each_contract = pytest.mark.parametrize("contract", KNOWN, ids=lambda one: one.__name__)
each_event_contract = pytest.mark.parametrize(
    "contract", [Materialize, Classify, Draft], ids=lambda one: one.__name__
)


@each_contract
def test_a_known_payload_is_read_whole(contract):
    job = read_job(KNOWN[contract])

    assert type(job) is contract
    read = job.payload()
    assert {name: read[name] for name in KNOWN[contract]} == KNOWN[contract]
    assert read.keys() - KNOWN[contract].keys() <= {"event_ids"}


@each_contract
def test_a_job_survives_the_broker(contract):
    job = contract.read(KNOWN[contract])

    assert contract.read(json.loads(json.dumps(job.payload()))) == job


@pytest.mark.parametrize(
    ("contract", "queue"),
    [
        (ImportFetch, "bb_import_jobs"),
        (Materialize, "bb_ingest_jobs"),
        (Classify, "bb_classify_jobs"),
        (Draft, "bb_draft_jobs"),
        (StoreFiles, "bb_sync_jobs"),
        (Outbound, "bb_outbound_jobs"),
        (Scheduled, "bb_ops_jobs"),
        (Embed, "bb_knowledge_jobs"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_each_contract_has_the_queue_that_operators_know(contract, queue):
    assert contract.queue == queue
    assert queue in queues.ALL


def test_every_contract_is_known_by_its_type():
    assert {
        name: contract.model_fields["job_type"].default
        for name, contract in CONTRACTS.items()
    } == {name: name for name in CONTRACTS}
    assert set(CONTRACTS.values()) == set(KNOWN)


@each_contract
@pytest.mark.parametrize("absent", [None, "left out"], ids=["null", "left out"])
def test_a_run_is_optional_but_for_an_import(contract, absent):
    payload = {**KNOWN[contract], "run_id": None}
    if absent:
        del payload["run_id"]

    if contract is ImportFetch:
        with pytest.raises(InvalidPayload, match="run_id"):
            contract.read(payload)
    else:
        assert contract.read(payload).run_id is None


def test_a_draft_may_name_its_message_instead_of_an_event():
    job = Draft.read(KNOWN[Draft] | {"event_id": None})

    assert job.event_ids == ()
    assert job.target_message_id == UUID(MESSAGE)


@each_contract
def test_unknown_fields_are_ignored(contract):
    job = contract.read(KNOWN[contract] | {"traceparent": "00-abc", "priority": [1]})

    assert job == contract.read(KNOWN[contract])
    assert job.payload().keys().isdisjoint({"traceparent", "priority"})


@pytest.mark.parametrize(
    ("contract", "field", "value"),
    [
        (ImportFetch, "workspace_id", "x"),
        (ImportFetch, "run_id", 5),
        (ImportFetch, "config_id", None),
        (ImportFetch, "folder", "TRASH"),
        (ImportFetch, "pageToken", {"page": 2}),
        (ImportFetch, "cap", "many"),
        (ImportFetch, "fetched_so_far", None),
        (ImportFetch, "job_type", "DRAFT"),
        (Materialize, "workspace_id", None),
        (Materialize, "event_id", "x"),
        (Materialize, "event_ids", [EVENT, "x"]),
        (Materialize, "event_ids", "x"),
        (Materialize, "config_id", "x"),
        (Materialize, "job_type", "CLASSIFY"),
        (Classify, "conversation_id", "x"),
        (Classify, "target_message_id", [MESSAGE]),
        (Draft, "target_message_id", "x"),
        (Draft, "event_id", 1.5),
    ],
    ids=lambda one: getattr(one, "__name__", repr(one)),
)
def test_a_malformed_field_is_named(contract, field, value):
    with pytest.raises(InvalidPayload) as fault:
        contract.read(KNOWN[contract] | {field: value})

    assert str(fault.value).startswith(f"{contract.__name__} job unreadable: {field}")


@pytest.mark.parametrize(
    ("contract", "field"),
    [
        (ImportFetch, "workspace_id"),
        (ImportFetch, "run_id"),
        (ImportFetch, "config_id"),
        (ImportFetch, "folder"),
        (Materialize, "workspace_id"),
        (Materialize, "event_id"),
        (Classify, "workspace_id"),
        (Classify, "event_id"),
        (Draft, "workspace_id"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_a_missing_field_is_named(contract, field):
    payload = {name: value for name, value in KNOWN[contract].items() if name != field}

    with pytest.raises(InvalidPayload, match=field):
        contract.read(payload)


def test_a_draft_of_nothing_is_refused():
    with pytest.raises(InvalidPayload, match="target_message_id is needed"):
        Draft.read({"workspace_id": WORKSPACE, "conversation_id": CONVERSATION})


def test_every_fault_is_named_at_once():
    payload = KNOWN[ImportFetch] | {"workspace_id": "x", "folder": "y", "cap": "z"}

    with pytest.raises(InvalidPayload) as fault:
        ImportFetch.read(payload)

    for field in ("workspace_id", "folder", "cap"):
        assert f"{field}: " in str(fault.value)


@each_contract
@pytest.mark.parametrize(
    "payload", [None, "DRAFT", 7, [], [{"job_type": "DRAFT"}]], ids=repr
)
def test_what_is_no_object_is_refused(contract, payload):
    with pytest.raises(InvalidPayload):
        contract.read(payload)
    with pytest.raises(InvalidPayload, match="unknown job_type None; known: IMPORT"):
        read_job(payload)


def test_an_unknown_type_is_refused_with_those_there_are():
    with pytest.raises(InvalidPayload) as fault:
        read_job({"job_type": "EXPLODE", "workspace_id": WORKSPACE})

    assert str(fault.value) == (
        "unknown job_type 'EXPLODE'; known: IMPORT_FETCH, POLL, FETCH_MESSAGES, "
        "SUBSCRIBE, MATERIALIZE, CLASSIFY, DRAFT, STORE_FILES, "
        "OUTBOUND, SCHEDULED, EMBED"
    )


@each_event_contract
@pytest.mark.parametrize(
    ("named", "events"),
    [
        ({"event_id": EVENT}, (EVENT,)),
        ({"event_ids": [EVENT]}, (EVENT,)),
        ({"event_ids": [EVENT, OTHER]}, (EVENT, OTHER)),
        ({"event_id": EVENT, "event_ids": [EVENT, OTHER]}, (EVENT, OTHER)),
        ({"event_id": EVENT, "event_ids": [OTHER]}, (EVENT, OTHER)),
        ({"event_id": EVENT, "event_ids": []}, (EVENT,)),
        ({"event_id": None, "event_ids": [OTHER]}, (OTHER,)),
    ],
    ids=[
        "one",
        "a list of one",
        "many",
        "one beside a list that has it",
        "one beside a list that has it not",
        "one beside an empty list",
        "none beside a list",
    ],
)
def test_events_are_named_one_or_many(contract, named, events):
    job = contract.read({"workspace_id": WORKSPACE} | named)

    assert job.event_ids == tuple(UUID(one) for one in events)


@each_event_contract
def test_one_event_goes_out_under_the_name_that_others_read(contract):
    one = contract(workspace_id=UUID(WORKSPACE), event_ids=(UUID(EVENT),))
    two = contract(workspace_id=UUID(WORKSPACE), event_ids=(UUID(EVENT), UUID(OTHER)))

    assert one.payload()["event_id"] == EVENT
    assert one.payload()["event_ids"] == [EVENT]
    assert "event_id" not in two.payload()
    assert two.payload()["event_ids"] == [EVENT, OTHER]


@each_event_contract
def test_a_job_narrowed_to_one_event_names_that_one(contract):
    """A dead letter keeps the job for its own event only."""
    job = contract.read({"workspace_id": WORKSPACE, "event_ids": [EVENT, OTHER]})

    narrowed = job.model_copy(update={"event_ids": (UUID(OTHER),)})

    assert narrowed.payload()["event_id"] == OTHER
    assert contract.read(narrowed.payload()) == narrowed


def test_a_notice_of_dead_letters_names_them_and_nothing_else():
    notice = DeadLetterNotice(workspace_id=UUID(WORKSPACE), letter_ids=(UUID(EVENT),))
    of_nobody = DeadLetterNotice(letter_ids=(UUID(EVENT), UUID(OTHER)))

    assert notice.queue == "bb_deadletter_jobs"
    assert notice.payload() == {
        "job_type": "DEAD_LETTER",
        "workspace_id": WORKSPACE,
        "letter_ids": [EVENT],
    }
    assert of_nobody.payload() == {
        "job_type": "DEAD_LETTER",
        "letter_ids": [EVENT, OTHER],
    }


def test_a_job_cannot_be_changed():
    job = Draft.read(KNOWN[Draft])

    with pytest.raises(ValidationError, match="frozen"):
        job.run_id = None


def test_jobs_carry_ids_only():
    """Who looks into the broker reads no message, no name and no address."""
    for contract in KNOWN:
        fields = set(contract.model_fields) - set(Job.model_fields)
        assert fields.isdisjoint({"payload", "raw", "body", "sender", "messages"})
