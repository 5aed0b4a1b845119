import time

import pytest

from catalog.formats.html_text import text_of_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Soft &amp; warm", "Soft & warm"),
        ("<p>Soft</p>\n<p>Warm!</p><p>Light", "Soft. Warm! Light"),
        ("One <b>two</b> <i>three</i>", "One two three"),
        ("<ul><li>Linen</li><li>Machine&nbsp;wash</li></ul>", "Linen. Machine wash"),
        ("a<script>x<b>y</b></script>b<style>p{}</style>c", "abc"),
        ("a<!-- <b>hidden</b> -->b<!---->c", "abc"),
        ("sizes < 40 and > 30", "sizes < 40 and > 30"),
        ("a<br/>b", "a. b"),
        ("a<svg><title>x</title></svg>b", "ab"),
        ("&lt;b&gt;", "<b>"),
        ("<p>unclosed <b", "unclosed <b"),
        ("", ""),
    ],
)
def test_what_a_reader_sees(html: str, text: str) -> None:
    assert text_of_html(html) == text


@pytest.mark.parametrize("repeated", ["<", "<!--", "<script>", "<a ", "&", "<b>", "-->", "</p "])
def test_hostile_html_takes_no_longer_than_its_length(repeated: str) -> None:
    started = time.perf_counter()
    text_of_html(repeated * (1_000_000 // len(repeated)))
    assert time.perf_counter() - started < 2.0
