"""A compact Mistral that starts out able to see that two words are the same."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from catalog.ml import torchvision_ops  # noqa: F401  (before transformers, which looks for torchvision)
from personas.ml.rater_tokenizer import END_ID, save_tokenizer

# isort: split
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
)


@dataclass(frozen=True)
class RaterShape:
    """hidden_size, layers, heads, intermediate_size: as in Mistral; every head has keys of its own
    context_length: most tokens of a prompt
    """

    hidden_size: int = 192
    layers: int = 4
    heads: int = 3
    intermediate_size: int = 512
    context_length: int = 2_048


def build_rater(tokenizer: Tokenizer, shape: RaterShape, *, seed: int) -> MistralForCausalLM:
    """A model with random weights (float32), prepared by `let_equal_words_meet`."""
    config = MistralConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.context_length,
        sliding_window=None,
        tie_word_embeddings=True,
        bos_token_id=END_ID,
        eos_token_id=END_ID,
        pad_token_id=END_ID,
        initializer_range=0.02,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MistralForCausalLM(config)
        let_equal_words_meet(model, tokenizer)
    model.generation_config = GenerationConfig(
        do_sample=True, bos_token_id=END_ID, eos_token_id=END_ID, pad_token_id=END_ID
    )
    return model


@torch.no_grad()
def let_equal_words_meet(model: MistralForCausalLM, tokenizer: Tokenizer) -> None:
    """Starts from weights with which some heads of the first two layers look for the word they stand on.

    Spellings of one word ("Dresses", " dress") start with nearly the same embedding, and those heads' queries equal
    their keys in dimensions that rotary embedding hardly turns within a prompt. Found by gradient descent alone,
    this takes most of a short training. Nothing of it is frozen.
    """
    embeddings = model.model.embed_tokens.weight
    size = embeddings.shape[1]
    stems: dict[str, torch.Tensor] = {}
    # In order of ids: the dictionary comes in another order every time.
    for token, index in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        stem = _stem(token)
        if len(stem) > 2:
            own = stems.setdefault(stem, torch.randn(size) * 0.02)
            embeddings[index] = own + torch.randn(size) * 0.006
    head_size = size // model.config.num_attention_heads
    half = head_size // 2
    slow = [*range(half - half // 2 + half // 8, half)]  # pairs of dimensions that turn less than a radian
    rows = torch.tensor([*slow, *(index + half for index in slow)])
    for layer, heads in ((0, 1), (1, 2)):
        attention = model.model.layers[layer].self_attn
        for head in range(min(heads, model.config.num_attention_heads)):
            matcher = torch.randn(len(rows), size) * (8.0 * head_size**0.5 / (len(rows) * size)) ** 0.5
            attention.q_proj.weight[head * head_size + rows] = matcher
            attention.k_proj.weight[head * head_size + rows] = matcher


def save_rater(model: PreTrainedModel, tokenizer: Tokenizer, directory: Path, *, about: Mapping[str, Any]) -> None:
    """Writes config.json, generation_config.json, model.safetensors (float16) and the tokenizer's two files.

    about: what config.json says under "fashionrec", such as name and demonstration.
    """
    directory.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).half().save_pretrained(directory)
    (directory / "model.safetensors").chmod(0o644)  # written for its owner alone, but it is shared
    save_tokenizer(tokenizer, directory, context_length=model.config.max_position_embeddings)
    # Read as float32 whatever the file holds: a processor multiplies float16 slowly and inexactly.
    _describe(directory, {"dtype": "float32", "fashionrec": dict(about)})


def save_tuned(model: PreTrainedModel, source: Path | str, directory: Path, *, about: Mapping[str, Any]) -> None:
    """Writes a fine-tuned model, in the precision that it was trained in, beside the tokenizer of `source`."""
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory)
    if Path(source).is_dir():
        for name in ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json"):
            if (Path(source) / name).exists():
                shutil.copyfile(Path(source) / name, directory / name)
    else:
        AutoTokenizer.from_pretrained(source).save_pretrained(directory)
    _describe(directory, {"fashionrec": dict(about)})


def load_rater(source: Path | str) -> tuple[Any, Any]:
    """(causal language model, its tokenizer), on a GPU in the precision stored if there is one, else in float32.

    Raises ValueError naming a source that is no folder and no hub name of such a model.
    """
    gpu = torch.cuda.is_available()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model: Any = AutoModelForCausalLM.from_pretrained(source, dtype="auto" if gpu else torch.float32)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"model: received {str(source)!r}, which is no causal language model: {reason}") from error
    return model.to("cuda" if gpu else "cpu").eval(), tokenizer


def _describe(directory: Path, said: Mapping[str, Any]) -> None:
    path = directory / "config.json"
    config = {**json.loads(path.read_text()), **said}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def _stem(token: str) -> str:
    """The word in a token of byte-level BPE, without blank, capitals and plural; empty when it is none."""
    word = token.removeprefix("Ġ").lower()
    if not word.isalpha() or not word.isascii():
        return ""
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
