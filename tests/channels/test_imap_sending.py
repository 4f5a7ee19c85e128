"""Mail by SMTP: what leaves, up to where it was certainly not taken, what refusals mean."""

import email
import email.policy
import ssl
import time
from dataclasses import replace

import pytest

from app.channels.adapters.imap import IMAPAdapter
from app.channels.base import Account
from app.channels.imap.letter import Letter, letter_of
from app.channels.imap.login import TLS, Login
from app.channels.imap.smtp import deliver
from app.channels.sending import Address, Sent
from app.domain.mail import read_mail
from app.errors import (
    AuthError,
    BizzyBeeError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryableError,
    Undeliverable,
)
from tests.channels.senders import CASES, HEAD, TEXT, TRIED_AT
from tests.fake_smtp import FakeSMTP

PASSWORD = "hünter2"
OUTGOING = CASES["aurinko"].outgoing
US = Account("c1", frozenset({"hello@bikes.example"}), {})


@pytest.mark.shows("H9")
def test_a_mail_says_what_it_answers_in_both_forms(smtp):
    sent = IMAPAdapter().send(account(smtp), OUTGOING)

    assert sent == Sent(HEAD.message_id)
    [taken] = smtp.mails
    assert (taken.sender, taken.recipients) == (
        "hello@bikes.example",
        ["anna@example.com"],
    )
    parsed = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert parsed["From"] == "hello@bikes.example"
    assert parsed["To"] == "Anna Berg <anna@example.com>"
    assert parsed["Subject"] == "Re: Saddle"
    assert parsed["Message-ID"] == f"<{HEAD.message_id}>"
    assert parsed["In-Reply-To"] == "<q2@example.com>"
    assert parsed["References"] == "<q1@example.com> <q2@example.com>"
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert parsed["Date"]
    plain, html = parsed.iter_parts()
    assert plain.get_content().strip() == TEXT
    assert f'<p dir="auto">{TEXT}</p>' in html.get_content()
    assert html.get_content_type() == "text/html"


def test_our_own_reading_finds_what_was_sent():
    content = letter(text=".\n..\nFrom Anna\n" + "wörd " * 900).content

    message = read_mail(content, own_addresses=frozenset({"hello@bikes.example"}))

    assert message.external_id == HEAD.message_id
    assert message.references == ["q1@example.com", "q2@example.com"]
    assert message.body_text.split() == [".", "..", "From", "Anna", *["wörd"] * 900]
    assert all(len(line) <= 100 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert content.isascii()


@pytest.mark.parametrize("text", [".", "..\n.\n\n.", "a\n.\nb", "\n", ""])
def test_a_lonely_dot_does_not_end_a_mail(smtp, text):
    written = letter(text=text)

    deliver(login(smtp), written)

    [taken] = smtp.mails
    assert taken.content == written.content


@pytest.mark.shows("D10")
def test_no_line_is_too_long_and_no_id_is_parted():
    ids = tuple("x" * 400 + f"{number}@example.com" for number in range(5))
    subject = "Re: " + "Wie lange dauert die Lieferung nach Österreich? " * 6

    content = letter(
        mail=replace(HEAD, references=ids, subject=subject, in_reply_to=ids[-1])
    ).content

    head = content.partition(b"\r\n\r\n")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 998
    message = read_mail(content)
    assert tuple(message.references) == ids
    assert message.subject == subject.strip()


@pytest.mark.parametrize(
    "subject", ["Re: " + "ä" * 300, "Re: " + "a" * 390, "Re: Sattel", ""]
)
@pytest.mark.parametrize("name", ["Ünïcødé " * 20, "A" * 200, "Anna, of Bikes", None])
def test_subjects_and_names_of_any_length_arrive_whole(subject, name):
    head = replace(
        HEAD, subject=subject, sender_name=name, headers=(("Thread-Topic", subject),)
    )

    content = letter(mail=head, to=Address("email", "anna@example.com", name)).content

    message = read_mail(content)
    named = name and name.strip()
    assert (message.subject or "") == subject
    assert (message.sender.value, message.sender.name) == (HEAD.sender, named)
    [to] = message.recipients
    assert (to.value, to.name) == ("anna@example.com", named)
    assert message.headers.get("thread-topic", "") == subject
    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "evil", ["a\r\nBcc: all@example.com", "a\nBcc: all@example.com", "a\x85b\u2028c"]
)
def test_nothing_adds_a_header(evil):
    head = replace(
        HEAD, subject=evil, sender_name=evil, headers=(("X-Note", evil), ("Bcc", "x@y"))
    )

    content = letter(mail=head, to=Address("email", "anna@example.com", evil)).content

    parsed = email.message_from_bytes(content)
    assert parsed["Bcc"] is None
    assert len(parsed.get_all("To")) == 1
    assert parsed["X-Note"].startswith("a")


