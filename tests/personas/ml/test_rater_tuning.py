"""Fine-tuning on distributions and on preferences; adapters that leave the model alone until they are merged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from personas.ml.language_models.answer_tokens import PromptEncoder
from personas.ml.prompt_text import DESCENDING
from personas.ml.rater_evaluation import agreement, pack_log_probabilities
from personas.ml.rater_examples import Preference
from personas.ml.rater_model import build_rater, load_rater, save_tuned
from personas.ml.rater_tokenizer import save_tokenizer
from personas.ml.rater_tuning import PreferenceTuner, RatingTuner, TuningConfig, add_lora, tune
from recommender.ml.checkpoint import Checkpoint
from tests.personas.ml.tiny_rater import COLOURS, SHAPE, pack, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
PACKS = [pack(seed=index) for index in range(16)]
HELD_OUT = [pack(seed=50_000 + index) for index in range(8)]


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> PromptEncoder:
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(TOKENIZER, folder, context_length=1_024)
    (folder / "config.json").write_text('{"model_type": "mistral"}')
    return PromptEncoder(AutoTokenizer.from_pretrained(folder), chat=False)


@pytest.fixture
def model():
    return build_rater(TOKENIZER, SHAPE, seed=3).eval()


def silent(step: int, losses: Mapping[str, float]) -> None:
    pass


def colour_pairs(seeds: range) -> list[Preference]:
    """The planted preference: of two colours, the one that stands first in COLOURS."""
    pairs = []
    for seed in seeds:
        better, worse = sorted(np.random.default_rng(seed).choice(len(COLOURS), size=2, replace=False))
        pairs.append(Preference(f"Coat number {seed} is", f" {COLOURS[better]}", f" {COLOURS[worse]}"))
    return pairs


def test_the_tuner_reads_the_answers_that_single_prompts_give(model, prompts) -> None:
    packs = [*PACKS[:2], pack(seed=9, order=DESCENDING, products=3)]
    found = RatingTuner(model, prompts, packs).log_probabilities()
    for rows, rated in zip(found, packs, strict=True):
        np.testing.assert_allclose(rows, pack_log_probabilities(model, TOKENIZER, rated), atol=1e-4)


def test_sft_learns_a_planted_rule_within_a_few_dozen_steps(model, prompts) -> None:
    held_out = RatingTuner(model, prompts, HELD_OUT)
    before = agreement(HELD_OUT, held_out.log_probabilities())
    tune(
        model,
        RatingTuner(model, prompts, PACKS),
        TuningConfig(steps=100, batch_size=4, learning_rate=5e-3),
        on_step=silent,
    )
    after = agreement(HELD_OUT, held_out.log_probabilities())
    assert before["error"] > 3.0
    assert before["label_mass"] < 0.2
    assert (after["negative_recall"], after["negative_precision"]) == (1.0, 1.0)
    assert after["error"] < before["error"] / 2
    assert after["label_mass"] > 0.95
    assert after["loss"] < before["loss"] / 4


def test_dpo_raises_the_share_of_held_out_pairs_preferred_rightly(model, prompts) -> None:
    held_out = PreferenceTuner(model, prompts, colour_pairs(range(100, 140)), beta=0.5)
    before = float((held_out.margins() > 0).mean())
    tuner = PreferenceTuner(model, prompts, colour_pairs(range(40)), beta=0.5)
    tune(model, tuner, TuningConfig(steps=60, batch_size=10, learning_rate=5e-3), on_step=silent)
    after = float((held_out.margins() > 0).mean())
    assert before <= 0.8
    assert after >= 0.95


def test_dpo_starts_at_log_two_because_the_reference_is_the_model_itself(model, prompts) -> None:
    tuner = PreferenceTuner(model, prompts, colour_pairs(range(6)), beta=0.3)
    assert float(tuner.loss(range(6))) == pytest.approx(np.log(2), abs=1e-5)


def test_a_beta_of_zero_is_refused(model, prompts) -> None:
    with pytest.raises(ValueError, match="beta: must be positive, received 0"):
        PreferenceTuner(model, prompts, [], beta=0.0)


def test_nothing_to_learn_from_is_refused(model, prompts) -> None:
    with pytest.raises(ValueError, match="examples: at least one"):
        tune(model, RatingTuner(model, prompts, []), TuningConfig(), on_step=silent)


def test_lora_trains_adapters_alone_and_merges_into_equal_answers(model, prompts) -> None:
    before = agreement(HELD_OUT, RatingTuner(model, prompts, HELD_OUT).log_probabilities())
    untouched = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    wrapped = add_lora(model, rank=4, seed=0)
    trainable = [name for name, weight in wrapped.named_parameters() if weight.requires_grad]
    assert trainable
    assert all("lora_" in name for name in trainable)
    tuner = RatingTuner(model, prompts, PACKS)
    tune(wrapped, tuner, TuningConfig(steps=30, learning_rate=1e-2), on_step=silent)
    for name, tensor in wrapped.state_dict().items():
        if "lora_" not in name:
            plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
            assert torch.equal(tensor, untouched[plain]), name
    adapted = RatingTuner(model, prompts, HELD_OUT).log_probabilities()
    merged = wrapped.merge_and_unload()
    after = RatingTuner(merged, prompts, HELD_OUT).log_probabilities()
    np.testing.assert_allclose(np.concatenate(after), np.concatenate(adapted), atol=1e-4)
    assert not [name for name in merged.state_dict() if "lora" in name]
    assert agreement(HELD_OUT, after)["loss"] < before["loss"] - 0.3


def test_lora_of_no_rank_is_refused(model) -> None:
    with pytest.raises(ValueError, match="rank must be at least 1, received 0"):
        add_lora(model, rank=0, seed=0)


def test_a_killed_tuning_continues_to_equal_weights(prompts, tmp_path: Path) -> None:
    config = TuningConfig(steps=4, batch_size=2, learning_rate=1e-3)

    class Killed(Exception):
        pass

    def kill(step: int, losses: Mapping[str, float]) -> None:
        if step == 3:
            raise Killed

    def fresh():
        return build_rater(TOKENIZER, SHAPE, seed=3).eval()

    checkpoint = Checkpoint(tmp_path)
    broken = fresh()
    with pytest.raises(Killed):
        tune(broken, RatingTuner(broken, prompts, PACKS), config, on_step=kill, checkpoint=checkpoint, save_every=2)
    resumed, whole, steps = fresh(), fresh(), []
    tune(
        resumed,
        RatingTuner(resumed, prompts, PACKS),
        config,
        on_step=lambda step, losses: steps.append(step),
        checkpoint=checkpoint,
    )
    tune(whole, RatingTuner(whole, prompts, PACKS), config, on_step=silent)
    assert steps == [3, 4]
    for name, tensor in resumed.state_dict().items():
        torch.testing.assert_close(tensor, whole.state_dict()[name], atol=1e-6, rtol=1e-5)


def test_a_tuned_model_is_saved_with_its_tokenizer_and_read_back(model, tmp_path: Path) -> None:
    source = tmp_path / "source"
    model.save_pretrained(source)
    save_tokenizer(TOKENIZER, source, context_length=1_024)
    save_tuned(model, source, tmp_path / "tuned", about={"name": "tuned"})
    read, tokenizer = load_rater(tmp_path / "tuned")
    assert read.config.fashionrec == {"name": "tuned"}
    assert tokenizer(" red coat")["input_ids"] == TOKENIZER.encode(" red coat").ids
    np.testing.assert_allclose(
        pack_log_probabilities(read, TOKENIZER, PACKS[0]),
        pack_log_probabilities(model, TOKENIZER, PACKS[0]),
        atol=1e-5,
    )
