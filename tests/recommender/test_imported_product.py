"""The whole way of a new product: import, beat's tasks, the champion's candidates. Nothing is trained."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from catalog.embedding_jobs import registered_encoder, work_embedding_run
from catalog.models import EmbeddingRun, Product
from catalog.services.embeddings import plan_embedding_run
from catalog.tasks import embed_dirty
from fashionrec.common.queue import without_ringing
from feedback.selectors import shopper_state
from recommender.models import ItemVector, TrainingRun
from recommender.serving import champion
from recommender.serving.candidates import from_model
from recommender.serving.champion import load_champion
from recommender.serving.context import Context
from recommender.tasks import place_new_products
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.recommender.training import serve

pytestmark = pytest.mark.django_db
QUICK = {"epochs": 6, "embedding_size": 16, "batch_size": 20, "content_components": 8}


@pytest.fixture
def shop():
    """Products that the shop's own encoder has read, and shoppers who walk along them."""
    encoder = registered_encoder("compact")
    products = [ProductFactory(title=f"Red silk dress {n}", pictures=0, sizes=()) for n in range(6)]
    work_embedding_run(str(plan_embedding_run(encoder=encoder).pk))
    for shopper in range(12):
        visitor = VisitorFactory(consented=True)
        for step in range(4):
            moment = timezone.now() - timedelta(hours=shopper + 1, minutes=-step)
            product = products[(shopper + step) % 6]
            EventFactory(visitor=visitor, type="click", product=product, occurred_at=moment)
    return products


def test_what_is_imported_after_training_is_a_candidate_after_two_turns_of_beat(shop, tmp_path: Path) -> None:
    champion._loaded.clear()
    with without_ringing():
        version = serve("two_tower", **QUICK)
        assert load_champion().scorer.n_items == 6
        file = tmp_path / "new.csv"
        file.write_text("external_id,title,description,price,currency\nhat-1,Straw hat,Light and wide,39.00,EUR\n")
        call_command("import_catalog", str(file), "--format", "csv", "--source", "late", verbosity=0)
        hat = Product.objects.get(source="late")
        embed_dirty()
        work_embedding_run(str(EmbeddingRun.objects.get(state="queued").pk))
        place_new_products()
    assert ItemVector.objects.filter(version=version, product=hat).count() == 1
    visitor = VisitorFactory(consented=True)
    EventFactory(visitor=visitor, type="like", product=hat)
    state = shopper_state(visitor)
    assert len(load_champion().history(state)) == 1  # who liked nothing but the hat is understood
    context = Context(placement="home", n=12, shopper=state, product=None, category=None, exclude=frozenset(), model="")
    (candidates,) = from_model(context, load_champion())
    assert sorted(candidates.products) == sorted([hat.pk, *(product.pk for product in shop)])
    assert TrainingRun.objects.count() == 1
