"""Splitting answers by their HTML: every program marks its quotes in its own way."""

import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.html_text import text_of_html
from app.domain.mail_text import ReplyParts, split_reply

OLD = "We open at nine.<br>Bob"

#: As each program sends the answer "See you!" to Bob; what it says in between belongs to the quote.
PROGRAMS = {
    "Gmail": '<div dir="ltr">See you!</div><br><div class="gmail_quote gmail_quote_container">'
    '<div dir="ltr" class="gmail_attr">On Mon, Mar 4, 2024 at 10:00 AM Bob &lt;'
    '<a href="mailto:b@x.example">b@x.example</a>&gt; wrote:<br></div>'
    '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid '
    f'rgb(204,204,204);padding-left:1ex"><div dir="ltr">{OLD}</div></blockquote></div>',
    "Gmail in a language nobody knows": '<div dir="auto">See you!</div><br>'
    '<div class="gmail_quote"><div class="gmail_attr">Xu 4 ff 2024 Bob &lt;b@x.example&gt; zz</div>'
    f'<blockquote class="gmail_quote">{OLD}</blockquote></div>',
    "Gmail, forwarded": '<div dir="ltr">See you!<br><br><div class="gmail_quote">'
    '<div class="gmail_attr">---------- Przekazana ---------<br>Od: Bob<br>Date: 4 Mar 2024<br>'
    "Temat: x<br>To: A<br></div><br><br><div>We open at nine.</div>"
    "<blockquote>Really?</blockquote>Bob</div></div>",
    "Outlook for Windows": '<div class="WordSection1"><p class="MsoNormal">See you!<o:p></o:p></p>'
    '<p class="MsoNormal"><o:p>&nbsp;</o:p></p><div><div style="border:none;border-top:solid '
    '#E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"><p class="MsoNormal"><b>Nga:</b> Bob '
    "&lt;b@x.example&gt; <br><b>Derguar:</b> 4 mars 2024 10:00<br><b>Kujt:</b> Anna<br>"
    f'<b>Tema:</b> Opening<o:p></o:p></p></div></div><p class="MsoNormal">{OLD}</p></div>',
    "Outlook on the web": '<div class="elementToProof">See you!</div><div id="appendonsend"></div>'
    '<hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">'
    '<font face="Calibri"><b>Sendt av:</b> Bob<br><b>Dato:</b> 4. mars 2024</font></div>'
    f"<div>{OLD}</div>",
    "Outlook for iOS": '<div dir="ltr">See you!</div><div id="mail-editor-reference-message-container">'
    '<div><hr tabindex="-1"><div id="divRplyFwdMsg"><strong>From:</strong> Bob</div>'
    f"{OLD}</div></div>",
    "Outlook 2003": "<DIV><FONT face=Arial size=2>See you!</FONT></DIV><BR><DIV "
    "class=OutlookMessageHeader dir=ltr align=left><FONT size=2>-----Original Message-----<BR>"
    f"<B>From:</B> Bob</FONT></DIV>{OLD}",
    "Outlook for Mac": "<div>See you!</div><div><br></div><span id=OLK_SRC_BODY_SECTION><div><span>"
    f"From: </span>Bob</div><div><span>Date: </span>4 March</div>{OLD}</span>",
    "Yahoo": '<div class="ydpa1b2c3d4yahoo-style-wrap"><div dir="ltr">See you!</div></div>'
    '<div id="ydpf00f00f0yahoo_quoted_8031234567" class="ydpf00f00f0yahoo_quoted"><div><div>'
    f"On Monday, March 4, 2024, Bob &lt;b@x.example&gt; wrote:</div><div>{OLD}</div></div></div>",
    "Thunderbird": '<p>See you!</p><div class="moz-cite-prefix">Kun. 2024/3/4 10:00, Bob skrebi:<br>'
    f'</div><blockquote type="cite" cite="mid:1@x.example">{OLD}</blockquote>',
    "Thunderbird, forwarded": "<p>See you!</p><div class=moz-forward-container><br><br>--- Xx ---"
    "<table class=moz-email-headers-table><tr><th>Subject: </th><td>Hi</td></tr></table>"
    f"{OLD}</div>",
    "Apple Mail": '<html><head><meta http-equiv="Content-Type"></head><body style="word-wrap:'
    ' break-word;">See you!<br><div><br><blockquote type="cite"><div>On 4 Mar 2024, at 10:00, Bob '
    f"&lt;b@x.example&gt; wrote:</div><br><div>{OLD}</div></blockquote></div></body></html>",
    "older Apple Mail": "<body>See you!<br><div><div>Dana 4. ožu 2024. u 10:00, Bob &lt;b@x.example&gt;"
    f' je napisao/la:</div><br><blockquote type="cite">{OLD}</blockquote></div></body>',
    "Proton": '<div>See you!</div><div class="protonmail_quote">On Monday, March 4th, 2024 at 10:00,'
    ' Bob &lt;b@x.example&gt; wrote:<br><br><blockquote class="protonmail_quote" type="cite">'
    f"{OLD}</blockquote><br></div>",
    "Zoho": '<div>See you!</div><div class="zmail_extra" style=""><br><div id="Zm-_Id_-Sgn1">'
    "---- On Mon, 04 Mar 2024 10:00:00 +0100 <b>Bob &lt;b@x.example&gt;</b> wrote ---<br></div><br>"
    f'<blockquote style="margin: 0px;">{OLD}</blockquote></div>',
    "Zimbra": '<div>See you!</div><hr id="zwchr" data-marker="__DIVIDER__"><div data-marker='
    '"__HEADERS__"><b>Od: </b>Bob<br></div><div data-marker="__QUOTED_TEXT__">'
    f"{OLD}</div>",
    "Spark": '<div name="messageBodySection">See you!</div><div name="messageReplySection">On 4 Mar'
    f' 2024, 10:00, Bob wrote:<br><blockquote type="cite" class="spark_quote">{OLD}'
    "</blockquote></div>",
    "GMX": '<div>See you!</div><div name="quote" style="margin: 10px; border-left: 2px solid '
    '#C3D9E5;"><div><b>Gesendet:</b> Montag<br><b>Von:</b> Bob</div>'
    f'<div name="quoted-content">{OLD}</div></div>',
    "Roundcube": '<p>See you!</p><p id="reply-intro">4.3.2024 10:00, Bob:</p><blockquote type="cite" '
    f'style="padding: 0 0.4em; border-left: #1010ff 2px solid;">{OLD}</blockquote>',
    "Yandex": '<div>See you!</div><div>04.03.2024, 10:00, "Bob" &lt;b@x.example&gt;:</div>'
    f"<blockquote><div>{OLD}</div></blockquote>",
    "Mail.ru": '<div>See you!</div><blockquote style="border-left:1px solid #0857A6;margin:10px;'
    f'padding:0 0 0 10px;">Понедельник от Bob:<br>{OLD}</blockquote>',
    "Samsung": '<div dir="auto">See you!</div><div><br></div><!-- originalMessage --><div>-------- '
    f"Xxx --------</div><div>Ki: Bob</div><div>{OLD}</div>",
    "QQ": '<div>See you!</div><div><div style="font-size: 12px;">------------------&nbsp;原始邮件'
    '&nbsp;------------------</div><div style="background:#efefef;"><div><b>发件人:</b>&nbsp;Bob'
    f"</div></div><div>{OLD}</div></div>",
    "NetEase": '<div>See you!</div><p>在 2024-03-04 10:00:00，"Bob" &lt;b@x.example&gt; 写道：</p>'
    f'<blockquote id="isReplyContent">{OLD}</blockquote>',
    "Tuta": "<div>See you!</div><br>4. Mar 2024, 10:00 by b@x.example:<br><blockquote "
    f'class="tutanota_quote">{OLD}</blockquote>',
    "Airmail": '<div id="bloop_customfont">See you!</div><p class="airmail_on">On 4 March 2024, Bob '
    f'wrote:</p><blockquote type="cite" class="clean_bq"><div>{OLD}</div></blockquote>',
    "Front": '<p>See you!</p><blockquote type="cite" class="front-blockquote"><div>On March 4, 2024, '
    f"Bob wrote:</div>{OLD}</blockquote>",
    "a telephone of old": f'See you!<br><div id="_originalContent">From: Bob<br>{OLD}</div>',
}


