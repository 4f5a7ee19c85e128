"""Messages that are searched, and what makes them so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.jobs.contracts import Embed
from app.models import RagChunk
from app.runtime import Runtime
from app.services.knowledge.embed import embed
from app.services.pipeline.materialize import materialize
from tests.factories import message
from tests.fakes import ScriptedEmbedder


@pytest.fixture
def embedder() -> ScriptedEmbedder:
    return ScriptedEmbedder()


@pytest.fixture
def knowing(runtime: Runtime, embedder: ScriptedEmbedder) -> Runtime:
    """A runtime that embeds with `embedder`."""
    return replace(runtime, embedder=embedder)


@pytest.fixture
def say(make, config, knowing) -> Callable[..., Any]:
    """Stores a message with this text; returns it."""

    def say(text: str, *, of: Any = config, **fields: Any) -> Any:
        (event_id,) = make.events(of, message(body_text=text, **fields))
        materialize(knowing, make.materialize_job(of, [event_id]))
        event = make.event(event_id)
        return make.messages_of([event_id])[0] if event.message_id else None

    return say


@pytest.fixture
def learn(knowing, workspace) -> Callable[..., dict[str, int]]:
    """Runs the job; returns what became of how many."""

    def learn(of: Any = workspace, runtime: Runtime = knowing) -> dict[str, int]:
        return embed(runtime, Embed(workspace_id=of.id)).counts

    return learn


@pytest.fixture
def chunks(runtime) -> Callable[[], list[RagChunk]]:
    """All pieces there are, in the order of their messages."""

    def chunks() -> list[RagChunk]:
        with runtime.system_transaction() as tx:
            return list(
                tx.session.scalars(
                    select(RagChunk).order_by(RagChunk.message_id, RagChunk.position)
                )
            )

    return chunks
