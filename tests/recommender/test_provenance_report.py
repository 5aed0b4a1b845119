"""Events only, ratings only, both: one kind of model on each, measured on the same shoppers."""

import json
from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from recommender.datasets import PERSONA_FADES_AT, PERSONA_WEIGHT, build_dataset
from recommender.provenance_report import BOTH, EVENTS, POPULARITY, RATINGS, provenance_report, training_sets
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.factories.personas import PersonaFactory, RatingFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    """Shoppers take four products in a row; one persona likes six of twelve."""
    products = [ProductFactory(pictures=0, sizes=()) for _ in range(12)]
    began = timezone.now() - timedelta(days=1)
    for index in range(12):
        visitor = VisitorFactory(consented=True)
        for step in range(4):
            moment = began + timedelta(minutes=10 * index + step)
            EventFactory(visitor=visitor, type="click", product=products[(index + step) % 12], occurred_at=moment)
    persona = PersonaFactory()
    for product in products[:6]:
        RatingFactory(persona=persona, product=product, expectation=8.0)
    return products


def test_the_three_sets_are_of_events_of_ratings_in_full_and_of_both_with_faded_ratings(shop):
    unfaded = build_dataset(fading=False).interactions
    sets = training_sets(unfaded)
    assert [(len(part.item), int(part.synthetic.sum())) for part in sets.values()] == [(48, 0), (6, 6), (54, 6)]
    np.testing.assert_allclose(sets[RATINGS].weight, PERSONA_WEIGHT)
    # Each product was taken by four shoppers.
    faded = PERSONA_WEIGHT * PERSONA_FADES_AT / (PERSONA_FADES_AT + 4)
    np.testing.assert_allclose(sets[BOTH].weight[sets[BOTH].synthetic], faded, rtol=1e-6)
    np.testing.assert_allclose(sets[BOTH].weight, build_dataset().interactions.weight, rtol=1e-6)


def test_the_command_prints_three_rows_beside_popularity_and_ends_in_json(shop):
    out = StringIO()
    call_command("evaluate_provenance", kind="transition_knn", stdout=out)
    report = json.loads(out.getvalue().strip().splitlines()[-1])
    assert list(report["rows"]) == [EVENTS, RATINGS, BOTH, POPULARITY]
    assert (report["kind"], report["users"]) == ("transition_knn", 12)
    assert [report["rows"][name]["training_events"] for name in (EVENTS, RATINGS, BOTH)] == [24, 6, 30]
    assert "ndcg@10_minus_events" not in report["rows"][EVENTS]
    for name in (RATINGS, BOTH, POPULARITY):
        interval = report["rows"][name]["ndcg@10_minus_events"]
        assert interval["low"] <= interval["mean"] <= interval["high"]
        mean = report["rows"][name]["ndcg@10"] - report["rows"][EVENTS]["ndcg@10"]
        assert interval["mean"] == pytest.approx(mean, abs=2e-5)
    assert provenance_report(kind="transition_knn") == report


def test_without_ratings_or_held_out_events_nothing_is_compared():
    with pytest.raises(ValueError, match="received 0 events and 0 likes of personas"):
        provenance_report(kind="popularity")
    RatingFactory(expectation=9.0)
    with pytest.raises(CommandError, match="received 0 events and 1 likes of personas"):
        call_command("evaluate_provenance", kind="popularity")
