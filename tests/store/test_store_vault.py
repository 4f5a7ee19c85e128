"""Credentials at rest."""

import base64
import json
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.errors import ConfigurationError
from app.models import AuditEntry, ChannelConfig
from app.services import accounts
from app.store.vault import Vault

pytestmark = pytest.mark.shows("L3")

SECRET = "ya29.very-secret"
CREDENTIALS = {"access_token": SECRET, "expires": 1790000000, "nested": {"ü": [1]}}


def test_what_is_sealed_can_be_opened(vault, place):
    sealed = vault.seal(CREDENTIALS, **place)

    assert vault.open(sealed, **place) == CREDENTIALS


def test_the_same_credentials_never_look_the_same(vault, place):
    seals = {vault.seal(CREDENTIALS, **place) for _ in range(100)}

    assert len(seals) == 100


def test_nothing_readable_is_left(vault, place):
    sealed = vault.seal(CREDENTIALS, **place)

    for visible in (SECRET, "access_token", "expires"):
        assert visible.encode() not in sealed
        assert base64.b64encode(visible.encode()).rstrip(b"=") not in sealed


@pytest.mark.parametrize("other", ["workspace_id", "config_id"])
def test_a_row_copied_to_another_account_does_not_open(vault, place, other):
    sealed = vault.seal(CREDENTIALS, **place)

    with pytest.raises(ConfigurationError, match="BB_SECRET_KEY") as refusal:
        vault.open(sealed, **place | {other: uuid4()})

    assert SECRET not in str(refusal.value)


def test_another_key_does_not_open_and_the_message_says_what_to_do(vault, place):
    sealed = Vault(b"another key of thirty-two bytes!").seal(CREDENTIALS, **place)

    with pytest.raises(ConfigurationError) as refusal:
        vault.open(sealed, **place)

    assert str(refusal.value) == (
        f"the credentials of account {place['config_id']} were sealed with another "
        "BB_SECRET_KEY; restore that key or enter them again"
    )


@pytest.mark.parametrize(
    "position", [0, 4, 16, -1], ids=["key", "nonce", "text", "tag"]
)
def test_what_was_tampered_with_does_not_open(vault, place, position):
    sealed = bytearray(vault.seal(CREDENTIALS, **place))
    sealed[position] ^= 1

    with pytest.raises(ConfigurationError):
        vault.open(bytes(sealed), **place)


@pytest.mark.parametrize("length", [0, 3, 4, 16, 20])
def test_what_was_cut_short_does_not_open(vault, place, length):
    sealed = vault.seal(CREDENTIALS, **place)

    with pytest.raises(ConfigurationError):
        vault.open(sealed[:length], **place)


def test_a_key_of_another_length_is_refused():
    with pytest.raises(ValueError, match="key"):
        Vault(b"short")


def test_the_database_holds_the_seal_only(runtime, workspace, make):
    config = make.config(workspace, credentials={"access_token": SECRET})

    with runtime.system_transaction() as tx:
        stored = tx.session.scalar(
            select(ChannelConfig.credentials).where(ChannelConfig.id == config.id)
        )
        audited = tx.session.scalars(select(AuditEntry.details)).all()

    assert SECRET.encode() not in stored
    assert SECRET not in json.dumps(audited)
    assert accounts.account_of(runtime, config).credentials == {"access_token": SECRET}
    assert SECRET not in repr(accounts.account_of(runtime, config))


@pytest.fixture
def vault():
    return Vault(b"a key that has thirty-two bytes!")


@pytest.fixture
def place():
    return {"workspace_id": uuid4(), "config_id": uuid4()}
