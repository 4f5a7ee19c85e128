"""All that proves to be one person's belongs to one customer, in any order of arrival."""

from dataclasses import replace
from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy import select, update

from app import store
from app.domain.ids import new_id
from app.domain.status import DraftStatus, EventStatus
from app.jobs.contracts import Classify
from app.models import (
    Conversation,
    Customer,
    CustomerIdentity,
    CustomerMerge,
    Draft,
    Message,
)
from app.services.customers import get_customer, merge_customers, undo_merge
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from tests.factories import message
from tests.fakes import ScriptedClassifier, ScriptedDrafter

PHONE = {"kind": "phone", "value": "+46700000001"}
NEW_PHONE = {"kind": "phone", "value": "+46700000002"}
USER = {"kind": "whatsapp_user", "value": "SE.1349"}


@pytest.mark.shows("E1")
@pytest.mark.parametrize("at_once", [True, False], ids=["in a batch", "one by one"])
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_an_id_and_a_phone_are_one_person_in_any_order(place, state, order, at_once):
    said = [written(USER), written(PHONE), written(PHONE, USER)]

    place(*(said[number] for number in order), at_once=at_once)

    [customer] = state.standing()
    assert state.known_by(customer) == {
        ("phone", "+46700000001"),
        ("whatsapp_user", "SE.1349"),
    }
    assert state.owners(Message) == [customer] * 3
    assert set(state.owners(Conversation)) == {customer}


@pytest.mark.shows("E1")
def test_what_is_new_of_somebody_known_is_theirs_and_says_why(place, state):
    place(written(USER))
    [event_id] = place(written(PHONE, USER))

    phone = state.identity("+46700000001")
    assert state.rows(CustomerMerge) == []
    assert phone.evidence == {
        "rule": "same_message",
        "event_id": str(event_id),
        "by": {"kind": "whatsapp_user", "value": "SE.1349"},
    }
    assert state.identity("SE.1349").evidence is None


@pytest.mark.shows("E6")
def test_a_merge_says_what_proved_it_and_what_went_over(place, state):
    place(written(PHONE))
    place(written(USER), written(USER))
    first, second = state.standing()

    [event_id] = place(written(PHONE, USER))

    [merge] = state.rows(CustomerMerge)
    assert (merge.survivor_id, merge.loser_id) == (first, second)
    assert (merge.rule, merge.actor) == ("same_message", "pipeline")
    assert merge.details == {
        "event_id": str(event_id),
        "identifiers": [
            {"kind": "phone", "value": "+46700000001"},
            {"kind": "whatsapp_user", "value": "SE.1349"},
        ],
    }
    assert merge.moved == {
        "customer_identities": 1,
        "conversations": 1,
        "messages": 2,
        "orders": 0,
    }
    assert merge.undone_at is None


@pytest.mark.shows("E3")
@pytest.mark.parametrize("known", [[PHONE], [NEW_PHONE], [PHONE, NEW_PHONE], []])
def test_a_changed_number_is_the_same_customer(place, state, known):
    place(*map(written, known))

    place(written(PHONE, NEW_PHONE, event="user_changed_number"))

    [customer] = state.standing()
    assert len(state.known_by(customer)) == 2
    rules = [merge.rule for merge in state.rows(CustomerMerge)]
    assert rules == ["changed_number"] * (len(known) == 2)


@pytest.mark.shows("E1")
@pytest.mark.parametrize("known", [[PHONE], [PHONE, USER]], ids=["one", "both"])
def test_what_a_status_proves_of_somebody_known_is_learnt(place, state, known):
    place(*map(written, known))

    place(read_by(PHONE, USER))

    [customer] = state.standing()
    assert len(state.known_by(customer)) == 2
    assert state.owners(Message) == [customer] * len(known)


def test_a_status_makes_nobody_a_customer(place, state):
    place(read_by(PHONE, USER))

    assert state.rows(Customer) == state.rows(CustomerIdentity) == []


@pytest.mark.shows("B9")
def test_a_message_under_two_names_of_its_sender_is_one(place, state):
    one, other = written(PHONE, USER), written(USER, PHONE)
    other = other.model_copy(update={"external_id": one.external_id})

    place(one)
    place(other)
    place(written(USER), written(PHONE))

    assert len(state.owners(Message)) == 3
    assert len(state.standing()) == 1


