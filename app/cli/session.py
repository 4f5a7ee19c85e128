"""What a command works with: settings, a migrated database, a runtime."""

from functools import cache

import click

from app.bootstrap import build_runtime
from app.config import load_settings
from app.embedded import complete
from app.models import ChannelConfig, Workspace
from app.runtime import Runtime
from app.services import accounts
from app.services.operations.migrate import migrate

workspace_option = click.option(
    "--workspace", "-w", required=True, help="Name or id of the workspace."
)


@cache
def runtime() -> Runtime:
    """The runtime of this command.

    An embedded database is migrated on the way; a database of the operator's is left to
    `bizzybee migrate`.
    """
    # Reading settings and starting servers comes first: importing Celery's configuration does both.
    from tasks.celery_app import publish_or_give_up
    from tasks.publisher import CeleryPublisher

    publish_or_give_up()
    settings = complete()
    current = build_runtime(settings, CeleryPublisher(), pool_size=2)
    if load_settings().database_url is None:
        migrate(current)
    return current


def workspace(reference: str) -> Workspace:
    """The workspace a command was given."""
    return accounts.find_workspace(runtime(), reference)


def config(owner: Workspace, reference: str) -> ChannelConfig:
    """The account a command was given, by name or id."""
    return accounts.find_config(runtime(), owner.id, reference)


#: An id on the command line.
ID = click.UUID
