"""`search`: find what was said."""

from dataclasses import asdict
from typing import Any

import click

from app.cli import session
from app.cli.output import json_option, print_json, say, show
from app.services.knowledge.search import Hit
from app.services.knowledge.search import search as find

_COLUMNS = ("at", "who", "subject", "said", "conversation_id")
_BEFORE, _LONGEST = 40, 160


@click.command("search")
@session.workspace_option
@click.option("--limit", type=click.IntRange(1, 50), default=10, show_default=True)
@click.argument("words", nargs=-1, required=True)
@json_option
def search(workspace: str, limit: int, words: tuple[str, ...], as_json: bool) -> None:
    """Messages that answer a question, by words and by meaning."""
    owner = session.workspace(workspace)
    found = find(session.runtime(), owner.id, " ".join(words), limit=limit)
    if as_json:
        print_json(asdict(found))
        return
    if found.remark:
        say(f"only words were looked for: {found.remark}")
    show(map(_row, found.items), _COLUMNS, as_json=False)


def _row(hit: Hit) -> dict[str, Any]:
    return {
        "at": hit.occurred_at.strftime("%Y-%m-%d %H:%M"),
        "who": hit.sender.get("name") or hit.sender.get("value"),
        "subject": hit.subject,
        "said": _excerpt(hit),
        "conversation_id": hit.conversation_id,
    }


def _excerpt(hit: Hit) -> str:
    """One line around the first word that was looked for."""
    first = hit.highlights[0][0] if hit.highlights else 0
    start = max(first - _BEFORE, 0)
    text = " ".join(hit.text[start : start + _LONGEST].split())
    return f"…{text}" if start else text
