"""The demo's drawings as examples to train an encoder on."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.ml.captions import product_caption
from catalog.ml.clip_examples import Example
from fashionrec.demo.drawing import draw_product
from fashionrec.demo.products import DemoProduct, generate_products

# What a product is for cannot be seen in its picture.
_INVISIBLE = ("occasion", "style")


def drawn_examples(*, seed: int, count: int, size: int = 192) -> Iterator[Example]:
    """`count` drawings of `size` pixels with caption and visible attributes; products as `generate_products` makes."""
    for product in generate_products(seed=seed, count=count):
        yield Example(
            image=draw_product(product, size=size),
            caption=demo_caption(product),
            attributes=visible_attributes(product),
        )


def demo_caption(product: DemoProduct) -> str:
    """The text that the shop gives to the text tower for this product."""
    return product_caption(
        title=product.title,
        brand=product.brand,
        category=product.category,
        gender=product.gender,
        colour=product.colour,
        pattern=product.pattern,
        material=product.material,
    )


def visible_attributes(product: DemoProduct) -> dict[str, str]:
    """What one can see, or nearly: the leaf of the category, who it is for, cloth, shape."""
    shape = {name: value for name, value in product.attributes.items() if name not in _INVISIBLE}
    return {
        "category": product.category.rsplit(">", 1)[-1].strip(),
        "gender": product.gender,
        "colour": product.colour,
        "pattern": product.pattern,
        "material": product.material,
        "season": product.season,
        **shape,
    }
