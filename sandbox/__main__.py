"""`python -m sandbox`: serves until it is told to stop; prints its address first."""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import NoReturn

from sandbox.server import SIGNING_SECRET, create_sandbox, listen


def main() -> None:
    """Serve the sandbox, and say on stdout where, once it listens."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, _stop)
    try:
        app = create_sandbox(
            asked.mailbox,
            asked.owner,
            latency_ms=asked.latency_ms,
            omit_every=asked.omit_bodies,
            signing_secret=asked.signing_secret,
            seed=asked.seed,
        )
    except OSError as error:
        sys.exit(f"the mailbox cannot be read: {error}")
    server = listen(app, asked.port)
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{server.port}"}) + "\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--mailbox", type=Path, help="an mbox file, may end in .gz")
    parser.add_argument("--owner", default="owner@shop.example", help="its address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency-ms", type=int, default=0, help="of every answer")
    parser.add_argument(
        "--omit-bodies",
        type=_every,
        default=0,
        metavar="every=N",
        help="lists leave out the body of every Nth mail",
    )
    parser.add_argument(
        "--signing-secret", default=SIGNING_SECRET, help="signs notifications"
    )
    parser.add_argument("--seed", type=int, default=0, help="of what is shuffled")
    return parser.parse_args()


def _every(value: str) -> int:
    name, _, number = value.partition("=")
    if name != "every" or not number.isdecimal():
        raise argparse.ArgumentTypeError("write every=N")
    return int(number)


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
