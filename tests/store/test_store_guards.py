"""Writes that repeat their guard: what was true before a slow call may not be true after it."""

from datetime import timedelta
from uuid import uuid4

import pytest

from app import store
from app.domain.decision import Category, Decision
from app.domain.ids import new_id
from app.domain.status import DraftStatus, RuleField
from app.services.pipeline.materialize import materialize
from app.store.customers import IdentityKey, Owner
from tests.factories import message


@pytest.mark.shows("B1", "B3")
def test_an_event_is_stored_once_per_account(runtime, make, workspace, config):
    other = make.config(workspace)

    def add(account, *external_ids):
        with runtime.transaction(workspace.id) as tx:
            rows = [an_event(account, one) for one in external_ids]
            return sorted(store.events.add_new(tx, rows))

    assert add(config, "a", "b") == ["a", "b"]
    assert add(config, "b", "c") == ["c"]
    assert add(other, "a", "b") == ["a", "b"]
    assert add(config) == []


def test_known_events_are_found_for_their_account_only(
    runtime, make, workspace, config
):
    (event_id,) = make.events(config, message(external_id="a@x"))
    other = make.config(workspace)

    def known(account):
        with runtime.transaction(workspace.id) as tx:
            return store.events.known(
                tx, channel="email", config_id=account.id, external_ids=["a@x", "b@x"]
            )

    assert {name: row.id for name, row in known(config).items()} == {"a@x": event_id}
    assert known(other) == {}


@pytest.mark.shows("G2")
def test_a_decision_is_stored_for_the_newest_message_and_once(runtime, asked):
    conversation, newest = asked

    assert decide(runtime, conversation, uuid4()) == {}
    assert now_of(runtime, conversation).decision is None

    assert decide(runtime, conversation, newest) == {newest: True}
    after = now_of(runtime, conversation)
    assert (after.decision, after.category) == (Decision.QUICK_WIN, Category.ORDER)
    assert (after.confidence, after.decision_reason) == (0.9, "asks for an order")
    assert (after.last_classified_message_id, after.status) == (newest, "open")

    assert decide(runtime, conversation, newest, decision="act_now") == {}
    assert now_of(runtime, conversation).decision is Decision.QUICK_WIN


def test_a_decision_says_whether_the_conversation_still_waits(runtime, asked, set_row):
    conversation, newest = asked
    answer(set_row, conversation, after=True)

    assert decide(runtime, conversation, newest) == {newest: False}


@pytest.mark.shows("G3")
def test_a_draft_is_shown_for_the_newest_message_and_once(runtime, asked):
    conversation, newest = asked

    assert not draft(runtime, conversation, uuid4(), "For another message.")
    assert draft(runtime, conversation, newest, "It left today.")
    assert not draft(runtime, conversation, newest, "It left yesterday.")

    after = now_of(runtime, conversation)
    assert after.ai_draft_response == "It left today."
    assert after.last_draft_message_id == newest


@pytest.mark.shows("G3", "H4")
@pytest.mark.parametrize(
    ("after", "is_shown"), [(True, False), (False, True)], ids=["since", "before"]
)
def test_a_draft_is_not_shown_where_somebody_answered(
    runtime, asked, set_row, after, is_shown
):
    conversation, newest = asked
    answer(set_row, conversation, after=after)

    assert draft(runtime, conversation, newest, "It left today.") is is_shown

    shown = now_of(runtime, conversation).ai_draft_response
    assert shown == ("It left today." if is_shown else None)


@pytest.mark.shows("F15")
def test_a_draft_is_not_shown_where_somebody_else_has_the_conversation(
    runtime, asked, set_row
):
    conversation, newest = asked
    set_row("conversations", conversation.id, handed_over_to="app 78")

    assert not draft(runtime, conversation, newest, "It left today.")
    assert now_of(runtime, conversation).ai_draft_response is None


@pytest.mark.shows("G4")
def test_a_message_has_one_draft_row(runtime, asked):
    conversation, newest = asked
    row = {
        "workspace_id": conversation.workspace_id,
        "conversation_id": conversation.id,
        "target_message_id": newest,
        "model": "test",
        "prompt_version": "draft/1",
    }

    with runtime.transaction(conversation.workspace_id) as tx:
        added = [
            store.messages.add_draft(tx, row | {"id": new_id(), "body": body})
            for body in ("first", "second")
        ]
        kept = store.messages.draft_of(tx, newest)

    assert added == [True, False]
    assert (kept.body, kept.status) == ("first", DraftStatus.LIVE)


