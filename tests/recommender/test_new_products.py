"""Products that came after the training: in the models in use within a minute, and nothing is trained."""

from datetime import timedelta

import numpy as np
import pytest
from django.core.cache import cache
from django.utils import timezone

from catalog.models import Encoder, ProductEmbedding
from fashionrec.common.queue import without_ringing
from feedback.selectors import ShopperState
from recommender.extension_jobs import place_new_products
from recommender.ml.scorers import load_scorer
from recommender.models import ItemVector, ModelVersion, TrainingRun
from recommender.services.models import promote, rollback, set_challenger
from recommender.serving import champion
from recommender.serving.champion import load_champion
from recommender.serving.recommend import recommend
from tests.factories.catalog import EncoderFactory, ProductEmbeddingFactory, ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.recommender.training import measured, serve, train_version

pytestmark = pytest.mark.django_db
DIMENSIONS = 8
QUICK = {"epochs": 8, "embedding_size": 16, "batch_size": 20, "content_components": 8}


@pytest.fixture(autouse=True)
def fresh_process():
    champion._loaded.clear()
    champion._unreadable_until.clear()
    with without_ringing():
        yield
    cache.clear()


def vector_of(group: int, number: int) -> list[float]:
    vector = np.zeros(DIMENSIONS)
    vector[group], vector[2 + number % (DIMENSIONS - 2)] = 1.0, 0.4
    return list(vector / np.linalg.norm(vector))


def new_product(title: str, vector: list[float] | None, **fields: object):
    product = ProductFactory(title=title, pictures=0, sizes=(), **fields)
    if vector is not None:
        ProductEmbeddingFactory(product=product, vector=vector)
    return product


