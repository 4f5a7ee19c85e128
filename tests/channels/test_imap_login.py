"""Logging in over IMAP: what credentials may say, who is trusted, what refusals mean."""

import socket
import ssl
import threading
import time

import pytest

from app.channels.imap.connection import FAULTS, Connection
from app.channels.imap.errors import PAUSE
from app.channels.imap.login import Login
from app.channels.imap.session import logged_in
from app.errors import AuthError, RateLimited, RetryableError
from tests.fake_imap import FakeIMAP

SECRET = "hunter2 is secret"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"host": None}, "bare name", id="no host"),
        pytest.param({"host": "imaps://x.example"}, "bare name", id="an address"),
        pytest.param({"host": "a..b"}, "bare name", id="no name of a host"),
        pytest.param({"port": "993"}, "`port`", id="the port as text"),
        pytest.param({"port": 0}, "`port`", id="no such port"),
        pytest.param({"tls": "ssl3"}, "`tls`", id="no such TLS"),
        pytest.param({"tls": "none"}, "without TLS", id="in the clear"),
        pytest.param({"username": None}, "`username`", id="no name"),
        pytest.param({"password": None}, "one of `password`", id="no password"),
        pytest.param({"access_token": "t"}, "one of `password`", id="two ways"),
        pytest.param({"password": "a\r\nb"}, "control character", id="a line break"),
        pytest.param({"pasword": SECRET}, "no 'pasword'", id="misspelt"),
        pytest.param({"certificates": SECRET}, "PEM", id="no certificate"),
    ],
)
def test_credentials_that_cannot_be_used_say_why(changed, words):
    good = {"host": "imap.example.com", "username": "shop", "password": SECRET}
    given = {name: one for name, one in (good | changed).items() if one is not None}

    with pytest.raises(AuthError, match=words) as raised:
        Login.read(given).context()

    assert SECRET not in str(raised.value)


def test_where_a_server_listens_follows_from_its_tls():
    given = {"host": "imap.example.com", "username": "shop", "password": SECRET}

    assert Login.read(given).port == 993
    assert Login.read(given | {"tls": "starttls"}).port == 143
    assert SECRET not in repr(Login.read(given))


@pytest.mark.parametrize("host", ["::1", "127.0.0.2", "localhost"])
def test_this_machine_may_be_talked_to_in_the_clear(host):
    given = {"host": host, "tls": "none", "username": "shop", "password": SECRET}

    assert Login.read(given).host == host


@pytest.mark.shows("A21")
@pytest.mark.parametrize(
    ("answer", "kind", "pause"),
    [
        pytest.param("NO [AUTHENTICATIONFAILED] bad", AuthError, None, id="password"),
        pytest.param("NO [AUTHORIZATIONFAILED] no", AuthError, None, id="not allowed"),
        pytest.param("NO [EXPIRED] old", AuthError, None, id="expired"),
        pytest.param("NO [PRIVACYREQUIRED] TLS", AuthError, None, id="wants TLS"),
        pytest.param(
            "NO [WEBALERT https://x.example] web", AuthError, None, id="the web"
        ),
        pytest.param("NO LOGIN failed.", AuthError, None, id="no code"),
        pytest.param("NO [UNAVAILABLE] later", RetryableError, None, id="down"),
        pytest.param("NO [INUSE] locked", RetryableError, PAUSE, id="locked"),
        pytest.param("NO [SERVERBUG] oops", RetryableError, None, id="a bug"),
        pytest.param("NO Temporary failure", RetryableError, None, id="in words"),
        pytest.param("NO [LIMIT] often", RateLimited, PAUSE, id="a limit"),
        pytest.param("NO [THROTTLED] often", RateLimited, PAUSE, id="throttled"),
        pytest.param(
            "NO [ALERT] Too many simultaneous connections. (Failure)",
            *(RateLimited, PAUSE),
            id="Gmail's words",
        ),
        pytest.param(
            "BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds",
            *(RateLimited, 92.415),
            id="Microsoft's words",
        ),
        pytest.param(
            "BAD User is authenticated but not connected.",
            *(RetryableError, None),
            id="Microsoft's trouble",
        ),
    ],
)
def test_a_refusal_at_login_means_what_its_code_says(
    server, credentials, answer, kind, pause
):
    server.answers["LOGIN"] = f"TAG {answer}"

    with pytest.raises((AuthError, RetryableError)) as raised, logged_in(credentials):
        pass

    assert isinstance(raised.value, kind)
    assert isinstance(raised.value, RateLimited) is (kind is RateLimited)
    assert getattr(raised.value, "retry_after", None) == pause


def test_an_error_quotes_the_server_in_short_and_no_secret(server, credentials):
    told = f"NO [ALERT] shop may not use {SECRET}: see https://x.example/{'y' * 500}"
    server.answers["LOGIN"] = f"TAG {told}"

    with pytest.raises(AuthError) as raised, logged_in(credentials):
        pass

    said = str(raised.value)
    assert "[ALERT] *** may not use ***: see https://x.example/" in said
    assert len(said) < 300
    assert raised.value.__cause__ is None


