"""What is quoted and what only looks so, in plain text, in the languages of many programs."""

import pytest

from app.domain.mail_text import ReplyParts, split_reply

MARKED = "> We open at nine.\n> Bob"
BARE = "We open at nine.\nBob"


@pytest.mark.shows("C7", "C8")
@pytest.mark.parametrize("quoted", [MARKED, BARE], ids=["marked", "bare"])
@pytest.mark.parametrize(
    "attribution",
    [
        "Vào Th 2, 4 thg 3, 2024 vào lúc 10:00 Bob <b@x.example> đã viết:",
        "Pada Sen, 4 Mar 2024 pukul 10.00 Bob <b@x.example> menulis:",
        "ในวันที่ จ. 4 มี.ค. 2567 เวลา 10:00 Bob <b@x.example> เขียนว่า:",
        "Στις Δευ 4 Μαρ 2024 στις 10:00 π.μ., ο χρήστης Bob <b@x.example> έγραψε:",
        "пн, 4 бер. 2024 р. о 10:00 Bob <b@x.example> пише:",
        "На пн, 4.03.2024 г. в 10:00 Bob <b@x.example> написа:",
        "В сообщении от 4 марта 2024 10:00:00 Bob <b@x.example> написал:",
        "În lun., 4 mar. 2024 la 10:00, Bob <b@x.example> a scris:",
        "Den man. 4. mar. 2024 kl. 10.00 skrev Bob <b@x.example>:",
        "man. 4. mar. 2024 kl. 10:00 skrev Bob <b@x.example>:",
        "ma 4. maalisk. 2024 klo 10.00 Bob (b@x.example) kirjoitti:",
        "pon, 4. ožu 2024. u 10:00 Bob <b@x.example> napisao je:",
        "Missatge de Bob <b@x.example> del dia dl., 4 de març 2024 a les 10:00:",
        "po 4. 3. 2024 v 10:00 odesílatel Bob <b@x.example> napsal:",
        "2024-03-04, pr, 10:00 Bob <b@x.example> rašė:",
        "Kuupäev E, 4. märts 2024 kell 10:00 kirjutas kasutaja Bob (<b@x.example>):",
        "Wiadomość napisana przez Bob <b@x.example> w dniu 04.03.2024, o godz. 10:00:",
        "در تاریخ دوشنبه ۴ مارس ۲۰۲۴،\u200f ۱۰:۰۰ Bob <b@x.example> نوشت:",
        "\u202bבתאריך יום ב׳, 4 במרץ 2024 ב-10:00 מאת \u202aBob\u202c <\u202ab@x.example\u202c>:\u202c",
        "في ٤ مارس ٢٠٢٤، الساعة ١٠:٠٠ ص، كتب Bob <b@x.example>:",
        "सोम, 4 मार्च 2024 को 10:00 am बजे को Bob <b@x.example> ने लिखा:",
        "Bob <b@x.example> 於 2024年3月4日 週一 上午10:00寫道：",
        "2024/03/04 10:00、Bob <b@x.example>のメール:",
        '在 2024-03-04 10:00:00，"Bob" <b@x.example> 写道：',
        "2024. 03. 04. 10:00 keltezéssel, Bob írta:",
        "04.03.2024 10:00 tarihinde Bob yazdı:",
        "Am Montag, 4. März 2024 um 10:00:00 MEZ hat Bob <b@x.example> Folgendes geschrieben:",
        "Bob Example <bob@long-name.example> schrieb am Mo., 4. März 2024,\n10:00:",
        "On Mon, Mar 4, 2024 at 10:00 AM Bob Example via A Service\n<b@x.example>\nwrote:",
        "Bob Shop schreef op 04-03-2024 10:00:",
        "On Mon, 4 Mar at 10:00 AM , Bob <b@x.example> wrote:",
        ">>> Bob <b@x.example> 3/4/2024 10:00 AM >>>",
        "Bob/ACME wrote on 03/04/2024 10:00:00 AM:",
        "---- On Mon, 04 Mar 2024 10:00:00 +0100 Bob <b@x.example> wrote ----",
        '-----"Bob Example" <b@x.example> wrote: -----',
    ],
)
def test_attributions_of_still_more_languages_belong_to_the_quote(attribution, quoted):
    quote = f"{attribution}\n\n{quoted}"

    assert split_reply(f"Thank you!\n\n{quote}\n") == ReplyParts(
        "Thank you!", quote, ""
    )


@pytest.mark.shows("C8")
@pytest.mark.parametrize(
    "form", ["{}: {}", "*{}:* {}", "**{}:** {}", "{} : {}", "{}：{}"]
)
@pytest.mark.parametrize(
    "labels",
    [
        "From|Sent|To|Subject",
        "Von|Datum|An|Betreff",
        "De|Date|À|Objet",
        "De|Enviada em|Para|Assunto",
        "Van|Verzonden|Aan|Onderwerp",
        "Från|Skickat|Till|Ämne",
        "Fra|Sendt|Til|Emne",
        "Lähettäjä|Lähetetty|Vastaanottaja|Aihe",
        "Od|Wysłano|Do|Temat",
        "Od|Odesláno|Komu|Předmět",
        "Feladó|Elküldve|Címzett|Tárgy",
        "De la|Trimis|Către|Subiect",
        "Kimden|Gönderildi|Kime|Konu",
        "От|Отправлено|Кому|Тема",
        "Від|Надіслано|Кому|Тема",
        "Από|Στάλθηκε|Προς|Θέμα",
        "Dari|Dikirim|Kepada|Subjek",
        "Từ|Đã gửi|Đến|Chủ đề",
        "จาก|ส่ง|ถึง|เรื่อง",
        "מאת|נשלח|אל|נושא",
        "من|تم الإرسال|إلى|الموضوع",
        "寄件者|寄件日期|收件者|主旨",
        "送信元|日時|宛先|件名",
        "보낸 사람|보낸 날짜|받는 사람|제목",
    ],
)
def test_headers_of_a_mail_begin_a_quote_in_each_language(labels, form):
    values = ("Bob", "4 March 2024 10:00", "Anna", "Opening hours")
    pairs = zip(labels.split("|"), values, strict=True)
    quoted = "\n".join([*(form.format(*pair) for pair in pairs), "", BARE])

    assert split_reply(f"Thank you!\n\n{quoted}") == ReplyParts(
        "Thank you!", quoted, ""
    )


