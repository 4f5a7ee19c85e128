import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of its own for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / "certificate.pem").write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
    )
    return folder


@pytest.fixture
def certificate(keys: Path) -> str:
    return (keys / "certificate.pem").read_text()
