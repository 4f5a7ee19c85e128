"""What an SMTP server's refusals mean for a mail: by its code, and by the enhanced one (RFC 3463)."""

import re
from enum import StrEnum

from app.channels.imap.errors import PAUSE
from app.channels.send_faults import Fault
from app.errors import (
    AuthError,
    BizzyBeeError,
    PermanentError,
    RateLimited,
    RetryableError,
    Undeliverable,
)


class Step(StrEnum):
    """What was refused."""

    GREETING = "the connection"
    LOGIN = "the log-in"
    SENDER = "the sender"
    RECIPIENT = "the recipient"
    CONTENT = "the mail"


_LOCKED_OUT = Fault(AuthError, "the server refuses the account: renew its credentials")
_LATER = Fault(RetryableError, "the server takes it not now")
_SLOWER = Fault(RateLimited, "the server asks the account to slow down")
_NOBODY = Fault(Undeliverable, "there is no such mailbox")

#: By code: where only a log-in is missing, it is never the mail's fault.
CODES = {530: _LOCKED_OUT, 534: _LOCKED_OUT, 535: _LOCKED_OUT, 538: _LOCKED_OUT}
#: By the enhanced code, or the beginning of one.
ENHANCED = {
    "4.7.28": _SLOWER,
    "4.7.32": _SLOWER,
    "4.7.650": _SLOWER,
    "5.1.1": _NOBODY,
    "5.1.2": Fault(Undeliverable, "there is no such domain"),
    "5.1.3": Fault(Undeliverable, "the address is none"),
    "5.1.6": Fault(Undeliverable, "the mailbox has moved, and nobody says where"),
    "5.1.8": Fault(PermanentError, "the address that we send from does not exist"),
    "5.1.10": Fault(Undeliverable, "the domain takes no mail"),
    "5.2.1": Fault(Undeliverable, "the mailbox is closed"),
    "5.2.2": Fault(Undeliverable, "the mailbox is full"),
    "5.2.3": Fault(PermanentError, "the mail is too large for the mailbox"),
    "5.3.4": Fault(PermanentError, "the mail is too large for the server"),
    "5.4.5": Fault(RateLimited, "the account has sent as much as it may for a while"),
    "5.7.8": _LOCKED_OUT,
    "5.7.9": _LOCKED_OUT,
    "5.7.14": _LOCKED_OUT,
    "5.7.60": Fault(PermanentError, "the account may not send as this address"),
    "5.7": Fault(PermanentError, "the server's rules do not let it through"),
}
#: What a 5xx means by what it refuses.
STEPS = {
    Step.GREETING: _LATER,
    Step.LOGIN: _LOCKED_OUT,
    Step.SENDER: Fault(PermanentError, "the account may not send as this address"),
    Step.RECIPIENT: _NOBODY,
    Step.CONTENT: Fault(PermanentError, "the server does not take the mail"),
}
_ENHANCED = re.compile(rb"\s*(([245])\.\d{1,3}\.\d{1,3})\b")
_TOO_FAST = re.compile(
    rb"too many|rate.?limit|throttl|quota exceeded|limit exceeded", re.IGNORECASE
)
_LOOKED_AT = 1_000


def refusal(where: str, step: Step, code: int, said: bytes) -> BizzyBeeError:
    """Name what follows from a refusal. Its words, which quote addresses, are not shown."""
    start = said[:_LOOKED_AT]
    found = _ENHANCED.match(start)
    enhanced = found[1].decode() if found and int(found[2]) == code // 100 else ""
    fault = _fault(step, code, enhanced, start)
    shown = f"{code} {enhanced}".strip()
    detail = f"smtp: {where} refused {step} with {shown}: {fault.meaning}"
    if issubclass(fault.error, RateLimited):
        return fault.error(detail, PAUSE)
    return fault.error(detail)


def _fault(step: Step, code: int, enhanced: str, said: bytes) -> Fault:
    if enhanced in ENHANCED:
        return ENHANCED[enhanced]
    if code in CODES:
        return CODES[code]
    if (subject := enhanced.rpartition(".")[0]) in ENHANCED:
        return ENHANCED[subject]
    if 400 <= code < 500:
        return _SLOWER if _TOO_FAST.search(said) else _LATER
    if 500 <= code < 600:
        return STEPS[step]
    return Fault(RetryableError, "the server does not keep to the protocol")
