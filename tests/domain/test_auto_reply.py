"""Automatic answers: told apart from each other and from what people write."""

from datetime import date

import pytest

from app.domain.auto_reply import AutoReply, AutoReplyKind, auto_reply_of
from app.domain.mail import read_mail
from tests.domain.mails import mail

REPLIED = {"Auto-Submitted": "auto-replied"}


def kind_of(raw):
    reply = auto_reply_of(read_mail(raw))
    return reply and reply.kind


@pytest.mark.shows("H2")
def test_an_absence_note_names_our_mail_and_the_day_of_return():
    raw = mail(
        "I am out of the office until 18 March 2024. Write to my colleague.",
        subject="Automatic reply: Your offer",
        **REPLIED,
        references="<first@bizzy.example> <ours@bizzy.example>",
    )

    assert auto_reply_of(read_mail(raw)) == AutoReply(
        kind=AutoReplyKind.ABSENCE,
        returns_on=date(2024, 3, 18),
        original_message_id="ours@bizzy.example",
    )


@pytest.mark.shows("H1")
@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Offer",
        "Out of Office AutoReply: Offer",
        "AUTO: Bob Example is out of the office (returning 03/25/2024)",
        "Automatische Antwort: Angebot",
        "Abwesenheitsnotiz: Angebot",
        "Réponse automatique : Offre",
        "Respuesta automática: Oferta",
        "Risposta automatica: Offerta",
        "Resposta automática: Oferta",
        "Automatisch antwoord: Aanbod",
        "Autosvar: Tilbud",
        "Automatiskt svar: Erbjudande",
        "Automaattinen vastaus: Tarjous",
        "Odpowiedź automatyczna: Oferta",
        "Automatická odpověď: Nabídka",
        "Automatikus válasz: Ajánlat",
        "Răspuns automat: Ofertă",
        "Otomatik Yanıt: Teklif",
        "Автоответ: Предложение",
        "Автоматический ответ: Предложение",
        "自動返信: 見積もり",
        "自动回复：报价",
        "자동 회신: 견적",
        "[Auto-Reply] Offer",
    ],
)
def test_subjects_that_only_programs_write_suffice(subject):
    assert kind_of(mail("…", subject=subject)) is not None


@pytest.mark.parametrize(
    ("body", "headers", "kind"),
    [
        ("Ich bin im Urlaub.", REPLIED, AutoReplyKind.ABSENCE),
        ("x", {"Subject": "Out of office", "Return-Path": "<>"}, AutoReplyKind.ABSENCE),
        (
            "x",
            {"Subject": "Absence", "X-Auto-Response-Suppress": "All"},
            AutoReplyKind.ABSENCE,
        ),
        ("We have received your request.", REPLIED, AutoReplyKind.ACKNOWLEDGEMENT),
        (
            "Nous avons bien reçu votre message.",
            {"X-Autorespond": "1"},
            AutoReplyKind.ACKNOWLEDGEMENT,
        ),
        (
            "Ticket 7.",
            {"From": "no-reply@x.example", "Subject": "Request received: printer"},
            AutoReplyKind.ACKNOWLEDGEMENT,
        ),
        ("See our new catalogue!", REPLIED, AutoReplyKind.OTHER),
        (
            "x",
            {"X-MS-Exchange-Generated-Message-Source": "Mailbox Rules Agent"},
            AutoReplyKind.OTHER,
        ),
        (
            "Please click here to confirm that you are a human sender.",
            {"Return-Path": "<>"},
            AutoReplyKind.CHALLENGE,
        ),
        ("x", {"X-BoxTrapper": "verify"}, AutoReplyKind.CHALLENGE),
    ],
    ids=[
        "German",
        "no return path",
        "wants no answer",
        "received",
        "received in French",
        "a ticket",
        "something else",
        "a rule of Exchange",
        "a challenge",
        "a challenge by its header",
    ],
)
def test_kinds_of_automatic_answers(body, headers, kind):
    assert kind_of(mail(body, **headers)) is kind


@pytest.mark.parametrize(
    "raw",
    [
        mail(),
        mail("I am away next week.", subject="Out of office next week?"),
        mail("So you are back!", subject="Re: Automatic reply: Offer"),
        mail("See below.", subject="Fwd: Out of office"),
        mail("3 doors, blue", subject="Auto: Angebot"),
        mail("We have received your request and like it.", subject="Request received"),
        mail(
            "Your request has been received. Yes, Sunday is fine. Anna",
            auto_submitted="auto-generated",
            x_zendesk_from_account_id="1",
        ),
        mail("Please click here to confirm you are coming.", in_reply_to="<ours@x>"),
        mail(
            "Automatic reply: a talk", user_agent="Mutt", subject="Auto-reply: how to"
        ),
        mail(auto_submitted="no", x_autoreply="no"),
    ],
    ids=[
        "a letter",
        "a word about an absence",
        "an answer to a note",
        "a note handed on",
        "a car",
        "a person who received something",
        "a person at a help desk",
        "a person who asks",
        "a person who writes of them",
        "marked as none",
    ],
)
def test_what_people_write_is_no_automatic_answer(raw):
    assert auto_reply_of(read_mail(raw)) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("I will be back on March 18th.", date(2024, 3, 18)),
        ("Returning Monday, 18 March.", date(2024, 3, 18)),
        ("Away until 2024-03-18.", date(2024, 3, 18)),
        ("Ich bin bis zum 18.03.2024 nicht im Büro.", date(2024, 3, 18)),
        ("Ab dem 18.3. bin ich wieder da.", date(2024, 3, 18)),
        ("Je serai de retour le 18 mars 2024.", date(2024, 3, 18)),
        ("Estaré fuera hasta el 18 de marzo.", date(2024, 3, 18)),
        ("Terug op 18 maart.", date(2024, 3, 18)),
        ("Back on 18/03/2024.", date(2024, 3, 18)),
        ("Back on 03/18/2024.", date(2024, 3, 18)),
        ("3月18日まで不在です。", date(2024, 3, 18)),
        ("Away from 10 March until 18 March 2024.", date(2024, 3, 18)),
        ("Back on 7 January.", date(2025, 1, 7)),
        ("Back on 04/05/2024.", None),
        ("Back on 31 February.", None),
        ("Back on 18 March 2019.", None),
        ("Our fair is on 18 March 2024.", None),
        ("I am away.", None),
    ],
    ids=[
        "month first",
        "day first",
        "ISO",
        "German",
        "German without a year",
        "French",
        "Spanish",
        "Dutch",
        "day before month by its number",
        "month before day by its number",
        "Japanese",
        "the last of two",
        "next year",
        "either April or May",
        "no such day",
        "long past",
        "another date",
        "no date",
    ],
)
def test_the_day_of_return(text, day):
    raw = mail(text, subject="Out of office", **REPLIED)

    reply = auto_reply_of(read_mail(raw))

    assert reply is not None
    assert reply.returns_on == day
