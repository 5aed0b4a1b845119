"""Log-probabilities of labels as the next token: what prompts share is computed once.

A persona's prompts begin alike (persona, scale, examples) and end in one product each. The keys and values of the
shared beginning are computed once and reused by every product, which changes no probability.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.cache_utils import DynamicCache

from personas.ml.language_model import ModelUnusable
from personas.ml.language_models.loaded_models import LoadedModel

SHORTEST_SHARED = 16
"""Tokens that prompts must share before a cache pays for itself."""


CPU_TOKENS = 1024
"""Tokens at a time on a CPU: more do not stay in its cache. 12 M parameters, 50 × 150 tokens after 450 shared ones:
4.7 s of processor time all at once, 3.5 s in batches of 2 to 8, 4.3 s one by one, 11.9 s without the cache."""


def check_context(rows: Sequence[Sequence[int]], context: int | None, room: int = 0) -> None:
    """Raises ModelUnusable when a prompt and `room` further tokens do not fit."""
    longest = max((len(row) for row in rows), default=0)
    if context is not None and longest + room > context:
        more = f" and {room} to write" if room else ""
        raise ModelUnusable(f"prompt: {longest} tokens{more} do not fit the model's context of {context}")


def shared_length(rows: Sequence[Sequence[int]]) -> int:
    """How many leading tokens all rows have in common, leaving each row at least one of its own."""
    first, last = min(map(list, rows)), max(map(list, rows))  # in lexicographic order the outermost two differ first
    limit = min(len(row) for row in rows) - 1
    for index in range(limit):
        if first[index] != last[index]:
            return index
    return limit


@torch.inference_mode()
def score_cached(
    loaded: LoadedModel, rows: Sequence[Sequence[int]], label_ids: Sequence[int], batch_size: int
) -> NDArray[np.float32]:
    """(len(rows), len(label_ids)) float32: log-softmax over the whole vocabulary, taken in float32."""
    shared = shared_length(rows) if len(rows) > 1 else 0
    cache = _cache_of(loaded, rows[0][:shared]) if shared >= SHORTEST_SHARED else None
    if cache is None:
        shared = 0
    by_length = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    scores = np.empty((len(rows), len(label_ids)), dtype=np.float32)
    for chosen in _batches(by_length, [len(row) - shared for row in rows], batch_size, loaded.device):
        batch = [rows[index][shared:] for index in chosen]
        scores[chosen] = _score_batch(loaded, batch, label_ids, cache, shared)
    return scores


@torch.inference_mode()
def score_naively(
    loaded: LoadedModel, rows: Sequence[Sequence[int]], label_ids: Sequence[int], batch_size: int = 1
) -> NDArray[np.float32]:
    """The same by its definition: every prompt from its first token. What `score_cached` is measured against."""
    parts = [
        _score_batch(loaded, rows[start : start + batch_size], label_ids, None, 0)
        for start in range(0, len(rows), batch_size)
    ]
    return np.concatenate(parts)


def _batches(
    order: Sequence[int], lengths: Sequence[int], batch_size: int, device: torch.device
) -> Iterator[list[int]]:
    """Indices in order, at most `batch_size` at a time and on a CPU at most CPU_TOKENS with their padding."""
    batch: list[int] = []
    for index in order:
        full = len(batch) == batch_size or (
            device.type == "cpu" and batch and (len(batch) + 1) * lengths[index] > CPU_TOKENS
        )
        if full:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _cache_of(loaded: LoadedModel, ids: Sequence[int]) -> DynamicCache | None:
    """Keys and values of a beginning, or None for a model that keeps another kind of memory."""
    tokens = torch.tensor([list(ids)], device=loaded.device)
    cache = loaded.model(tokens, use_cache=True, logits_to_keep=1).past_key_values
    return cache if isinstance(cache, DynamicCache) else None


def _score_batch(
    loaded: LoadedModel,
    rows: Sequence[Sequence[int]],
    label_ids: Sequence[int],
    cache: DynamicCache | None,
    shared: int,
) -> NDArray[np.float32]:
    lengths = torch.tensor([len(row) for row in rows], device=loaded.device)
    width = int(lengths.max())
    # Padded on the right: a causal model never looks from a real token at what comes after it.
    tokens = torch.zeros((len(rows), width), dtype=torch.long, device=loaded.device)
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = torch.tensor(list(row), device=loaded.device)
    positions = torch.arange(shared, shared + width, device=loaded.device)[None].expand(len(rows), -1)
    mask = torch.ones((len(rows), shared + width), dtype=torch.long, device=loaded.device)
    mask[:, shared:] = positions[:, :] < (shared + lengths)[:, None]
    repeated: dict[str, Any] = {"use_cache": False}
    if cache is not None:
        own = copy.deepcopy(cache)  # a forward pass writes into the cache it is given
        own.batch_repeat_interleave(len(rows))
        repeated = {"past_key_values": own, "use_cache": True}
    with _last_positions_only(loaded.model, lengths - 1):
        logits = loaded.model(tokens, attention_mask=mask, position_ids=positions, **repeated).logits[:, 0]
    picked = torch.log_softmax(logits.float(), dim=-1)[:, torch.tensor(list(label_ids), device=loaded.device)]
    if not bool(torch.isfinite(picked).all()):
        raise ModelUnusable(f"dtype: the model's answers are not finite in {loaded.model.dtype}")
    return picked.cpu().numpy()


@contextmanager
def _last_positions_only(model: Any, positions: torch.Tensor) -> Iterator[None]:
    """Hidden states of one position per row reach the vocabulary, which is most of a small model's work."""

    def keep(_module: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        hidden = inputs[0]
        return (hidden[torch.arange(len(hidden), device=hidden.device), positions][:, None], *inputs[1:])

    hook = model.get_output_embeddings().register_forward_pre_hook(keep)
    try:
        yield
    finally:
        hook.remove()
