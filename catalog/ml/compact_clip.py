"""The CLIP that this project trains itself: open_clip's, with a small residual network and a small text transformer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from tokenizers import Tokenizer

from catalog.ml import torchvision_ops  # noqa: F401  (before open_clip)
from catalog.ml.attribute_posteriors import PosteriorClip
from catalog.ml.encoder import EncoderError
from catalog.ml.onnx_export import export_image_tower, export_text_tower
from catalog.ml.residual_tower import TOWER_NAME  # registers it with timm
from catalog.ml.tokenizer import END_ID, PAD_ID

from open_clip.model import CLIP  # isort: skip
from open_clip.transformer import text_global_pool  # isort: skip

PREPROCESS_CONFIG: dict[str, Any] = {
    "size": 96,
    "mode": "RGB",
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
    "interpolation": "bicubic",
    # The whole product on white, as shop photos show it: cutting the square out of a tall photo loses hems and heels.
    "resize_mode": "longest",
    "fill_color": 255,
}


def model_config(
    *,
    vocabulary_size: int,
    image_size: int = PREPROCESS_CONFIG["size"],
    text_width: int = 128,
    text_layers: int = 3,
) -> dict[str, Any]:
    """open_clip's model configuration: 512 dimensions; our residual tower for pictures (3.2 M parameters), and texts.

    text_width: a multiple of 32.
    """
    return {
        "embed_dim": 512,
        "vision_cfg": {
            "image_size": image_size,
            "timm_model_name": TOWER_NAME,
            "timm_pool": "avg",
            "timm_proj": "linear",
            "timm_drop": 0.2,
        },
        "text_cfg": {
            "context_length": 32,
            "vocab_size": vocabulary_size,
            "width": text_width,
            "heads": text_width // 32,
            "layers": text_layers,
            "pool_type": "eos",
            "eos_id": END_ID,
            "pad_id": PAD_ID,
        },
    }


def build_model(config: Mapping[str, Any]) -> CLIP | PosteriorClip:
    """A CLIP with random weights, from open_clip's own class; with "posteriors", see `PosteriorClip`."""
    clip = CLIP(**{name: value for name, value in config.items() if name != "posteriors"})
    if not (posteriors := config.get("posteriors")):
        return clip
    return PosteriorClip(clip, **{name: posteriors[name] for name in ("sizes", "weights", "share")})


def encode_short_texts(model: CLIP, tokens: torch.Tensor) -> torch.Tensor:
    """What `model.encode_text` returns, without computing the padding that all of `tokens` (N, L) have at the end.

    The mask is causal, so nothing before the end token sees what comes after it. Training spends half its time on
    prompts of a few tokens otherwise.
    """
    length = int((tokens != PAD_ID).sum(dim=1).max()) if len(tokens) else 1
    tokens = tokens[:, :length]
    hidden = model.token_embedding(tokens) + model.positional_embedding[:length]
    hidden = model.transformer(hidden, attn_mask=model.attn_mask[:length, :length])
    pooled = text_global_pool(model.ln_final(hidden), tokens, "eos", eos_token_id=END_ID)
    return pooled @ model.text_projection


def save_encoder(
    directory: Path,
    *,
    name: str,
    model: CLIP | PosteriorClip,
    config: Mapping[str, Any],
    preprocess: Mapping[str, Any],
    tokenizer: Tokenizer,
    training: Mapping[str, Any],
) -> None:
    """Writes model.safetensors, tokenizer.json, text.onnx, image.onnx and, last, config.json into `directory`.

    Matrices are rounded to fp16; the towers are exported from the rounded weights, so that they compute with the same.
    training: whatever tells how the weights came about, JSON.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").unlink(missing_ok=True)  # no half-written encoder is ever found by name
    stored = {key: stored_precision(tensor) for key, tensor in model.state_dict().items()}
    content = save(stored)
    rounded = build_model(config)
    rounded.load_state_dict(stored)
    (directory / "model.safetensors").write_bytes(content)
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    export_text_tower(rounded.eval(), directory / "text.onnx", context_length=config["text_cfg"]["context_length"])
    export_image_tower(rounded, directory / "image.onnx", size=preprocess["size"])
    description = {
        "name": name,
        "weights_sha256": hashlib.sha256(content).hexdigest(),
        "dimensions": config["embed_dim"] + sum(config.get("posteriors", {}).get("sizes", ())),
        "model_cfg": config,
        "preprocess_cfg": preprocess,
        "training": training,
    }
    (directory / "config.json").write_text(json.dumps(description, indent=1) + "\n", "utf-8")


def load_model(directory: Path, config: Mapping[str, Any]) -> CLIP | PosteriorClip:
    """The model of an encoder's folder in fp32, in eval mode.

    config: the content of its config.json. Raises EncoderError when weights are missing, damaged, of another shape,
    or not those that the digest was taken of.
    """
    path = directory / "model.safetensors"
    content = read_weights(directory, config)
    try:
        model = build_model(config["model_cfg"])
        model.load_state_dict(load(content))
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise EncoderError(f"weights: received {str(path)!r}: {error}") from error
    return model.eval()


def read_weights(directory: Path, config: Mapping[str, Any]) -> bytes:
    """The content of an encoder's model.safetensors.

    Raises EncoderError when it is missing, or is not what the digest in `config` was taken of.
    """
    path = directory / "model.safetensors"
    try:
        content = path.read_bytes()
        expected = config["weights_sha256"]
    except (OSError, KeyError) as error:
        raise EncoderError(f"weights: received {str(path)!r}: {error}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise EncoderError(f"weights: received {str(path)!r} with SHA-256 {digest}, config.json says {expected}")
    return content


def stored_precision(tensor: torch.Tensor) -> torch.Tensor:
    """fp16 for matrices; vectors (norms, biases) are small and stay as they are."""
    halved = tensor.half() if tensor.is_floating_point() and tensor.ndim >= 2 else tensor.clone()
    return halved.contiguous(memory_format=torch.contiguous_format)
