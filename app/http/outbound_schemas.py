"""What goes over the wire about messages that we send."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.domain.status import (
    DraftStatus,
    OutboundOrigin,
    OutboundState,
)
from app.domain.unified_message import Moment, Participant
from app.http.schemas import Answer, Body, Time

MAX_TEXT = 100_000


class OutboundRequest(Body):
    """A message to be sent: in a conversation, or to somebody on an account."""

    # A misspelt field must not change what is sent.
    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    html: str | None = Field(default=None, max_length=MAX_TEXT)
    """For mail that is more than its text; else the HTML is made from the text."""
    subject: str | None = Field(default=None, max_length=500)
    """Of a mail; left out: that of the mail which is answered."""
    conversation_id: UUID | None = None
    target_message_id: UUID | None = None
    """What it answers; left out: the newest inbound message of the conversation."""
    config_id: UUID | None = None
    """The account to write from, where there is no conversation yet."""
    to: Participant | None = None
    """Whom to write to, where there is no conversation yet."""
    send_at: Moment | None = None
    """Not before this moment."""

    @model_validator(mode="after")
    def _somewhere(self) -> "OutboundRequest":
        elsewhere = [self.config_id is not None, self.to is not None]
        in_conversation = self.conversation_id is not None
        if any(elsewhere) if in_conversation else not all(elsewhere):
            raise ValueError(
                "say where it goes: conversation_id, or config_id together with to"
            )
        if self.target_message_id is not None and not in_conversation:
            raise ValueError("target_message_id needs its conversation_id")
        return self


class Outbound(Answer):
    """One message on its way; a long text is several."""

    id: UUID
    message_id: UUID
    conversation_id: UUID
    config_id: UUID
    position: int
    """Which part of the text it is."""
    origin: OutboundOrigin
    actor: str
    recipient: dict[str, Any]
    target_message_id: UUID | None
    state: OutboundState
    rule: str | None
    """Why it was not sent, as a word."""
    last_error: str | None
    attempts: int
    next_attempt_at: Time | None
    first_tried_at: Time | None
    finished_at: Time | None
    created_at: Time


class QueuedMessages(Answer):
    message_id: UUID
    """The message, or the first part of a long one."""
    messages: list[Outbound]


class OutboundList(Answer):
    items: list[Outbound]
    next_cursor: str | None
    """Null on the last page."""


class Dispatched(Answer):
    processed: int
    """How many messages were looked at."""
    outcomes: dict[str, int]
    """How they ended: `sent`, `put_off`, `uncertain`, `failed`, or the rule that forbade it."""


class Settlement(Body):
    """What a person found out about a message whose outcome was unknown."""

    model_config = ConfigDict(extra="forbid")

    was_sent: bool
    """False sends it again."""


class DraftEdit(Body):
    model_config = ConfigDict(extra="forbid")

    body: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    draft_id: UUID | None = None
    """Left out: the newest draft of the conversation."""


class DraftApproval(Body):
    model_config = ConfigDict(extra="forbid")

    draft_id: UUID | None = None
    """Left out: the newest draft of the conversation."""
    body: Annotated[str | None, Field(min_length=1, max_length=MAX_TEXT)] = None
    """Sent in place of the draft's own text."""


class Draft(Answer):
    id: UUID
    conversation_id: UUID
    target_message_id: UUID
    """What it answers."""
    status: DraftStatus
    body: str
    """What the model wrote."""
    edited_body: str | None
    """What a person made of it."""
    edited_by: str | None
    edited_at: Time | None
    auto_reply: dict[str, Any] | None
    """Whether it was sent by itself, or the rules that refused it."""
    created_at: Time


class Drafts(Answer):
    items: list[Draft]


class Workspace(Answer):
    id: UUID
    name: str
    auto_reply: bool
    """Whether drafts may be sent without a person looking at them."""
    auto_reply_everywhere: bool
    """False where the operator has switched automatic replies off for all: `BB_AUTO_REPLIES`."""
    trust_orders: bool
    """Whether an order that the assistant takes is confirmed without a person."""


class WorkspaceChange(Body):
    """What is to be set; what is left out stays."""

    # A misspelt switch must not look as if it were set.
    model_config = ConfigDict(extra="forbid")

    auto_reply: bool | None = None
    trust_orders: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> "WorkspaceChange":
        if self.auto_reply is None and self.trust_orders is None:
            raise ValueError("say what to set: auto_reply, trust_orders")
        return self
