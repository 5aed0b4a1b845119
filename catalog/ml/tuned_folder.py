"""Fine-tuning starts from an encoder of open_clip and ends in a folder, which open_clip too reads as `local-dir:`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save
from tokenizers import Tokenizer
from torch import nn

from catalog.ml.compact_clip import save_encoder, stored_precision
from catalog.ml.encoder import OPEN_CLIP_PREFIX, EncoderError, encoder_directory
from catalog.ml.encoder_export import export_towers
from catalog.ml.encoder_folder import finish_folder
from catalog.ml.open_clip_encoder import (
    FOLDER_PREFIX,
    HUB_PREFIX,
    OPEN_CLIP_CONFIG,
    OpenClipEncoder,
    load_directory,
    load_pretrained,
)
from catalog.ml.tokenizer import read_tokenizer

import open_clip  # isort: skip  (after torchvision_ops, which open_clip_encoder imports)
from open_clip.tokenizer import HFTokenizer  # isort: skip


@dataclass(frozen=True)
class TuningBase:
    """model_config: what open_clip builds its model from; tokenizer: its own, of an encoder trained here from nothing,
    None where open_clip has it."""

    encoder: OpenClipEncoder
    model_config: dict[str, Any]
    tokenizer: Tokenizer | None


def open_base(name: str, *, search: Sequence[Path] = ()) -> TuningBase:
    """An encoder to train on: `open_clip:…` or a folder made by `train_encoder`, both as `load_encoder` takes them.

    Raises EncoderError as that does, and for encoders of other libraries.
    """
    if name.startswith(OPEN_CLIP_PREFIX):
        source = name.removeprefix(OPEN_CLIP_PREFIX)
        encoder = load_pretrained(source)
        return TuningBase(encoder, _open_clips_config(source), tokenizer=None)
    if ":" in name:
        raise EncoderError(f"base: received {name!r}; can be open_clip:… or a folder made by train_encoder")
    directory = encoder_directory(name, search=search)
    encoder = load_directory(directory)
    if (directory / OPEN_CLIP_CONFIG).is_file():
        return TuningBase(encoder, _open_clips_config(f"{FOLDER_PREFIX}{directory}"), tokenizer=None)
    config = json.loads((directory / "config.json").read_text("utf-8"))
    model_config = dict(config["model_cfg"])
    if model_config.pop("posteriors", None):  # their prompts would be those of other weights after the training
        encoder.model, encoder.dimensions = encoder.model.clip, model_config["embed_dim"]
    return TuningBase(encoder, model_config, tokenizer=read_tokenizer(directory / "tokenizer.json"))


def save_tuned(
    directory: Path,
    *,
    name: str,
    base: TuningBase,
    model: nn.Module,
    training: Mapping[str, Any],
    hybrid: Mapping[str, Any] | None,
) -> dict[str, str]:
    """Writes the trained `model` with the preprocessing and tokenizer of `base`.

    Matrices are rounded to fp16. Returns why text.onnx or image.onnx could not be written, by file: such an encoder
    works all the same where there is torch.
    """
    model_config = deepcopy(base.model_config)
    if getattr(model, "logit_bias", None) is not None:
        model_config.setdefault("init_logit_bias", 0.0)  # the value is in the weights; this makes a place for it
    preprocess = {**base.encoder.preprocess_config, "size": square_side(base.encoder)}
    if base.tokenizer is not None:
        own: Any = model.cpu()
        save_encoder(directory, name=name, model=own, config=model_config, preprocess=preprocess,
                     tokenizer=base.tokenizer, training=training)  # fmt: skip
        finish_folder(directory, hybrid=hybrid)
        return {}
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").unlink(missing_ok=True)  # no half-written encoder is ever found by name
    content = save({key: stored_precision(tensor.cpu()) for key, tensor in model.state_dict().items()})
    (directory / "model.safetensors").write_bytes(content)
    layout = {"model_cfg": model_config, "preprocess_cfg": preprocess}
    (directory / OPEN_CLIP_CONFIG).write_text(json.dumps(layout, indent=1) + "\n", "utf-8")
    _save_tokenizer(base, directory)
    rounded = load_pretrained(f"{FOLDER_PREFIX}{directory}")
    report = export_towers(rounded, directory, is_own=False)
    if "tokenizer.json" not in report.written:
        _save_tokenizer(base, directory)
    finish_folder(
        directory,
        name=name,
        weights_sha256=hashlib.sha256(content).hexdigest(),
        model_cfg=_complete(model_config, rounded),
        preprocess_cfg=preprocess,
        training=dict(training),
        hybrid=hybrid,
    )
    return report.refused


def square_side(encoder: OpenClipEncoder) -> int:
    """Of what its image tower sees, in pixels. Raises EncoderError when that is no square."""
    size = encoder.preprocess_config["size"]
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) > 1:
        raise EncoderError(f"base: received {encoder.name!r}, which sees pictures of {tuple(size)}; must be squares")
    return int(sides.pop())


def _open_clips_config(source: str) -> dict[str, Any]:
    model_name = source if source.startswith((HUB_PREFIX, FOLDER_PREFIX)) else source.partition(":")[0]
    config: dict[str, Any] = open_clip.get_model_config(model_name)
    return config


def _save_tokenizer(base: TuningBase, directory: Path) -> None:
    """open_clip's own vocabulary comes with open_clip; others are written beside the weights."""
    tokenizer = getattr(base.encoder.tokenize, "tokenizer", None)
    if isinstance(tokenizer, HFTokenizer):
        tokenizer.save_pretrained(str(directory))


def _complete(model_config: Mapping[str, Any], encoder: OpenClipEncoder) -> dict[str, Any]:
    """With what open_clip fills in by itself and readers without it need."""
    text = {**model_config["text_cfg"], "context_length": int(encoder.tokenize([""]).shape[1])}
    return {**model_config, "embed_dim": encoder.dimensions, "text_cfg": text}