@pytest.mark.shows("C7", "C8")
@pytest.mark.parametrize("html", PROGRAMS.values(), ids=PROGRAMS)
def test_each_program_marks_its_quotes_in_its_own_way(html):
    parts = split_reply(None, html)

    assert (parts.visible, parts.signature) == ("See you!", "")
    assert "We open at nine." in parts.quoted


@pytest.mark.shows("C7", "C8")
@pytest.mark.parametrize("html", PROGRAMS.values(), ids=PROGRAMS)
def test_the_plain_form_is_split_where_its_html_is(html):
    plain = text_of_html(html).replace("You!", "You!\n")

    parts = split_reply(plain, html)

    assert (parts.visible, parts.signature) == ("See you!", "")
    assert "We open at nine." in parts.quoted
    assert f"{parts.visible}\n{parts.quoted}".split() == plain.split()


@pytest.mark.shows("C7")
@pytest.mark.parametrize(
    "signature",
    [
        '<div><div dir="ltr" class="gmail_signature" data-smartmail="gmail_signature">{}</div></div>',
        '<span class="gmail_signature_prefix">-- </span><br><div class="gmail_signature">{}</div>',
        '<br id="lineBreakAtBeginningOfSignature"><div id="AppleMailSignature" dir="ltr">{}</div>',
        '<div id="Signature"><div id="divtagdefaultwrapper">{}</div></div>',
        '<div id="ms-outlook-mobile-signature"><div dir="ltr">{}</div></div>',
        '<div class="moz-signature">-- <br>{}</div>',
        '<div class="protonmail_signature_block"><div class="protonmail_signature_block-user">'
        "{}</div></div>",
        '<div id="composer_signature" dir="auto">{}</div>',
        '<div id="ymail_android_signature"><a href="https://x.example">{}</a></div>',
        '<div name="messageSignatureSection"><br>{}</div>',
        '<div class="bloop_sign" id="bloop_sign_17"><div>{}</div></div>',
        '<div id="sig12345678"><div class="signature">{}</div></div>',
        "<signature>{}</signature>",
        '<div class="x_gmail_signature">{}</div>',
    ],
)
def test_each_program_marks_its_signature_in_its_own_way(signature):
    html = f"<div>See you!</div>{signature.format('Anna<br>The Bee Shop')}{OLD_QUOTE}"

    parts = split_reply(None, html)

    assert parts.visible == "See you!"
    assert parts.signature.split()[-4:] == ["Anna", "The", "Bee", "Shop"]
    assert parts.quoted == "We open at nine.\nBob"


