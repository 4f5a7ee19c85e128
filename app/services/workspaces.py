"""What a workspace lets happen without a person."""

from dataclasses import dataclass
from uuid import UUID

from app import store
from app.errors import NotFound
from app.runtime import Runtime
from app.services.commerce.orders import set_trust
from app.services.outbound import auto_reply as switches


@dataclass(frozen=True)
class WorkspaceSettings:
    """A workspace as it is set now."""

    id: UUID
    name: str
    auto_reply: bool
    auto_reply_everywhere: bool
    """False where the operator has switched automatic replies off for all workspaces."""
    trust_orders: bool


def read_workspace(runtime: Runtime, workspace_id: UUID) -> WorkspaceSettings:
    """A workspace as it is set now.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        found = store.tenants.workspace(tx, workspace_id)
    if found is None:
        raise NotFound("no such workspace")
    return WorkspaceSettings(
        id=found.id,
        name=found.name,
        auto_reply=found.auto_reply,
        auto_reply_everywhere=runtime.settings.auto_replies,
        trust_orders=found.trust_orders,
    )


def change_workspace(
    runtime: Runtime,
    workspace_id: UUID,
    *,
    auto_reply: bool | None,
    trust_orders: bool | None,
    actor: str,
) -> WorkspaceSettings:
    """Set what is given and leave the rest.

    Safe to repeat: what stands so already is not changed. Raises NotFound.
    """
    before = read_workspace(runtime, workspace_id)
    if auto_reply is not None:
        switches.switch(runtime, workspace_id, allowed=auto_reply, actor=actor)
    if trust_orders not in (None, before.trust_orders):
        set_trust(runtime, workspace_id, trusted=bool(trust_orders), actor=actor)
    return read_workspace(runtime, workspace_id)
