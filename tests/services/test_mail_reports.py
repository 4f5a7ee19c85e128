"""Bounces and other reports find the mails they are about, in any order."""

import pytest

from app import store
from app.channels.mail_item import mail_item
from app.domain.mail_report import ReportKind
from app.domain.status import DeliveryStatus, Source
from app.services.operations.explain import explain_event
from app.services.pipeline.ingest import ingest
from app.services.pipeline.materialize import materialize
from tests.domain.test_mail_report import bounce

OWN = frozenset({"shop@shop.example"})
QUESTION = (
    b"From: Anna <anna@example.com>\r\nTo: shop@shop.example\r\nSubject: My order\r\n"
    b"Date: Mon, 02 Nov 2026 09:00:00 +0000\r\nMessage-ID: <q1@example.com>\r\n\r\nWhere?\r\n"
)
ANSWER = (
    b"From: shop@shop.example\r\nTo: Anna <anna@example.com>\r\nSubject: Re: My order\r\n"
    b"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <answer1@shop.example>\r\n"
    b"In-Reply-To: <q1@example.com>\r\n\r\nOn its way.\r\n"
)
ABSENCE = (
    b"From: Anna <anna@example.com>\r\nTo: shop@shop.example\r\n"
    b"Subject: Automatic reply: My order\r\nAuto-Submitted: auto-replied\r\n"
    b"Date: Mon, 02 Nov 2026 10:01:00 +0000\r\nMessage-ID: <ooo@example.com>\r\n"
    b"In-Reply-To: <answer1@shop.example>\r\n\r\nI am away until Friday.\r\n"
)


@pytest.mark.shows("H2", "I6", "I7")
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_a_bounce_finds_our_mail_whichever_comes_first(arrive, messages, order):
    mails = (QUESTION, ANSWER, bounce("5.1.1", "failed"))

    for number in order:
        arrive(mails[number])

    ours = messages()["answer1@shop.example"]
    returned = messages()["bounce1@mx.example.net"]
    assert ours.delivery_status is DeliveryStatus.FAILED
    assert "user unknown" in ours.delivery_reason
    assert returned.report.about_message_id == ours.id
    assert len({one.conversation_id for one in messages().values()}) == 1


@pytest.mark.shows("I6")
def test_a_hard_bounce_marks_the_address_as_undeliverable(arrive, identity):
    arrive(QUESTION)
    arrive(ANSWER)
    before = identity("anna@example.com").undeliverable_at

    arrive(bounce("5.1.1", "failed"))

    after = identity("anna@example.com")
    assert before is None
    assert after.undeliverable_at is not None
    assert "user unknown" in after.undeliverable_reason


@pytest.mark.shows("I6")
def test_an_answer_that_came_back_answers_nothing(runtime, config, arrive, messages):
    arrive(QUESTION)
    arrive(ANSWER)
    arrive(bounce("5.1.1", "failed"))

    with runtime.transaction(config.workspace_id) as tx:
        asked = messages()["q1@example.com"].conversation_id
        conversation = store.conversations.require(tx, asked)
        [incident] = store.incidents.find(tx)
    assert conversation.last_outbound_message_at is None
    assert (incident.kind, incident.details["rule"]) == (
        "message_undelivered",
        "undeliverable",
    )


@pytest.mark.shows("I7")
@pytest.mark.parametrize(
    ("status", "action", "expected"),
    [
        ("4.4.1", "delayed", DeliveryStatus.DELAYED),
        ("4.2.2", "failed", DeliveryStatus.DELAYED),
        ("2.0.0", "delivered", DeliveryStatus.DELIVERED),
    ],
)
def test_what_is_late_is_not_lost(arrive, messages, identity, status, action, expected):
    arrive(QUESTION)
    arrive(ANSWER)

    arrive(bounce(status, action))

    assert messages()["answer1@shop.example"].delivery_status is expected
    assert identity("anna@example.com").undeliverable_at is None


@pytest.mark.shows("F7")
def test_a_delivery_status_only_moves_forward(arrive, messages):
    arrive(ANSWER)
    arrive(bounce("5.1.1", "failed"))

    arrive(bounce("4.4.1", "delayed").replace(b"bounce1", b"bounce2"))

    ours = messages()["answer1@shop.example"]
    assert ours.delivery_status is DeliveryStatus.FAILED


def test_a_bounce_of_a_mail_that_is_not_ours_has_no_effect(arrive, messages, identity):
    arrive(QUESTION)

    arrive(bounce("5.1.1", "failed"))

    assert messages()["bounce1@mx.example.net"].report.about_message_id is None
    assert identity("anna@example.com").undeliverable_at is None


def test_a_made_up_bounce_of_a_customers_mail_has_no_effect(arrive, messages):
    arrive(QUESTION)

    arrive(
        bounce("5.1.1", "failed").replace(b"answer1@shop.example", b"q1@example.com")
    )

    assert messages()["q1@example.com"].delivery_status is None


@pytest.mark.shows("H2")
def test_an_absence_note_is_kept_with_what_it_answers(arrive, messages):
    for mail in (QUESTION, ANSWER, ABSENCE):
        arrive(mail)

    note = messages()["ooo@example.com"]
    ours = messages()["answer1@shop.example"]
    assert note.is_automatic
    assert note.report.kind == ReportKind.ABSENCE
    assert note.report.about_message_id == ours.id
    assert ours.delivery_status is None


@pytest.fixture
def arrive(runtime, make, config):
    def arrive(raw):
        item = mail_item(raw, own_addresses=OWN)
        with runtime.transaction(config.workspace_id) as tx:
            done = ingest(tx, config, [item], source=Source.IMPORT)
        materialize(runtime, make.materialize_job(config, done.event_ids))

    return arrive


@pytest.fixture
def messages(runtime, config):
    """The messages by their Message-IDs, each with its `report`."""

    def messages():
        ids = {
            "q1@example.com",
            "answer1@shop.example",
            "bounce1@mx.example.net",
            "ooo@example.com",
        }
        with runtime.transaction(config.workspace_id) as tx:
            found = store.messages.by_external_id(
                tx, config_id=config.id, external_ids=ids
            )
            for message in found.values():
                message.report = store.mail_reports.of_message(tx, message.id)
        return found

    return messages


@pytest.fixture
def identity(runtime, config):
    from sqlalchemy import select

    from app.models import CustomerIdentity

    def identity(value):
        with runtime.transaction(config.workspace_id) as tx:
            return tx.session.scalar(
                select(CustomerIdentity).where(CustomerIdentity.value == value)
            )

    return identity


@pytest.mark.shows("L4")
@pytest.mark.parametrize(
    ("server", "proves"), [("mx.shop.example", True), ("mx.evil.example", None)]
)
def test_only_our_own_mail_server_is_believed_about_the_sender(
    runtime, config, arrive, messages, server, proves
):
    verdict = f"Authentication-Results: {server}; dmarc=pass\r\n".encode()
    with runtime.transaction(config.workspace_id) as tx:
        settings = {"mail_servers": ["mx.shop.example"]}
        store.tenants.set_settings(tx, config.id, settings)

    arrive(verdict + QUESTION)

    event_id = messages()["q1@example.com"].event_id
    found = explain_event(runtime, event_id)["authentication"]
    assert (found and found["proves_sender"]) is proves
