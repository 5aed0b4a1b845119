"""A model of open_clip learns on, is cut and resumed, and ends in a folder that loads like any other."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from catalog.ml import torchvision_ops  # noqa: F401  (before open_clip)
from catalog.ml.clip_examples import Example, TrainingExamples, collect_examples
from catalog.ml.clip_finetuning import SIGLIP_BIAS, FineTuningConfig, fine_tune_clip, preprocessing_of
from catalog.ml.encoder import EncoderError, load_encoder
from catalog.ml.image_encoder import OnnxImageEncoder
from catalog.ml.open_clip_encoder import OpenClipEncoder
from catalog.ml.text_encoder import OnnxTextEncoder
from catalog.ml.training_loop import EpochReport, TrainingPlan
from catalog.ml.training_report import TrainingReport
from catalog.ml.tuned_folder import open_base
from recommender.ml.checkpoint import Checkpoint
from tests.catalog.ml.planted import COLOURS, PATTERNS, drawn_square

import open_clip  # isort: skip

MODEL: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49_408, "width": 16, "heads": 2, "layers": 1},
}
CONFIG = FineTuningConfig(batch_size=24, learning_rate=5e-3, seed=3)
TEXTS = ["red striped", "a plain blue square", ""]


@pytest.fixture(scope="module")
def base_name(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny model with random weights, in open_clip's layout."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": MODEL, "preprocess_cfg": {"size": 32}}))
    torch.manual_seed(0)
    model = open_clip.create_model(f"local-dir:{folder}")
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return f"open_clip:local-dir:{folder}"


def examples_for(encoder: OpenClipEncoder, config: FineTuningConfig) -> TrainingExamples:
    return collect_examples(
        (
            Example(drawn_square(pattern, colour, shift), f"{colour} {pattern}", {"pattern": pattern, "colour": colour})
            for shift in range(8)
            for pattern in PATTERNS
            for colour in COLOURS
        ),
        preprocessing=preprocessing_of(encoder),
        room=config.room,
    )


def tuned(base_name: str, config: FineTuningConfig, directory: Path, epochs: int = 3, **options: Any) -> TrainingReport:
    base = open_base(base_name)
    return fine_tune_clip(base, examples_for(base.encoder, config), config, TrainingPlan(epochs=epochs), name="tuned",
                          directory=directory, **{"on_epoch": lambda report: None, **options})  # fmt: skip


def test_the_text_tower_learns_while_the_image_tower_stays(base_name: str, tmp_path: Path) -> None:
    losses: list[float] = []
    report = tuned(base_name, CONFIG, tmp_path / "tuned", epochs=6, validation=0.3,
                   on_epoch=lambda report: losses.append(report.loss))  # fmt: skip
    assert losses[-1] < losses[0]
    assert report.rows["after: image"]["p@10"] == report.rows["before: image"]["p@10"]
    assert report.rows["after: text"] != report.rows["before: text"]

    base = load_encoder(base_name)
    encoder = load_encoder(str(tmp_path / "tuned"))
    assert isinstance(encoder, OpenClipEncoder)
    assert (encoder.name, encoder.dimensions, encoder.hybrid) == ("tuned", 32, report.hybrid)
    pictures = [drawn_square("striped", colour, 2) for colour in COLOURS]
    np.testing.assert_allclose(encoder.encode_images(pictures), base.encode_images(pictures), atol=3e-3)  # fp16
    assert np.abs(encoder.encode_texts(TEXTS) - base.encode_texts(TEXTS)).max() > 0.05

    stored = json.loads((tmp_path / "tuned" / "config.json").read_text())
    assert stored["training"]["base"] == base_name
    assert (stored["training"]["tune"], stored["training"]["loss"], stored["training"]["learning_rate"]) == (
        "text", "clip", 5e-3,
    )  # fmt: skip


def test_the_folder_serves_the_web_and_open_clip_itself(base_name: str, tmp_path: Path) -> None:
    tuned(base_name, CONFIG, tmp_path / "tuned", epochs=1)
    encoder = load_encoder(str(tmp_path / "tuned"))
    texts, images = OnnxTextEncoder(tmp_path / "tuned"), OnnxImageEncoder(tmp_path / "tuned")
    assert (texts.name, texts.digest, images.digest) == ("tuned", encoder.digest, encoder.digest)
    pictures = [drawn_square("striped", "red")]
    np.testing.assert_allclose(texts.encode_texts(TEXTS), encoder.encode_texts(TEXTS), atol=1e-4)
    np.testing.assert_allclose(images.encode_images(pictures), encoder.encode_images(pictures), atol=1e-4)
    theirs = load_encoder(f"open_clip:local-dir:{tmp_path / 'tuned'}")
    np.testing.assert_array_equal(theirs.encode_texts(TEXTS), encoder.encode_texts(TEXTS))

    weights = tmp_path / "tuned" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(EncoderError, match="with SHA-256"):
        load_encoder(str(tmp_path / "tuned"))


def test_all_of_it_learns_by_the_sigmoid_loss(base_name: str, tmp_path: Path) -> None:
    losses: list[float] = []
    config = replace(CONFIG, tune="all", loss="siglip", grayscale=0.1, edges=0.1, ema_decay=0.5, learning_rate=2e-3)
    tuned(base_name, config, tmp_path / "tuned", epochs=5, on_epoch=lambda report: losses.append(report.loss))
    assert losses[-1] < losses[0]
    encoder: Any = load_encoder(str(tmp_path / "tuned"))
    assert float(encoder.model.logit_bias.detach()) == pytest.approx(SIGLIP_BIAS, abs=0.5)
    pictures = [drawn_square("striped", colour, 2) for colour in COLOURS]
    assert np.abs(encoder.encode_images(pictures) - load_encoder(base_name).encode_images(pictures)).max() > 0.01


@pytest.mark.parametrize("tune", ["text", "all"])
def test_a_cancelled_fine_tuning_resumes_to_the_same_weights(tune: str, base_name: str, tmp_path: Path) -> None:
    config = replace(CONFIG, tune=tune, ema_decay=0.9)
    tuned(base_name, config, tmp_path / "whole", validation=0.3)

    def stop(report: EpochReport) -> None:
        if report.epoch == 2:
            raise KeyboardInterrupt

    options: dict[str, Any] = {"checkpoint": Checkpoint(tmp_path / "checkpoint"), "cache": tmp_path / "checkpoint"}
    with pytest.raises(KeyboardInterrupt):
        tuned(base_name, config, tmp_path / "parts", validation=0.3, on_epoch=stop, **options)
    frozen = tune == "text"
    assert len(list((tmp_path / "checkpoint").glob("image-features-*.npy"))) == frozen
    _, tensors, _ = options["checkpoint"].load()
    assert any("visual." in name for name in tensors) is not frozen
    tuned(base_name, config, tmp_path / "parts", validation=0.3, **options)
    whole, parts = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("whole", "parts"))
    for stored in (whole, parts):
        stored["training"].pop("seconds")
    assert whole == parts


def test_a_tokenizer_of_its_own_comes_along(base_name: str, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(base_name.removeprefix("open_clip:local-dir:"), folder)
    words = {"<pad>": 0, "<unk>": 1, "</s>": 2, **{word: 3 + at for at, word in enumerate((*COLOURS, *PATTERNS))}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", eos_token="</s>")
    fast.save_pretrained(folder)
    config = {"model_cfg": {**MODEL, "text_cfg": {**MODEL["text_cfg"], "hf_tokenizer_name": "some/where"}}}
    (folder / "open_clip_config.json").write_text(json.dumps({**config, "preprocess_cfg": {"size": 32}}))

    report = tuned(f"open_clip:local-dir:{folder}", CONFIG, tmp_path / "tuned", epochs=1)
    encoder = load_encoder(str(tmp_path / "tuned"))
    assert isinstance(encoder, OpenClipEncoder)
    assert encoder.tokenize(["red striped"])[0, :4].tolist() == [words["red"], words["striped"], 2, 0]
    assert report.refused == {}
    np.testing.assert_allclose(
        OnnxTextEncoder(tmp_path / "tuned").encode_texts(TEXTS), encoder.encode_texts(TEXTS), atol=1e-4
    )


def test_an_encoder_trained_here_can_be_trained_on(compact_directory: Path, tmp_path: Path) -> None:
    tuned(str(compact_directory), CONFIG, tmp_path / "tuned", epochs=1)
    encoder = load_encoder(str(tmp_path / "tuned"))
    assert encoder.encode_texts(["red"]).shape == (1, 512)
    assert (tmp_path / "tuned" / "tokenizer.json").read_bytes() == (compact_directory / "tokenizer.json").read_bytes()
    np.testing.assert_allclose(
        OnnxTextEncoder(tmp_path / "tuned").encode_texts(TEXTS), encoder.encode_texts(TEXTS), atol=1e-4
    )


def test_a_loss_that_explodes_ends_the_training(base_name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="learning_rate: received 1e\\+30, and the loss became nan"):
        tuned(base_name, replace(CONFIG, learning_rate=1e30), tmp_path / "tuned", epochs=9)
    assert not (tmp_path / "tuned").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tune": "image"}, "tune: received 'image', must be one of text, all"),
        ({"loss": "mse"}, "loss: received 'mse', must be one of clip, siglip"),
        ({"precision": "int8"}, "precision: received 'int8', must be one of auto, fp32, bf16"),
        ({"grayscale": 0.1}, "grayscale and edges: received 0.1 and 0.0, but the image tower is frozen"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        FineTuningConfig(**options)


def test_only_models_of_open_clip_can_be_trained_on() -> None:
    with pytest.raises(EncoderError, match="base: received 'transformers:clip'; can be open_clip"):
        open_base("transformers:clip")
    with pytest.raises(EncoderError, match="'ViT-Q-7'"):
        open_base("open_clip:ViT-Q-7:openai")
