"""Variants of a Shopify product: options become size and colour, the inventory becomes stock."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import count
from typing import Any

from catalog.formats.row import Row
from fashionrec.common.errors import FieldError

_SIZES = frozenset(("size", "sizes", "shoe size", "größe", "taille", "talla", "taglia", "maat", "storlek"))
_COLOURS = frozenset(("color", "colour", "colors", "colours", "farbe", "couleur", "kleur", "colore", "color/pattern"))
_MATERIALS = frozenset(("material", "fabric", "stoff", "matière"))
_WITHOUT_OPTIONS = ("title", "default title")
_OVERSOLD = re.compile(r"^-\d+(\.0+)?$")
_NOT_A_SKU = re.compile(r"[^a-z0-9]+")
_LONGEST_SKU = 120


@dataclass(slots=True)
class Variants:
    """`listed` as catalog.product_parsing reads them, each from the row of the file at the same place in `rows`.

    colour: of the first variant, which is the one pictured first. material, attributes: options with one value for
    the whole product.
    """

    listed: list[dict[str, Any]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    colour: str = ""
    material: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    warnings: list[tuple[int, FieldError]] = field(default_factory=list)


def variants_of(rows: list[Row], *, currency: str, tracked: bool) -> Variants:
    """rows: of one product, first row first. tracked: whether the export says of which variants stock is kept."""
    options = [rows[0].record.get(f"option{n}_name", "").strip() for n in (1, 2, 3)]
    own = [row for row in rows if row is rows[0] or _is_variant(row.record)]
    chosen = [_chosen(row.record, options) for row in own]
    variants = Variants(rows=[row.number for row in own])
    shared = _shared_by_all(chosen) if len(own) > 1 or chosen[0] else {}
    for name, value in shared.items():
        if name.lower() in _MATERIALS:
            variants.material = variants.material or value
        elif name.lower() not in _SIZES | _COLOURS and len(name) <= 60:
            variants.attributes[name.lower()] = value
    handle = rows[0].record.get("handle", "")
    taken: set[str] = set()
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(2))
    for row, values in zip(own, chosen, strict=True):
        size, colour = _size_and_colour({name: value for name, value in values.items() if _tells(name, shared)})
        sku = row.record.get("sku", "").removeprefix("'")
        if sku in taken:
            problem = FieldError("sku", sku[:200], "occurs twice in this product; named by its options instead")
            variants.warnings.append((row.number, problem))
        if not sku or sku in taken:
            sku = _made_sku(handle, values, taken, numbers)
        taken.add(sku)
        variants.listed.append(
            {
                "sku": sku,
                "size": size,
                "colour": colour,
                "currency": currency if row.record.get("price") else "",
                "stock": _stock(row.record, tracked=tracked),
                **_prices(row.record),
            }
        )
    variants.colour = variants.listed[0]["colour"]
    return variants


def _is_variant(cells: Mapping[str, str]) -> bool:
    return any(cells.get(name) for name in ("option1_value", "option2_value", "option3_value", "sku", "price"))


def _chosen(cells: Mapping[str, str], options: list[str]) -> dict[str, str]:
    """Option -> value of one variant; empty for a product without options, whose only one is "Title"."""
    values = {
        option or f"option {n}": value
        for n, option in enumerate(options, start=1)
        if (value := cells.get(f"option{n}_value", ""))
    }
    single = [(name.lower(), value.lower()) for name, value in values.items()]
    return {} if single == [_WITHOUT_OPTIONS] else values


def _shared_by_all(chosen: list[dict[str, str]]) -> dict[str, str]:
    first = chosen[0]
    return {name: value for name, value in first.items() if all(values.get(name) == value for values in chosen)}


def _tells(name: str, shared: Mapping[str, str]) -> bool:
    """Whether an option tells variants apart, or is a size or colour, which are shown in any case."""
    return name not in shared or name.lower() in _SIZES | _COLOURS


def _size_and_colour(values: Mapping[str, str]) -> tuple[str, str]:
    """Options that are neither size nor colour stand beside the size: "M / Long"."""
    colour = next((value for name, value in values.items() if name.lower() in _COLOURS), "")
    size = [value for name, value in values.items() if name.lower() in _SIZES]
    other = [value for name, value in values.items() if name.lower() not in _SIZES | _COLOURS]
    return " / ".join(size + other), colour


def _made_sku(handle: str, values: Mapping[str, str], taken: set[str], numbers: Mapping[str, Iterator[int]]) -> str:
    """Named by the options, so that a variant keeps its sku when others come before it.

    numbers: by name, what tells apart those of the same options; none is tried twice.
    """
    parts = [_NOT_A_SKU.sub("-", value.lower()).strip("-") for value in values.values()]
    base = "-".join([handle[:60], *(part for part in parts if part)])[: _LONGEST_SKU - 4]
    sku = base
    while sku in taken:
        sku = f"{base}-{next(numbers[base])}"
    return sku


def _prices(cells: Mapping[str, str]) -> dict[str, str]:
    """A price to compare with that is not higher is none; exports write 0.00."""
    price, before = cells.get("price", ""), cells.get("compare_at_price", "")
    try:
        if before and Decimal(before) <= (Decimal(price) if price else 0):
            before = ""
    except InvalidOperation:
        pass  # refused, with its row, where amounts are read
    return {"price": price, "compare_at_price": before}


def _stock(cells: Mapping[str, str], *, tracked: bool) -> str | None:
    """None where Shopify does not count, or sells on when nothing is left; an oversold variant has nothing left."""
    if (tracked and not cells.get("tracker")) or cells.get("policy", "").lower() in ("continue", "true"):
        return None
    quantity = cells.get("quantity", "")
    return "0" if _OVERSOLD.match(quantity) else quantity or None
