"""From a record of unknown quality to ProductData, or to what exactly is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from re import compile as pattern
from typing import Any

from catalog import product_data as limits
from catalog.product_data import LONGEST, ProductData, VariantData
from fashionrec.common.errors import FieldError, Invalid
from fashionrec.common.text import clean_text

STATUSES = ("active", "draft", "archived")
_VARIANT_FIELDS = ("sku", "size", "price", "compare_at_price", "currency", "stock")
_PRODUCT_FIELDS = (
    *("external_id", "title", "description", "brand", "category", "gender", "colour", "material", "pattern", "season"),
    *("attributes", "variants", "images", "status"),
)
KNOWN_FIELDS = frozenset((*_PRODUCT_FIELDS, *_VARIANT_FIELDS))

# Ways of writing "nothing" in a column of a table.
_BLANKS = frozenset({"na", "n/a", "nan", "none", "null", "-", "--", "unknown"})
_GENDERS = {
    **{gender: gender for gender in limits.GENDERS},
    "woman": "women",
    "womens": "women",
    "women's": "women",
    "female": "women",
    "ladies": "women",
    "man": "men",
    "mens": "men",
    "men's": "men",
    "male": "men",
    "gents": "men",
    "girl": "girls",
    "boy": "boys",
    "kids": "unisex",
    "unisex kids": "unisex",
    "unisex adults": "unisex",
}
_SEASONS = {**{season: season for season in limits.SEASONS}, "fall": "autumn"}

_THOUSANDS = pattern(r"^\d{1,3}(,\d{3})+(\.\d+)?$")
_DECIMAL_COMMA = pattern(r"^\d+,\d{1,2}$")
_MONEY_SIGN = pattern(r"^(?:[€$£₹¥]|rs\.?|inr|eur|usd|gbp)\s*|\s*(?:[€$£₹¥]|inr|eur|usd|gbp)$")
_CURRENCY = pattern(r"^[A-Z]{3}$")
_ADDRESS = pattern(r"^\s*[A-Za-z][A-Za-z0-9+.-]+://")
_WHOLE = pattern(r"^-?\d+(\.0+)?$")


@dataclass(slots=True)
class Parsed:
    """`data` is None when there are errors; warnings keep the product."""

    data: ProductData | None = None
    errors: list[FieldError] = field(default_factory=list)
    warnings: list[FieldError] = field(default_factory=list)


def parse_product(record: Mapping[str, Any]) -> Parsed:
    """Check and normalise one record in the shape of the jsonl format; never raises.

    A product of one variant may carry the variant's fields (sku, size, price, …) itself.
    """
    parsed = Parsed()
    values = {name: _text(parsed, name, record.get(name)) for name in _PRODUCT_FIELDS[:10]}
    for name in ("external_id", "title"):
        if not values[name] and all(error.field != name for error in parsed.errors):
            _fail(parsed, name, record.get(name), "is missing")
    for name in ("colour", "material", "pattern", "season", "gender"):
        values[name] = "" if values[name].lower() in _BLANKS else values[name].lower()
    values["category"] = _category(parsed, values["category"])
    values["gender"] = _one_of(parsed, "gender", values["gender"], _GENDERS)
    values["season"] = _one_of(parsed, "season", values["season"], _SEASONS)
    status = record.get("status")
    if status is not None and status not in STATUSES:
        _fail(parsed, "status", status, f"expected one of {', '.join(STATUSES)}")
    for name in record:
        if name not in KNOWN_FIELDS:
            parsed.warnings.append(FieldError(str(name)[:100], _shown(record[name]), "unknown field, not imported"))
    attributes = _attributes(parsed, record.get("attributes"))
    variants = _variants(parsed, record, values["external_id"])
    images, alts = _images(parsed, record.get("images"))
    for name, value in values.items():
        _check_length(parsed, name, value)
    if not parsed.errors:
        parsed.data = ProductData(
            **values, attributes=attributes, variants=variants, images=images, alts=alts, status=status
        )
    return parsed


def validated(data: ProductData) -> ProductData:
    """`data` again, checked and normalised. Raises Invalid with every field at fault."""
    parsed = parse_product(data.as_record())
    if parsed.data is None:
        first = parsed.errors[0]
        raise Invalid(f"{first.field}: {first.reason} (received {first.value!r})", fields=parsed.errors)
    return parsed.data


def normalised(text: str) -> str:
    """Single spaces, no control characters, NFC."""
    if text.isascii() and text.isprintable():  # the common case, 20 times faster
        return " ".join(text.split())
    return " ".join(clean_text(text).split())


def _fail(parsed: Parsed, name: str, value: Any, reason: str) -> None:
    parsed.errors.append(FieldError(name, _shown(value), reason))


def _shown(value: Any) -> Any:
    """A value as it may be kept in an issue: bounded, and without what Postgres cannot store."""
    text = value if isinstance(value, str) else "" if value is None else repr(value)
    text = text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
    return text[:200] + "…" if len(text) > 200 else text


def _text(parsed: Parsed, name: str, value: Any, *, shown_as: str = "") -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and name in ("external_id", "sku", "size"):
        value = str(value) if value.bit_length() < 400 else repr(None)
    if not isinstance(value, str):
        _fail(parsed, shown_as or name, value, f"expected text, received {type(value).__name__}")
        return ""
    if "\x00" in value:
        _fail(parsed, shown_as or name, value, "contains a NUL character")
        return ""
    return normalised(value)


def _check_length(parsed: Parsed, name: str, value: str, *, shown_as: str = "") -> None:
    if len(value) > LONGEST[name]:
        _fail(parsed, shown_as or name, value, f"{len(value)} characters, at most {LONGEST[name]} are allowed")


def _one_of(parsed: Parsed, name: str, value: str, aliases: Mapping[str, str]) -> str:
    if not value or value in aliases:
        return aliases.get(value, "")
    known = ", ".join(dict.fromkeys(aliases.values()))
    parsed.warnings.append(FieldError(name, _shown(value), f"unknown, left blank; known are {known}"))
    return ""


def _category(parsed: Parsed, value: str) -> str:
    names = [name for name in (part.strip() for part in value.split(">")) if name]
    for name in names:
        if len(name) > limits.LONGEST_CATEGORY_NAME:
            _fail(parsed, "category", name, f"a level has {len(name)} characters, at most 100 are allowed")
    return limits.CATEGORY_SEPARATOR.join(names)


def _attributes(parsed: Parsed, value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > limits.MOST_ATTRIBUTES:
        _fail(parsed, "attributes", value, f"expected an object of at most {limits.MOST_ATTRIBUTES} texts")
        return {}
    attributes = {}
    for name, content in value.items():
        shown_as = f"attributes.{_shown(name)[:80]}"
        if isinstance(content, int | float) and not isinstance(content, bool):
            content = str(content)
        text = _text(parsed, "attribute", content, shown_as=shown_as)
        key = _text(parsed, "attribute", name, shown_as=shown_as)
        if len(key) > 60 or len(text) > 500:
            _fail(parsed, shown_as, content, "at most 60 characters for the name and 500 for the value are allowed")
        if text and text.lower() not in _BLANKS:
            attributes[key] = text
    return attributes


def _images(parsed: Parsed, value: Any) -> tuple[tuple[str, ...] | None, dict[str, str]]:
    """Names and addresses of pictures, and what some of them show; an entry may be {"src": …, "alt": …}."""
    if value is None:
        return None, {}
    if not isinstance(value, list) or len(value) > limits.MOST_IMAGES:
        _fail(parsed, "images", value, f"expected a list of at most {limits.MOST_IMAGES} file names or addresses")
        return None, {}
    alts: dict[str, str] = {}
    for number, entry in enumerate(value):
        name = entry.get("src") if isinstance(entry, Mapping) else entry
        longest = limits.LONGEST_ADDRESS if is_address(name) else limits.LONGEST_FILE_NAME
        if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > longest:
            expected = f"a file name of at most {limits.LONGEST_FILE_NAME} printable characters, or an address"
            _fail(parsed, f"images[{number}]", name, f"expected {expected}")
            return None, {}
        alt = _text(
            parsed, "alt", entry.get("alt") if isinstance(entry, Mapping) else "", shown_as=f"images[{number}].alt"
        )
        alts.setdefault(name.strip(), alt[: limits.LONGEST_ALT])
    return tuple(alts), {name: alt for name, alt in alts.items() if alt}


def is_address(name: Any) -> bool:
    """Whether a picture is named by an address, of whatever scheme, rather than by a file's name."""
    return isinstance(name, str) and _ADDRESS.match(name) is not None


