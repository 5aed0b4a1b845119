"""Models of a few thousand weights, saved as the libraries would fetch them: the loading is real, nothing is."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import processors

from catalog.ml import torchvision_ops  # noqa: F401  (before open_clip)
from catalog.ml.clip_tokenizer import clip_tokenizer

import open_clip  # isort: skip
from transformers import (  # isort: skip
    CLIPConfig, CLIPImageProcessor, CLIPModel, PreTrainedTokenizerFast, SiglipConfig, SiglipImageProcessor, SiglipModel,
)  # fmt: skip

TINY = "Tiny-Test"
CONTEXT = 16
MODEL_CONFIG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": 49_408, "width": 16, "heads": 2, "layers": 1},
}
PREPROCESS = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic", "resize_mode": "squash"}
SOT, EOT = 49_406, 49_407


def save_checkpoint(folder: Path) -> Path:
    """A checkpoint of a model that open_clip knows by the name of its configuration."""
    (folder / f"{TINY}.json").write_text(json.dumps(MODEL_CONFIG))
    open_clip.add_model_config(folder)
    torch.manual_seed(0)
    path = folder / "weights.safetensors"
    save_file(open_clip.create_model(TINY).state_dict(), path)
    return path


def save_open_clip_folder(folder: Path, *, hf_tokenizer: bool = False) -> Path:
    """A folder in the layout of the hub, for `local-dir:`; with a tokenizer of transformers, or with open_clip's."""
    folder.mkdir()
    text = {**MODEL_CONFIG["text_cfg"], **({"hf_tokenizer_name": "its/own"} if hf_tokenizer else {})}
    if hf_tokenizer:
        # As SigLIP has it: no start token, canonicalised texts, the last token pooled.
        text |= {"tokenizer_kwargs": {"clean": "canonicalize"}, "pool_type": "last", "no_causal_mask": True}
        save_tokenizer(folder, starts=False)
    model_config = {**MODEL_CONFIG, "text_cfg": text} | ({"custom_text": True} if hf_tokenizer else {})
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": model_config, "preprocess_cfg": PREPROCESS}))
    torch.manual_seed(1)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


def save_tokenizer(folder: Path, *, starts: bool) -> None:
    fast = clip_tokenizer(open_clip.SimpleTokenizer())
    start = "<start_of_text> " if starts else ""
    special = [("<start_of_text>", SOT)] * starts + [("<end_of_text>", EOT)]
    fast.post_processor = processors.TemplateProcessing(single=f"{start}$A <end_of_text>", special_tokens=special)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=fast, eos_token="<end_of_text>", pad_token="<end_of_text>", unk_token="<end_of_text>"
    )
    tokenizer.save_pretrained(folder)


def save_transformers(folder: Path, *, kind: str) -> Path:
    """kind: clip or siglip."""
    vision = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 16}  # fmt: skip
    text = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
            "max_position_embeddings": CONTEXT, "vocab_size": 49_408, "bos_token_id": SOT, "eos_token_id": EOT,
            "pad_token_id": EOT}  # fmt: skip
    torch.manual_seed(2)
    if kind == "clip":
        CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)).save_pretrained(folder)
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    else:
        SiglipModel(SiglipConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
        SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    save_tokenizer(folder, starts=kind == "clip")
    return folder