@pytest.mark.shows("C8")
@pytest.mark.parametrize("program", ["gmail", "cite", "proton"])
def test_answers_between_and_below_quotes_stay_visible(program):
    open_, quote = {
        "gmail": ('<div class="gmail_quote">', '<blockquote class="gmail_quote">'),
        "cite": ("<div>", '<blockquote type="cite">'),
        "proton": ('<div class="protonmail_quote">', '<blockquote type="cite">'),
    }[program]
    html = (
        f"<div>Hi,</div>{open_}<div>On 4 Mar 2024, at 10:00, Bob &lt;b@x.example&gt; wrote:</div>"
        f"{quote}Which colour?</blockquote><div>Red.</div>{quote}How many?</blockquote>"
        "<div>Two.</div></div>"
    )

    parts = split_reply(None, html)

    assert parts.visible.split() == ["Hi,", "Red.", "Two."]
    assert parts.quoted.split()[-4:] == ["Which", "colour?", "How", "many?"]


@pytest.mark.shows("C8")
def test_a_quoted_outlook_mail_does_not_hide_the_answer_below_it():
    html = (
        '<blockquote type="cite"><div>Yes</div><div id="m_-12divRplyFwdMsg"><b>From:</b> Bob</div>'
        "<div>We open at nine.</div></blockquote><div>See you!</div>"
    )

    assert split_reply(None, html).visible == "See you!"


@pytest.mark.shows("C7", "C8")
def test_html_tells_what_the_plain_form_does_not():
    html = f'<div>See you!</div><div class="yahoo_quoted"><div>{OLD}</div></div>'

    parts = split_reply("See you!\n\nWe open at nine.\nBob", html)

    assert parts == ReplyParts("See you!", "We open at nine.\nBob", "")


@pytest.mark.shows("C7")
def test_a_plain_form_that_says_nothing_gives_way_to_the_html():
    html = f"<div>{'See you at the shop on Monday. ' * 20}</div><blockquote type=cite>{OLD}</blockquote>"

    parts = split_reply("Please use a program that shows HTML.", html)

    assert parts.visible.startswith("See you at the shop")
    assert parts.quoted.startswith("We open at nine.")
    assert parts.quoted.endswith("Please use a program that shows HTML.")


