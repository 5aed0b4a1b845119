"""The shop's own products as examples to train an encoder on."""

from collections.abc import Iterator

from catalog.images import ImageError, open_image
from catalog.ml.clip_examples import Example
from catalog.models import Product
from catalog.product_captions import caption_of

_BATCH = 200


def catalogue_examples(*, on_skip: list[str]) -> Iterator[Example]:
    """One example per product that is not archived, by its first picture that opens, in the order of their ids.

    Its caption is what the shop gives to the text tower. Why a product is left out is appended to `on_skip`. Takes two
    queries per _BATCH products.
    """
    products = Product.objects.exclude(status=Product.Status.ARCHIVED).select_related("brand", "category")
    last = 0
    while batch := list(products.filter(pk__gt=last).prefetch_related("images").order_by("pk")[:_BATCH]):
        for product in batch:
            example = _example(product, on_skip)
            if example is not None:
                yield example
        last = batch[-1].pk


def _example(product: Product, on_skip: list[str]) -> Example | None:
    reasons = []
    for picture in product.images.all():
        try:
            with picture.file.open("rb") as stream:
                image = open_image(stream.read(), field=f"{product.public_id} image", name=picture.file.name or "")
        except (ImageError, OSError) as error:
            reasons.append(str(error))
            continue
        return Example(image=image, caption=caption_of(product), attributes=_attributes(product))
    on_skip.append("; ".join(reasons) or f"{product.public_id}: has no picture")
    return None


def _attributes(product: Product) -> dict[str, str]:
    return {
        "category": product.category.name if product.category else "",
        "gender": product.gender,
        "colour": product.colour,
        "pattern": product.pattern,
        "material": product.material,
        "season": product.season,
        "brand": product.brand.name if product.brand else "",
    }
