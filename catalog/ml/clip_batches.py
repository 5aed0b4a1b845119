"""What one training step sees: pictures, a caption for each, and prompts for the attribute values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from catalog.ml.clip_examples import TrainingExamples
from catalog.ml.clip_sampler import HARD_NEGATIVES, batch_rows
from catalog.ml.tokenizer import token_ids
from catalog.ml.training_captions import CAPTION_ONLY, NOUNS, caption_of_attributes, prompt, spoken

OWN_CAPTION_SHARE = 0.4


@dataclass(frozen=True)
class Batch:
    """pixels (B, S, S, 3) uint8; codes (B, A); mentioned (B, A) bool; caption_tokens (B, L); prompt_tokens (P, L);
    prompt_attribute, prompt_code (P,)."""

    pixels: torch.Tensor
    codes: torch.Tensor
    mentioned: torch.Tensor
    caption_tokens: torch.Tensor
    prompt_tokens: torch.Tensor
    prompt_attribute: torch.Tensor
    prompt_code: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """The same, on `device`."""
        return Batch(**{name: tensor.to(device) for name, tensor in vars(self).items()})


def epoch_batches(
    examples: TrainingExamples,
    tokenizer: Tokenizer,
    *,
    batch_size: int,
    context_length: int,
    rare_prompts: int,
    prompts: int,
    rng: np.random.Generator,
    hard_negatives: float = HARD_NEGATIVES,
) -> Iterator[Batch]:
    """The batches of `clip_sampler.batch_rows`, with their texts.

    rare_prompts: how many values that do not occur in a batch are offered as wrong answers, per attribute.
    prompts: about how many in all; attributes take turns by chance where theirs would be more.
    """

    def tokens(texts: list[str]) -> torch.Tensor:
        return torch.from_numpy(token_ids(tokenizer, texts, context_length=context_length))

    for rows in batch_rows(examples, batch_size=batch_size, hard_negatives=hard_negatives, rng=rng):
        texts, mentioned = batch_captions(examples, rows, rng)
        sizes = [len(values) for values in examples.values]
        turns = _turns(examples.names, rng)
        attribute, code = _prompts(examples.codes[rows], sizes, turns, rare=rare_prompts, budget=prompts, rng=rng)
        phrases = [prompt(examples.values[a][c], rng) for a, c in zip(attribute, code, strict=True)]
        yield Batch(
            pixels=torch.from_numpy(examples.pictures(rows)),
            codes=torch.from_numpy(examples.codes[rows]),
            mentioned=torch.from_numpy(mentioned),
            caption_tokens=tokens(texts),
            prompt_tokens=tokens(phrases),
            prompt_attribute=torch.from_numpy(attribute),
            prompt_code=torch.from_numpy(code),
        )


def batch_captions(
    examples: TrainingExamples, rows: NDArray[np.int64], rng: np.random.Generator
) -> tuple[list[str], NDArray[np.bool_]]:
    """Each picture's own caption or one made of its attributes, and (B, A) which attributes it states."""
    mentioned = np.zeros((len(rows), len(examples.names)), dtype=bool)
    spoken_columns = examples.spoken_columns()
    texts = []
    for index, row in enumerate(rows):
        sayable = examples.codes[row] >= 0
        own = examples.captions[row]
        if own and (rng.random() < OWN_CAPTION_SHARE or not (sayable & spoken_columns).any()):
            # A title is taken to say all that is known: it is only true of a product equal in everything.
            texts.append(own)
            mentioned[index] = sayable
        elif (sayable & spoken_columns).any():
            text, names = caption_of_attributes(examples.attributes[row], rng)
            texts.append(text)
            mentioned[index] = [name in names for name in examples.names]
        else:  # only unspoken attributes and no caption: say one of them all the same
            column = int(rng.choice(np.flatnonzero(sayable))) if sayable.any() else -1
            texts.append(spoken(examples.attributes[row][examples.names[column]]) if column >= 0 else "")
            mentioned[index, column] = column >= 0
    return texts, mentioned


def _turns(names: Sequence[str], rng: np.random.Generator) -> list[int]:
    """All attributes that can be seen in random order, with one of those that say what a thing is in front."""
    order = [int(attribute) for attribute in rng.permutation(len(names)) if names[attribute] not in CAPTION_ONLY]
    noun = next((attribute for attribute in order if names[attribute] in NOUNS), None)
    return order if noun is None else [noun, *(attribute for attribute in order if attribute != noun)]


def _prompts(
    codes: NDArray[np.int64],
    sizes: Sequence[int],
    turns: Sequence[int],
    *,
    rare: int,
    budget: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(P,) attribute and (P,) value of each prompt: of an attribute all values that occur, and `rare` others."""
    attributes, values = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for attribute in turns:
        present = np.unique(codes[:, attribute])
        present = present[present >= 0]
        if len(present) == 0 or sizes[attribute] < 2:
            continue
        absent = np.setdiff1d(np.arange(sizes[attribute]), present)
        others = rng.choice(absent, size=min(rare, len(absent)), replace=False)
        chosen = np.concatenate([present, others])
        attributes.append(np.full(len(chosen), attribute))
        values.append(chosen)
        if sum(map(len, values)) >= budget:
            break
    return np.concatenate(attributes), np.concatenate(values)
