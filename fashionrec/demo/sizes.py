"""Size runs by kind of product and wearer (European sizes)."""

from __future__ import annotations

_SHOES = {
    "women": range(36, 42),
    "men": range(40, 47),
    "unisex": range(37, 46),
    "girls": range(27, 36),
    "boys": range(28, 37),
}
_KIDS = ("98", "104", "110", "116", "122", "128", "134", "140", "146")


def size_run(system: str, gender: str) -> tuple[str, ...]:
    """All sizes of a system for a wearer. Raises ValueError for an unknown system."""
    child = gender in ("girls", "boys")
    if system == "letters":
        if child:
            return _KIDS
        return ("XS", "S", "M", "L", "XL") if gender == "women" else ("S", "M", "L", "XL", "XXL")
    if system == "waist":
        if child:
            return _KIDS
        return tuple(f"W{inches}" for inches in (range(25, 33) if gender == "women" else range(29, 39)))
    if system == "shoes":
        return tuple(str(size) for size in _SHOES[gender])
    if system == "belts":
        return ("75", "85", "95", "105") if gender == "women" else ("85", "95", "105", "115")
    if system == "hats":
        return ("S/M", "L/XL")
    if system == "gloves":
        return ("S", "M", "L")
    if system == "one":
        return ("One size",)
    raise ValueError(f"sizes: received {system!r}, known are letters, waist, shoes, belts, hats, gloves, one")
