"""`python -m tests.chaos.sender`: sends in children that may kill themselves, one after another.

Reads one JSON object a line, `{"plan", "workspace_id", "conversation_ids"}`, and answers each with
`{"killed_at"}`. A child is forked for each, so that dying costs no start of a new interpreter.
"""

import json
import os
import sys
from uuid import UUID

from app.bootstrap import build_runtime
from app.config import load_settings
from app.jobs.contracts import Outbound
from app.jobs.publishing import NoPublisher
from app.services.outbound.send import send


def main() -> None:
    """Serve until there is nothing more to read."""
    for line in sys.stdin:
        asked = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            # What is killed says where on its standard error.
            os.dup2(writing, 2)
            os.close(reading)
            _send(asked)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as told:
            said = told.read()
        os.waitpid(child, 0)
        points = [
            one.removeprefix("killed at ")
            for one in said.splitlines()
            if one.startswith("killed at ")
        ]
        sys.stdout.write(json.dumps({"killed_at": points, "said": said[-2000:]}) + "\n")
        sys.stdout.flush()


def _send(asked: dict[str, object]) -> None:
    settings = load_settings().model_copy(update={"kill_at": asked["plan"]})
    runtime = build_runtime(settings, NoPublisher(), pool_size=2)
    ids = asked["conversation_ids"]
    assert isinstance(ids, list)
    for conversation_id in ids:
        send(
            runtime,
            Outbound(
                workspace_id=UUID(str(asked["workspace_id"])),
                conversation_id=UUID(conversation_id),
            ),
        )


if __name__ == "__main__":
    main()
