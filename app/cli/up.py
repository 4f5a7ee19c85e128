"""`up`: all processes of the Procfile, with the servers they need."""

import sys

import click
from honcho import manager as honcho_manager
from honcho.environ import parse_procfile
from honcho.manager import Manager

from app.bootstrap import build_runtime
from app.cli.output import say
from app.config import ROOT, process_environment
from app.embedded import complete
from app.jobs.publishing import NoPublisher
from app.services.operations.migrate import migrate

STOP_SECONDS = 70


@click.command()
@click.option("--without", multiple=True, help="Leave a process out, such as flower.")
def up(without: tuple[str, ...]) -> None:
    """Start everything and keep it running; Ctrl-C stops it all."""
    settings = complete()
    migrate(build_runtime(settings, NoPublisher(), pool_size=1))
    # A worker may finish what it holds; see worker_soft_shutdown_timeout.
    honcho_manager.KILL_WAIT = STOP_SECONDS
    manager = Manager()
    for name, command in _processes():
        if name not in without:
            manager.add_process(
                name, command, env=process_environment(settings), cwd=str(ROOT)
            )
    base = f"http://127.0.0.1:{settings.port}"
    say(f"Inbox      {base}/inbox")
    say(f"API docs   {base}/docs")
    say(f"Readiness  {base}/readyz")
    if "flower" not in without:
        say(f"Flower     http://127.0.0.1:{settings.flower_port}")
    manager.loop()
    sys.exit(manager.returncode)


def _processes() -> list[tuple[str, str]]:
    procfile = parse_procfile((ROOT / "Procfile").read_text())
    return [(name, f"exec {command}") for name, command in procfile.processes.items()]
