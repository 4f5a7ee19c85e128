"""Deciding what inbound messages need."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from app import store
from app.ai.base import Unusable
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.decision import Category, Decision
from app.domain.status import EventStatus, RuleField
from app.errors import AuthError, PermanentError, RateLimited, RetryableError
from app.jobs.contracts import Draft
from app.models import Conversation
from app.services.pipeline.classify import classify
from app.services.pipeline.materialize import materialize
from tests.factories import START, message
from tests.fakes import ScriptedClassifier, ScriptedDrafter, judged


@pytest.fixture
def waiting(runtime, make, config):
    """Events that stand before classify."""

    def waiting(*messages):
        ids = make.events(config, *(messages or [message()]))
        materialize(runtime, make.materialize_job(config, ids))
        return ids

    return waiting


@pytest.fixture
def decide_on(runtime, make, config):
    """Classify events with a scripted model and a drafter at hand."""

    def decide_on(ids, *script, drafter=True):
        model = ScriptedClassifier(*script)
        current = replace(
            runtime, classifier=model, drafter=ScriptedDrafter() if drafter else None
        )
        outcome = classify(current, make.classify_job(config, ids))
        return outcome, model

    return decide_on


@pytest.fixture
def conversation_of(runtime, make):
    def conversation_of(event_id):
        with runtime.system_transaction() as tx:
            return tx.session.get(Conversation, make.event(event_id).conversation_id)

    return conversation_of


@pytest.mark.parametrize(
    ("judgement", "decision"),
    [
        pytest.param(
            judged(Category.NEWSLETTER), Decision.AUTO_HANDLED, id="newsletter"
        ),
        pytest.param(
            judged(Category.NOTIFICATION), Decision.AUTO_HANDLED, id="notification"
        ),
        pytest.param(judged(Category.SPAM), Decision.AUTO_HANDLED, id="spam"),
        pytest.param(judged(confidence=0.69), Decision.NEEDS_HUMAN, id="unsure"),
        pytest.param(judged(confidence=0.7), Decision.QUICK_WIN, id="just sure enough"),
        pytest.param(judged(urgent=True), Decision.ACT_NOW, id="urgent"),
    ],
)
def test_a_judgement_becomes_a_decision(
    waiting, decide_on, make, conversation_of, judgement, decision
):
    (event_id,) = waiting()

    decide_on([event_id], judgement)

    event, conversation = make.event(event_id), conversation_of(event_id)
    assert event.status is EventStatus.DECIDED
    assert event.decision["decision"] == decision
    assert conversation.decision is decision
    assert conversation.last_classified_message_id == event.message_id


def test_a_batch_is_one_call(waiting, decide_on):
    ids = waiting(message(), message(sender="bo@example.com"))

    _, model = decide_on(ids)

    assert [len(call) for call in model.calls] == [2]


def test_a_draft_is_due_where_an_answer_is_awaited(waiting, decide_on, make):
    ids = waiting()

    outcome, _ = decide_on(ids)

    (job,) = outcome.next_jobs
    assert isinstance(job, Draft)
    assert job.event_ids == tuple(ids)
    assert make.event(ids[0]).finished_at is None


@pytest.mark.parametrize(
    ("script", "drafter", "reason"),
    [
        pytest.param(judged(Category.SPAM), True, "no_reply_needed", id="spam"),
        pytest.param(judged(), False, "no_drafter", id="nobody writes"),
    ],
)
def test_where_no_draft_is_due_the_event_ends(
    waiting, decide_on, make, script, drafter, reason
):
    (event_id,) = waiting()

    outcome, _ = decide_on([event_id], script, drafter=drafter)

    assert outcome.next_jobs == []
    event = make.event(event_id)
    assert event.reason == reason
    assert event.finished_at is not None


def test_an_answered_conversation_is_decided_and_not_drafted(waiting, decide_on, make):
    asked, _ = waiting(
        message(external_id="a@x", sent_at=START),
        message(
            external_id="b@x",
            in_reply_to="a@x",
            direction="outbound",
            sender="shop@shop.example",
            recipients=[{"kind": "email", "value": "anna@example.com"}],
            sent_at=START + timedelta(hours=1),
        ),
    )

    outcome, _ = decide_on([asked])

    assert outcome.next_jobs == []
    assert make.event(asked).reason == "answered"
    assert make.event(asked).decision["decision"] == Decision.QUICK_WIN


@pytest.mark.shows("G7")
def test_a_sender_rule_speaks_before_the_model(waiting, decide_on, make, workspace):
    rule = make.rule(
        workspace,
        "anna@example.com",
        Category.COMPLAINT,
        decision=Decision.ACT_NOW,
    )
    (event_id,) = waiting()

    _, model = decide_on([event_id])

    assert model.calls == []
    decision = make.event(event_id).decision
    assert decision["decision"] == Decision.ACT_NOW
    assert decision["judged_by"] == "rule"
    assert decision["source"] == f"rule/{rule.id}@1"


@pytest.mark.shows("G7")
def test_a_changed_rule_leaves_old_decisions_their_version(
    waiting, decide_on, make, workspace
):
    make.rule(workspace, "anna@example.com", Category.SPAM)
    (before,) = waiting()
    decide_on([before])

    changed = make.rule(workspace, "anna@example.com", Category.PERSONAL)
    (after,) = waiting()
    decide_on([after])

    assert make.event(before).decision["source"] == f"rule/{changed.id}@1"
    assert make.event(after).decision["source"] == f"rule/{changed.id}@2"


@pytest.mark.parametrize(
    ("field", "pattern", "speaks"),
    [
        pytest.param(RuleField.ADDRESS, "ANNA@example.com", True, id="any case"),
        pytest.param(RuleField.ADDRESS, "na@example.com", False, id="part of address"),
        pytest.param(RuleField.DOMAIN, "example.com", True, id="domain"),
        pytest.param(RuleField.DOMAIN, "ample.com", False, id="part of domain"),
        pytest.param(RuleField.SUBJECT, "my order", True, id="part of subject"),
        pytest.param(RuleField.SUBJECT, "invoice", False, id="other subject"),
    ],
)
def test_a_rule_speaks_of_what_it_matches(
    waiting, decide_on, make, workspace, field, pattern, speaks
):
    make.rule(workspace, pattern, Category.SPAM, field=field)
    (event_id,) = waiting()

    _, model = decide_on([event_id])

    assert (model.calls == []) is speaks


def test_evidence_speaks_before_the_model(waiting, decide_on, make):
    (event_id,) = waiting(
        message(
            subject="Out of office",
            headers={"auto-submitted": "auto-replied"},
        )
    )

    _, model = decide_on([event_id])

    assert model.calls == []
    decision = make.event(event_id).decision
    assert decision["judged_by"] == "evidence"
    assert decision["decision"] == Decision.AUTO_HANDLED


@pytest.mark.shows("G1")
def test_an_unusable_answer_is_tried_again(waiting, decide_on, make):
    (event_id,) = waiting()

    outcome, _ = decide_on([event_id], Unusable("not JSON"))

    event = make.event(event_id)
    assert outcome.counts == {"put_off": 1}
    assert event.status is EventStatus.MATERIALIZED
    assert event.attempts == 1
    assert event.next_attempt_at is not None
    assert event.last_error == "RetryableError: unusable answer: not JSON"


@pytest.mark.shows("G1")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Unusable("not JSON"), id="unusable"),
        pytest.param(RetryableError("gateway 503"), id="unreachable"),
        pytest.param(PermanentError("gateway 400"), id="refused"),
    ],
)
def test_in_the_end_a_person_decides(
    waiting, decide_on, make, runtime, config, answer, conversation_of
):
    (event_id,) = waiting()

    for _ in range(MAX_ATTEMPTS):
        hurry(runtime, event_id)
        decide_on([event_id], answer)

    event = make.event(event_id)
    assert event.status is EventStatus.DECIDED
    assert event.decision["decision"] == Decision.NEEDS_HUMAN
    assert event.decision["judged_by"] == "nobody"
    assert conversation_of(event_id).decision is Decision.NEEDS_HUMAN


def test_one_unusable_answer_does_not_hold_up_its_neighbours(waiting, decide_on, make):
    good, bad = waiting(message(), message(sender="bo@example.com"))

    outcome, _ = decide_on([good, bad], [judged(), Unusable("no such category")])

    assert outcome.counts == {"decided": 1, "put_off": 1}
    assert make.event(good).status is EventStatus.DECIDED
    assert make.event(bad).status is EventStatus.MATERIALIZED


@pytest.mark.shows("A17")
def test_a_rate_limit_is_no_attempt(waiting, decide_on, make):
    (event_id,) = waiting()

    outcome, _ = decide_on([event_id], RateLimited("slow down", 30))

    event = make.event(event_id)
    assert outcome.counts == {"rate_limited": 1}
    assert event.attempts == 0
    assert (event.next_attempt_at - event.updated_at) == timedelta(seconds=30)


def test_a_refused_key_opens_an_incident_and_loses_nothing(
    waiting, decide_on, make, runtime
):
    (event_id,) = waiting()

    decide_on([event_id], AuthError("gateway answered 402"))

    event = make.event(event_id)
    assert event.finished_at is None
    assert event.attempts == 0
    with runtime.system_transaction() as tx:
        (incident,) = store.incidents.find(tx)
    assert incident.kind == "credentials_refused"


@pytest.mark.shows("B1")
def test_a_job_delivered_twice_asks_once(waiting, decide_on):
    ids = waiting()
    decide_on(ids)

    outcome, model = decide_on(ids)

    assert model.calls == []
    assert outcome.counts == {}


@pytest.mark.shows("G2", "G3")
def test_a_message_that_arrives_during_the_call_takes_over(
    waiting, runtime, make, config, conversation_of
):
    (older,) = waiting(message(external_id="a@x", sent_at=START))

    class Interrupted(ScriptedClassifier):
        def classify(self, questions):
            waiting(message(external_id="b@x", in_reply_to="a@x"))
            return super().classify(questions)

    outcome = classify(
        replace(runtime, classifier=Interrupted(), drafter=ScriptedDrafter()),
        make.classify_job(config, [older]),
    )

    assert outcome.next_jobs == []
    assert make.event(older).status is EventStatus.SUPERSEDED
    assert conversation_of(older).decision is None


@pytest.mark.shows("G2")
def test_a_worker_that_was_too_slow_leaves_the_decision_to_its_successor(
    waiting, runtime, make, config, conversation_of
):
    """A decision whose event stayed behind made the successor skip the draft."""
    (event_id,) = waiting()
    job = make.classify_job(config, [event_id])

    class Frozen(ScriptedClassifier):
        def classify(self, questions):
            with runtime.transaction(config.workspace_id) as tx:
                tx.session.connection().exec_driver_sql(
                    "UPDATE message_events SET lease_expires_at = now() - interval '1 s'"
                )
            with runtime.transaction(config.workspace_id) as tx:
                taken.append(
                    store.claims.take(
                        tx,
                        [event_id],
                        status=EventStatus.MATERIALIZED,
                        lease=timedelta(minutes=1),
                    )
                )
            return super().classify(questions)

    taken = []
    slow = replace(runtime, classifier=Frozen(), drafter=ScriptedDrafter())
    outcome = classify(slow, job)

    assert (outcome.counts, outcome.next_jobs) == ({}, [])
    assert make.event(event_id).lease_token == taken[0].token
    assert conversation_of(event_id).last_classified_message_id is None


def test_a_message_that_cannot_be_read_does_not_hold_up_its_neighbours(
    waiting, decide_on, runtime, make
):
    broken, good = waiting(message(), message(sender="bo@example.com"))
    with runtime.system_transaction() as tx:
        tx.session.connection().exec_driver_sql(
            "UPDATE message_events SET payload = '{}' WHERE id = %s", (str(broken),)
        )

    outcome, _ = decide_on([broken, good])

    assert outcome.counts == {"decided": 1, "put_off": 1}
    assert make.event(good).status is EventStatus.DECIDED
    assert make.event(broken).last_error == "ValidationError"


@pytest.mark.shows("G6")
def test_no_transaction_is_open_while_the_model_thinks(waiting, runtime, make, config):
    ids = waiting()
    pool = runtime.database.engine.pool
    during = []

    class Watching(ScriptedClassifier):
        def classify(self, questions):
            during.append(pool.checkedout())
            return super().classify(questions)

    classify(replace(runtime, classifier=Watching()), make.classify_job(config, ids))

    assert during == [0]


def test_the_audit_says_how_long_it_took(waiting, runtime, make, config):
    (event_id,) = waiting()

    class Slow(ScriptedClassifier):
        def classify(self, questions):
            time.sleep(0.05)
            return super().classify(questions)

    classify(replace(runtime, classifier=Slow()), make.classify_job(config, [event_id]))

    with runtime.system_transaction() as tx:
        placed, decided = store.audit.of_event(tx, event_id)
    assert 0 < placed.duration_ms < 5000
    assert 50 <= decided.duration_ms < 5000


def hurry(runtime, event_id):
    """Let the time of the next attempt come."""
    with runtime.system_transaction() as tx:
        tx.session.connection().exec_driver_sql(
            "UPDATE message_events SET next_attempt_at = NULL WHERE id = %s",
            (str(event_id),),
        )
