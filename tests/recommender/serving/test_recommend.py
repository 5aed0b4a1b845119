"""What a shopper is shown, with nothing trained: never nothing, never what they refused, and why."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Product
from fashionrec.common.errors import Invalid
from feedback.models import Slate
from feedback.services.events import record_event, retract_event
from feedback.services.visitors import set_consent
from recommender.serving import recommend
from tests.factories.catalog import CategoryFactory, EncoderFactory, ProductEmbeddingFactory, ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory

pytestmark = pytest.mark.django_db


def products(count, **fields):
    return [ProductFactory(pictures=0, sizes=(), **fields) for _ in range(count)]


def shown(visitor=None, **options):
    return [item.product for item in recommend(visitor=visitor, **options).items]


def reasons(visitor=None, **options):
    return {item.product.title: item.reason for item in recommend(visitor=visitor, **options).items}


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [({"placement": "moon"}, "placement", "moon"), ({"n": 0}, "n", 0), ({"n": 101}, "n", 101), ({"n": -1}, "n", -1)],
)
def test_an_unknown_placement_and_an_impossible_number_are_refused_and_log_nothing(options, field, value):
    products(1)
    with pytest.raises(Invalid) as caught:
        recommend(visitor=None, **options)
    assert (caught.value.fields[0].field, caught.value.fields[0].value) == (field, value)
    assert not Slate.objects.exists()


@pytest.mark.parametrize("placement", ["home", "category", "similar", "complete_the_look", "basket", "search", "batch"])
def test_a_stranger_gets_a_full_page_of_distinct_products_on_every_placement(placement):
    products(15)
    slate = recommend(visitor=None, placement=placement, n=12)
    assert slate.model == "fallback"
    assert len({item.product.pk for item in slate.items}) == 12
    assert [item.position for item in slate.items] == list(range(12))
    assert all(item.reason for item in slate.items)


def test_what_was_seen_liked_hidden_disliked_or_is_sold_out_is_not_recommended():
    free = products(4)
    seen, liked, hidden, disliked = products(4)
    products(1, in_stock=False), products(1, status="draft"), products(1, status="archived")
    visitor = VisitorFactory()
    for event_type, product in (("view", seen), ("like", liked), ("hide", hidden), ("dislike", disliked)):
        EventFactory(visitor=visitor, type=event_type, product=product)
    assert set(shown(visitor, n=4)) == set(free)
    assert Slate.objects.get().rules["rule_sets"] == ["unseen, in stock, not hidden or disliked"]
    # A longer page ends with what was seen already, and still has nothing that was refused or is sold out.
    assert set(shown(visitor, n=12)[:4]) == set(free)
    assert set(shown(visitor, n=12)[4:]) == {seen, liked}


def refuse_everything(visitor):
    for product in Product.objects.all():
        EventFactory(visitor=visitor, type="dislike", product=product)


@pytest.mark.parametrize(
    ("situation", "rules"),
    [
        ("seen", "in stock, not hidden or disliked"),
        ("sold out", "visible, not hidden or disliked"),
        ("refused", "visible"),
        ("refused and sold out", "visible"),
        ("nothing in the category", "visible, of any category"),
    ],
)
def test_rules_give_way_one_by_one_rather_than_show_nothing(situation, rules):
    visitor, elsewhere = VisitorFactory(consented=True), None
    (product,) = products(1, in_stock="sold out" not in situation)
    if situation == "seen":
        EventFactory(visitor=visitor, type="view", product=product)
    if "refused" in situation:
        refuse_everything(visitor)
    if "category" in situation:
        elsewhere = CategoryFactory(name="Hats")
    slate = recommend(visitor=visitor, category=elsewhere)
    assert [item.product for item in slate.items] == [product]
    assert Slate.objects.get(pk=slate.slate_id).rules["rule_sets"] == [rules]


def test_only_an_empty_shop_and_what_the_caller_excludes_leave_a_slate_empty():
    assert shown() == []
    (product,) = products(1)
    assert shown(exclude=[product.pk]) == []
    assert shown() == [product]


def test_excluded_products_and_other_categories_stay_out_however_short_the_page():
    coats, shirts = CategoryFactory(name="Coats"), CategoryFactory(name="Shirts")
    parkas = CategoryFactory(name="Parkas", parent=coats)
    inside, outside = products(3, category=coats) + products(2, category=parkas), products(6, category=shirts)
    visitor = VisitorFactory()
    EventFactory(visitor=visitor, type="like", product=outside[0])
    assert set(shown(visitor, placement="category", category=coats)) == set(inside)
    assert set(shown(visitor, category=coats, exclude=[inside[0].pk])) == set(inside[1:])
    assert set(shown(visitor, category=parkas)) == set(inside[3:])


def test_a_small_category_is_ranked_for_the_shopper_even_in_a_large_shop():
    coats = CategoryFactory(name="Coats")
    popular, *others = products(4, category=coats)
    crowd = products(70, category=CategoryFactory(name="Shirts"))
    for product in crowd:
        EventFactory.create_batch(2, type="like", product=product, visitor=VisitorFactory(consented=True))
    EventFactory(type="view", product=popular, visitor__consented=True)
    slate = recommend(visitor=None, placement="category", category=coats, n=4)
    assert {item.product for item in slate.items} == {popular, *others}
    assert slate.items[0].product == popular
    assert slate.items[0].reason == "Popular right now"


def test_a_like_changes_the_next_page_without_any_model_and_taking_it_back_undoes_that():
    coats = CategoryFactory(name="Coats")
    alike = products(3, category=coats)
    liked = ProductFactory(title="Camel coat", category=coats)
    products(20, category=CategoryFactory(name="Shirts"))
    visitor = VisitorFactory()
    before = shown(visitor, n=6)
    like = record_event(visitor=visitor, type="like", product=liked)
    after = shown(visitor, n=6)
    assert after != before
    assert set(alike) <= set(after)
    assert not set(alike) & set(before)
    assert liked not in after
    assert {reasons(visitor, n=6)[product.title] for product in alike} == {"Because you liked Camel coat"}
    retract_event(visitor=visitor, event_id=like.event_id)
    assert shown(visitor, n=6) == before


def test_with_vectors_the_most_alike_product_comes_first_beside_a_product():
    encoder = EncoderFactory()
    beside, near, far = (ProductFactory(title=title, pictures=0) for title in ("Beside", "Near", "Far"))
    for product, vector in ((beside, [1, 0]), (near, [0.9, 0.43589]), (far, [0, 1])):
        ProductEmbeddingFactory(product=product, encoder=encoder, vector=[*map(float, vector)] + [0.0] * 6)
    slate = recommend(visitor=None, placement="similar", product=beside, n=5)
    assert [item.product for item in slate.items] == [near, far]  # a short list, not filled up, and not itself
    assert [item.reason for item in slate.items] == ["Looks like Beside"] * 2


def test_beside_a_dress_for_women_another_comes_before_trousers_of_the_same_cloth_and_boys_wear():
    encoder = EncoderFactory()
    dresses, trousers = CategoryFactory(name="Dresses"), CategoryFactory(name="Trousers")
    made = {}
    for title, category, gender, cosine in (
        ("Dress", dresses, "women", 1.0),
        ("Dress like it", dresses, "women", 0.7),
        ("Trousers of the cloth", trousers, "women", 0.8),
        ("For boys", dresses, "boys", 0.85),
        ("Unlike", dresses, "women", 0.1),
    ):
        made[title] = ProductFactory(title=title, category=category, gender=gender, pictures=0)
        vector = [cosine, (1 - cosine**2) ** 0.5] + [0.0] * 6
        ProductEmbeddingFactory(product=made[title], encoder=encoder, vector=vector)
    slate = recommend(visitor=None, placement="similar", product=made["Dress"], n=4)
    assert [item.product.title for item in slate.items] == [
        "Dress like it",
        "For boys",
        "Trousers of the cloth",
        "Unlike",
    ]
    assert Slate.objects.get(pk=slate.slate_id).rules["relevance"] == 1.0


def test_beside_a_product_that_nothing_resembles_something_else_is_shown():
    lonely = ProductFactory(category=None, pictures=0)
    refused, other = products(2)
    visitor = VisitorFactory()
    EventFactory(visitor=visitor, type="hide", product=refused)
    slate = recommend(visitor=visitor, placement="similar", product=lonely)
    assert [(item.product, item.reason) for item in slate.items] == [(other, "More from the shop")]


def test_every_reason_is_true():
    viewed, bought = ProductFactory(title="Viewed boots"), ProductFactory(title="Bought belt", category=None)
    popular = ProductFactory(title="Popular", category=CategoryFactory(name="Hats"))
    EventFactory.create_batch(3, type="purchase", product=popular, visitor__consented=True)
    beside_viewed = ProductFactory(title="Other boots")
    visitor = VisitorFactory()
    EventFactory(visitor=visitor, type="view", product=viewed)
    said = reasons(visitor)
    assert said["Other boots"] == "Because you viewed Viewed boots"
    assert said["Popular"] == "Popular right now"
    Product.objects.filter(pk=bought.pk).update(category=beside_viewed.category)
    EventFactory(visitor=visitor, type="purchase", product=bought)
    assert reasons(visitor)["Other boots"] == "Because you bought Bought belt"
    assert reasons(None)["Other boots"] == "New in the shop"


def test_what_shoppers_do_without_consent_makes_nothing_popular_for_others():
    (product,) = products(1)
    visitor = VisitorFactory(consented=False)
    EventFactory(visitor=visitor, type="like", product=product)
    assert recommend(visitor=None).items[0].source == "new"
    set_consent(visitor=visitor, granted=True, wording="1")
    cache.clear()
    assert recommend(visitor=None).items[0].source == "trending"


def test_what_trends_is_of_this_month_while_there_is_any_and_of_all_time_otherwise():
    old, new = products(2)
    long_ago = timezone.now() - timedelta(days=90)
    EventFactory.create_batch(5, type="like", product=old, occurred_at=long_ago, visitor__consented=True)
    assert shown(n=1) == [old]
    cache.clear()
    EventFactory(type="view", product=new, visitor__consented=True)
    assert {item.product: item.source for item in recommend(visitor=None).items}[new] == "trending"
    assert {item.product: item.source for item in recommend(visitor=None).items}[old] == "new"


def test_a_slate_is_logged_as_shown_with_its_inputs_and_nothing_drawn():
    visitor = VisitorFactory(consented=True)
    seen, excluded, *_ = products(8)
    EventFactory(visitor=visitor, type="like", product=seen)
    slate = recommend(visitor=visitor, n=4, exclude=[excluded.pk])
    logged = Slate.objects.get(pk=slate.slate_id)
    assert (logged.visitor, logged.placement, logged.model) == (visitor, "home", "fallback")
    assert logged.products == [item.product.pk for item in slate.items]
    assert logged.sources == [item.source for item in slate.items]
    assert logged.scores == [item.score for item in slate.items]
    assert logged.propensities == [1.0] * 4
    assert logged.context["history"] == logged.context["liked"] == [seen.pk]
    assert (logged.context["n"], logged.context["exclude"]) == (4, [excluded.pk])


def test_without_consent_the_slate_is_nobodys_and_a_preview_is_not_logged():
    products(2)
    recommend(visitor=VisitorFactory(consented=False))
    assert Slate.objects.get().visitor is None
    recommend(visitor=None, log=False)
    assert Slate.objects.count() == 1


def test_the_number_of_queries_grows_neither_with_the_shop_nor_with_the_page():
    visitor = VisitorFactory(consented=True)
    for product in products(3):
        EventFactory(visitor=visitor, type="like", product=product)

    def queries(n):
        cache.clear()
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert len(shown(visitor, n=n)) == n
        return len(captured)

    products(30)
    few = queries(6)
    products(40)
    assert queries(6) == queries(24) == few
    assert few <= 22
