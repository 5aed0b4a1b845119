"""Made-up personas that rate made-up products: examples to train a small rater on.

The teacher is the public part of the planted taste: gender, budget, likes, dislikes and the words of a style.
Hidden affinities of any seed stay out, so that a rater trained on this knows nothing of any planted world.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from fashionrec.demo.persona_corpus import Person, draw_cell, write_person
from fashionrec.demo.product_corpus import DEMO_PRICE_EDGES, Fields, demo_fields, draw_products, singular
from fashionrec.demo.products import generate_products
from fashionrec.simulation.rating_scale import log_probabilities
from fashionrec.simulation.taste import OTHER_GENDER, STYLE_WORDS, Taste, words_of
from personas.biographies import write_biography
from personas.ml.persona_draft import persona_messages
from personas.ml.prompt_text import LABEL_ORDERS, PREFIX, SUFFIX, fill_prefix, fill_suffix
from personas.ml.rater_examples import Document, Hints, RatedPack
from personas.ml.structured_output import completion_prompt

PARTS: tuple[str, ...] = ("gender", "budget", "likes", "dislikes", "style")
MARKS: tuple[str, ...] = (
    "like", "dislike", "suits the style", "other gender", "for children", "good price", "wrong price", "far too dear",
)  # fmt: skip
_MATCHED = ("title", "brand", "category", "colour", "pattern", "material", "season", "style")
_WORD = re.compile(r"[A-Za-z][A-Za-z\-]*")
_REFUSALS = (
    "bio: at least two sentences are needed", "too much like another person: cosine 0.93", "there is no JSON object",
    "likes: entries must differ", "broken JSON", "name: String should have at least 3 characters",
)  # fmt: skip


class RaterExamples:
    """Examples without end. The same seed and step give the same examples.

    seed: of personas, products and of which meets which. products: how many of the demo's products to draw from.
    """

    def __init__(self, *, seed: int, products: int = 6_000) -> None:
        self.seed = seed
        self._taste = Taste(seed=0, affinity_scale=0.0)
        self._pool = [demo_fields(product) for product in generate_products(seed=seed, count=products)]

    def packs(self, step: int, *, count: int, size: int) -> list[RatedPack]:
        """`count` personas with `size` products each."""
        rng = np.random.default_rng([self.seed, 1, step])
        return [self._pack(rng, size) for _ in range(count)]

    def documents(self, step: int, *, count: int) -> list[Document]:
        """`count` requests for a persona, each with an answer."""
        rng = np.random.default_rng([self.seed, 2, step])
        return [_document(rng) for _ in range(count)]

    def texts(self, *, count: int) -> Iterator[str]:
        """Values of prompts, for a tokenizer to learn words from."""
        rng = np.random.default_rng([self.seed, 3])
        for _ in range(count):
            persona = draw_persona(rng)
            yield from (f" {value}" for value in persona.values() if value)
            # In JSON a value follows a quotation mark instead of a blank.
            for name in ("name", "likes", "dislikes", "brands"):
                yield from (word for word in persona[name].split(", ") if word)
            products, _ = self._products(rng, 4, "")
            yield from (f" {value}" for product in products for value in product.values() if value)

    def _pack(self, rng: np.random.Generator, size: int) -> RatedPack:
        persona = draw_persona(rng)
        products, price_edges = self._products(rng, size, persona["gender"])
        persona = _meet(persona, products, rng)
        scores, parts = teach(self._taste, persona, products, price_edges=price_edges)
        order = LABEL_ORDERS[int(rng.integers(2))]
        suffixes = [fill_suffix(SUFFIX, product) for product in products]
        return RatedPack(
            prefix=fill_prefix(PREFIX, persona, order=order),
            suffixes=suffixes,
            probabilities=np.exp(log_probabilities(scores)).astype(np.float32),
            order=order,
            hints=Hints(marks=_marks(persona, products, suffixes, parts), parts=parts.astype(np.float32)),
        )

    def _products(self, rng: np.random.Generator, size: int, gender: str) -> tuple[list[Fields], tuple[float, float]]:
        if rng.random() < 0.35:
            return draw_products(rng, count=size)
        wanted = {"woman": ("women", "unisex"), "man": ("men", "unisex")}.get(gender, ())
        chosen: list[Fields] = []
        while len(chosen) < size:
            product = self._pool[int(rng.integers(len(self._pool)))]
            if product["gender"] in wanted or rng.random() < 0.6:
                chosen.append(product)
        return chosen, DEMO_PRICE_EDGES


def draw_persona(rng: np.random.Generator) -> dict[str, str]:
    """Fields of a rating prompt (PERSONA_FIELDS): told by the corpus or by the templates, sometimes in part."""
    cell = draw_cell(rng)
    if rng.random() < 0.65:
        person = write_person(cell, rng)
    else:
        template = write_biography(
            {**cell, "occupation_wording": cell["occupation"]},
            index=int(rng.integers(10_000)),
            seed=int(rng.integers(2**31)),
        )
        person = Person(template.name, template.likes, template.dislikes, [], template.bio)
    persona = {
        **cell,
        "name": person.name,
        "likes": ", ".join(person.likes),
        "dislikes": ", ".join(person.dislikes),
        "brands": ", ".join(person.brands),
        "bio": person.bio,
    }
    for names, share in ((("brands",), 0.1), (("bio",), 0.12), (("likes", "bio"), 0.04), (("style", "bio"), 0.03)):
        if rng.random() < share:
            persona |= dict.fromkeys(names, "")
    for name in ("age_band", "region", "occupation", "budget", "name"):
        if rng.random() < 0.03:
            persona[name] = ""
    return persona


def teach(
    taste: Taste, persona: Mapping[str, str], products: Sequence[Fields], *, price_edges: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Taste of one persona for products, (N,), and the terms it adds up, (N, len(PARTS)). Titles count as words."""
    goods = [{**product, "style": f"{product['style']} {product['title']}"} for product in products]
    single = [{name: persona[name]} for name in PARTS]
    together = {name: persona[name] for name in PARTS}
    scores = taste.scores([together, *single], goods, price_edges=price_edges)
    return scores[0], scores[1:].T


