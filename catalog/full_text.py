"""Full-text search over titles, attributes, descriptions, brands and categories."""

import re

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest

from catalog.models import Brand, Category
from catalog.querysets import ProductQuerySet
from fashionrec.common.errors import Invalid
from fashionrec.common.text import clean_text

LONGEST_QUERY = 300
BY_RANK = F("rank").desc()
"""Best first, for what `with_rank` returns."""

_WORDS = re.compile(r"\w+")
_OPERATORS = re.compile(r"[\"-]|\bOR\b")


def clean_query(text: str) -> str:
    """`text` as it is searched for. Raises Invalid when it is too long."""
    if len(text) > LONGEST_QUERY:
        raise Invalid.for_field("search", text, f"{len(text)} characters, at most {LONGEST_QUERY} are allowed")
    return clean_text(text)


def condition(text: str) -> Q:
    """Products that match. Knows "quoted phrases", -without, OR; the last word may be cut off.

    A brand or category that is called exactly like the text matches with everything in it.
    """
    matches = Q(document=_search_query(text))
    if brands := list(Brand.objects.filter(name__iexact=text).values_list("pk", flat=True)):
        matches |= Q(brand_id__in=brands)
    named = Category.objects.filter(Q(name__iexact=text) | Q(path__iexact=text)).values_list("path", flat=True)
    below = Q()
    for path in named:  # women's shoes and men's
        below |= Q(path=path) | Q(path__startswith=path + Category.SEPARATOR)
    return matches | Q(category_id__in=Category.objects.filter(below).order_by().values("pk")) if below else matches


def with_rank(products: ProductQuerySet, text: str) -> ProductQuerySet:
    """Annotated with `rank`; what matches by its brand or category alone has a rank just above nothing."""
    return products.annotate(rank=Greatest(SearchRank(F("document"), _search_query(text)), Value(1e-6)))


def with_rank_of_any(products: ProductQuerySet, text: str) -> ProductQuerySet:
    """Annotated with `rank`: the more of the words, the higher; only products that carry one of them."""
    any_word = SearchQuery(" | ".join(_WORDS.findall(text)) or "''", search_type="raw", config="english")
    return products.filter(document=any_word).annotate(rank=SearchRank(F("document"), any_word))


def _search_query(text: str) -> SearchQuery:
    query = SearchQuery(text, search_type="websearch", config="english")
    words = _WORDS.findall(text)
    if not words or _OPERATORS.search(text):
        return query
    # "linen dre" finds linen dresses while the word is still being typed.
    prefix = " & ".join(words) + ":*"
    return query | SearchQuery(prefix, search_type="raw", config="english")