def test_the_same_mail_is_the_same_on_every_try():
    first, second = (letter().content.splitlines() for _ in range(2))

    without_date = [
        [one for one in each if not one.startswith(b"Date:")]
        for each in (first, second)
    ]
    assert without_date[0] == without_date[1]


@pytest.mark.parametrize(
    "address",
    [
        "anna",
        "jürgen@example.com",
        "anna@",
        "@example.com",
        "a b@example.com",
        "a@example.com\r\nRCPT",
        "a@x>,<b@y",
        "a@" + "x" * 400,
    ],
)
def test_what_is_no_address_is_not_written_to(smtp, address):
    with pytest.raises(Undeliverable):
        IMAPAdapter().send(
            account(smtp), replace(OUTGOING, to=Address("email", address))
        )

    assert smtp.commands == []


def test_a_domain_with_other_letters_is_written_as_networks_know_it():
    assert letter(to=Address("email", "anna@bücher.example")).recipient == (
        "anna@xn--bcher-kva.example"
    )


@pytest.mark.shows("I4")
@pytest.mark.parametrize(
    ("step", "answer", "error"),
    [
        pytest.param("GREETING", "421 4.3.2 busy", RetryableError, id="busy"),
        pytest.param("GREETING", "554 no", RetryableError, id="no greeting"),
        pytest.param("AUTH", "535 5.7.8 no", AuthError, id="wrong password"),
        pytest.param("AUTH", "454 4.7.0 later", RetryableError, id="log-in is down"),
        pytest.param("MAIL", "530 5.7.0 log in", AuthError, id="not logged in"),
        pytest.param("MAIL", "553 5.7.60 no", PermanentError, id="not our address"),
        pytest.param(
            "RCPT", "550 5.1.1 <anna@example.com>", Undeliverable, id="nobody"
        ),
        pytest.param("RCPT", "550 unknown", Undeliverable, id="nobody, in words"),
        pytest.param("RCPT", "552 5.2.2 full", Undeliverable, id="full"),
        pytest.param("RCPT", "554 5.7.1 relay", PermanentError, id="rules"),
        pytest.param("RCPT", "450 4.2.0 greylisted", RetryableError, id="greylisted"),
        pytest.param("RCPT", "452 too many recipients", RateLimited, id="too many"),
        pytest.param("MAIL", "421 4.7.28 slower", RateLimited, id="rate"),
        pytest.param("DATA", "451 4.3.0 later", RetryableError, id="no room"),
        pytest.param("END", "451 4.7.1 later", RetryableError, id="later, at the end"),
        pytest.param("END", "554 5.7.1 spam", PermanentError, id="spam"),
        pytest.param("END", "552 5.3.4 large", PermanentError, id="too large"),
        pytest.param("END", "550 5.4.5 quota", RateLimited, id="quota of the day"),
        pytest.param("END", "299 fine", None, id="taken in other words"),
    ],
)
def test_a_refusal_says_what_follows(smtp, step, answer, error):
    smtp.answers[step] = answer

    if error is None:
        IMAPAdapter().send(account(smtp), OUTGOING)
        return
    raised = failure(smtp)

    assert type(raised) is error
    assert "anna@" not in str(raised)
    assert PASSWORD not in str(raised)


@pytest.mark.shows("I1")
@pytest.mark.parametrize("step", ["GREETING", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", [None, 2.0], ids=["hangs up", "silent"])
def test_before_its_end_a_mail_was_certainly_not_taken(smtp, step, answer):
    smtp.answers[step] = answer

    with pytest.raises(RetryableError):
        deliver(login(smtp), letter(), timeout=0.2)

    assert smtp.mails == []


@pytest.mark.shows("I1")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="hangs up"),
        pytest.param(2.0, id="silent"),
        pytest.param("what?", id="in no words"),
        pytest.param("250-" + "x" * 9_000, id="a line without an end"),
        pytest.param("\r\n".join(["250-x"] * 300), id="an answer without an end"),
    ],
)
def test_after_its_end_nobody_knows(smtp, answer):
    smtp.answers["END"] = answer

    with pytest.raises(OutcomeUnknown):
        deliver(login(smtp), letter(), timeout=0.5, deadline=0.5)

    assert len(smtp.mails) == 1


