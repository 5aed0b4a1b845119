import uuid
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from feedback.models import Event, Slate
from personas.models import LanguageModel, Persona, PromptTemplate, Rating, RatingRun
from tests.factories.catalog import CategoryFactory, ProductEmbeddingFactory, ProductFactory

pytestmark = pytest.mark.django_db


def show(client, product, **query):
    return client.get(f"/products/{product.public_id}/", query)


def text(response) -> str:
    return " ".join(response.content.decode().split())


def rate(
    product, expectations: list[float], *, simulated: bool, published: bool = True, model_name: str = "model"
) -> None:
    """One persona for each expectation; all of its belief lies on the rating nearest to it."""
    model, _ = LanguageModel.objects.get_or_create(
        name=model_name, adapter="a.b", is_simulator=simulated, is_demonstration=model_name == "compact"
    )
    template, _ = PromptTemplate.objects.get_or_create(name="t", version=1, prefix="p", suffix="s", sha256="0" * 64)
    run = RatingRun.objects.create(
        language_model=model, template=template, published_at="2026-01-01T00:00Z" if published else None
    )
    for number, expectation in enumerate(expectations):
        persona, _ = Persona.objects.get_or_create(
            key=f"persona-{number}",
            defaults={"name": f"Noor {number}", "likes": ["linen"], "dislikes": ["wool"], "seed": 1},
        )
        probabilities = [0.0] * 11
        probabilities[round(expectation)] = 1.0
        Rating.objects.create(
            run=run,
            persona=persona,
            product=product,
            probabilities=probabilities,
            expectation=expectation,
            simulated=simulated,
        )


@pytest.mark.parametrize(
    ("offer", "said", "unsaid"),
    [
        ({"price": Decimal("1249.5")}, "€1,249.50", "Price on request"),
        ({"price": Decimal(60), "compare_at_price": Decimal(80)}, "<del>€80.00</del>", "Price on request"),
        ({"price": None}, "Price on request", "€"),
        ({"price": Decimal(999), "currency": "INR"}, "₹999", "₹999.00"),
        ({"price": Decimal(10), "currency": "CHF"}, "10.00 CHF", "€"),
    ],
)
def test_the_price_is_said_as_a_shop_would(client, offer, said, unsaid):
    html = text(show(client, ProductFactory(**offer)))
    assert said in html
    assert unsaid not in html


def test_sizes_say_which_are_sold_out(client):
    product = ProductFactory(sizes=("S", "M"))
    product.variants.filter(size="M").update(stock=0)
    html = text(show(client, product))
    assert '<li class="size">S</li>' in html
    assert '<li class="size size--gone">M<span class="visually-hidden"> (sold out)</span></li>' in html
    assert "Sold out for now" not in html


def test_an_untracked_stock_is_not_sold_out(client):
    product = ProductFactory()
    product.variants.update(stock=None)
    assert "size--gone" not in text(show(client, product))


def test_attributes_and_words_are_escaped(client):
    product = ProductFactory(
        title="<b>Coat</b>",
        description="<script>alert(1)</script>",
        attributes={"care": ["wash", "<i>dry</i>"], "eco": True},
    )
    html = text(show(client, product))
    assert "&lt;b&gt;Coat&lt;/b&gt;" in html
    assert "<script>alert" not in html
    assert "<dt>Care</dt><dd>Wash, &lt;i&gt;dry&lt;/i&gt;</dd>" in html
    assert "<dt>Eco</dt><dd>Yes</dd>" in html


def test_several_pictures_make_a_gallery_with_thumbnails(client):
    html = text(show(client, ProductFactory(pictures=3)))
    assert html.count('<li id="picture-') == 3
    assert html.count('href="#picture-') == 3


def test_a_product_without_pictures_brand_category_or_sizes_still_has_a_page(client):
    product = ProductFactory(
        pictures=0,
        sizes=(),
        brand=None,
        category=None,
        description="",
        colour="",
        material="",
        gender="",
        attributes={},
    )
    response = show(client, product)
    assert response.status_code == 200
    assert "No picture yet" in text(response)


def test_breadcrumbs_lead_up_the_category_tree(client):
    dresses = CategoryFactory(name="Dresses", parent=CategoryFactory(name="Women"))
    response = show(client, ProductFactory(category=dresses))
    assert response.context["crumbs"] == [
        ("Women", "/browse/?category=Women"),
        ("Dresses", "/browse/?category=Women+%3E+Dresses"),
    ]
    assert client.get(response.context["crumbs"][1][1]).status_code == 200


def test_the_nearest_products_come_first_with_a_true_reason(client):
    def product_at(title: str, *vector: float):
        embedding = ProductEmbeddingFactory(product=ProductFactory(title=title), vector=[*vector, 0, 0, 0, 0, 0, 0])
        return embedding.product

    shown = product_at("Shown", 1, 0)
    product_at("Far", 0, 1)
    product_at("Near", 0.96, 0.28)
    response = show(client, shown)
    assert [item.product.title for item in response.context["similar"].items] == ["Near", "Far"]
    assert "Looks like Shown" in text(response)


@pytest.mark.parametrize(
    "public_id", ["shop:unknown", "nonsense", ":", "shop:", "a" * 5_000, "shop:%00", "%F0%9F%92%A9"]
)
def test_an_unknown_product_is_a_friendly_404(client, public_id):
    response = client.get(f"/products/{public_id}/")
    assert response.status_code == 404
    assert "We could not find that" in text(response)


