"""Tables, one file per aggregate."""

from app.models.archive import Archive
from app.models.attachment import Attachment
from app.models.base import Base
from app.models.channel_config import ChannelConfig, MessageFetch, SyncWatermark
from app.models.chunk import RagChunk
from app.models.conversation import Conversation, ConversationRef
from app.models.customer import Customer, CustomerIdentity, CustomerMerge
from app.models.event import MessageEvent
from app.models.incident import DeadLetter, Heartbeat, Incident
from app.models.mail_report import MailReport
from app.models.message import Draft, Message
from app.models.message_change import MessageChange
from app.models.order import Order
from app.models.outbound import OutboundMessage
from app.models.product import Product
from app.models.receipt import EventRepeat, WebhookReceipt
from app.models.run import JobAudit, PipelineRun
from app.models.schedule import ScheduledJob, ScheduledRun
from app.models.sender_rule import SenderRule
from app.models.thread import (
    ConversationJoin,
    ConversationParticipant,
    ThreadClaim,
    ThreadOwner,
)
from app.models.workspace import APIKey, AuditEntry, Workspace

__all__ = [
    "APIKey",
    "Archive",
    "Attachment",
    "AuditEntry",
    "Base",
    "ChannelConfig",
    "Conversation",
    "ConversationJoin",
    "ConversationParticipant",
    "ConversationRef",
    "Customer",
    "CustomerIdentity",
    "CustomerMerge",
    "DeadLetter",
    "Draft",
    "EventRepeat",
    "Heartbeat",
    "Incident",
    "JobAudit",
    "MailReport",
    "Message",
    "MessageChange",
    "MessageEvent",
    "MessageFetch",
    "Order",
    "OutboundMessage",
    "PipelineRun",
    "Product",
    "RagChunk",
    "ScheduledJob",
    "ScheduledRun",
    "SenderRule",
    "SyncWatermark",
    "ThreadClaim",
    "ThreadOwner",
    "WebhookReceipt",
    "Workspace",
]