def test_after_the_answer_nothing_can_go_wrong_any_more(smtp):
    smtp.answers["QUIT"] = None

    assert IMAPAdapter().send(account(smtp), OUTGOING) == Sent(HEAD.message_id)


def test_where_nobody_listens_the_mail_did_not_leave():
    smtp = FakeSMTP()
    there = account(smtp)
    smtp.close()

    with pytest.raises(RetryableError):
        IMAPAdapter().send(there, OUTGOING)


def test_a_server_that_drips_is_left(smtp):
    smtp.answers["GREETING"] = "220-" + "\r\n220-".join(["x"] * 500)
    started = time.monotonic()

    with pytest.raises(RetryableError):
        deliver(login(smtp), letter(), timeout=0.5, deadline=0.5)

    assert time.monotonic() - started < 5


@pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "starttls"])
def test_with_tls_the_password_is_read_by_nobody_else(keys, certificate, implicit):
    smtp = secure(keys, implicit=implicit)
    tls = TLS.IMPLICIT if implicit else TLS.STARTTLS
    there = login(smtp, host="localhost", tls=tls, certificates=certificate)
    try:
        deliver(there, letter())

        assert smtp.logins == [f"\0shop\0{PASSWORD}"]
        if not implicit:
            assert smtp.commands.index("STARTTLS") < first(smtp.commands, "AUTH")
    finally:
        smtp.close()


@pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "starttls"])
def test_a_certificate_that_nobody_knows_gets_no_password(keys, implicit):
    smtp = secure(keys, implicit=implicit)
    tls = TLS.IMPLICIT if implicit else TLS.STARTTLS
    try:
        with pytest.raises(RetryableError, match="certificate is not valid"):
            deliver(login(smtp, host="localhost", tls=tls), letter())
    finally:
        smtp.close()

    assert smtp.logins == []


def test_where_tls_was_asked_for_nothing_is_said_without(smtp):
    with pytest.raises(AuthError, match="STARTTLS"):
        deliver(login(smtp, tls=TLS.STARTTLS), letter())

    assert smtp.logins == []


def test_a_token_logs_in(smtp):
    deliver(login(smtp, password=None, access_token="tok"), letter())

    assert smtp.logins == ["user=shop\1auth=Bearer tok\1\1"]


def test_a_token_that_is_refused_asks_for_a_person(smtp):
    smtp.answers["AUTH"] = "334 eyJzdGF0dXMiOiI0MDEifQ=="

    with pytest.raises(AuthError):
        deliver(login(smtp, password=None, access_token="tok"), letter())


def test_some_servers_only_know_the_old_log_in():
    smtp = FakeSMTP(features=("AUTH LOGIN",))
    try:
        deliver(login(smtp), letter())
    finally:
        smtp.close()

    assert smtp.logins == [f"shop/{PASSWORD}"]
    assert len(smtp.mails) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"host": "smtp.x"}, ("smtp.x", 465, "implicit", "shop", "p", None)),
        (
            {"host": "smtp.x", "port": 587},
            ("smtp.x", 587, "starttls", "shop", "p", None),
        ),
        (
            {"host": "smtp.x", "tls": "starttls", "username": "u", "password": "q"},
            ("smtp.x", 587, "starttls", "u", "q", None),
        ),
        (
            {"host": "smtp.x", "access_token": "t"},
            ("smtp.x", 465, "implicit", "shop", None, "t"),
        ),
    ],
)
def test_the_sending_server_shares_what_it_does_not_say(given, expected):
    base = {"host": "imap.x", "port": 993, "username": "shop", "password": "p"}

    found = Login.read_smtp(base | {"smtp": given})

    told = (found.host, found.port, found.tls, found.username)
    assert (*told, found.password, found.access_token) == expected
    assert Login.read(base | {"smtp": given}).host == "imap.x"


