"""Gender out of the words of other catalogues."""

import re

_WORDS = {
    "women": ("women", "womens", "woman", "female", "ladies", "ladieswear", "lady"),
    "men": ("men", "mens", "man", "male", "menswear", "gents"),
    "girls": ("girl", "girls"),
    "boys": ("boy", "boys"),
    "unisex": ("unisex",),
}
_GENDER_OF = {word: gender for gender, words in _WORDS.items() for word in words}
_CHILDREN = frozenset(("kids", "kid", "toddler", "infant", "newborn", "baby", "children", "child"))
_OF_CHILDREN = {"women": "girls", "men": "boys"}
_LETTERS = re.compile(r"[a-z]+(?:'s)?")


def gender_in_words(*texts: str) -> str:
    """The one gender that the first telling text names: "Kids Girl" -> girls; "" where none or several are named.

    "kids" and "baby" alone are unisex.
    """
    for text in texts:
        words = [word.removesuffix("'s") for word in _LETTERS.findall(text.lower())]
        named = {_GENDER_OF[word] for word in words if word in _GENDER_OF}
        if len(named) == 1:
            return named.pop()
        if named:
            return ""
        if _CHILDREN & set(words):
            return "unisex"
    return ""


def gender_of(gender: str, age_group: str) -> str:
    """Gender and age group as product feeds have them: female + kids -> girls."""
    named = gender_in_words(gender)
    if age_group.strip().lower() in _CHILDREN:
        return _OF_CHILDREN.get(named, named)
    return named
