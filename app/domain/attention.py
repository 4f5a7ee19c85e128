"""What a conversation asks of the people who read the inbox."""

from enum import StrEnum


class Attention(StrEnum):
    """Each conversation asks for one of these, or is about to be decided."""

    ACT_NOW = "act_now"
    NEEDS_YOU = "needs_you"
    """Nobody but a person can decide it, or nobody else managed to."""
    QUICK_WIN = "quick_win"
    HANDLED = "handled"
    """It waits for nobody: answered, closed, or asking nothing."""
