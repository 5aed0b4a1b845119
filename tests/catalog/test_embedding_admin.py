"""Encoders and embedding runs in admin, over HTTP."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from catalog.models import EmbeddingChunk, EmbeddingRun, Encoder, ProductEmbedding
from catalog.services.embeddings import plan_embedding_run
from fashionrec.common.models import User
from fashionrec.common.queue import without_ringing
from tests.factories.catalog import EncoderFactory, ProductEmbeddingFactory, ProductFactory

ENCODERS = reverse("admin:catalog_encoder_changelist")
MEASURED = [
    {"image_weight": 0.5, "colour": 0.8125, "caption_recall": 0.5, "mean": 0.65625},
    {"image_weight": 0.6, "colour": 0.9, "caption_recall": 0.7, "mean": 0.8},
]


@pytest.fixture
def data_scientist(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("scientist", password="secret"))
    return client


@pytest.fixture
def encoders(db: None) -> tuple[Encoder, Encoder]:
    """A live one with vectors of two products, and one that has been in use before."""
    live, old = EncoderFactory(name="live"), EncoderFactory(name="old", is_live=False)
    for encoder in (live, old):
        for kind in ("text", "hybrid"):
            ProductEmbeddingFactory.create_batch(2, encoder=encoder, kind=kind)
    ProductEmbeddingFactory(encoder=live, kind="image")
    return live, old


def act(client: Client, action: str, *encoders: Encoder, **more: str) -> Any:
    data = {"action": action, "_selected_action": [encoder.pk for encoder in encoders], **more}
    with without_ringing():
        return client.post(ENCODERS, data, follow=True)


def cells(page: str, name: str) -> list[str]:
    return [part.partition("</td>")[0] for part in page.split(f'<td class="field-{name}">')[1:]]


def test_the_list_counts_vectors_by_kind_and_says_which_encoder_answers(
    data_scientist: Client, encoders: tuple[Encoder, Encoder]
) -> None:
    page = data_scientist.get(ENCODERS).content.decode()
    assert cells(page, "status") == ["–", "live"]
    assert cells(page, "image_vectors") == ["0", "1"]
    assert cells(page, "text_vectors") == cells(page, "hybrid_vectors") == ["2", "2"]
    assert cells(page, "image_weight") == ["0.5", "0.5"]


def test_switching_plans_a_run_that_the_list_points_to(
    data_scientist: Client, encoders: tuple[Encoder, Encoder]
) -> None:
    live, old = encoders
    page = act(data_scientist, "switch", old).content.decode()
    run = EmbeddingRun.objects.get()
    assert (run.encoder, run.goes_live, run.total) == (old, True, 7)  # of nine products it has the hybrids of two
    assert f"{run.total} products are embedded with old, then it answers" in page
    address = reverse("admin:catalog_embeddingrun_change", args=[run.pk])
    assert f'<a href="{address}">goes live after 0 of {run.total}</a>' in page
    assert "Cancel the run to keep the live one" in data_scientist.get(address).content.decode()
    assert "2 encoders are selected, choose one" in act(data_scientist, "switch", live, old).content.decode()
    assert "is live already" in act(data_scientist, "switch", live).content.decode()
    assert EmbeddingRun.objects.count() == 1
    live.refresh_from_db()
    assert live.is_live


def test_what_a_done_run_of_a_switch_waits_for_is_said(
    data_scientist: Client, encoders: tuple[Encoder, Encoder]
) -> None:
    act(data_scientist, "switch", encoders[1])
    EmbeddingRun.objects.update(state="done")
    address = reverse("admin:catalog_embeddingrun_change", args=[EmbeddingRun.objects.get().pk])
    assert "indexes are being made, then the encoder goes live" in data_scientist.get(address).content.decode()
    EmbeddingRun.objects.update(state="cancelled")
    assert "The encoder was to go live afterwards; that is off." in data_scientist.get(address).content.decode()


@pytest.mark.django_db(transaction=True)
def test_retiring_asks_first_and_refuses_the_live_encoder(
    data_scientist: Client, encoders: tuple[Encoder, Encoder]
) -> None:
    live, old = encoders
    page = act(data_scientist, "retire", live, old).content.decode()
    assert "live: 1 of pictures, 2 of texts, 2 hybrid (live, will be refused)" in page
    assert "old: 0 of pictures, 2 of texts, 2 hybrid" in page
    assert ProductEmbedding.objects.count() == 9
    page = act(data_scientist, "retire", live, old, confirmed="yes").content.decode()
    assert "4 vectors of old are deleted" in page
    assert "is live: switch to another encoder first" in page
    assert set(ProductEmbedding.objects.values_list("encoder__name", flat=True)) == {"live"}


def test_who_may_only_look_can_neither_switch_nor_retire(client: Client, encoders: tuple[Encoder, Encoder]) -> None:
    viewer = User.objects.create_user("viewer", password="secret", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_encoder"))
    client.force_login(viewer)
    page = client.get(ENCODERS).content.decode()
    assert 'value="switch"' not in page
    assert 'value="retire"' not in page
    for action in ("switch", "retire"):
        act(client, action, encoders[1], confirmed="yes")
    assert (EmbeddingRun.objects.count(), ProductEmbedding.objects.count()) == (0, 9)


def test_the_page_of_an_encoder_shows_how_the_pictures_share_was_chosen(data_scientist: Client) -> None:
    encoder = EncoderFactory(image_weight=0.6)
    address = reverse("admin:catalog_encoder_change", args=[encoder.pk])
    assert "Nobody has measured it: 0.6" in data_scientist.get(address).content.decode()
    encoder.tuning = {"measured_on": "200 products of the catalogue", "measured": MEASURED}
    encoder.save()
    page = data_scientist.get(address).content.decode()
    assert "measured on 200 products of the catalogue" in page
    assert '<th scope="col" class="number">Caption_recall</th>' not in page
    assert '<th scope="col" class="number">Colour</th><th scope="col" class="number">Caption recall</th>' in page
    assert '<td class="number">0.700</td><td class="number">0.800</td><td>in use</td>' in page
    assert page.count("in use") == 1


def test_pictures_that_did_not_open_are_counted_and_named_with_their_products(data_scientist: Client) -> None:
    broken = ProductFactory.create_batch(3, pictures=0)
    with without_ringing():
        run = plan_embedding_run(encoder=EncoderFactory())
    assert run is not None
    EmbeddingChunk.objects.filter(run=run).update(
        state="done", error="\n".join(f"{product.public_id}: image: received 'a.png': damaged" for product in broken)
    )
    EmbeddingChunk.objects.create(run=run, index=1, size=0, product_ids=[], state="failed", error="no note\nat all")
    listing = data_scientist.get(reverse("admin:catalog_embeddingrun_changelist")).content.decode()
    assert cells(listing, "unreadable") == ["3"]
    assert cells(listing, "purpose") == ["keeps vectors fresh"]
    page = data_scientist.get(reverse("admin:catalog_embeddingrun_change", args=[run.pk])).content.decode()
    for product in broken:
        address = reverse("admin:catalog_product_change", args=[product.pk])
        assert f'<a href="{address}">{product.public_id}</a>: image: received &#x27;a.png&#x27;: damaged' in page
    assert "no note" not in page