def _variants(parsed: Parsed, record: Mapping[str, Any], external_id: str) -> tuple[VariantData, ...] | None:
    own = {name: record[name] for name in _VARIANT_FIELDS if name in record}
    listed = record.get("variants")
    if listed is None:
        return (_variant(parsed, own, "", external_id),) if own else None
    if own:
        _fail(parsed, next(iter(own)), next(iter(own.values())), "given beside variants; it belongs into one of them")
        return None
    if not isinstance(listed, list) or len(listed) > limits.MOST_VARIANTS:
        _fail(parsed, "variants", listed, f"expected a list of at most {limits.MOST_VARIANTS} variants")
        return None
    variants: dict[str, VariantData] = {}
    for number, entry in enumerate(listed):
        shown_as = f"variants[{number}]"
        if not isinstance(entry, Mapping):
            _fail(parsed, shown_as, entry, "expected an object")
            continue
        variant = _variant(
            parsed, entry, f"{shown_as}.", external_id if len(listed) == 1 else f"{external_id}-{number + 1}"
        )
        if variant.sku in variants:
            _fail(parsed, f"{shown_as}.sku", variant.sku, "occurs twice in this product")
        variants[variant.sku] = variant
    return tuple(variants.values())


def _variant(parsed: Parsed, entry: Mapping[str, Any], prefix: str, default_sku: str) -> VariantData:
    texts = {}
    for name in ("sku", "size", "colour", "currency"):
        texts[name] = _text(parsed, name, entry.get(name), shown_as=prefix + name)
        _check_length(parsed, name, texts[name], shown_as=prefix + name)
    currency = texts["currency"].upper()
    if currency and not _CURRENCY.match(currency):
        _fail(parsed, prefix + "currency", entry.get("currency"), "expected three letters such as EUR")
    return VariantData(
        sku=texts["sku"] or default_sku,
        size=texts["size"],
        colour=texts["colour"].lower(),
        price=_price(parsed, prefix + "price", entry.get("price")),
        compare_at_price=_price(parsed, prefix + "compare_at_price", entry.get("compare_at_price")),
        currency=currency,
        stock=_stock(parsed, prefix + "stock", entry.get("stock")),
    )


