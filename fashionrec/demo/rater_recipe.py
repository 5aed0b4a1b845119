"""How the compact rater that comes with the shop is made, from nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from fashionrec.demo.rater_examples import MARKS, PARTS, RaterExamples
from fashionrec.demo.rater_figures import rating_figures, unseen_packs, writing_figures
from personas.ml.rater_model import save_rater
from personas.ml.rater_tokenizer import train_tokenizer
from personas.ml.rater_training import Checkpoint, RaterTraining, RaterTrainingConfig, StepCallback

POOL = 6_000
"""Products of the demo's kind that personas of the training are asked about, and as many unseen ones."""

VOCABULARY_TEXTS = 6_000
"""Made-up personas, each with four products, that the tokenizer learns words from."""

MEASURED_PERSONAS, MEASURED_PRODUCTS, WRITTEN = 100, 48, 400
"""Unseen personas, products of each, and personas written, that a finished training is measured on."""

UNSEEN_SEED = 10_001
"""Added to a training's seed: personas and products of another seed are measured on."""


def train_compact_rater(
    config: RaterTrainingConfig,
    *,
    name: str,
    directory: Path,
    on_step: StepCallback,
    on_check: Callable[[int, Mapping[str, float]], None],
    checkpoint: Checkpoint | None = None,
    check_every: int = 250,
) -> dict[str, Any]:
    """Trains on made-up personas and products, writes the model into `directory`, and measures it on unseen ones.

    on_check: gets figures on unseen personas every `check_every` steps. Continues after the last step in
    `checkpoint`. Returns {"rating": figures, "writing": figures}.
    """
    examples = RaterExamples(seed=config.seed, products=POOL)
    tokenizer = _tokenizer(examples, directory, texts=VOCABULARY_TEXTS)
    training = RaterTraining(tokenizer, examples, config, parts=len(PARTS), marks=len(MARKS))
    few = unseen_packs(seed=config.seed + UNSEEN_SEED, personas=8, products=24, pool=POOL)

    def step_done(step: int, losses: Mapping[str, float]) -> None:
        on_step(step, losses)
        if step % check_every == 0 and step < config.all_steps:
            on_check(step, rating_figures(training.model.eval(), tokenizer, few))

    training.run(on_step=step_done, checkpoint=checkpoint)
    model = training.model.eval()
    save_rater(
        model,
        tokenizer,
        directory,
        about={"name": name, "demonstration": True, "training": asdict(config)},
    )
    many = unseen_packs(
        seed=config.seed + UNSEEN_SEED + 1, personas=MEASURED_PERSONAS, products=MEASURED_PRODUCTS, pool=POOL
    )
    return {
        "rating": rating_figures(model, tokenizer, many),
        "writing": writing_figures(model, tokenizer, seed=config.seed + UNSEEN_SEED, count=WRITTEN),
    }


def _tokenizer(examples: RaterExamples, directory: Path, *, texts: int) -> Tokenizer:
    """The one that an interrupted training has left, else a new one: made anew it would be the same, a minute later."""
    kept = directory / "checkpoint" / "tokenizer.json"
    if kept.exists():
        return Tokenizer.from_file(str(kept))
    tokenizer = train_tokenizer(examples.texts(count=texts))
    kept.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(kept))
    return tokenizer
