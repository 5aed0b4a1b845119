"""Texts that lost their line breaks."""

import re

_WORD = re.compile(r"\S+")
_GLUE = re.compile(r"(?<=[a-z0-9%)])(?=[A-Z][a-z])")
_PLAIN = re.compile(r"[^a-z0-9]")


def unglue_sentences(text: str, *, known: str = "") -> str:
    """Puts the missing full stop between sentences run together, as in "a bandhgala suitBlue blazer".

    known: title and brand; a word that occurs there is spelt like that on purpose ("DressBerry") and stays whole.
    >>> unglue_sentences("slim suitBlue blazer by DressBerry", known="DressBerry")
    'slim suit. Blue blazer by DressBerry'
    """
    if not _GLUE.search(text):
        return text
    names = {_PLAIN.sub("", word.lower()) for word in known.split()}
    return _WORD.sub(lambda match: _split(match.group(), names), text)


def _split(word: str, names: set[str]) -> str:
    if _PLAIN.sub("", word.lower()) in names:
        return word
    return _GLUE.sub(". ", word)
