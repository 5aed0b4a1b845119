"""The picture of a demo product."""

from __future__ import annotations

import numpy as np
from PIL import Image

from fashionrec.demo.canvas import Canvas, Fabric
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import COMPANIONS, RGB, shade
from fashionrec.demo.patterns import VARIANTS, Print
from fashionrec.demo.products import DemoProduct
from fashionrec.demo.silhouettes import silhouette
from fashionrec.demo.silhouettes.body import Look

_BACKDROPS: tuple[RGB, ...] = (
    (0.955, 0.951, 0.945),
    (0.945, 0.949, 0.954),
    (0.962, 0.955, 0.943),
    (0.949, 0.949, 0.949),
)


def draw_product(product: DemoProduct, *, size: int = 320) -> Image.Image:
    """RGB picture (size, size) of a product, the same every time.

    Raises ValueError if `size` is below 16 pixels.
    """
    rng = np.random.default_rng(product.drawing_seed)
    drawn = silhouette(product.kind.silhouette)
    canvas = Canvas(size)
    drawn.draw(canvas, _look(product, rng))
    return canvas.finish(_BACKDROPS[int(rng.integers(len(_BACKDROPS)))], stands=drawn.stands)


def _look(product: DemoProduct, rng: np.random.Generator) -> Look:
    pairs = COMPANIONS[product.colour]
    first, second = pairs[int(rng.integers(len(pairs)))]
    variants = VARIANTS[product.pattern]
    design = Print(
        pattern=product.pattern,
        variant=variants[int(rng.integers(len(variants)))],
        ground=shade(product.colour, int(rng.integers(3))),
        accents=(shade(first), shade(second)),
        seed=int(rng.integers(1000)),
    )
    fabric = Fabric(design, MATERIALS[product.material], int(rng.integers(400)))
    return Look(fabric, shade(first), product.gender, product.attributes, rng)