@pytest.mark.shows("E2")
def test_an_id_of_one_account_ties_nobody_of_another(place, state, make, workspace):
    other = make.config(workspace, channel="whatsapp", provider="whatsapp")

    place(written(PHONE, USER))
    place(written(USER), config=other)

    assert len(state.standing()) == 2


@pytest.mark.shows("E5")
@pytest.mark.parametrize(
    "told",
    [
        PHONE | {"claimed": True},
        {"kind": "email", "value": "info@shop.example"},
        {"kind": "email", "value": "no-reply@market.example"},
        {"kind": "phone", "value": "0700000001"},
        {"kind": "phone", "value": "72345"},
        {"kind": "phone", "value": "+46850000001"},
        {"kind": "phone"},
        "+46700000001",
        None,
    ],
    ids=[
        "merely said",
        "an office",
        "a program",
        "a number of any country",
        "a short code",
        "our own number",
        "nothing",
        "no object",
        "null",
    ],
)
def test_what_proves_nothing_ties_nobody(place, state, told):
    place(written(USER))
    said = written(USER)
    said.metadata["identities"] = [told]

    place(said)

    [customer] = state.standing()
    assert state.known_by(customer) == {("whatsapp_user", "SE.1349")}


@pytest.mark.shows("E5")
def test_a_shared_address_is_tied_to_nobody_who_writes_from_it(place, state):
    office = {"kind": "email", "value": "info@firm.example"}

    place(written(office, PHONE))
    place(written(office, NEW_PHONE))

    [customer] = state.standing()
    assert state.known_by(customer) == {("email", "info@firm.example")}


@pytest.mark.shows("E4")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+5511992345678", "+551192345678"),
        ("+5491112345678", "+541112345678"),
        ("+5215512345678", "+525512345678"),
    ],
    ids=["Brazil", "Argentina", "Mexico"],
)
def test_either_form_of_a_phone_leads_to_its_owner(place, state, one, other):
    place(written({"kind": "phone", "value": one}))
    place(written({"kind": "phone", "value": other}))

    [customer] = state.standing()
    assert state.known_by(customer) == {("phone", one), ("phone", other)}
    assert state.identity(one).original == one
    assert state.identity(other).original == other
    assert state.identity(other).evidence["rule"] == "phone_alias"


@pytest.mark.shows("E4")
def test_two_forms_that_were_two_customers_are_merged(place, state, runtime, config):
    one, other = "+5491112345678", "+541112345678"
    owner = {"workspace_id": config.workspace_id}
    with runtime.transaction(config.workspace_id) as tx:
        for form in (one, other):
            customer_id = new_id()
            store.customers.add(
                tx,
                [owner | {"id": customer_id, "name": form, "first_seen_at": tx.now}],
                [
                    owner
                    | {"id": new_id(), "customer_id": customer_id, "config_id": None}
                    | {"kind": "phone", "value": form, "original": form}
                ],
            )

    place(written({"kind": "phone", "value": other}))

    [customer] = state.standing()
    assert state.known_by(customer) == {("phone", one), ("phone", other)}
    [merge] = state.rows(CustomerMerge)
    assert merge.rule == "phone_alias"
    assert state.owners(Message) == [customer]


@pytest.mark.shows("E4")
def test_who_said_stop_in_one_form_is_not_written_to_in_the_other(place, state):
    one, other = "+5491112345678", "+541112345678"

    place(written({"kind": "phone", "value": one}, consent="stop"))
    place(written({"kind": "phone", "value": other}))
    opted_out = [state.identity(form).opted_out_at for form in (one, other)]
    place(written({"kind": "phone", "value": other}, consent="start"))

    assert None not in opted_out
    assert [state.identity(form).opted_out_at for form in (one, other)] == [None, None]


@pytest.mark.shows("E6")
def test_what_came_after_a_merge_goes_with_its_identifier(place, state, runtime):
    place(written(PHONE, name="Anna"), written(USER))
    first, second = state.standing()
    place(written(PHONE, USER))
    place(written(USER, name="Berta"), written(PHONE))
    [merge] = state.rows(CustomerMerge)
    assert state.owners(Message) == [first] * 5

    undo_merge(runtime, merge.workspace_id, merge.id, actor="a person")

    assert state.standing() == [first, second]
    assert state.owners(Message) == [first, second, first, second, first]
    assert state.owners(Conversation) == [first, second]
    assert state.names() == {first: "Anna", second: "Berta"}
    [undone] = state.rows(CustomerMerge)
    assert undone.undone_by == "a person"
    assert undone.undone_at is not None