@pytest.mark.shows("C7")
@pytest.mark.parametrize(
    "html",
    [
        "<div>My list:</div><blockquote style='margin:0 0 0 40px;border:none'>one<br>two</blockquote>",
        "<p>As the poet says:</p><blockquote><p>Roses are red</p></blockquote><p>Engrave it.</p>",
        "<p>Dear shop,</p><hr><p>I ordered a lamp.</p><hr><p>It broke.</p>",
        "<table><tr><td><b>Name:</b></td><td>Anna</td></tr><tr><td><b>Year:</b></td><td>2024</td></tr>"
        "<tr><td><b>Quote:</b></td><td>a roof</td></tr></table>",
        '<div class="quote-request">I want a quote</div><div id="forward">on a roof</div>',
        "<pre>$ make\n&lt;b&gt; done</pre>",
    ],
    ids=["set in", "a verse", "rules", "a form", "an offer", "code"],
)
def test_html_that_only_looks_like_a_quote_stays_visible(html):
    assert split_reply(None, html) == ReplyParts(text_of_html(html), "", "")


@pytest.mark.shows("C7")
@pytest.mark.parametrize(
    "html",
    [
        '<blockquote type="cite">We open at nine.</blockquote>',
        '<div class="gmail_signature">See you!</div>',
        '<div id="AppleMailSignature">See you!</div><blockquote type=cite>We open.</blockquote>',
        '<div class="gmail_quote"><div class="gmail_attr">------ Forwarded ------</div>Hello</div>',
    ],
    ids=["a quote", "a signature", "an answer in a signature", "a forward"],
)
def test_html_that_would_come_out_empty_is_visible(html):
    parts = split_reply(None, html)

    assert parts.visible.split()[0] == text_of_html(html).split()[0]


PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "<div>",
                "</div>",
                "<blockquote type=cite>",
                "<blockquote>",
                "</blockquote>",
            ),
            *(
                "<div class=gmail_quote>",
                "<p class=moz-signature>",
                "<br>",
                "<table><tr><td>",
            ),
            *(
                "Hello there",
                "-- ",
                "On 4 Mar 2024, Bob wrote:",
                "&gt; quoted",
                "<!--",
                "<",
            ),
            *("<div id=divRplyFwdMsg>", "</table>", "From: Bob", "See you on Monday"),
        ]
    )
    | st.text(max_size=10),
    max_size=30,
).map("".join)


@pytest.mark.shows("C7")
@settings(max_examples=200, deadline=None)
@given(PIECES)
def test_no_word_of_html_gets_lost(html):
    whole = text_of_html(html)

    parts = split_reply(None, html)

    together = f"{parts.visible}\n{parts.quoted}\n{parts.signature}"
    assert Counter(together.split()) == Counter(whole.split())
    assert parts.visible.strip() or not whole.strip()


@pytest.mark.shows("C7")
@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), PIECES)
def test_no_word_of_a_plain_form_gets_lost_whatever_its_html_says(text, html):
    parts = split_reply(text, html)

    together = Counter(f"{parts.visible}\n{parts.quoted}\n{parts.signature}".split())
    assert not Counter(text.split()) - together
    assert parts.visible.strip() or not (text.strip() or text_of_html(html).strip())


OLD_QUOTE = f'<blockquote type="cite">{OLD}</blockquote>'
MANY = 100_000


@pytest.mark.shows("C4")
@pytest.mark.parametrize(
    "html",
    [
        "<blockquote type=cite>" * MANY,
        "<div class=gmail_quote>" * 80_000,
        "<div class=gmail_signature>a</div>" * 50_000,
        "</div>" * MANY + "<div style='border-top:solid #E1E1E1'>" * 40_000,
        "<span class=gmail_signature><div class=gmail_quote>" * 30_000
        + "</span></div>" * 30_000,
        "<p class='" + "quote " * 300_000 + "'>a",
        "<style>" * MANY,
        "<!--" * 400_000,
        "<div>one two three</div><blockquote type=cite>one two three</blockquote>"
        * 25_000,
        "<blockquote class='" * 80_000,
        "&#x3e;" * 300_000,
    ],
    ids=lambda html: html[:24],
)
@pytest.mark.parametrize(
    "text", [None, "a b c d " * 200_000], ids=["alone", "and plain"]
)
def test_hostile_html_takes_bounded_time(html, text):
    start = time.process_time()

    split_reply(text, html)

    assert time.process_time() - start < 6
