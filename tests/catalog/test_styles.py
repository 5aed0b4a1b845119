"""Styles as people correct them, over HTTP in admin and through the services below it."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from catalog.models import ClusterRun, Product, StyleCluster, StylePlacement
from catalog.services.style_placements import Place, store_places
from catalog.services.style_portraits import refresh_portraits
from catalog.services.styles import merge_styles, move_products, plan_cluster_run, rename_style, separate_style
from catalog.style_map import Window, colour, style_map
from catalog.style_selectors import onboarding_styles
from fashionrec.common.errors import Conflict, Invalid, NotFound
from fashionrec.common.models import AuditEntry, User
from tests.catalog.styled_catalogue import planted_catalogue

pytestmark = pytest.mark.django_db

LIST, MAP = "/admin/catalog/stylecluster/", "/admin/catalog/stylecluster/map/"


@pytest.fixture
def styles() -> dict[str, StyleCluster]:
    """Category name -> its style, of a planted catalogue that was clustered; the last jeans are like no others."""
    found = {}
    for number, (name, products) in enumerate(planted_catalogue(each=7).items()):
        style = StyleCluster.objects.create(name=f"Planted {name.lower()}")
        alone = products[-1:] if name == "Jeans" else []
        store_places(
            places=[
                Place(product.pk, None if product in alone else style.pk, 0.5, 0.2 + 0.3 * number, 0.5)
                for product in products
            ]
        )
        found[name] = style
    refresh_portraits(style_ids=[style.pk for style in found.values()])
    for style in found.values():
        style.refresh_from_db()
    return found


@pytest.fixture
def merchandiser(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("anna", password="secret"))
    return client


def page_of(style: StyleCluster) -> str:
    return reverse("admin:catalog_stylecluster_change", args=[style.pk])


def audited() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("actor", "action"))


def test_planning_refuses_what_cannot_be_clustered_and_finds_an_open_run_again(styles):
    with pytest.raises(Invalid, match=r"min_cluster_size: expected 2 to 10, half of the products \(received 11\)"):
        plan_cluster_run(min_cluster_size=11)
    run = plan_cluster_run(min_cluster_size=4)
    assert run.parameters == {"min_cluster_size": 4, "seed": 0}
    assert plan_cluster_run() == run
    ClusterRun.objects.all().delete()
    Product.objects.filter(category__name="Jeans").update(status="archived")
    with pytest.raises(Conflict, match=r"styles need at least 20 .* \(received 14\)"):
        plan_cluster_run()
    assert not ClusterRun.objects.exists()


def test_names_are_checked_and_nothing_changes_when_one_is_refused(styles):
    dresses = styles["Dresses"]
    for name, reason in (("  ", "1 to 120"), ("x" * 121, "1 to 120"), ("planted  JEANS", "another style")):
        with pytest.raises(Invalid, match=reason):
            rename_style(style=dresses, name=name, actor="anna")
    dresses.refresh_from_db()
    assert (dresses.name, dresses.named_by_person, audited()) == ("Planted dresses", False, [])
    rename_style(style=dresses, name=" Garden   party ", actor="anna")
    dresses.refresh_from_db()
    assert (dresses.name, dresses.named_by_person) == ("Garden party", True)
    assert AuditEntry.objects.get().details == {"from": "Planted dresses", "to": "Garden party"}


def test_merging_moves_everything_and_can_be_taken_back(styles):
    dresses, shirts, jeans = styles.values()
    with pytest.raises(Invalid, match="cannot be merged into itself"):
        merge_styles(style=jeans, into=jeans, actor="anna")
    merge_styles(style=jeans, into=shirts, actor="anna")
    assert shirts.placements.count() == 13
    with pytest.raises(Conflict, match="merged into another already"):
        merge_styles(style=jeans, into=dresses, actor="anna")
    into = merge_styles(style=shirts, into=dresses, actor="anna")  # what shirts had taken in comes along
    assert set(StyleCluster.objects.filter(merged_into=into)) == {shirts, jeans}
    assert into.placements.count() == 20
    apart = separate_style(style=jeans, actor="anna")
    assert (apart.placements.count(), into.placements.count()) == (6, 14)
    with pytest.raises(Conflict, match="was not merged"):
        separate_style(style=jeans, actor="anna")
    assert audited() == [("anna", f"style.{act}") for act in ("merge", "merge", "separate")]


def test_moving_checks_products_and_target_and_new_styles_are_a_persons(styles):
    dresses, shirts, _ = styles.values()
    pk = dresses.placements.order_by("product_id")[0].product_id
    for refused, error in (
        ({"product_ids": []}, Invalid),
        ({"product_ids": [pk, 10**9]}, Invalid),
        ({"product_ids": [pk], "to": shirts, "new_name": "Both"}, Invalid),
        ({"product_ids": [pk], "new_name": "planted shirts"}, Invalid),
    ):
        with pytest.raises(error):
            move_products(actor="anna", **refused)
    assert StylePlacement.objects.get(product=pk).cluster == dresses
    party = move_products(product_ids=[pk], new_name="Party", actor="anna")
    placement = StylePlacement.objects.get(product=pk)
    assert (placement.cluster, placement.moved_by_person, placement.strength) == (party, True, 1.0)
    assert party is not None
    assert party.named_by_person
    assert party.representatives == [pk]
    dresses.refresh_from_db()
    assert pk not in dresses.representatives
    assert move_products(product_ids=[pk], actor="anna") is None
    assert StylePlacement.objects.get(product=pk).cluster is None


def test_onboarding_shows_styles_that_span_the_catalogue_with_pictures_of_their_own(styles):
    shown = onboarding_styles(n=2, pictures=3)
    assert len(shown) == 2
    assert all(product.placement.cluster == each.style for each in shown for product in each.products)
    StylePlacement.objects.filter(cluster=styles["Shirts"]).update(cluster=None)
    assert styles["Shirts"] not in [each.style for each in onboarding_styles()]


def test_the_list_shows_sizes_and_pictures_and_does_not_ask_more_for_more_styles(
    merchandiser, styles, django_assert_max_num_queries
):
    merge_styles(style=styles["Jeans"], into=styles["Shirts"], actor="anna")
    with django_assert_max_num_queries(16):
        page = merchandiser.get(LIST).content.decode()
    assert "Planted dresses" in page
    assert "Planted jeans" not in page
    assert '<td class="field-size">13</td>' in page
    assert page.count('class="strip"') == 2
    assert "not been clustered with the live encoder yet" in page


def test_a_person_renames_merges_moves_and_separates_over_http(merchandiser, styles):
    dresses, shirts, jeans = styles.values()
    page = merchandiser.get(page_of(jeans)).content.decode()
    assert "6 products." in page
    assert "Nearest among those in no style" in page
    assert "Jeans 6" in page

    def act(on: StyleCluster, **sent: Any) -> str:
        response = merchandiser.post(page_of(on), sent, follow=True)
        assert response.status_code == 200
        return " ".join(str(message) for message in response.context["messages"])

    assert act(dresses, action="rename", name="Garden party") == "It is called Garden party now."
    assert "another style has this name" in act(shirts, action="rename", name="garden party")
    pks = [placement.product_id for placement in shirts.placements.order_by("product_id")[:2]]
    assert act(shirts, action="move", product=pks, to=str(dresses.pk)) == "2 moved to Garden party."
    assert "1 moved to Office" in act(shirts, action="move", product=pks[:1], to="", new_name="Office")
    assert "choose at least one product" in act(shirts, action="move", to=str(dresses.pk))
    assert "no such style" in act(shirts, action="merge", into=str(uuid.uuid4()))
    assert act(jeans, action="merge", into=str(shirts.pk)) == "Planted jeans is part of Planted shirts now."
    assert "Separate again" in merchandiser.get(page_of(shirts)).content.decode()
    assert act(shirts, action="separate", style=str(jeans.pk)) == "Planted jeans stands by itself again."
    assert "expected rename" in act(shirts, action="explode")
    assert {actor for actor, _ in audited()} == {"anna"}
    product_page = merchandiser.get(f"/admin/catalog/product/{pks[1]}/change/").content.decode()
    assert "Garden party</a> (strength 1.00, put there by a person)" in product_page


def test_a_style_that_a_clustering_removed_meanwhile_is_said_to_be_gone(merchandiser, styles):
    jeans, shirts = styles["Jeans"], styles["Shirts"]
    StyleCluster.objects.filter(pk=jeans.pk).delete()
    attempts = (
        lambda: rename_style(style=jeans, name="Denim", actor="anna"),
        lambda: merge_styles(style=jeans, into=shirts, actor="anna"),
        lambda: merge_styles(style=shirts, into=jeans, actor="anna"),
        lambda: separate_style(style=jeans, actor="anna"),
        lambda: move_products(product_ids=[Product.objects.earliest("pk").pk], to=jeans, actor="anna"),
    )
    for attempt in attempts:
        with pytest.raises(NotFound, match="style: this style is gone") as caught:
            attempt()
        assert caught.value.fields[0].value == "Planted jeans"
    assert audited() == []


def test_who_may_only_look_changes_nothing(client, styles):
    viewer = User.objects.create_user("viewer", password="secret", is_staff=True)
    client.force_login(viewer)
    assert client.get(page_of(styles["Jeans"])).status_code == 403
    assert client.get(MAP).status_code == 403
    viewer.user_permissions.add(Permission.objects.get(codename="view_stylecluster"))
    page = client.get(page_of(styles["Jeans"])).content.decode()
    assert 'name="action" value="rename"' not in page
    assert client.post(page_of(styles["Jeans"]), {"action": "rename", "name": "Mine"}).status_code == 403
    assert client.get("/admin/catalog/clusterrun/start/").status_code == 403
    viewer.user_permissions.add(Permission.objects.get(codename="view_clusterrun"))
    for address in (LIST, "/admin/catalog/clusterrun/"):
        assert "clusterrun/start/" not in client.get(address).content.decode()
    assert StyleCluster.objects.filter(named_by_person=True).count() == 0
    assert client.get(f"/admin/catalog/stylecluster/{uuid.uuid4()}/change/").status_code == 404


def test_the_map_draws_every_product_in_its_styles_colour_with_a_way_in(merchandiser, styles):
    page = merchandiser.get(MAP).content.decode()
    assert page.count("<circle cx=") == 21 + 4  # the legend has one per style and one for those alone
    assert page.count("<image ") == 3
    assert f'fill="{colour(0)}"' in page
    assert "style=" not in page.replace("?style=", "").replace("&amp;style=", "")
    only = merchandiser.get(MAP, {"style": str(styles["Jeans"].pk)}).content.decode()
    assert only.count('class="faded"') == 3
    assert only.count("<image ") == 1
    near = merchandiser.get(MAP, {"zoom": "4", "x": "0.2", "y": "0.5"}).content.decode()
    assert near.count("<circle cx=") == 7 + 4
    assert 'viewBox="75.0 375.0 250.0 250.0"' in near
    assert merchandiser.get(MAP, {"style": "nonsense"}).status_code == 404
    assert merchandiser.get(MAP, {"zoom": "nan", "x": "1e999"}).status_code == 200


def test_of_many_products_a_sample_is_drawn_and_said(styles, monkeypatch):
    monkeypatch.setattr("catalog.style_map.MOST_DOTS", 10)
    drawn = style_map(window=Window(), only=styles["Shirts"])
    assert (drawn.total, drawn.shown, drawn.is_sampled) == (21, 10, True)
    assert sum(len(group.dots) for group in drawn.groups if not group.faded) == 7


def test_an_empty_map_says_how_to_fill_it_and_a_clustering_starts_from_admin(merchandiser):
    assert "Nothing is on the map yet" in merchandiser.get(MAP).content.decode()
    start = "/admin/catalog/clusterrun/start/"
    for address in (MAP, LIST, "/admin/catalog/clusterrun/"):
        assert start in merchandiser.get(address).content.decode()
    assert "embed the catalogue first" in merchandiser.post(start, {"seed": "0"}).content.decode()
    planted_catalogue(each=7)
    refused = merchandiser.post(start, {"seed": "0", "min_cluster_size": "99"}).content.decode()
    assert "expected 2 to 10" in refused
    response = merchandiser.post(start, {"seed": "3", "min_cluster_size": "5"}, follow=True)
    run = ClusterRun.objects.get()
    assert run.parameters == {"min_cluster_size": 5, "seed": 3}
    assert f"{str(run)[1:]} is queued" in response.content.decode()
    figures = {
        "products": 21, "clusters": 3, "noise": 0.1, "nmi": 0.7, "nmi_clustered": 0.8, "nmi_with": {"colour": 0.5},
        "silhouette": None, "seconds": 1.0, "parameters": {},
    }  # fmt: skip
    comparison = dict.fromkeys(("kmeans", "dbscan", "hdbscan", "dbscan_on_vectors"), figures)
    counts = {"clusters": 3, "kept": 1, "new": 2, "removed": 0}
    run.report = {"products": 21, "noise": 0.1, "seconds": {}, "comparison": comparison, **counts}
    run.save()
    page = merchandiser.get(reverse("admin:catalog_clusterrun_change", args=[run.pk])).content.decode()
    assert "3 styles in 21 products: 1 known from before, 2 new, 0 gone" in page
    assert page.index("HDBSCAN") < page.index("k-means")
