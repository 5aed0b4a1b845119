"""From rows to arrays: who and what reaches training."""

from datetime import timedelta

import numpy as np
import pytest
from django.conf import settings
from django.utils import timezone

from feedback.services.events import retract_event
from feedback.services.visitors import set_consent
from recommender.datasets import PERSONA_FADES_AT, PERSONA_LIKES_FROM, PERSONA_WEIGHT, Dataset, build_dataset
from tests.factories.catalog import EncoderFactory, ProductEmbeddingFactory, ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.factories.personas import PersonaFactory, RatingFactory, RatingRunFactory

pytestmark = pytest.mark.django_db
BEGAN = timezone.now() - timedelta(days=3)


def did(visitor, event_type, product, minutes):
    moment = BEGAN + timedelta(minutes=minutes)
    return EventFactory(visitor=visitor, type=event_type, product=product, occurred_at=moment)


def triples(dataset):
    """{(user id, product pk, weight)}"""
    i = dataset.interactions
    return {
        (dataset.user_ids[user], int(dataset.product_ids[item]), round(float(weight), 4))
        for user, item, weight in zip(i.user, i.item, i.weight, strict=True)
    }


def test_only_standing_positive_events_of_consenting_visitors_on_visible_products_are_learned_from():
    a, b = ProductFactory(), ProductFactory()
    draft = ProductFactory(status="draft")
    yes, no = VisitorFactory(consented=True), VisitorFactory(consented=False)
    did(yes, "click", a, 1)
    did(yes, "purchase", b, 2)
    did(yes, "click", draft, 3)
    did(yes, "search", None, 4)
    did(no, "like", a, 5)
    for event_type in ("dislike", "hide", "basket_remove", "impression_seen"):
        did(VisitorFactory(consented=True), event_type, a, 6)
    retract_event(visitor=yes, event_id=did(yes, "like", a, 7).event_id)
    dataset = build_dataset()
    rewards = settings.FASHIONREC["REWARDS"]
    assert list(dataset.product_ids) == [a.pk, b.pk]
    assert triples(dataset) == {(str(yes.pk), a.pk, rewards["click"]), (str(yes.pk), b.pk, rewards["purchase"])}
    assert {key: dataset.window[key] for key in ("events", "interactions", "persona_likes", "products", "users")} == {
        "events": 2,
        "interactions": 2,
        "persona_likes": 0,
        "products": 2,
        "users": 1,
    }
    assert dataset.window["first"] == (BEGAN + timedelta(minutes=1)).isoformat()
    assert dataset.window["last"] == (BEGAN + timedelta(minutes=2)).isoformat()


def test_withdrawing_consent_takes_a_visitors_events_out_of_the_next_dataset():
    visitor = VisitorFactory(consented=True)
    did(visitor, "like", ProductFactory(), 1)
    assert len(build_dataset().interactions.user) == 1
    set_consent(visitor=visitor, granted=False, wording="1")
    assert len(build_dataset().interactions.user) == 0


def test_a_product_counts_once_per_shopper_at_its_first_time_with_its_strongest_event():
    product, visitor = ProductFactory(), VisitorFactory(consented=True)
    for minutes, event_type in enumerate(("view", "purchase", "click")):
        did(visitor, event_type, product, minutes)
    dataset = build_dataset()
    assert triples(dataset) == {(str(visitor.pk), product.pk, settings.FASHIONREC["REWARDS"]["purchase"])}
    np.testing.assert_allclose(dataset.interactions.time, [BEGAN.timestamp()])
    assert (dataset.window["events"], dataset.window["interactions"]) == (3, 1)


