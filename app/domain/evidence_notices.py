"""Evidence that a program wrote a mail on its own account."""

import re

from app.domain import mail_phrases as phrases
from app.domain.decision import Category
from app.domain.evidence_rule import Rule
from app.domain.mail_signs import MailSigns

_PROGRAM_HEADERS = (
    "x-cron-env",
    "x-git-refname",
    "x-git-reftype",
    "x-jenkins-job",
    "x-jenkins-result",
    "x-nagios-notification",
    "x-rss-feed",
    "x-rss-url",
    "x-rss-id",
    "x-amz-sns-message-id",
    "x-gitlab-pipeline-status",
    "x-list-administrivia",
    "x-sentry-reply-to",
)
_CI_REASONS = frozenset({"ci_activity", "security_alert"})
#: schema.org names what a program did for us: an order, a parcel, a booking.
_DEED = re.compile(
    r"(?:\"@type\"\s*:\s*\"|itemtype\s*=\s*[\"']?https?://schema\.org/)"
    r"(?:order|parceldelivery|invoice|\w{2,20}reservation)\b",
    re.IGNORECASE,
)
_MAX_HTML = 200_000


def _is_generated(mail: MailSigns) -> bool:
    if mail.is_reply and not mail.takes_no_reply:
        # Ticket systems send what their people write under this header too.
        return False
    return mail.is_auto_submitted and not mail.may_be_a_person


def _is_program_output(mail: MailSigns) -> bool:
    if mail.is_reply:
        return False
    if mail.has_any(*_PROGRAM_HEADERS) or phrases.CRON_SUBJECT.match(mail.subject):
        return not mail.is_written_by_hand
    return mail.header("x-github-reason") in _CI_REASONS


def _is_commit(mail: MailSigns) -> bool:
    is_announced = bool(phrases.COMMIT_LIST.search(mail.header("list-id")))
    is_commit = bool(phrases.COMMIT_BODY.match(mail.start))
    return is_announced and is_commit and not mail.is_reply


def _is_feed_item(mail: MailSigns) -> bool:
    links = bool(phrases.FEED_LINK.search(mail.start))
    return mail.is_feed_reader and links and not mail.is_reply


def _is_deed(mail: MailSigns) -> bool:
    if mail.is_reply or mail.is_forwarded or mail.is_written_by_hand:
        return False
    html = (mail.message.body_html or "")[:_MAX_HTML]
    return bool(_DEED.search(html)) and not mail.may_be_a_person


def _is_machine_notice(mail: MailSigns) -> bool:
    """Somebody who takes no reply, by a program, to one reader or to many."""
    if not mail.takes_no_reply or mail.is_discussion or mail.may_be_a_person:
        return False
    return mail.answers_go_nowhere or mail.is_sent_by_program


def _is_service_notice(mail: MailSigns) -> bool:
    """An address for notices, by a program; without a program it may be a person's."""
    if not mail.is_service or mail.is_discussion or mail.may_be_a_person:
        return False
    if mail.is_reply or mail.is_written_by_hand or mail.is_from_free_mail:
        return False
    return mail.is_sent_by_program


RULES = (
    Rule(
        "auto-submitted",
        Category.NOTIFICATION,
        0.95,
        "the headers say that a program wrote it",
        _is_generated,
    ),
    Rule(
        "program-output",
        Category.NOTIFICATION,
        0.95,
        "the headers name the program that wrote it",
        _is_program_output,
    ),
    Rule(
        "commit",
        Category.NOTIFICATION,
        0.9,
        "a list for commits carries a commit",
        _is_commit,
    ),
    Rule(
        "feed-item",
        Category.NOTIFICATION,
        0.85,
        "a feed reader sends an item of a feed",
        _is_feed_item,
    ),
    Rule(
        "deed",
        Category.NOTIFICATION,
        0.9,
        "it carries an order, a parcel or a booking in the form made for programs",
        _is_deed,
    ),
    Rule(
        "no-reply",
        Category.NOTIFICATION,
        0.85,
        "the sender takes no reply, and a program sent it",
        _is_machine_notice,
    ),
    Rule(
        "service-notice",
        Category.NOTIFICATION,
        0.85,
        "the address is one for notices, and a program sent it",
        _is_service_notice,
    ),
)
