"""Splitting answers: the quote is set apart, and nobody's words get lost."""

import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.mail_text import ReplyParts, split_reply

OUTLOOK = "From: Bob <b@x.example>\nSent: Monday, 4 March 2024 10:00\nTo: Anna\nSubject: Offer"


@pytest.mark.shows("C7", "C8")
@pytest.mark.parametrize(
    "attribution",
    [
        "On Mon, 4 Mar 2024 at 10:00, Bob <b@x.example> wrote:",
        "On Mon, 4 Mar 2024 at 10:00, Bob Example <\nb@x.example> wrote:",
        "Bob wrote:",
        "Am 04.03.24 um 10:00 schrieb Bob:",
        "Bob <b@x.example> schrieb am Mo., 4. März 2024, 10:00:",
        "Le 04/03/2024 à 10:00, Bob a écrit\xa0:",
        "El lun, 4 mar 2024 a las 10:00, Bob (<b@x.example>) escribió:",
        "Il giorno lun 4 mar 2024 alle ore 10:00 Bob <b@x.example> ha\nscritto:",
        "Em seg., 4 de mar. de 2024 às 10:00, Bob <b@x.example>\nescreveu:",
        "Den mån 4 mars 2024 kl 10:00 skrev Bob <b@x.example>:",
        "Op ma 4 mrt 2024 om 10:00 schreef Bob <b@x.example>:",
        "W dniu 4.03.2024 o 10:00, Bob napisał(a):",
        "Dne 4. 3. 2024 v 10:00 Bob napsal(a):",
        "Bob kirjoitti 4.3.2024 klo 10.00:",
        "Bob <b@x.example> ezt írta (időpont: 2024. márc. 4., H, 10:00):",
        "4 Mar 2024 Pzt, 10:00 tarihinde Bob <b@x.example> şunu yazdı:",
        "пн, 4 мар. 2024 г. в 10:00, Bob <b@x.example>:",
        "Bob <b@x.example> 于2024年3月4日周一 10:00写道：",
        "2024年3月4日(月) 10:00 Bob <b@x.example>:",
        "2024년 3월 4일 (월) 오전 10:00, Bob <b@x.example>님이 작성:",
    ],
    ids=[
        "English",
        "English, wrapped",
        "a name alone",
        "German",
        "German of Gmail",
        "French",
        "Spanish",
        "Italian",
        "Portuguese",
        "Swedish",
        "Dutch",
        "Polish",
        "Czech",
        "Finnish",
        "Hungarian",
        "Turkish",
        "Russian",
        "Chinese",
        "Japanese",
        "Korean",
    ],
)
def test_attributions_of_many_languages_belong_to_the_quote(attribution):
    quoted = f"{attribution}\n\n> We open at nine.\n> Bob"

    assert split_reply(f"Thank you!\n\n{quoted}\n") == ReplyParts(
        visible="Thank you!", quoted=quoted, signature=""
    )


@pytest.mark.shows("C8")
@pytest.mark.parametrize(
    "block",
    [
        OUTLOOK,
        f"________________________________\n{OUTLOOK}",
        f"-----Original Message-----\n{OUTLOOK}",
        "*From:* Bob <b@x.example>\n*Sent:* Monday\n*To:* Anna\n*Subject:* Offer",
        "Von: Bob\nGesendet: Montag, 4. März 2024 10:00\nAn: Anna\nBetreff: Angebot",
        "Gesendet: Montag, 4. März 2024\nVon: Bob\nAn: Anna\nBetreff: Angebot",
        "-----Ursprüngliche Nachricht-----\nVon: Bob\nGesendet: Montag",
        "De\xa0: Bob\nEnvoyé\xa0: lundi 4 mars 2024\nÀ\xa0: Anna\nObjet\xa0: Offre",
        "De: Bob\nEnviado el: lunes, 4 de marzo de 2024\nPara: Anna\nAsunto: Oferta",
        "Da: Bob\nInviato: lunedì 4 marzo 2024\nA: Anna\nOggetto: Offerta",
        "发件人: Bob\n发送时间: 2024年3月4日 10:00\n收件人: Anna\n主题: 报价",
        "差出人: Bob\n送信日時: 2024年3月4日 10:00\n宛先: Anna\n件名: 見積",
        "보낸 사람: Bob\n보낸 날짜: 2024년 3월 4일\n받는 사람: Anna\n제목: 견적",
        "---------- Forwarded message ---------\nFrom: Bob\nDate: Mon, 4 Mar 2024",
        "Begin forwarded message:\n\nFrom: Bob\nDate: 4 March 2024",
        "##- Please type your reply above this line -##",
        "On Mon, Mar 4, 2024 at 10:00 AM Bob <b@x.example> wrote:",
    ],
    ids=[
        "Outlook",
        "Outlook with a line above",
        "Outlook with dashes",
        "in bold",
        "German",
        "German with the date first",
        "German with dashes",
        "French",
        "Spanish",
        "Italian",
        "Chinese",
        "Japanese",
        "Korean",
        "a forward of Gmail",
        "a forward of Apple",
        "a line of a help desk",
        "an attribution without marks",
    ],
)
def test_what_follows_an_introduction_is_quoted(block):
    quoted = f"{block}\n\nDear Anna,\nwe open at nine."

    assert split_reply(f"Yes, please.\nAnna\n\n{quoted}") == ReplyParts(
        visible="Yes, please.\nAnna", quoted=quoted, signature=""
    )


