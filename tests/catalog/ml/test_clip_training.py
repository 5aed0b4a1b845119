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
from catalog.ml.training_loop import EpochReport, TrainingPlan
from recommender.ml.checkpoint import Checkpoint
from tests.catalog.ml.planted import COLOURS, PATTERNS, drawn_square

PLAN = TrainingPlan(epochs=24)
CONFIG = ClipTrainingConfig(
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


def ignore(report: EpochReport) -> None:
    pass


def test_a_planted_world_is_learned_and_the_web_tower_agrees(
    planted_examples: TrainingExamples, tmp_path: Path
) -> None:
    reports: list[EpochReport] = []
    train_compact_clip(planted_examples, CONFIG, PLAN, name="planted", directory=tmp_path / "planted",
                       on_epoch=reports.append)  # fmt: skip
    assert [(report.epoch, report.epochs, report.score) for report in reports] == [(n, 24, None) for n in range(1, 25)]
    assert reports[-1].loss < 0.7 * reports[0].loss

    encoder = load_directory(tmp_path / "planted")
    assert (encoder.name, encoder.dimensions) == ("planted", 517)
    texts = [f"{colour} {pattern}" for colour in COLOURS for pattern in PATTERNS]
    # A place between those trained on.
    images = encoder.encode_images([drawn_square(pattern, colour, 4) for colour in COLOURS for pattern in PATTERNS])
    vectors = encoder.encode_texts(texts)
    assert list((vectors @ images.T).argmax(axis=1)) == list(range(6))
    np.testing.assert_allclose(OnnxTextEncoder(tmp_path / "planted").encode_texts(texts), vectors, atol=1e-4)

    config = json.loads((tmp_path / "planted" / "config.json").read_text())
    stored = config["training"]
    assert (stored["method"], stored["seed"], stored["examples"], stored["trained_epochs"]) == ("compact", 5, 48, 24)
    assert (stored["best_epoch"], stored["history"], stored["validation_rows"]) == (None, [], {})
    assert "hybrid" not in config


def test_a_cancelled_training_resumes_to_the_same_weights_and_history(
    planted_examples: TrainingExamples, tmp_path: Path
) -> None:
    config, plan = replace(CONFIG, grayscale=0.1, edges=0.1), TrainingPlan(epochs=3, patience=3)
    train_compact_clip(planted_examples, config, plan, name="parts", directory=tmp_path / "whole", on_epoch=ignore,
                       validation=0.3)  # fmt: skip

    checkpoint = Checkpoint(tmp_path / "checkpoint")
    epochs: list[int] = []

    def stop_after_two(report: EpochReport) -> None:
        epochs.append(report.epoch)
        if report.epoch == 2:
            raise StopError

    with pytest.raises(StopError):
        train_compact_clip(planted_examples, config, plan, name="parts", directory=tmp_path / "parts",
                           on_epoch=stop_after_two, validation=0.3, checkpoint=checkpoint)  # fmt: skip
    assert not (tmp_path / "parts").exists()
    train_compact_clip(planted_examples, config, plan, name="parts", directory=tmp_path / "parts",
                       on_epoch=lambda report: epochs.append(report.epoch), validation=0.3,
                       checkpoint=checkpoint)  # fmt: skip
    assert epochs == [1, 2, 3]
    whole, parts = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("whole", "parts"))
    for stored in (whole, parts):
        stored["training"].pop("seconds")
    assert parts == whole
    assert [entry["epoch"] for entry in whole["training"]["history"]] == [0, 1, 2, 3]

    with pytest.raises(
        ValueError, match=r"checkpoint: received one of another training, with config\.seed 5 and now 6"
    ):
        train_compact_clip(planted_examples, replace(config, seed=6), plan, name="other", directory=tmp_path / "other",
                           on_epoch=ignore, validation=0.3, checkpoint=checkpoint)  # fmt: skip


def test_validation_tunes_the_hybrid_and_compares_before_with_after(
    planted_examples: TrainingExamples, tmp_path: Path
) -> None:
    report = train_compact_clip(
        planted_examples, replace(CONFIG, batch_size=12), TrainingPlan(epochs=12, validate_every=5), name="planted",
        directory=tmp_path / "planted", on_epoch=ignore, validation=0.5,
    )  # fmt: skip
    scores = {entry["epoch"]: entry["score"] for entry in report.progress.history}
    assert (report.pictures, list(scores)) == (24, [0, 5, 10, 12])
    best = max(report.progress.history, key=lambda entry: entry["score"])
    assert report.progress.best_epoch == best["epoch"]
    assert report.rows["before: image"] == report.progress.history[0]["rows"]["image"]
    assert list(report.rows) == [
        "16x16 pixels", "caption TF-IDF", "pixels + TF-IDF",
        "before: image", "before: text", "before: hybrid", "after: image", "after: text", "after: hybrid",
    ]  # fmt: skip
    table = report.table().splitlines()
    assert table[0].split() == ["P@10", "colour", "pattern"]  # no caption occurs once
    assert len(table) == 10

    stored = json.loads((tmp_path / "planted" / "config.json").read_text())
    assert stored["hybrid"] == report.hybrid
    assert set(stored["hybrid"]) == {"image_weight", "measured"}
    assert stored["training"]["validation_rows"] == report.rows
    assert stored["training"]["best_epoch"] == report.progress.best_epoch


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


def test_examples_are_told_from_others_by_what_they_show_and_say() -> None:
    def digest(colour: str, caption: str, pattern: str) -> str:
        kinds = (pattern, "striped")
        examples = (Example(drawn_square("plain", colour), caption, {"pattern": kind}) for kind in kinds)
        return collect_examples(examples, preprocessing=SMALL).digest()

    first = digest("red", "a", "plain")
    assert digest("red", "a", "plain") == first
    assert len({first, digest("blue", "a", "plain"), digest("red", "b", "plain"), digest("red", "a", "dotted")}) == 4


def test_pictures_can_be_kept_in_a_file(tmp_path: Path) -> None:
    drawn = [Example(drawn_square("plain", colour), "", {"colour": colour}) for colour in ("red", "blue", "green")]
    with (tmp_path / "pictures").open("w+b") as store:
        kept = collect_examples(drawn, preprocessing=SMALL, store=store)
    inside = collect_examples(drawn, preprocessing=SMALL)
    assert isinstance(kept.pixels, np.memmap)
    np.testing.assert_array_equal(kept.pixels, inside.pixels)
    part = kept.subset(np.array([2, 0]))
    np.testing.assert_array_equal(part.pictures(np.array([1])), inside.pixels[:1])
    assert [part.attributes[0], part.codes.tolist()] == [{"colour": "green"}, [[1], [2]]]


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(ValueError, match="examples: received none"):
        collect_examples([], preprocessing=SMALL)
    with pytest.raises(ValueError, match="nothing to tell apart"):
        collect_examples([Example(drawn_square("plain", "red"), "a", {"colour": "red"})], preprocessing=SMALL)
