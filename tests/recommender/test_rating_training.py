"""The rating head in a shop: which ratings it reads, and that no training saw what it is measured on."""

import numpy as np
import pytest

from fashionrec.common.artifacts import fetch_directory
from feedback.services.events import retract_event
from recommender.datasets import PERSONA_WEIGHT, build_dataset
from recommender.ml.rating_head_scorer import RatingHead
from recommender.ml.ratings import LABELS
from recommender.rating_training import is_held_out, read_ratings, without_held_out
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.factories.personas import PersonaFactory, RatingFactory, RatingRunFactory
from tests.recommender.training import train_version

pytestmark = pytest.mark.django_db


def distribution(point: int) -> list[float]:
    return [0.8 if label == point else 0.02 for label in LABELS]


def test_whole_distributions_of_published_ratings_and_the_latest_points_of_consenting_shoppers_are_read():
    a, b = ProductFactory(pictures=0), ProductFactory(pictures=0)
    ada = PersonaFactory(key="ada")
    RatingFactory(persona=ada, product=a, expectation=2.0, probabilities=distribution(2))
    RatingFactory(persona=ada, product=b, expectation=9.0, run=RatingRunFactory(state="done"))
    RatingFactory(persona=ada, product=ProductFactory(status="draft"), expectation=9.0)
    human, private = VisitorFactory(consented=True), VisitorFactory(consented=False)
    EventFactory(visitor=human, type="rate", product=a, value=3)
    EventFactory(visitor=human, type="rate", product=a, value=7.6)
    undone = EventFactory(visitor=human, type="rate", product=b, value=1)
    retract_event(visitor=human, event_id=undone.event_id)
    EventFactory(visitor=private, type="rate", product=a, value=10)
    ratings, raters, held_out = read_ratings(build_dataset(), seed=0)
    assert raters == ["persona:ada", str(human.pk)]
    assert (ratings.user.tolist(), ratings.item.tolist()) == ([0, 1], [0, 0])
    np.testing.assert_allclose(ratings.distribution[0], distribution(2), rtol=1e-6)
    assert ratings.distribution[1].tolist() == [float(label == 8) for label in LABELS]
    np.testing.assert_allclose(ratings.weight, [PERSONA_WEIGHT, 1.0])
    assert ratings.synthetic.tolist() == [True, False]
    assert held_out.tolist() == [is_held_out(rater, a.pk, seed=0) for rater in raters]


def test_a_tenth_of_all_cells_is_held_out_the_same_for_every_reader_and_another_for_another_seed():
    cells = [(f"persona:{user}", product) for user in range(50) for product in range(40)]
    held = [is_held_out(*cell, seed=3) for cell in cells]
    assert held == [is_held_out(*cell, seed=3) for cell in cells]
    assert 0.08 < np.mean(held) < 0.12
    assert held != [is_held_out(*cell, seed=4) for cell in cells]


def test_a_two_tower_model_has_a_rating_head_measured_beside_biases_on_what_no_tower_has_seen():
    products = [ProductFactory(pictures=0, sizes=()) for _ in range(24)]
    for index in range(8):
        persona = PersonaFactory()
        for place, product in enumerate(products):
            point = 9 if place % 2 == index % 2 else 3
            RatingFactory(persona=persona, product=product, expectation=float(point), probabilities=distribution(point))
    for index in range(6):
        visitor = VisitorFactory(consented=True)
        for step in range(4):
            EventFactory(visitor=visitor, type="click", product=products[(2 * step + index) % 24])
    dataset = build_dataset()
    learned = without_held_out(dataset.interactions, dataset, seed=0)
    cells = {
        (dataset.user_ids[user], int(dataset.product_ids[item]))
        for user, item in zip(learned.user, learned.item, strict=True)
    }
    ratings, raters, held_out = read_ratings(dataset, seed=0)
    measured_on = {
        (raters[user], int(dataset.product_ids[item]))
        for user, item in zip(ratings.user[held_out], ratings.item[held_out], strict=True)
    }
    assert measured_on
    assert not cells & measured_on
    assert len(dataset.interactions.item) > len(learned.item)

    version = train_version("two_tower", epochs=6, embedding_size=16, batch_size=60)
    assert version.metrics["ratings_held_out"] == held_out.sum()
    assert version.metrics["ratings"] == (~held_out).sum()
    assert 0 < version.metrics["rating_rmse"] < 4
    assert version.metrics["rating_rmse_biases"] > 0
    head = RatingHead.load(fetch_directory(version.artifact_sha256))
    assert head is not None
    assert head.item_bias.shape == (24,)


def test_a_shop_with_few_ratings_trains_towers_without_a_head():
    for _ in range(4):
        visitor = VisitorFactory(consented=True)
        for _ in range(4):
            EventFactory(visitor=visitor, type="click", product=ProductFactory(pictures=0, sizes=()))
    version = train_version("two_tower", epochs=1, embedding_size=8)
    assert "rating_rmse" not in version.metrics
    assert RatingHead.load(fetch_directory(version.artifact_sha256)) is None