@pytest.mark.shows("E2")
def test_an_identity_of_an_account_is_not_known_on_another(
    runtime, make, workspace, config
):
    other = make.config(workspace)
    customer = new_id()
    scoped = IdentityKey("psid", "123", config.id)
    global_key = IdentityKey("email", "anna@example.com", None)
    with runtime.transaction(workspace.id) as tx:
        owner = {"workspace_id": workspace.id}
        store.customers.add(
            tx,
            [owner | {"id": customer, "name": "Anna", "first_seen_at": tx.now}],
            [
                owner
                | {
                    "id": new_id(),
                    "customer_id": customer,
                    "config_id": key.config_id,
                    "kind": key.kind,
                    "value": key.value,
                    "original": key.value,
                }
                for key in (scoped, global_key)
            ],
        )

    elsewhere = IdentityKey("psid", "123", other.id)
    with runtime.transaction(workspace.id) as tx:
        known = store.customers.by_identity(tx, {scoped, global_key, elsewhere})
        nobody = store.customers.by_identity(tx, set())

    anna = Owner(customer, home_id=customer)
    assert known == {scoped: anna, global_key: anna}
    assert nobody == {}


@pytest.mark.shows("G7")
def test_a_rule_that_changes_is_the_next_version_of_itself(runtime, workspace):
    def put(category):
        with runtime.transaction(workspace.id) as tx:
            rule = store.rules.put(
                tx,
                {
                    "workspace_id": workspace.id,
                    "field": RuleField.ADDRESS,
                    "pattern": "a@example.com",
                    "category": category,
                },
            )
            return rule.id, rule.version, rule.category

    first, second = put(Category.SPAM), put(Category.ORDER)

    assert first[1:] == (1, Category.SPAM)
    assert second == (first[0], 2, Category.ORDER)


def test_no_rows_change_nothing(runtime, workspace):
    """Given an empty list, SQLAlchemy would insert one default row."""
    with runtime.transaction(workspace.id) as tx:
        store.conversations.add(tx, [])
        nowhere = {"channel": "email", "config_id": new_id()}
        store.conversations.add_refs(tx, [], **nowhere)
        store.conversations.move_refs(tx, [], **nowhere)
        store.threads.join(tx, [])
        assert store.conversations.lock_current(tx, []) == {}
        store.customers.add(tx, [], [])
        store.audit.record(tx, None, [], started_at=tx.now)

        assert store.messages.add_new(tx, []) == set()
        assert store.conversations.save_decisions(tx, []) == {}
        assert store.conversations.newest_first(tx, limit=10) == []


def an_event(config, external_id):
    return {
        "id": new_id(),
        "workspace_id": config.workspace_id,
        "channel": config.channel,
        "config_id": config.id,
        "external_id": external_id,
        "direction": "inbound",
        "payload": {},
    }


def decide(runtime, conversation, message_id, decision="quick_win"):
    row = {
        "id": conversation.id,
        "message_id": message_id,
        "decision": decision,
        "category": "order",
        "confidence": 0.9,
        "reason": "asks for an order",
    }
    with runtime.transaction(conversation.workspace_id) as tx:
        saved = store.conversations.save_decisions(tx, [row])
    return {message_id: row.waits for message_id, row in saved.items()}


def draft(runtime, conversation, message_id, text):
    with runtime.transaction(conversation.workspace_id) as tx:
        return store.conversations.save_draft(tx, conversation.id, message_id, text)


def now_of(runtime, conversation):
    with runtime.transaction(conversation.workspace_id) as tx:
        return store.conversations.get(tx, conversation.id)


def answer(set_row, conversation, *, after):
    offset = timedelta(seconds=1 if after else -1)
    set_row(
        "conversations",
        conversation.id,
        last_outbound_message_at=conversation.last_inbound_message_at + offset,
    )


@pytest.fixture
def asked(runtime, make, config):
    """A conversation with one question in it, and the id of that message."""
    (event_id,) = make.events(config, message())
    materialize(runtime, make.materialize_job(config, [event_id]))
    event = make.event(event_id)
    with runtime.transaction(config.workspace_id) as tx:
        return store.conversations.get(tx, event.conversation_id), event.message_id
