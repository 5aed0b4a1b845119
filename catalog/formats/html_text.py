"""Plain text out of HTML, in one pass whatever the HTML looks like."""

import html
import re

LONGEST_HTML = 200_000
"""Characters looked at; a description is far shorter."""

_TAG = re.compile(r"(<!--|-->|<(?:/?[A-Za-z]|!)[^<>]*>)")
_NAME = re.compile(r"</?([A-Za-z0-9]*)")
_BLOCKS = frozenset(
    (
        *("address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "header", "hr", "li", "ol", "p"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "section", "table", "td", "th", "tr", "ul"),
    )
)
_UNSEEN = frozenset(("script", "style", "template", "title", "iframe", "noscript", "svg"))
_ENDS = (".", "!", "?", ":", ";", ",", "…")


def text_of_html(content: str) -> str:
    """Text as a reader sees it: entities resolved, scripts and comments gone, blocks set apart as sentences.

    >>> text_of_html("<ul><li>Soft</li><li>100&percnt; cotton</li></ul><script>x()</script>")
    'Soft. 100% cotton'
    """
    content = content[:LONGEST_HTML]
    if "<" not in content:
        return " ".join(html.unescape(content).split())
    parts: list[str] = []
    hidden = ""
    for piece in _TAG.split(content):
        if hidden:
            if (hidden == "<!--" and piece == "-->") or (piece[:2] == "</" and _name(piece) == hidden):
                hidden = ""
        elif piece == "<!--":
            hidden = piece
        elif not _TAG.fullmatch(piece):
            parts.append(html.unescape(piece))
        elif piece[1] != "/" and not piece.endswith("/>") and _name(piece) in _UNSEEN:
            hidden = _name(piece)
        elif _name(piece) in _BLOCKS:
            parts.append("\n")
    lines = [" ".join(line.split()) for line in "".join(parts).split("\n")]
    return _as_sentences([line for line in lines if line])


def _name(tag: str) -> str:
    match = _NAME.match(tag)
    return match.group(1).lower() if match else ""


def _as_sentences(lines: list[str]) -> str:
    closed = [line if line.endswith(_ENDS) else f"{line}." for line in lines[:-1]]
    return " ".join([*closed, *lines[-1:]])
