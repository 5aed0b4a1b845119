"""Styles in a slate: what the page looks like, what the log keeps, and that they cost no query."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Product, StyleCluster, StylePlacement
from feedback.models import Slate
from recommender.serving import recommend
from recommender.serving.diversify import OnShelf
from recommender.serving.replay import replay
from tests.factories.catalog import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    """Twelve products unlike in category, brand and colour: the newest six look alike, the others each by itself."""
    products = [
        ProductFactory(
            category=CategoryFactory(name=f"Kind {n}"), brand=BrandFactory(name=f"Maker {n}"), colour=f"shade {n}",
            sizes=(), pictures=0,
        )
        for n in range(12)
    ]  # fmt: skip
    alike = StyleCluster.objects.create(name="Alike")
    for number, product in enumerate(products):
        style = alike if number >= 6 else StyleCluster.objects.create(name=f"Alone {number}")
        StylePlacement.objects.create(product=product, cluster=style)
    return products


def shown_styles(n: int = 6) -> list[str]:
    slate = recommend(visitor=None, n=n)
    return [item.product.placement.cluster.name for item in slate.items]


def test_a_page_of_one_style_becomes_more_varied(shop):
    varied = shown_styles()
    assert varied.count("Alike") == 4
    assert len(set(varied)) == 3
    StylePlacement.objects.update(cluster=None)  # then nothing says that the newest look alike, and they fill the page
    assert [item.product for item in recommend(visitor=None, n=6).items] == shop[:5:-1]


def test_the_log_keeps_the_style_and_replays_after_a_clustering_changed_it(shop):
    slate = Slate.objects.get(pk=recommend(visitor=None, n=6).slate_id)
    (stage,) = slate.context["stages"]
    assert {len(row) for row in stage["head"]} == {6}
    assert set(map(str, StyleCluster.objects.values_list("pk", flat=True))) == {row[5] for row in stage["head"]}
    StylePlacement.objects.update(cluster=None)
    assert replay(Slate.objects.get(pk=slate.pk)) == slate.products
    # A slate from before there were styles has none in its log.
    stage["head"] = [row[:5] for row in stage["head"]]
    assert replay(slate)


def test_styles_cost_no_query(shop):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            recommend(visitor=None, n=6)
        return len(captured)

    recommend(visitor=None, n=6)  # fills the cache of trending products
    with_styles = queries()
    StylePlacement.objects.all().delete()
    assert queries() == with_styles
    assert OnShelf.of(Product.objects.get(pk=shop[0].pk)).style_id is None
