"""The door for partners: messages in one shape, from any system that can post JSON."""

from http import HTTPStatus

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from app.domain.status import Scope
from app.errors import NotFound
from app.http.answers import answer
from app.http.auth import needs
from app.http.bodies import read_envelope
from app.http.context import runtime, workspace_id
from app.http.openapi import documented, problems
from app.http.schemas import Batch, BatchResult, Envelope
from app.services.sync.unified_ingest import ingest_batch

ingest = APIBlueprint("ingest", __name__, abp_tags=[{"name": "ingest"}])


@ingest.post(
    "/unified-ingest",
    request_body=documented(Batch),
    responses={202: BatchResult, **problems(404, 413)},
)
@needs(Scope.INGEST)
def unified_ingest() -> Response:
    """Keep messages of a connected account.

    Every message is judged alone: those that cannot be understood are named in `rejected` and kept as
    dead letters, the others are stored. A message that is there already is a duplicate and adds nothing,
    so a batch whose answer was lost can be sent again.
    """
    batch = read_envelope(Envelope)
    if batch.workspace_id != workspace_id():
        raise NotFound(f"no workspace {batch.workspace_id}")
    kept = ingest_batch(
        runtime(),
        batch.workspace_id,
        batch.config_id,
        channel=batch.channel,
        messages=batch.messages,
        run_id=batch.run_id,
    )
    return answer(
        BatchResult.model_validate(kept, from_attributes=True), HTTPStatus.ACCEPTED
    )
