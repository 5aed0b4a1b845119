"""Writing a clustering: new groups take the place of those before them, and people's work stays as it is.

Only jobs come here: matching groups needs scipy.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from numpy.typing import NDArray

from catalog.ml.cluster_matching import majority, match_clusters
from catalog.ml.cluster_names import portray_clusters
from catalog.ml.clustering import NOISE, Clustering
from catalog.models import ClusterRun, Encoder, StyleCluster, StylePlacement
from catalog.services.style_placements import Place, store_places
from catalog.services.style_portraits import refresh_portraits
from catalog.style_selectors import product_facts
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.runs import advance

Styles = dict[UUID, StyleCluster]


@transaction.atomic
def store_clustering(
    *,
    run: ClusterRun,
    product_ids: NDArray[np.int64],
    clustering: Clustering,
    places: NDArray[np.float32],
    report: Mapping[str, Any],
    done: int,
) -> dict[str, int]:
    """Write a clustering of (N,) products with their (N, 2) places; returns {"clusters", "kept", "new", "removed"}.

    A group that overlaps one of before keeps its row, and so its name where a person gave it. What overlaps a style
    that a person merged goes where that went. Products that a person moved stay. Styles of which nothing is left are
    removed, unless a person worked on them. Raises LeaseLost, with nothing written, when another process has the run.
    """
    take_lock(Lock.STYLES)
    styles: Styles = {
        style.pk: style for style in StyleCluster.objects.select_for_update().order_by("created_at", "pk")
    }
    before, moved = _labels_before(styles, product_ids)
    order = list(styles)
    found = np.where(moved, NOISE, clustering.labels)
    matched = match_clusters(before, found)
    merged = np.array([styles[pk].merged_into_id is not None for pk in order] + [False])
    from_merged = np.where(merged[before], before, NOISE)
    of_label: dict[int, StyleCluster] = {}
    new = 0
    for label in range(clustering.count):
        members = np.flatnonzero(found == label)
        old = matched.get(label)
        if old is None and len(members):
            # Half a merged style is still that style: people did not want it by itself.
            old = majority(from_merged, members)
        if old is None:
            of_label[label] = StyleCluster(name="", encoder=run.encoder)
            new += 1
        else:
            of_label[label] = styles[order[old]]
    _remember_merged(of_label, clustering, found, product_ids)
    StyleCluster.objects.bulk_create([style for style in of_label.values() if style.pk not in styles])
    store_places(places=_places(of_label, clustering, product_ids, moved, places))
    removed = _remove_empty()
    standing = list(StyleCluster.objects.filter(merged_into=None).values_list("pk", flat=True))
    refresh_portraits(style_ids=standing, encoder=run.encoder)
    _name_styles(run.encoder)
    kept = len({style.pk for style in of_label.values()} & set(styles))
    counts = {"clusters": len(standing), "kept": kept, "new": new, "removed": removed}
    # Last, for it locks the run's row, which the heartbeat wants too.
    advance(run, done=done, report={**report, **counts})
    return counts


def _labels_before(styles: Styles, product_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(N,) number of the style each product was found in, NOISE for none; and which a person moved.

    A merged style still counts as itself: what it brought along is known by its representatives.
    """
    number_of = {pk: number for number, pk in enumerate(styles)}
    brought = {
        (product, style.merged_into_id): number_of[style.pk]
        for style in styles.values()
        if style.merged_into_id is not None
        for product in style.representatives
    }
    placed = StylePlacement.objects.filter(product__in=product_ids.tolist())
    rows = {row[0]: row[1:] for row in placed.values_list("product_id", "cluster_id", "moved_by_person")}
    before = np.full(len(product_ids), NOISE, dtype=np.int64)
    moved = np.zeros(len(product_ids), dtype=np.bool_)
    for row, product in enumerate(product_ids.tolist()):
        style, moved[row] = rows.get(product, (None, False))
        if style is not None and not moved[row]:
            before[row] = brought.get((product, style), number_of[style])
    return before, moved


def _remember_merged(
    of_label: Mapping[int, StyleCluster],
    clustering: Clustering,
    found: NDArray[np.int64],
    product_ids: NDArray[np.int64],
) -> None:
    """Merged styles keep all their products as representatives: by those the next clustering knows them."""
    members: dict[UUID, list[int]] = {}
    merged = {style.pk: style for style in of_label.values() if style.merged_into_id is not None}
    for label, style in of_label.items():
        if style.pk in merged:
            rows = np.flatnonzero(found == label)
            rows = rows[np.argsort(-clustering.strength[rows], kind="stable")]
            members.setdefault(style.pk, []).extend(product_ids[rows].tolist())
    for pk, ids in members.items():
        merged[pk].representatives, merged[pk].updated_at = ids, timezone.now()
    StyleCluster.objects.bulk_update(merged.values(), ["representatives", "updated_at"])


def _places(
    of_label: Mapping[int, StyleCluster],
    clustering: Clustering,
    product_ids: NDArray[np.int64],
    moved: NDArray[np.bool_],
    places: NDArray[np.float32],
) -> list[Place]:
    target = {label: style.merged_into_id or style.pk for label, style in of_label.items()}
    return [
        Place(product, target.get(label), strength, x, y, moved=by_person)
        for product, label, strength, (x, y), by_person in zip(
            product_ids.tolist(),
            clustering.labels.tolist(),
            clustering.strength.tolist(),
            places.tolist(),
            moved.tolist(),
            strict=True,
        )
    ]


def _remove_empty() -> int:
    """Styles without visible products on which nobody worked; those that others were merged into are worked on."""
    placed = StylePlacement.objects.filter(
        Q(product__status="active") | Q(moved_by_person=True), cluster=OuterRef("pk")
    )
    merged = StyleCluster.objects.filter(merged_into=OuterRef("pk"))
    untouched = StyleCluster.objects.filter(~Exists(placed), ~Exists(merged), named_by_person=False, merged_into=None)
    _, removed = untouched.delete()
    return removed.get(StyleCluster._meta.label, 0)


def _name_styles(encoder: Encoder) -> None:
    """Names and attributes of all standing styles by what sets them apart; a person's name stays."""
    styles = list(StyleCluster.objects.filter(merged_into=None))
    placed = StylePlacement.objects.filter(product__status="active")
    rows = list(placed.order_by("product_id").values_list("product_id", "cluster_id"))
    sizes: dict[UUID | None, int] = {}
    for _, style_id in rows:
        sizes[style_id] = sizes.get(style_id, 0) + 1
    styles.sort(key=lambda style: (-sizes.get(style.pk, 0), style.created_at, style.pk))
    number_of = {style.pk: number for number, style in enumerate(styles)}
    labels = np.array([number_of.get(style_id, NOISE) for _, style_id in rows], dtype=np.int64)
    given = {style.name for style in styles if style.named_by_person}
    portraits = portray_clusters(product_facts([pk for pk, _ in rows]), labels, taken=given)
    for number, style in enumerate(styles):
        portrait = portraits.get(number)
        if portrait is None:
            style.attributes = []
            continue
        style.attributes = [distinction.as_dict() for distinction in portrait.distinctions]
        if not style.named_by_person:
            style.name = portrait.name
    StyleCluster.objects.bulk_update(styles, ["name", "attributes"])
