"""Deciding on suggestions: the product is written as by an edit, and only where nobody was faster."""

from typing import Any

import pytest

from catalog.models import AttributeSuggestion, Category, Product, SuggestionRun
from catalog.services.suggestions import (
    Suggestion,
    accept_suggestion,
    accept_suggestions,
    drop_overtaken_suggestions,
    plan_suggestion_run,
    reject_suggestion,
    reject_suggestions,
    store_suggestions,
)
from fashionrec.common.errors import Conflict, Invalid, NotFound
from fashionrec.common.models import AuditEntry
from fashionrec.common.queue import without_ringing
from tests.factories.catalog import CategoryFactory, EncoderFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def silence() -> Any:
    with without_ringing():
        yield


def suggested(product: Product, *, field: str = "colour", value: str = "red") -> AttributeSuggestion:
    return AttributeSuggestion.objects.create(product=product, field=field, value=value, confidence=0.8)


def bare(**values: Any) -> Product:
    return ProductFactory(pictures=0, **{"colour": "", **values})


def test_accepting_writes_the_product_as_an_edit_would_and_says_who_did_it() -> None:
    product = bare(title="Linen dress")
    suggestion = accept_suggestion(suggestion_id=suggested(product).pk, actor="mia")
    product.refresh_from_db()
    assert (product.colour, product.content_version) == ("red", 2)
    assert product.variants.count() == 1
    suggestion.refresh_from_db()
    assert (suggestion.state, suggestion.decided_by) == ("accepted", "mia")
    assert suggestion.decided_at is not None
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.object_id) == ("mia", "suggestion.accept", str(suggestion.pk))
    assert entry.details == {"product": product.public_id, "field": "colour", "value": "red", "confidence": 0.8}


def test_a_category_is_found_by_its_path() -> None:
    dresses = CategoryFactory(name="Dresses", parent=CategoryFactory(name="Women"))
    product = bare(category=None)
    accept_suggestion(suggestion_id=suggested(product, field="category", value="Women > Dresses").pk, actor="mia")
    product.refresh_from_db()
    assert product.category == dresses


def test_a_category_that_is_gone_is_refused_and_not_made_again() -> None:
    product = bare(category=None)
    suggestion = suggested(product, field="category", value="Women > Dresses")
    with pytest.raises(Conflict, match="there is no such category any more .received 'Women > Dresses'"):
        accept_suggestion(suggestion_id=suggestion.pk, actor="mia")
    assert not Category.objects.filter(path="Women > Dresses").exists()
    suggestion.refresh_from_db()
    assert suggestion.state == "open"


def test_a_field_that_was_filled_meanwhile_keeps_its_value() -> None:
    product = bare(colour="navy")
    suggestion = suggested(product)
    with pytest.raises(Conflict, match="colour: the product has a value by now .received 'navy'"):
        accept_suggestion(suggestion_id=suggestion.pk, actor="mia")
    product.refresh_from_db()
    suggestion.refresh_from_db()
    assert (product.colour, product.content_version, suggestion.state) == ("navy", 1, "open")
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("decide", [accept_suggestion, reject_suggestion])
def test_nobody_decides_twice_or_on_nothing(decide: Any) -> None:
    suggestion = suggested(bare())
    reject_suggestion(suggestion_id=suggestion.pk, actor="mia")
    with pytest.raises(Conflict, match="state: somebody has decided"):
        decide(suggestion_id=suggestion.pk, actor="noa")
    with pytest.raises(NotFound, match="suggestion: no such suggestion"):
        decide(suggestion_id=suggestion.pk + 1, actor="noa")


def test_rejecting_leaves_the_product_alone() -> None:
    product = bare()
    suggestion = reject_suggestion(suggestion_id=suggested(product).pk, actor="mia")
    product.refresh_from_db()
    assert (product.colour, product.content_version) == ("", 1)
    assert (suggestion.state, suggestion.decided_by) == ("rejected", "mia")
    assert AuditEntry.objects.get().action == "suggestion.reject"


def test_of_many_the_refused_are_reported_and_the_others_accepted() -> None:
    first, filled, last = bare(), bare(colour="navy"), bare()
    ids = [suggested(product).pk for product in (first, filled, last)]
    decisions = accept_suggestions(suggestion_ids=ids, actor="mia")
    assert [suggestion.product_id for suggestion in decisions.decided] == [first.pk, last.pk]
    assert decisions.refused == [(ids[1], "colour: the product has a value by now (received 'navy')")]
    assert sorted(Product.objects.values_list("colour", flat=True)) == ["navy", "red", "red"]
    again = reject_suggestions(suggestion_ids=ids, actor="mia")
    assert ([s.pk for s in again.decided], len(again.refused)) == ([ids[1]], 2)


def test_both_fields_of_one_product_can_be_accepted_together() -> None:
    product = bare(pattern="")
    ids = [suggested(product).pk, suggested(product, field="pattern", value="striped").pk]
    assert len(accept_suggestions(suggestion_ids=ids, actor="mia").decided) == 2
    product.refresh_from_db()
    assert (product.colour, product.pattern, product.content_version) == ("red", "striped", 3)


def test_storing_keeps_one_open_suggestion_per_field_and_passes_over_what_was_decided() -> None:
    run = SuggestionRun.objects.create(encoder=EncoderFactory())
    kept, changed, silent, decided = products = [bare() for _ in range(4)]
    for product in (changed, silent):
        suggested(product, value="green")
    reject_suggestion(suggestion_id=suggested(decided).pk, actor="mia")
    found = [Suggestion(product.pk, "red", 0.9, {}) for product in (kept, changed, decided)]
    asked = [product.pk for product in products]
    assert store_suggestions(run=run, field="colour", asked=asked, suggestions=found) == 2
    open_rows = AttributeSuggestion.objects.filter(state="open").order_by("product_id")
    assert list(open_rows.values_list("product_id", "value", "run_id")) == [
        (kept.pk, "red", run.pk),
        (changed.pk, "red", run.pk),
    ]


def test_overtaken_suggestions_are_dropped_and_decided_ones_kept() -> None:
    filled, archived, waiting = bare(colour="navy"), bare(status="archived"), bare()
    kept = suggested(filled, value="green")
    AttributeSuggestion.objects.filter(pk=kept.pk).update(state="accepted")
    rows = [suggested(product) for product in (filled, archived, waiting)]
    assert drop_overtaken_suggestions() == 2
    assert set(AttributeSuggestion.objects.values_list("pk", flat=True)) == {rows[2].pk, kept.pk}


def test_planning_twice_gives_one_run_and_refuses_another_question() -> None:
    EncoderFactory()
    run = plan_suggestion_run(fields=["colour"])
    assert plan_suggestion_run(fields=["colour"]) == run
    with pytest.raises(Conflict, match="is still open and asks for something else"):
        plan_suggestion_run(fields=["colour"], minimum_confidence=0.9)
    assert SuggestionRun.objects.count() == 1


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"fields": ["material"]}, Invalid, "fields: expected one of category, colour, pattern .received 'material'"),
        ({"fields": []}, Invalid, "fields: name at least one"),
        ({"minimum_confidence": 1.5}, Invalid, "minimum_confidence: must be within 0..1 .received 1.5"),
        ({}, Conflict, "encoder: none is live: embed the catalogue first"),
    ],
)
def test_a_run_that_cannot_be_is_refused(parameters: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plan_suggestion_run(**parameters)
    assert not SuggestionRun.objects.exists()
