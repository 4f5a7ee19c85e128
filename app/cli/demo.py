"""`demo`: the main job on a real mailbox, through real processes and simulated providers."""

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import requests

from app import store
from app.channels.mailbox import read_mbox
from app.cli import demo_chat, session
from app.cli.demo_processes import CAP, DemoFailed, everything, sandbox, settings_for
from app.cli.imports import count_bar
from app.cli.output import json_option, print_json, say, show_one
from app.config import ROOT
from app.domain.status import Scope
from app.embedded import complete
from app.errors import NotFound
from app.models import ChannelConfig, Workspace
from app.services import accounts
from app.services.operations.report import run_report

WORKSPACE = "Demo"
SAMPLE = ROOT / "sandbox" / "sample.mbox"
SAMPLE_OWNER = "support@harbourbikes.example"
#: Nothing finished for so long: something is stuck, and the demo says so instead of waiting.
STUCK_SECONDS = 90.0


@click.command()
@click.option(
    "--mbox",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own mailbox instead of the bundled one.",
)
@click.option("--owner", help="Its owner's address; mail from it counts as sent.")
@json_option
def demo(mbox: Path | None, owner: str | None, as_json: bool) -> None:
    """Import a mailbox, decide and draft; then let a customer write, be answered and order.

    All of it through web, workers and beat. Ends with status 0 when every event has reached a terminal
    state, each answer went out once and there is one order. Running it again adds nothing.
    """
    started, since = time.monotonic(), datetime.now(UTC)
    settings = complete()
    path = (mbox or SAMPLE).resolve()
    owner = owner or (SAMPLE_OWNER if mbox is None else "owner@mailbox.example")
    logs = settings.data_dir / "demo"
    logs.mkdir(parents=True, exist_ok=True)
    with sandbox(settings, path, owner, logs) as sandbox_url:
        demo_settings = settings_for(settings, sandbox_url)
        with everything(demo_settings, logs) as web_url:
            say(f"everything is up after {time.monotonic() - started:.1f} s")
            workspace, config, prefix, key = _account(path, owner)
            try:
                run_id = broken_off(workspace, config) or _import(
                    web_url, key, workspace, config
                )
                seconds = _watch(web_url, key, run_id, path)
            finally:
                accounts.revoke_key(session.runtime(), prefix, actor="demo")
            say("a customer writes to the shop on WhatsApp")
            assert demo_settings.meta_app_secret is not None
            told = demo_chat.play(
                demo_chat.open_shop(),
                web=web_url,
                sandbox=sandbox_url,
                secret=demo_settings.meta_app_secret.get_secret_value(),
                since=since,
            )
    report = run_report(session.runtime(), workspace.id, run_id, seconds=seconds)
    _show(report, told.record, settings.port, as_json=as_json)
    for fault in told.faults:
        say(fault, style="red")
    done = report["unfinished"] == 0 and report["import"]["state"] == "completed"
    if done and not told.faults:
        say("every event is terminal, every answer went out once", style="green")
    else:
        say("not finished", style="red")
    sys.exit(0 if done and not told.faults else 1)


def _show(
    report: Mapping[str, Any], chat: Mapping[str, Any], port: int, *, as_json: bool
) -> None:
    if as_json:
        print_json({**report, "chat": chat})
        return
    show_one(report, as_json=False)
    if not chat:
        return
    name = chat["workspace"]
    click.echo(f"\n{name}, on WhatsApp:")
    for line in chat["dialogue"]:
        delivery = f" [{line['delivery']}]" if line["delivery"] else ""
        said = " ".join(line["said"].split())
        click.echo(f"  {line['who']}: {said}{delivery}")
    for order in chat["orders"]:
        items = ", ".join(order["items"])
        click.echo(
            f"  order {order['id']}: {items}, {order['total']}, {order['state']}"
        )
    sent, seconds = chat["this_time"]["sent"], chat["this_time"]["seconds"]
    click.echo(f"  {sent} replies sent this time, in {seconds} s\n")
    click.echo(f'bizzybee orders list -w "{name}"')
    click.echo(f'bizzybee outbound list -w "{name}"')
    click.echo(
        f"bizzybee up, then http://127.0.0.1:{port}/inbox/{chat['conversation_id']} with the key of\n"
        f'bizzybee key create -w "{name}" --name me --scope read --scope send --scope ops'
    )


def _account(path: Path, owner: str) -> tuple[Workspace, ChannelConfig, str, str]:
    """The demo's workspace and account, the same ones each time, and a key for this time."""
    runtime = session.runtime()
    try:
        workspace = accounts.find_workspace(runtime, WORKSPACE)
    except NotFound:
        workspace = accounts.create_workspace(runtime, WORKSPACE)
    try:
        config = accounts.find_config(runtime, workspace.id, str(path))
    except NotFound:
        config = accounts.add_config(
            runtime,
            workspace.id,
            name=str(path),
            provider="aurinko",
            channel="email",
            addresses=[owner],
            credentials={"access_token": "sandbox-demo"},
            actor="demo",
        )
    row, key = accounts.create_key(
        runtime,
        workspace.id,
        name="demo",
        scopes=[Scope.IMPORT, Scope.READ],
        actor="demo",
    )
    return workspace, config, row.prefix, key


def broken_off(workspace: Workspace, config: ChannelConfig) -> UUID | None:
    """The import that a demo left behind when it was stopped; the processes have taken it up again."""
    with session.runtime().transaction(workspace.id) as tx:
        return next(
            (
                run.id
                for run in store.runs.newest_first(tx)
                if run.config_id == config.id and run.state in store.runs.GOING
            ),
            None,
        )


def _import(url: str, key: str, workspace: Workspace, config: ChannelConfig) -> UUID:
    answer = requests.post(
        f"{url}/start-email-import",
        json={
            "workspace_id": str(workspace.id),
            "config_id": str(config.id),
            "cap": CAP,
        },
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
    )
    if answer.status_code != 202:
        raise DemoFailed(f"the import was refused: {answer.text}")
    return UUID(answer.json()["run_id"])


def _watch(url: str, key: str, run_id: UUID, path: Path) -> float:
    """Show the run's progress until all its events are terminal; returns the seconds it took."""
    started = changed = time.monotonic()
    total = sum(1 for _ in read_mbox(path))
    seen: tuple[Any, ...] = ()
    with count_bar() as bars:
        fetched = bars.add_task("fetched ", total=total)
        finished = bars.add_task("finished", total=total)
        while True:
            run = requests.get(
                f"{url}/api/v1/runs/{run_id}",
                headers={"Authorization": f"Bearer {key}"},
                timeout=10,
            ).json()
            bars.update(fetched, completed=run["fetched_so_far"])
            bars.update(
                finished, completed=run["finished_events"], total=run["events"] or total
            )
            now = (run["fetched_so_far"], run["finished_events"], run["state"])
            if now != seen:
                seen, changed = now, time.monotonic()
            if run["state"] not in ("queued", "running") and (
                run["events"] == run["finished_events"]
            ):
                return time.monotonic() - started
            if time.monotonic() - changed > STUCK_SECONDS:
                say("nothing has moved for a while; giving up", style="red")
                return time.monotonic() - started
            time.sleep(0.25)
