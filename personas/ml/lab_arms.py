"""What the prompt lab compares: the shipped templates' words, and the arms that a grid of parameters makes of them.

The templates differ in what is known to matter: whether prose, a number or a letter is asked for, whether the points
are described, whether examples show refusals, and whether one call is one persona or everybody.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import product as combinations

from personas.ml import prompt_text
from personas.ml.language_model import Sampling
from personas.ml.prompt_text import EXAMPLES, MEANINGS, PERSONA_FIELDS, POINTS, one_line, without_empty_fields

LETTERS, NUMBER, OPEN, EVERYONE = "letters", "number", "open", "everyone"

PROBABILITIES, WRITTEN = "probabilities", "written"
"""How an arm is read: label probabilities at the answer position, or the text that the model writes."""

BIO_RICHNESS: tuple[str, ...] = ("none", "short", "full")
"""No bio, its first sentence, or all of it."""

LIMITS: dict[str, tuple[float, float]] = {
    "temperature": (0.0, 5.0),
    "top_p": (0.01, 1.0),
    "top_k": (0, 1_000),
    "repetition_penalty": (0.5, 3.0),
}
"""Smallest and largest value of each sampling parameter."""

_PERSON = prompt_text.PREFIX.split("\n\n", maxsplit=1)[0]
_PRODUCT = prompt_text.SUFFIX.rpartition("\n")[0]
_POINTS_IN_WORDS = "-1 if you strongly dislike it, else a whole number from 1 to 10"
_BETWEEN_PROMPTS = ("\nProduct",)  # a completion model goes on with the next product


@dataclass(frozen=True)
class TemplateText:
    """One shipped template. meanings and examples are empty where the template shows none."""

    name: str
    style: str
    prefix: str
    suffix: str
    meanings: tuple[str, ...] = ()
    examples: tuple[tuple[str, int], ...] = ()


SHIPPED: tuple[TemplateText, ...] = (
    TemplateText(
        "open-ended",
        OPEN,
        _PERSON + "\n\nLook at the product and say in a sentence or two what you think of it, and how you rate it on a "
        "scale of -1 (strong dislike), then 1 to 10.\n",
        _PRODUCT + "\nYour thoughts:",
    ),
    TemplateText(
        "strict numeric",
        NUMBER,
        _PERSON + f"\n\nRate each product: {_POINTS_IN_WORDS}. Answer with the number alone.\n",
        prompt_text.SUFFIX,
    ),
    TemplateText(
        "described scale",
        NUMBER,
        _PERSON + "\n\nRate each product with one number of this scale. Most products are not for you: say so. "
        "Answer with the number alone.\n{scale}\n",
        prompt_text.SUFFIX,
        MEANINGS,
    ),
    TemplateText(
        "with -1 examples",
        NUMBER,
        _PERSON + "\n\nRate each product with one number of this scale. Most products are not for you: say so. "
        "Answer with the number alone.\n{scale}\n\n"
        "Examples from somebody who dislikes neon and fur, and likes navy and wool:\n{examples}\n",
        prompt_text.SUFFIX,
        MEANINGS,
        EXAMPLES,
    ),
    TemplateText(
        "all personas at once",
        EVERYONE,
        "These people rate clothes, each for themselves alone.\n{people}\n\n"
        "Give every person's rating of the product: -1 for a strong dislike, else a whole number from 1 to 10. "
        'Answer with one line per person, their number and their rating, such as "1: 4".\n',
        _PRODUCT + "\nRatings:",
    ),
)
"""Besides the shop's own letters template, which is the sixth arm."""


@dataclass(frozen=True)
class ArmSettings:
    """One point of the grid. Label probabilities know no sampling: those arms keep the neutral values."""

    reading: str = WRITTEN
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    bio: str = "full"

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> "ArmSettings":
        return cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})  # type: ignore[arg-type]

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def sampling(self, style: str, *, seed: int, people: int = 1) -> Sampling:
        """How one answer is drawn; the length left to it follows from what is asked for."""
        return Sampling(
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            repetition_penalty=self.repetition_penalty,
            max_tokens={LETTERS: 6, NUMBER: 8, OPEN: 96, EVERYONE: 8 * people + 8}[style],
            stop=_BETWEEN_PROMPTS,
            seed=seed,
        )


def grid_arms(style: str, grid: Mapping[str, Sequence[object]]) -> list[ArmSettings]:
    """The arms of one model and one template: every point of the grid, each once.

    At temperature 0 the likeliest token is taken, so top_p and top_k make no arms of their own. A letters template is
    also read by label probabilities, one arm per bio richness.
    """
    arms: dict[ArmSettings, None] = {}
    bios = [str(bio) for bio in grid["bio"]]
    if style == LETTERS:
        arms.update({ArmSettings(reading=PROBABILITIES, bio=bio): None for bio in bios})
    points = combinations(*(grid[name] for name in LIMITS), bios)
    for temperature, top_p, top_k, penalty, bio in points:
        greedy = float(str(temperature)) == 0.0
        settings = ArmSettings(
            temperature=float(str(temperature)),
            top_p=1.0 if greedy else float(str(top_p)),
            top_k=0 if greedy else int(str(top_k)),
            repetition_penalty=float(str(penalty)),
            bio=str(bio),
        )
        arms.setdefault(settings)
    return list(arms)


def shorten_bio(bio: str, richness: str) -> str:
    """Raises ValueError unless `richness` is one of BIO_RICHNESS."""
    if richness not in BIO_RICHNESS:
        raise ValueError(f"bio: expected one of {', '.join(BIO_RICHNESS)}, received {richness!r}")
    plain = one_line(bio)
    if richness == "short":
        end = plain.find(". ")
        return plain if end < 0 else plain[: end + 1]
    return plain if richness == "full" else ""


def person_prefix(
    text: str, persona: Mapping[str, str], *, meanings: Sequence[str], examples: Sequence[Sequence[object]]
) -> str:
    """The prefix of a template that asks for a number, for one persona (PERSONA_FIELDS)."""
    values = {name: one_line(persona.get(name, "")) for name in PERSONA_FIELDS}
    scale = (
        "\n".join(f"{point}: {meaning}" for point, meaning in zip(POINTS, meanings, strict=True)) if meanings else ""
    )
    shown = "\n".join(f"{product} Rating: {point}" for product, point in examples)
    return without_empty_fields(text.format(**values, scale=scale, examples=shown))


def everyone_prefix(text: str, personas: Sequence[Mapping[str, str]]) -> str:
    """A template's prefix for all personas of one call, numbered from 1, one line each."""
    return text.format(people="\n".join(f"{n}. {_in_one_line(person)}" for n, person in enumerate(personas, start=1)))


def cell_seed(seed: int, persona: int, product: int) -> int:
    """The seed of one answer: the same cell draws with the same seed in every arm. 0 ≤ seed < 2³²."""
    return zlib.crc32(f"{seed}:{persona}:{product}".encode())


def _in_one_line(persona: Mapping[str, str]) -> str:
    value = {name: one_line(persona.get(name, "")) for name in PERSONA_FIELDS}
    who = [value[name] for name in ("name", "gender", "age_band", "region", "occupation") if value[name]]
    parts = [", ".join(who)]
    parts += [f"{name}: {value[name]}" for name in ("style", "budget", "likes", "dislikes", "brands") if value[name]]
    return "; ".join(parts) + (f". {value['bio']}" if value["bio"] else "")
