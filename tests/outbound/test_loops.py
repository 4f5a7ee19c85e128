"""Two businesses whose programs answer each other stop by themselves."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app import store
from app.domain.text_limit import TextLimit
from app.domain.unified_message import Channel
from app.jobs.contracts import Outbound
from app.services.outbound.auto_reply import switch
from app.services.outbound.send import send
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from tests.factories import Maker, message
from tests.fakes import ScriptedClassifier, ScriptedDrafter
from tests.provider import Provider, through

FIRST, SECOND = "+4930111111", "+4930222222"
ROUNDS = 40


class Side:
    """One business with its pipeline."""

    def __init__(self, runtime, make, *, channel, address):
        self.provider = Provider()
        self.provider.channel = channel
        self.provider.text_limit = TextLimit(1000)
        self.runtime = replace(
            through(runtime, self.provider),
            classifier=ScriptedClassifier(),
            drafter=ScriptedDrafter(),
        )
        self.address = address
        self.make = Maker(self.runtime)
        self.workspace = make.workspace()
        self.account = self.make.config(
            self.workspace,
            provider="provider",
            channel=channel,
            addresses=[address],
        )
        with runtime.database.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE channel_configs SET connected_at = now() - interval '1 hour'"
            )
        switch(self.runtime, self.workspace.id, allowed=True, actor="test")

    def hear(self, said):
        """Take a message through the whole pipeline; returns what goes out."""
        before = len(self.provider.taken)
        ids = self.make.events(self.account, said)
        materialize(self.runtime, self.make.materialize_job(self.account, ids))
        classify(self.runtime, self.make.classify_job(self.account, ids))
        draft(self.runtime, self.make.draft_job(self.account, ids))
        event = self.make.event(ids[0])
        job = Outbound(
            workspace_id=self.workspace.id, conversation_id=event.conversation_id
        )
        send(self.runtime, job)
        return self.provider.taken[before:]


def chat_from(side, text, number):
    return message(
        sender={"kind": "phone", "value": side.address},
        recipients=[],
        external_thread_id=side.address,
        external_id=f"{side.address}:{number}",
        subject=None,
        body_text=text,
        sent_at=datetime.now(UTC),
    )


def mail_from(side, outgoing, other):
    """What we sent as mail, as the other side receives it."""
    head = outgoing.mail
    headers = {name.lower(): value for name, value in head.headers}
    return message(
        sender={"kind": "email", "value": side.address},
        recipients=[{"kind": "email", "value": other.address}],
        external_id=head.message_id,
        subject=head.subject,
        body_text=outgoing.text,
        in_reply_to=head.in_reply_to,
        references=list(head.references),
        headers=headers | {"message-id": f"<{head.message_id}>"},
        sent_at=datetime.now(UTC),
    )


@pytest.mark.shows("H3")
def test_two_programs_in_a_chat_stop_within_the_cap(runtime, make):
    one = Side(runtime, make, channel=Channel.WHATSAPP, address=FIRST)
    other = Side(runtime, make, channel=Channel.WHATSAPP, address=SECOND)
    said = [chat_from(one, "Hello?", 0)]
    for number in range(1, ROUNDS):
        answers = [
            chat_from(other, sent.text, number)
            for each in said
            for sent in other.hear(each)
        ]
        if not answers:
            break
        one, other, said = other, one, answers

    cap = runtime.settings.auto_replies_per_conversation
    assert len(one.provider.taken) <= cap
    assert len(other.provider.taken) <= cap
    assert len(one.provider.taken) + len(other.provider.taken) >= cap
    with runtime.system_transaction() as tx:
        kinds = {one.kind for one in store.incidents.find(tx)}
    assert "auto_reply_cap" in kinds


@pytest.mark.shows("H1", "H3", "H9")
def test_two_programs_that_send_mail_stop_at_the_first_answer(runtime, make):
    one = Side(runtime, make, channel=Channel.EMAIL, address="shop@one.example")
    other = Side(runtime, make, channel=Channel.EMAIL, address="shop@two.example")
    question = message(
        sender={"kind": "email", "value": one.address},
        recipients=[{"kind": "email", "value": other.address}],
        sent_at=datetime.now(UTC),
    )

    [answer] = other.hear(question)

    assert ("Auto-Submitted", "auto-replied") in answer.mail.headers
    assert answer.mail.in_reply_to == question.external_id
    assert one.hear(mail_from(other, answer, one)) == []
