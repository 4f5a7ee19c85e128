"""The one shape in which every channel hands its messages over."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from app.domain.scrub import scrub

#: Longest body that is kept as text; the raw message is kept whole.
MAX_TEXT = 2_000_000

#: PostgreSQL refuses to index what is longer than 2,704 bytes, and with it the whole statement.
MAX_ID_BYTES = 2000


class Channel(StrEnum):
    """Where a message travelled. Tables hold free text, so a new channel needs no migration."""

    EMAIL = "email"
    WHATSAPP = "whatsapp"
    SMS = "sms"
    FACEBOOK = "facebook"
    INSTAGRAM = "instagram"
    TELEGRAM = "telegram"
    VOICE = "voice"
    CHATWOOT = "chatwoot"
    WEB = "web"
    """A form, or whatever else a website of the business posts."""


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class MessageKind(StrEnum):
    TEXT = "text"
    MEDIA = "media"
    REACTION = "reaction"
    EDIT = "edit"
    DELETE = "delete"
    STATUS = "status"
    CALL = "call"
    EVENT = "event"
    UNSUPPORTED = "unsupported"


def _aware(moment: datetime) -> datetime:
    """A time without an offset is read as UTC."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the calendar") from None


def _storable_year(moment: datetime) -> datetime:
    if not 1970 <= moment.year <= 9000:
        raise ValueError("is outside the years 1970 to 9000")
    return moment


def _indexable(text: str) -> str:
    if len(text.encode()) > MAX_ID_BYTES:
        raise ValueError(f"is longer than {MAX_ID_BYTES} bytes")
    return text


#: Scrubbing comes first: a lone surrogate would fail every later step.
Text = Annotated[str, BeforeValidator(scrub)]
Identifier = Annotated[
    Text, Field(min_length=1, max_length=1000), AfterValidator(_indexable)
]
Moment = Annotated[datetime, AfterValidator(_aware), AfterValidator(_storable_year)]
JSONObject = Annotated[dict[str, Any], BeforeValidator(scrub)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Participant(_Part):
    """Who sent a message: `kind` names the sort of identifier, `value` is the provider's form."""

    kind: Annotated[Text, Field(min_length=1, max_length=50)]
    value: Identifier
    name: Text | None = None


class Recipient(Participant):
    """Whom it was sent to. `role` is `to`, `cc` or `bcc` where the channel knows it."""

    role: Text | None = None


class Attachment(_Part):
    """A file that came along; the bytes are behind `url` or inside the raw message (`content_id`)."""

    name: Text | None = None
    content_type: Text | None = None
    size: int | None = Field(default=None, ge=0)
    """Bytes."""
    url: Text | None = None
    content_id: Text | None = None


class UnifiedMessage(_Part):
    """One message as its channel's adapter understood it."""

    external_id: Identifier
    """The provider's id, unique within a connected account."""
    external_thread_id: Identifier | None = None
    direction: Direction
    sender: Participant
    recipients: list[Recipient] = []
    subject: Text | None = None
    body_text: Annotated[Text, Field(max_length=MAX_TEXT)] | None = None
    body_html: Annotated[Text, Field(max_length=MAX_TEXT)] | None = None
    sent_at: Moment | None = None
    """The moment the provider or sender claims. Never trusted to order anything by itself."""
    attachments: list[Attachment] = []
    in_reply_to: Text | None = None
    references: list[Text] = []
    headers: JSONObject = {}
    """Header name in lower case to value, or to a list of values where it stands more than once."""
    kind: MessageKind = MessageKind.TEXT
    target_id: Identifier | None = None
    """The provider's id of the message that a reaction, edit, delete, status or answer is about."""
    metadata: JSONObject = {}
