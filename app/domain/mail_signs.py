"""Signs of what made a mail: a server, a program, a mailing, or a person."""

import re
from functools import cached_property

from app.domain import mail_phrases as phrases
from app.domain.identifiers import email_key
from app.domain.mail_addresses import read_mailboxes
from app.domain.mail_programs import (
    CAMPAIGN_HEADERS,
    COUNTED_BY_HOST,
    DISCUSSION_HEADERS,
    FREE_MAIL,
    HAND_MADE_ID,
    HELP_DESK_HEADERS,
    LIST_MANAGER,
    LIST_SOFTWARE,
    MAIL_PROGRAM,
    MASS_MAILER,
    SENDING_PATH,
    SENDING_SERVICES,
)
from app.domain.mail_roles import (
    DAEMON,
    FEED_READER,
    MAILING,
    NO_REPLY,
    PROGRAMS,
    RELAY,
    SERVER,
    SERVER_NAME,
    SERVICE,
)
from app.domain.unified_message import UnifiedMessage

#: Where a server or a form speaks, it does so in the first lines.
_START = 5_000
#: Where a mailing tells how to end it, it does so in the last ones.
_END = 20_000
_MAX_RECIPIENTS = 20

_MANAGED_BY = ("sender", "errors-to", "return-path")
_REPLY = re.compile(
    r"\s*(?:\[[^\]]{0,80}\]\s*)*"
    r"(?:re|aw|antw|sv|vs|odp|rif|res|ynt|atb|回复|回覆|答复|答覆|返信|답장|отв)"
    r"\s*(?:\[\d+\]|\(\d+\)|\d+)?\s*[:：]",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"\s*(?:\[[^\]]{0,80}\]\s*)*"
    r"(?:fwd?|wg|tr|rv|vl|doorst|vb|pd|转发|轉寄|轉發|転送|전달|пересл)\s*[:：]",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")


class MailSigns:
    """What the headers and the structure of one mail say, each asked once."""

    def __init__(self, message: UnifiedMessage) -> None:
        self.message = message

    def undecoded(self, name: str) -> str:
        """Return the values of a header as one text, or ""."""
        value = self.message.headers.get(name, "")
        values = value if isinstance(value, list) else [value]
        return "\n".join(str(each) for each in values).strip()

    def header(self, name: str) -> str:
        """Return the values of a header as one text in lower case, or ""."""
        return self.undecoded(name).lower()

    def has_any(self, *names: str) -> bool:
        return any(name in self.message.headers for name in names)

    def affirms_any(self, *names: str) -> bool:
        return any(self.header(name) not in {"", "no", "false"} for name in names)

    @property
    def subject(self) -> str:
        return (self.message.subject or "").strip()

    @property
    def text(self) -> str:
        return self.message.body_text or ""

    @property
    def start(self) -> str:
        return self.text[:_START]

    @property
    def readable(self) -> str:
        """The end of what is read, as text and as HTML."""
        return f"{self.text[-_END:]}\n{(self.message.body_html or '')[-_END:]}"

    @property
    def labels(self) -> list[str]:
        labels = self.message.metadata.get("labels")
        found = labels if isinstance(labels, list) else []
        return [str(label).lower() for label in found]

    @property
    def report_type(self) -> str:
        return str(self.message.metadata.get("report_type") or "")

    @property
    def is_report(self) -> bool:
        """Whether the mail as a whole is a report, not one that carries one."""
        return self.message.metadata.get("content_type") == "multipart/report"

    @cached_property
    def attached(self) -> list[dict[str, str]]:
        """The mails inside this one, by what their headers say."""
        metadata = self.message.metadata
        found = metadata.get("attached_messages")
        listed = found if isinstance(found, list) else []
        return [
            {str(name): str(value) for name, value in each.items()}
            for each in [*listed, metadata.get("returned_headers")]
            if isinstance(each, dict)
        ]

    @property
    def returns_ours(self) -> bool:
        """Whether a mail comes back to who wrote it."""
        ours = {email_key(recipient.value) for recipient in self.message.recipients}
        authors = [read_mailboxes(each.get("from", "")) for each in self.attached]
        return any(
            email_key(mailbox.address) in ours for each in authors for mailbox in each
        )

    @cached_property
    def local_part(self) -> str:
        return self.message.sender.value.rpartition("@")[0].lower()

    @property
    def is_daemon(self) -> bool:
        # Without a domain it is no address, and the name holds what stood there.
        name = self.message.sender.name or ""
        return bool(DAEMON.search(self.local_part or name))

    @property
    def is_server(self) -> bool:
        if self.is_daemon or SERVER.fullmatch(self.local_part):
            return True
        name = self.message.sender.name or ""
        return bool(SERVER_NAME.match(name)) and not self.is_written_by_hand

    @property
    def has_no_return(self) -> bool:
        """Whether the envelope named no sender, so that nothing can bounce back."""
        return "<>" in self.header("return-path").split("\n")

    @property
    def takes_no_reply(self) -> bool:
        local = self.local_part
        return local in PROGRAMS or bool(NO_REPLY.fullmatch(local))

    @property
    def is_service(self) -> bool:
        """Whether the address is one from which programs send notices."""
        return bool(SERVICE.fullmatch(self.local_part))

    @property
    def is_feed_reader(self) -> bool:
        return bool(FEED_READER.fullmatch(self.local_part))

    @property
    def is_reply(self) -> bool:
        message = self.message
        has_parent = bool(message.in_reply_to or message.references)
        return has_parent or bool(_REPLY.match(self.subject))

    @property
    def is_forwarded(self) -> bool:
        return bool(_FORWARD.match(self.subject))

    @property
    def is_listed(self) -> bool:
        """Whether the mail came over a list of any kind."""
        return self.is_discussion or self.has_any("list-id", "list-unsubscribe")

    @cached_property
    def is_discussion(self) -> bool:
        """Whether people can write to the list that the mail came over."""
        if self.answers_go_nowhere:
            return False
        if "mailto:" in self.header("list-post") or self.has_any(*DISCUSSION_HEADERS):
            return True
        # LISTSERV and others name no address for posts, and mailings have no owner.
        if self.has_any(*LIST_MANAGER) and not self.has_campaign:
            return True
        return self._is_posted

    @property
    def _is_posted(self) -> bool:
        """Whether a program for lists handed on what was written to a list.

        Such programs name their own addresses after the list. Mailings are addressed to
        their reader, and those who send them ask for answers to themselves.
        """
        way_out = self.header("list-unsubscribe")
        if "://" in way_out and "/mailman/" not in way_out:
            # A page of its own, as mailings have; the address beside it may be anything.
            way_out = ""
        managers = "\n".join([*map(self.header, _MANAGED_BY), way_out])
        if LIST_SOFTWARE.search(managers):
            return True
        answers = {m.address.lower() for m in read_mailboxes(self.header("reply-to"))}
        listed = self.header("list-id")
        for recipient in self.message.recipients[:_MAX_RECIPIENTS]:
            address = recipient.value.lower()
            local, _, domain = address.rpartition("@")
            if not local or address == self.message.sender.value.lower():
                continue
            if address in answers or f"<{local}.{domain}>" in listed:
                return True
            name = re.escape(local)
            if re.search(
                rf"\b(?:(?:owner|leave|bounce)-{name}|{name}-(?:request|leave|relay))\b",
                managers,
            ):
                return True
        return False

    @cached_property
    def answers_go_nowhere(self) -> bool:
        """Whether the mail asks for answers to an address that takes none."""
        return any(NO_REPLY.fullmatch(local) for local in self._answer_locals)

    @property
    def _answer_locals(self) -> list[str]:
        mailboxes = read_mailboxes(self.header("reply-to"))
        return [mailbox.address.rpartition("@")[0] for mailbox in mailboxes]

    @property
    def is_auto_submitted(self) -> bool:
        submitted = self.header("auto-submitted").split(";")[0].strip()
        return submitted.startswith("auto-")

    @property
    def is_bulk(self) -> bool:
        return self.header("precedence") in {"bulk", "list", "junk"}

    @property
    def is_marked_automatic(self) -> bool:
        """Whether it bears one of the marks that automatic answers bear."""
        return (
            self.has_no_return
            or self.is_auto_submitted
            or self.has_any(
                "x-auto-response-suppress", "x-ms-exchange-inbox-rules-loop"
            )
            or (self.is_bulk and not self.is_listed and not self.message.body_html)
        )

    @property
    def is_written_by_hand(self) -> bool:
        """Whether a mail program for people made it."""
        if self.is_auto_submitted or self.takes_no_reply:
            return False
        is_known = bool(MAIL_PROGRAM.search(self.header("x-mailer")))
        is_made = bool(HAND_MADE_ID.search(self.header("message-id")))
        return is_known or is_made or self.has_any("user-agent")

    @property
    def is_from_free_mail(self) -> bool:
        """Whether it comes from where people have their mailboxes."""
        return self._domain in FREE_MAIL

    @property
    def names_campaign(self) -> bool:
        """Whether a header names the mailing that it is a copy of."""
        return self.has_any(*CAMPAIGN_HEADERS)

    @property
    def has_campaign(self) -> bool:
        """Whether it has what only mailings and notices to many have."""
        return self.names_campaign or self.has_any("list-unsubscribe-post")

    @property
    def is_counted(self) -> bool:
        """Whether the sender wants complaints counted by campaign."""
        counted = self.header("feedback-id")
        return bool(counted) and not COUNTED_BY_HOST.search(counted)

    @property
    def is_sent_by_service(self) -> bool:
        """Whether a service sent it through which programs send."""
        if self.has_any(*SENDING_SERVICES) or self.is_counted:
            return True
        path = f"{self.header('return-path')}\n{self.header('message-id')}"
        return bool(SENDING_PATH.search(path))

    @property
    def is_sent_by_program(self) -> bool:
        """Whether anything about it is as only programs make it."""
        return (
            self.is_bulk
            or self.has_no_return
            or self.is_auto_submitted
            or self.has_campaign
            or self.is_sent_by_service
            or self.has_any("list-unsubscribe", "x-auto-response-suppress")
        )

    @property
    def is_mass_mailed(self) -> bool:
        """Whether the program or the address is one for mailings and nothing else."""
        if MASS_MAILER.search(self.header("x-mailer")):
            return True
        is_named = bool(MAILING.fullmatch(self.local_part))
        return is_named and not self.is_written_by_hand and not self.answers_elsewhere

    @cached_property
    def may_be_a_person(self) -> bool:
        """Whether a program may only be handing on what somebody wrote.

        A form or a list does so in its own name: the person stands in Reply-To or in
        the text. A help desk sends what its people write, a forum what its members do.
        """
        return (
            (self.is_listed and self.is_reply)
            or self.is_handed_on
            or self.answers_elsewhere
            or self.answers_are_relayed
            or self.has_any(*HELP_DESK_HEADERS)
            or len(set(phrases.FORM_LABEL.findall(self.start))) > 1
            or self._names_somebody(self.start)
        )

    @property
    def is_handed_on(self) -> bool:
        """Whether the name is that of a person behind a service: "Anna via Market"."""
        name = (self.message.sender.name or "").lower()
        return any(word in name for word in (" via ", " über ", " on behalf of "))

    @cached_property
    def answers_elsewhere(self) -> bool:
        """Whether answers go to somebody at another organisation."""
        return self._names_somebody(self.header("reply-to"))

    @property
    def answers_are_relayed(self) -> bool:
        """Whether answers go to an address that was made for them."""
        return any(
            local != self.local_part and RELAY.fullmatch(local)
            for local in self._answer_locals
        )

    def _names_somebody(self, text: str) -> bool:
        ours = {email_key(recipient.value) for recipient in self.message.recipients}
        for key in map(email_key, _ADDRESS.findall(text)):
            local, _, domain = key.rpartition("@")
            is_known = key in ours or _are_related(self._domain, domain)
            if not is_known and not NO_REPLY.fullmatch(local):
                return True
        return False

    @property
    def _domain(self) -> str:
        return self.message.sender.value.rpartition("@")[2].lower()


def _are_related(one: str, other: str) -> bool:
    """Whether two domains look like one owner's: mail.shop.example, shop.example."""
    return one.split(".")[-2:] == other.split(".")[-2:]
