"""Files from addresses that messages bring: nothing of ours can be reached through one."""

import socket
import time

import pytest

from app.channels.download import MAX_REDIRECTS, Downloads
from app.errors import Gone, PermanentError, Refused, RetryableError

pytestmark = pytest.mark.shows("L2", "A19")

LIMIT = 1000

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
    "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0",
    "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_inside_is_refused(address):
    asked = Resolver(address)

    with pytest.raises(Refused, match="not a public one"):
        Downloads(max_bytes=LIMIT, resolve=asked).fetch("https://files.example/a.pdf")

    assert asked.names == ["files.example"]


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/a", "ftp://files.example/a", "file:///etc/passwd",
        "https://", "https:///a", "//files.example/a", "", "a.pdf", "data:,x",
        "https://user:secret@files.example/", "https://files.example:22/",
        "https://files.example:99999/", "https://[::1/", "https://files.example/a\r\nX: y",
        "https://files.example/a b", "https://f\u00fcr.example/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_an_address_of_another_kind_is_refused(url):
    asked = Resolver("93.184.215.14")

    with pytest.raises(Refused) as refusal:
        Downloads(max_bytes=LIMIT, resolve=asked).fetch(url)

    assert asked.names == []
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "written", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "localhost", "127.1"]
)
def test_the_machine_itself_is_refused_however_it_is_written(written):
    with pytest.raises((Refused, RetryableError)) as refusal:
        Downloads(max_bytes=LIMIT).fetch(f"https://{written}/")

    assert "certificate" not in str(refusal.value)
    assert "connected" not in str(refusal.value)


def test_the_address_that_was_checked_is_the_one_that_is_connected(server):
    """A name that resolves to something else a moment later makes no difference."""
    asked = Resolver("127.0.0.1", then="203.0.113.1")
    server.answer(b"a receipt")

    content = inside(asked).fetch(f"http://files.example:{port(server)}/a?b=c")

    (request,) = server.requests
    assert content == b"a receipt"
    assert asked.names == ["files.example"]
    assert request.headers["Host"] == f"files.example:{port(server)}"
    assert (request.path, request.query) == ("/a", {"b": "c"})
    assert "Cookie" not in request.headers
    assert "Authorization" not in request.headers


def test_a_redirect_is_followed_and_checked_anew(server):
    server.answer(status=302, headers={"Location": "/b"})
    server.answer(b"there")

    assert inside().fetch(f"{server.url}/a") == b"there"

    server.answer(status=301, headers={"Location": "ftp://inside.example/"})
    with pytest.raises(Refused):
        inside().fetch(f"{server.url}/a")
    assert [asked.path for asked in server.requests] == ["/a", "/b", "/a"]


def test_an_address_that_leads_in_circles_is_refused(server):
    for _ in range(MAX_REDIRECTS + 1):
        server.answer(status=302, headers={"Location": "/a"})

    with pytest.raises(Refused, match="leads on more than 3 times"):
        inside().fetch(f"{server.url}/a")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 404}, Gone),
        ({"status": 410}, Gone),
        ({"status": 403}, Gone),
        ({"status": 429, "headers": {"Retry-After": "7"}}, RetryableError),
        ({"status": 500}, RetryableError),
        ({"status": 408}, RetryableError),
        ({"status": 400}, PermanentError),
        ({"drop": True}, RetryableError),
        ({"content": b"x" * 500, "cut": True}, RetryableError),
        ({"content": b"x" * (LIMIT + 1)}, Refused),
        (
            {
                "content": b"7d1\r\n" + b"x" * 2001 + b"\r\n0\r\n\r\n",
                "headers": {"Transfer-Encoding": "chunked"},
            },
            Refused,
        ),
    ],
    ids=[
        "not found", "gone", "permission expired", "too many", "broken", "timeout", "wrong",
        "hangs up", "breaks off", "too large", "too large and says nothing of it",
    ],
)  # fmt: skip
def test_each_answer_says_what_follows(server, answer, error):
    server.answer(**answer)

    with pytest.raises(error) as refusal:
        inside().fetch(f"{server.url}/secret?token=hunter2")

    assert type(refusal.value) is error
    assert "hunter2" not in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_what_is_as_large_as_allowed_is_taken(server):
    server.answer(b"x" * LIMIT)

    assert len(inside().fetch(server.url)) == LIMIT


def test_an_answer_that_drips_holds_no_worker(server):
    server.answer(b"x" * 900, drip=0.05)
    begun = time.monotonic()

    with pytest.raises(RetryableError, match="too slowly"):
        inside(deadline=0.5).fetch(server.url)

    assert time.monotonic() - begun < 5


def test_a_server_without_a_certificate_of_its_name_gets_no_request(server):
    with pytest.raises(RetryableError, match="no valid certificate"):
        inside().fetch(server.url.replace("http:", "https:"))

    assert server.requests == []


class Resolver:
    """The names of the world, as a test has them."""

    def __init__(self, address, then=None):
        self.addresses = [address, then or address]
        self.names = []

    def __call__(self, host, port, type=0):
        self.names.append(host)
        address = self.addresses[min(len(self.names), len(self.addresses)) - 1]
        return [(socket.AF_INET, type, 6, "", (address, port))]


def inside(resolve=socket.getaddrinfo, deadline=20.0):
    """Downloads as development has them: a test's server is inside."""
    return Downloads(
        max_bytes=LIMIT, allow_private=True, deadline=deadline, resolve=resolve
    )


def port(server):
    return int(server.url.rpartition(":")[2])
