"""What was said, found again; and how far it can be."""

from http import HTTPStatus

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from app.domain.status import Scope
from app.http.answers import answer
from app.http.auth import needs
from app.http.context import runtime, workspace_id
from app.http.knowledge_schemas import EmbeddingsRun, SearchResults
from app.services.knowledge.run_embeddings import run_embeddings
from app.services.knowledge.search import MAX_QUERY, search

knowledge = APIBlueprint("knowledge", __name__, abp_tags=[{"name": "knowledge"}])


class SearchQuery(BaseModel):
    q: str = Field(min_length=1, max_length=MAX_QUERY, description="What to look for.")
    limit: int = Field(default=10, ge=1, le=50)


@knowledge.get("/api/v1/search", responses={200: SearchResults})
@needs(Scope.READ)
def search_messages(query: SearchQuery) -> Response:
    """Messages that answer a question, by words and by meaning, the best first.

    Of each message the piece that answers best. What is quoted, secret, taken back or only a draft is
    not searched.
    """
    found = search(runtime(), workspace_id(), query.q, limit=query.limit)
    return answer(SearchResults.model_validate(found))


@knowledge.post("/jobs/embeddings/run", responses={202: EmbeddingsRun})
@needs(Scope.OPS)
def run_embeddings_job() -> Response:
    """Have the workers embed now what waits; says how much that is."""
    progress = run_embeddings(runtime(), workspace_id())
    return answer(EmbeddingsRun.model_validate(progress), HTTPStatus.ACCEPTED)