@pytest.mark.parametrize(
    ("smtp", "error", "words"),
    [
        (None, PermanentError, "no `smtp`"),
        ("smtp.x", PermanentError, "no `smtp`"),
        ({"port": 25}, AuthError, "smtp: .*`host`"),
        ({"host": "smtp.x", "tls": "none"}, AuthError, "without TLS"),
        ({"host": "smtp.x", "user": "x"}, AuthError, "there is no 'user'"),
    ],
)
def test_credentials_that_cannot_send_say_why(smtp, error, words):
    credentials = {"host": "x", "username": "shop", "password": "p", "smtp": smtp}

    with pytest.raises(error, match=words):
        Login.read_smtp(credentials)


@pytest.mark.shows("B7")
def test_a_copy_among_the_sent_mails_is_found_again(mailbox, smtp):
    mailbox.phone.create_folder("Sent")
    there = replace(
        account(smtp, **mailbox.credentials()), settings={"keep_copy_of_sent": True}
    )
    adapter = IMAPAdapter()
    assert adapter.find_sent(there, OUTGOING, since=TRIED_AT) is None

    adapter.send(there, OUTGOING)

    assert adapter.find_sent(there, OUTGOING, since=TRIED_AT) == Sent(HEAD.message_id)
    other = replace(OUTGOING, mail=replace(HEAD, message_id="other@bikes.example"))
    assert adapter.find_sent(there, other, since=TRIED_AT) is None
    assert mailbox.flags("Sent") == {b"\\Seen"}
    page = adapter.fetch_page(
        there, folder="SENT", token=None, limit=5, known=lambda ids: {}
    )
    assert [one.external_id for one in page.items] == [HEAD.message_id]


def test_a_mailbox_that_takes_no_copy_does_not_undo_the_sending(smtp):
    there = replace(account(smtp), settings={"keep_copy_of_sent": True})

    assert IMAPAdapter().send(there, OUTGOING) == Sent(HEAD.message_id)


def test_a_mail_without_a_head_is_not_sent(smtp):
    with pytest.raises(PermanentError):
        IMAPAdapter().send(account(smtp), replace(OUTGOING, mail=None))

    assert smtp.commands == []


@pytest.mark.parametrize(
    ("username", "addresses", "sender"),
    [
        ("shop@bikes.example", {"a@bikes.example"}, "shop@bikes.example"),
        ("shop", {"a@bikes.example", "+46850000001"}, "a@bikes.example"),
    ],
)
def test_where_the_head_names_no_sender_the_account_does(username, addresses, sender):
    own = Account("c1", frozenset(addresses), {})
    outgoing, head = OUTGOING, replace(HEAD, sender=None)

    assert letter_of(outgoing, head, own, username).sender == sender


def test_an_account_without_an_address_cannot_send():
    with pytest.raises(PermanentError, match="from which address"):
        letter_of(
            OUTGOING, replace(HEAD, sender=None), Account("c", frozenset(), {}), "x"
        )


def letter(**changed) -> Letter:
    outgoing = replace(OUTGOING, **changed)
    return letter_of(outgoing, outgoing.mail, US, "shop")


def account(smtp: FakeSMTP, **credentials) -> Account:
    nowhere = {"host": "127.0.0.1", "port": 1, "tls": "none"}
    told = {"username": "shop", "password": PASSWORD} | nowhere | credentials
    there = {"host": "127.0.0.1", "port": smtp.port, "tls": "none"}
    return replace(US, credentials=told | {"smtp": there})


def login(smtp: FakeSMTP, **changed) -> Login:
    there = Login("127.0.0.1", smtp.port, TLS.NONE, "shop", PASSWORD)
    return replace(there, **changed)


def secure(keys, *, implicit: bool) -> FakeSMTP:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "certificate.pem", keys / "key.pem")
    return FakeSMTP(tls=context, implicit=implicit)


def failure(smtp: FakeSMTP) -> BizzyBeeError:
    with pytest.raises(BizzyBeeError) as raised:
        IMAPAdapter().send(account(smtp), OUTGOING)
    return raised.value


def first(commands: list[str], verb: str) -> int:
    return next(at for at, one in enumerate(commands) if one.startswith(verb))


@pytest.fixture
def smtp():
    server = FakeSMTP()
    yield server
    server.close()
