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
    fetches,
    heartbeats,
    inbox,
    incidents,
    leases,
    locks,
    mail_reports,
    messages,
    receipts,
    reports,
    rules,
    runs,
    tenants,
    threads,
    watermarks,
)

__all__ = [
    "attachments",
    "audit",
    "claims",
    "conversations",
    "customers",
    "dead_letters",
    "events",
    "fetches",
    "heartbeats",
    "inbox",
    "incidents",
    "leases",
    "locks",
    "mail_reports",
    "messages",
    "receipts",
    "reports",
    "rules",
    "runs",
    "tenants",
    "threads",
    "watermarks",
]
