import pytest

from app.domain.consent import Consent, consent_of


@pytest.mark.shows("F13")
@pytest.mark.parametrize(
    ("text", "consent"),
    [
        ("STOP", Consent.STOP),
        (" stop. ", Consent.STOP),
        ("Stop all!", Consent.STOP),
        ("STOPP", Consent.STOP),
        ("Arrêt", Consent.STOP),
        ("opt-out", Consent.STOP),
        ("END", Consent.STOP),
        ("Start", Consent.START),
        ("unstop", Consent.START),
        ("HELP", Consent.HELP),
        ("info?", Consent.HELP),
        ("please stop", None),
        ("When do you stop?", None),
        ("help me", None),
        ("", None),
        (None, None),
        ("..", None),
        ("stop" + " " * 1_000_000, None),
    ],
)
def test_a_message_that_is_nothing_but_the_word_is_meant(text, consent):
    assert consent_of(text) == consent


@pytest.mark.shows("F13")
def test_a_plain_yes_means_start_only_from_who_has_stopped():
    assert consent_of("Yes") is None
    assert consent_of("Yes", has_stopped=True) is Consent.START


@pytest.mark.shows("F13")
@pytest.mark.parametrize(
    ("text", "consent"),
    [("Cancel", None), ("help", None), ("Start", None), ("stop", Consent.STOP)],
)
def test_where_no_carrier_listens_only_what_nobody_says_by_chance_counts(text, consent):
    assert consent_of(text, by_telephone=False) == consent


@pytest.mark.shows("F13")
def test_who_has_stopped_may_start_again_anywhere():
    assert consent_of("start", by_telephone=False, has_stopped=True) is Consent.START
    assert consent_of("cancel", by_telephone=False, has_stopped=True) is None
