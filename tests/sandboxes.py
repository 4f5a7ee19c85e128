"""Runs the sandbox inside the test process, on a port of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def running(app: Any, listen: Callable[[Any, int], Any]) -> Iterator[str]:
    """Serve until the end of the block; yields the base address."""
    server = listen(app, 0)
    thread = threading.Thread(
        target=server.serve_forever, args=(0.01,), name="sandbox", daemon=True
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
