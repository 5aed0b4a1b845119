"""Pictures of products show what the products say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fashionrec.demo.drawing import draw_product
from fashionrec.demo.kinds import KINDS
from fashionrec.demo.palette import SHADES, shade
from fashionrec.demo.products import DemoProduct, generate_products
from fashionrec.demo.silhouettes import silhouette


@pytest.fixture(scope="module")
def by_kind() -> dict[str, DemoProduct]:
    found: dict[str, DemoProduct] = {}
    for product in generate_products(seed=11, count=500):
        found.setdefault(product.kind.noun, product)
    return found


def _difference(first: DemoProduct, second: DemoProduct) -> float:
    """Mean absolute difference of two pictures, 0..255."""
    a, b = (np.asarray(draw_product(product, size=64), dtype=np.float32) for product in (first, second))
    return float(np.abs(a - b).mean())


def test_the_same_product_is_drawn_the_same_to_the_byte(by_kind: dict[str, DemoProduct]) -> None:
    product = by_kind["dress"]
    assert draw_product(product, size=96).tobytes() == draw_product(product, size=96).tobytes()


@pytest.mark.parametrize("size", [16, 112, 320])
def test_a_picture_has_the_asked_size(by_kind: dict[str, DemoProduct], size: int) -> None:
    picture = draw_product(by_kind["jeans"], size=size)
    assert (picture.size, picture.mode) == ((size, size), "RGB")


def test_a_size_too_small_to_draw_is_refused(by_kind: dict[str, DemoProduct]) -> None:
    with pytest.raises(ValueError, match="received 15"):
        draw_product(by_kind["jeans"], size=15)


def test_every_kind_fills_the_middle_and_leaves_the_corners_to_the_backdrop(by_kind: dict[str, DemoProduct]) -> None:
    assert set(by_kind) == {kind.noun for kind in KINDS}
    for noun, product in by_kind.items():
        dark = replace(product, colour="black" if product.kind.noun != "watch" else "brown", pattern="plain")
        pixels = np.asarray(draw_product(dark, size=64), dtype=np.float32)
        covered = (pixels.mean(axis=2) < 190).mean()
        assert 0.05 < covered < 0.75, noun
        corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]]
        assert corners.min() > 205, noun


def test_kinds_do_not_look_alike(by_kind: dict[str, DemoProduct]) -> None:
    nouns = ["T-shirt", "jeans", "dress", "sneakers", "handbag", "hat", "watch", "scarf"]
    alike = [
        replace(by_kind[noun], colour="navy", pattern="plain", material="cotton", drawing_seed=1) for noun in nouns
    ]
    for index, first in enumerate(alike):
        for second in alike[index + 1 :]:
            assert _difference(first, second) > 8, (first.kind.noun, second.kind.noun)


@pytest.mark.parametrize("colour", sorted(SHADES))
def test_a_plain_garment_shows_its_colour(by_kind: dict[str, DemoProduct], colour: str) -> None:
    product = replace(
        by_kind["sweatshirt"],
        colour=colour,
        pattern="plain",
        material="jersey",
        gender="men",
        attributes={"style": "casual"},
    )
    pixels = np.asarray(draw_product(product, size=96), dtype=np.float32)
    centre = pixels[44:64, 40:56].reshape(-1, 3).mean(axis=0) / 255
    distance = min(float(np.abs(centre - np.array(shade(colour, choice))).max()) for choice in range(3))
    assert distance < 0.1


@pytest.mark.parametrize("pattern", ["striped", "dotted", "checked", "floral"])
def test_a_pattern_changes_the_cloth(by_kind: dict[str, DemoProduct], pattern: str) -> None:
    plain = replace(by_kind["dress"], pattern="plain", colour="navy", material="cotton", drawing_seed=4)
    assert _difference(plain, replace(plain, pattern=pattern)) > 5


def test_a_small_picture_is_the_large_one_made_smaller(by_kind: dict[str, DemoProduct]) -> None:
    for noun in ("dress", "sneakers", "shirt"):
        small = np.asarray(draw_product(by_kind[noun], size=80), dtype=np.float32)
        large = np.asarray(draw_product(by_kind[noun], size=320).reduce(4), dtype=np.float32)
        assert np.abs(small - large).mean() < 5, noun


def test_an_unknown_silhouette_is_named_in_the_error() -> None:
    with pytest.raises(ValueError, match=r"tops\.toga"):
        silhouette("tops.toga")


def test_an_unknown_colour_is_named_in_the_error() -> None:
    with pytest.raises(ValueError, match="'blurple'"):
        shade("blurple")
