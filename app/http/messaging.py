"""What we send: messages, drafts, and the queue on which both go out."""

from http import HTTPStatus
from uuid import UUID

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from app.domain.status import OutboundState, Scope
from app.errors import InvalidInput
from app.http.answers import answer
from app.http.auth import needs
from app.http.bodies import read_model
from app.http.context import caller, runtime, workspace_id
from app.http.conversations import ConversationPath, Page, next_cursor
from app.http.openapi import documented, problems
from app.http.outbound_schemas import (
    Dispatched,
    Draft,
    DraftApproval,
    DraftEdit,
    Drafts,
    Outbound,
    OutboundList,
    OutboundRequest,
    QueuedMessages,
    Settlement,
)
from app.services.outbound import drafts
from app.services.outbound import messages as use_cases
from app.services.outbound.enqueue import Queued

KEY_HEADER = "Idempotency-Key"
MAX_KEY = 200

messaging = APIBlueprint(
    "messaging", __name__, url_prefix="/api/v1", abp_tags=[{"name": "messaging"}]
)


class OutboundPath(BaseModel):
    outbound_id: UUID


class OutboundFilter(Page):
    state: OutboundState | None = None
    conversation_id: UUID | None = None


@messaging.post(
    "/messaging/outbound",
    request_body=documented(OutboundRequest),
    responses={202: QueuedMessages, **problems(404, 409, 413)},
)
@needs(Scope.SEND)
def send_message() -> Response:
    """Queue a message. The same `Idempotency-Key` with the same body gives the same message again."""
    wanted = read_model(OutboundRequest)
    queued = use_cases.send_message(
        runtime(),
        workspace_id(),
        use_cases.Wanted(
            text=wanted.text,
            html=wanted.html,
            subject=wanted.subject,
            conversation_id=wanted.conversation_id,
            target_message_id=wanted.target_message_id,
            config_id=wanted.config_id,
            to=wanted.to,
            send_at=wanted.send_at,
        ),
        key=_key(),
        actor=caller().actor,
    )
    return answer(_queued(queued), HTTPStatus.ACCEPTED)


@messaging.post(
    "/messaging/outbound/dispatch-next", responses={200: Dispatched, **problems(429)}
)
@needs(Scope.SEND)
def dispatch_next() -> Response:
    """Send what has waited longest right now, and say how that ended."""
    outcomes = use_cases.dispatch_next(runtime(), workspace_id())
    return answer(Dispatched(processed=sum(outcomes.values()), outcomes=outcomes))


@messaging.get("/messaging/outbound", responses={200: OutboundList})
@needs(Scope.READ)
def list_outbound(query: OutboundFilter) -> Response:
    """What was queued, the newest first."""
    found = use_cases.list_outbound(
        runtime(),
        workspace_id(),
        state=query.state,
        conversation_id=query.conversation_id,
        before=query.before,
        limit=query.limit + 1,
    )
    items = [Outbound.model_validate(one) for one in found[: query.limit]]
    places = [(one.created_at, one.id) for one in found]
    return answer(
        OutboundList(items=items, next_cursor=next_cursor(places, query.limit))
    )


@messaging.get(
    "/messaging/outbound/<uuid:outbound_id>",
    responses={200: Outbound, **problems(404)},
)
@needs(Scope.READ)
def get_outbound(path: OutboundPath) -> Response:
    """One message of the queue."""
    found = use_cases.get_outbound(runtime(), workspace_id(), path.outbound_id)
    return answer(Outbound.model_validate(found))


@messaging.post(
    "/messaging/outbound/<uuid:outbound_id>/settle",
    request_body=documented(Settlement),
    responses={200: Outbound, **problems(404, 409)},
)
@needs(Scope.SEND)
def settle(path: OutboundPath) -> Response:
    """Say what became of a message whose outcome is unknown; one that was not sent is sent again."""
    settlement = read_model(Settlement)
    # Another workspace's message is none.
    use_cases.get_outbound(runtime(), workspace_id(), path.outbound_id)
    found = use_cases.settle(
        runtime(),
        path.outbound_id,
        was_sent=settlement.was_sent,
        actor=caller().actor,
    )
    return answer(Outbound.model_validate(found))


@messaging.put(
    "/conversations/<uuid:conversation_id>/draft",
    request_body=documented(DraftEdit),
    responses={200: Draft, **problems(404, 409, 413)},
)
@needs(Scope.SEND)
def edit_draft(path: ConversationPath) -> Response:
    """Keep what a person makes of a draft; no later draft overwrites it."""
    edit = read_model(DraftEdit)
    found = drafts.edit_draft(
        runtime(),
        workspace_id(),
        path.conversation_id,
        body=edit.body,
        draft_id=edit.draft_id,
        actor=caller().actor,
    )
    return answer(Draft.model_validate(found))


@messaging.post(
    "/conversations/<uuid:conversation_id>/draft/approve",
    request_body=documented(DraftApproval),
    responses={202: QueuedMessages, **problems(404, 409, 413)},
)
@needs(Scope.SEND)
def approve_draft(path: ConversationPath) -> Response:
    """Send a draft, once. 409 where what it answers was overtaken meanwhile."""
    approval = read_model(DraftApproval) if request.content_length else DraftApproval()
    queued = drafts.approve_draft(
        runtime(),
        workspace_id(),
        path.conversation_id,
        draft_id=approval.draft_id,
        body=approval.body,
        actor=caller().actor,
    )
    return answer(_queued(queued), HTTPStatus.ACCEPTED)


@messaging.get(
    "/conversations/<uuid:conversation_id>/drafts",
    responses={200: Drafts, **problems(404)},
)
@needs(Scope.READ)
def list_drafts(path: ConversationPath) -> Response:
    """The drafts of a conversation, the newest first: those that people edited are never lost."""
    found = drafts.list_drafts(runtime(), workspace_id(), path.conversation_id)
    return answer(Drafts(items=[Draft.model_validate(one) for one in found]))


def _key() -> str | None:
    key = request.headers.get(KEY_HEADER)
    if key is not None and not 1 <= len(key.strip()) <= MAX_KEY:
        raise InvalidInput(f"{KEY_HEADER} has 1 to {MAX_KEY} characters")
    return key.strip() if key else None


def _queued(queued: Queued) -> QueuedMessages:
    messages = [Outbound.model_validate(one) for one in queued.parts]
    return QueuedMessages(message_id=messages[0].message_id, messages=messages)