def test_likes_of_personas_are_synthetic_pseudo_users_of_less_weight():
    loved, liked, not_liked, unpublished = ProductFactory.create_batch(4)
    persona = PersonaFactory(key="ada")
    RatingFactory(persona=persona, product=loved, expectation=9.5)
    RatingFactory(persona=persona, product=liked, expectation=6.0, calibrated=PERSONA_LIKES_FROM)
    RatingFactory(persona=persona, product=not_liked, expectation=PERSONA_LIKES_FROM - 0.01)
    RatingFactory(persona=persona, product=unpublished, expectation=9.9, run=RatingRunFactory(state="done"))
    human = VisitorFactory(consented=True)
    did(human, "like", loved, 1)
    dataset = build_dataset()
    assert triples(dataset) == {
        (str(human.pk), loved.pk, 1.0),
        ("persona:ada", loved.pk, round(PERSONA_WEIGHT * PERSONA_FADES_AT / (PERSONA_FADES_AT + 1), 4)),
        ("persona:ada", liked.pk, PERSONA_WEIGHT),
    }
    assert ("persona:ada", loved.pk, PERSONA_WEIGHT) in triples(build_dataset(fading=False))
    synthetic = dataset.interactions.synthetic_users()
    assert {dataset.user_ids[user]: bool(flag) for user, flag in enumerate(synthetic)} == {
        str(human.pk): False,
        "persona:ada": True,
    }
    assert (dataset.window["events"], dataset.window["persona_likes"]) == (1, 2)


def test_histories_run_in_the_order_of_time_not_of_arrival():
    products, visitor = ProductFactory.create_batch(3), VisitorFactory(consented=True)
    for minutes, product in ((3, products[0]), (1, products[1]), (2, products[2])):
        did(visitor, "click", product, minutes)
    dataset = build_dataset()
    (history,) = dataset.interactions.histories()
    assert [int(pk) for pk in dataset.product_ids[history]] == [products[1].pk, products[2].pk, products[0].pk]


def test_content_vectors_come_in_the_order_of_products_with_zeros_where_there_is_none():
    _, second = ProductFactory.create_batch(2)
    ProductEmbeddingFactory(product=second, encoder=EncoderFactory(), vector=[0.6, 0.8] + [0.0] * 6)
    content = build_dataset().interactions.content
    assert content.shape == (2, 8)
    assert not content[0].any()
    np.testing.assert_allclose(content[1, :2], [0.6, 0.8], atol=1e-3)
    assert np.linalg.norm(content[1]) == pytest.approx(1, abs=1e-6)


def test_the_fingerprint_is_of_the_data():
    a, b = ProductFactory.create_batch(2)
    visitor = VisitorFactory(consented=True)
    did(visitor, "view", a, 1)
    prints = [build_dataset().fingerprint]
    assert build_dataset().fingerprint == prints[0]
    did(visitor, "view", b, 2)
    prints.append(build_dataset().fingerprint)
    did(visitor, "like", b, 3)  # the same pairs, another weight
    prints.append(build_dataset().fingerprint)
    ProductFactory()
    prints.append(build_dataset().fingerprint)
    assert len(set(prints)) == 4


def test_a_saved_dataset_is_the_same_after_loading(tmp_path):
    did(VisitorFactory(consented=True), "like", ProductFactory(), 1)
    RatingFactory(expectation=9.0)
    dataset = build_dataset()
    path = tmp_path / "deep" / "dataset.safetensors"
    dataset.save(path)
    loaded = Dataset.load(path)
    for name in ("user", "item", "time", "weight", "synthetic", "content"):
        saved, read = getattr(dataset.interactions, name), getattr(loaded.interactions, name)
        assert saved.dtype == read.dtype
        np.testing.assert_array_equal(saved, read)
    np.testing.assert_array_equal(loaded.product_ids, dataset.product_ids)
    assert (loaded.user_ids, loaded.window, loaded.fingerprint) == (
        dataset.user_ids,
        dataset.window,
        dataset.fingerprint,
    )
    assert sorted(file.name for file in path.parent.iterdir()) == ["dataset.json", "dataset.safetensors"]


def test_an_empty_shop_is_an_empty_dataset():
    dataset = build_dataset()
    assert (dataset.interactions.n_users, dataset.interactions.n_items) == (0, 0)
    assert (dataset.window["first"], dataset.window["events"]) == (None, 0)
