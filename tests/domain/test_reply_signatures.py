"""How people and their programs sign, and what is no signature though it looks like one."""

import pytest

from app.domain.mail_text import ReplyParts, split_reply


@pytest.mark.shows("C7")
@pytest.mark.parametrize(
    "line",
    [
        "Sent from my Samsung Galaxy smartphone.",
        "Sent from Yahoo Mail for iPhone",
        "Sent from Mail for Windows 10",
        "Sent with Proton Mail secure email.",
        "Sent from my Android phone with K-9 Mail. Please excuse my brevity.",
        "*Sent from my iPhone*",
        "Get Outlook for Android<https://aka.ms/AAb9ysg>",
        "Outlook für iOS herunterladen",
        "Télécharger Outlook pour iOS",
        "Obtener Outlook para iOS",
        "Pobierz program Outlook dla systemu Android",
        "获取 Outlook for iOS",
        "iOS용 Outlook 다운로드",
        "Gesendet von Mail für Windows",
        "Gesendet mit der GMX Mail App",
        "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
        "Envoyé depuis mon téléphone Orange",
        "Enviado do Yahoo Mail no Android",
        "Inviato dal mio dispositivo Samsung",
        "Verzonden vanuit Outlook voor iOS",
        "Sendt fra min iPhone",
        "Lähetetty iPhonesta",
        "Wysłano z telefonu Samsung",
        "Odesláno z iPhonu",
        "iPhone'umdan gönderildi",
        "Küldve az iPhone készülékemről",
        "Trimis de pe iPhone-ul meu",
        "Στάλθηκε από το iPhone μου",
        "Отправлено из мобильной Почты Mail.ru",
        "Надіслано з iPhone",
        "Đã gửi từ iPhone của tôi",
        "Dikirim dari iPhone saya",
        "ส่งจาก iPhone ของฉัน",
        "נשלח מה-iPhone שלי",
        "أرسلت من الـ iPhone",
        "從我的 iPhone 傳送",
        "내 Galaxy에서 보냄",
    ],
)
def test_the_line_of_a_telephone_or_program_is_a_signature(line):
    assert split_reply(f"See you!\n\n{line}\n") == ReplyParts("See you!", "", line)


@pytest.mark.shows("C7")
@pytest.mark.parametrize(
    ("signed", "letterhead"),
    [
        (
            "Mit freundlichen Grüßen\nAnna Berg",
            "Firma GmbH\nHauptstr. 5\n12345 Berlin\nTel. +49 30 1234567\nAmtsgericht Berlin HRB 1",
        ),
        (
            "Viele Grüße aus Berlin\n\nAnna Berg",
            "Vertrieb\n\nFirma GmbH | anna@firma.example",
        ),
        ("Best regards,\nAnna Berg", "Head of Sales\nAcme Ltd\nM: +44 7700 900123"),
        ("Best regards, Anna Berg\nAcme Ltd", "+44 20 7946 0000"),
        ("Bien à vous,\n\nAnne", "Anne Dupont\n06 12 34 56 78"),
        ("Un saludo,\nAna García", "Departamento Comercial\nTel. 91 123 45 67"),
        ("Cordiali saluti\nMario Rossi", "Via Roma 5, 20100 Milano\nTel. 02 1234567"),
        ("Met vriendelijke groet,\n\nJan de Vries", "Voorbeeld B.V.\nKvK 12345678"),
        ("Mvh\nAnna", "Anna Berg\n+47 22 12 34 56"),
        ("Pozdrawiam\nAnna Kowalska", "Firma sp. z o.o.\ntel. 22 123 45 67"),
        ("С уважением,\nАнна Иванова", "менеджер\nООО «Пример»\nтел. +7 495 123-45-67"),
        ("S pozdravem\nJana Nováková", "Firma s.r.o.\nIČO 12345678"),
        ("Saygılarımla,\nAyşe Yılmaz", "Örnek A.Ş.\n0212 123 45 67"),
        ("Üdvözlettel:\nKovács Anna", "Példa Kft.\nTel.: +36 1 123 4567"),
        ("此致\n敬礼\n\n王芳", "某某有限公司\n电话：010-12345678"),
        ("よろしくお願いいたします。\n\n山田花子", "株式会社例\nTEL: 03-1234-5678"),
        ("감사합니다.\n\n김영희 드림", "주식회사 예시\n전화: 02-123-4567"),
        ("Με εκτίμηση,\nΆννα Παπαδοπούλου", "Τηλ. 210 1234567"),
        ("בברכה,\nדנה כהן", "טל: 03-1234567"),
        ("Trân trọng,\nNguyễn Thị Hoa", "Công ty ABC\nĐT: +84 24 1234 5678"),
    ],
)
def test_a_letterhead_moves_and_the_name_stays(signed, letterhead):
    written = f"Hello,\n\nyes please.\n\n{signed}"

    parts = split_reply(f"{written}\n{letterhead}\n")

    assert parts == ReplyParts(written, "", letterhead)


