"""Paint for colour words: what a swatch shows for "navy blue" or "off white"."""

PAINT = {
    "beige": "#d8c3a0", "black": "#26262a", "blue": "#2c62b4", "bronze": "#8c6b3f", "brown": "#6b4429",
    "burgundy": "#6d1b30", "camel": "#b9844b", "charcoal": "#3b3f45", "cream": "#f1e6cd", "gold": "#cfa64e",
    "green": "#2f7d4a", "grey": "#8d9095", "gray": "#8d9095", "khaki": "#a99a6b", "lavender": "#c0aee0",
    "magenta": "#b8277f", "maroon": "#641a24", "mint": "#b4e0c8", "mustard": "#cb961f", "navy": "#1e2b4f",
    "olive": "#6c6b35", "orange": "#e67a2e", "peach": "#f4bd97", "pink": "#ee9fb8", "purple": "#6b3f97",
    "red": "#c8262f", "rust": "#9a4521", "silver": "#bfc3c8", "tan": "#c9a27a", "taupe": "#8b7d70",
    "teal": "#17787c", "turquoise": "#3bb3b0", "white": "#f7f6f3", "yellow": "#f4d54a", "skin": "#e3bfa1",
    "nude": "#e3bfa1", "coffee": "#5a3f2e", "copper": "#a8643a", "lime": "#a8c93a", "mauve": "#a97f9d",
    "rose": "#d9647f", "steel": "#7d8894", "violet": "#7048a0", "fluorescent": "#c7e83b", "indigo": "#35327a",
    "coral": "#f0806a", "ivory": "#f6f0e0", "lilac": "#c3a9d6", "wine": "#5f1a2c", "sand": "#d9c6a3",
}  # fmt: skip
"""By word; of several known words the last decides, as in "bottle green"."""

WHOLE = {"light blue": "#9cc3e4", "navy blue": "#1e2b4f", "off white": "#f4efe4", "sea green": "#2f8f77"}
"""Names whose last word alone would mislead."""


def paint_for(colour: str) -> str | None:
    """The hex paint of a colour word, or None when no single paint would be honest ("multi", unknown words)."""
    name = " ".join(colour.lower().replace("-", " ").split())
    if name in WHOLE:
        return WHOLE[name]
    for word in reversed(name.split()):
        if word in PAINT:
            return PAINT[word]
    return None
