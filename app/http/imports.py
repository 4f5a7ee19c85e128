"""Imports: begin one, and see how far it has come."""

from http import HTTPStatus
from uuid import UUID

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from app.domain.status import Scope
from app.errors import NotFound
from app.http.answers import answer
from app.http.auth import needs
from app.http.bodies import read_model
from app.http.context import runtime, workspace_id
from app.http.openapi import documented, problems
from app.http.schemas import Run, StartedImport, StartImport
from app.services.sync.start_import import run_progress, start_import

imports = APIBlueprint("imports", __name__, abp_tags=[{"name": "imports"}])


class RunPath(BaseModel):
    run_id: UUID


@imports.post(
    "/start-email-import",
    request_body=documented(StartImport),
    responses={202: StartedImport, **problems(404, 409, 413)},
)
@needs(Scope.IMPORT)
def start_email_import() -> Response:
    """Begin to read an account's history.

    In mode `triage` the newest inbound message of each conversation is decided, in mode `history`
    everything is kept and nothing is decided. One import at a time per account.
    """
    wanted = read_model(StartImport)
    if wanted.workspace_id != workspace_id():
        raise NotFound(f"no workspace {wanted.workspace_id}")
    run_id = start_import(
        runtime(),
        wanted.workspace_id,
        wanted.config_id,
        mode=wanted.mode,
        cap=wanted.cap,
    )
    return answer(StartedImport(run_id=run_id), HTTPStatus.ACCEPTED)


@imports.get("/api/v1/runs/<uuid:run_id>", responses={200: Run, **problems(404)})
@needs(Scope.READ, Scope.IMPORT)
def get_run(path: RunPath) -> Response:
    """How far an import and its events have come."""
    return answer(
        Run.model_validate(run_progress(runtime(), workspace_id(), path.run_id))
    )
