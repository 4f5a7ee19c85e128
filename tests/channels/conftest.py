from collections.abc import Iterator

import pytest

from tests.fakes import ScriptedServer
from tests.imap_servers import DOVECOT, Mailbox, Server, Wire, dovecot, pymap


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A provider that answers as told."""
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def _pymap() -> Iterator[Server]:
    with pymap() as server:
        yield server


@pytest.fixture(scope="session")
def _dovecot() -> Iterator[Server]:
    with dovecot() as server:
        yield server


@pytest.fixture(
    params=[
        "pymap",
        pytest.param(
            "dovecot",
            marks=pytest.mark.skipif(DOVECOT is None, reason="needs dovecot-imapd"),
        ),
    ]
)
def mailbox(request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    """A mailbox on a real IMAP server, with nothing in it."""
    server: Server = request.getfixturevalue(f"_{request.param}")
    mailbox = server.mailbox()
    yield mailbox
    mailbox.phone.logout()


@pytest.fixture
def wire(mailbox: Mailbox) -> Iterator[Wire]:
    """The way to the mailbox's server."""
    wire = Wire(mailbox.server.port)
    yield wire
    wire.close()
