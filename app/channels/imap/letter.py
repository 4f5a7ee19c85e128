"""Writes a mail: as plain text and as HTML, in lines that any server takes."""

from dataclasses import dataclass, field
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formataddr, formatdate

from app.channels.base import Account
from app.channels.sending import Outgoing
from app.domain.mail_head import MailHead
from app.domain.mail_html import html_of_text
from app.domain.printable import plain
from app.errors import PermanentError, Undeliverable

_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP
_LINES = compat32.clone(linesep="\r\n", max_line_length=None)
#: Written below, and by nobody else.
_OWN = frozenset(
    {"from", "to", "cc", "bcc", "sender", "subject", "date", "message-id"}
    | {"in-reply-to", "references", "mime-version", "return-path"}
)
_LINE = 76
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Letter:
    """A mail and its envelope."""

    sender: str
    recipient: str
    content: bytes = field(repr=False)


def letter_of(
    outgoing: Outgoing, mail: MailHead, account: Account, username: str
) -> Letter:
    """Return a mail from the address that its head names, or else from the account's own.

    Raises Undeliverable and PermanentError for addresses that are none.
    """
    sender = _address(mail.sender or _own_address(account, username))
    if sender is None:
        raise PermanentError("nothing says from which address the account sends")
    recipient = _address(outgoing.to.value)
    if recipient is None:
        raise Undeliverable("what the mail is sent to is no address")
    head = [
        ("From", _mailbox(mail.sender_name, sender)),
        ("To", _mailbox(outgoing.to.name, recipient)),
        ("Subject", _words(plain(mail.subject), "Subject")),
        ("Date", formatdate()),
        ("Message-ID", f"<{mail.message_id}>"),
        ("In-Reply-To", f"<{mail.in_reply_to}>" if mail.in_reply_to else ""),
        # An id per line: none may be parted, and no line may be long.
        ("References", "\n ".join(f"<{one}>" for one in mail.references)),
        *((name, _words(plain(value), name)) for name, value in mail.headers),
    ]
    content = MIMEMultipart("alternative", boundary=f"=_{outgoing.id.hex}")
    written = {
        "plain": outgoing.text,
        "html": outgoing.html or html_of_text(outgoing.text),
    }
    for subtype, text in written.items():
        content.attach(MIMEText(_lines(text), subtype, _UTF8))  # type: ignore[arg-type]
    for place, (name, value) in enumerate(head):
        is_own = place < len(head) - len(mail.headers)
        if value and (is_own or name.lower() not in _OWN):
            content[name] = value
    return Letter(sender, recipient, content.as_bytes(policy=_LINES))


def _own_address(account: Account, username: str) -> str:
    if "@" in username:
        return username
    return next((one for one in sorted(account.addresses) if "@" in one), "")


def _address(written: str) -> str | None:
    """An address with its domain as networks know it; None for what is none.

    A name before the @ that is not ASCII would ask for SMTPUTF8 of every server on the way.
    """
    local, _, domain = written.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    address = f"{local}@{domain}"
    is_whole = bool(local and domain) and address.isascii() and len(address) <= 320
    # A blank or bracket would end the address, and a line break the command.
    bare = set(address).isdisjoint('<>()[]\\,;:" \t') and address.isprintable()
    return address if is_whole and bare else None


def _mailbox(name: str | None, address: str) -> str:
    named = plain(name)[:_LONGEST_NAME]
    if named.isascii():
        return formataddr((named, address))
    return f"{_words(named, 'From')}\n <{address}>"


def _words(text: str, name: str) -> str:
    """A text as a header has it: in encoded words where it is not ASCII, and in short lines."""
    charset = "us-ascii" if text.isascii() else "utf-8"
    return Header(text, charset, _LINE, name, errors="replace").encode()


def _lines(text: str) -> str:
    """Lone surrogates are nothing that a mail can say."""
    text = text.encode("utf-8", "replace").decode()
    return text.replace("\r\n", "\n").replace("\r", "\n")
