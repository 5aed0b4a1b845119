"""Reviewing suggestions in admin, over HTTP."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import AttributeSuggestion, Product, SuggestionRun
from fashionrec.common.models import User
from tests.factories.catalog import EncoderFactory, ProductFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/catalog/attributesuggestion/"


@pytest.fixture
def merchandiser(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("mia", password="secret"))
    return client


def suggestion_of(product: Product, *, confidence: float = 0.85, **values: Any) -> AttributeSuggestion:
    near = ProductFactory(title=f"Near {product.pk}", colour="red")
    evidence = {
        "neighbours": [{"product": near.pk, "value": "red", "similarity": 0.91}],
        "agreeing": 21,
        "asked": 30,
        "zero_shot": 0.444,
        "in_title": True,
        "runner_up": "maroon",
    }
    fields = {"field": "colour", "value": "red", "evidence": evidence} | values
    return AttributeSuggestion.objects.create(product=product, confidence=confidence, **fields)


def page(client: Client, query: str = "") -> str:
    response = client.get(LIST + query)
    assert response.status_code == 200
    return response.content.decode()


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_the_list_shows_the_suggestion_its_confidence_and_what_speaks_for_it(merchandiser: Client) -> None:
    product = ProductFactory(title="Wrap dress", colour="")
    suggestion_of(product)
    near = Product.objects.get(title=f"Near {product.pk}")
    shown = page(merchandiser)
    for expected in (
        f'<img class="suggestion__picture" src="{product.images.get().file.url}"',
        '<strong>red</strong><progress value="85" max="100"></progress>85% sure',
        f'<img src="{near.images.get().file.url}" alt="Near {product.pk}" loading="lazy">',
        '<span class="suggestion__agrees">red</span>',
        "The title says it.",
        "21 of the 30 nearest products have it.",
        "Zero-shot gives it 44%.",
        "Next best: maroon.",
        f'formaction="{LIST}{AttributeSuggestion.objects.get().pk}/accept/"',
    ):
        assert expected in shown


def test_the_list_takes_a_constant_number_of_queries(merchandiser: Client) -> None:
    suggestion_of(ProductFactory(colour=""))
    page(merchandiser)
    with CaptureQueriesContext(connection) as one:
        page(merchandiser)
    for _ in range(6):
        suggestion_of(ProductFactory(colour=""))
    with CaptureQueriesContext(connection) as many:
        page(merchandiser)
    assert len(many) == len(one) <= 12


def test_filters_narrow_by_state_confidence_field_and_product(merchandiser: Client) -> None:
    sure, unsure, decided = (ProductFactory(title=title, colour="") for title in ("Sure", "Unsure", "Decided"))
    suggestion_of(sure, confidence=0.95)
    suggestion_of(unsure, confidence=0.6, field="pattern", value="striped")
    suggestion_of(decided, state="rejected", decided_by="noa")

    def titles(query: str) -> set[str]:
        shown = page(merchandiser, query)
        return {product.title for product in (sure, unsure, decided) if f">{product.title}</a>" in shown}

    assert titles("") == {"Sure", "Unsure"}
    assert titles("?confidence=sure") == {"Sure"}
    assert titles("?confidence=unsure") == {"Unsure"}
    assert titles("?field__exact=pattern") == {"Unsure"}
    assert titles("?state=rejected") == {"Decided"}
    assert titles("?state=all") == {"Sure", "Unsure", "Decided"}
    assert titles(f"?product__id__exact={sure.pk}") == {"Sure"}
    assert "Rejected by noa" in page(merchandiser, "?state=rejected")


def test_a_buttons_decision_is_carried_out_and_leads_back_to_the_same_list(merchandiser: Client) -> None:
    product = ProductFactory(title="Wrap dress", colour="")
    suggestion = suggestion_of(product)
    back = f"http://testserver{LIST}?confidence=likely"
    response = merchandiser.post(f"{LIST}{suggestion.pk}/accept/", headers={"referer": back}, follow=True)
    assert response.redirect_chain == [(f"{LIST}?confidence=likely", 302)]
    assert messages_of(response) == ["Wrap dress: colour 'red' is accepted."]
    product.refresh_from_db()
    suggestion.refresh_from_db()
    assert (product.colour, suggestion.state, suggestion.decided_by) == ("red", "accepted", "mia")
    again = merchandiser.post(f"{LIST}{suggestion.pk}/reject/", follow=True)
    assert messages_of(again) == [
        "1 not rejected: state: somebody has decided on this suggestion already (received 'accepted')"
    ]
    assert merchandiser.get(f"{LIST}{suggestion.pk}/accept/").status_code == 405


def test_many_are_accepted_or_rejected_at_once_and_refusals_are_named(merchandiser: Client) -> None:
    products = [ProductFactory(colour="") for _ in range(3)]
    ids = [suggestion_of(product).pk for product in products]
    Product.objects.filter(pk=products[0].pk).update(colour="navy")
    response = merchandiser.post(LIST, {"action": "accept_selected", "_selected_action": ids}, follow=True)
    assert messages_of(response) == [
        "2 suggestions are accepted.",
        "1 not accepted: colour: the product has a value by now (received 'navy')",
    ]
    assert [Product.objects.get(pk=product.pk).colour for product in products] == ["navy", "red", "red"]
    response = merchandiser.post(LIST, {"action": "reject_selected", "_selected_action": ids[:1]}, follow=True)
    assert "is rejected." in messages_of(response)[0]


def test_who_may_only_look_sees_no_button_and_decides_nothing(client: Client) -> None:
    clerk = User.objects.create_user("clerk", password="secret", is_staff=True)
    clerk.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="catalog", codename__in=["view_attributesuggestion", "change_attributesuggestion"]
        )
    )
    client.force_login(clerk)
    product = ProductFactory(colour="")
    suggestion = suggestion_of(product)
    shown = page(client)
    assert "85% sure" in shown
    assert "formaction" not in shown
    assert "accept_selected" not in shown
    assert client.post(f"{LIST}{suggestion.pk}/accept/").status_code == 403
    client.post(LIST, {"action": "accept_selected", "_selected_action": [suggestion.pk]})
    product.refresh_from_db()
    suggestion.refresh_from_db()
    assert (product.colour, suggestion.state) == ("", "open")
    assert client.get(reverse("admin:catalog_suggestionrun_start")).status_code == 403


def test_an_empty_list_says_what_a_run_would_do_and_where_decided_ones_are(merchandiser: Client) -> None:
    assert "No suggestion yet." in page(merchandiser)
    suggestion_of(ProductFactory(colour=""), state="accepted")
    assert "No suggestion matches." in page(merchandiser)


def test_a_run_is_started_from_its_page(merchandiser: Client) -> None:
    address = reverse("admin:catalog_suggestionrun_start")
    ProductFactory(pictures=0, colour="")
    assert "colour: 1 products have none" in merchandiser.get(address).content.decode()
    asked = {"fields_wanted": ["colour"], "minimum_confidence": "0.7"}
    assert "embed the catalogue first" in merchandiser.post(address, asked).content.decode()
    assert "less than or equal to 1" in merchandiser.post(address, asked | {"minimum_confidence": "3"}).content.decode()
    EncoderFactory()
    response = merchandiser.post(address, asked)
    run = SuggestionRun.objects.get()
    assert response.url == reverse("admin:catalog_suggestionrun_change", args=[run.pk])
    assert run.report == {"parameters": {"fields": ["colour"], "minimum_confidence": 0.7}}
    assert merchandiser.get(response.url).status_code == 200


def test_a_runs_page_shows_what_was_measured(merchandiser: Client) -> None:
    found = {
        "lacking": 9,
        "with_vectors": 8,
        "suggested": 5,
        "abstained": 3,
        "values": 4,
        "rare_values": 2,
        "finished": True,
        "measured": 60,
        "accuracy": {"majority": 0.25, "zero_shot": 0.5, "combined": 0.875},
        "calibration": [{"from": 0.9, "to": 1.0, "count": 31, "confidence": 0.95, "right": 0.9677}],
        "calibration_error": 0.0177,
        "parts": {"title_is_silent": {"count": 7, "right": 0.5, "confidence": 0.4}},
    }
    skipped = {"suggested": 0, "skipped": "3 products have it"}
    run = SuggestionRun.objects.create(
        encoder=EncoderFactory(), report={"fields": {"colour": found, "pattern": skipped}}
    )
    shown = merchandiser.get(reverse("admin:catalog_suggestionrun_change", args=[run.pk])).content.decode()
    for expected in (
        "9 products lack it, 8 of them have vectors. 5 suggested, 3 left alone",
        '<td class="number">0.875</td><td><progress value="0.8750" max="1"></progress></td>',
        '<td class="number">31</td><td class="number">0.950</td><td class="number">0.968</td>',
        "Of the 7 products whose title names no value at all, 0.500 are right",
        "Nothing suggested: 3 products have it.",
    ):
        assert expected in shown
    listed = merchandiser.get(reverse("admin:catalog_suggestionrun_changelist")).content.decode()
    assert "5 × colour, 0 × pattern" in listed


def test_a_products_page_leads_to_its_open_suggestions(merchandiser: Client) -> None:
    product = ProductFactory(colour="")
    address = reverse("admin:catalog_product_change", args=[product.pk])
    assert "Review</a>" not in merchandiser.get(address).content.decode()
    suggestion_of(product)
    shown = merchandiser.get(address).content.decode()
    assert f'colour: red <a href="{LIST}?product__id__exact={product.pk}">Review</a>' in shown
