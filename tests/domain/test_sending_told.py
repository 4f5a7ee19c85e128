"""What the documentation says of sending is what the code does."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from app.domain import reply_check
from app.domain.reply_policy import every_rule
from app.domain.status import OutboundState

TOLD = (Path(__file__).parents[2] / "docs" / "sending.md").read_text()
ROW = re.compile(r"^\| (`[^|]+) \| (.+) \|$", re.MULTILINE)
WORD = re.compile(r"`([a-z_]+)`")


def rows():
    """The rows of all tables: the words in the first column, and what is said of them."""
    return [(WORD.findall(first), said) for first, said in ROW.findall(TOLD)]


@pytest.mark.shows("H5")
def test_every_rule_is_told_in_its_own_words_and_order():
    rules = every_rule()

    told = [(word, said) for words, said in rows() for word in words if word in rules]

    assert told == list(rules.items())


def test_every_fault_of_a_text_is_told():
    tree = ast.parse(inspect.getsource(reply_check))
    known = {
        f"reply_{call.args[0].value}"
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "ReplyFault"
        and isinstance(call.args[0], ast.Constant)
    }

    told = {word for words, _ in rows() for word in words if word.startswith("reply_")}

    assert len(known) > 10
    assert told - set(every_rule()) == known


def test_every_state_is_told():
    words = {word for words, _ in rows() for word in words}

    assert set(OutboundState) <= words
