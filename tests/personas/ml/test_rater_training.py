"""A rater learns a planted rule from nothing, continues after a kill, and is found again on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from personas.ml.prompt_text import ASCENDING, DESCENDING
from personas.ml.rater_evaluation import agreement, pack_log_probabilities
from personas.ml.rater_model import build_rater, load_rater, save_rater
from personas.ml.rater_optimizer import orthogonalised
from personas.ml.rater_tokenizer import train_tokenizer
from personas.ml.rater_training import RaterTraining, RaterTrainingConfig
from recommender.ml.checkpoint import Checkpoint
from tests.personas.ml.tiny_rater import SHAPE, PlantedExamples, pack, tiny_tokenizer

TOKENIZER = tiny_tokenizer()


def config(steps: int) -> RaterTrainingConfig:
    return RaterTrainingConfig(
        steps=steps,
        personas=4,
        products=6,
        documents=2,
        learning_rate=1e-2,
        matrix_rate=0.02,
        warmup_steps=5,
        ema_decay=0.8,
        finish_steps=0,
        shape=SHAPE,
    )


def trained(steps: int) -> RaterTraining:
    training = RaterTraining(TOKENIZER, PlantedExamples(), config(steps), parts=2, marks=2)
    training.run(on_step=lambda step, losses: None)
    return training


def test_a_planted_rule_is_learned_in_both_label_orders_within_a_few_dozen_steps() -> None:
    losses: list[float] = []
    training = RaterTraining(TOKENIZER, PlantedExamples(), config(160), parts=2, marks=2)
    training.run(on_step=lambda step, found: losses.append(found["rating"]))
    packs = [pack(seed=90_000 + index, order=order) for index in range(5) for order in (ASCENDING, DESCENDING)]
    figures = agreement(packs, [pack_log_probabilities(training.model.eval(), TOKENIZER, rated) for rated in packs])
    assert (figures["negative_recall"], figures["negative_precision"]) == (1.0, 1.0)
    assert figures["error"] < 1.0
    assert figures["label_mass"] > 0.98
    assert losses[-1] < losses[0] / 4


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = trained(3).model.state_dict(), trained(3).model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


class Killed(Exception):
    pass


def test_a_killed_training_continues_to_the_weights_of_one_never_interrupted(tmp_path: Path) -> None:
    def kill(step: int, losses: Mapping[str, float]) -> None:
        if step == 5:
            raise Killed

    checkpoint, steps = Checkpoint(tmp_path), []
    with pytest.raises(Killed):
        RaterTraining(TOKENIZER, PlantedExamples(), config(6), parts=2, marks=2).run(
            on_step=kill, checkpoint=checkpoint, save_every=2
        )
    resumed = RaterTraining(TOKENIZER, PlantedExamples(), config(6), parts=2, marks=2)
    resumed.run(on_step=lambda step, losses: steps.append(step), checkpoint=checkpoint, save_every=2)
    assert steps == [5, 6]
    whole = trained(6).model.state_dict()
    for name, tensor in resumed.model.state_dict().items():
        torch.testing.assert_close(tensor, whole[name], atol=1e-5, rtol=1e-4)


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    RaterTraining(TOKENIZER, PlantedExamples(), config(1), parts=2, marks=2).run(
        on_step=lambda step, losses: None, checkpoint=checkpoint
    )
    other = RaterTraining(TOKENIZER, PlantedExamples(), config(2), parts=2, marks=2)
    with pytest.raises(ValueError, match="checkpoint: received one of .*'steps': 1"):
        other.run(on_step=lambda step, losses: None, checkpoint=checkpoint)


def test_spellings_of_a_word_start_alike_and_other_words_do_not() -> None:
    tokenizer = train_tokenizer([" coat", " Coat", " coats", " shirt"] * 20, vocabulary_size=420)
    embeddings = build_rater(tokenizer, SHAPE, seed=0).get_input_embeddings().weight
    (coat,), (capital,), (plural,), (shirt,) = (
        tokenizer.encode(word).ids for word in (" coat", " Coat", " coats", " shirt")
    )

    def likeness(one: int, other: int) -> float:
        return float(torch.cosine_similarity(embeddings[one], embeddings[other], dim=0).detach())

    assert min(likeness(coat, capital), likeness(coat, plural)) > 0.8
    assert likeness(coat, shirt) < 0.6


def test_a_saved_rater_is_half_the_size_and_answers_within_a_thousandth(tmp_path: Path) -> None:
    model = build_rater(TOKENIZER, SHAPE, seed=0).eval()
    save_rater(model, TOKENIZER, tmp_path, about={"name": "tiny", "demonstration": True})
    read = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert read.dtype == torch.float32
    assert read.config.fashionrec == {"name": "tiny", "demonstration": True}
    weights = sum(weight.numel() for weight in model.parameters())
    assert (tmp_path / "model.safetensors").stat().st_size == pytest.approx(2 * weights, rel=0.2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    rated = pack()
    np.testing.assert_allclose(
        pack_log_probabilities(read, TOKENIZER, rated), pack_log_probabilities(model, TOKENIZER, rated), atol=1e-3
    )


def test_a_source_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="model: received .*nowhere"):
        load_rater(tmp_path / "nowhere")


def test_newton_schulz_brings_singular_values_near_one_whatever_the_shape() -> None:
    generator = torch.Generator().manual_seed(0)
    for shape in ((16, 16), (24, 8), (8, 24)):
        values = torch.linalg.svdvals(orthogonalised(torch.randn(shape, generator=generator)))
        assert 0.5 < float(values.min()) <= float(values.max()) < 1.3
