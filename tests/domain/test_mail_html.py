import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.html_text import text_of_html
from app.domain.mail_html import html_of_text


def test_paragraphs_and_lines_stay_as_they_are():
    written = html_of_text("Hello Anna,\r\n\r\nit left today.\nSee you\n\n\n\nBikes\n")

    assert written == (
        '<div><p dir="auto">Hello Anna,</p>\n'
        '<p dir="auto">it left today.<br>\nSee you</p>\n'
        '<p dir="auto">Bikes</p></div>'
    )


def test_what_looks_like_markup_is_text():
    written = html_of_text('<script>alert("1")</script> & a < b')

    assert "<script" not in written
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; a &lt; b" in written


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see https://a.example/b?c=1&d=2.", "https://a.example/b?c=1&amp;d=2"),
        ("(https://a.example)", "https://a.example"),
        ("HTTP://A.EXAMPLE/", "HTTP://A.EXAMPLE/"),
    ],
)
def test_addresses_become_links(text, address):
    assert f'<a href="{address}">{address}</a>' in html_of_text(text)


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", 'https://a"onclick="x', "a@example.com", "http://"]
)
def test_nothing_else_becomes_a_link_or_an_attribute(text):
    written = html_of_text(text)

    assert 'href="javascript' not in written
    assert "onclick=" not in written.replace("onclick=&quot;", "")


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zs", "Zl", "Zp")),
        max_size=60,
    )
)
def test_the_words_are_the_same(text):
    assert "".join(text_of_html(html_of_text(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "text", ["\n \n" * 100_000, "http://" * 60_000, "http://" + "." * 300_000]
)
def test_hostile_texts_take_no_longer(text):
    started = time.perf_counter()

    html_of_text(text)

    assert time.perf_counter() - started < 3
