"""Training learns what was planted, stops and carries on, and says what it cannot use."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.ml.clip_batches import epoch_batches
from catalog.ml.clip_examples import Example, TrainingExamples, collect_examples
from catalog.ml.clip_training import ClipTrainingConfig, train_compact_clip
from catalog.ml.compact_clip import PREPROCESS_CONFIG
from catalog.ml.image_preprocessing import ImagePreprocessing
from catalog.ml.open_clip_encoder import load_directory
from catalog.ml.text_encoder import OnnxTextEncoder
from catalog.ml.tokenizer import train_tokenizer
from recommender.ml.checkpoint import Checkpoint
from tests.catalog.ml.planted import COLOURS, PATTERNS, drawn_square

CONFIG = ClipTrainingConfig(
    epochs=24,
    learning_rate=4e-3,
    batch_size=24,
    warmup_steps=4,
    image_size=32,
    vocabulary_size=400,
    text_width=64,
    text_layers=1,
    seed=5,
)
SMALL = ImagePreprocessing.from_config({**PREPROCESS_CONFIG, "size": 32})


class StopError(Exception):
    """Raised by a callback to cancel."""


def ignore(epoch: int, loss: float, seconds: float) -> None:
    pass


def test_a_planted_world_is_learned_and_the_web_tower_agrees(
    planted_examples: TrainingExamples, tmp_path: Path
) -> None:
    losses: list[float] = []
    train_compact_clip(planted_examples, CONFIG, name="planted", directory=tmp_path / "planted",
                       on_epoch=lambda epoch, loss, seconds: losses.append(loss))  # fmt: skip
    assert len(losses) == 24
    assert losses[-1] < 0.7 * losses[0]

    encoder = load_directory(tmp_path / "planted")
    assert (encoder.name, encoder.dimensions) == ("planted", 512)
    texts = [f"{colour} {pattern}" for colour in COLOURS for pattern in PATTERNS]
    # A place between those trained on.
    images = encoder.encode_images([drawn_square(pattern, colour, 4) for colour in COLOURS for pattern in PATTERNS])
    vectors = encoder.encode_texts(texts)
    assert list((vectors @ images.T).argmax(axis=1)) == list(range(6))
    np.testing.assert_allclose(OnnxTextEncoder(tmp_path / "planted").encode_texts(texts), vectors, atol=1e-4)

    stored = json.loads((tmp_path / "planted" / "config.json").read_text())["training"]
    assert (stored["seed"], stored["examples"]) == (5, 48)


def test_a_cancelled_training_resumes_to_the_same_weights(planted_examples: TrainingExamples, tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=3)
    train_compact_clip(planted_examples, config, name="whole", directory=tmp_path / "whole", on_epoch=ignore)

    checkpoint = Checkpoint(tmp_path / "checkpoint")
    epochs: list[int] = []

    def stop_after_two(epoch: int, loss: float, seconds: float) -> None:
        epochs.append(epoch)
        if epoch == 2:
            raise StopError

    with pytest.raises(StopError):
        train_compact_clip(planted_examples, config, name="parts", directory=tmp_path / "parts",
                           on_epoch=stop_after_two, checkpoint=checkpoint)  # fmt: skip
    assert not (tmp_path / "parts").exists()
    train_compact_clip(planted_examples, config, name="parts", directory=tmp_path / "parts",
                       on_epoch=lambda epoch, loss, seconds: epochs.append(epoch), checkpoint=checkpoint)  # fmt: skip
    assert epochs == [1, 2, 3]
    whole, parts = (
        json.loads((tmp_path / name / "config.json").read_text())["weights_sha256"] for name in ("whole", "parts")
    )
    assert parts == whole

    with pytest.raises(ValueError, match="checkpoint: received one of"):
        train_compact_clip(planted_examples, replace(config, seed=6), name="other", directory=tmp_path / "other",
                           on_epoch=ignore, checkpoint=checkpoint)  # fmt: skip


def test_captions_of_a_batch_say_only_what_is_known(planted_examples: TrainingExamples) -> None:
    tokenizer = train_tokenizer(["red square"] * 5, vocabulary_size=300)
    batches = list(epoch_batches(planted_examples, tokenizer, batch_size=20, context_length=16, rare_prompts=0,
                                 prompts=100, rng=np.random.default_rng(0)))  # fmt: skip
    assert [len(batch.pixels) for batch in batches] == [20, 20]
    for batch in batches:
        assert batch.pixels.shape == (20, 42, 42, 3)
        assert batch.mentioned.any(dim=1).all()
        assert len(batch.caption_tokens) == 20
        offered = {(int(a), int(c)) for a, c in zip(batch.prompt_attribute, batch.prompt_code, strict=True)}
        assert offered == {(a, int(c)) for a in (0, 1) for c in batch.codes[:, a].unique()}
        assert len(batch.prompt_tokens) == len(offered)


def test_values_that_are_unknown_have_no_code() -> None:
    image = drawn_square("plain", "red")
    examples = collect_examples(
        [Example(image, "", {"colour": "red", "category": ""}), Example(image, "", {"colour": "blue", "pattern": "x"})],
        preprocessing=SMALL,
    )
    assert examples.names == ("colour", "pattern")
    assert examples.values == (("blue", "red"), ("x",))
    assert examples.codes.tolist() == [[1, -1], [0, 0]]
    assert examples.pixels.shape == (2, 42, 42, 3)


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(ValueError, match="examples: received none"):
        collect_examples([], preprocessing=SMALL)
    with pytest.raises(ValueError, match="nothing to tell apart"):
        collect_examples([Example(drawn_square("plain", "red"), "a", {"colour": "red"})], preprocessing=SMALL)


def test_some_batches_are_alike_in_one_attribute_and_none_is_lost() -> None:
    colours, things = ("red", "green", "blue", "black"), ("hat", "shoe", "coat", "belt")
    image = drawn_square("plain", "red").resize((8, 8))
    examples = collect_examples(
        (
            Example(image, f"{number}", {"colour": colours[number % 4], "type": things[number // 4 % 4]})
            for number in range(256)
        ),
        preprocessing=replace(SMALL, size=9),
    )
    tokenizer = train_tokenizer(["red"], vocabulary_size=260)
    values = []
    for seed in range(12):
        batches = list(epoch_batches(examples, tokenizer, batch_size=16, context_length=8, rare_prompts=0, prompts=100,
                                     rng=np.random.default_rng(seed)))  # fmt: skip
        assert sum(len(batch.pixels) for batch in batches) == 256
        values += [min(len(batch.codes[:, column].unique()) for column in (0, 1)) for batch in batches]
    alike = sum(number <= 2 for number in values) / len(values)
    assert 0.3 < alike < 0.7
