"""The workspace of the key: what it lets happen without a person."""

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from app.domain.status import Scope
from app.http.answers import answer
from app.http.auth import needs
from app.http.bodies import read_model
from app.http.context import caller, runtime, workspace_id
from app.http.openapi import documented, problems
from app.http.outbound_schemas import Workspace, WorkspaceChange
from app.services import workspaces as use_cases

workspaces = APIBlueprint(
    "workspaces",
    __name__,
    url_prefix="/api/v1/workspace",
    abp_tags=[{"name": "workspace"}],
)


@workspaces.get("", responses={200: Workspace})
@needs(Scope.READ)
def get_workspace() -> Response:
    """The workspace of the key."""
    found = use_cases.read_workspace(runtime(), workspace_id())
    return answer(Workspace.model_validate(found))


@workspaces.patch(
    "",
    request_body=documented(WorkspaceChange),
    responses={200: Workspace, **problems(413)},
)
@needs(Scope.OPS, Scope.SEND)
def change_workspace() -> Response:
    """Allow or forbid what happens without a person.

    An automatic reply that is on its way is looked at again before it goes out.
    """
    change = read_model(WorkspaceChange)
    changed = use_cases.change_workspace(
        runtime(),
        workspace_id(),
        auto_reply=change.auto_reply,
        trust_orders=change.trust_orders,
        actor=caller().actor,
    )
    return answer(Workspace.model_validate(changed))
