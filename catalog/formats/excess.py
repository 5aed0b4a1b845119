"""What a shop's export has more of than a product may have: cut, and said to be cut."""

from typing import Any

from catalog.product_data import LONGEST, MOST_IMAGES
from fashionrec.common.errors import FieldError

LONGEST_ATTRIBUTE = 500


def cut_to_size(record: dict[str, Any]) -> tuple[FieldError, ...]:
    """Shortens the description, the attributes and the list of pictures of a record; says what was cut."""
    warnings = []
    description = record.get("description", "")
    if len(description) > LONGEST["description"]:
        record["description"] = _cut(description, LONGEST["description"], " ")
        warnings.append(_warning("description", description, LONGEST["description"]))
    for name, value in record.get("attributes", {}).items():
        if len(value) > LONGEST_ATTRIBUTE:
            record["attributes"][name] = _cut(value, LONGEST_ATTRIBUTE, ", ")
            warnings.append(_warning(f"attributes.{name}", value, LONGEST_ATTRIBUTE))
    images = record.get("images") or []
    if len(images) > MOST_IMAGES:
        record["images"] = images[:MOST_IMAGES]
        reason = f"the first {MOST_IMAGES} of {len(images)} pictures are kept"
        warnings.append(FieldError("images", images[MOST_IMAGES]["src"][:200], reason))
    return tuple(warnings)


def _cut(text: str, length: int, separator: str) -> str:
    return text[:length].rpartition(separator)[0] or text[:length]


def _warning(name: str, value: str, length: int) -> FieldError:
    return FieldError(name, value[:200] + "…", f"{len(value)} characters, cut to {length}")
