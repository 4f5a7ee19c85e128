"""Only the topmost verdict, and only of a server of ours, says who sent a mail."""

import time

import pytest

from app.domain.authentication import Authentication, authentication_of
from app.domain.mail import read_mail
from tests.domain.mails import mail

OURS = frozenset({"mx.bizzy.example"})
PASSED = "spf=pass smtp.mailfrom=x.example; dkim=pass header.d=x.example; dmarc=pass"


def verdict(value, trusted=OURS):
    message = read_mail(mail(authentication_results=value))
    return authentication_of(message.headers, trusted)


@pytest.mark.shows("L4")
def test_the_verdicts_of_our_server_are_read():
    found = verdict(
        "MX.bizzy.example 1; spf=softfail (x; dmarc=pass) smtp.mailfrom=a@x.example;\n"
        ' dkim=fail reason="bad" header.d=y.example; dkim/1=pass header.i=@x.example;\n'
        " dmarc=fail (p=none dis=none) header.from=x.example"
    )

    assert found == Authentication(
        "mx.bizzy.example",
        spf="softfail",
        dkim="pass",
        dmarc="fail",
        signers=("x.example",),
    )
    assert not found.proves_sender


@pytest.mark.shows("L4")
@pytest.mark.parametrize(
    ("values", "proves"),
    [
        ([f"mx.bizzy.example; {PASSED}"], True),
        ([f"mx.bizzy.example; {PASSED}", "mx.bizzy.example; dmarc=fail"], True),
        (["mx.bizzy.example; dmarc=fail", f"mx.bizzy.example; {PASSED}"], False),
        (["mx.bizzy.example; spf=pass", f"mx.bizzy.example; {PASSED}"], False),
        (["mx.bizzy.example; none"], False),
        (["mx.bizzy.example; dmarc=passed"], False),
        (["mx.bizzy.example; x-dmarc=pass"], False),
    ],
    ids=[
        "passed",
        "passed above a failure",
        "failed above a pass",
        "a pass added by the sender",
        "no verdict",
        "no known word",
        "another method",
    ],
)
def test_only_the_topmost_counts(values, proves):
    found = verdict(values)

    assert found is not None
    assert found.proves_sender is proves


@pytest.mark.shows("L4")
@pytest.mark.parametrize(
    "values",
    [
        None,
        [f"mx.evil.example; {PASSED}"],
        [f"mx.evil.example; {PASSED}", f"mx.bizzy.example; {PASSED}"],
        [f"mx.bizzy.example.evil.example; {PASSED}"],
        [f"(mx.bizzy.example); {PASSED}"],
        [PASSED],
        [""],
    ],
    ids=[
        "none",
        "a stranger",
        "a stranger on top",
        "a longer name",
        "a comment",
        "no name",
        "empty",
    ],
)
def test_strangers_are_not_believed(values):
    assert verdict(values) is None


def test_a_server_without_a_name_is_believed_where_that_is_said():
    found = verdict(PASSED, frozenset({""}))

    assert found == Authentication(
        "", spf="pass", dkim="pass", dmarc="pass", signers=("x.example",)
    )


def test_hostile_values_take_bounded_time():
    start = time.process_time()

    verdict("mx.bizzy.example; " + "(" * 100_000)
    verdict("mx.bizzy.example; " + "dkim=pass " * 10_000)

    assert time.process_time() - start < 1
    assert authentication_of({"authentication-results": [5]}, OURS) is None
