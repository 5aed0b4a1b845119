"""Styles as people correct them, and when to look for them anew. Nothing here clusters (that is catalog.style_jobs)."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from catalog.models import ClusterRun, EmbeddingRun, Encoder, Product, StyleCluster, StylePlacement
from catalog.services.style_portraits import refresh_portraits
from catalog.style_selectors import changed_share, embedded_products, latest_clustering
from catalog.vectors import live_encoder
from fashionrec.common.errors import Conflict, Invalid, NotFound
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.queue import enqueue
from fashionrec.common.services.audit import record_audit

FEWEST_PRODUCTS = 20
"""Below so many products with vectors there are no styles to find."""

SMALLEST_STYLE = 2
DUE_SHARE = 0.1
"""So many products new or changed since the last clustering make another one due."""

REST = timedelta(hours=1)
"""What failed or was cancelled a minute ago is not begun again by beat."""

NAME_LENGTH = 120


@transaction.atomic
def plan_cluster_run(
    *, encoder: Encoder | None = None, min_cluster_size: int | None = None, seed: int = 0
) -> ClusterRun:
    """Queue a clustering of the visible products, or return the open one.

    encoder: default the live one. min_cluster_size: fewest products that make a style; default by the catalogue's size.
    Raises Conflict without an encoder or without enough vectors, Invalid for a size below SMALLEST_STYLE or above half
    of the products.
    """
    take_lock(Lock.STYLES)
    encoder = encoder or live_encoder()
    if encoder is None:
        raise Conflict.for_field("encoder", None, "no encoder is live: embed the catalogue first")
    products = len(embedded_products(encoder))
    if products < FEWEST_PRODUCTS:
        reason = f"styles need at least {FEWEST_PRODUCTS} visible products with vectors of {encoder.name}"
        raise Conflict.for_field("products", products, reason)
    if min_cluster_size is not None and not SMALLEST_STYLE <= min_cluster_size <= products // 2:
        reason = f"expected {SMALLEST_STYLE} to {products // 2}, half of the products"
        raise Invalid.for_field("min_cluster_size", min_cluster_size, reason)
    run = ClusterRun.objects.filter(state__in=ClusterRun.OPEN_STATES).first()
    if run is None:
        parameters = {"min_cluster_size": min_cluster_size, "seed": seed}
        run = ClusterRun.objects.create(encoder=encoder, parameters=parameters)
    enqueue(ClusterRun.task_name, str(run.pk))
    return run


def plan_due_clustering() -> ClusterRun | None:
    """For beat: a clustering when DUE_SHARE of the products changed since the last one, and no work is going on.

    The first one follows the first complete embedding.
    """
    encoder = live_encoder()
    if encoder is None or EmbeddingRun.objects.filter(encoder=encoder, state__in=EmbeddingRun.OPEN_STATES).exists():
        return None
    latest = ClusterRun.objects.filter(encoder=encoder).order_by("-created_at").first()
    if latest is not None:
        stopped = latest.state in (ClusterRun.State.FAILED, ClusterRun.State.CANCELLED)
        if latest.is_open or (stopped and latest.created_at > timezone.now() - REST):
            return None
    if changed_share(encoder) < DUE_SHARE or len(embedded_products(encoder)) < FEWEST_PRODUCTS:
        return None
    return plan_cluster_run(encoder=encoder)


def styles_are_fresh() -> bool:
    """Whether the live encoder's vectors were clustered and few have changed since."""
    encoder = live_encoder()
    if encoder is None or latest_clustering(encoder) is None:
        return False
    return changed_share(encoder) < DUE_SHARE


@transaction.atomic
def rename_style(*, style: StyleCluster, name: str, actor: str) -> StyleCluster:
    """Give a style a person's name, which no clustering changes. Raises Invalid for a blank, long or taken name."""
    take_lock(Lock.STYLES)
    name = _checked_name(name, besides=style)
    former = _locked(style)[style.pk].name
    style.name, style.named_by_person = name, True
    style.save(update_fields=["name", "named_by_person", "updated_at"])
    record_audit(actor=actor, action="style.rename", object=style, details={"from": former, "to": name})
    return style


