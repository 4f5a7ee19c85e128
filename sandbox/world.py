"""What one running sandbox knows."""

from dataclasses import dataclass, field

from flask import current_app

from sandbox.faults import Scripts
from sandbox.journal import Journal
from sandbox.mailbox import Mailbox

EXTENSION = "sandbox"


@dataclass
class World:
    """The state behind one application; everything in it may change while it serves."""

    default_mailbox: Mailbox
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    """By the name behind `sandbox-` in the token."""
    omit_every: int = 0
    """Every so many mails a list leaves out the body; 0 for none."""
    latency_ms: dict[str, int] = field(default_factory=dict)
    """By provider: how long each of its answers takes."""
    scripts: Scripts = field(default_factory=Scripts)
    journal: Journal = field(default_factory=Journal)


def world() -> World:
    """The world of the application that serves this request."""
    known: World = current_app.extensions[EXTENSION]
    return known
