from collections.abc import Iterator

import pytest

from tests.fakes import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A provider that answers as told."""
    server = ScriptedServer()
    yield server
    server.close()
