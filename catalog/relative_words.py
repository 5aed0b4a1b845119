"""How shoppers say attributes: other words for a value, values in order, colours by how light and how strong they are.

Words alone: which values there are is the catalogue's business (catalog.relative_captions).
"""

SAME: tuple[tuple[str, ...], ...] = (
    # Patterns
    ("plain", "solid", "solid colored", "solid coloured", "unpatterned", "monochromatic", "single colour"),
    ("striped", "stripes", "stripe", "stripy", "pinstripe"),
    ("dotted", "dots", "dot", "polka dot", "polka dots", "spotted"),
    ("checked", "checks", "check", "checkered", "chequered", "plaid", "gingham", "tartan"),
    ("floral", "flowers", "flower", "flowery", "flowered", "blossoms"),
    ("animal print", "animal", "leopard", "leopard print", "cheetah", "cheetah print", "zebra", "snake print"),
    ("graphic print", "graphic", "graphics", "printed", "print", "logo", "image", "picture"),
    ("geometric", "geometrical"),
    ("paisley",),
    ("camouflage", "camo"),
    # Sleeves
    ("sleeveless", "strapless", "straps", "spaghetti straps", "tank", "without sleeves", "no sleeves", "no sleeve"),
    ("short sleeve", "short sleeves", "short sleeved", "cap sleeves", "cap sleeve"),
    ("3/4 sleeve", "3/4 sleeves", "three quarter sleeve", "three quarter sleeves", "half sleeves", "elbow sleeves"),
    ("long sleeve", "long sleeves", "long sleeved", "full sleeves", "full sleeve"),
    # Lengths
    ("mini", "short", "above the knee"),
    ("midi", "knee length", "calf length"),
    ("maxi", "long", "floor length", "ankle length"),
    ("full length",),
    # Necklines
    ("v-neck", "v neck", "v necked", "v neckline", "deep v"),
    ("round neck", "round neckline", "rounded neck"),
    ("crew neck", "crew neckline", "crewneck"),
    ("scoop neck", "scoop neckline", "scooped neck", "u neck"),
    ("boat neck", "bateau"),
    ("square neck", "square neckline"),
    ("turtleneck", "high neck", "roll neck", "mock neck"),
    ("collar", "collared"),
    ("hood", "hooded"),
    # Fits
    ("slim", "fitted", "tight", "form fitting", "close fitting", "fitting"),
    ("relaxed", "loose", "loose fitting", "flowing", "flowy", "baggy"),
    ("oversized", "oversize", "boxy"),
    # Closures and details
    ("buttons", "button", "buttoned", "button down", "button up"),
    ("zip", "zipper", "zipped"),
    ("belted", "belt"),
    ("bow", "bows"),
    # Materials
    ("denim", "jean"),
    ("lace", "lacy"),
    ("leather", "leathery"),
    ("knit", "knitted", "knitwear"),
    ("satin", "silky"),
    # Colours
    ("grey", "gray", "greyish", "charcoal"),
    ("navy", "navy blue", "dark blue"),
    ("light blue", "sky blue", "pale blue", "baby blue"),
    ("blue", "bluish", "royal blue"),
    ("burgundy", "maroon", "wine", "dark red"),
    ("beige", "tan", "nude", "khaki"),
    ("cream", "ivory", "off white"),
    ("white", "whiter"),
    ("black", "blacker"),
    ("brown", "chocolate"),
    ("purple", "violet"),
    ("lavender", "lilac", "light purple"),
    ("pink", "pinkish", "peach"),
    ("red", "reddish"),
    ("teal", "turquoise", "aqua"),
    ("olive", "olive green", "army green"),
    ("mint", "mint green", "light green"),
    ("gold", "golden"),
    ("silver", "silvery"),
    ("multi", "multicolored", "multicoloured", "multi colored", "multi coloured", "multi color", "rainbow"),
    # Styles
    ("casual", "informal"),
    ("formal", "dressy", "elegant", "fancy", "chic"),
    ("sporty", "athletic"),
    ("minimal", "simple", "simpler"),
    ("romantic", "feminine", "girly"),
    # Kinds
    ("t-shirt", "t shirt", "tshirt", "tee", "tee shirt"),
    ("dress", "gown", "frock"),
    ("trousers", "pants"),
    ("sweater", "jumper", "pullover"),
    ("sneakers", "trainers"),
)
"""Phrases that mean the same; the catalogue's value is whichever of them it uses."""

ORDERED: dict[str, tuple[str, ...]] = {
    "sleeve": ("sleeveless", "short sleeve", "3/4 sleeve", "long sleeve"),
    "length": ("mini", "short", "midi", "7/8 length", "maxi", "full length"),
    "fit": ("skinny", "slim", "regular", "straight", "relaxed", "wide leg", "oversized"),
}
"""By field: values from little to much, so that "longer" has a meaning."""

MORE = {
    "longer": "length", "looser": "fit", "baggier": "fit", "flowier": "fit", "larger": "fit", "bigger": "fit",
}  # fmt: skip
LESS = {
    "shorter": "length", "tighter": "fit", "slimmer": "fit", "smaller": "fit", "narrower": "fit",
}  # fmt: skip
"""Comparatives and the field whose order they move along; beside "sleeve" the lengths mean the sleeves."""

NEGATIONS = frozenset(
    ("no", "not", "without", "less", "fewer", "isn't", "isnt", "doesn't", "doesnt", "never", "non", "lacks", "minus")
)
SCOPE_ENDS = frozenset(("and", "but", "with", "has", "is", "have", "instead", "more"))
"""Where a negation stops, if not at a comma."""

PATTERNED = frozenset(("pattern", "patterns", "patterned", "design", "designs", "prints"))
"""Some pattern, whichever."""

TONES = {
    "darker": "darker", "dark": "darker", "deeper": "darker",
    "lighter": "lighter", "light": "lighter", "paler": "lighter", "pale": "lighter", "pastel": "lighter",
    "brighter": "brighter", "bright": "brighter", "bolder": "brighter", "vivid": "brighter", "vibrant": "brighter",
    "colorful": "brighter", "colourful": "brighter", "colourfull": "brighter", "colors": "brighter",
    "colours": "brighter", "neutral": "duller", "muted": "duller", "duller": "duller", "dull": "duller",
}  # fmt: skip

COLOURS = {
    "black": (0, 0), "charcoal": (25, 5), "navy": (19, 30), "navy blue": (19, 30), "brown": (32, 30),
    "burgundy": (24, 40), "maroon": (22, 38), "olive": (44, 30), "purple": (36, 55), "blue": (42, 55),
    "green": (46, 45), "teal": (45, 30), "red": (44, 75), "grey": (60, 2), "gray": (60, 2), "camel": (60, 42),
    "orange": (63, 70), "rust": (44, 50), "mustard": (66, 62), "gold": (71, 50), "khaki": (63, 25), "tan": (69, 22),
    "pink": (74, 40), "magenta": (44, 65), "coral": (67, 55), "peach": (80, 30), "turquoise": (67, 35),
    "lavender": (73, 30), "lilac": (74, 28), "light blue": (78, 22), "mint": (85, 20), "silver": (79, 3),
    "beige": (79, 20), "nude": (82, 18), "yellow": (86, 70), "cream": (91, 13), "off white": (95, 6),
    "ivory": (96, 8), "white": (97, 1),
}  # fmt: skip
"""Lightness and chroma (CIELAB L* and C*, rounded) of what a colour word usually means."""

CLEARLY = 12
"""Units of lightness or chroma that make one colour darker or stronger than another."""
