"""What a mail proves about itself, by its structure: what it says is not weighed.

A wrong "automatic" hides a customer, a missed one costs a glance. So each rule asks for
signs that no person's mail has, and what is left open is left to others. Half of all
mail on lists is written by people, under List-Unsubscribe and `Precedence: bulk`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.domain import mail_phrases as phrases
from app.domain.decision import Category, JudgedBy, Judgement
from app.domain.mail_facts import INVITING
from app.domain.mail_signs import MailSigns
from app.domain.unified_message import Direction, MessageKind, UnifiedMessage

#: Counts up when a rule changes, so that an old decision still names what made it.
VERSION = 1


@dataclass(frozen=True)
class _Rule:
    name: str
    category: Category
    confidence: float
    reason: str
    holds: Callable[[MailSigns], bool]


def evidence_of(message: UnifiedMessage) -> Judgement | None:
    """Judge an inbound mail by what settles it, or return None.

    Mail on a discussion list, answers, and what a form hands on are a person's.
    """
    if message.sender.kind != "email" or message.direction is Direction.OUTBOUND:
        return None
    mail = MailSigns(message)
    for rule in _RULES:
        if rule.holds(mail):
            return Judgement(
                category=rule.category,
                confidence=rule.confidence,
                reason=rule.reason,
                judged_by=JudgedBy.EVIDENCE,
                source=f"evidence/{VERSION}:{rule.name}",
            )
    return None


def _is_delivery_report(mail: MailSigns) -> bool:
    if mail.has_any("x-failed-recipients"):
        return True
    # Where it is not the mail itself, somebody may be handing a report on.
    is_own = mail.is_report or mail.is_server or mail.has_no_return
    return mail.report_type == "delivery-status" and is_own


def _is_complaint(mail: MailSigns) -> bool:
    return mail.report_type == "feedback-report" and mail.is_report


def _is_receipt(mail: MailSigns) -> bool:
    return mail.report_type == "disposition-notification" and mail.is_report


def _is_domain_report(mail: MailSigns) -> bool:
    if mail.report_type == "tlsrpt":
        return mail.is_report
    return bool(phrases.DOMAIN_REPORT_SUBJECT.match(mail.subject))


def _is_bounce(mail: MailSigns) -> bool:
    """Recognise bounces in the words of one server or another, as qmail sends them."""
    if mail.is_reply and not mail.has_no_return:
        return False
    if mail.is_daemon:
        return True
    says_so = bool(phrases.BOUNCE_SUBJECT.match(mail.subject))
    quotes_server = bool(phrases.BOUNCE_BODY.search(mail.start))
    if mail.is_server or mail.has_no_return:
        return says_so or quotes_server
    return says_so and quotes_server


def _is_auto_reply(mail: MailSigns) -> bool:
    submitted = mail.header("auto-submitted")
    if submitted.startswith("auto-replied"):
        return True
    if mail.affirms_any(*_AUTO_REPLY_HEADERS):
        return True
    return mail.header("precedence") in {"auto_reply", "auto-reply"}


def _is_absence_note(mail: MailSigns) -> bool:
    if phrases.AUTO_REPLY_SUBJECT.match(mail.subject):
        return True
    is_marked = (
        mail.has_no_return
        or mail.is_auto_submitted
        or mail.has_any("x-auto-response-suppress", "x-ms-exchange-inbox-rules-loop")
        or (mail.is_bulk and not mail.is_listed)
    )
    says_so = bool(phrases.ABSENCE_SUBJECT.match(mail.subject))
    return is_marked and says_so and not mail.may_be_a_person


def _is_invitation(mail: MailSigns) -> bool:
    method = mail.message.metadata.get("calendar_method")
    return mail.message.kind is MessageKind.EVENT and method in INVITING


def _is_spam(mail: MailSigns) -> bool:
    return (
        mail.header("x-spam-flag").startswith("yes")
        or mail.header("x-spam-status").startswith("yes")
        or mail.header("x-spam") == "yes"
        or "spam" in mail.labels
        or "sfv:spm" in mail.header("x-forefront-antispam-report")
    )


def _is_generated(mail: MailSigns) -> bool:
    if mail.is_reply and not mail.takes_no_reply:
        # Ticket systems send what their people write under this header too.
        return False
    return mail.is_auto_submitted and not mail.may_be_a_person


def _is_program_output(mail: MailSigns) -> bool:
    return mail.has_any(*_PROGRAM_HEADERS) and not mail.is_reply


def _is_commit(mail: MailSigns) -> bool:
    is_announced = bool(phrases.COMMIT_LIST.search(mail.header("list-id")))
    is_commit = bool(phrases.COMMIT_BODY.match(mail.start))
    return is_announced and is_commit and not mail.is_reply


def _is_feed_item(mail: MailSigns) -> bool:
    links = bool(phrases.FEED_LINK.search(mail.start))
    return mail.is_feed_reader and links and not mail.is_reply


def _is_newsletter(mail: MailSigns) -> bool:
    if mail.is_discussion or mail.is_reply or mail.is_handed_on:
        return False
    if mail.is_mass_mailed:
        return True
    if mail.is_written_by_hand:
        return False
    if mail.has_any("list-unsubscribe"):
        return mail.is_bulk or mail.has_campaign or mail.has_any("feedback-id")
    return mail.is_bulk and mail.has_campaign


def _is_machine_notice(mail: MailSigns) -> bool:
    """Somebody who takes no reply, by a program, to one reader or to many."""
    if not mail.takes_no_reply or mail.is_discussion or mail.may_be_a_person:
        return False
    return (
        mail.is_bulk
        or mail.has_no_return
        or mail.has_campaign
        or mail.answers_go_nowhere
        or mail.has_any("list-unsubscribe", "x-auto-response-suppress")
        or mail.has_any(*_SENDING_SERVICES)
    )


_AUTO_REPLY_HEADERS = (
    "x-autoreply",
    "x-autoreply-from",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-reply",
    "x-auto-reply-from",
    "x-vacation",
    "x-mail-autoreply",
    "x-mdaemon-autoresponse",
)
_PROGRAM_HEADERS = (
    "x-cron-env",
    "x-git-refname",
    "x-git-reftype",
    "x-jenkins-job",
    "x-nagios-notification",
    "x-rss-feed",
    "x-rss-url",
    "x-rss-id",
    "x-amz-sns-message-id",
)
#: Whoever sends through these sends from a program; it may be a form all the same.
_SENDING_SERVICES = (
    "feedback-id",
    "x-ses-outgoing",
    "x-sg-eid",
    "x-mailgun-sid",
    "x-mandrill-user",
    "x-mc-user",
    "x-msfbl",
    "x-pm-message-id",
    "x-mj-mid",
    "x-sfdc-user",
    "x-sfmc-stack",
    "x-php-originating-script",
)
_RULES = (
    _Rule(
        "delivery-report",
        Category.NOTIFICATION,
        0.99,
        "a mail server reports on the delivery of a mail",
        _is_delivery_report,
    ),
    _Rule(
        "complaint-report",
        Category.NOTIFICATION,
        0.98,
        "a mail provider reports that a reader called a mail spam",
        _is_complaint,
    ),
    _Rule(
        "domain-report",
        Category.NOTIFICATION,
        0.97,
        "a mail provider reports on mail in the name of our domain",
        _is_domain_report,
    ),
    _Rule(
        "read-receipt",
        Category.NOTIFICATION,
        0.98,
        "a mail program confirms that a mail was displayed",
        _is_receipt,
    ),
    _Rule(
        "bounce",
        Category.NOTIFICATION,
        0.96,
        "a mail server returns a mail in its own words",
        _is_bounce,
    ),
    _Rule(
        "auto-reply",
        Category.NOTIFICATION,
        0.97,
        "the headers say that a program answered",
        _is_auto_reply,
    ),
    _Rule(
        "absence-note",
        Category.NOTIFICATION,
        0.92,
        "the subject is that of an absence note",
        _is_absence_note,
    ),
    _Rule(
        "calendar",
        Category.NOTIFICATION,
        0.9,
        "a calendar invites, answers or cancels",
        _is_invitation,
    ),
    _Rule(
        "spam-verdict",
        Category.SPAM,
        0.9,
        "the receiving server marked it as spam",
        _is_spam,
    ),
    _Rule(
        "newsletter",
        Category.NEWSLETTER,
        0.9,
        "it was mailed to many, with signs of a mailing and none of a discussion",
        _is_newsletter,
    ),
    _Rule(
        "auto-submitted",
        Category.NOTIFICATION,
        0.95,
        "the headers say that a program wrote it",
        _is_generated,
    ),
    _Rule(
        "program-output",
        Category.NOTIFICATION,
        0.95,
        "the headers name the program that wrote it",
        _is_program_output,
    ),
    _Rule(
        "commit",
        Category.NOTIFICATION,
        0.9,
        "a list for commits carries a commit",
        _is_commit,
    ),
    _Rule(
        "feed-item",
        Category.NOTIFICATION,
        0.85,
        "a feed reader sends an item of a feed",
        _is_feed_item,
    ),
    _Rule(
        "no-reply",
        Category.NOTIFICATION,
        0.85,
        "the sender takes no reply, and a program sent it",
        _is_machine_notice,
    ),
)
