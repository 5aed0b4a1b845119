"""Words for made-up people: names, invented brands, and what people say they like or never wear."""

from __future__ import annotations

from fashionrec.demo.brands import BRANDS


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES: dict[str, tuple[str, ...]] = {
    "woman": _words(
        "Abigail Adele Agnes Aileen Alba Alma Amara Amelie Anita Anouk Astrid Aurora Beatriz Bettina Birgit "
        "Camila Carla Cecilia Chiara Claudia Corinne Dagny Daria Dina Dorothea Edith Elena Elif Elsa Emilia "
        "Esther Eva Farah Fatima Fiona Flora Freya Frida Gemma Gloria Gudrun Hana Harriet Helga Hilda Ida "
        "Imogen Ingrid Irene Isla Ivana Jana Jasmin Joana Johanna Judith Karin Katya Kirsten Lara Leila Leonie "
        "Lidia Lina Linnea Lotte Lucia Luisa Mabel Malin Manuela Margit Marta Matilda Meera Mila Mina Miriam "
        "Nadia Naomi Nell Nina Noor Odette Olivia Orla Petra Phoebe Pilar Priya Ramona Renata Rita Roberta "
        "Rosalind Ruth Sabine Salma Sandra Saskia Sigrid Silvia Sofia Stella Sunniva Svea Tamara Tara Theresa "
        "Tilda Ursula Valentina Vanessa Viola Wanda Wilma Yasmin Yvonne Zara Zelda Zoe"
    ),
    "man": _words(
        "Aaron Abel Adrian Ahmed Albert Alessio Alvaro Amir Anders Andrei Anselm Arjun Arne Arthur August Axel "
        "Bastian Ben Bernard Bjorn Boris Caleb Carlos Cedric Christof Clemens Colin Cyril Damian Daniel David "
        "Denis Dirk Dominik Edgar Eduardo Einar Elias Enzo Erik Ernst Ethan Fabian Farid Ferdinand Filip Finn "
        "Florian Frank Fritz Gabriel Georg Gideon Giorgio Gregor Hakon Hamid Harald Hassan Hector Henrik Idris "
        "Igor Ingo Isaac Ismail Jakob Jan Javier Joel Johan Jorge Josef Julian Kai Karim Kaspar Kenji Kilian "
        "Konrad Lars Leif Leon Linus Lorenz Louis Magnus Malik Marco Marius Martin Mateo Matthias Max Miguel "
        "Mikkel Moritz Nathan Nico Noah Olaf Oliver Omar Otto Pascal Patrick Paul Peer Philip Quentin Ralf "
        "Ravi Rene Robin Roland Ruben Samuel Sander Sebastian Simon Soren Stefan Sven Theo Thomas Tobias Tom "
        "Ulrich Valentin Victor Walter Willem Yusuf Zeno"
    ),
}
LAST_NAMES: tuple[str, ...] = _words(
    "Aalto Abbott Adeyemi Ahlgren Albrecht Almeida Andersen Arnold Ashby Azevedo Bachmann Bakker Barros Bauer "
    "Becker Bellini Benson Bergman Bianchi Birk Blake Bloom Boateng Borg Brandt Brennan Brook Burke Cabral "
    "Campbell Carlsen Caruso Castro Chandra Clarke Conti Costa Cruz Dalgaard Danielsen Davies Delgado Devlin "
    "Diallo Dorn Drake Duarte Eklund Ellis Engel Eriksen Falk Farrell Fiore Fischer Fleming Fonseca Foster "
    "Franke Gallo Garcia Gerber Gilbert Goncalves Graf Greene Gupta Haas Hagen Hansen Harper Hartmann Hassani "
    "Haugen Hayes Heller Herrera Hill Hoffmann Hughes Iversen Jansen Jensen Johansson Jordan Kaiser Kapoor "
    "Karlsson Keller Khan Klein Koch Kowalski Kramer Kumar Laurent Lehmann Lemaire Lewis Lind Lopes Lorenzo "
    "Lund Madsen Maier Martinez Mendes Mercer Meyer Molina Monroe Moreau Morgan Moser Mueller Nagel Navarro "
    "Neumann Novak Nunes Olsen Osman Pereira Peters Pinto Pohl Porter Price Quinn Rahman Reed Reis Richter "
    "Riedel Rinaldi Rivera Romano Roth Russo Sauer Schmidt Schneider Serrano Shah Silveira Singh Sommer Soto "
    "Stein Stone Strand Sutton Svensson Tanaka Teixeira Thorne Torres Vance Varga Vega Vogel Wagner Walsh Ward "
    "Weber Wells Werner Wolf Yilmaz Young Zanetti Ziegler Zimmermann"
)

