"""Clusterings: what they find, what they keep of people's work, and how they survive a kill."""

import io
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone

from catalog import style_jobs
from catalog.models import ClusterRun, Product, ProductEmbedding, StyleCluster, StylePlacement
from catalog.services.style_placements import place_new_products
from catalog.services.styles import (
    merge_styles,
    move_products,
    plan_cluster_run,
    plan_due_clustering,
    rename_style,
    separate_style,
)
from catalog.style_jobs import work_cluster_run
from catalog.style_selectors import as_array, standing_styles
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import _hostname
from tests.catalog.styled_catalogue import (
    DIMENSIONS,
    plant_products,
    planted_catalogue,
    styles_of,
    vectors_point_to,
)
from tests.factories.catalog import EncoderFactory

pytestmark = pytest.mark.django_db

NAMES = {"Dresses": "Red floral dresses", "Shirts": "Navy striped shirts", "Jeans": "Men’s blue jeans"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No doorbell, and what costs seconds but is tested with ml/: the comparison and the layout of the map."""

    def compare(vectors: Any, *_: Any, **__: Any) -> dict[str, Any]:
        return {"hdbscan": {"products": len(vectors)}}

    monkeypatch.setattr(style_jobs, "compare_clusterings", compare)
    monkeypatch.setattr(style_jobs, "map_places", lambda vectors, seed: np.abs(vectors[:, :2]).clip(0, 1))
    with without_ringing():
        yield


def cluster(**options: Any) -> ClusterRun:
    run = plan_cluster_run(min_cluster_size=8, **options)
    work_cluster_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.error) == ("done", "")
    return run


def style(name: str) -> StyleCluster:
    return StyleCluster.objects.get(name=name)


def test_a_clustering_names_places_and_pictures_what_looks_alike():
    planted = planted_catalogue()
    run = cluster()
    assert run.report["products"] == 42
    assert {name: run.report[name] for name in ("clusters", "kept", "new", "removed")} == {
        "clusters": 3, "kept": 0, "new": 3, "removed": 0,
    }  # fmt: skip
    assert (run.done, run.total) == (5, 5)
    for category, products in planted.items():
        assert styles_of(products) - {None} == {NAMES[category]}
        found = style(NAMES[category])
        assert found.representatives[0] == products[0].pk  # the one with a picture comes first
        assert len(found.representatives) == 12
        assert {
            "field": "category",
            "value": category.lower(),
            "share": 1.0,
            "share_elsewhere": 0.0,
        } in found.attributes
        assert np.linalg.norm(as_array(found.centroid)) == pytest.approx(1.0, abs=1e-2)
    placements = StylePlacement.objects.all()
    assert placements.count() == 42
    assert all(0 <= p.strength <= 1 and 0 <= p.x <= 1 and 0 <= p.y <= 1 for p in placements)


def test_a_second_clustering_of_the_same_vectors_changes_nothing():
    planted_catalogue()
    cluster()
    before = set(StylePlacement.objects.values_list("product_id", "cluster_id", "strength", "x", "y"))
    run = cluster()
    assert (run.report["kept"], run.report["new"], run.report["removed"]) == (3, 0, 0)
    assert set(StylePlacement.objects.values_list("product_id", "cluster_id", "strength", "x", "y")) == before


def test_a_persons_name_survives_and_no_clustering_gives_it_to_another():
    planted = planted_catalogue()
    cluster()
    rename_style(style=style("Navy striped shirts"), name="Sailing", actor="anna")
    rename_style(style=style("Men’s blue jeans"), name="Red floral dresses 2", actor="anna")
    cluster()
    assert styles_of(planted["Shirts"]) - {None} == {"Sailing"}
    assert styles_of(planted["Jeans"]) - {None} == {"Red floral dresses 2"}
    assert StyleCluster.objects.count() == 3


def test_what_a_merged_style_finds_keeps_going_where_a_person_sent_it_even_with_another_encoder():
    planted = planted_catalogue()
    cluster()
    merge_styles(style=style("Men’s blue jeans"), into=style("Navy striped shirts"), actor="anna")
    target = style("Navy striped shirts").pk
    for encoder in (None, EncoderFactory(name="other", digest="1" * 64, dimensions=DIMENSIONS, is_live=False)):
        if encoder is not None:
            for embedding in ProductEmbedding.objects.all():
                turned = np.roll(as_array(embedding.vector), 5).tolist()
                ProductEmbedding.objects.create(
                    product=embedding.product, encoder=encoder, kind="hybrid", content_version=1, vector=turned
                )
        run = cluster(encoder=encoder)
        assert (run.report["clusters"], run.report["new"]) == (2, 0)
        both = StylePlacement.objects.filter(product__in=planted["Shirts"] + planted["Jeans"]).exclude(cluster=None)
        assert set(both.values_list("cluster_id", flat=True)) == {target}
    apart = separate_style(style=StyleCluster.objects.get(merged_into=target), actor="anna")
    assert set(apart.placements.values_list("product__category__name", flat=True)) == {"Jeans"}


def test_products_that_a_person_moved_stay_where_they_are():
    planted = planted_catalogue()
    cluster()
    to_jeans, to_none, to_new = (product.pk for product in planted["Dresses"][1:4])
    move_products(product_ids=[to_jeans], to=style("Men’s blue jeans"), actor="anna")
    move_products(product_ids=[to_none], actor="anna")
    party = move_products(product_ids=[to_new], new_name="Party", actor="anna")
    cluster()
    where = dict(StylePlacement.objects.values_list("product_id", "cluster__name"))
    assert where[to_jeans] == "Men’s blue jeans"
    assert where[to_none] is None
    assert where[to_new] == "Party"
    assert party is not None
    assert standing_styles().get(pk=party.pk).size == 1
    assert StylePlacement.objects.filter(moved_by_person=True, x__isnull=False).count() == 3


def test_a_style_that_vanishes_goes_unless_a_person_worked_on_it():
    planted = planted_catalogue()
    cluster()
    rename_style(style=style("Men’s blue jeans"), name="Denim", actor="anna")
    # Twice as many look like dresses now; the rest of the catalogue is new.
    for name in ("Jeans", "Shirts"):
        vectors_point_to(planted[name], 0)
    run = cluster()
    assert run.report["removed"] == 1
    assert not StyleCluster.objects.filter(name="Navy striped shirts").exists()
    kept = StyleCluster.objects.get(name="Denim")
    assert kept.representatives == []
    assert not kept.placements.exists()


def test_a_run_that_was_killed_while_writing_leaves_nothing_and_begins_again(monkeypatch):
    planted_catalogue()
    run = plan_cluster_run(min_cluster_size=8)

    def killed(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("catalog.services.style_clusterings.refresh_portraits", killed)
        with pytest.raises(KeyboardInterrupt):
            work_cluster_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.done, run.report) == ("running", 4, {})
    assert not StyleCluster.objects.exists()
    assert not StylePlacement.objects.exists()
    steps: list[int] = []
    work_cluster_run(str(run.pk), on_step=lambda current: steps.append(current.done))
    run.refresh_from_db()
    assert run.state == "done"
    assert steps == [4, 4, 4, 4, 5]
    assert StyleCluster.objects.count() == 3
    # Killed after writing, before it was closed: it is closed, and written once.
    ClusterRun.objects.update(state="running", lease_until=None)
    ids = set(StyleCluster.objects.values_list("pk", flat=True))
    work_cluster_run(str(run.pk))
    assert ClusterRun.objects.get().state == "done"
    assert set(StyleCluster.objects.values_list("pk", flat=True)) == ids


def test_too_few_products_by_the_time_it_works_fail_the_run_with_the_number():
    planted_catalogue(each=7)
    run = plan_cluster_run(min_cluster_size=5)
    Product.objects.filter(category__name="Dresses").update(status="draft")
    with pytest.raises(Exception, match="received 14"):
        work_cluster_run(str(run.pk))
    run.refresh_from_db()
    assert run.state == "failed"
    assert "styles need at least 20" in run.error


def test_new_products_join_their_likes_without_a_clustering():
    planted_catalogue()
    assert place_new_products() == 0  # nothing was clustered yet
    cluster()
    encoder, generator = EncoderFactory(dimensions=DIMENSIONS), np.random.default_rng(9)
    (shirt,) = plant_products("Shirts", 1, each=1, encoder=encoder, generator=generator, spread=0.01)
    (odd,) = plant_products("Hats", 12, each=1, encoder=encoder, generator=generator)
    assert place_new_products() == 2
    assert place_new_products() == 0
    assert styles_of([shirt]) == {"Navy striped shirts"}
    assert styles_of([odd]) == {None}
    assert shirt.placement.strength > 0.5
    near = StylePlacement.objects.filter(cluster__name="Navy striped shirts").exclude(product=shirt)
    xs = list(near.values_list("x", flat=True))
    assert min(xs) <= shirt.placement.x <= max(xs)


def test_a_product_that_a_person_moves_while_new_ones_are_placed_stays_where_it_was_put(monkeypatch):
    planted_catalogue()
    cluster()
    encoder, generator = EncoderFactory(dimensions=DIMENSIONS), np.random.default_rng(9)
    (shirt,) = plant_products("Shirts", 1, each=1, encoder=encoder, generator=generator, spread=0.01)
    jeans = style("Men’s blue jeans")

    def a_person_is_first(lock: Lock) -> None:
        move_products(product_ids=[shirt.pk], to=jeans, actor="anna")
        take_lock(lock)

    monkeypatch.setattr("catalog.services.style_placements.take_lock", a_person_is_first)
    assert place_new_products() == 0
    placed = StylePlacement.objects.get(product=shirt)
    assert (placed.cluster, placed.moved_by_person, placed.strength) == (jeans, True, 1.0)


def test_the_command_begins_a_clustering_again_at_once_that_was_killed():
    planted_catalogue()
    run = plan_cluster_run(min_cluster_size=8)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    owner, until = f"{_hostname()}:{dead.pid}:abc", timezone.now() + timedelta(minutes=1)
    ClusterRun.objects.update(state="running", lease_owner=owner, lease_until=until)
    with pytest.raises(KeyError, match="silhouette"):  # the comparison of these tests has nothing to print
        call_command("cluster_catalog", stdout=io.StringIO())
    run.refresh_from_db()
    assert run.state == "done"


def test_beat_clusters_first_after_embedding_and_again_when_a_tenth_has_changed():
    assert plan_due_clustering() is None  # no encoder
    planted = planted_catalogue()
    first = plan_due_clustering()
    assert first is not None
    assert plan_due_clustering() is None  # it is open
    work_cluster_run(str(first.pk))
    assert plan_due_clustering() is None  # nothing changed since
    vectors_point_to(planted["Jeans"][:4], 2)
    assert plan_due_clustering() is None  # 4 of 42
    vectors_point_to(planted["Jeans"][4:5], 2)
    second = plan_due_clustering()
    assert second is not None
    ClusterRun.objects.filter(pk=second.pk).update(state="cancelled")
    assert plan_due_clustering() is None  # a person stopped it
    ClusterRun.objects.filter(pk=second.pk).update(created_at=timezone.now() - timedelta(hours=2))
    assert plan_due_clustering() is not None
