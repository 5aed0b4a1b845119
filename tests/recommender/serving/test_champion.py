"""Serving with a trained model, and when its files are away."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import storages
from django.utils import timezone

from feedback.models import Slate
from feedback.selectors import ShopperState, shopper_state
from recommender.ml.dataset import EVENT_KINDS
from recommender.models import ModelKind
from recommender.services.models import promote, rollback
from recommender.serving import champion, recommend
from recommender.serving.replay import replay
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.recommender.training import measured, serve, train_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    """Two groups of products, and shoppers who move within one of them: transition-kNN learns to stay in a group."""
    category = CategoryFactory()
    groups = [
        [ProductFactory(title=f"{name} {n}", category=category, pictures=0, sizes=()) for n in range(8)]
        for name in ("Summer", "Winter")
    ]
    began = timezone.now() - timedelta(days=2)
    for shopper in range(24):
        visitor, group = VisitorFactory(consented=True), groups[shopper % 2]
        for step in range(5):
            EventFactory(
                visitor=visitor,
                type="click",
                product=group[(shopper // 2 + step) % 8],
                occurred_at=began + timedelta(minutes=10 * shopper + step),
            )
    return groups


def test_the_champion_ranks_from_the_next_request_on_and_names_its_reason(shop):
    visitor = VisitorFactory(consented=True)
    EventFactory(visitor=visitor, type="like", product=shop[1][2])
    assert recommend(visitor=visitor).model == "fallback"
    version = serve(ModelKind.TRANSITION_KNN)
    slate = recommend(visitor=visitor, n=4)
    assert slate.model == version.name
    assert {item.product for item in slate.items if item.source == "model"} <= set(shop[1])
    by_model = [item for item in slate.items if item.source == "model"]
    assert by_model
    assert {item.reason for item in by_model} == {"Because you liked Winter 2"}
    assert Slate.objects.get(pk=slate.slate_id).model == version.name


def test_a_stranger_and_a_shopper_of_products_the_model_does_not_know_get_a_page_too(shop):
    serve(ModelKind.TRANSITION_KNN)
    assert len(recommend(visitor=None, n=6).items) == 6
    stranger = VisitorFactory()
    EventFactory(visitor=stranger, type="view", product=ProductFactory(title="After training", category=None))
    slate = recommend(visitor=stranger, n=6)
    assert len(slate.items) == 6
    assert "model" not in {item.source for item in slate.items}


def test_in_a_category_the_model_ranks_what_is_in_it(shop):
    hats = CategoryFactory(name="Hats")
    for product in shop[1][5:]:
        product.category = hats
        product.save()
    serve(ModelKind.TRANSITION_KNN)
    visitor = VisitorFactory()
    EventFactory(visitor=visitor, type="view", product=shop[1][2])
    slate = recommend(visitor=visitor, placement="category", category=hats, n=3)
    assert {item.product for item in slate.items} == set(shop[1][5:])
    assert "model" in {item.source for item in slate.items}


def test_promotion_and_rollback_change_who_answers_at_once(shop):
    first, second = measured(train_version("popularity")), measured(train_version(ModelKind.TRANSITION_KNN))
    for version in (first, second):
        promote(version=version, actor="ann")
        assert recommend(visitor=None).model == version.name
    rollback(actor="ann")
    assert recommend(visitor=None).model == first.name


def files_of(version) -> Path:
    return Path(storages["artifacts"].path(version.artifact_sha256))


def test_a_champion_whose_files_are_lost_or_damaged_leaves_the_page_to_the_fallback(shop, settings):
    version = serve("popularity")
    settings.ARTIFACT_CACHE_DIR = settings.ARTIFACT_CACHE_DIR.parent / "another machine"
    tensors = files_of(version) / "popularity.safetensors"
    kept = tensors.read_bytes()
    tensors.write_bytes(b"damaged")
    slate = recommend(visitor=None)
    assert (slate.model, len(slate.items)) == ("fallback", 12)
    tensors.write_bytes(kept)
    assert recommend(visitor=None).model == "fallback"  # requests do not all try again at once
    champion._unreadable_until.clear()
    assert recommend(visitor=None).model == version.name


def test_a_damaged_copy_in_the_cache_leaves_the_page_to_the_fallback(shop, settings):
    version = serve("popularity")
    local = settings.ARTIFACT_CACHE_DIR / version.artifact_sha256
    recommend(visitor=None)
    champion._loaded.clear()
    (local / "popularity.safetensors").write_bytes(b"damaged")
    assert recommend(visitor=None).model == "fallback"


def test_at_most_two_models_are_kept_in_memory(shop):
    versions = [measured(train_version(kind)) for kind in ("random", "popularity", ModelKind.TRANSITION_KNN)]
    for version in versions:
        promote(version=version, actor="ann")
        recommend(visitor=None)
    assert set(champion._loaded) == {version.pk for version in versions[1:]}


@pytest.mark.parametrize("n", [1, 5, 12, 40])
def test_every_slate_replays_from_its_log_even_after_its_products_changed(shop, n):
    serve(ModelKind.TRANSITION_KNN)
    visitor = VisitorFactory(consented=True)
    for product in (shop[0][0], shop[0][1], shop[1][0]):
        EventFactory(visitor=visitor, type="view", product=product)
    EventFactory(visitor=visitor, type="hide", product=shop[0][2])
    category = CategoryFactory()
    slates = [
        recommend(visitor=visitor, n=n),
        recommend(visitor=None, n=n),
        recommend(visitor=visitor, placement="similar", product=shop[0][0], n=n),
        recommend(visitor=visitor, placement="category", category=category, n=n, exclude=[shop[0][3].pk]),
    ]
    for product in shop[0]:
        product.brand, product.category, product.colour = None, CategoryFactory(name="Hats"), "black"
        product.save()
    for slate in slates:
        logged = Slate.objects.get(pk=slate.slate_id)
        assert replay(logged) == logged.products == [item.product.pk for item in slate.items]
        assert logged.products


def test_a_model_says_what_it_knows_of_a_history(shop):
    version = serve("popularity")
    model = champion.load_champion()
    assert model.name == version.name
    known = [product.pk for product in shop[0][:2]]
    shopper = ShopperState(history=[known[1], 10**9, known[0]], kinds=["like", "view", "click"], times=[1.0, 2.0, 3.0])
    history = model.history(shopper)
    assert (history.items.dtype, history.kind.dtype) == (np.int64, np.uint8)
    assert [int(model.product_ids[index]) for index in history.items] == [known[1], known[0]]
    assert [EVENT_KINDS[code] for code in history.kind] == ["like", "click"]
    assert history.time.tolist() == [1.0, 3.0]


def test_a_blend_serves_in_its_own_order_and_says_which_part_of_it_chose(shop):
    train_version(ModelKind.TRANSITION_KNN)
    train_version(ModelKind.POPULARITY)
    version = serve(ModelKind.BLEND)
    visitor = VisitorFactory(consented=True)
    EventFactory(visitor=visitor, type="like", product=shop[1][2])
    slate = recommend(visitor=visitor, n=4)
    assert slate.model == version.name
    assert {item.source for item in slate.items} == {"transition_knn"}
    assert {item.product for item in slate.items} <= set(shop[1])
    assert {item.reason for item in slate.items} == {"Because you liked Winter 2", "Popular right now"}
    logged = Slate.objects.get(pk=slate.slate_id)
    assert replay(logged) == logged.products
    model = champion.load_champion()
    order = np.argsort(-model.scorer.score_one(model.history(shopper_state(visitor))), kind="stable")
    unseen = [int(model.product_ids[item]) for item in order if int(model.product_ids[item]) != shop[1][2].pk]
    assert slate.items[0].product.pk == unseen[0]
    assert len(recommend(visitor=None, n=6).items) == 6
