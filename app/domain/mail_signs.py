"""Signs of what made a mail: a server, a program, a mailing, or a person."""

import re
from functools import cached_property

from app.domain import mail_phrases as phrases
from app.domain.identifiers import email_key
from app.domain.mail_addresses import read_mailboxes
from app.domain.unified_message import UnifiedMessage

#: Where a server or a form speaks, it does so in the first lines.
_START = 5_000

_REPLY = re.compile(
    r"\s*(?:\[[^\]]{0,80}\]\s*)*"
    r"(?:re|aw|antw|sv|vs|odp|rif|res|ynt|atb|回复|回覆|答复|答覆|返信|답장|отв)"
    r"\s*(?:\[\d+\]|\(\d+\)|\d+)?\s*[:：]",
    re.IGNORECASE,
)
_DAEMON = re.compile(r"mail(?:er)?[-_. ]?daemon\b", re.IGNORECASE)
_NO_REPLY = re.compile(
    r"(?:.*[._+-])?(?:no|not|non|ne)[._-]?(?:reply|response|answer)(?:[._+-].*|\d*)"
    r"|(?:do|please|pls)[._-]?not?[._-]?reply.*"
    r"|(?:nicht|keine)[._-]?antwort.*"
    r"|(?:ne-?pas-?repondre|no-?responder|nao-?responda|non-?rispondere).*"
)
_PROGRAMS = frozenset(
    {"root", "cron", "daemon", "nagios", "icinga", "zabbix", "logwatch", "www-data"}
)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_FEED_ADDRESS = re.compile(
    r"(?:.*[._+-])?(?:rss|rss2email|(?:rss)?feeds?)(?:[._+-].*)?"
)
_MAILING_ADDRESS = re.compile(r"(?:.*[._+-])?(?:newsletters?|mailings?)(?:[._+-].*)?")
#: Programs that send nothing but mailings.
_MASS_MAILER = re.compile(
    r"accucast|aspmail|bulk ?mail|campaign|cheetahmail|constant contact|dartmail|"
    r"emailvision|inxmail|klaviyo|mailchimp|mailjet|mailworx|massmail|newsletter|"
    r"phplist|quicksender|responsys|sailthru|sendy|silverpop|stormpost|targetmail|"
    r"unity ?mail|whatcounts|cleverreach|rapidmail|brevo|sendinblue|acymailing|mailpoet"
)
_CAMPAIGN_HEADERS = (
    "x-bulkmail",
    "x-campaign",
    "x-campaignid",
    "x-campaign-id",
    "x-cid",
    "x-csa-complaints",
    "x-emv-memberid",
    "x-job",
    "x-list-host",
    "x-mailingid",
    "x-mailing-id",
    "x-mc-user",
    "x-newsletter",
    "x-report-abuse",
    "x-roving-id",
    "x-rpcampaign",
    "x-sfmc-stack",
    "x-stormpost-to",
    "x-virtualserver",
    "list-unsubscribe-post",
)
#: Lists to which people write; announcements leave these out.
_DISCUSSION = (
    "mailing-list",
    "x-beenthere",
    "x-egroups-return",
    "x-google-group-id",
    "x-listserver",
    "x-mailing-list",
    "x-mailman-version",
)
_LIST_MANAGER = ("list-archive", "list-owner", "list-subscribe")
#: Programs in which people write.
_MAIL_PROGRAM = re.compile(
    r"apple mail|iphone mail|ipad mail|microsoft outlook|thunderbird|evolution|mutt|"
    r"git-send-email|the bat|claws|sylpheed|kmail|airmail|mailspring|roundcube|horde|"
    r"squirrelmail|zimbra|mew |gnus|mailmate|eudora|lotus notes|groupwise|exmh|nmh"
)