@pytest.mark.shows("C8")
def test_answers_between_quotes_stay_visible():
    text = (
        "Hi,\n\nOn 4 Mar 2024, at 10:00, Bob <b@x.example> wrote:\n\n"
        "> Which colour?\nRed.\n> How many?\n\nTwo.\n\n-- \nAnna\n"
    )

    parts = split_reply(text)

    assert parts.visible.split() == ["Hi,", "Red.", "Two."]
    assert parts.quoted.endswith("> Which colour?\n> How many?")
    assert parts.signature == "-- \nAnna"


@pytest.mark.shows("C8")
@pytest.mark.parametrize("mark", ["> ", "AB> ", "| ", "# ", ") "])
def test_answers_below_a_quote_stay_visible(mark):
    quoted = f"On 4 Mar 2024 10:00 Bob wrote:\n{mark}Which colour?\n{mark}How many?"

    assert split_reply(f"{quoted}\n\nRed, two.") == ReplyParts(
        visible="Red, two.", quoted=quoted, signature=""
    )


@pytest.mark.shows("C8")
def test_an_answer_below_a_marked_original_message_stays_visible():
    quoted = f"-----Original Message-----\n{OUTLOOK}\n\n> Which colour?"

    assert split_reply(f"{quoted}\n\nRed.").visible == "Red."


@pytest.mark.shows("C7")
@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAnna Example\nBizzy Street 5",
        "--\nAnna",
        "Sent from my iPhone",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Skickat från min iPhone",
        "Wysłane z iPhone’a",
        "Отправлено с iPhone",
        "iPhoneから送信",
        "发自我的 iPhone",
        "나의 iPhone에서 보냄",
        "_______________________\nusers mailing list\nhttp://x.example/listinfo/users",
    ],
    ids=[
        "the standard",
        "without the blank",
        "English",
        "Outlook",
        "German",
        "French",
        "Spanish",
        "Italian",
        "Dutch",
        "Swedish",
        "Polish",
        "Russian",
        "Japanese",
        "Chinese",
        "Korean",
        "of a list",
    ],
)
def test_signatures_are_set_apart(signature):
    quoted = "> We open at nine."

    assert split_reply(f"See you!\n\n{signature}\n\n{quoted}\n") == ReplyParts(
        visible="See you!", quoted=quoted, signature=signature
    )


@pytest.mark.shows("C7")
@pytest.mark.parametrize(
    "text",
    [
        "> We open at nine.",
        "-- \nAnna",
        f"-----Original Message-----\n{OUTLOOK}\n\nWe open at nine.",
        "Sent from my iPhone",
        "",
        "\n \n",
    ],
    ids=["a quote", "a signature", "a forward", "a phone", "nothing", "blanks"],
)
def test_a_text_that_would_come_out_empty_is_visible_whole(text):
    assert split_reply(text) == ReplyParts(visible=text, quoted="", signature="")


@pytest.mark.parametrize(
    "text",
    [
        "I need a ticket.\n\nFrom: London\nTo: Paris\nDate: 3 June 2024\n\nThank you",
        "Sent from our office on Monday, has it arrived?",
        "On Monday 3 June I bought the following:\n- a lamp\n- a chair",
        "I have to say:\nit broke.",
        "Options:\n--\n" + "one more\n" * 16 + "end",
        "Name: Anna\nEmail: anna@example.com\nMessage: Are you open?",
        "5 > 3 and a <b>",
    ],
    ids=[
        "a journey",
        "a parcel",
        "a list",
        "a colon",
        "dashes that divide",
        "a form",
        "a sign within a line",
    ],
)
def test_what_only_looks_like_a_quote_stays_visible(text):
    assert split_reply(text).visible == text


LINES = st.lists(
    st.sampled_from(
        [
            *("> quoted", "| marked", "written", "", "-- ", "--", "______________"),
            *("Bob wrote:", "On 4 Mar 2024 Bob <b@x> wrote:", "Sent from my iPhone"),
            *("-----Original Message-----", "From: Bob", "Date: 2024", "Subject: x"),
        ]
    )
    | st.text(max_size=20),
    max_size=30,
)


@pytest.mark.shows("C7")
@settings(max_examples=300, deadline=None)
@given(LINES)
def test_each_line_ends_up_in_exactly_one_part(lines):
    text = "\n".join(lines)

    parts = split_reply(text)

    together = f"{parts.visible}\n{parts.quoted}\n{parts.signature}"
    assert words_by_line(together) == words_by_line(text)
    assert parts.visible.strip() or not text.strip()


def words_by_line(text: str) -> Counter[str]:
    return Counter(line.strip() for line in text.split("\n") if line.strip())


@pytest.mark.shows("C4")
@pytest.mark.parametrize(
    "text",
    [
        "--\n" * 50_000,
        ":\n" * 50_000,
        "\n" * 2_000_000,
        "From: a@b\n" * 30_000,
        "a@" * 1_000_000,
        "-" * 2_000_000,
        "> a\nb\n" * 50_000,
        "1 " * 190 + ":\n" * 4_000,
        "On 4 Mar 2024 at 10:00 Bob <b@x.example>\n" * 40_000,
        "".join(
            f"On 4 Mar 2024 Bob wrote:\n!{chr(33 + i % 14)} x\n" for i in range(30_000)
        ),
        "-----Original Message-----\n> a\n" * 30_000,
        "Best regards\nAnna\nTel. 030 1234567\n\n" * 20_000,
        "This e-mail is confidential and intended for nobody at all\n" * 25_000,
        f"von {'iphone' * 19}\n" * 2_000,
        "这是一个测试邮件" * 250_000,
    ],
    ids=lambda text: text[:16],
)
def test_hostile_text_takes_bounded_time(text):
    start = time.process_time()

    split_reply(text)

    assert time.process_time() - start < 5
