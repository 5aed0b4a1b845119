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
"""Best first, for what `matching` returns."""

_WORDS = re.compile(r"\w+")
_OPERATORS = re.compile(r"[\"-]|\bOR\b")


def clean_query(text: str) -> str:
    """`text` as it is searched for. Raises Invalid when it is too long."""
    if len(text) > LONGEST_QUERY:
        raise Invalid.for_field("search", text, f"{len(text)} characters, at most {LONGEST_QUERY} are allowed")
    return clean_text(text)


def matching(products: ProductQuerySet, text: str) -> ProductQuerySet:
    """Products that match, annotated with `rank`. Knows "quoted phrases", -without, OR; the last word may be cut off.

    A brand or category that is called exactly like the text matches with everything in it.
    """
    query = _search_query(text)
    brands = list(Brand.objects.filter(name__iexact=text).values_list("pk", flat=True))
    category = Category.objects.filter(Q(name__iexact=text) | Q(path__iexact=text)).order_by("path").first()
    condition = Q(document=query)
    if brands:
        condition |= Q(brand_id__in=brands)
    if category:
        condition |= Q(pk__in=products.model.objects.in_category(category).values("pk"))
    # What matched by its brand or category alone has rank 0 in its own text: just above nothing.
    return products.filter(condition).annotate(rank=Greatest(SearchRank(F("document"), query), Value(1e-6)))


def _search_query(text: str) -> SearchQuery:
    query = SearchQuery(text, search_type="websearch", config="english")
    words = _WORDS.findall(text)
    if not words or _OPERATORS.search(text):
        return query
    # "linen dre" finds linen dresses while the word is still being typed.
    prefix = " & ".join(words) + ":*"
    return query | SearchQuery(prefix, search_type="raw", config="english")
