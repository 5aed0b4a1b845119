"""Trainings that begin with the weights of an earlier version: what they take over, and what they refuse."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.models import Encoder
from fashionrec.common.errors import Invalid
from fashionrec.common.queue import without_ringing
from recommender.jobs import work_training_run
from recommender.models import ModelVersion, TrainingRun
from recommender.services.training import can_continue, start_training
from tests.factories.catalog import EncoderFactory, ProductEmbeddingFactory, ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.recommender.training import train_version

pytestmark = pytest.mark.django_db
CONFIG = {"epochs": 12, "embedding_size": 16, "batch_size": 40, "content_components": 8}


@pytest.fixture
def shop():
    """Shoppers walk along a circle of products with content vectors."""
    encoder = EncoderFactory(dimensions=8)
    products = ProductFactory.create_batch(12, pictures=0, sizes=())
    for number, product in enumerate(products):
        vector = [0.6 * (number % 8 == place) + 0.3 for place in range(8)]
        length = sum(value * value for value in vector) ** 0.5
        ProductEmbeddingFactory(product=product, encoder=encoder, vector=[value / length for value in vector])
    began = timezone.now() - timedelta(days=2)
    for shopper in range(30):
        visitor = VisitorFactory(consented=True)
        for step in range(6):
            EventFactory(
                visitor=visitor,
                type="click",
                product=products[(shopper * 5 + step) % 12],
                occurred_at=began + timedelta(minutes=10 * shopper + step),
            )
    return products


def trained(**options) -> ModelVersion:
    with without_ringing():
        run = start_training(kind="two_tower", **options)
    work_training_run(str(run.pk))
    return ModelVersion.objects.get(run=run)


def losses(version: ModelVersion) -> list[float]:
    return list(version.run.epochs.order_by("epoch").values_list("loss", flat=True))


def test_continuing_starts_from_a_lower_loss_than_from_scratch(shop):
    first = trained(config=CONFIG, seed=1)
    assert can_continue(first)
    late = ProductFactory(pictures=0, sizes=())
    EventFactory(visitor=VisitorFactory(consented=True), type="like", product=late)
    again = trained(continue_from=first, seed=2, config={"epochs": 3})
    scratch = trained(config=CONFIG | {"epochs": 3}, seed=2)
    assert (again.parent, scratch.parent) == (first, None)
    assert again.row_counts["products"] == 13
    assert losses(again)[0] < 0.8 * losses(scratch)[0]
    assert losses(again)[-1] < losses(scratch)[-1]


def test_it_takes_the_earlier_parameters_and_a_quarter_of_the_epochs(shop):
    first = trained(config=CONFIG, seed=1)
    again = trained(continue_from=first, seed=2)
    assert again.parameters == first.parameters | {"epochs": 6, "seed": 2}  # of the 25 that are usual
    assert len(losses(again)) == 6
    assert trained(continue_from=first, seed=2).artifact_sha256 == again.artifact_sha256


def test_a_version_of_another_kind_without_weights_or_of_another_encoder_is_refused(shop):
    counted = train_version("popularity")
    with pytest.raises(Invalid, match="continue_from: this is no two_tower"):
        start_training(kind="two_tower", continue_from=counted)
    with pytest.raises(Invalid, match="continue_from: its artifact holds no weights to begin with"):
        start_training(kind="popularity", continue_from=counted)
    assert TrainingRun.objects.count() == 1
    first = trained(config=CONFIG)
    Encoder.objects.update(name="other")
    with pytest.raises(ValueError, match="reads vectors of compact .* the shop has those of other"):
        trained(continue_from=first)
    assert TrainingRun.objects.get(continue_from=first).state == "failed"
