"""Writing single products, brands and categories."""

from dataclasses import replace
from decimal import Decimal

import pytest

from catalog.models import Brand, Category, Product, Variant
from catalog.offers import Offer, best_offer
from catalog.product_data import ProductData, VariantData
from catalog.selectors import product_as_data
from catalog.services.products import archive_product, refresh_offers, save_product, set_status
from catalog.services.taxonomy import brands_by_name, categories_by_path, save_brand, save_category
from fashionrec.common.errors import Invalid
from tests.factories.catalog import ProductFactory, VariantFactory

DRESS = ProductData(
    external_id="d1",
    title="Dress",
    brand="Aster",
    category="Women > Dresses",
    variants=(VariantData("d1-S", price=Decimal("30.00"), currency="EUR", stock=1),),
)


def variant(price: str | None, stock: int | None, compare: str | None = None) -> VariantData:
    return VariantData(
        "x",
        price=None if price is None else Decimal(price),
        compare_at_price=None if compare is None else Decimal(compare),
        currency="EUR",
        stock=stock,
    )


def test_the_offer_is_the_cheapest_variant_that_can_be_bought() -> None:
    assert best_offer([variant("10", 0), variant("30", 2, "40"), variant("20", None)]) == Offer(
        Decimal(20), None, "EUR", True
    )
    assert best_offer([variant("10", 0), variant("30", 0)]) == Offer(Decimal(10), None, "EUR", False)
    assert best_offer([variant(None, 3)]) == Offer(None, None, "", True)
    assert best_offer([]) == Offer(None, None, "", True)


@pytest.mark.django_db
def test_saving_says_whether_something_was_created_updated_or_unchanged() -> None:
    product, outcome = save_product(source="shop", data=DRESS)
    assert (outcome, product.public_id, product.price, product.content_version) == ("created", "shop:d1", 30, 1)
    same, outcome = save_product(source="shop", data=DRESS)
    assert (outcome, same.pk) == ("unchanged", product.pk)
    red, outcome = save_product(source="shop", data=replace(DRESS, colour="Red"))
    assert (outcome, red.pk, red.colour, red.content_version) == ("updated", product.pk, "red", 2)
    stored = Product.objects.get()
    assert (stored.colour, stored.content_version, stored.created_at) == ("red", 2, red.created_at)
    assert stored.updated_at > product.updated_at


@pytest.mark.django_db
def test_a_refused_product_leaves_the_stored_one_as_it_was() -> None:
    save_product(source="shop", data=DRESS)
    before = Product.objects.values().get(), Variant.objects.values().get()
    with pytest.raises(Invalid) as raised:
        save_product(source="shop", data=replace(DRESS, title="", variants=()))
    assert [(field.field, field.reason) for field in raised.value.fields] == [("title", "is missing")]
    with pytest.raises(Invalid, match="source"):
        save_product(source="no/such", data=DRESS)
    assert (Product.objects.values().get(), Variant.objects.values().get()) == before


@pytest.mark.django_db
def test_a_stored_product_read_as_data_saves_unchanged() -> None:
    product, _ = save_product(source="shop", data=DRESS)
    _, outcome = save_product(source="shop", data=product_as_data(product))
    assert outcome == "unchanged"
    assert product_as_data(product) == replace(DRESS, status="active")


@pytest.mark.django_db
def test_variants_that_are_no_longer_listed_go_and_the_offer_follows() -> None:
    save_product(source="shop", data=DRESS)
    changed = replace(DRESS, variants=(VariantData("d1-M", price=Decimal("25.00"), currency="EUR", stock=0),))
    product, outcome = save_product(source="shop", data=changed)
    assert (outcome, product.price, product.in_stock, product.content_version) == ("updated", 25, False, 1)
    assert list(Variant.objects.values_list("sku", flat=True)) == ["d1-M"]


@pytest.mark.django_db
def test_refreshing_offers_touches_only_what_differs() -> None:
    first, second = ProductFactory(), ProductFactory()
    VariantFactory(product=first, price=Decimal("9.00"), stock=1)
    assert refresh_offers([first.pk, second.pk]) == 1
    first.refresh_from_db()
    assert (first.price, first.in_stock) == (9, True)
    first.variants.update(stock=0)
    assert refresh_offers([first.pk]) == 1
    first.refresh_from_db()
    assert (first.price, first.in_stock) == (9, False)
    assert refresh_offers([first.pk, second.pk]) == 0


@pytest.mark.django_db
def test_an_archived_product_is_hidden_and_can_come_back() -> None:
    product = ProductFactory()
    assert archive_product(product)
    assert not archive_product(product)
    assert Product.objects.visible().count() == 0
    assert set_status(product_ids=[product.pk], status=Product.Status.ACTIVE) == 1
    assert Product.objects.visible().get() == product


@pytest.mark.django_db
def test_capitals_do_not_make_another_brand_and_slugs_do_not_collide() -> None:
    brands = brands_by_name({"H&M", "h&m", "HM", "", "Größe", "日本"})
    assert brands["H&M"] == brands["h&m"] != brands["HM"]
    assert Brand.objects.count() == 4
    assert len(set(Brand.objects.values_list("slug", flat=True))) == 4
    assert brands_by_name({"hm"})["hm"] == brands["HM"]


@pytest.mark.django_db
def test_paths_make_their_ancestors_and_keep_their_slugs_apart() -> None:
    made = categories_by_path({"A > B", "A B", ""})
    assert sorted(Category.objects.values_list("path", flat=True)) == ["A", "A > B", "A B"]
    assert made["A > B"].parent == Category.objects.get(path="A")
    assert sorted(category.slug for category in made.values()) == ["a-b", "a-b-2"]


@pytest.mark.django_db
def test_renaming_moves_the_paths_below_and_makes_the_vectors_dirty() -> None:
    made = categories_by_path({"Women > Dresses > Midi", "Men"})
    midi = ProductFactory(category=made["Women > Dresses > Midi"])
    other = ProductFactory(category=made["Men"])
    women = Category.objects.get(path="Women")
    women.name = "Ladies"
    save_category(category=women)
    assert sorted(Category.objects.values_list("path", flat=True)) == [
        "Ladies",
        "Ladies > Dresses",
        "Ladies > Dresses > Midi",
        "Men",
    ]
    midi.refresh_from_db()
    other.refresh_from_db()
    assert (midi.content_version, other.content_version) == (2, 1)
    assert (Category.objects.get(path="Ladies").slug) == "women"


@pytest.mark.django_db
def test_a_category_cannot_lie_in_itself_or_take_a_taken_path() -> None:
    categories_by_path({"Women > Dresses", "Men"})
    women = Category.objects.get(path="Women")
    women.parent = Category.objects.get(path="Women > Dresses")
    with pytest.raises(Invalid, match="lies in this category"):
        save_category(category=women)
    with pytest.raises(Invalid, match="taken"):
        save_category(category=Category(name="Men"))
    with pytest.raises(Invalid, match="must not contain"):
        save_category(category=Category(name="A > B"))


@pytest.mark.django_db
def test_renaming_a_brand_makes_the_vectors_dirty() -> None:
    product = ProductFactory()
    brand = product.brand
    save_brand(brand=brand)
    product.refresh_from_db()
    assert product.content_version == 1
    brand.name = "Vale"
    save_brand(brand=brand)
    product.refresh_from_db()
    assert product.content_version == 2
