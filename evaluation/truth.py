"""True threads as a file states them."""

from dataclasses import dataclass
from pathlib import Path

from app.domain.mail_ids import message_id
from evaluation.rows import Row, read_rows


@dataclass(frozen=True)
class Truth:
    """Which mails belong together."""

    threads: dict[str, int]
    """Message-ID → number of its thread."""
    parents: list[tuple[str, str]]
    """(reply, what it answers), where the file says so."""
    disputed: int
    """Ids that stand in several threads; what they belong to cannot be said."""


def read_truth(path: Path) -> Truth:
    """Read `{"message_ids": [...], "parent_edges": [[reply, parent], ...]}` per line.

    Raises InvalidInput.
    """
    threads: dict[str, int] = {}
    parents: list[tuple[str, str]] = []
    disputed: set[str] = set()
    for row in read_rows(path):
        for one in dict.fromkeys(_ids(row, "message_ids")):
            if threads.setdefault(one, row.number) != row.number:
                disputed.add(one)
        if "parent_edges" in row.fields:
            parents += _edges(row)
    for one in disputed:
        del threads[one]
    return Truth(threads, parents, len(disputed))


def _edges(row: Row) -> list[tuple[str, str]]:
    edges = row.fields["parent_edges"]
    if not isinstance(edges, list):
        raise row.fault("parent_edges is no list")
    pairs: list[tuple[str, str]] = []
    for edge in edges:
        if not isinstance(edge, list) or len(edge) != 2:
            raise row.fault("an edge is not [reply, parent]")
        reply, parent = (_id(row, one) for one in edge)
        pairs.append((reply, parent))
    return pairs


def _ids(row: Row, name: str) -> list[str]:
    values = row.fields.get(name)
    if not isinstance(values, list):
        raise row.fault(f"{name} is missing or no list")
    return [_id(row, value) for value in values]


def _id(row: Row, value: object) -> str:
    """An id in the form in which the product keeps ids."""
    if not isinstance(value, str):
        raise row.fault("an id is no text")
    found = message_id(f"<{value.strip('<> ')}>")
    if found is None:
        raise row.fault("an id is empty")
    return found
