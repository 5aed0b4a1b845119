"""The kinds of product the demo shop sells, and the values they may take."""

from __future__ import annotations

from dataclasses import dataclass, field

GENDERS = ("women", "men", "unisex", "girls", "boys")
STYLES = ("casual", "formal", "sporty", "boho", "streetwear", "classic", "minimal", "romantic", "outdoor")

Options = dict[str, tuple[str, ...]]

_EVERY = (
    "black", "white", "cream", "beige", "camel", "brown", "grey", "navy", "blue", "light blue", "teal", "green", "olive",
    "mint", "yellow", "mustard", "orange", "red", "burgundy", "pink", "purple", "lavender",
)
_TAILORED = ("black", "navy", "grey", "beige", "camel", "brown", "olive", "burgundy", "white", "cream")
_LEATHER = ("black", "brown", "camel", "burgundy", "navy", "red", "white", "beige", "green", "pink")
_DENIM = ("blue", "light blue", "navy", "black", "grey", "white")
_BRIGHT = ("red", "yellow", "blue", "teal", "orange", "green", "pink", "navy", "black", "mint", "purple", "light blue")

_PRINTED = {"plain": 4.0, "striped": 2.0, "dotted": 1.3, "checked": 1.0, "floral": 1.6}
_MASCULINE = {"plain": 4.0, "striped": 2.2, "checked": 1.8, "dotted": 0.4, "floral": 0.4}
_KNIT = {"plain": 4.0, "striped": 2.2, "dotted": 0.5}
_PLAIN = {"plain": 1.0}

_TOP_FIT = ("slim", "regular", "regular", "relaxed", "oversized")
_CASUAL = ("casual", "streetwear", "sporty", "minimal", "classic", "boho", "outdoor", "romantic")


@dataclass(frozen=True)
class Kind:
    """One kind of product.

    noun: as in a title; category: leaf of the tree; group: its parent; silhouette: "module.function"
    genders: who it is made for, with weights (products per deck of the catalogue)
    materials, colours: plain lists; patterns: weights; options: visible attributes and their values
    sizes: a size system of `sizes.py`; price: usual price in EUR; seasons: "" means all year
    """

    noun: str
    category: str
    group: str
    silhouette: str
    genders: dict[str, int]
    materials: tuple[str, ...]
    sizes: str
    price: float
    styles: tuple[str, ...] = _CASUAL
    colours: tuple[str, ...] = _EVERY
    patterns: dict[str, float] = field(default_factory=lambda: dict(_PLAIN))
    options: Options = field(default_factory=dict)
    seasons: tuple[str, ...] = ("",)
    occasions: tuple[str, ...] = ("everyday",)
    plural: bool = False