class MailSigns:
    """What the headers and the structure of one mail say, each asked once."""

    def __init__(self, message: UnifiedMessage) -> None:
        self.message = message

    def header(self, name: str) -> str:
        """Return the values of a header as one text in lower case, or ""."""
        value = self.message.headers.get(name, "")
        values = value if isinstance(value, list) else [value]
        return "\n".join(str(each) for each in values).strip().lower()

    def has_any(self, *names: str) -> bool:
        return any(name in self.message.headers for name in names)

    def affirms_any(self, *names: str) -> bool:
        return any(self.header(name) not in {"", "no", "false"} for name in names)

    @property
    def subject(self) -> str:
        return (self.message.subject or "").strip()

    @property
    def start(self) -> str:
        return (self.message.body_text or "")[:_START]

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
    def local_part(self) -> str:
        return self.message.sender.value.rpartition("@")[0].lower()

    @property
    def is_daemon(self) -> bool:
        # Without a domain it is no address, and the name holds what stood there.
        name = self.message.sender.name or ""
        return bool(_DAEMON.search(self.local_part or name))

    @property
    def is_server(self) -> bool:
        return self.is_daemon or self.local_part == "postmaster"

    @property
    def has_no_return(self) -> bool:
        """Whether the envelope named no sender, so that nothing can bounce back."""
        return "<>" in self.header("return-path").split("\n")

    @property
    def takes_no_reply(self) -> bool:
        local = self.local_part
        return local in _PROGRAMS or bool(_NO_REPLY.fullmatch(local))

    @property
    def is_feed_reader(self) -> bool:
        return bool(_FEED_ADDRESS.fullmatch(self.local_part))

    @property
    def is_reply(self) -> bool:
        message = self.message
        has_parent = bool(message.in_reply_to or message.references)
        return has_parent or bool(_REPLY.match(self.subject))

    @property
    def is_listed(self) -> bool:
        """Whether the mail came over a list of any kind."""
        return self.is_discussion or self.has_any("list-id", "list-unsubscribe")

    @cached_property
    def is_discussion(self) -> bool:
        """Whether people can write to the list that the mail came over."""
        if self.answers_go_nowhere:
            return False
        if "mailto:" in self.header("list-post") or self.has_any(*_DISCUSSION):
            return True
        # LISTSERV and others name no address for posts, and mailings have no owner.
        return self.has_any(*_LIST_MANAGER) and not self.has_campaign

    @cached_property
    def answers_go_nowhere(self) -> bool:
        """Whether the mail asks for answers to an address that takes none."""
        mailboxes = read_mailboxes(self.header("reply-to"))
        local_parts = [mailbox.address.rpartition("@")[0] for mailbox in mailboxes]
        return any(_NO_REPLY.fullmatch(local) for local in local_parts)

    @property
    def is_auto_submitted(self) -> bool:
        submitted = self.header("auto-submitted").split(";")[0].strip()
        return submitted.startswith("auto-")

    @property
    def is_bulk(self) -> bool:
        return self.header("precedence") in {"bulk", "list", "junk"}

    @property
    def is_written_by_hand(self) -> bool:
        """Whether a mail program for people made it."""
        is_known = bool(_MAIL_PROGRAM.search(self.header("x-mailer")))
        return is_known or self.has_any("user-agent")

    @property
    def has_campaign(self) -> bool:
        return self.has_any(*_CAMPAIGN_HEADERS)

    @property
    def is_mass_mailed(self) -> bool:
        """Whether the program or the address is one for mailings and nothing else."""
        if _MASS_MAILER.search(self.header("x-mailer")):
            return True
        is_named = bool(_MAILING_ADDRESS.fullmatch(self.local_part))
        return is_named and not self.is_written_by_hand and not self.answers_elsewhere

    @cached_property
    def may_be_a_person(self) -> bool:
        """Whether a program may only be handing on what somebody wrote.

        A form or a list does so in its own name: the person stands in Reply-To or in
        the text.
        """
        return (
            (self.is_listed and self.is_reply)
            or self.is_handed_on
            or self.answers_elsewhere
            or len(set(phrases.FORM_LABEL.findall(self.start))) > 1
            or self._names_somebody(self.start)
        )

    @property
    def is_handed_on(self) -> bool:
        """Whether the name is that of a person behind a service: "Anna via Market"."""
        return " via " in (self.message.sender.name or "").lower()

    @cached_property
    def answers_elsewhere(self) -> bool:
        """Whether answers go to somebody at another organisation."""
        return self._names_somebody(self.header("reply-to"))

    def _names_somebody(self, text: str) -> bool:
        ours = {email_key(recipient.value) for recipient in self.message.recipients}
        for key in map(email_key, _ADDRESS.findall(text)):
            local, _, domain = key.rpartition("@")
            is_known = key in ours or _are_related(self._domain, domain)
            if not is_known and not _NO_REPLY.fullmatch(local):
                return True
        return False

    @property
    def _domain(self) -> str:
        return self.message.sender.value.rpartition("@")[2].lower()


def _are_related(one: str, other: str) -> bool:
    """Whether two domains look like one owner's: mail.shop.example, shop.example."""
    return one.split(".")[-2:] == other.split(".")[-2:]
