from pathlib import Path

import pytest

from app.channels import adapters as found_in
from app.channels.adapters.aurinko import AurinkoAdapter
from app.channels.base import ChannelAdapter
from app.channels.registry import Adapters
from app.config import Settings
from app.domain.unified_message import Channel
from app.errors import InvalidInput


def test_every_file_in_adapters_is_found(adapters):
    files = Path(found_in.__path__[0]).glob("[!_]*.py")

    assert list(adapters) == sorted(file.stem.replace("_", "-") for file in files)
    assert {"aurinko", "imap", "twilio-sms", "whatsapp"} < set(adapters)
    assert isinstance(adapters.of("aurinko"), AurinkoAdapter)
    assert adapters["aurinko"] is adapters.of("aurinko")


def test_an_unknown_provider_is_refused_with_the_known_ones(adapters):
    with pytest.raises(InvalidInput) as raised:
        adapters.of("pigeon")

    known = ", ".join(adapters)
    assert str(raised.value) == f"unknown provider 'pigeon'; known are: {known}"


def test_a_provider_without_history_has_no_folders_and_no_pages():
    class Mute(ChannelAdapter):
        provider = "mute"
        channel = Channel.SMS

        @classmethod
        def from_settings(cls, settings):
            return cls()

    mute = Mute.from_settings(None)

    assert mute.folders == ()
    with pytest.raises(NotImplementedError, match="mute has no history to import"):
        mute.fetch_page(None, folder="INBOX", token=None, limit=1, known=set)


@pytest.fixture
def adapters() -> Adapters:
    return Adapters(Settings())