@pytest.mark.shows("E6")
def test_whom_a_person_has_parted_no_proof_merges_again(place, state, runtime):
    place(written(PHONE), written(USER))
    place(written(PHONE, USER))
    [merge] = state.rows(CustomerMerge)
    undo_merge(runtime, merge.workspace_id, merge.id, actor="a person")

    place(written(PHONE, USER), written(USER, PHONE))

    first, second = state.standing()
    assert len(state.rows(CustomerMerge)) == 1
    assert state.owners(Message)[-2:] == [first, second]

    merge_customers(runtime, merge.workspace_id, second, first, actor="a person")

    assert state.standing() == [second]
    assert set(state.owners(Message)) == {second}


@pytest.mark.shows("E6")
@pytest.mark.parametrize("first_undone", [0, 1])
def test_chained_merges_are_undone_in_any_order(place, state, runtime, first_undone):
    people = [f"+4670000000{number}" for number in range(3)]
    place(*(written({"kind": "phone", "value": one}, name=one) for one in people))
    a, b, c = before = state.standing()
    owners = state.owners(Message)
    workspace_id = state.rows(Customer)[0].workspace_id
    merges = [
        merge_customers(runtime, workspace_id, kept, lost, actor="a person").merge
        for kept, lost in ((a, b), (c, a))
    ]
    assert state.standing() == [c]
    assert state.owners(Message) == [c, c, c]

    undo_merge(runtime, workspace_id, merges[first_undone].id, actor="a person")
    between = state.owners(Message)
    undo_merge(runtime, workspace_id, merges[1 - first_undone].id, actor="a person")

    assert between == ([c, b, c] if first_undone == 0 else [a, a, c])
    assert state.standing() == before
    assert state.owners(Message) == owners
    assert list(state.names().values()) == people


@pytest.mark.shows("E6")
def test_a_conversation_of_both_is_parted_with_them(place, state, runtime, make):
    placed = place(written(USER, subject="late?"), written(PHONE), at_once=False)
    theirs, ours = (make.event(one).conversation_id for one in placed)
    placed += place(written(PHONE, USER), written(USER), written(PHONE), at_once=False)
    assert {make.event(one).conversation_id for one in placed} == {theirs}
    [merge] = state.rows(CustomerMerge)
    runtime.publisher.jobs.clear()

    undo_merge(runtime, merge.workspace_id, merge.id, actor="a person")

    events = [make.event(one) for one in placed]
    places = [theirs, ours, ours, theirs, ours]
    assert [event.conversation_id for event in events] == places
    assert [one.conversation_id for one in state.rows(Message)] == places
    messages = state.rows(Message)
    for conversation, number in ((theirs, 3), (ours, 4)):
        [row] = [one for one in state.rows(Conversation) if one.id == conversation]
        assert row.merged_into is None
        assert row.last_inbound_message_id == messages[number].id
        assert row.last_message_at == messages[number].occurred_at
        assert events[number].status is EventStatus.MATERIALIZED
    assert runtime.publisher.jobs == [
        Classify(workspace_id=merge.workspace_id, event_ids=(placed[3],))
    ]

    placed += place(written(USER, PHONE), written(PHONE, USER), written(PHONE))

    found = [make.event(one).conversation_id for one in placed[5:]]
    assert found == [theirs, ours, ours]


@pytest.mark.shows("E6")
def test_a_judgement_and_its_draft_come_back_with_their_question(
    place, state, runtime, make, config
):
    [asked] = place(written(PHONE))
    live = replace(runtime, classifier=ScriptedClassifier(), drafter=ScriptedDrafter())
    classify(live, make.classify_job(config, [asked]))
    draft(live, make.draft_job(config, [asked]))
    [before] = state.rows(Conversation)
    assert before.ai_draft_response is not None
    place(written(USER), written(PHONE, USER), written(USER), at_once=False)
    [merge] = state.rows(CustomerMerge)
    other = next(one for one in state.rows(Conversation) if one.id != before.id)
    # The proof came by the phone; without it the question is the newest one again.
    with runtime.transaction(merge.workspace_id) as tx:
        tx.session.execute(
            update(Message)
            .where(Message.external_id == state.rows(Message)[2].external_id)
            .values(deleted_at=tx.now)
        )

    undo_merge(runtime, merge.workspace_id, merge.id, actor="a person")

    after = {one.id: one for one in state.rows(Conversation)}
    for column in (
        *("decision", "category", "confidence", "decision_reason"),
        *("last_inbound_message_id", "last_classified_message_id"),
        *("last_draft_message_id", "ai_draft_response", "subject"),
    ):
        assert getattr(after[before.id], column) == getattr(before, column), column
    assert after[other.id].decision is None
    assert [one.status for one in state.rows(Draft)] == [DraftStatus.LIVE]


