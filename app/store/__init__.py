"""SQL as functions of a transaction; they never commit.

Call sites read `store.events.add_new(tx, rows)`.
"""

from app.store import (
    attachments,
    audit,
    claims,
    conversations,
    customers,
    dead_letters,
    events,
    heartbeats,
    inbox,
    incidents,
    leases,
    locks,
    messages,
    reports,
    rules,
    runs,
    tenants,
)

__all__ = [
    "attachments",
    "audit",
    "claims",
    "conversations",
    "customers",
    "dead_letters",
    "events",
    "heartbeats",
    "inbox",
    "incidents",
    "leases",
    "locks",
    "messages",
    "reports",
    "rules",
    "runs",
    "tenants",
]