@pytest.mark.shows("C7")
@pytest.mark.parametrize(
    "notice",
    [
        "CONFIDENTIALITY NOTICE: This message is intended solely for the addressee(s) and may "
        "contain privileged information.",
        "Diese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat "
        "sind,\ninformieren Sie bitte den Absender und vernichten Sie diese Mail.",
        "Ce message et toutes les pièces jointes sont confidentiels et établis à l'intention "
        "exclusive de ses destinataires.",
        "AVISO LEGAL\n\nLa información contenida en este correo es confidencial y se dirige "
        "exclusivamente a su destinatario.",
        "Il presente messaggio e i suoi allegati sono confidenziali e destinati esclusivamente al "
        "destinatario.",
        "Esta mensagem pode conter informação confidencial e destina-se exclusivamente ao "
        "destinatário.",
        "De informatie in dit e-mailbericht is vertrouwelijk en uitsluitend bestemd voor de "
        "geadresseerde.",
        "Niniejsza wiadomość jest poufna i przeznaczona wyłącznie dla adresata. Prosimy o jej "
        "usunięcie.",
        "Данное сообщение является конфиденциальным и предназначено только для адресата. Иначе "
        "удалите его.",
        "Please consider the environment before printing this email.",
        "Virus-free. www.avast.com",
    ],
)
def test_notices_of_a_company_are_set_apart(notice):
    written = "Hello,\n\nyes please.\n\nAnna"

    assert split_reply(f"{written}\n\n{notice}\n") == ReplyParts(written, "", notice)


@pytest.mark.shows("C7")
def test_the_armour_of_a_signed_text_is_set_apart():
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nSee you!\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQFzBAEBCAAdFiEE\n=4WRa\n-----END PGP SIGNATURE-----"
    )

    assert split_reply(text).visible == "See you!"


@pytest.mark.shows("C7")
@pytest.mark.parametrize(
    "text",
    [
        "Two roads diverged\n--\nAnd sorry I could not\n--\ntravel both",
        "Option A: red\n--\nOption B: blue",
        "First part.\n--\nHow much is it for two?",
        "First part.\n\n--\n\nThe second part is about the lamp, which is broken.\nCan you help?",
        "A poem\n—\nRobert Frost",
        "Thanks,\nplease call me at +44 20 7946 0000 tomorrow",
        "My address is:\nAnna Berg\nHauptstr. 5\n12345 Berlin\nTel. 030 1234567\n\nThanks",
        "Thanks\nAnna\n\nmy new number is 0171 1234567, please note",
        "Thanks!\n\nPlease ship to\nAnna Berg\nHauptstr. 5, 12345 Berlin\nTel. 030 1234567",
        "Beste Kees,\nIs goed.\n\nMet vriendelijke groet,\nSanne",
        "Cheers\nAnna\n\nOrder number: 0049 123 456 789",
        "Thanks, Jon[1]!\nAnna\n\n[1] https://x.example/a",
        "Kind regards\nAnn\n\nPS: My number is 07700 900321.",
        "Please read\n\nthis email is confidential, please do not tell Bob.",
        "Hi\n\nBefore printing the flyers, please check the colour.",
        "Hi\n\nTo unsubscribe from your newsletter I clicked the link, but it failed.",
        "Enviado de forma urgente, por favor confirmen",
        "I sent the phone back on Monday.",
        "Hello\n\nSent the Samsung back on Monday.\n\nAnna",
        "Outlook for iOS does not work, neither does your page on it",
        "Best\n\nwww.shop.example is broken\nhelp",
    ],
)
def test_what_only_looks_like_a_signature_stays_visible(text):
    assert split_reply(text) == ReplyParts(text, "", "")