def _document(rng: np.random.Generator) -> Document:
    cell = draw_cell(rng)
    messages = persona_messages(cell)
    if rng.random() < 0.06:
        reason = _REFUSALS[int(rng.integers(len(_REFUSALS)))]
        messages.append({"role": "user", "content": f"That was refused: {reason} Answer with the JSON alone."})
    answer = json.dumps(asdict(write_person(cell, rng)))
    return Document(completion_prompt(messages), f" {answer}\n\n")


def _meet(persona: dict[str, str], products: Sequence[Fields], rng: np.random.Generator) -> dict[str, str]:
    """Lets some likes and dislikes speak of what is on offer; rare words would hardly ever meet otherwise.

    The bio is left out then: it tells of the likes and dislikes before.
    """
    changed = dict(persona)
    for name in ("likes", "dislikes"):
        terms = persona[name].split(", ")
        if rng.random() < 0.4 and persona[name]:
            product = products[int(rng.integers(len(products)))]
            field = ("colour", "pattern", "material", "category", "category", "style", "brand")[int(rng.integers(7))]
            term = product[field].rsplit(">", 1)[-1].strip().lower()
            if field == "category" and rng.random() < 0.4:
                term = singular(term)
            if term and term not in f"{persona['likes']}, {persona['dislikes']}".split(", "):
                terms[int(rng.integers(len(terms)))] = term
                changed |= {name: ", ".join(terms), "bio": ""}
    return changed


def _marks(
    persona: Mapping[str, str],
    products: Sequence[Fields],
    suffixes: Sequence[str],
    parts: NDArray[np.float64],
) -> list[list[tuple[int, int, int]]]:
    """Where in each suffix the terms of the teacher's sum are decided, as spans of characters with a kind of MARKS."""
    terms = {
        kind: [words_of(term) for term in persona[name].split(",")] for kind, name in ((0, "likes"), (1, "dislikes"))
    }
    suits = STYLE_WORDS.get(persona["style"], frozenset())
    marks = []
    for product, suffix, (gender, budget, *_) in zip(products, suffixes, parts, strict=True):
        words = words_of(" ".join(product[name] for name in _MATCHED))
        matched = {
            kind: {word for term in terms[kind] if term and term <= words for word in term} for kind in (0, 1)
        } | {2: suits & words}
        spans: list[tuple[int, int, int]] = []
        for found in _WORD.finditer(suffix):
            of = words_of(found.group())
            spans += [(found.start(), found.end(), kind) for kind in (0, 1, 2) if of & matched[kind]]
        if gender:
            spans += _ending(suffix, "\nGender:", 3 if gender == OTHER_GENDER else 4)
        if budget:
            spans += _ending(suffix, "\nPrice:", 5 if budget > 0 else 6 if budget > -1 else 7)
        marks.append(spans)
    return marks


def _ending(suffix: str, line: str, kind: int) -> list[tuple[int, int, int]]:
    """The last character of a line's value: only there has a model read all of it."""
    start = suffix.find(line)
    end = suffix.find("\n", start + 1)
    return [(end - 1, end, kind)] if start >= 0 else []
