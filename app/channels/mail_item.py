"""How a raw mail becomes an item, wherever it was found: the same mail has to be the same event."""

import base64

from app.channels.base import Item
from app.domain.mail import content_digest, read_mail
from app.domain.unified_message import Direction

#: A longer mail is cut and says so.
MAX_MAIL = 64 * 1024 * 1024


def mail_item(
    raw: bytes,
    *,
    own_addresses: frozenset[str],
    cut: bool = False,
    was_sent: bool = False,
    thread_id: str | None = None,
) -> Item:
    """Read a mail. `was_sent` says that it lay among the sent ones: the writer is one of us."""
    message = read_mail(raw, own_addresses=own_addresses)
    if cut:
        message.metadata["cut"] = True
    if was_sent:
        message.direction = Direction.OUTBOUND
    if thread_id:
        message.external_thread_id = thread_id
    return Item(
        raw={"mime": base64.b64encode(raw).decode()},
        message=message,
        external_id=message.external_id,
        # Cut in two places, it would be two mails.
        content_digest=None if cut else content_digest(raw),
    )
