"""Fine-tuning a rater on stored rows: examples in, model out, figures before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from personas.ml.language_models.answer_tokens import PromptEncoder
from personas.ml.language_models.model_files import COMPACT, COMPACT_FOLDER, read_config
from personas.ml.rater_evaluation import agreement
from personas.ml.rater_model import load_rater, save_tuned
from personas.ml.rater_training import Checkpoint, StepCallback
from personas.ml.rater_tuning import PreferenceTuner, RatingTuner, Tuner, TuningConfig, add_lora, tune
from personas.teaching import rated_lessons, split_off, stored_preferences

CheckCallback = Callable[[int, Mapping[str, float]], None]
HELD_OUT = 0.1


def tune_on_ratings(run_id: str, config: TuningConfig, *, source: str, lora: int | None, **rest: Any) -> dict[str, Any]:
    """Fine-tunes on a rating run's distributions; returns {"before": …, "after": …} on personas held out."""
    lessons = rated_lessons(run_id, held_out=HELD_OUT, seed=config.seed)
    model, prompts = _loaded(source)
    held_out = RatingTuner(model, prompts, lessons.held_out)

    def measure() -> dict[str, float]:
        return agreement(lessons.held_out, held_out.log_probabilities())

    figures = _tune(model, lambda: RatingTuner(model, prompts, lessons.training), config, measure, source, lora, **rest)
    return {**figures, "ratings": lessons.ratings}


def tune_on_preferences(
    provenance: str, config: TuningConfig, *, source: str, lora: int | None, **rest: Any
) -> dict[str, Any]:
    """Fine-tunes on preference pairs; returns {"before": …, "after": …}: how often held-out pairs are preferred so."""
    pairs = stored_preferences(provenance)
    training, kept = split_off(pairs, share=HELD_OUT, seed=config.seed)
    model, prompts = _loaded(source)
    held_out = PreferenceTuner(model, prompts, kept, beta=config.beta)

    def measure() -> dict[str, float]:
        margins = held_out.margins()
        return {
            "pairs": float(len(margins)),
            "accuracy": float((margins > 0).mean()),
            "margin": float(np.mean(margins)),
        }

    def tuner() -> PreferenceTuner:
        return PreferenceTuner(model, prompts, training, beta=config.beta)

    figures = _tune(model, tuner, config, measure, source, lora, **rest)
    return {**figures, "pairs": len(pairs)}


def _tune(
    model: Any,
    tuner: Callable[[], Tuner],
    config: TuningConfig,
    measure: Callable[[], dict[str, float]],
    source: str,
    lora: int | None,
    *,
    directory: Path,
    name: str,
    on_step: StepCallback,
    on_check: CheckCallback,
    checkpoint: Checkpoint | None,
) -> dict[str, Any]:
    before = measure()
    on_check(0, before)
    made = tuner()
    wrapped = add_lora(model, rank=lora, seed=config.seed) if lora else None
    tune(
        wrapped or model,
        made,
        config,
        on_step=on_step,
        checkpoint=checkpoint,
        on_check=lambda step: on_check(step, measure()),
        check_every=max(config.steps // 4, 1),
    )
    merged = wrapped.merge_and_unload() if wrapped else model
    after = measure()
    folder = _folder(source)
    said = read_config(Path(folder)).get("fashionrec") if Path(folder).is_dir() else None
    about = {**(said or {}), "name": name, "tuned_from": source, "tuning": {**asdict(config), "lora": lora or 0}}
    save_tuned(merged, folder, directory, about=about)
    return {"before": before, "after": after}


def _loaded(source: str) -> tuple[Any, PromptEncoder]:
    model, tokenizer = load_rater(_folder(source))
    return model, PromptEncoder(tokenizer, chat=bool(getattr(tokenizer, "chat_template", None)))


def _folder(source: str) -> str:
    return str(COMPACT_FOLDER) if source == COMPACT else source
