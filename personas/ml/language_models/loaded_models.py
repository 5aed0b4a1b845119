"""Models in memory, loaded once per process however many runs ask them."""

import gc
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Any

import torch
import transformers

import catalog.ml.torchvision_ops  # noqa: F401  transformers imports torchvision
from personas.ml.language_model import ModelUnusable
from personas.ml.language_models.model_files import COMPACT, COMPACT_FOLDER, files_stamp, model_folder

transformers.utils.logging.disable_progress_bar()  # a worker's log is no terminal

KEPT = 2
"""Models held at a time; the one asked longest ago makes room."""


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model in evaluation mode. context: longest prompt in tokens, None if it says nothing.

    lock: one question at a time, because a pass over a batch hooks into the model.
    """

    model: Any
    tokenizer: Any
    device: torch.device
    context: int | None
    lock: Any = field(default_factory=RLock)


_loaded: OrderedDict[tuple[Any, ...], LoadedModel] = OrderedDict()
_lock = Lock()


def load_model(model: str, *, device: str, dtype: str, peft_adapter: str, revision: str) -> LoadedModel:
    """The model from memory if its files are still the same. Raises ModelUnusable naming what cannot be loaded."""
    folders = [model_folder(name, revision) for name in (model, peft_adapter) if name]
    stamps = tuple(files_stamp(folder) if folder else () for folder in folders)
    key = (model, device, dtype, peft_adapter, revision, stamps)
    with _lock:
        if key not in _loaded:
            while len(_loaded) >= KEPT:
                _loaded.popitem(last=False)
                gc.collect()
            _loaded[key] = _load(model, device=device, dtype=dtype, peft_adapter=peft_adapter, revision=revision)
        _loaded.move_to_end(key)
        return _loaded[key]


def _load(model: str, *, device: str, dtype: str, peft_adapter: str, revision: str) -> LoadedModel:
    name = str(COMPACT_FOLDER) if model == COMPACT else model
    pinned = {"revision": revision} if revision else {}
    try:
        chosen = torch.device(_best_device() if device == "auto" else device)
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, **pinned)
        network: Any = transformers.AutoModelForCausalLM.from_pretrained(name, dtype=_dtype(dtype, chosen), **pinned)
        if peft_adapter:
            network = _with_adapter(network, peft_adapter)
        network = network.to(chosen).eval().requires_grad_(False)
    except ModelUnusable:
        raise
    except Exception as error:  # broken files, a wrong device, too little memory: torch, safetensors, tokenizers differ
        raise ModelUnusable(f"model: {model!r} cannot be loaded: {_first_line(error)}") from error
    context = getattr(network.config, "max_position_embeddings", None)
    return LoadedModel(network, tokenizer, chosen, int(context) if context else None)


def _with_adapter(network: Any, peft_adapter: str) -> Any:
    """Weights of a LoRA merged into the model, so that scoring costs nothing more."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise ModelUnusable("peft_adapter: needs the package peft, which is not installed") from error
    try:
        return PeftModel.from_pretrained(network, peft_adapter).merge_and_unload()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelUnusable(f"peft_adapter: {peft_adapter!r} cannot be loaded: {_first_line(error)}") from error


def _best_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _dtype(dtype: str, device: torch.device) -> Any:
    """ "auto": float32 on a CPU, where half precision is slow and uneven between batches; else the weights' own."""
    if dtype == "auto":
        return torch.float32 if device.type == "cpu" else "auto"
    return getattr(torch, dtype)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
