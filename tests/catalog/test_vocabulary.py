"""Misspelt words are read as the nearest word of the catalogue; everything else stays as it was typed."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import vocabulary as vocabulary_module
from catalog.models import Product
from catalog.vocabulary import Vocabulary, corrected_query, vocabulary
from tests.factories.catalog import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> None:
    women = CategoryFactory(name="Women")
    blank = {"description": "", "pattern": "", "material": "", "sizes": (), "pictures": 0}
    dresses = CategoryFactory(name="Dresses", parent=women)
    ada = BrandFactory(name="Castellane")
    for number in range(3):
        ProductFactory(title=f"Floral dress {number}", category=dresses, brand=ada, colour="red", **blank)
    described = {**blank, "description": "Worn with a matching belt."}
    ProductFactory(title="Running shoes", category=CategoryFactory(name="Shoes", parent=women), brand=ada, **described)
    ProductFactory(title="Velvet cape", category=dresses, brand=ada, status="archived", **blank)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("florla dress", "floral dress"),  # swapped letters
        ("Flral dress", "floral dress"),  # a missing one
        ("red floreal dresss", "red floral dress"),  # additional ones
        ("castelane", "castellane"),  # a brand
        ("castallene dress", "castellane dress"),  # two mistakes in a long word
        ("gloral dress", "floral dress"),  # the first letter, in a long word
        ("runing shoes -florla", "running shoes -florla"),  # what must not occur stays
        ('florla "florla dress"', 'floral "florla dress"'),  # quoted phrases stay
        ("florla OR shoes", "floral OR shoes"),
    ],
)
def test_a_misspelt_word_becomes_the_nearest_of_the_catalogue(shop: None, typed: str, meant: str) -> None:
    assert corrected_query(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "floral dress",
        "dress flor",  # the last word may be cut off
        "FLORAL Dresses",
        "belts matched",  # only described, and in another form
        "dress with the shoes",  # words without meaning
        '"florla dres"',
        "fl0ral 2024 x100",
        "rde",  # too short to tell
        "drums",  # more than one mistake in five letters
        "press",  # another first letter in a short word
        "qqqzzzqqq",
        "velvet",  # nothing visible says it, and nothing is near
        "фыва платье",
        "",
        "'; --",
    ],
)
def test_everything_else_stays(shop: None, typed: str) -> None:
    assert corrected_query(typed) is None


def test_of_two_words_as_near_the_commoner_is_meant() -> None:
    known = Vocabulary("", {"shirt": 9, "skirt": 3, "short": 1})
    assert known.nearest("shrt") == "shirt"
    assert known.nearest("skort") == "skirt"  # commoner than "short"
    assert known.nearest("shor") == "short"


def test_without_products_nothing_is_corrected() -> None:
    assert corrected_query("florla") is None


def test_known_words_cost_no_query_and_unknown_ones_a_single_one(shop: None) -> None:
    def queries(text: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            corrected_query(text)
        return len(captured)

    assert queries("floral dress") == 2  # what the catalogue looks like now, and its words
    assert queries("red floral dresses") == 0
    assert queries("florla dresss runing") == 1


def test_the_words_are_read_anew_when_the_catalogue_changed(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert vocabulary().counts["floral"] == 3
    assert "velvet" not in vocabulary().counts
    cape = Product.objects.get(title="Velvet cape")
    cape.status = "active"
    cape.save()
    assert "velvet" not in vocabulary().counts  # within the minute
    cache.delete("vocabulary-version")
    assert vocabulary().counts["velvet"] == 1
    held = vocabulary()
    cache.delete("vocabulary-version")
    assert vocabulary() is held  # nothing changed
    monkeypatch.setattr(vocabulary_module, "MOST_WORDS", 2)
    monkeypatch.setattr(vocabulary_module, "_held", None)
    assert vocabulary().counts == {"castellane": 5, "women": 10}
