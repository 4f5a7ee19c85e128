"""Evidence that a mail server or a mail program reports on a mail."""

from app.domain import mail_phrases as phrases
from app.domain.decision import Category
from app.domain.delivery_cause import quotes_reply
from app.domain.delivery_event import read_event
from app.domain.evidence_rule import Rule
from app.domain.mail_signs import MailSigns


def is_delivery_report(mail: MailSigns) -> bool:
    """Recognise what is marked as a delivery report."""
    if mail.has_any("x-failed-recipients"):
        return True
    # Where it is not the mail itself, somebody may be handing a report on.
    is_own = mail.is_report or mail.is_server or mail.has_no_return
    if mail.report_type == "delivery-status" and is_own:
        return True
    return mail.takes_no_reply and read_event(mail.text) is not None


def is_bounce(mail: MailSigns) -> bool:
    """Recognise bounces in the words of one server or another, as qmail sends them."""
    if mail.is_daemon:
        return True
    says_so = bool(phrases.BOUNCE_SUBJECT.match(mail.subject))
    is_answer = mail.is_reply and not (mail.is_server and says_so)
    if is_answer and not mail.has_no_return:
        return False
    if mail.is_server and (mail.returns_ours or quotes_reply(mail.start)):
        return True
    if mail.is_server or mail.has_no_return:
        return says_so or _quotes_server(mail.start)
    if mail.takes_no_reply or mail.is_auto_submitted:
        return says_so + _quotes_server(mail.start) + mail.returns_ours > 1
    # Who asks what a bounce means writes that above the bounce.
    if mail.is_written_by_hand or mail.is_from_free_mail:
        return False
    return says_so and bool(phrases.BOUNCE_BODY.search(mail.start[:400]))


def _quotes_server(text: str) -> bool:
    return bool(phrases.BOUNCE_BODY.search(text) or phrases.BOUNCE_CODE.search(text))


def is_complaint(mail: MailSigns) -> bool:
    """Recognise reports of readers who called a mail of ours spam."""
    if mail.report_type == "feedback-report":
        return mail.is_report or mail.takes_no_reply or mail.is_server
    # Microsoft names the server and attaches the mail, and says nothing else.
    says_so = bool(phrases.COMPLAINT_SUBJECT.match(mail.subject))
    return says_so and bool(mail.attached) and not mail.start.strip()


def is_read_receipt(mail: MailSigns) -> bool:
    """Recognise what a mail program sends when a mail was shown or deleted."""
    return mail.report_type == "disposition-notification" and mail.is_report


def _is_domain_report(mail: MailSigns) -> bool:
    if mail.report_type == "tlsrpt":
        return mail.is_report
    return bool(phrases.DOMAIN_REPORT_SUBJECT.match(mail.subject))


RULES = (
    Rule(
        "delivery-report",
        Category.NOTIFICATION,
        0.99,
        "a mail server reports on the delivery of a mail",
        is_delivery_report,
    ),
    Rule(
        "complaint-report",
        Category.NOTIFICATION,
        0.98,
        "a mail provider reports that a reader called a mail spam",
        is_complaint,
    ),
    Rule(
        "domain-report",
        Category.NOTIFICATION,
        0.97,
        "a mail provider reports on mail in the name of our domain",
        _is_domain_report,
    ),
    Rule(
        "read-receipt",
        Category.NOTIFICATION,
        0.98,
        "a mail program confirms that a mail was displayed",
        is_read_receipt,
    ),
    Rule(
        "bounce",
        Category.NOTIFICATION,
        0.96,
        "a mail server returns a mail in its own words",
        is_bounce,
    ),
)
