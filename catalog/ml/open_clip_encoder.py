"""Encoders that run on open_clip with torch: those trained here, and any that open_clip can load."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from catalog.ml import torchvision_ops  # noqa: F401  (before open_clip)
from catalog.ml.compact_clip import load_model, read_weights
from catalog.ml.encoder import OPEN_CLIP_PREFIX, EncoderError
from catalog.ml.tokenizer import read_tokenizer, token_ids
from catalog.ml.torch_encoder import TorchEncoder, weights_digest

import open_clip  # isort: skip
from open_clip.transform import PreprocessCfg, image_transform_v2  # isort: skip

Tokenize = Callable[[Sequence[str]], torch.Tensor]

HUB_PREFIX, FOLDER_PREFIX = "hf-hub:", "local-dir:"
OPEN_CLIP_CONFIG = "open_clip_config.json"
"""What open_clip describes a model of its own by, in a folder: here, one that was pretrained and fine-tuned."""


class OpenClipEncoder(TorchEncoder):
    """A CLIP model of open_clip, its preprocessing and its tokenizer.

    preprocess_config: the fields of open_clip's PreprocessCfg; the size of a square as one number.
    """

    def __init__(self, *, preprocess_config: Mapping[str, Any], tokenize: Tokenize, **rest: Any) -> None:
        config = PreprocessCfg(**preprocess_config)
        self.preprocess_config: dict[str, Any] = {**asdict(config), "size": _side(config.size)}
        self.tokenize = tokenize
        self._transform = image_transform_v2(config, is_train=False)
        super().__init__(**rest)

    def preprocess(self, image: Image.Image) -> NDArray[np.float32]:
        """(3, H, W) float32."""
        pixels: NDArray[np.float32] = self._transform(image).numpy()
        return pixels

    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.model.encode_image(pixels)
        return features

    def text_features(self, texts: list[str]) -> torch.Tensor:
        features: torch.Tensor = self.model.encode_text(self.tokenize(texts).to(self.device))
        return features


def _side(size: int | Sequence[int]) -> int | tuple[int, ...]:
    if isinstance(size, int):
        return size
    return size[0] if len(set(size)) == 1 else tuple(size)


def load_directory(directory: Path) -> OpenClipEncoder:
    """An encoder made by `train_encoder`. Raises EncoderError when a file is missing or damaged."""
    if (directory / OPEN_CLIP_CONFIG).is_file():
        return _load_tuned(directory)
    try:
        config = json.loads((directory / "config.json").read_text("utf-8"))
        context_length = config["model_cfg"]["text_cfg"]["context_length"]
        tokenizer = read_tokenizer(directory / "tokenizer.json")
        name, digest, preprocess_config = config["name"], config["weights_sha256"], config["preprocess_cfg"]
        PreprocessCfg(**preprocess_config)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise EncoderError(f"encoder: received {str(directory)!r}: {error!r}") from error
    return OpenClipEncoder(
        name=name,
        digest=digest,
        model=load_model(directory, config),
        preprocess_config=preprocess_config,
        tokenize=lambda texts: torch.from_numpy(token_ids(tokenizer, texts, context_length=context_length)),
        hybrid=config.get("hybrid"),
    )


def _load_tuned(directory: Path) -> OpenClipEncoder:
    """A model of open_clip that `train_encoder` trained on: laid out as open_clip does, with config.json beside."""
    try:
        config = json.loads((directory / "config.json").read_text("utf-8"))
        name, digest = config["name"], config["weights_sha256"]
        read_weights(directory, config)
    except (OSError, KeyError, ValueError) as error:
        raise EncoderError(f"encoder: received {str(directory)!r}: {error}") from error
    encoder = load_pretrained(f"{FOLDER_PREFIX}{directory}")
    encoder.name, encoder.digest, encoder.hybrid = name, digest, config.get("hybrid") or {}
    return encoder


def load_pretrained(source: str) -> OpenClipEncoder:
    """`MODEL:PRETRAINED`, `hf-hub:ORGANISATION/MODEL` or `local-dir:FOLDER`, as open_clip calls them.

    What has to be fetched is fetched through the hub and cached. Raises EncoderError naming the source when open_clip
    does not know it, it has no weights, or it cannot be fetched or loaded.
    """
    name = OPEN_CLIP_PREFIX + source
    if source.startswith((HUB_PREFIX, FOLDER_PREFIX)):
        model_name, pretrained = source, None
    else:
        model_name, _, pretrained = source.partition(":")
        _check_known(name, model_name, pretrained)
    try:
        # Without this flag a folder or a hub model without weights comes back with random ones.
        model: Any = open_clip.create_model(model_name, pretrained=pretrained, require_pretrained=True)
        tokenizer = open_clip.get_tokenizer(model_name)
        preprocess_config = model.visual.preprocess_cfg
    except Exception as error:  # network, hub, disk, a checkpoint of another shape: the libraries raise anything
        raise EncoderError(f"encoder: received {name!r}, which cannot be fetched or loaded: {error}") from error
    return OpenClipEncoder(
        name=name,
        digest=weights_digest(model),
        model=model,
        preprocess_config=preprocess_config,
        tokenize=_PretrainedTokenizer(tokenizer),
    )


class _PretrainedTokenizer:
    """open_clip's tokenizer of a model, kept at hand for the export."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        # A lone surrogate has no UTF-8.
        tokens: torch.Tensor = self.tokenizer([text.encode("utf-8", "replace").decode("utf-8") for text in texts])
        return tokens


def _check_known(name: str, model_name: str, pretrained: str) -> None:
    if model_name not in open_clip.list_models():
        raise EncoderError(f"encoder: received {name!r}, but open_clip has no model {model_name!r}")
    tags = open_clip.list_pretrained_tags_by_model(model_name)
    if pretrained not in tags and not Path(pretrained).is_file():
        known = ", ".join(tags) or "none, give the path of a checkpoint"
        raise EncoderError(
            f"encoder: received {name!r}: {pretrained!r} is no file and no tag of {model_name} (known: {known})"
        )
