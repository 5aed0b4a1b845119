"""Encoders that run on open_clip with torch: those trained here, and any that open_clip can load."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from catalog.ml import torchvision_ops  # noqa: F401  (before open_clip)
from catalog.ml.compact_clip import load_model
from catalog.ml.encoder import OPEN_CLIP_PREFIX, EncoderError, Vectors
from catalog.ml.tokenizer import read_tokenizer, token_ids

import open_clip  # isort: skip
from open_clip.transform import PreprocessCfg, image_transform_v2  # isort: skip

_BATCH = 64

Preprocess = Callable[[Image.Image], torch.Tensor]
Tokenize = Callable[[Sequence[str]], torch.Tensor]


class OpenClipEncoder:
    """The Encoder protocol around a CLIP model of open_clip, its preprocessing and its tokenizer."""

    def __init__(self, *, name: str, digest: str, model: nn.Module, preprocess: Preprocess, tokenize: Tokenize) -> None:
        self.name = name
        self.digest = digest
        # Convolutions are twice as fast this way on CPUs.
        self.model: Any = model.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._preprocess = preprocess
        self._tokenize = tokenize
        self.dimensions = int(self.encode_texts([""]).shape[1])

    @torch.inference_mode()
    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """(N, D) float32, L2-normalised rows."""
        rows = []
        for start in range(0, len(images), _BATCH):
            batch = torch.stack([self._preprocess(image) for image in images[start : start + _BATCH]])
            features = self.model.encode_image(batch.contiguous(memory_format=torch.channels_last))
            rows.append(_normalised(features))
        return np.concatenate(rows) if rows else np.zeros((0, self.dimensions), dtype=np.float32)

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """(N, D) float32, L2-normalised rows."""
        rows = []
        for start in range(0, len(texts), _BATCH):
            tokens = self._tokenize(texts[start : start + _BATCH])
            rows.append(_normalised(self.model.encode_text(tokens)))
        return np.concatenate(rows) if rows else np.zeros((0, self.dimensions), dtype=np.float32)


def load_directory(directory: Path) -> OpenClipEncoder:
    """An encoder made by `train_encoder`. Raises EncoderError when a file is missing or damaged."""
    try:
        config = json.loads((directory / "config.json").read_text("utf-8"))
        context_length = config["model_cfg"]["text_cfg"]["context_length"]
        tokenizer = read_tokenizer(directory / "tokenizer.json")
        preprocess = image_transform_v2(PreprocessCfg(**config["preprocess_cfg"]), is_train=False)
        name, digest = config["name"], config["weights_sha256"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise EncoderError(f"encoder: received {str(directory)!r}: {error!r}") from error
    return OpenClipEncoder(
        name=name,
        digest=digest,
        model=load_model(directory, config),
        preprocess=preprocess,
        tokenize=lambda texts: torch.from_numpy(token_ids(tokenizer, texts, context_length=context_length)),
    )


def load_pretrained(model_name: str, pretrained: str) -> OpenClipEncoder:
    """Any model of open_clip with the weights of a tag (fetched through the hub, then cached) or a checkpoint file.

    Raises EncoderError naming the model and the tag when open_clip does not know them or they cannot be fetched.
    """
    name = f"{OPEN_CLIP_PREFIX}{model_name}:{pretrained}"
    if model_name not in open_clip.list_models():
        raise EncoderError(f"encoder: received {name!r}, but open_clip has no model {model_name!r}")
    tags = open_clip.list_pretrained_tags_by_model(model_name)
    if pretrained not in tags and not Path(pretrained).is_file():
        known = ", ".join(tags) or "none, give the path of a checkpoint"
        raise EncoderError(
            f"encoder: received {name!r}: {pretrained!r} is no file and no tag of {model_name} (known: {known})"
        )
    try:
        model, _, preprocess = open_clip.create_model_and_transforms(model_name, pretrained=pretrained)
        tokenize = open_clip.get_tokenizer(model_name)
    except Exception as error:  # network, hub, disk, a checkpoint of another shape: the libraries raise anything
        raise EncoderError(f"encoder: received {name!r}, which cannot be fetched or loaded: {error}") from error
    return OpenClipEncoder(
        name=name,
        digest=_weights_digest(model),
        model=model,
        preprocess=preprocess,
        tokenize=lambda texts: tokenize(list(texts)),
    )


def _weights_digest(model: nn.Module) -> str:
    """SHA-256 over the names, types, shapes and values of all weights, independent of the file they came in."""
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _normalised(features: torch.Tensor) -> Vectors:
    return functional.normalize(features.float(), dim=-1).numpy()
