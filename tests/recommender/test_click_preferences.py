"""Preference pairs from what shoppers took and passed over."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from fashionrec.privacy.consent import answer_consent
from fashionrec.privacy.erasure import erase
from fashionrec.privacy.export import export
from feedback.models import Slate
from feedback.services.events import retract_event
from personas.models import PreferencePair
from personas.prompts import default_template, render_prefix, render_suffix
from recommender.click_preferences import derive_click_preferences, key_prefix, skipped_above, visitor_comparisons
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.factories.personas import PersonaFactory, RatingFactory

pytestmark = pytest.mark.django_db

SERVED = timezone.now() - timedelta(hours=2)


@pytest.fixture
def products():
    return ProductFactory.create_batch(6, pictures=0)


@pytest.fixture
def visitor():
    return VisitorFactory(consented=True)


def slate(visitor, products, *, propensities=None, at=SERVED):
    made = Slate.objects.create(
        visitor=visitor,
        placement="home",
        products=[product.pk for product in products],
        sources=["new"] * len(products),
        scores=[1.0] * len(products),
        propensities=propensities or [1.0] * len(products),
    )
    Slate.objects.filter(pk=made.pk).update(created_at=at)
    return made


def event(visitor, product, shown=None, kind="click", minutes=1):
    return EventFactory(
        visitor=visitor,
        product=product,
        type=kind,
        slate=shown.pk if shown else None,
        occurred_at=SERVED + timedelta(minutes=minutes),
    )


def compared(visitor, products):
    place = {product.pk: index for index, product in enumerate(products)}
    return [(place[c.taken], place[c.passed]) for c in visitor_comparisons(visitor)]


def test_a_taken_product_is_preferred_to_those_passed_over_above_it_and_to_none_below(visitor, products):
    shown = slate(visitor, products)
    event(visitor, products[1], shown)
    event(visitor, products[3], shown, kind="like")
    event(visitor, products[5], kind="view")
    assert compared(visitor, products) == [(1, 0), (3, 2), (3, 0)]


def test_the_nearest_above_are_compared_first_and_drawn_ones_before_all():
    products = [10, 11, 12, 13, 14, 15]
    certain = [1.0] * 6
    assert skipped_above(products, certain, taken=15, ever_taken={13, 15}, seen=None) == [14, 12, 11]
    drawn = [0.2, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert skipped_above(products, drawn, taken=15, ever_taken={15}, seen=None) == [10, 14, 13]
    assert skipped_above(products, certain, taken=15, ever_taken={15}, seen={11, 12}) == [12, 11]
    assert skipped_above(products, certain, taken=10, ever_taken={10}, seen=None) == []


def test_what_never_came_into_view_was_not_passed_over(visitor, products):
    shown = slate(visitor, products)
    event(visitor, products[3], shown)
    for product in (products[0], products[3]):
        event(visitor, product, shown, kind="impression_seen")
    assert compared(visitor, products) == [(3, 0)]


def test_what_was_taken_at_another_time_was_not_passed_over(visitor, products):
    shown = slate(visitor, products)
    event(visitor, products[0], kind="purchase", minutes=-90)
    event(visitor, products[2], shown)
    assert compared(visitor, products) == [(2, 1)]


def test_an_event_without_a_slate_belongs_to_the_latest_one_that_showed_its_product_within_a_day(visitor, products):
    slate(visitor, products[:3], at=SERVED - timedelta(minutes=30))
    latest = slate(visitor, products[3:] + products[2:3], at=SERVED)
    slate(visitor, products[:3], at=SERVED + timedelta(minutes=30))
    event(visitor, products[2], kind="purchase", minutes=10)
    found = list(visitor_comparisons(visitor))
    assert {c.slate.pk for c in found} == {latest.pk}
    assert [c.passed for c in found] == [products[5].pk, products[4].pk, products[3].pk]
    later = VisitorFactory(consented=True)
    slate(later, products)
    event(later, products[2], kind="purchase", minutes=25 * 60)
    assert compared(later, products) == []


def test_each_comparison_is_two_pairs_in_the_words_of_the_letters_template(visitor, products):
    persona = PersonaFactory(key="p-9")
    visitor.persona = "p-9"
    visitor.save()
    shown = slate(visitor, products)
    event(visitor, products[1], shown)
    assert derive_click_preferences().as_dict() == {
        "visitors": 1, "comparisons": 1, "pairs": 2, "created": 2, "removed": 0, "without_persona": 0,
    }  # fmt: skip
    template = default_template()
    for product, better, worse in ((products[1], 9, 4), (products[0], 4, 9)):
        pair = PreferencePair.objects.get(key__endswith=f":{product.pk}")
        suffix = render_suffix(template, product)
        assert pair.prompt.endswith(suffix)
        prefix = pair.prompt.removesuffix(suffix)
        assert prefix in {render_prefix(template, persona, order=order) for order in ("ascending", "descending")}
        # The letters mean what the scale in the very prompt says.
        meaning = dict(
            line.split(": ", 1) for line in prefix.splitlines() if line[:3] in {f"{c}: " for c in "ABCDEFGHIJK"}
        )
        assert meaning[pair.preferred.strip()].startswith(f"{better} - ")
        assert meaning[pair.rejected.strip()].startswith(f"{worse} - ")
        assert pair.preferred[0] == pair.rejected[0] == " "
        assert (pair.provenance, pair.persona) == ("clicks", persona)
        assert pair.key.startswith(f"clicks:{visitor.pk}:{shown.pk}:{products[1].pk}>{products[0].pk}:")


def test_both_label_orders_are_taught_about_equally_often(products):
    for _ in range(20):
        visitor = VisitorFactory(consented=True)
        event(visitor, products[2], slate(visitor, products))
    derive_click_preferences()
    ascending = PreferencePair.objects.filter(prompt__contains="\nA: -1 - ").count()
    assert PreferencePair.objects.count() == 80
    assert 20 <= ascending <= 60


def test_deriving_again_adds_nothing_and_what_no_longer_follows_goes(visitor, products):
    shown = slate(visitor, products)
    click = event(visitor, products[1], shown)
    event(visitor, products[3], shown)
    assert derive_click_preferences().created == 6
    again = derive_click_preferences()
    assert (again.pairs, again.created, again.removed) == (6, 0, 0)
    retract_event(visitor=visitor, event_id=click.event_id)
    # Without the click the product itself was passed over.
    assert compared(visitor, products) == [(3, 2), (3, 1), (3, 0)]
    changed = derive_click_preferences()
    assert (changed.pairs, changed.created, changed.removed) == (6, 2, 2)
    assert not PreferencePair.objects.filter(key__contains=f":{products[1].pk}>").exists()


def test_only_consenting_visitors_teach_and_a_choice_of_the_lab_is_never_touched(products):
    refused, consenting = VisitorFactory(consented=False), VisitorFactory(consented=True)
    for visitor in (refused, consenting):
        event(visitor, products[1], slate(visitor, products))
    PreferencePair.objects.create(prompt="p", preferred="a", rejected="b", provenance="lab", key="lab:1")
    derive_click_preferences()
    assert not PreferencePair.objects.filter(key__startswith=key_prefix(refused.pk)).exists()
    assert PreferencePair.objects.filter(key__startswith=key_prefix(consenting.pk)).count() == 2
    type(consenting).objects.filter(pk=consenting.pk).update(consented=False)
    assert derive_click_preferences().removed == 2
    assert list(PreferencePair.objects.values_list("key", flat=True)) == ["lab:1"]


def test_pairs_of_simulated_shoppers_say_so(products):
    visitor = VisitorFactory(consented=True, provenance="simulated")
    event(visitor, products[1], slate(visitor, products))
    derive_click_preferences()
    assert set(PreferencePair.objects.values_list("provenance", flat=True)) == {"simulated clicks"}


def test_without_a_known_persona_the_one_whose_ratings_go_along_with_the_visitor_is_asked(visitor, products):
    shown = slate(visitor, products)
    event(visitor, products[3], shown)
    event(visitor, products[4], shown, kind="like")
    alike, contrary = PersonaFactory(), PersonaFactory()
    run = None
    for place, product in enumerate(products):
        likes = place in (3, 4)
        for persona, value in ((alike, 9.0 if likes else 2.0), (contrary, 2.0 if likes else 9.0)):
            rating = RatingFactory(
                persona=persona, product=product, expectation=value + place / 10, **({"run": run} if run else {})
            )
            run = rating.run
    derive_click_preferences()
    assert set(PreferencePair.objects.values_list("persona", flat=True)) == {alike.pk}
    # With nobody alike the prompt is a shopper's without a persona.
    alike.ratings.all().delete()
    PreferencePair.objects.all().delete()
    derived = derive_click_preferences()
    assert derived.without_persona == derived.pairs > 0
    pair = PreferencePair.objects.first()
    assert pair.persona is None
    assert pair.prompt.startswith("You are a shopper, and you rate clothes for yourself alone.\n\nRate each")


def test_erasing_a_visitor_or_refusing_to_be_remembered_forgets_their_pairs_and_the_export_shows_them(products):
    erased, refusing, staying = (VisitorFactory(consented=True) for _ in range(3))
    for visitor in (erased, refusing, staying):
        event(visitor, products[1], slate(visitor, products))
    derive_click_preferences()
    exported = export(visitor=erased)["preferences"]
    assert len(exported) == 2
    assert {pair["preferred"] for pair in exported} <= {f" {letter}" for letter in "ABCDEFGHIJK"}
    receipt = erase(visitor=erased, actor="test")
    assert receipt.counts["recommender"] == {"preference_pairs": 2}
    answer_consent(visitor=refusing, granted=False, wording="1")
    keys = list(PreferencePair.objects.values_list("key", flat=True))
    assert len(keys) == 2
    assert all(key.startswith(key_prefix(staying.pk)) for key in keys)
    answer_consent(visitor=staying, granted=True, wording="2")
    assert PreferencePair.objects.count() == 2
    assert derive_click_preferences().created == 0


def test_the_command_prints_what_it_did_as_json(visitor, products, capsys):
    event(visitor, products[2], slate(visitor, products))
    call_command("derive_preferences")
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["visitors"], result["comparisons"], result["pairs"], result["created"]) == (1, 2, 4, 4)
