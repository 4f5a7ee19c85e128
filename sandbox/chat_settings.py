"""How a provider of chats behaves towards one account."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.mailbox_settings import Count

#: With which webhooks are signed where nothing else is said.
SECRET = "sandbox-signing-secret"

#: A status, and with `failed` the code that says why: `failed:131026`.
Status = Annotated[
    str,
    Field(pattern=r"^(sent|delivered|read|undelivered|failed)(:[0-9]{1,9})?$"),
]


class ChatSettings(BaseModel):
    """Everything that `/_control` can change of an account beside what is said there."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    token: str | None = None
    """What opens it; None for whatever begins like a token of the sandbox."""
    callback: str | None = None
    """Where it is told what happens; None for nobody."""
    secret: str = SECRET
    """Signs what is told. Of Telegram it is the secret token itself, of Twilio the auth token."""
    signed: bool = True
    """Older servers of Chatwoot do not sign."""
    keeps_attributes: bool = True
    """Older servers of Chatwoot keep no `source_id`, and of `content_attributes` only two."""
    page_id: str | None = None
    """The page that an Instagram account belongs to."""
    number: str = "46850000001"
    """Our own, for people who write without saying to which."""
    echoes: bool = True
    """What is sent comes back as a webhook, where the provider has such."""
    told_first: bool = False
    """Echo and statuses are delivered before the send is answered."""
    statuses: list[Status] | None = None
    """What becomes of each accepted message, in this order; None as the provider usually does."""
    strangers: bool = False
    """Who never wrote can be written to."""
    windows: bool = True
    """Who has not written for a day cannot be written to freely."""
    window_error: Literal["status", "answer"] = "status"
    """How WhatsApp says so: by a later status, as it does, or at once."""
    refuses: dict[str, int] = Field(default_factory=dict)
    """People to whom nothing can be sent, and the code that says so."""
    migrated: dict[str, int] = Field(default_factory=dict)
    """Groups of Telegram that have become supergroups, and their new ids."""
    page_size: Annotated[int, Field(ge=1, le=1000)] | None = None
    """No page has more rows."""
    empty_pages: Count = 0
    """So many of the next pages of conversations are empty and not the last."""
    media_seconds: Annotated[float, Field(ge=0, le=86_400)] = 300.0
    """So long the address of a file is good."""
    escapes_slashes: bool = True
    """Meta has written `/` as `\\/`."""