@pytest.mark.shows("C8")
@pytest.mark.parametrize(
    "line",
    [
        "-------- Original message --------",
        "---------- Weitergeleitete Nachricht ---------",
        "---------- Message transféré ---------",
        "---------- Mensaje reenviado ---------",
        "---------- Messaggio inoltrato ---------",
        "---------- Mensagem encaminhada ---------",
        "---------- Doorgestuurd bericht ---------",
        "---------- Vidarebefordrat meddelande ---------",
        "-----Oprindelig meddelelse-----",
        "-----Alkuperäinen viesti-----",
        "---------- Przekazana wiadomość ---------",
        "---------- Původní e-mail ----------",
        "-----Eredeti üzenet-----",
        "-----Özgün İleti-----",
        "-------- Пересылаемое сообщение --------",
        "-----Αρχικό μήνυμα-----",
        "---------- הודעה שהועברה ---------",
        "---------- رسالة معاد توجيهها ---------",
        "------------------ Original ------------------",
        "---------- 轉寄的郵件 ---------",
        "-----元のメッセージ-----",
        "---------- 전달된 메시지 ----------",
        "----- Forwarded message from Bob <b@x.example> -----",
        "| -----Original Message-----",
        "Anfang der weitergeleiteten Nachricht:",
        "Début du message réexpédié :",
        "Inicio del mensaje reenviado:",
        "-- Reply ABOVE THIS LINE to add a note to this request --",
        "--- Bitte antworten Sie oberhalb dieser Linie ---",
        "##- Veuillez saisir une réponse au-dessus de cette ligne -##",
        "---------- Nobody knows this ----------\nXa: b@x.example\nXb: 4 2024\nXc: d",
    ],
)
def test_what_follows_the_line_of_a_program_is_quoted(line):
    quoted = f"{line}\n{BARE}"

    assert split_reply(f"Thank you!\n\n{quoted}") == ReplyParts(
        "Thank you!", quoted, ""
    )


@pytest.mark.shows("C7")
def test_the_line_of_a_help_desk_at_the_top_hides_nothing():
    text = "##- Please type your reply above this line -##\n\nYour lamp is on its way."

    assert split_reply(text).visible == "Your lamp is on its way."


@pytest.mark.shows("C8")
def test_a_name_and_bars_mark_a_quote_too():
    text = "No.\n\nBob wrote:\n| Shall we\n| open at nine?\n\nAt ten."

    assert split_reply(text).visible.split() == ["No.", "At", "ten."]


@pytest.mark.shows("C7", "C8")
@pytest.mark.parametrize(
    "text",
    [
        "Hello,\nOn 3 June 2024 at 10:00 I wrote:\nplease cancel\nand nobody answered.",
        "Am 3.6.2024 um 10:00 Uhr schrieb ich Ihnen:\nBitte stornieren.\nKeine Antwort!",
        'On 3 June 2024 your colleague wrote:\n"we will refund you"\nBut nothing came.',
        "Bitte senden Sie bis zum 4.3.2024 an <a@b.example>:\n- Name\n- Adresse",
        "On 4 March 2024 please send it to anna@x.example:\n- the lamp",
        "Please run this:\n> npm install\n> shop@1.0.0 build /app\nand tell me",
        "I typed\n\n>>> import os\n>>> os.name\n'nt'\n\nand it broke",
        "```\n> a line of code\n> and one more.\n```\nIs that right?",
        "mysql> select 1;\nSQL> select 1 from dual;\nwhy?",
        "the code is\n\n    > x <- c(1,2)\n    > mean(x)\n\nThanks",
        ">From what I hear you are open.\n\nAnna",
        "New message\n\nFrom: Anna <a@x.example>\nDate: 2024-03-04\nSubject: Hi\n\nAre you open?",
        "Yoga\n\nDate: 4 March 2024\nFrom: 10:00\nTo: 12:00\nSubject: Yoga\n\nPlease confirm.",
        "Items:\n| lamp | 2 |\n| chair | 1 |\nthanks",
        "He wrote:\n| a | b |\n| c | d |\nok",
        "Where do I write? It says reply above this line, but I see none.\nEva",
        "Le 17 octobre 2023 à 9h15 votre livreur a écrit sur le carton :\n\nabsent\n\nAh ?",
        "On 3 June 2024 at 10:00 your agent wrote:\nall is well.\nIt is not.",
        "In the form, sign above this line and send it back.",
        "----- Questions -----\nName: a\nColour: red\nSize: 2024",
        "We need\n-- message\n-- original\nas well",
    ],
)
def test_what_people_write_that_looks_like_a_quote_stays_visible(text):
    assert split_reply(text) == ReplyParts(text, "", "")


@pytest.mark.shows("C8")
def test_a_sentence_above_a_quote_stays_visible():
    text = "I want it back, because your own page says quite clearly:\n> No questions.\nSo?"

    parts = split_reply(text)

    assert parts.visible.startswith("I want it back")
    assert parts.visible.endswith("So?")
    assert parts.quoted == "> No questions."
