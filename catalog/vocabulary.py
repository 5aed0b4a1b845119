"""The catalogue's own words, and the nearest of them to a word that was misspelt.

A word stays as it is when the catalogue says it (also in another form that full text takes for the same, and cut off
at the end of a query), when it carries no meaning of its own ("with"), holds a digit, or stands in a quoted phrase or
behind a minus.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Max
from rapidfuzz import process
from rapidfuzz.distance import OSA

from catalog.models import Product

MOST_WORDS = 50_000
"""The commonest are kept, some 5 MB in a web process; 2,000 photographed products say 2,400."""
CHECK_SECONDS = 60
"""How long a process trusts its words before it asks whether the catalogue changed."""
SHORTEST = 4
"""Letters of a word that is corrected: of shorter ones half the alphabet is one letter away."""
TWO_MISTAKES_FROM = 8
"""Letters from which on two mistakes are forgiven instead of one."""
FIRST_LETTER_FROM = 6
"""Letters from which on the first may be wrong, as the only mistake: it rarely is, and "frock" is not "rock"."""

_TOKEN = re.compile(r"\w+")
_UNTOUCHED = re.compile(r'"[^"]*"?|(?<!\S)-\S+|\bOR\b')
_VERSION_KEY = "vocabulary-version"

_WORDS_OF_THE_CATALOGUE = """
    SELECT word, count(*) FROM catalog_product AS product
    LEFT JOIN catalog_brand AS brand ON brand.id = product.brand_id
    LEFT JOIN catalog_category AS category ON category.id = product.category_id
    CROSS JOIN LATERAL regexp_split_to_table(
        lower(concat_ws(' ', product.title, product.colour, product.pattern, product.material, product.gender,
                        brand.name, category.path)),
        '[^[:alpha:]]+'
    ) AS word
    WHERE product.status = 'active' AND length(word) BETWEEN 2 AND 40
    GROUP BY word ORDER BY count(*) DESC, word LIMIT %s
"""
# Counted, not EXISTS: for that the planner expects a match among the first rows, and reads all where there is none
# (30,000 products: 45 ms instead of 1).
_KNOWN_TO_FULL_TEXT = """
    SELECT word FROM unnest(%s::text[]) AS word
    WHERE numnode(plainto_tsquery('english', word)) = 0 OR 0 < (
        SELECT count(*) FROM catalog_product WHERE document @@ plainto_tsquery('english', word)
    )
"""


@dataclass(frozen=True)
class Vocabulary:
    version: str
    """Of the catalogue it was read from."""
    counts: dict[str, int]
    """By lower-case word: how often the visible products say it."""

    def nearest(self, word: str) -> str | None:
        """The known word that `word` (lower case) is most likely meant to be; None when none is near enough.

        Fewer mistakes first (a wrong, missing or additional letter, or two swapped), then the commoner word.
        50,000 words take 2 ms.
        """
        allowed = 0 if len(word) < SHORTEST else 1 if len(word) < TWO_MISTAKES_FROM else 2
        if not allowed:
            return None
        close = process.extract(word, self._words, scorer=OSA.distance, score_cutoff=allowed, limit=None)
        found = [
            (mistakes, -self.counts[known], known)
            for known, mistakes, _ in close
            if known[0] == word[0] or (len(word) >= FIRST_LETTER_FROM and mistakes == 1)
        ]
        return min(found)[2] if found else None

    def begins_a_word(self, beginning: str) -> bool:
        position = bisect_left(self._words, beginning)
        return position < len(self._words) and self._words[position].startswith(beginning)

    @cached_property
    def _words(self) -> list[str]:
        return sorted(self.counts)


def corrected_query(text: str) -> str | None:
    """`text` with its misspelt words replaced by the catalogue's; None when nothing is misspelt.

    No query for words that the catalogue says, one for those it does not; the vocabulary is read anew when the
    catalogue changed, at most every CHECK_SECONDS.
    """
    known = vocabulary()
    protected = {position for match in _UNTOUCHED.finditer(text) for position in range(*match.span())}
    doubtful = [
        token
        for token in _TOKEN.finditer(text)
        if token.group().isalpha() and token.start() not in protected and not _is_known(token, known)
    ]
    if not doubtful or not known.counts:
        return None
    settled = _known_to_full_text({token.group().lower() for token in doubtful})
    corrected, changed = text, False
    for token in reversed(doubtful):  # from the end on, so that positions stay right
        word = token.group().lower()
        meant = None if word in settled else known.nearest(word)
        if meant:
            corrected, changed = corrected[: token.start()] + meant + corrected[token.end() :], True
    return corrected if changed else None


def vocabulary() -> Vocabulary:
    """The words of the visible products; kept in the process while the catalogue stays as it is."""
    global _held
    version = cache.get(_VERSION_KEY)
    if version is None:
        found = Product.objects.visible().aggregate(changed=Max("updated_at"), count=Count("pk"))
        version = f"{found['count']} {found['changed']}"
        cache.set(_VERSION_KEY, version, CHECK_SECONDS)
    if _held is None or _held.version != version:
        with connection.cursor() as cursor:
            cursor.execute(_WORDS_OF_THE_CATALOGUE, [MOST_WORDS])
            _held = Vocabulary(version, dict(cursor.fetchall()))
    return _held


_held: Vocabulary | None = None


def _is_known(token: re.Match[str], known: Vocabulary) -> bool:
    word = token.group().lower()
    is_last = token.end() == len(token.string)
    return word in known.counts or (is_last and known.begins_a_word(word))


def _known_to_full_text(words: set[str]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN_TO_FULL_TEXT, [sorted(words)])
        return {word for (word,) in cursor.fetchall()}
