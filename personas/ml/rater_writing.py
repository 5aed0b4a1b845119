"""Texts drawn from a small model, many prompts at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

LONGEST_ANSWER = 320
"""Tokens; a persona takes about 100."""


@torch.no_grad()
def write_texts(
    model: Any, tokenizer: Tokenizer, prompts: Sequence[str], *, seed: int, top_p: float = 1.0, batch_size: int = 32
) -> list[str]:
    """A continuation of each prompt up to the end token, drawn at temperature 1; top_p below 1 cuts off rare words."""
    rows = [tokenizer.encode(prompt, add_special_tokens=False).ids for prompt in prompts]
    texts = [""] * len(rows)
    order = np.argsort([len(row) for row in rows], kind="stable")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for start in range(0, len(rows), batch_size):
            chosen = order[start : start + batch_size]
            longest = max(len(rows[index]) for index in chosen)
            ids = torch.zeros((len(chosen), longest), dtype=torch.int64)
            mask = torch.zeros_like(ids)
            for row, index in enumerate(chosen):
                ids[row, longest - len(rows[index]) :] = torch.tensor(rows[index])
                mask[row, longest - len(rows[index]) :] = 1
            drawn = model.generate(
                input_ids=ids, attention_mask=mask, do_sample=True, top_k=0, top_p=top_p, max_new_tokens=LONGEST_ANSWER
            )
            for index, answer in zip(chosen, drawn, strict=True):
                texts[index] = tokenizer.decode(answer[longest:].tolist(), skip_special_tokens=True)
    return texts