_BRAND_HEADS = _words(
    "Alder Amber Anchor Ash Birch Blue Briar Cedar Clover Cobalt Copper Coral Dove Ember Fable Feather Flint Fox "
    "Garnet Gull Hazel Heron Indigo Iron Ivy Lark Laurel Linden Lunar Maple Marble Meadow Mint Moss North Oak Ochre "
    "Olive Opal Otter Pearl Pine Quartz Raven Rook Rowan Rye Sable Sage Silver Slate Sparrow Stone Swift Thistle "
    "Tide Umber Velvet Violet West Willow Winter Wolf Yarrow"
)
_BRAND_TAILS = (
    "Atelier", "Avenue", "Bay", "Club", "Collective", "& Co", "Cove", "Field", "Goods", "Grove", "Hill", "House",
    "Lab", "Lane", "Mill", "Novelle", "Outfitters", "Post", "Quarter", "Republic", "Room", "Studio", "Supply",
    "Union", "Wardrobe", "Works", "Yard",
)  # fmt: skip
INVENTED_BRANDS: tuple[str, ...] = tuple(
    f"{head} {tail}" for number, head in enumerate(_BRAND_HEADS) for tail in _BRAND_TAILS[number % 5 :: 5]
)
"""Brands that the demo shop does not carry."""

BRANDS_BY_STYLE: dict[str, tuple[str, ...]] = {
    style: tuple(brand.name for brand in BRANDS if brand.style == style)
    for style in ("casual", "formal", "sporty", "boho", "streetwear", "classic", "minimal", "romantic")
}