@pytest.mark.shows("E5")
def test_a_chat_is_not_named_by_what_somebody_merely_says(place, make):
    claimed = written(USER, PHONE)
    claimed.metadata["identities"][1] = PHONE | {"claimed": True}

    placed = place(written(PHONE), claimed, at_once=False)

    first, second = (make.event(one).conversation_id for one in placed)
    assert first != second


def test_the_nameless_take_a_name_and_give_it_back(place, state, runtime):
    place(written(PHONE), written(USER, name="Berta"))
    place(written(PHONE, USER, name=None))
    first, second = state.rows(Customer)
    assert (first.name, second.name) == ("Berta", "Berta")
    place(written(PHONE, name="Mallory"))
    assert state.rows(Customer)[0].name == "Berta"

    [merge] = state.rows(CustomerMerge)
    undo_merge(runtime, merge.workspace_id, merge.id, actor="a person")

    assert state.names() == {first.id: None, second.id: "Berta"}


def test_a_merged_customer_answers_as_who_stands_for_them(place, state, runtime):
    place(written(USER), written(PHONE))
    first, second = state.rows(Customer)
    place(written(PHONE, USER))

    found = get_customer(runtime, first.workspace_id, second.id)

    assert found.customer.id == first.id
    assert found.merged == [second.id]
    assert [one.kind for one in found.identities] == ["whatsapp_user", "phone"]
    assert len(found.merges) == 1


def written(*identities, event=None, consent=None, subject=None, **who):
    """A chat message of somebody known by all of these, the first one in front."""
    first, *_ = identities
    metadata = {"identities": list(identities)} if len(identities) > 1 else {}
    return message(
        sender=first | who,
        recipients=[{"kind": "phone", "value": "+46850000001"}],
        subject=subject,
        external_thread_id=first["value"],
        kind="event" if event else "text",
        metadata=metadata
        | ({"event": event} if event else {})
        | ({"consent": consent} if consent else {}),
    )


def read_by(*identities):
    """What becomes of a message of ours to somebody known by all of these."""
    first, *_ = identities
    return message(
        direction="outbound",
        sender={"kind": "phone", "value": "+46850000001"},
        recipients=[first],
        subject=None,
        body_text=None,
        kind="status",
        target_id="wamid.OURS",
        metadata={"identities": list(identities), "status": {"status": "read"}},
    )


class State:
    """What stands in the database."""

    def __init__(self, runtime):
        self._runtime = runtime

    def rows(self, model):
        order = getattr(model, "occurred_at", model.id)
        with self._runtime.system_transaction() as tx:
            return list(tx.session.scalars(select(model).order_by(order)))

    def standing(self) -> list[UUID]:
        """Who is merged into nobody."""
        return [one.id for one in self.rows(Customer) if one.merged_into is None]

    def owners(self, model) -> list[UUID]:
        return [one.customer_id for one in self.rows(model)]

    def names(self):
        return {one.id: one.name for one in self.rows(Customer)}

    def identity(self, value) -> CustomerIdentity:
        [found] = [one for one in self.rows(CustomerIdentity) if one.value == value]
        return found

    def known_by(self, customer_id):
        return {
            (one.kind, one.value)
            for one in self.rows(CustomerIdentity)
            if one.customer_id == customer_id
        }


@pytest.fixture
def state(runtime):
    return State(runtime)


@pytest.fixture
def config(make, workspace):
    return make.config(workspace, channel="whatsapp", provider="whatsapp")


@pytest.fixture
def place(runtime, make, config):
    mine = config

    def place(*messages, at_once=True, config=None):
        account = config or mine
        batches = [messages] if at_once else [[one] for one in messages]
        placed = []
        for batch in batches:
            if event_ids := make.events(account, *batch):
                materialize(runtime, make.materialize_job(account, event_ids))
            placed += event_ids
        return placed

    return place
