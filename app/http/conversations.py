"""The inbox: conversations and their messages."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from app.domain.decision import Decision
from app.domain.status import ConversationStatus, Scope
from app.http import cursors
from app.http.answers import answer
from app.http.auth import needs
from app.http.bodies import read_model
from app.http.context import caller, runtime, workspace_id
from app.http.openapi import documented, problems
from app.http.schemas import (
    Conversation,
    ConversationChange,
    Conversations,
    Message,
    Messages,
    OneConversation,
    Relation,
)
from app.services import inbox

conversations = APIBlueprint(
    "conversations",
    __name__,
    url_prefix="/api/v1/conversations",
    abp_tags=[{"name": "conversations"}],
)


class ConversationPath(BaseModel):
    conversation_id: UUID


class Page(BaseModel):
    limit: int = Field(default=50, ge=1, le=100)
    cursor: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`next_cursor` of the page before.",
    )

    @property
    def before(self) -> tuple[datetime, UUID] | None:
        return cursors.decode(self.cursor) if self.cursor else None


class ConversationFilter(Page):
    decision: Decision | None = None
    status: ConversationStatus | None = None


@conversations.get("", responses={200: Conversations})
@needs(Scope.READ)
def list_conversations(query: ConversationFilter) -> Response:
    """Conversations, the one with the newest message first."""
    # One row more than asked for tells whether there is another page.
    found = inbox.list_conversations(
        runtime(),
        workspace_id(),
        limit=query.limit + 1,
        before=query.before,
        decision=query.decision,
        status=query.status,
    )
    items = [Conversation.model_validate(one) for one in found[: query.limit]]
    places = [(one.last_message_at, one.id) for one in found]
    return answer(
        Conversations(items=items, next_cursor=next_cursor(places, query.limit))
    )


@conversations.get(
    "/<uuid:conversation_id>", responses={200: OneConversation, **problems(404)}
)
@needs(Scope.READ)
def get_conversation(path: ConversationPath) -> Response:
    """One conversation; asked for by the id of a merged one, what that became."""
    found = inbox.get_conversation(runtime(), workspace_id(), path.conversation_id)
    row = Conversation.model_validate(found.conversation)
    return answer(
        OneConversation(
            **row.model_dump(),
            reply_subject=found.reply_subject,
            related=[Relation.model_validate(one) for one in found.related],
        )
    )


@conversations.get(
    "/<uuid:conversation_id>/messages", responses={200: Messages, **problems(404)}
)
@needs(Scope.READ)
def list_messages(path: ConversationPath, query: Page) -> Response:
    """The messages of a conversation, the newest first."""
    found = inbox.list_messages(
        runtime(),
        workspace_id(),
        path.conversation_id,
        limit=query.limit + 1,
        before=query.before,
    )
    items = [Message.model_validate(one) for one in found[: query.limit]]
    places = [(one.occurred_at, one.id) for one in found]
    return answer(Messages(items=items, next_cursor=next_cursor(places, query.limit)))


@conversations.patch(
    "/<uuid:conversation_id>",
    request_body=documented(ConversationChange),
    responses={200: Conversation, **problems(404, 413)},
)
@needs(Scope.SEND)
def change_conversation(path: ConversationPath) -> Response:
    """Switch the AI on or off for a conversation, or set its status."""
    change = read_model(ConversationChange)
    changed = inbox.change_conversation(
        runtime(),
        workspace_id(),
        path.conversation_id,
        ai_enabled=change.ai_enabled,
        status=change.status,
        actor=caller().actor,
    )
    return answer(Conversation.model_validate(changed))


def next_cursor(
    places: Sequence[tuple[datetime | None, UUID]], limit: int
) -> str | None:
    """Where the next page begins, if there is one: after the last row that is shown."""
    if len(places) <= limit:
        return None
    moment, row_id = places[limit - 1]
    assert moment is not None
    return cursors.encode(moment, row_id)