@transaction.atomic
def merge_styles(*, style: StyleCluster, into: StyleCluster, actor: str) -> StyleCluster:
    """Move all of `style` into another; what a later clustering finds in its place goes there too. Returns `into`.

    Raises Invalid when both are the same, Conflict when one of them was merged before.
    """
    take_lock(Lock.STYLES)
    if style.pk == into.pk:
        raise Invalid.for_field("into", into.name, "a style cannot be merged into itself")
    pair = _locked(style, into)
    style, into = pair[style.pk], pair[into.pk]
    for given in (style, into):
        if given.merged_into_id is not None:
            raise Conflict.for_field("style", given.name, "this style was merged into another already")
    # By all its products a later clustering knows the group again, whichever encoder it uses.
    members = style.placements.order_by("-strength", "product_id")
    style.representatives = list(members.filter(moved_by_person=False).values_list("product_id", flat=True))
    style.merged_into = into
    style.save(update_fields=["representatives", "merged_into", "updated_at"])
    style.merged.update(merged_into=into)
    moved = members.update(cluster=into)
    refresh_portraits(style_ids=[into.pk])
    details = {"into": str(into.pk), "name": style.name, "products": moved}
    record_audit(actor=actor, action="style.merge", object=style, details=details)
    into.refresh_from_db()
    return into


@transaction.atomic
def separate_style(*, style: StyleCluster, actor: str) -> StyleCluster:
    """Take back a merge: the style stands by itself again, with what it brought and nobody moved since.

    Raises Conflict for a style that was not merged.
    """
    take_lock(Lock.STYLES)
    style = _locked(style)[style.pk]
    into = style.merged_into
    if into is None:
        raise Conflict.for_field("style", style.name, "this style was not merged into another")
    brought = into.placements.filter(product__in=style.representatives, moved_by_person=False)
    style.merged_into = None
    style.save(update_fields=["merged_into", "updated_at"])
    moved = brought.update(cluster=style)
    refresh_portraits(style_ids=[style.pk, into.pk])
    record_audit(actor=actor, action="style.separate", object=style, details={"from": str(into.pk), "products": moved})
    style.refresh_from_db()
    return style


@transaction.atomic
def move_products(
    *,
    product_ids: Collection[int],
    actor: str,
    to: StyleCluster | None = None,
    new_name: str = "",
) -> StyleCluster | None:
    """Move products to a style, to a new one named `new_name`, or to none; no clustering moves them again.

    Returns where they are now. Raises Invalid for no or unknown products and for a bad name, Conflict for a style that
    was merged into another.
    """
    take_lock(Lock.STYLES)
    if to is not None and new_name:
        raise Invalid.for_field("new_name", new_name, "give either a style or a new name")
    known = set(Product.objects.filter(pk__in=product_ids).values_list("pk", flat=True))
    if not known or len(known) < len(set(product_ids)):
        unknown = sorted(set(product_ids) - known)
        raise Invalid.for_field("products", unknown, "choose at least one product, all of them known")
    if to is not None:
        to = _locked(to)[to.pk]
        if to.merged_into_id is not None:
            raise Conflict.for_field("to", to.name, "this style was merged into another")
    if new_name:
        name = _checked_name(new_name)
        to = StyleCluster.objects.create(name=name, named_by_person=True, encoder=live_encoder())
        record_audit(actor=actor, action="style.create", object=to, details={"name": name})
    left = set(StylePlacement.objects.filter(product__in=known).values_list("cluster_id", flat=True)) - {None}
    for pk in sorted(known):
        placed = {"cluster": to, "moved_by_person": True, "strength": 1.0 if to else 0.0}
        placement, created = StylePlacement.objects.get_or_create(product_id=pk, defaults=placed)
        before = None if created else placement.cluster_id
        if not created:
            StylePlacement.objects.filter(pk=placement.pk).update(**placed)
        details = {"from": str(before) if before else None, "to": str(to.pk) if to else None}
        record_audit(actor=actor, action="style.move", object=placement, object_id=f"product {pk}", details=details)
    refresh_portraits(style_ids=[pk for pk in {*left, to.pk if to else None} if pk is not None])
    if to is not None:
        to.refresh_from_db()
    return to


def _locked(*styles: StyleCluster) -> dict[UUID, StyleCluster]:
    """The rows as they are now, by primary key. Raises NotFound for one that a clustering removed meanwhile."""
    wanted = {style.pk: style for style in styles}
    found = {row.pk: row for row in StyleCluster.objects.select_for_update().filter(pk__in=wanted).order_by("pk")}
    for pk, style in wanted.items():
        if pk not in found:
            raise NotFound.for_field("style", style.name, "this style is gone: a clustering no longer found it")
    return found


def _checked_name(name: str, *, besides: StyleCluster | None = None) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > NAME_LENGTH or "\x00" in cleaned:
        raise Invalid.for_field("name", name, f"expected 1 to {NAME_LENGTH} characters")
    others = StyleCluster.objects.filter(name__iexact=cleaned, merged_into=None)
    if besides is not None:
        others = others.exclude(pk=besides.pk)
    if others.exists():
        raise Invalid.for_field("name", name, "another style has this name")
    return cleaned
