"""SQL as functions of a transaction; they never commit.

Call sites read `store.events.add_new(tx, rows)`.
"""

from app.store import (
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
    threads,
)

__all__ = [
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
    "threads",
]
