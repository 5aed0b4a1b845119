"""Which products lack a category, a colour or a pattern, and what others have there."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from catalog.models import AttributeSuggestion, Encoder, Product, ProductEmbedding
from catalog.querysets import ProductQuerySet

SUGGESTED_FIELDS: tuple[str, ...] = tuple(AttributeSuggestion.Field.values)

_EMPTY = {"category": Q(category__isnull=True), "colour": Q(colour=""), "pattern": Q(pattern="")}
_VALUE = {"category": "category__path", "colour": "colour", "pattern": "pattern"}


@dataclass(frozen=True, slots=True)
class ValuedProduct:
    pk: int
    value: str
    gender: str


def lacking(field: str) -> ProductQuerySet:
    """Products of the shop, archived ones aside, whose `field` is empty."""
    return _kept().filter(_EMPTY[field])


def with_vectors(products: ProductQuerySet, encoder: Encoder) -> ProductQuerySet:
    return products.filter(
        Exists(ProductEmbedding.objects.filter(product=OuterRef("pk"), encoder=encoder, kind="hybrid"))
    )


def valued_products(field: str, encoder: Encoder) -> list[ValuedProduct]:
    """Products that have a value and vectors, by primary key."""
    having = with_vectors(_kept().exclude(_EMPTY[field]), encoder).order_by("pk")
    return [ValuedProduct(*row) for row in having.values_list("pk", _VALUE[field], "gender")]


def value_of(product: Product, field: str) -> str:
    """Of a category its path; "" where the field is empty."""
    if field == "category":
        return product.category.path if product.category else ""
    return str(getattr(product, field))


def _kept() -> ProductQuerySet:
    return Product.objects.exclude(status=Product.Status.ARCHIVED)
