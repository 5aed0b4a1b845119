"""What shoppers stated: whose words count, and that training and serving read the same vectors."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from catalog.ml.encoder import encoder_directory
from catalog.ml.text_encoder import OnnxTextEncoder
from catalog.models import Encoder
from feedback.models import Visitor
from feedback.selectors import ShopperState, shopper_state
from recommender import stated_preferences
from recommender.datasets import build_dataset
from recommender.models import ModelKind
from recommender.serving import champion, recommend
from recommender.stated_preferences import encode_statements, encoder_called, persona_text, stated_vector
from tests.factories.catalog import EncoderFactory, ProductEmbeddingFactory, ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.factories.personas import PersonaFactory, RatingFactory
from tests.recommender.training import serve

pytestmark = pytest.mark.django_db
WORDS = "navy linen shirts"


@pytest.fixture(scope="module")
def tower() -> OnnxTextEncoder:
    return OnnxTextEncoder(encoder_directory("compact"))


@pytest.fixture
def live(tower: OnnxTextEncoder) -> Encoder:
    """The shipped encoder, live; what earlier tests encoded is forgotten."""
    stated_preferences._encoded.cache_clear()
    stated_preferences._text_of_persona.cache_clear()
    return EncoderFactory(name="compact", digest=tower.digest, dimensions=tower.dimensions, is_live=True)


def shopper(**fields: object) -> Visitor:
    visitor = VisitorFactory(**{"consented": True, **fields})
    EventFactory(visitor=visitor, type="click", product=ProductFactory(pictures=0, sizes=()))
    return visitor


def test_own_words_come_before_those_of_the_persona_and_need_consent_to_be_learned_from(live, tower):
    ada = PersonaFactory(key="ada")
    RatingFactory(persona=ada, product=ProductFactory(), expectation=9.0)
    telling, like_ada = shopper(preferences=WORDS, persona="ada"), shopper(persona="ada")
    silent, like_nobody = shopper(), shopper(persona="gone")
    shopper(preferences="red", consented=False)
    dataset = build_dataset()
    features = dict(zip(dataset.user_ids, dataset.interactions.user_features, strict=True))
    words, persona = tower.encode_texts([WORDS, persona_text(ada)])
    assert set(features) == {"persona:ada", *(str(v.pk) for v in (telling, like_ada, silent, like_nobody))}
    np.testing.assert_allclose(features[str(telling.pk)], words, atol=1e-6)
    np.testing.assert_allclose(features[str(like_ada.pk)], persona, atol=1e-6)
    np.testing.assert_allclose(features["persona:ada"], persona, atol=1e-6)
    assert not features[str(silent.pk)].any()
    assert not features[str(like_nobody.pk)].any()
    for visitor in (telling, like_ada, silent, like_nobody):
        served = stated_vector(shopper_state(visitor), encoder=live)
        trained = features[str(visitor.pk)]
        np.testing.assert_array_equal(np.zeros_like(trained) if served is None else served, trained)


def test_without_words_or_a_text_tower_there_are_no_features(live):
    shopper()
    assert build_dataset().interactions.user_features.shape == (1, 0)
    elsewhere = EncoderFactory(name="nowhere", is_live=False)
    assert encode_statements([WORDS, ""], encoder=elsewhere).shape == (2, 0)
    assert encode_statements([WORDS], encoder=None).shape == (1, 0)
    assert stated_vector(ShopperState(preferences=WORDS), encoder=elsewhere) is None
    assert stated_vector(ShopperState(preferences=WORDS), encoder=None) is None


def test_serving_encodes_words_once_and_asks_for_a_persona_once(live, django_assert_num_queries):
    PersonaFactory(key="ada")
    states = [ShopperState(preferences=WORDS), ShopperState(persona="ada"), ShopperState()]
    first = [stated_vector(state, encoder=live) for state in states]
    with django_assert_num_queries(0):
        again = [stated_vector(state, encoder=live) for state in states]
    assert first[0] is again[0]
    assert first[1] is again[1]
    assert first[2] is again[2] is None


def test_words_that_could_not_be_encoded_are_tried_again(live, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(stated_preferences, "encode_queries", lambda texts, *, encoder: None)
        assert stated_vector(ShopperState(preferences=WORDS), encoder=live) is None
    assert stated_vector(ShopperState(preferences=WORDS), encoder=live) is not None


def test_an_encoder_is_found_by_what_a_dataset_calls_it(live):
    assert encoder_called(build_dataset().window["encoder"]) == live
    assert encoder_called("compact (512-d, gone)") is None
    assert encoder_called(None) is None


def test_a_newcomer_who_said_what_they_like_gets_a_ranking_of_their_own(live, tower):
    """Those who say "navy linen shirt" take such shirts, those who say "red wool dress" such dresses."""
    said = ("navy linen shirt", "red wool dress")
    groups = [[ProductFactory(title=f"{words} {n}", pictures=0, sizes=()) for n in range(6)] for words in said]
    for group in groups:
        for product in group:
            ProductEmbeddingFactory(product=product, encoder=live, vector=tower.encode_texts([product.title])[0])
    began = timezone.now() - timedelta(days=1)
    for index in range(40):
        visitor = VisitorFactory(consented=True, preferences=said[index % 2])
        for step in range(4):
            EventFactory(
                visitor=visitor,
                type="click",
                product=groups[index % 2][(index // 2 + step) % 6],
                occurred_at=began + timedelta(minutes=5 * index + step),
            )
    serve(ModelKind.TWO_TOWER, epochs=15, embedding_size=16, batch_size=8)
    model = champion.load_champion()
    assert model is not None
    for group, words in zip(groups, said, strict=True):
        scores = model.scorer.score_one(model.history(ShopperState(preferences=words)))
        best = {int(model.product_ids[index]) for index in scores.argsort()[-4:]}
        assert best <= {product.pk for product in group}
    newcomer = VisitorFactory(preferences=said[0])
    slate = recommend(visitor=newcomer, n=4, log=False)
    assert slate.model.startswith("two_tower")
