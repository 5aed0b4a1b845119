"""Language models that write people from a list of words, well or badly, for tests of persona runs."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from personas.ml.language_model import Message, Sampling, Structure, Usage
from personas.ml.structured_output import generate_structure

SYLLABLES = ("ba", "de", "fi", "go", "lu", "mar", "nel", "pri", "sta", "tor", "vin", "wes", "ka", "jo", "ril", "han")


def person_json(prompt: str, seed: int) -> str:
    """A valid person as JSON, the same for the same prompt and seed, and unlike any other."""
    digest = hashlib.sha256(f"{prompt}/{seed}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "big"))

    def words(count: int) -> list[str]:
        made = ["".join(generator.choice(SYLLABLES, size=3)) for _ in range(count)]
        return [f"{word}{position}" for position, word in enumerate(made)]

    name = " ".join(word.title() for word in words(2))
    bio = f"{name} likes {' '.join(words(12))}. Never again {' '.join(words(10))}."
    person = {"name": name, "likes": words(3), "dislikes": words(3), "brands": words(2), "bio": bio}
    return json.dumps(person)


TWIN = json.dumps(
    {
        "name": "Ada Brink",
        "likes": ["wool", "navy"],
        "dislikes": ["neon", "fur"],
        "brands": ["Nordfell"],
        "bio": "Ada cycles to the office in all weathers. She will not wear neon or fur, and says so.",
    }
)
PROSE = "Certainly! Let me think about who this customer might be."
BROKEN = '{"name": "Ada Brink", "likes": ["wool",'


class Writer:
    """The protocol's writing half. `script` decides per call: text to answer, an exception to raise, or None for a
    valid person; `asked` records the (prompt, seed) of every call of every instance, `told`
    what was said besides."""

    name, scoring, demonstration, digest = "writer", "exact", False, "d" * 64
    script: Any = None
    asked: list[tuple[str, int]] = []
    told: list[list[str]] = []

    def __init__(self) -> None:
        self.usage = Usage()

    def generate(
        self, messages: Sequence[Message], schema: type[Structure], *, sampling: Sampling, retries: int = 3
    ) -> Structure:
        return generate_structure(self.write, messages, schema, sampling=sampling, retries=retries)

    def write(self, messages: Sequence[Message], sampling: Sampling) -> str:
        prompt = messages[1]["content"]
        type(self).asked.append((prompt, sampling.seed))
        type(self).told.append([message["content"] for message in messages[2:]])
        answer = type(self).script(prompt, sampling.seed) if type(self).script else None
        if isinstance(answer, BaseException):
            raise answer
        return person_json(prompt, sampling.seed) if answer is None else str(answer)


def misbehaves(prompt: str, seed: int) -> Any:
    """Of twenty calls four are prose, two broken JSON, two the same person over and over; the rest is fine."""
    fate = int.from_bytes(hashlib.sha256(f"fate {seed}".encode()).digest()[:2], "big") % 20
    if fate < 4:
        return PROSE
    return {4: BROKEN, 5: BROKEN, 6: TWIN, 7: TWIN}.get(fate)
