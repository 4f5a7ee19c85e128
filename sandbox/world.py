"""What one running sandbox knows."""

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from flask import current_app

from sandbox.callbacks import Callbacks
from sandbox.changes import Change
from sandbox.chats import Chats
from sandbox.courier import Courier
from sandbox.faults import Scripts
from sandbox.journal import Journal
from sandbox.mailbox import Mailbox
from sandbox.mailbox_settings import MailboxSettings
from sandbox.notifications import Notifications
from sandbox.sends import Sends
from sandbox.subscriptions import Subscriptions
from sandbox.updates import Updates

EXTENSION = "sandbox"


@dataclass
class World:
    """The state behind one application; everything in it may change while it serves."""

    subscriptions: Subscriptions
    courier: Courier
    notifications: Notifications
    callbacks: dict[str, Callbacks]
    """By product: what the providers of chats tell."""
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    """By the name behind `sandbox-` in the token; under no name the default one."""
    omit_every: int = 0
    """Every so many mails a list leaves out the body; 0 for none."""
    latency_ms: dict[str, int] = field(default_factory=dict)
    """By provider: how long each of its answers takes."""
    scripts: Scripts = field(default_factory=Scripts)
    journal: Journal = field(default_factory=Journal)
    sends: Sends = field(default_factory=Sends)
    chats: Chats = field(default_factory=Chats)
    updates: Updates = field(default_factory=Updates)
    _epochs: "count[int]" = field(default_factory=count)

    def load(
        self,
        name: str,
        path: Path | None,
        owner: str,
        settings: MailboxSettings | None = None,
    ) -> Mailbox:
        """Open a mailbox for a name, in place of what it had before."""
        mailbox = Mailbox(
            path,
            owner,
            settings=settings,
            epoch=next(self._epochs),
            watcher=self._notify,
        )
        self.mailboxes[name] = mailbox
        return mailbox

    def mailbox(self, name: str) -> Mailbox:
        """The mailbox of a name: the one that was loaded for it, or the default."""
        return self.mailboxes.get(name, self.mailboxes[""])

    def stop(self) -> None:
        """Tell nobody anything more."""
        self.courier.stop()
        for callbacks in self.callbacks.values():
            callbacks.courier.stop()

    def _notify(self, mailbox: Mailbox, change: Change) -> None:
        for subscription in self.subscriptions.all():
            if self.mailbox(subscription.account) is not mailbox:
                continue
            if subscription.wants(change):
                self.notifications.tell(subscription, change)


def world() -> World:
    """The world of the application that serves this request."""
    known: World = current_app.extensions[EXTENSION]
    return known
