"""How the provider behaves towards one mailbox."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, le=1_000_000)]


class MailboxSettings(BaseModel):
    """Everything that `/_control` can change of a mailbox beside its mails."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    token_status: Literal["active", "invalid", "dead"] = "active"
    token_error: str | None = None
    service_type: Literal["Google", "Office365", "IMAP"] = "Google"
    """Lists of an IMAP mailbox have no bodies, attachments and headers."""
    page_size: Annotated[int, Field(ge=1, le=1000)] | None = None
    """No page has more records, neither of a list nor of changes."""
    not_ready: Count = 0
    """So often a sync is still being prepared."""
    thread_not_ready: Count = 0
    """So often a mail's thread is asked for before it is known; counted for each mail."""
    retry_after: Count = 1
    """Seconds that a client has to wait for a thread."""
    new_id_on_move: bool = False
    """As Microsoft Graph does it: the mail is gone from under its old id."""
    incomplete_sends: Count = 0
    """So many of the next sends are said to be `Incomplete`, which they are not."""
    rewrite_message_id: bool = False
    """The copy of a sent mail has another Message-ID than was said to be submitted."""
    keep_sent: bool = True
    """A sent mail is in SENT."""
    wall_clock: bool = False
    """Things happen at the true time, and not a second after the last."""
