"""Where a web process listens, and when it does."""

import socket
import time

import requests


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    """Return once a web process says that it is ready."""
    deadline = time.monotonic() + 90
    while True:
        try:
            if requests.get(url, timeout=2).status_code == 200:
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < deadline, "the web process does not come up"
        time.sleep(0.2)
