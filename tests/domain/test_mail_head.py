"""What stands above our answers, and what others make of it."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import loop_mark, reply_token
from app.domain.mail import read_mail
from app.domain.mail_head import Answered, head_of_answer
from app.domain.subjects import subject_of_answer
from tests.domain.mails import mail

WORKSPACE = UUID("01990f00-0000-7000-8000-0000000000aa")
KEY = reply_token.workspace_key(b"s" * 32, WORKSPACE)
CONVERSATION = UUID("01990f00-0000-7000-8000-0000000000bb")
MESSAGE = UUID("01990f00-0000-7000-8000-0000000000cc")
INDEX = "AdpPxw2vM1z2Q0XSTkK0AbCdEfGhIj=="


def head(answered=None, **changed):
    told = {"sender": "hello@bikes.example", "automatic": True} | changed
    return head_of_answer(
        answered or Answered(),
        message_id=MESSAGE,
        conversation_id=CONVERSATION,
        key=KEY,
        **told,
    )


@pytest.mark.shows("H9")
def test_an_answer_names_what_it_answers_and_whose_it_is():
    raw = mail(
        subject="AW: Saddle",
        message_id="<q2@mail.example.com>",
        references="<q1@mail.example.com> <a1@bikes.example>",
        in_reply_to="<a1@bikes.example>",
    )

    found = head(Answered.of(read_mail(raw)), sender_name="Bikes")

    assert found.subject == "Re: Saddle"
    assert found.in_reply_to == "q2@mail.example.com"
    assert found.references == (
        "q1@mail.example.com",
        "a1@bikes.example",
        "q2@mail.example.com",
    )
    assert (found.sender, found.sender_name) == ("hello@bikes.example", "Bikes")
    assert found == head(Answered.of(read_mail(raw)), sender_name="Bikes")


def test_the_message_id_proves_the_conversation_and_differs_by_message():
    found = head()

    assert found.message_id.endswith("@bikes.example")
    assert reply_token.conversations_in(KEY, found.message_id) == [CONVERSATION]
    assert MESSAGE.hex in found.message_id


def test_without_references_the_parents_parent_begins_the_chain():
    found = head(Answered(message_id="b@x", in_reply_to="a@x"))

    assert found.references == ("a@x", "b@x")


def test_a_mail_without_an_id_is_answered_without_one():
    raw = mail(message_id=None)

    found = head(Answered.of(read_mail(raw)))

    assert (found.in_reply_to, found.references) == (None, ())


@pytest.mark.shows("D10")
def test_of_a_long_chain_the_first_and_the_nearest_stay():
    chain = tuple(f"{number:040d}@mail.example.com" for number in range(400))

    found = head(Answered(message_id="last@x", references=chain))

    assert found.references[0] == chain[0]
    assert found.references[-1] == "last@x"
    kept = found.references[1:-1]
    assert kept == chain[-len(kept) :]
    assert 10 < len(kept) < 30
    assert sum(len(one) + 3 for one in found.references) <= 2_000


@pytest.mark.shows("D10")
@given(
    st.lists(st.text(min_size=1, max_size=2_000), max_size=40),
    st.text(max_size=1_500) | st.just("a@" + "b" * 990),
)
def test_no_id_breaks_its_header(references, message_id):
    found = head(Answered(message_id=message_id, references=tuple(references)))

    assert sum(len(one) + 3 for one in found.references) <= 2_600
    for one in (*found.references, found.in_reply_to or "a@b"):
        assert one.isascii()
        assert one.isprintable()
        assert not set(one) & set(" <>")


@pytest.mark.shows("D10")
def test_what_outlook_files_by_is_sent_back():
    answered = Answered(
        thread_index=f"{INDEX[:9]}\r\n {INDEX[9:]}", thread_topic="Saddle"
    )

    headers = dict(head(answered).headers)

    assert headers["Thread-Index"] == INDEX
    assert headers["Thread-Topic"] == "Saddle"


@pytest.mark.parametrize("index", ["short", "no_base64!" * 9, "A" * 5_000, None])
def test_what_is_no_thread_index_is_left_out(index):
    headers = dict(head(Answered(thread_index=index, thread_topic="x")).headers)

    assert "Thread-Index" not in headers
    assert "Thread-Topic" not in headers


@pytest.mark.shows("H9")
def test_an_automatic_answer_says_so_in_all_the_ways_there_are():
    headers = dict(head(automatic=True).headers)

    assert headers["Auto-Submitted"] == "auto-replied"
    assert headers["X-Auto-Response-Suppress"] == "All"
    assert headers["X-Autoreply"] == "yes"
    assert loop_mark.is_automatic(headers["X-BizzyBee-Mark"])


def test_what_a_person_has_read_is_not_called_automatic():
    headers = dict(head(automatic=False).headers)

    assert set(headers) == {"X-BizzyBee-Mark"}
    assert not loop_mark.is_automatic(headers["X-BizzyBee-Mark"])


def test_a_mark_proves_which_message_of_ours_it_is():
    mark = loop_mark.make(KEY, MESSAGE, automatic=True)
    other = reply_token.workspace_key(b"t" * 32, WORKSPACE)

    assert loop_mark.verify(KEY, mark) == MESSAGE
    assert loop_mark.verify(KEY, mark.upper()) == MESSAGE
    assert loop_mark.verify(other, mark) is None
    for forged in (
        mark.replace("automatic", "by-hand"),
        mark.replace(str(MESSAGE), str(CONVERSATION)),
        mark.rpartition(";")[0],
        mark * 50,
        "",
        "automatic; id=é; sig=é",
    ):
        assert loop_mark.verify(KEY, forged) is None


@given(st.text(max_size=300))
def test_no_name_or_subject_adds_a_line(text):
    found = head(Answered(subject=text, thread_index=INDEX, thread_topic=text))
    name = head(sender_name=text).sender_name or ""

    for value in (found.subject, name, *dict(found.headers).values()):
        assert len(value.splitlines()) <= 1


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("a@bücher.example", "xn--bcher-kva.example"),
        ("a@[127.0.0.1]", "bizzybee.invalid"),
        ("nobody", "nobody"),
        ("a@", "bizzybee.invalid"),
        ("a@" + "x" * 70 + ".example", "bizzybee.invalid"),
    ],
)
def test_every_address_gives_an_id(sender, domain):
    assert head(sender=sender).message_id.endswith(f"@{domain}")


@pytest.mark.shows("H9")
@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ("Saddle", "Re: Saddle"),
        ("Re: Saddle", "Re: Saddle"),
        ("RE: AW: Sv: Saddle", "Re: Saddle"),
        ("回复：自行车", "Re: 自行车"),
        ("RE[2]: Saddle", "Re: Saddle"),
        ("[Shop] Re: [Shop] Saddle", "Re: [Shop] Saddle"),
        ("[#1042] Saddle", "Re: [#1042] Saddle"),
        ("Fwd: Saddle", "Re: Fwd: Saddle"),
        ("Re: WG: Saddle", "Re: WG: Saddle"),
        ("Ref: 1042", "Re: Ref: 1042"),
        ("Regarding: Saddle", "Re: Regarding: Saddle"),
        ("Saddle\r\nBcc: all@example.com", "Re: Saddle Bcc: all@example.com"),
        ("", "Re:"),
        (None, "Re:"),
    ],
)
def test_an_answer_is_marked_once(subject, answer):
    assert subject_of_answer(subject) == answer
    assert subject_of_answer(answer) == answer


def test_a_subject_without_an_end_is_cut():
    assert len(subject_of_answer("Re: " * 9_000 + "x" * 9_000)) <= 400