KINDS: tuple[Kind, ...] = (
    # Tops
    Kind("T-shirt", "T-shirts", "Clothing", "tops.t_shirt", {"women": 3, "men": 3, "unisex": 1, "girls": 2, "boys": 2},
         ("cotton", "organic cotton", "jersey", "linen"), "letters", 22, patterns=_KNIT,
         options={"neckline": ("crew neck", "v-neck", "scoop neck"), "sleeve": ("short sleeve",), "fit": _TOP_FIT,
                  "detail": ("clean front", "chest pocket", "graphic print", "ringer")},
         seasons=("", "summer", "spring"), occasions=("everyday", "weekend", "holiday")),
    Kind("polo shirt", "Polo shirts", "Clothing", "tops.polo", {"men": 3, "women": 1, "boys": 1},
         ("cotton", "organic cotton", "technical knit"), "letters", 39, ("casual", "sporty", "classic"), patterns=_KNIT,
         options={"neckline": ("collar",), "sleeve": ("short sleeve",), "fit": ("slim", "regular", "relaxed"),
                  "detail": ("clean front", "contrast collar")}, seasons=("spring", "summer"),
         occasions=("everyday", "weekend", "sport")),
    Kind("shirt", "Shirts", "Clothing", "tops.shirt", {"men": 4, "women": 2, "boys": 1},
         ("cotton", "poplin", "linen", "flannel", "denim"), "letters", 49,
         ("casual", "formal", "classic", "minimal", "boho", "outdoor"), patterns=_MASCULINE,
         options={"neckline": ("collar",), "sleeve": ("long sleeve", "long sleeve", "short sleeve"),
                  "fit": ("slim", "regular", "relaxed"), "closure": ("buttons",)},
         seasons=("", "spring", "autumn"), occasions=("office", "everyday", "weekend")),
    Kind("blouse", "Blouses", "Clothing", "tops.blouse", {"women": 4, "girls": 1}, ("silk", "viscose", "chiffon", "satin", "cotton"),
         "letters", 49, ("romantic", "boho", "classic", "formal", "minimal"), patterns=_PRINTED,
         options={"neckline": ("round neck", "v-neck", "crew neck"), "sleeve": ("long sleeve", "short sleeve"),
                  "fit": ("regular", "relaxed"), "detail": ("clean front", "pussy bow", "ruffle")},
         seasons=("", "spring", "summer"), occasions=("office", "dinner", "everyday")),
    Kind("tank top", "Tank tops", "Clothing", "tops.tank_top", {"women": 2, "men": 1, "girls": 1}, ("cotton", "jersey", "linen", "technical knit"),
         "letters", 18, patterns=_PRINTED, options={"neckline": ("scoop neck", "round neck"), "sleeve": ("sleeveless",),
                                                    "fit": ("slim", "regular")},
         seasons=("summer",), occasions=("everyday", "sport", "holiday")),
    Kind("sweater", "Sweaters", "Clothing", "tops.sweater", {"women": 3, "men": 3, "girls": 1, "boys": 1},
         ("wool", "merino", "cashmere", "cable knit", "cotton knit"), "letters", 69,
         ("casual", "classic", "minimal", "boho", "romantic", "outdoor"), patterns=_KNIT,
         options={"neckline": ("crew neck", "v-neck", "turtleneck"), "sleeve": ("long sleeve",), "fit": _TOP_FIT},
         seasons=("autumn", "winter"), occasions=("everyday", "weekend", "office")),
    Kind("cardigan", "Cardigans", "Clothing", "tops.cardigan", {"women": 3, "men": 1, "girls": 1},
         ("wool", "merino", "cashmere", "cable knit", "cotton knit"), "letters", 65,
         ("casual", "classic", "minimal", "boho", "romantic"), patterns={"plain": 4.0, "striped": 1.0},
         options={"neckline": ("v-neck",), "sleeve": ("long sleeve",), "fit": ("regular", "relaxed", "oversized"),
                  "closure": ("buttons",)}, seasons=("autumn", "winter", "spring"), occasions=("everyday", "weekend", "office")),
    Kind("hoodie", "Hoodies", "Clothing", "tops.hoodie", {"unisex": 2, "men": 2, "women": 1, "girls": 1, "boys": 1},
         ("fleece", "cotton", "organic cotton"), "letters", 55, ("casual", "streetwear", "sporty", "outdoor"),
         options={"neckline": ("hood",), "sleeve": ("long sleeve",), "fit": ("regular", "relaxed", "oversized"),
                  "closure": ("pullover", "zip")}, seasons=("", "autumn"), occasions=("everyday", "weekend", "sport")),
    Kind("sweatshirt", "Sweatshirts", "Clothing", "tops.sweatshirt", {"men": 1, "women": 2, "boys": 2, "girls": 1},
         ("fleece", "cotton", "organic cotton"), "letters", 45, ("casual", "streetwear", "sporty"),
         options={"neckline": ("crew neck",), "sleeve": ("long sleeve",), "fit": ("regular", "relaxed", "oversized"),
                  "detail": ("clean front", "graphic print")}, seasons=("", "autumn", "spring"),
         occasions=("everyday", "weekend", "sport")),
    # Outerwear
    Kind("denim jacket", "Jackets", "Clothing", "outerwear.denim_jacket", {"women": 1, "men": 1, "girls": 1}, ("denim",), "letters", 79,
         ("casual", "streetwear", "classic"), colours=_DENIM,
         options={"sleeve": ("long sleeve",), "fit": ("regular", "oversized"), "closure": ("buttons",)},
         seasons=("spring", "autumn"), occasions=("everyday", "weekend")),
    Kind("bomber jacket", "Jackets", "Clothing", "outerwear.bomber", {"men": 1, "women": 1, "boys": 1}, ("nylon", "satin", "suede"),
         "letters", 89, ("streetwear", "sporty", "casual"), options={"sleeve": ("long sleeve",), "fit": ("regular", "oversized"),
                                                                     "closure": ("zip",)},
         seasons=("spring", "autumn"), occasions=("everyday", "weekend")),
    Kind("biker jacket", "Jackets", "Clothing", "outerwear.biker", {"women": 1, "men": 1}, ("leather", "vegan leather", "suede"),
         "letters", 189, ("streetwear", "casual", "minimal"), colours=_LEATHER,
         options={"sleeve": ("long sleeve",), "fit": ("slim", "regular"), "closure": ("zip",)},
         seasons=("spring", "autumn"), occasions=("everyday", "party")),
    Kind("puffer jacket", "Puffer jackets", "Clothing", "outerwear.puffer", {"women": 1, "men": 2, "unisex": 1, "girls": 1, "boys": 1},
         ("nylon", "recycled polyester", "polyester"), "letters", 129, ("outdoor", "sporty", "casual", "streetwear"),
         options={"sleeve": ("long sleeve",), "fit": ("regular", "relaxed"), "closure": ("zip",),
                  "neckline": ("high collar", "hood")}, seasons=("winter", "autumn"), occasions=("everyday", "outdoors")),
    Kind("wool coat", "Coats", "Clothing", "outerwear.coat", {"women": 2, "men": 2}, ("wool", "cashmere", "tweed"), "letters", 199,
         ("classic", "formal", "minimal", "romantic"), colours=_TAILORED, patterns={"plain": 3.0, "checked": 1.0},
         options={"sleeve": ("long sleeve",), "fit": ("slim", "regular", "oversized"), "closure": ("single-breasted", "double-breasted")},
         seasons=("winter", "autumn"), occasions=("office", "everyday")),
    Kind("trench coat", "Coats", "Clothing", "outerwear.trench", {"women": 2, "men": 1}, ("cotton", "poplin"), "letters", 169,
         ("classic", "formal", "minimal"), colours=("beige", "camel", "navy", "black", "olive", "cream", "grey"),
         options={"sleeve": ("long sleeve",), "fit": ("regular",), "closure": ("double-breasted",)},
         seasons=("spring", "autumn"), occasions=("office", "everyday")),
    Kind("raincoat", "Raincoats", "Clothing", "outerwear.raincoat", {"women": 1, "unisex": 1, "girls": 1, "boys": 1}, ("polyester", "recycled polyester", "rubber"),
         "letters", 89, ("outdoor", "casual", "minimal"), colours=_BRIGHT,
         options={"sleeve": ("long sleeve",), "fit": ("relaxed",), "closure": ("zip",), "neckline": ("hood",)},
         seasons=("autumn", "spring"), occasions=("outdoors", "everyday")),
    Kind("blazer", "Blazers", "Clothing", "outerwear.blazer", {"women": 2, "men": 3}, ("wool", "linen", "tweed", "velvet", "cotton"), "letters", 139,
         ("formal", "classic", "minimal"), colours=_TAILORED, patterns={"plain": 4.0, "checked": 1.2},
         options={"sleeve": ("long sleeve",), "fit": ("slim", "regular"), "closure": ("single-breasted", "double-breasted")},
         seasons=("", "autumn", "spring"), occasions=("office", "wedding", "dinner")),
    # Bottoms
    Kind("jeans", "Jeans", "Clothing", "bottoms.jeans", {"women": 3, "men": 3, "girls": 1, "boys": 1}, ("denim",), "waist", 69,
         ("casual", "streetwear", "classic", "minimal"), colours=_DENIM,
         options={"fit": ("skinny", "slim", "straight", "wide leg"), "length": ("full length",), "closure": ("zip",)},
         occasions=("everyday", "weekend"), plural=True),
    Kind("trousers", "Trousers", "Clothing", "bottoms.trousers", {"women": 2, "men": 3, "boys": 1}, ("cotton", "wool", "linen", "corduroy", "viscose"),
         "waist", 65, ("classic", "formal", "casual", "minimal", "boho"), colours=_TAILORED + ("green", "light blue", "pink"),
         patterns={"plain": 4.0, "checked": 0.8, "striped": 0.6},
         options={"fit": ("slim", "straight", "wide leg"), "length": ("full length",), "closure": ("zip",)},
         seasons=("", "spring", "autumn"), occasions=("office", "everyday"), plural=True),
    Kind("joggers", "Joggers", "Clothing", "bottoms.joggers", {"men": 1, "women": 1, "girls": 1, "boys": 1}, ("fleece", "cotton", "technical knit"),
         "letters", 45, ("sporty", "casual", "streetwear"), options={"fit": ("regular", "relaxed"), "closure": ("drawstring",)},
         occasions=("sport", "everyday"), plural=True),
    Kind("leggings", "Leggings", "Clothing", "bottoms.leggings", {"women": 3, "girls": 1}, ("elastane blend", "recycled polyester", "cotton"),
         "letters", 39, ("sporty", "casual"), patterns={"plain": 4.0, "floral": 0.8, "striped": 0.5, "dotted": 0.6},
         options={"fit": ("skinny",), "length": ("full length", "7/8 length")}, occasions=("sport", "everyday"), plural=True),
    Kind("shorts", "Shorts", "Clothing", "bottoms.shorts", {"men": 2, "women": 2, "girls": 1, "boys": 2}, ("cotton", "linen", "denim", "technical knit"),
         "waist", 39, ("casual", "sporty", "boho", "outdoor", "classic"), patterns={"plain": 4.0, "striped": 0.8, "checked": 0.8, "floral": 0.7},
         options={"fit": ("regular", "relaxed"), "length": ("short",)}, seasons=("summer",),
         occasions=("holiday", "everyday", "sport"), plural=True),
    Kind("skirt", "Skirts", "Clothing", "bottoms.skirt", {"women": 4, "girls": 2}, ("cotton", "satin", "denim", "wool", "viscose", "vegan leather"),
         "letters", 45, ("romantic", "classic", "boho", "casual", "minimal", "formal"), patterns=_PRINTED,
         options={"shape": ("a-line", "pleated", "pencil"), "length": ("mini", "midi", "maxi")},
         seasons=("", "spring", "summer", "autumn"), occasions=("everyday", "office", "party")),
    # Dresses and one-pieces
    Kind("dress", "Dresses", "Clothing", "dresses.dress", {"women": 8, "girls": 3}, ("cotton", "viscose", "silk", "satin", "linen", "chiffon", "velvet"),
         "letters", 75, ("romantic", "boho", "classic", "formal", "casual", "minimal"),
         patterns={"plain": 3.0, "striped": 1.4, "dotted": 1.6, "checked": 1.2, "floral": 2.6},
         options={"shape": ("a-line", "wrap", "bodycon", "slip", "shirt dress", "tiered"), "length": ("mini", "midi", "maxi"),
                  "neckline": ("v-neck", "round neck", "square neck", "boat neck", "sweetheart"),
                  "sleeve": ("sleeveless", "short sleeve", "long sleeve")},
         seasons=("", "spring", "summer"), occasions=("party", "everyday", "wedding", "holiday", "office")),
    Kind("jumpsuit", "Jumpsuits", "Clothing", "dresses.jumpsuit", {"women": 3, "girls": 1}, ("viscose", "linen", "denim", "satin", "cotton"),
         "letters", 85, ("boho", "minimal", "casual", "formal"), patterns={"plain": 3.0, "floral": 1.0, "dotted": 0.8, "striped": 0.7},
         options={"neckline": ("v-neck", "round neck", "square neck"), "sleeve": ("sleeveless", "short sleeve", "long sleeve"),
                  "fit": ("wide leg", "straight")}, seasons=("", "summer"), occasions=("party", "everyday", "dinner")),
    Kind("swimsuit", "Swimwear", "Clothing", "dresses.swimsuit", {"women": 2, "girls": 1}, ("elastane blend", "recycled polyester"), "letters", 49,
         ("sporty", "classic", "romantic", "minimal"), patterns=_PRINTED, options={"neckline": ("scoop neck", "v-neck", "sweetheart")},
         seasons=("summer",), occasions=("beach", "holiday")),
    Kind("bikini", "Swimwear", "Clothing", "dresses.bikini", {"women": 2}, ("elastane blend", "recycled polyester"), "letters", 45,
         ("boho", "romantic", "casual", "sporty"), patterns=_PRINTED, seasons=("summer",), occasions=("beach", "holiday")),
    Kind("swim shorts", "Swimwear", "Clothing", "bottoms.swim_shorts", {"men": 2, "boys": 1}, ("polyester", "recycled polyester", "nylon"), "letters", 35,
         ("sporty", "casual", "classic"), patterns=_PRINTED, options={"closure": ("drawstring",)}, seasons=("summer",),
         occasions=("beach", "holiday"), plural=True),
    Kind("pyjamas", "Nightwear", "Clothing", "dresses.pyjamas", {"women": 2, "men": 1, "girls": 1, "boys": 1}, ("cotton", "flannel", "satin", "jersey"), "letters", 45,
         ("classic", "romantic", "casual"), patterns={"plain": 1.5, "striped": 2.0, "checked": 1.5, "dotted": 1.2, "floral": 1.2},
         options={"sleeve": ("long sleeve", "short sleeve"), "closure": ("buttons",)}, occasions=("sleep",), plural=True),
    # Shoes
    Kind("sneakers", "Sneakers", "Shoes", "footwear.sneakers", {"women": 2, "men": 3, "unisex": 2, "girls": 1, "boys": 2},
         ("leather", "canvas", "suede", "technical knit", "vegan leather"), "shoes", 89, ("sporty", "casual", "streetwear", "minimal"),
         options={"shape": ("low-top", "low-top", "high-top", "runner"), "closure": ("laces",)}, occasions=("everyday", "sport"), plural=True),
    Kind("boots", "Boots", "Shoes", "footwear.boots", {"women": 3, "men": 2, "girls": 1, "boys": 1}, ("leather", "suede", "vegan leather"), "shoes", 129,
         ("classic", "casual", "outdoor", "streetwear", "boho"), colours=_LEATHER + ("grey", "olive"),
         options={"shape": ("chelsea", "lace-up", "ankle", "knee-high")}, seasons=("autumn", "winter"), occasions=("everyday", "outdoors"), plural=True),
    Kind("sandals", "Sandals", "Shoes", "footwear.sandals", {"women": 3, "men": 1, "girls": 1}, ("leather", "suede", "vegan leather"), "shoes", 59,
         ("boho", "casual", "minimal", "romantic"), colours=_LEATHER + ("gold", "silver", "yellow", "light blue"),
         options={"shape": ("strappy", "slide", "gladiator")}, seasons=("summer",), occasions=("holiday", "everyday", "beach"), plural=True),
    Kind("heels", "Heels", "Shoes", "footwear.heels", {"women": 4}, ("leather", "suede", "satin", "patent leather"), "shoes", 99,
         ("formal", "romantic", "classic", "minimal"), colours=_LEATHER + ("gold", "silver", "purple", "light blue"),
         options={"shape": ("stiletto", "block heel", "ankle strap")}, occasions=("party", "wedding", "office"), plural=True),
    Kind("loafers", "Loafers", "Shoes", "footwear.loafers", {"men": 2, "women": 1}, ("leather", "suede", "patent leather"), "shoes", 119,
         ("classic", "formal", "minimal"), colours=_LEATHER, options={"detail": ("penny strap", "tassel", "horsebit")},
         occasions=("office", "everyday"), plural=True),
    Kind("ballet flats", "Flats", "Shoes", "footwear.flats", {"women": 2, "girls": 1}, ("leather", "suede", "patent leather", "satin"), "shoes", 69,
         ("romantic", "classic", "minimal"), colours=_LEATHER + ("gold", "silver", "mint", "lavender"), options={"detail": ("bow", "plain toe")},
         seasons=("", "spring"), occasions=("everyday", "office"), plural=True),
    # Accessories
    Kind("handbag", "Handbags", "Accessories", "bags.handbag", {"women": 4}, ("leather", "vegan leather", "suede", "patent leather"), "one", 129,
         ("classic", "formal", "romantic", "minimal", "boho"), colours=_LEATHER + ("grey", "mustard", "lavender", "teal"),
         options={"shape": ("top handle", "shoulder", "saddle")}, occasions=("everyday", "office", "party")),
    Kind("tote bag", "Tote bags", "Accessories", "bags.tote", {"women": 1, "unisex": 2}, ("canvas", "leather", "straw"), "one", 59,
         ("casual", "minimal", "boho", "classic"), patterns={"plain": 3.0, "striped": 1.0, "checked": 0.5, "floral": 0.5},
         occasions=("everyday", "beach", "office")),
    Kind("backpack", "Backpacks", "Accessories", "bags.backpack", {"unisex": 3, "girls": 1, "boys": 1}, ("nylon", "canvas", "recycled polyester", "leather"), "one", 69,
         ("outdoor", "sporty", "casual", "streetwear", "minimal"), patterns={"plain": 4.0, "checked": 0.5, "dotted": 0.6, "floral": 0.4},
         options={"shape": ("rolltop", "zip-around")}, occasions=("everyday", "outdoors", "travel")),
    Kind("hat", "Hats", "Accessories", "headwear.hat", {"women": 2, "men": 1}, ("felt", "straw", "wool"), "hats", 45,
         ("boho", "classic", "romantic", "minimal"), colours=_TAILORED + ("red", "mustard"), options={"shape": ("fedora", "wide brim", "bucket")},
         seasons=("summer", "autumn"), occasions=("holiday", "everyday")),
    Kind("cap", "Caps", "Accessories", "headwear.cap", {"unisex": 3, "boys": 1}, ("cotton", "canvas", "corduroy", "denim", "recycled polyester"), "one", 25,
         ("sporty", "streetwear", "casual", "outdoor"), options={"shape": ("baseball",)}, occasions=("sport", "everyday")),
    Kind("beanie", "Beanies", "Accessories", "headwear.beanie", {"unisex": 2, "girls": 1, "boys": 1}, ("wool", "merino", "cable knit", "cotton knit"), "one", 25,
         ("casual", "outdoor", "streetwear", "minimal"), patterns={"plain": 3.0, "striped": 1.0}, options={"detail": ("turn-up", "pompom")},
         seasons=("winter",), occasions=("everyday", "outdoors")),
    Kind("scarf", "Scarves", "Accessories", "wearables.scarf", {"women": 2, "unisex": 2}, ("wool", "cashmere", "silk", "cotton", "cable knit"), "one", 45,
         ("classic", "boho", "romantic", "minimal"), patterns={"plain": 2.0, "striped": 1.4, "checked": 2.0, "floral": 1.0, "dotted": 0.8},
         seasons=("winter", "autumn", ""), occasions=("everyday", "office")),
    Kind("belt", "Belts", "Accessories", "wearables.belt", {"men": 2, "women": 1}, ("leather", "suede", "vegan leather", "canvas"), "belts", 39,
         ("classic", "casual", "formal", "minimal"), colours=_LEATHER, options={"detail": ("pin buckle", "round buckle")}, occasions=("everyday", "office")),
    Kind("watch", "Watches", "Accessories", "wearables.watch", {"women": 2, "men": 3}, ("leather", "steel", "rubber"), "one", 159,
         ("classic", "sporty", "minimal", "formal"), colours=("black", "brown", "camel", "navy", "silver", "gold", "white", "burgundy", "green"),
         options={"detail": ("three-hand", "chronograph")}, occasions=("everyday", "office")),
    Kind("sunglasses", "Sunglasses", "Accessories", "wearables.sunglasses", {"women": 2, "men": 1, "unisex": 1}, ("acetate", "steel"), "one", 79,
         ("classic", "streetwear", "minimal", "boho"), colours=("black", "brown", "camel", "navy", "burgundy", "cream", "green", "red", "gold", "silver", "pink"),
         options={"shape": ("round", "square", "cat-eye", "aviator")}, seasons=("summer", ""), occasions=("holiday", "everyday", "beach"), plural=True),
    Kind("tie", "Ties", "Accessories", "wearables.tie", {"men": 3}, ("silk", "wool", "linen"), "one", 39, ("formal", "classic"),
         colours=("navy", "burgundy", "red", "green", "grey", "blue", "light blue", "purple", "pink", "mustard", "black", "teal"),
         patterns={"plain": 1.5, "striped": 2.0, "dotted": 1.6, "checked": 1.0, "floral": 0.6}, occasions=("office", "wedding")),
    Kind("gloves", "Gloves", "Accessories", "wearables.gloves", {"women": 1, "men": 1, "unisex": 1}, ("leather", "wool", "merino", "suede"), "gloves", 35,
         ("classic", "outdoor", "minimal"), colours=_LEATHER + ("grey", "mustard"), patterns=_PLAIN, seasons=("winter",), occasions=("everyday", "outdoors"), plural=True),
)