@pytest.mark.shows("A21")
@pytest.mark.parametrize(
    "answer",
    ["* BYE [UNAVAILABLE] down", "* BYE", "+ what?\r\n* BYE", "* NONSENSE (((", ""],
)
def test_a_connection_that_breaks_at_login_is_no_refusal(server, credentials, answer):
    server.answers["LOGIN"] = f"{answer}\r\n* BYE"

    with pytest.raises(RetryableError), logged_in(credentials):
        pass


@pytest.mark.parametrize("greeting", ["* BYE too many", "HTTP/1.1 400 Bad Request", ""])
def test_what_is_no_imap_server_is_tried_again(server, credentials, greeting):
    server.greeting = greeting

    with pytest.raises(RetryableError), logged_in(credentials):
        pass


def test_a_server_that_is_away_is_tried_again(server, credentials):
    server.close()

    with (
        pytest.raises(RetryableError, match=r"127\.0\.0\.1:\d+: no answer"),
        logged_in(credentials),
    ):
        pass


def test_names_and_passwords_are_said_as_they_are(server, credentials):
    credentials |= {"username": 'sh"op @x', "password": 'p"a\\ß'}

    with logged_in(credentials):
        pass

    assert server.said[1:3] == ["AUTHENTICATE PLAIN", '\0sh"op @x\0p"a\\ß']


def test_a_name_with_a_blank_is_quoted(server, credentials):
    with logged_in(credentials | {"username": "sh op"}):
        pass

    assert f'LOGIN "sh op" "{SECRET}"' in server.said


def test_a_token_is_said_by_xoauth2(server, credentials):
    with logged_in(with_token(credentials)):
        pass

    assert "user=shop\1auth=Bearer tok-1\1\1" in server.said


@pytest.mark.shows("A21")
@pytest.mark.parametrize(
    ("challenge", "kind"),
    [
        ('{"status":"400","schemes":"Bearer"}', AuthError),
        ('{"status":"401"}', AuthError),
        ('{"status":"503"}', RetryableError),
        ("nonsense", AuthError),
    ],
)
def test_a_refused_token_is_told_by_its_status(server, credentials, challenge, kind):
    server.challenge = challenge

    with pytest.raises(kind) as raised, logged_in(with_token(credentials)):
        pass

    assert "tok-1" not in str(raised.value)


def test_a_certificate_that_we_were_given_is_trusted(secure, certificate):
    _, credentials = secure

    with logged_in(credentials | {"certificates": certificate}) as session:
        assert [one.name for one in session.folders()] == ["INBOX", "Sent"]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_certificate_that_nobody_knows_gets_no_password(secure, tls):
    server, credentials = secure
    server.capabilities += " STARTTLS" if tls == "starttls" else ""

    with (
        pytest.raises(RetryableError, match="certificate is not valid"),
        logged_in(credentials | {"tls": tls}),
    ):
        pass

    assert not [one for one in server.said if "LOGIN" in one]


def test_a_certificate_for_another_name_gets_no_password(secure, certificate):
    server, credentials = secure
    given = credentials | {"certificates": certificate, "host": "127.0.0.1"}

    with (
        pytest.raises(RetryableError, match=r"not valid for '127\.0\.0\.1'"),
        logged_in(given),
    ):
        pass

    assert server.said == []


def test_starttls_comes_before_the_password(secure, certificate):
    server, credentials = secure
    server.capabilities += " STARTTLS"

    with logged_in(credentials | {"tls": "starttls", "certificates": certificate}):
        pass

    assert server.said[:2] == ["CAPABILITY", "STARTTLS"]


def test_a_server_without_starttls_gets_no_password(server, credentials):
    with pytest.raises(RetryableError), logged_in(credentials | {"tls": "starttls"}):
        pass

    assert not [one for one in server.said if "LOGIN" in one]


def test_a_server_that_drips_is_left_in_time(credentials):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=[listener], daemon=True).start()
        login = Login.read(credentials | {"port": listener.getsockname()[1]})
        began = time.monotonic()

        with pytest.raises(FAULTS):
            Connection(login, time.monotonic() + 0.3)

        assert time.monotonic() - began < 3


def drip(listener):
    client, _ = listener.accept()
    with client:
        try:
            while True:
                client.sendall(b"*")
                time.sleep(0.02)
        except OSError:
            return


def with_token(credentials):
    kept = {name: one for name, one in credentials.items() if name != "password"}
    return kept | {"access_token": "tok-1"}


@pytest.fixture
def server():
    server = FakeIMAP()
    yield server
    server.close()


@pytest.fixture
def credentials(server):
    return {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "username": "shop",
        "password": SECRET,
    }


@pytest.fixture
def secure(keys):
    """A server with TLS, and credentials for it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "certificate.pem", keys / "key.pem")
    server = FakeIMAP(context)
    given = {"port": server.port, "username": "shop", "password": SECRET}
    yield server, {"host": "localhost", "tls": "implicit", **given}
    server.close()
