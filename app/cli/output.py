"""How the command prints: tables for people, JSON for machines, talk on stderr."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

#: What is piped on must not be cut to the width of a screen that is not there.
stdout = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 1000)
stderr = Console(stderr=True, soft_wrap=True)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON instead of a table."
)


def show(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool
) -> None:
    """Print rows: the given columns as a table, or everything as JSON."""
    found = list(rows)
    if as_json:
        print_json(found)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # Half an id is of no use.
        table.add_column(column, no_wrap=column in {"id", "run_id", "event_id"})
    for row in found:
        # As it is: what came from outside may look like our markup.
        table.add_row(*(Text(_text(row.get(column))) for column in columns))
    stdout.print(table)


def show_one(record: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one record: a line per field, or JSON."""
    if as_json:
        print_json(record)
        return
    for line in _lines(record):
        click.echo(line)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))


def say(text: str, *, style: str | None = None) -> None:
    """Talk to a person, on stderr."""
    stderr.print(text, style=style, markup=False, highlight=False)


def report(sentence: str, record: Mapping[str, Any], *, as_json: bool) -> None:
    """Say what was done, or print the record of it for machines."""
    if as_json:
        print_json(record)
    else:
        say(sentence)


def _lines(record: Mapping[str, Any], indent: int = 0) -> Iterable[str]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield f"{' ' * indent}{name}:"
            yield from _lines(value, indent + 2)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield f"{' ' * indent}{name}:"
            for item in value:
                first, *rest = _lines(item, 0)
                yield f"{' ' * (indent + 2)}- {first}"
                yield from (f"{' ' * (indent + 4)}{line}" for line in rest)
        else:
            yield f"{' ' * indent}{name}: {_text(value)}"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
