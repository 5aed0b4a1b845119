"""The stream gives what a build in memory gives, and memory does not grow with the events."""

import tracemalloc
from datetime import timedelta

import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from catalog.models import Product
from feedback.models import Event
from personas.selectors import published_ratings
from recommender import dataset_stream
from recommender.datasets import (
    LIKES_FROM_INDEX,
    PERSONA_FADES_AT,
    PERSONA_LIKES_FROM,
    PERSONA_WEIGHT,
    Dataset,
    build_dataset,
)
from recommender.ml import mapped_arrays
from recommender.ml.dataset import EVENT_DTYPES, Interactions, kind_code
from recommender.ml.mapped_arrays import is_mapped
from recommender.ml.provenance import fade_synthetic
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.factories.personas import PersonaFactory, RatingFactory

pytestmark = pytest.mark.django_db
BEGAN = timezone.now() - timedelta(days=3)


def built_in_memory():
    """(interactions, user ids, count of events), from lists of all rows."""
    product_ids = list(Product.objects.visible().order_by("pk").values_list("pk", flat=True))
    rewards = {name: value for name, value in settings.FASHIONREC["REWARDS"].items() if value > 0}
    users, rows = {}, []
    for event in Event.objects.order_by("occurred_at", "pk").select_related("visitor"):
        stands = event.visitor.consented and event.retracted_by is None and event.type in rewards
        if stands and event.product_id in product_ids:
            user = users.setdefault(str(event.visitor_id), len(users))
            row = (user, event.product_id, event.occurred_at.timestamp(), rewards[event.type], False, event.type)
            rows.append(row)
    events = len(rows)
    for key, product_id, rating, distribution in published_ratings():
        if product_id in product_ids and rating >= PERSONA_LIKES_FROM:
            user = users.setdefault(f"persona:{key}", len(users))
            weight = PERSONA_WEIGHT * sum(distribution[LIKES_FROM_INDEX:])
            rows.append((user, product_id, 0.0, weight, True, "rating"))
    user, product, time, weight, synthetic, kind = zip(*rows, strict=True)
    interactions = Interactions.from_events(
        n_users=len(users),
        n_items=len(product_ids),
        user=user,
        item=[product_ids.index(pk) for pk in product],
        time=time,
        weight=weight,
        synthetic=synthetic,
        kind=[kind_code(name) for name in kind],
    )
    return fade_synthetic(interactions.deduplicated(), half=PERSONA_FADES_AT), list(users), events


@pytest.fixture
def shop():
    """Events in disorder: repeats, equal times, hidden products, refusals, retractions and types that earn nothing."""
    generator = np.random.default_rng(5)
    products = [*ProductFactory.create_batch(5), ProductFactory(status="draft"), None]
    visitors = [VisitorFactory(consented=consented) for consented in (True, True, True, True, False, True)]
    types = ["view", "click", "like", "purchase", "dislike", "basket_add"]
    for number in range(90):
        EventFactory(
            visitor=visitors[int(generator.integers(len(visitors)))],
            product=products[int(generator.integers(len(products)))],
            type=types[int(generator.integers(len(types)))],
            occurred_at=BEGAN + timedelta(seconds=int(generator.integers(30)), microseconds=123_457),
            retracted_by=VisitorFactory.build().pk if number % 20 == 0 else None,
        )
    hidden_only = VisitorFactory(consented=True)
    EventFactory(visitor=hidden_only, product=products[5], type="like", occurred_at=BEGAN - timedelta(days=1))
    for key in ("ada", "bea"):
        persona = PersonaFactory(key=key)
        for product in products[:5]:
            RatingFactory(persona=persona, product=product, expectation=float(generator.uniform(5, 10)))


@pytest.mark.parametrize("block_rows", [1, 3, 65_536])
def test_blocks_of_any_size_give_what_a_build_in_memory_gives(shop, monkeypatch, block_rows):
    monkeypatch.setattr(dataset_stream, "BLOCK_ROWS", block_rows)
    monkeypatch.setattr(mapped_arrays, "BLOCK_BYTES", 8 * block_rows)
    dataset = build_dataset()
    expected, user_ids, events = built_in_memory()
    assert dataset.user_ids == user_ids
    assert (dataset.window["events"], dataset.window["interactions"]) == (events, len(expected.user))
    assert events > len(expected.user) > 15
    for name in EVENT_DTYPES:
        np.testing.assert_array_equal(getattr(dataset.interactions, name), getattr(expected, name), err_msg=name)
    human = dataset.interactions.time[~dataset.interactions.synthetic]
    assert dataset.window["first"] == (BEGAN.fromtimestamp(human.min(), tz=BEGAN.tzinfo)).isoformat()


def test_the_arrays_lie_in_files_that_are_gone_with_the_dataset_or_stay_where_they_were_asked_for(shop, tmp_path):
    assert all(is_mapped(getattr(build_dataset().interactions, name)) for name in EVENT_DTYPES)
    dataset = build_dataset(tmp_path / "columns")
    assert sorted(path.stem for path in (tmp_path / "columns").iterdir()) == sorted(EVENT_DTYPES)
    assert (tmp_path / "columns" / "item.column").stat().st_size == dataset.interactions.item.nbytes


def test_a_loaded_snapshot_stays_in_its_file(shop, tmp_path):
    build_dataset().save(tmp_path / "dataset.safetensors")
    assert is_mapped(Dataset.load(tmp_path / "dataset.safetensors").interactions.item)


def test_a_shop_in_which_no_event_earns_anything_has_only_what_personas_like(shop, settings):
    settings.FASHIONREC = {**settings.FASHIONREC, "REWARDS": {"view": 0.0}}
    dataset = build_dataset()
    assert dataset.window["events"] == 0
    assert {name.partition(":")[0] for name in dataset.user_ids} == {"persona"}


def test_memory_does_not_grow_with_the_events(monkeypatch):
    monkeypatch.setattr(dataset_stream, "BLOCK_ROWS", 1_000)
    monkeypatch.setattr(mapped_arrays, "BLOCK_BYTES", 8_000)
    ProductFactory.create_batch(100)
    VisitorFactory.create_batch(200, consented=True)
    peaks = []  # with lists of all rows they were 6 MB apart
    for first, last in ((0, 10), (10, 100)):  # 2,000 interactions, then 20,000
        _take_products(first, last)
        tracemalloc.start()
        dataset = build_dataset()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert dataset.window["interactions"] == 20_000
    assert peaks[1] - peaks[0] < 100_000, peaks


def _take_products(first, last):
    """Every visitor looks at the products of these places."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO feedback_event
                (event_id, type, visitor_id, product_id, query, occurred_at, received_at, provenance)
            SELECT gen_random_uuid(), 'view', visitor.id, product.id, '', now() - random() * interval '1 day', now(), ''
            FROM feedback_visitor visitor,
                (SELECT id FROM catalog_product ORDER BY id OFFSET %s LIMIT %s) product
            """,
            [first, last - first],
        )