@pytest.fixture
def shop():
    """Two groups of products that look alike, and shoppers who stay within one."""
    EncoderFactory(dimensions=DIMENSIONS)
    groups = [
        [new_product(f"{name} {n}", vector_of(group, n)) for n in range(6)]
        for group, name in enumerate(("Summer", "Winter"))
    ]
    began = timezone.now() - timedelta(days=2)
    for shopper in range(24):
        visitor, group = VisitorFactory(consented=True), groups[shopper % 2]
        for step in range(4):
            EventFactory(
                visitor=visitor,
                type="click",
                product=group[(shopper // 2 + step) % 6],
                occurred_at=began + timedelta(minutes=10 * shopper + step),
            )
    return groups


def rows_of(version: ModelVersion) -> dict[int, np.ndarray]:
    return {row.product_id: np.asarray(row.vector, np.float32) for row in ItemVector.objects.filter(version=version)}


def score_of(product, *history) -> float:
    model = load_champion()
    shopper = ShopperState(history=[p.pk for p in history], kinds=["like"] * len(history), times=[1.0] * len(history))
    return float(model.scorer.score_one(model.history(shopper))[model.index_of[product.pk]])


def test_a_product_imported_after_training_is_recommended_and_read_without_training(shop):
    version = serve("two_tower", **QUICK)
    assert recommend(visitor=None).model == version.name
    late = new_product("Late summer", vector_of(0, 3))
    assert late.pk not in load_champion().index_of
    assert place_new_products() == 1
    assert late.pk in rows_of(version)
    assert late.pk in load_champion().index_of
    # It stands with its own kind, and whoever liked nothing but it is understood.
    assert score_of(late, shop[0][0], shop[0][1]) > score_of(late, shop[1][0], shop[1][1])
    assert score_of(shop[0][2], late) > score_of(shop[1][2], late)
    visitor = VisitorFactory(consented=True)
    EventFactory(visitor=visitor, type="like", product=late)
    slate = recommend(visitor=visitor, n=4)
    assert slate.model == version.name
    assert {item.product.title.split()[0] for item in slate.items if item.source == "model"} == {"Summer"}
    assert TrainingRun.objects.count() == 1


def test_what_the_web_scores_with_is_what_the_rows_say(shop):
    version = serve("two_tower", **QUICK)
    late = [new_product(f"Late {n}", vector_of(n % 2, n)) for n in range(3)]
    assert place_new_products() == 3
    model, rows = load_champion(), rows_of(version)
    for product in [*late, *shop[0]]:
        served = model.scorer.item_vectors[model.index_of[product.pk]]
        np.testing.assert_allclose(served, rows[product.pk], atol=1e-6)


def test_with_nothing_new_three_queries_are_all(shop, django_assert_num_queries):
    serve("two_tower", **QUICK)
    new_product("Late", vector_of(0, 1))
    assert place_new_products() == 1
    with django_assert_num_queries(3):
        assert place_new_products() == 0


def test_serving_asks_no_more_questions_than_before(shop, django_assert_num_queries):
    serve("popularity")
    load_champion()
    new_product("Late", vector_of(0, 1))
    place_new_products()
    load_champion()
    with django_assert_num_queries(1):
        assert load_champion().extension != ""


def test_changed_content_moves_a_new_product_and_leaves_trained_ones_where_they_were(shop):
    version = serve("two_tower", **QUICK)
    late = new_product("Late", vector_of(0, 1))
    place_new_products()
    before, extension = rows_of(version), load_champion().extension
    for product in (late, shop[0][0]):
        embedding = ProductEmbedding.objects.get(product=product)
        embedding.vector = vector_of(1, 1)
        embedding.save()
    assert place_new_products() == 1
    after = rows_of(version)
    assert not np.allclose(after[late.pk], before[late.pk])
    np.testing.assert_array_equal(after[shop[0][0].pk], before[shop[0][0].pk])
    model = load_champion()
    assert model.extension != extension
    np.testing.assert_allclose(model.scorer.item_vectors[model.index_of[late.pk]], after[late.pk], atol=1e-6)


def test_hidden_products_and_those_without_a_vector_are_not_added(shop):
    serve("popularity")
    hidden = new_product("Hidden", vector_of(0, 1), status="draft")
    bare = new_product("Bare", None)
    place_new_products()
    assert load_champion().extension == ""
    hidden.status = "active"
    hidden.save()
    place_new_products()
    index_of = load_champion().index_of
    assert (hidden.pk in index_of, bare.pk in index_of) == (True, False)


def test_vectors_of_another_encoder_are_not_read(shop):
    version = serve("two_tower", **QUICK)
    Encoder.objects.update(is_live=False)
    other = EncoderFactory(name="other", dimensions=DIMENSIONS)
    late = ProductFactory(title="Late", pictures=0, sizes=())
    ProductEmbeddingFactory(product=late, encoder=other, vector=vector_of(0, 1))
    assert place_new_products() == 0
    assert late.pk not in load_champion().index_of
    version.refresh_from_db()
    assert (version.extension, len(rows_of(version))) == ("", 12)


def test_challenger_previous_champion_and_parts_of_a_blend_are_kept_up_too(shop):
    old, part = serve("two_tower", **QUICK), train_version("content_knn")
    new = measured(train_version("transition_knn"))
    promote(version=new, actor="ann")
    challenger = train_version("popularity")
    ModelVersion.objects.filter(pk=challenger.pk).update(components=[part.name])
    set_challenger(version=challenger, actor="ann")
    idle = train_version("random")
    late = new_product("Late", vector_of(0, 1))
    place_new_products()
    for version in (old, new, challenger, part):
        version.refresh_from_db()
        assert version.extension != "", version.name
    idle.refresh_from_db()
    assert idle.extension == ""
    assert late.pk in rows_of(old)
    rollback(actor="ann")
    assert late.pk in load_champion().index_of


def test_a_model_that_cannot_take_new_products_goes_on_with_what_it_knows(shop, monkeypatch):
    version = serve("two_tower", **QUICK)
    late = new_product("Late", vector_of(0, 1))
    place_new_products()

    def refuse(self, content):
        raise ValueError("content: received another shape")

    scorer_class = type(load_scorer_of(version))
    monkeypatch.setattr(scorer_class, "extended", refuse)
    model = load_champion()
    assert late.pk not in model.index_of
    assert recommend(visitor=None).model == version.name
    assert load_champion() is model  # it is not tried again with every request


def load_scorer_of(version: ModelVersion):
    from fashionrec.common.artifacts import fetch_directory

    return load_scorer(fetch_directory(version.artifact_sha256))


def test_a_version_whose_files_are_lost_does_not_keep_the_others_back(shop, settings):
    lost, found = serve("popularity"), train_version("two_tower", **QUICK)
    set_challenger(version=found, actor="ann")
    ModelVersion.objects.filter(pk=lost.pk).update(artifact_sha256="1" * 64)
    late = new_product("Late", vector_of(0, 1))
    assert place_new_products() == 1
    assert late.pk in rows_of(found)
