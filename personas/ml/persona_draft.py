"""What a language model writes about a person, and the words that ask for it."""

import re
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, field_validator

from personas.ml.language_model import Message

SYSTEM = (
    "You imagine customers of a fashion shop. Every answer is one JSON object on one line with the keys "
    '"name", "likes", "dislikes", "brands" and "bio", and nothing else.'
)
ASK = """\
Imagine one customer.
Gender: {gender}
Age: {age_band}
Region: {region}
Occupation: {occupation}
Style: {style}
Budget: {budget}
Write a name, two to five things this person likes to wear, two to six things this person will never wear, \
one to four brands, and a bio of at least two sentences."""

CELL_ATTRIBUTES = ("gender", "age_band", "region", "occupation", "style", "budget")


def persona_messages(cell: Mapping[str, str]) -> list[Message]:
    """Ask for one person who fills a quota cell (gender, age_band, region, occupation, style, budget)."""
    return [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": ASK.format(**{name: cell[name] for name in CELL_ATTRIBUTES})},
    ]


class PersonaDraft(BaseModel):
    """A person as a language model wrote it; what does not fit is refused with the field and the value."""

    model_config = ConfigDict(str_strip_whitespace=True, extra="ignore")

    name: str = Field(min_length=3, max_length=80)
    likes: list[str] = Field(min_length=2, max_length=5)
    dislikes: list[str] = Field(min_length=2, max_length=6)
    brands: list[str] = Field(min_length=1, max_length=4)
    bio: str = Field(min_length=40, max_length=1200)

    @field_validator("likes", "dislikes", "brands", mode="before")
    @classmethod
    def _without_repeats(cls, values: object) -> object:
        """Saying a thing twice says it once; the length is that of what is left."""
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            return values
        kept: dict[str, str] = {}
        for value in values:
            kept.setdefault(value.strip().casefold(), value)
        return list(kept.values())

    @field_validator("likes", "dislikes", "brands")
    @classmethod
    def _short_words(cls, values: list[str]) -> list[str]:
        values = [" ".join(value.split()) for value in values]
        if any(not value or len(value) > 60 for value in values):
            raise ValueError("each entry needs 1 to 60 characters")
        if not all(value.isprintable() for value in values):
            raise ValueError("control characters are not allowed")
        return values

    @field_validator("name", "bio")
    @classmethod
    def _printable(cls, value: str) -> str:
        clean = " ".join(value.split())
        if not clean.isprintable():
            raise ValueError("control characters are not allowed")
        return clean

    @field_validator("bio")
    @classmethod
    def _two_sentences(cls, value: str) -> str:
        if len(re.findall(r"[.!?](?=\s|$)", value)) < 2:
            raise ValueError("at least two sentences are needed")
        return value
