"""The keys of a conversation, in the order of what they prove."""

import pytest

from app.domain.mail import read_mail
from app.domain.threading import ThreadKey, thread_evidence
from app.domain.unified_message import UnifiedMessage
from tests.domain.mails import mail


def pairs(message: UnifiedMessage) -> list[tuple[str, str]]:
    return [(key.value, key.evidence) for key in thread_evidence(message)]


def chat(**changes):
    return UnifiedMessage.model_validate(
        {
            "external_id": "7",
            "direction": "inbound",
            "sender": {"kind": "phone", "value": "+49 170 1234567"},
            "recipients": [{"kind": "phone", "value": "+4930123456"}],
        }
        | changes
    )


def test_a_thread_named_by_a_person_is_known_by_their_other_names():
    both = [
        {"kind": "phone", "value": "+46"},
        {"kind": "whatsapp_user", "value": "SE.1"},
    ]

    keys = pairs(chat(external_thread_id="+46", metadata={"identities": both}))

    assert keys == [("+46", "provider_thread"), ("SE.1", "identity")]


@pytest.mark.parametrize(
    "identities",
    [
        [{"value": "+47"}, {"value": "SE.1"}],
        [{"value": "+46"}, {"value": 7}, {"value": ""}, {"value": "x" * 1001}, 7, {}],
        [{"value": "+46"}] * 10 + [{"value": "SE.1"}],
        {"value": "+46"},
        "+46",
    ],
    ids=["of others", "unusable", "too many", "no list", "text"],
)
def test_identities_that_say_nothing_add_no_key(identities):
    message = chat(external_thread_id="+46", metadata={"identities": identities})

    assert pairs(message) == [("+46", "provider_thread")]


@pytest.mark.shows("D1")
def test_the_keys_of_a_mail_go_from_the_strongest_to_the_oldest():
    raw = mail(
        x_gm_thrid="42",
        in_reply_to="<parent@x>",
        references="<root@x> <grandparent@x> <parent@x>",
    )

    assert pairs(read_mail(raw)) == [
        ("gmail:42", "provider_thread"),
        ("mid:first@mail.example.com", "message_id"),
        ("mid:parent@x", "in_reply_to"),
        ("mid:grandparent@x", "references"),
        ("mid:root@x", "references"),
    ]


def test_a_mail_that_answers_nothing_has_the_key_of_its_own_id():
    assert pairs(read_mail(mail())) == [("mid:first@mail.example.com", "message_id")]


def test_a_mail_without_an_id_has_a_key_all_the_same():
    message = read_mail(mail(message_id=None))

    assert pairs(message) == [(f"mid:{message.external_id}", "message_id")]


def test_mail_from_an_api_is_known_by_its_message_id_and_not_by_the_apis():
    message = read_mail(mail()).model_copy(update={"external_id": "AAMk-17"})

    assert pairs(message) == [("mid:first@mail.example.com", "message_id")]


@pytest.mark.parametrize(("count", "considered"), [(50, 50), (51, 50), (400, 50)])
def test_of_a_long_chain_the_first_and_the_newest_count(count, considered):
    chain = " ".join(f"<{number}@x>" for number in range(count))

    values = [value for value, _ in pairs(read_mail(mail(references=chain)))]

    assert len(values) == 1 + considered
    assert values[1] == f"mid:{count - 1}@x"
    assert values[-1] == "mid:0@x"


def test_a_chat_is_the_thread_of_its_provider():
    assert pairs(chat(external_thread_id="t1")) == [("t1", "provider_thread")]


def test_without_a_thread_the_counterpart_is_the_thread():
    inbound = chat()
    outbound = chat(
        direction="outbound",
        sender={"kind": "phone", "value": "+4930123456"},
        recipients=[{"kind": "phone", "value": "+491701234567"}],
    )

    expected = [ThreadKey("with:phone:+491701234567", "counterpart")]
    assert thread_evidence(inbound) == thread_evidence(outbound) == expected


def test_an_outbound_message_to_nobody_has_no_key():
    assert thread_evidence(chat(direction="outbound", recipients=[])) == []
