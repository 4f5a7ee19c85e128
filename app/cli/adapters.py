"""`adapter`: which providers there are, and a file to begin a new one with."""

import keyword
import re
from pathlib import Path
from string import Template

import click

from app.channels.registry import Adapters
from app.channels.sending import Sender
from app.channels.webhook import Receiver, Subscriber
from app.cli.output import json_option, report, say, show
from app.config import ROOT, load_settings
from app.domain.unified_message import Channel
from app.errors import Conflict, InvalidInput
from app.services.accounts import DIRECT

_SKELETONS = Path(__file__).parent / "skeletons"
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST_NAME = 40


@click.group()
def adapter() -> None:
    """Providers that accounts can be connected to."""


@adapter.command("list")
@json_option
def list_adapters(as_json: bool) -> None:
    """All providers, and what each can do."""
    rows = [
        {
            "provider": one.provider,
            "channel": one.channel,
            "is_called": isinstance(one, Receiver),
            "subscribes": isinstance(one, Subscriber),
            "polls": one.polls,
            "imports": bool(one.folders),
            "sends": isinstance(one, Sender),
        }
        for one in Adapters(load_settings()).values()
    ]
    show(rows, tuple(rows[0]), as_json=as_json)


@adapter.command("new")
@click.argument("name")
@click.option(
    "--channel",
    type=click.Choice([channel.value for channel in Channel]),
    default=Channel.WEB.value,
    show_default=True,
    help="Where its messages travel.",
)
@json_option
def new_adapter(name: str, channel: str, as_json: bool) -> None:
    """Write the two files that a provider consists of, which pass the contract test as they are."""
    _check_name(name)
    file = f"{name.replace('-', '_')}.py"
    paths = {
        "adapter": ROOT / "app" / "channels" / "adapters" / file,
        "examples": ROOT / "tests" / "channels" / "examples" / file,
    }
    for path in paths.values():
        if not path.parent.is_dir():
            raise InvalidInput(
                "adapters are written in a source checkout, and this is an installed package: clone "
                "the repository and run `make setup` there"
            )
        if path.exists():
            raise Conflict(f"{path.relative_to(ROOT)} is there already")
    words = {
        "provider": name,
        "title": name.replace("-", " ").capitalize(),
        "class_name": "".join(part.capitalize() for part in name.split("-")),
        "kind": name.replace("-", "_"),
        "channel": Channel(channel).name,
    }
    for skeleton, path in paths.items():
        template = Template((_SKELETONS / f"{skeleton}.txt").read_text())
        # Whoever writes the same name at the same time must not be overwritten.
        with path.open("x") as opened:
            opened.write(template.substitute(words))
    written = [str(path.relative_to(ROOT)) for path in paths.values()]
    report(f"wrote {' and '.join(written)}", {"written": written}, as_json=as_json)
    say(
        f'1. make test ARGS="tests/channels tests/sync/test_contract_webhooks.py -q -k {name}" '
        "passes now, and has to pass in the end\n"
        f"2. {written[1]}: what the provider really sends, and how it signs\n"
        f"3. {written[0]}: read that; docs/adapters.md says what else an adapter can do\n"
        "4. make lint\n"
        f"5. bizzybee config add -w NAME --name {name} --provider {name} --credentials FILE, with "
        '{"webhook_secret": "…"} in the file; the provider calls '
        f"/webhooks/{name}/CONFIG_ID"
    )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise InvalidInput(
            f"{name!r} is no name for a provider: small letters, digits, single hyphens, a letter "
            f"first, {_LONGEST_NAME} characters at most"
        )
    if keyword.iskeyword(name) or name == DIRECT:
        raise InvalidInput(f"{name!r} means something else already")
    if name in Adapters(load_settings()):
        raise Conflict(f"there is an adapter for {name} already")
