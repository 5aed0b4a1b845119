"""Full-text search over titles, attributes, descriptions, brands and categories."""

import re

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db import connection
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest

from catalog.models import Category
from catalog.querysets import ProductQuerySet
from fashionrec.common.errors import Invalid
from fashionrec.common.text import clean_text

LONGEST_QUERY = 300
BY_RANK = F("rank").desc()
"""Best first, for what `with_rank` returns."""

# Women's shoes and men's, each with all below it.
_CALLED = """
    SELECT 'brand', id FROM catalog_brand WHERE upper(name) = upper(%(text)s)
    UNION
    SELECT 'category', below.id FROM catalog_category AS named
    JOIN catalog_category AS below ON below.id = named.id OR starts_with(below.path, named.path || %(separator)s)
    WHERE upper(named.name) = upper(%(text)s) OR upper(named.path) = upper(%(text)s)
"""
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
    with connection.cursor() as cursor:
        cursor.execute(_CALLED, {"text": text, "separator": Category.SEPARATOR})
        called = cursor.fetchall()
    if brands := [pk for table, pk in called if table == "brand"]:
        matches |= Q(brand_id__in=brands)
    if categories := [pk for table, pk in called if table == "category"]:
        matches |= Q(category_id__in=categories)
    return matches


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