def test_a_public_id_may_hold_a_slash(client):
    assert show(client, ProductFactory(external_id="a/b c")).status_code == 200


@pytest.mark.parametrize("status", ["archived", "draft"])
def test_what_is_not_active_is_not_there(client, status):
    assert show(client, ProductFactory(status=status)).status_code == 404


def test_looking_is_recorded_only_for_those_who_agreed(client):
    product, slate = ProductFactory(), str(uuid.uuid4())
    show(client, product, slate=slate, position=2)
    client.post("/privacy/consent/", {"answer": "refuse"})
    show(client, product, slate=slate, position=2)
    assert Event.objects.count() == 0
    client.post("/privacy/consent/", {"answer": "accept"})
    show(client, product, slate=slate, position=2)
    assert list(Event.objects.values_list("type", "product", "position")) == [
        ("click", product.pk, 2),
        ("view", product.pk, None),
    ]
    assert str(Event.objects.get(type="click").slate) == slate


def test_a_reloaded_page_is_another_view_but_the_same_click(client):
    product, slate = ProductFactory(), str(uuid.uuid4())
    client.post("/privacy/consent/", {"answer": "accept"})
    for _ in range(2):
        show(client, product, slate=slate, position=0)
    show(client, product, slate=slate, position=1)
    assert Event.objects.filter(type="click").count() == 2
    assert Event.objects.filter(type="view").count() == 3


@pytest.mark.parametrize("query", [{"slate": "x", "position": "1"}, {"slate": str(uuid.uuid4()), "position": "-5"}])
def test_a_mangled_slate_is_no_click_but_the_product_is_shown(client, query):
    client.post("/privacy/consent/", {"answer": "accept"})
    assert show(client, ProductFactory(), **query).status_code == 200
    assert list(Event.objects.values_list("type", flat=True)) == ["view"]


def test_a_slate_is_tied_to_the_visitor_only_with_consent(client):
    product = ProductFactory()
    client.post("/react/", {"product": product.public_id, "reaction": "like"})
    show(client, product)
    assert Slate.objects.filter(visitor=None, placement="similar").count() == 1
    client.post("/privacy/consent/", {"answer": "accept"})
    show(client, product)
    assert Slate.objects.exclude(visitor=None).filter(placement="similar").count() == 1


def test_the_look_is_completed_from_other_shelves_and_repeats_nothing(client):
    clothing = CategoryFactory(name="Clothing", parent=CategoryFactory(name="Women"))
    dress, other = (ProductFactory(category=CategoryFactory(name="Dresses", parent=clothing)) for _ in range(2))
    bag = ProductFactory(title="Straw bag", category=CategoryFactory(name="Bags"))
    response = show(client, dress)
    assert [item.product for item in response.context["look"].items] == [bag]
    assert response.context["look_reason"] == f"Goes with {dress.title}"
    assert "Complete the look" in text(response)
    assert other.pk in {item.product.pk for item in response.context["similar"].items}


def test_simulated_ratings_are_labelled_and_never_mixed_with_others(client):
    product = ProductFactory()
    rate(product, [8.0, 4.0], simulated=True, model_name="simulator")
    rate(product, [9.0], simulated=False)
    response = show(client, product)
    verdicts = response.context["verdicts"]
    assert [(v.simulated, v.count, v.mean) for v in verdicts] == [(False, 1, 9.0), (True, 2, 6.0)]
    assert text(response).count('<p class="label">simulated</p>') == 1


def test_ratings_of_the_small_model_say_that_it_is_the_small_model(client):
    product = ProductFactory()
    rate(product, [9.0], simulated=False, model_name="compact")
    rate(product, [5.0], simulated=False, model_name="large")
    page = text(show(client, product))
    assert page.count('<p class="label">small demonstration model</p>') == 1
    assert "Said by compact, the small language model that comes with this shop for demonstration." in page
    assert "Said by personas that the language model large speaks for, not by people." in page


def test_the_chart_shows_the_share_of_each_rating(client):
    product = ProductFactory()
    rate(product, [8.0, 8.0, 8.0, 4.0], simulated=True)
    response = show(client, product)
    bars = response.context["verdicts"][0].bars
    assert [bar.label for bar in bars] == ["−1", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]
    assert [bar.share for bar in bars] == [0, 0, 0, 0, 0.25, 0, 0, 0, 0.75, 0, 0]
    assert (bars[8].height, bars[8].y, bars[4].height) == (88.0, 4.0, 29.3)
    assert "4: 25 %, 5: 0 %, 6: 0 %, 7: 0 %, 8: 75 %" in text(response)


def test_unpublished_ratings_are_not_shown(client):
    product = ProductFactory()
    rate(product, [8.0], simulated=False, published=False)
    response = show(client, product)
    assert response.context["verdicts"] == []
    assert "What our personas say" not in text(response)


def test_the_number_of_queries_does_not_depend_on_what_is_shown(client):
    product = ProductFactory()
    show(client, product)
    with CaptureQueriesContext(connection) as few:
        show(client, product)
    ProductFactory.create_batch(10, pictures=2)
    rate(product, [8.0, 4.0], simulated=True)
    with CaptureQueriesContext(connection) as many:
        show(client, product)
    # Cards bring one query for their pictures; everything else was asked before.
    assert len(many) <= len(few) + 2
    assert len(many) <= 24
