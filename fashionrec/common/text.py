"""Small rules about text that arrives from outside."""

import unicodedata


def clean_text(value: str) -> str:
    """Trimmed, NFC-normalised, without control characters (tabs and newlines become spaces)."""
    normalised = unicodedata.normalize("NFC", value.replace("\t", " ").replace("\r", " ").replace("\n", " "))
    return "".join(character for character in normalised if unicodedata.category(character)[0] != "C").strip()
