"""What a mail of ours says above its text."""

from uuid import UUID

from app.channels.sending import MailHead
from app.models import ChannelConfig
from app.runtime import Runtime
from app.services.outbound.compose import Route


def head_of(
    runtime: Runtime,
    config: ChannelConfig,
    route: Route,
    *,
    message_id: UUID,
    conversation_id: UUID | None,
    subject: str | None,
    is_automatic: bool,
) -> MailHead | None:
    """The head of a mail; None on other channels."""
    if route.to.kind != "email":
        return None
    received = route.target.received if route.target else None
    return MailHead(
        message_id=f"{message_id}@{route.sender.value.rpartition('@')[2]}",
        subject=subject or (received.subject if received else None) or "",
    )