COLOURS: tuple[str, ...] = (
    "black", "white", "cream", "beige", "camel", "brown", "grey", "navy", "blue", "light blue", "teal", "green",
    "olive", "mint", "yellow", "mustard", "orange", "red", "burgundy", "pink", "purple", "lavender", "gold", "silver",
    "neon", "turquoise", "coral", "peach", "khaki", "rust", "maroon", "ivory", "charcoal", "magenta", "bronze",
    "copper", "lilac", "navy blue", "off white", "multicoloured", "tan", "rose", "fuchsia", "sand",
)  # fmt: skip
PATTERNS: tuple[str, ...] = (
    "plain", "striped", "dotted", "checked", "floral", "paisley", "animal print", "leopard print", "camouflage",
    "tie-dye", "polka dots", "houndstooth", "geometric", "tropical", "graphic", "abstract", "gingham", "tartan",
)  # fmt: skip
MATERIALS: tuple[str, ...] = (
    "acetate", "cable knit", "canvas", "cashmere", "chiffon", "corduroy", "cotton", "denim", "elastane", "felt",
    "flannel", "fleece", "jersey", "leather", "linen", "merino", "nylon", "organic cotton", "patent leather",
    "polyester", "poplin", "rubber", "satin", "silk", "steel", "straw", "suede", "tweed", "vegan leather", "velvet",
    "viscose", "wool", "fur", "faux fur", "lace", "mesh", "sequins", "tulle", "alpaca", "mohair", "acrylic",
    "bamboo", "hemp", "lycra", "plastic", "georgette", "crepe", "down", "shearling", "knit",
)  # fmt: skip
GARMENTS: tuple[str, ...] = (
    "t-shirts", "polo shirts", "shirts", "blouses", "tank tops", "sweaters", "cardigans", "hoodies", "sweatshirts",
    "jackets", "puffer jackets", "coats", "raincoats", "blazers", "jeans", "trousers", "joggers", "leggings", "shorts",
    "skirts", "dresses", "jumpsuits", "swimwear", "nightwear", "sneakers", "boots", "sandals", "heels", "loafers",
    "flats", "handbags", "tote bags", "backpacks", "hats", "caps", "beanies", "scarves", "belts", "watches",
    "sunglasses", "ties", "gloves", "waistcoats", "vests", "parkas", "capes", "ponchos", "kimonos", "kaftans",
    "kurtas", "tunics", "rompers", "dungarees", "chinos", "culottes", "tights", "socks", "slippers", "clogs",
    "moccasins", "mules", "espadrilles", "brogues", "flip flops", "trainers", "clutches", "wallets", "earrings",
    "necklaces", "bracelets", "rings", "suits", "tracksuits", "bodysuits", "crop tops", "camisoles", "bras", "briefs",
    "boxers", "bathrobes", "sarees", "shawls", "headbands", "umbrellas", "duffel bags", "sports shoes", "knitwear",
)  # fmt: skip
NOTIONS: tuple[str, ...] = (
    "big logos", "ripped jeans", "puff sleeves", "shoulder pads", "platform soles", "low waists", "bare shoulders",
    "tight collars", "itchy labels", "drawstrings", "fringes", "ruffles", "bows", "rhinestones", "metal studs",
    "wide legs", "high waists", "deep pockets", "good buttons", "clean seams", "soft collars", "long sleeves",
    "slogans", "skinny fits", "boxy cuts", "turtlenecks", "hoods", "zips", "pleats", "layers",
)  # fmt: skip
STYLE_LIKES: dict[str, tuple[str, ...]] = {
    "casual": ("denim", "jeans", "t-shirts", "sneakers", "hoodies", "blue", "cotton", "jersey", "sweatshirts",
               "cardigans", "flannel", "caps", "shorts", "striped", "canvas", "grey", "chinos", "polo shirts"),
    "formal": ("blazers", "shirts", "wool", "navy", "trousers", "heels", "grey", "ties", "suits", "silk", "loafers",
               "burgundy", "black", "watches", "coats", "poplin", "white", "brogues"),
    "sporty": ("leggings", "sneakers", "hoodies", "shorts", "polyester", "backpacks", "black", "joggers", "nylon",
               "fleece", "caps", "tracksuits", "mint", "tank tops", "jersey", "trainers", "orange"),
    "boho": ("floral", "linen", "skirts", "sandals", "scarves", "brown", "dresses", "paisley", "mustard", "suede",
             "tunics", "kimonos", "olive", "hats", "rust", "fringes", "viscose", "straw"),
    "streetwear": ("hoodies", "caps", "sneakers", "black", "denim", "jackets", "backpacks", "beanies", "graphic",
                   "sweatshirts", "joggers", "neon", "camouflage", "puffer jackets", "canvas", "olive", "purple"),
    "classic": ("coats", "checked", "wool", "shirts", "boots", "navy", "beige", "camel", "cardigans", "tweed",
                "leather", "loafers", "cashmere", "houndstooth", "scarves", "brown", "gloves", "knitwear"),
    "minimal": ("plain", "white", "black", "grey", "linen", "beige", "coats", "cream", "merino", "trousers", "shirts",
                "organic cotton", "clean seams", "sweaters", "loafers", "charcoal", "tote bags"),
    "romantic": ("dresses", "floral", "pink", "silk", "skirts", "dotted", "blouses", "lace", "lavender", "satin",
                 "chiffon", "ruffles", "flats", "red", "velvet", "peach", "bows", "rose"),
}  # fmt: skip
