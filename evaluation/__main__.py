"""`python -m evaluation`."""

import signal
import sys

# The processes that share the work import this file as well, and need nothing of the command.
if __name__ == "__main__":
    from app.logs import configure_logs
    from evaluation.command import main

    # Told to stop, we still drop what we made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    configure_logs("ERROR")
    sys.exit(main())
