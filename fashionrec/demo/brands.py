"""The invented brands of the demo shop, each with a handwriting and a price level."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Brand:
    """style: what it designs for; price_level: multiple of a kind's usual price; groups: what it makes."""

    name: str
    style: str
    price_level: float
    groups: tuple[str, ...] = ("Clothing",)


_ALL = ("Clothing", "Shoes", "Accessories")

BRANDS: tuple[Brand, ...] = (
    Brand("Marlow & Finch", "classic", 1.25, ("Clothing", "Accessories")),
    Brand("Nordhavn", "minimal", 1.35, _ALL),
    Brand("Calla Vey", "romantic", 1.15, _ALL),
    Brand("Ridgeline Nine", "outdoor", 1.3, _ALL),
    Brand("Odd Tuesday", "streetwear", 0.95, _ALL),
    Brand("Bramblewick", "casual", 0.9, ("Clothing", "Accessories")),
    Brand("Sol y Sal", "boho", 0.95, _ALL),
    Brand("Velocita", "sporty", 1.1, _ALL),
    Brand("Ashgrove Tailors", "formal", 1.7, _ALL),
    Brand("Maison Perrault-Lind", "formal", 2.2, _ALL),
    Brand("Kite & Pebble", "casual", 0.75),
    Brand("Lumi Studio", "minimal", 1.05),
    Brand("Tarn", "outdoor", 1.5, ("Clothing", "Accessories")),
    Brand("Juniper Row", "romantic", 0.9),
    Brand("Basalt", "streetwear", 1.2, _ALL),
    Brand("Hollin & Hart", "classic", 1.6, _ALL),
    Brand("Pepperkite", "casual", 0.65, _ALL),
    Brand("Fern Atlas", "boho", 1.1, ("Clothing", "Accessories")),
    Brand("Quayside Supply", "classic", 0.85, _ALL),
    Brand("Stride Theory", "sporty", 0.9, ("Shoes", "Clothing")),
    Brand("Paloma Drey", "romantic", 1.45, ("Shoes", "Accessories", "Clothing")),
    Brand("Cordwain & Sons", "classic", 1.8, ("Shoes", "Accessories")),
    Brand("Neon Harbour", "streetwear", 0.8, _ALL),
    Brand("Aldertone", "minimal", 0.8, _ALL),
    Brand("Saltmarsh", "casual", 1.05, _ALL),
    Brand("Vesper Lane", "formal", 1.3, _ALL),
    Brand("Tilda Moss", "boho", 1.3, _ALL),
    Brand("Peak Ordinary", "outdoor", 0.85, _ALL),
    Brand("Halcyon Sports Club", "sporty", 1.35, _ALL),
    Brand("Wren & Wilder", "casual", 1.2, _ALL),
)
