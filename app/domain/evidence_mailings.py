"""Evidence that one mail was sent to many."""

from app.domain import mail_phrases as phrases
from app.domain.decision import Category
from app.domain.evidence_rule import Rule
from app.domain.mail_signs import MailSigns


def _is_newsletter(mail: MailSigns) -> bool:
    if _is_somebodys(mail):
        return False
    if mail.is_mass_mailed:
        return True
    if mail.is_written_by_hand or mail.is_from_free_mail or mail.is_service:
        return False
    if mail.has_any("list-unsubscribe"):
        return mail.is_bulk or mail.has_campaign or mail.is_counted
    return mail.is_bulk and mail.has_campaign


def _is_somebodys(mail: MailSigns) -> bool:
    """Whether a person may be behind it, though a service sent it to many."""
    return (
        mail.is_discussion
        or mail.is_reply
        or mail.is_forwarded
        or mail.is_handed_on
        # An answer goes to who wrote it, as from groups and markets.
        or (mail.answers_are_relayed and not mail.names_campaign)
    )


def _offers_way_out(mail: MailSigns) -> bool:
    """Headers of a mailing and, in its text, the link that ends it."""
    if _is_somebodys(mail):
        return False
    if mail.is_written_by_hand or mail.is_from_free_mail or mail.is_service:
        return False
    is_sent_by_program = (
        mail.has_any("list-unsubscribe")
        or mail.is_bulk
        or mail.has_campaign
        or mail.is_sent_by_service
    )
    return is_sent_by_program and bool(phrases.WAY_OUT.search(mail.readable))


RULES = (
    Rule(
        "newsletter",
        Category.NEWSLETTER,
        0.9,
        "it was mailed to many, with signs of a mailing and none of a discussion",
        _is_newsletter,
    ),
    Rule(
        "way-out",
        Category.NEWSLETTER,
        0.85,
        "a mailing program sent it, and its text has a link to end the subscription",
        _offers_way_out,
    ),
)
