"""What a mail of ours says above its text."""

from dataclasses import replace
from uuid import UUID

from app.domain.mail_head import Answered, MailHead, head_of_answer
from app.domain.reply_token import workspace_key
from app.domain.unified_message import Channel
from app.models import ChannelConfig
from app.runtime import Runtime
from app.services.outbound.compose import Route


def head_of(
    runtime: Runtime,
    config: ChannelConfig,
    route: Route,
    *,
    message_id: UUID,
    conversation_id: UUID,
    subject: str | None,
    is_automatic: bool,
) -> MailHead | None:
    """The head of a mail; None on other channels. `subject` is used where somebody has chosen one."""
    if config.channel != Channel.EMAIL:
        return None
    name = config.settings.get("sender_name")
    head = head_of_answer(
        _answered(route),
        message_id=message_id,
        conversation_id=conversation_id,
        key=workspace_key(runtime.settings.key_bytes, config.workspace_id),
        sender=route.sender.value,
        sender_name=name if isinstance(name, str) else None,
        automatic=is_automatic,
    )
    return replace(head, subject=subject) if subject else head


def _answered(route: Route) -> Answered:
    target = route.target
    if target is None:
        return Answered()
    mail_id = target.message.mail_id
    if target.received is None:
        return Answered(subject=target.message.subject, message_id=mail_id)
    answered = Answered.of(target.received)
    # Partners that post mail without its headers name it by its Message-ID.
    return replace(answered, message_id=answered.message_id or mail_id)
