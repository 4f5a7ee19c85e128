"""What can go wrong, named by what follows from it.

BizzyBeeError
├── ConfigurationError      the process stops at start and says which setting
├── InvalidInput            the caller sent something we cannot use
│   └── TooLarge
├── NotFound                also for what belongs to another workspace
├── Conflict                it clashes with what is there
├── AccessDenied            no key, a wrong key, or a key without the scope
├── RetryableError          may succeed later; counts as an attempt
│   ├── RateLimited         come back later; does not count as an attempt
│   └── StorageAway         no file can be kept or read now; does not count as an attempt
└── PermanentError          will fail again however often it is tried
    ├── InvalidPayload      an event or job that cannot be read
    ├── Gone                the provider no longer has it
    ├── Refused             we do not take it in: too large, or of an unwanted kind
    └── AuthError           the provider refuses our credentials: pause, ask a person
"""

from collections.abc import Sequence
from typing import Any


class BizzyBeeError(Exception):
    """Base of all errors that are raised on purpose."""


class ConfigurationError(BizzyBeeError):
    """A setting is missing or malformed."""


class InvalidInput(BizzyBeeError):
    """The request cannot be used as it is.

    `errors` lists the faults as `{"loc": [...], "msg": "..."}`.
    """

    def __init__(self, detail: str, errors: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(detail)
        self.errors = list(errors)


class TooLarge(InvalidInput):
    """The request is larger than what is accepted in one go."""


class NotFound(BizzyBeeError):
    """There is no such thing in this workspace."""


class Conflict(BizzyBeeError):
    """The request clashes with what is already there."""


class AccessDenied(BizzyBeeError):
    """The credentials are missing, wrong, or lack the scope.

    `known` tells a caller that is known but lacks the scope (403) from one that is not (401).
    """

    def __init__(self, detail: str, *, known: bool = False) -> None:
        super().__init__(detail)
        self.known = known


class RetryableError(BizzyBeeError):
    """The work may succeed later. `retry_after` is seconds, or None for our own back-off."""

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class RateLimited(RetryableError):
    """The provider asks us to slow down. Says nothing about the message, so no attempt is counted."""


class StorageAway(RetryableError):
    """The storage does not answer or is full. Says nothing about the file."""


class PermanentError(BizzyBeeError):
    """Trying again would fail again."""


class InvalidPayload(PermanentError):
    """An event or a job that cannot be read."""


class Gone(PermanentError):
    """The provider no longer has what we asked for."""


class Refused(PermanentError):
    """We do not take it in: it is too large, of an unwanted kind, or lies where we must not go."""


class AuthError(PermanentError):
    """The provider refuses our credentials; a person has to renew them."""


class Undeliverable(PermanentError):
    """Nobody can be reached there: the number, the user or the mailbox does not exist."""


class WindowClosed(PermanentError):
    """The provider lets us write freely only for some time after the customer has written."""


class OptedOut(PermanentError):
    """The customer has stopped our messages, and the provider keeps to it."""


class OutcomeUnknown(BizzyBeeError):
    """The provider may have taken the message or not: it must not be sent again blindly."""
