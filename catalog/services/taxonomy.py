"""Brands and categories: found by name, made when they are new, kept consistent when they are renamed."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.text import slugify

from catalog.models import Brand, Category, Product
from catalog.querysets import ProductQuerySet
from fashionrec.common.errors import Invalid


def brands_by_name(names: Collection[str]) -> dict[str, Brand]:
    """Name -> brand, made where it is missing. Capitals do not make another brand: the first spelling stays.

    Must run inside a transaction. Two importers may ask at once: whoever is first makes the row.
    """
    wanted = {name.lower(): name for name in sorted(names) if name}
    if not wanted:
        return {}
    found = _brands(wanted)
    missing = [name for key, name in wanted.items() if key not in found]
    if missing:
        slugs = _free_slugs(Brand, [slugify(name)[:130] or "brand" for name in missing])
        Brand.objects.bulk_create(
            [Brand(name=name, slug=slug) for name, slug in zip(missing, slugs, strict=True)], ignore_conflicts=True
        )
        found = _brands(wanted)
    return {name: found[name.lower()] for name in names if name}


def categories_by_path(paths: Collection[str]) -> dict[str, Category]:
    """Path -> category, made with all its ancestors where missing. Must run inside a transaction."""
    wanted = {path for path in paths if path}
    if not wanted:
        return {}
    found = {category.path: category for category in Category.objects.filter(path__in=wanted)}
    missing = {_ancestor(path, depth) for path in wanted - found.keys() for depth in range(1, path.count(">") + 2)}
    for depth in sorted({path.count(">") for path in missing}):
        level = sorted(path for path in missing if path.count(">") == depth)
        found |= _make_level(level, found)
    return {path: found[path] for path in wanted}


def check_category(*, pk: int | None, name: str, parent: Category | None) -> str:
    """The path that a category of this name and parent gets.

    Raises Invalid for a parent below itself, a ">" in the name, or a path that is taken or too long.
    """
    separator = Category.SEPARATOR
    if separator.strip() in name:
        raise Invalid.for_field("name", name, f"must not contain {separator.strip()!r}")
    path = f"{parent.path}{separator}{name}" if parent else name
    before = Category.objects.filter(pk=pk).first() if pk is not None else None
    if parent and before and f"{parent.path}{separator}".startswith(f"{before.path}{separator}"):
        raise Invalid.for_field("parent", parent.path, "lies in this category")
    others = Category.objects.filter(path=path)
    if len(path) > 400 or (others.exclude(pk=pk) if pk is not None else others).exists():
        raise Invalid.for_field("path", path, "is taken, or longer than 400 characters")
    return path


def save_category(*, category: Category) -> Category:
    """Store a category whose name or parent may have changed; its path and those below follow.

    The products concerned get a new content version, for the encoder reads the category's name. Raises Invalid
    (see check_category).
    """
    with transaction.atomic():
        before = Category.objects.select_for_update().filter(pk=category.pk).first() if category.pk else None
        category.path = check_category(pk=category.pk, name=category.name, parent=category.parent)
        category.slug = category.slug or _free_slugs(Category, [_category_slug(category.path)])[0]
        category.save()
        if before and before.path != category.path:
            _move_below(before.path, category.path)
            _touch(Product.objects.in_category(category))
    return category


def save_brand(*, brand: Brand) -> Brand:
    """Store a brand; when its name changed, its products get a new content version."""
    with transaction.atomic():
        before = Brand.objects.select_for_update().filter(pk=brand.pk).first() if brand.pk else None
        brand.slug = brand.slug or _free_slugs(Brand, [slugify(brand.name)[:130] or "brand"])[0]
        brand.save()
        if before and before.name != brand.name:
            _touch(Product.objects.filter(brand=brand))
    return brand


def _brands(wanted: Collection[str]) -> dict[str, Brand]:
    brands = Brand.objects.annotate(key=Lower("name")).filter(key__in=list(wanted)).order_by("pk")
    # Several spellings may be there from before: the oldest is the brand.
    return {brand.name.lower(): brand for brand in reversed(brands)}


def _ancestor(path: str, depth: int) -> str:
    return Category.SEPARATOR.join(path.split(Category.SEPARATOR)[:depth])


def _make_level(paths: list[str], found: dict[str, Category]) -> dict[str, Category]:
    known = {category.path: category for category in Category.objects.filter(path__in=paths)}
    new = [path for path in paths if path not in known]
    if new:
        slugs = _free_slugs(Category, [_category_slug(path) for path in new])
        rows = []
        for path, slug in zip(new, slugs, strict=True):
            above, _, name = path.rpartition(Category.SEPARATOR)
            rows.append(Category(name=name, slug=slug, path=path, parent=found[above] if above else None))
        Category.objects.bulk_create(rows, ignore_conflicts=True)
        known = {category.path: category for category in Category.objects.filter(path__in=paths)}
    return known


def _category_slug(path: str) -> str:
    return slugify(path.replace(Category.SEPARATOR, " "))[:240] or "category"


def _free_slugs(model: type[Brand] | type[Category], bases: list[str]) -> list[str]:
    """The bases themselves where they are free, else with the first free number ("h-m-2")."""
    condition = Q(slug__in=bases)
    for base in set(bases):
        condition |= Q(slug__startswith=f"{base}-")
    taken = set(model._default_manager.filter(condition).values_list("slug", flat=True))
    slugs = []
    for base in bases:
        slug, number = base, 2
        while slug in taken:
            slug, number = f"{base}-{number}", number + 1
        taken.add(slug)
        slugs.append(slug)
    return slugs


def _move_below(old: str, new: str) -> None:
    below = list(Category.objects.select_for_update().filter(path__startswith=old + Category.SEPARATOR))
    for category in below:
        category.path = new + category.path.removeprefix(old)
    Category.objects.bulk_update(below, ["path"])


def _touch(products: ProductQuerySet) -> None:
    products.update(content_version=F("content_version") + 1, updated_at=timezone.now())
