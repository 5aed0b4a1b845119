"""Template personas: a name, likes, dislikes and a bio, drawn from a small grammar by a seed."""

from dataclasses import dataclass

import numpy as np

NAMES = {
    "woman": (
        "Ada Brink", "Bea Castellan", "Clara Dunmore", "Delia Eastwood", "Edda Fjeld", "Fenna Grove", "Greta Halloran",
        "Hanne Isaksen", "Ines Jordao", "Jette Kamp", "Klara Lindqvist", "Livia Moretti", "Maren Nygaard", "Nia Okafor",
        "Olga Petrova", "Paula Quintero", "Rosa Santoro", "Selma Tahir", "Tessa Ulrich", "Vera Winther",
    ),
    "man": (
        "Anton Berge", "Bruno Calder", "Casper Dahl", "Dario Esposito", "Emil Forsberg", "Felix Grant", "Gustav Holm",
        "Hugo Ivanov", "Ivan Jelic", "Jonas Krause", "Kofi Larsen", "Luca Marchetti", "Milo Nilsson", "Nils Oduya",
        "Oscar Prinsloo", "Pedro Ramos", "Rafael Silva", "Sami Tuominen", "Tomas Urban", "Viktor Weiss",
    ),
}  # fmt: skip

LIKES_BY_STYLE = {
    "casual": ("denim", "jeans", "t-shirts", "sneakers", "hoodies", "blue", "cotton"),
    "formal": ("blazers", "shirts", "wool", "navy", "trousers", "heels", "grey"),
    "sporty": ("leggings", "sneakers", "hoodies", "shorts", "polyester", "backpacks", "black"),
    "boho": ("floral", "linen", "skirts", "sandals", "scarves", "brown", "dresses"),
    "streetwear": ("hoodies", "caps", "sneakers", "black", "denim", "jackets", "backpacks"),
    "classic": ("coats", "checked", "wool", "shirts", "boots", "navy", "beige"),
    "minimal": ("plain", "white", "black", "grey", "linen", "beige", "coats"),
    "romantic": ("dresses", "floral", "pink", "silk", "skirts", "dotted", "blouses"),
}
DISLIKES = (
    "floral", "dotted", "checked", "striped", "pink", "yellow", "orange", "red", "green", "purple", "white", "brown",
    "leather", "denim", "polyester", "silk", "wool", "suede", "knit", "heels", "sandals", "boots", "caps", "belts",
    "hoodies", "leggings", "skirts", "shorts", "blazers", "scarves", "watches", "sunglasses", "backpacks",
)  # fmt: skip
OPENINGS = {
    "18-24": ("has just moved into a shared flat", "spends half of every week on trains", "is learning what suits"),
    "25-34": ("settled into a first real job", "dances most weekends", "cycles everywhere in all weathers"),
    "35-44": ("juggles two children and a full calendar", "runs a tight household", "travels for work each month"),
    "45-54": ("knows exactly what fits by now", "took up hiking again", "leads a small team"),
    "55-64": ("has more time for the theatre these days", "is planning a long journey", "tends a well-known garden"),
    "65+": (
        "keeps a good wardrobe for decades",
        "walks the dog before breakfast",
        "minds the grandchildren on Fridays",
    ),
}
BUDGETS = {
    "low": ("waits for the sales and compares every price", "puts a strict ceiling on what a piece may cost"),
    "medium": ("pays a fair price for things that last", "would rather own three good pieces than ten poor ones"),
    "high": ("pays gladly for material and cut", "looks at the label before the price"),
}
REASONS = (
    "for reasons of comfort", "after one bad purchase too many", "and says so to anyone who asks",
    "and sends it straight back", "and always has",
)  # fmt: skip
OCCASIONS = ("mornings at work", "long weekends", "evenings out", "rainy commutes", "Sunday lunches", "short trips")


@dataclass(frozen=True)
class Biography:
    name: str
    likes: list[str]
    dislikes: list[str]
    bio: str


def write_biography(cell: dict[str, str], *, index: int, seed: int) -> Biography:
    """A person for a quota cell: at least two sentences, two likes and two explicit dislikes."""
    generator = np.random.default_rng([seed, index])
    names = NAMES[cell["gender"]]
    # Every round through the list shifts the family names by one more: 400 distinct names of each gender.
    first = names[index % len(names)].split(" ")[0]
    last = names[(index + index // len(names)) % len(names)].split(" ")[1]
    likes = [str(word) for word in generator.choice(LIKES_BY_STYLE[cell["style"]], size=3, replace=False)]
    possible = [word for word in DISLIKES if word not in LIKES_BY_STYLE[cell["style"]]]
    dislikes = [str(word) for word in generator.choice(possible, size=int(generator.integers(2, 5)), replace=False)]
    pronoun = "She" if cell["gender"] == "woman" else "He"
    bio = (
        f"{first} {_pick(generator, OPENINGS[cell['age_band']])} in the {cell['region']} and works as "
        f"{_article(cell['occupation_wording'])}. "
        if cell["occupation_wording"] not in ("retired", "between jobs")
        else f"{first} {_pick(generator, OPENINGS[cell['age_band']])} in the {cell['region']} "
        f"and is {cell['occupation_wording']}. "
    )
    bio += (
        f"{pronoun} dresses {_article(cell['style'], wear=True)} for {_pick(generator, OCCASIONS)}, reaches for "
        f"{likes[0]} and {likes[1]}, and {_pick(generator, BUDGETS[cell['budget']])}. "
        f"{pronoun} will not wear {_listed(dislikes)}, {_pick(generator, REASONS)}."
    )
    return Biography(name=f"{first} {last}", likes=likes, dislikes=dislikes, bio=bio)


def _pick(generator: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(generator.integers(len(options)))]


def _article(noun: str, *, wear: bool = False) -> str:
    if wear:
        return f"in a {noun} way"
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _listed(words: list[str]) -> str:
    return ", ".join(words[:-1]) + f" or {words[-1]}"