def _price(parsed: Parsed, name: str, value: Any) -> Decimal | None:
    """Two decimals, half up. Knows 1,299.00 and 39,90 and signs such as € or Rs.; blank is None."""
    text = "" if value is None else str(value).strip().lower()
    if text in _BLANKS - {"nan"} or not text:
        return None
    text = _MONEY_SIGN.sub("", text)
    if _THOUSANDS.match(text):
        text = text.replace(",", "")
    elif _DECIMAL_COMMA.match(text):
        text = text.replace(",", ".")
    try:
        price = None if isinstance(value, bool) or len(text) > 40 or "_" in text else Decimal(text)
    except InvalidOperation:
        price = None
    if price is None or not price.is_finite():
        _fail(parsed, name, value, "expected an amount such as 39.90")
        return None
    if not 0 <= price <= limits.HIGHEST_PRICE:
        _fail(parsed, name, value, f"expected an amount between 0 and {limits.HIGHEST_PRICE}")
        return None
    return price.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def _stock(parsed: Parsed, name: str, value: Any) -> int | None:
    text = "" if value is None else str(value).strip().lower()
    if not text or text in _BLANKS - {"nan", "-", "--"}:
        return None
    if isinstance(value, bool) or not _WHOLE.match(text) or not text.isascii() or len(text) > 20:
        _fail(parsed, name, value, "expected a whole number of pieces, or nothing for untracked")
        return None
    stock = int(text.split(".")[0])
    if not 0 <= stock <= limits.HIGHEST_STOCK:
        _fail(parsed, name, value, f"expected a number between 0 and {limits.HIGHEST_STOCK}")
        return None
    return stock
