"""What is known of one product as a value: the common form of files, the API and the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

LONGEST = {
    "external_id": 100,
    "title": 300,
    "description": 20_000,
    "brand": 120,
    "category": 400,
    "gender": 10,
    "colour": 60,
    "material": 60,
    "pattern": 60,
    "season": 20,
    "sku": 120,
    "size": 40,
    "currency": 3,
}
"""Most characters per text field; equal to what the database takes (a test compares them)."""

LONGEST_CATEGORY_NAME = 100
CATEGORY_SEPARATOR = " > "
HIGHEST_PRICE = Decimal("99999999.99")
HIGHEST_STOCK = 2_147_483_647
MOST_VARIANTS = 500
MOST_IMAGES = 50
LONGEST_FILE_NAME = 500
LONGEST_ADDRESS = 2_000
LONGEST_ALT = 300
MOST_ATTRIBUTES = 100

GENDERS = ("women", "men", "unisex", "girls", "boys")
SEASONS = ("spring", "summer", "autumn", "winter")


@dataclass(frozen=True, slots=True)
class VariantData:
    """One thing that can be bought; see catalog.models.Variant for what a missing price or stock means."""

    sku: str
    size: str = ""
    colour: str = ""
    price: Decimal | None = None
    compare_at_price: Decimal | None = None
    currency: str = ""
    stock: int | None = None


@dataclass(frozen=True, slots=True)
class ProductData:
    """One product. Make it with catalog.product_parsing.parse_product, which checks what arrives from outside.

    variants, images, status: None leaves what is stored; a list replaces it.
    images: file names relative to the folder of an import, or http(s) addresses; alts: what some of them show.
    """

    external_id: str
    title: str
    description: str = ""
    brand: str = ""
    category: str = ""
    """Path from the root, "Women > Dresses"."""
    gender: str = ""
    colour: str = ""
    material: str = ""
    pattern: str = ""
    season: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[VariantData, ...] | None = None
    images: tuple[str, ...] | None = None
    alts: Mapping[str, str] = field(default_factory=dict)
    """Picture -> what it shows, in words."""
    status: str | None = None

    def as_record(self) -> dict[str, Any]:
        """The same as plain values, the shape of one line of the jsonl format."""
        record: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        for name in ("variants", "images", "status"):
            if record[name] is None:
                del record[name]
        alts = record.pop("alts")
        if self.variants is not None:
            record["variants"] = [
                {name: getattr(variant, name) for name in VariantData.__slots__} for variant in self.variants
            ]
        if self.images is not None:
            record["images"] = [{"src": name, "alt": alts[name]} if name in alts else name for name in self.images]
        record["attributes"] = dict(self.attributes)
        return record
