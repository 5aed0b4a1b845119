"""Encoders that run on transformers: its CLIP and SigLIP models, from the hub or a folder."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from catalog.ml import torchvision_ops  # noqa: F401  (before transformers' image processors)
from catalog.ml.encoder import TRANSFORMERS_PREFIX, EncoderError
from catalog.ml.torch_encoder import TorchEncoder, weights_digest

from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer  # isort: skip

CLIP_TYPES = ("clip",)
SIGLIP_TYPES = ("siglip", "siglip2")
"""Trained on texts padded to their full length, and without an attention mask."""

LEAST_TOKENS = 256


class TransformersEncoder(TorchEncoder):
    """A CLIP or SigLIP of transformers with its own image processor and tokenizer."""

    def __init__(self, *, image_processor: Any, tokenizer: Any, **rest: Any) -> None:
        self._image_processor = image_processor
        self._tokenizer = tokenizer
        config = rest["model"].config
        self._pads_to_length = config.model_type in SIGLIP_TYPES
        self._context_length = int(config.text_config.max_position_embeddings)
        super().__init__(**rest)

    def preprocess(self, image: Image.Image) -> NDArray[np.float32]:
        """(3, H, W) float32."""
        pixels = self._image_processor(images=[image], return_tensors="np")["pixel_values"][0]
        return np.ascontiguousarray(pixels, dtype=np.float32)

    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        return _features(self.model.get_image_features(pixel_values=pixels))

    def text_features(self, texts: list[str]) -> torch.Tensor:
        tokens = self._tokenizer(
            # A lone surrogate has no UTF-8.
            [text.encode("utf-8", "replace").decode("utf-8") for text in texts],
            padding="max_length" if self._pads_to_length else True,
            truncation=True,
            max_length=self._context_length,
            return_attention_mask=not self._pads_to_length,
            return_tensors="pt",
        )
        return _features(self.model.get_text_features(**tokens.to(self.device)))


def load_transformers(source: str) -> TransformersEncoder:
    """source: a name on the hub (fetched once, then cached) or a folder written by `save_pretrained`.

    Raises EncoderError naming the source when it cannot be fetched or loaded, is no CLIP or SigLIP, lacks a tokenizer
    or an image processor, or its weights do not fill the model.
    """
    name = TRANSFORMERS_PREFIX + source
    try:
        config = AutoConfig.from_pretrained(source)
    except Exception as error:  # network, hub, disk: the library raises anything
        raise EncoderError(f"encoder: received {name!r}, which cannot be fetched or loaded: {error}") from error
    if config.model_type not in (*CLIP_TYPES, *SIGLIP_TYPES):
        known = ", ".join((*CLIP_TYPES, *SIGLIP_TYPES))
        raise EncoderError(f"encoder: received {name!r}, a model of type {config.model_type!r}; usable are {known}")
    try:
        model, loading = AutoModel.from_pretrained(source, dtype=torch.float32, output_loading_info=True)
        # Pillow in the processor too: what Pillow decodes on threads need not pass through torch.
        image_processor = AutoImageProcessor.from_pretrained(source, backend="pil")
        tokenizer = AutoTokenizer.from_pretrained(source)
    except Exception as error:
        raise EncoderError(f"encoder: received {name!r}, which cannot be fetched or loaded: {error}") from error
    # Without its files the library makes up a tokenizer that knows next to nothing.
    most = config.text_config.vocab_size
    if not LEAST_TOKENS <= len(tokenizer) <= most:
        raise EncoderError(f"encoder: received {name!r}, whose tokenizer has {len(tokenizer)} tokens, the model {most}")
    if missing := sorted(loading["missing_keys"]):
        raise EncoderError(f"encoder: received {name!r}, whose weights lack {len(missing)} tensors, first {missing[0]}")
    return TransformersEncoder(
        name=name, digest=weights_digest(model), model=model, image_processor=image_processor, tokenizer=tokenizer
    )


def _features(output: Any) -> torch.Tensor:
    """The projected vectors: newer releases wrap them in an output object."""
    features: torch.Tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    return features
