import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from feedback.models import Slate, Visitor
from tests.factories.catalog import BrandFactory, CategoryFactory, ProductFactory
from tests.factories.feedback import EventFactory

pytestmark = pytest.mark.django_db
HOME = "/"


@pytest.fixture(autouse=True)
def nothing_trends_from_before():
    cache.clear()


def like(client, product):
    client.post("/react/", {"product": product.public_id, "reaction": "like"})


def recommended(response) -> list[str]:
    return [item.product.title for item in response.context["front"].recommended.items]


def test_an_empty_shop_says_what_to_do(client):
    html = client.get(HOME).content.decode()
    assert "The shop has no products yet" in html
    assert "make demo" in html
    assert "import_catalog" in html


def test_a_stranger_gets_products_at_once_and_leaves_no_trace_but_an_anonymous_slate(client):
    ProductFactory.create_batch(3)
    response = client.get(HOME)
    assert len(recommended(response)) == 3
    assert "fashionrec_visitor" not in response.cookies
    assert Visitor.objects.count() == 0
    assert list(Slate.objects.values_list("placement", "visitor")) == [("home", None)]


def test_without_a_model_the_page_says_so_and_the_about_page_says_what_to_do(client):
    ProductFactory()
    assert "No trained model serves this shop yet" in client.get(HOME).content.decode()
    about = client.get(reverse("storefront:about")).content.decode()
    assert "No model has been promoted yet" in about
    assert "make demo" in about


def test_what_is_popular_comes_before_what_is_only_new(client):
    popular = ProductFactory(title="Popular")
    ProductFactory.create_batch(3)
    EventFactory.create_batch(5, type="like", product=popular, visitor__consented=True)
    response = client.get(HOME)
    assert recommended(response)[0] == "Popular"
    assert "Popular right now" in response.content.decode()


def test_a_like_brings_similar_products_up_with_its_reason(client):
    coats, shirts = CategoryFactory(name="Coats"), CategoryFactory(name="Shirts")
    liked = ProductFactory(title="Camel coat", category=coats)
    like_it = [ProductFactory(title=f"Coat {n}", category=coats) for n in range(2)]
    ProductFactory.create_batch(20, category=shirts)
    before = client.get(HOME)
    assert not {product.title for product in like_it} & set(recommended(before)[:2])
    like(client, liked)
    after = client.get(HOME)
    assert set(recommended(after)[:2]) == {product.title for product in like_it}
    reasons = {item.product.title: item.reason for item in after.context["front"].recommended.items}
    assert reasons["Coat 0"] == "Because you liked Camel coat"
    assert "Recommended for you" in after.content.decode()


def test_more_like_the_latest_like_stands_in_a_row_of_its_own_and_repeats_nothing(client):
    coats = CategoryFactory(name="Coats")
    liked = ProductFactory(title="Camel coat", category=coats)
    ProductFactory.create_batch(24, category=coats)
    like(client, liked)
    front = client.get(HOME).context["front"]
    assert front.liked == liked
    assert len(front.because.items) == 4
    shown = [item.product.pk for item in (*front.recommended.items, *front.because.items)]
    shown += [product.pk for product in front.new]
    assert len(shown) == len(set(shown))
    assert liked.pk not in shown


def test_what_was_hidden_is_not_shown_again(client):
    products = ProductFactory.create_batch(13)
    client.post("/react/", {"product": products[0].public_id, "reaction": "hide"})
    response = client.get(HOME)
    assert set(recommended(response)) == {product.title for product in products[1:]}
    client.get("/")  # the message about hiding is said once
    assert products[0].public_id not in client.get(HOME).content.decode()


def test_the_fullest_categories_are_tiles_with_their_department_and_count(client):
    women, men = CategoryFactory(name="Women"), CategoryFactory(name="Men")
    ProductFactory.create_batch(3, category=CategoryFactory(name="Shirts", parent=women))
    ProductFactory.create_batch(2, category=CategoryFactory(name="Shirts", parent=men))
    ProductFactory(category=CategoryFactory(name="Coats", parent=men), status="archived")
    tiles = client.get(HOME).context["front"].tiles
    assert [(tile.root, tile.category.name, tile.count) for tile in tiles] == [
        ("Women", "Shirts", 3),
        ("Men", "Shirts", 2),
    ]


def test_departments_come_in_the_order_of_a_shop_and_only_with_something_to_show(client):
    for name in ("Accessories", "Boys", "Men", "Women"):
        ProductFactory(category=CategoryFactory(name="Belts", parent=CategoryFactory(name=name)))
    CategoryFactory(name="Archive", parent=CategoryFactory(name="Girls"))
    ProductFactory(category=CategoryFactory(name="Apparel"), status="archived")
    assert [d.name for d in client.get(HOME).context["shop"].departments] == ["Women", "Men", "Boys", "Accessories"]


def test_a_reason_that_all_recommendations_share_is_said_once(client):
    ProductFactory.create_batch(3)
    assert client.get(HOME).content.decode().count("New in the shop") == 1


def test_a_brand_is_not_said_twice_on_a_card(client):
    ProductFactory(title="Vale linen dress", brand=BrandFactory(name="Vale"))
    html = client.get(HOME).content.decode()
    assert ">Linen dress</a>" in html
    assert ">Vale linen dress</a>" not in html


def test_cards_lead_to_the_product_with_their_place_in_the_slate(client):
    product = ProductFactory()
    html = client.get(HOME).content.decode()
    assert f"/products/{product.public_id}/?slate={Slate.objects.get().pk}&amp;position=0" in html


def test_the_number_of_queries_does_not_grow_with_the_catalogue(client):
    like(client, ProductFactory())
    ProductFactory.create_batch(4)
    client.get(HOME)
    with CaptureQueriesContext(connection) as few:
        client.get(HOME)
    for number in range(5):
        ProductFactory.create_batch(6, category=CategoryFactory(name=f"Category {number}"), pictures=2)
    with CaptureQueriesContext(connection) as many:
        client.get(HOME)
    assert len(many) <= len(few) + 2, "\n".join(query["sql"] for query in many.captured_queries)
