"""Why a message was treated as it was."""

from uuid import UUID

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from app.domain.status import Scope
from app.http.answers import answer
from app.http.auth import needs
from app.http.context import caller, runtime
from app.http.openapi import problems
from app.http.schemas import Explanation
from app.services.operations.explain import explain_event

events = APIBlueprint(
    "events", __name__, url_prefix="/api/v1/events", abp_tags=[{"name": "events"}]
)


class EventPath(BaseModel):
    event_id: UUID


@events.get("/<uuid:event_id>/explain", responses={200: Explanation, **problems(404)})
@needs(Scope.READ, Scope.OPS, operators=True)
def explain(path: EventPath) -> Response:
    """All that led to the state of an event: arrival, place, judgement, draft, every try."""
    found = explain_event(runtime(), path.event_id, workspace_id=caller().workspace_id)
    return answer(Explanation.model_validate(found))
