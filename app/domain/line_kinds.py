"""What a line of a mail is."""

from enum import IntEnum


class Kind(IntEnum):
    """Whose a line is, or what it is for."""

    WRITTEN = 0
    QUOTED = 1
    SIGNATURE = 2
    INDENTED = 3
    """Set in, as quotes are, but also lists and verses: what stands above decides."""
