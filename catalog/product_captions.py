"""The words that stand for a product of the shop in front of a text tower, whoever shows them to it."""

from catalog.ml.captions import product_caption
from catalog.models import Product


def caption_of(product: Product, *, without: str = "") -> str:
    """`product_caption` of `product`, as if it had no `without`: category, colour or pattern; "" leaves out nothing.

    Queries brand and category where they are not there yet.
    """
    return product_caption(
        title=product.title,
        brand=product.brand.name if product.brand else "",
        category=product.category.name if product.category and without != "category" else "",
        gender=product.gender,
        colour=product.colour if without != "colour" else "",
        pattern=product.pattern if without != "pattern" else "",
        material=product.material,
    )
