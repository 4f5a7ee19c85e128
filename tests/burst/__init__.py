"""Ten thousand webhooks at once: `python -m tests.burst`, or `make burst`."""
