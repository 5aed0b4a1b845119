"""Forward passes of a rater: one prefix computed once, many suffixes after it, all in one sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Ids = Sequence[int]


@dataclass(frozen=True)
class Padded:
    """Right-padded token ids: ids (N, L) int64, mask (N, L) int64 with 1 where there is a token."""

    ids: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> Padded:
        return Padded(self.ids.to(device), self.mask.to(device))


def padded(rows: Sequence[Ids], *, pad_id: int) -> Padded:
    """Raises ValueError for an empty row: there would be no token to continue from."""
    if any(not row for row in rows):
        raise ValueError("rows: each needs at least one token, received an empty one")
    length = max(len(row) for row in rows)
    ids = torch.full((len(rows), length), pad_id, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = 1
    return Padded(ids, mask)


@dataclass(frozen=True)
class Packed:
    """Prefixes, each with its suffixes behind it, one after the other.

    ids, positions: (N, L) int64; a suffix counts its positions from the end of the prefix.
    part: (N, L) int64, 0 in the prefix, i in the i-th suffix, −1 in the padding.
    row, last: (S,) int64, where the last token of each suffix stands, suffixes of the first prefix first.
    """

    ids: Tensor
    positions: Tensor
    part: Tensor
    row: Tensor
    last: Tensor

    def to(self, device: torch.device) -> Packed:
        return Packed(**{item.name: getattr(self, item.name).to(device) for item in fields(self)})

    @property
    def mask(self) -> Tensor:
        """(N, 1, L, L) bool, True where a query may look: the prefix, and its own suffix, up to itself."""
        length = self.ids.shape[1]
        before = torch.ones(length, length, dtype=torch.bool, device=self.ids.device).tril()
        query, key = self.part[:, :, None], self.part[:, None, :]
        # Padding sees itself: a row that sees nothing at all is not a number.
        return ((key == 0) | (query == key))[:, None] & before


def packed(prefixes: Sequence[Ids], suffixes: Sequence[Sequence[Ids]], *, pad_id: int) -> Packed:
    """Raises ValueError for an empty prefix or suffix."""
    if any(not prefix for prefix in prefixes) or any(not suffix for many in suffixes for suffix in many):
        raise ValueError("prefixes, suffixes: each needs at least one token, received an empty one")
    longest = max(len(p) + sum(map(len, many)) for p, many in zip(prefixes, suffixes, strict=True))
    ids = np.full((len(prefixes), longest), pad_id, dtype=np.int64)
    positions, part = np.zeros_like(ids), np.full_like(ids, -1)
    row, last = [], []
    for index, (prefix, many) in enumerate(zip(prefixes, suffixes, strict=True)):
        start = 0
        for number, tokens in enumerate([prefix, *many]):
            end = start + len(tokens)
            ids[index, start:end], part[index, start:end] = tokens, number
            positions[index, start:end] = np.arange(len(tokens)) + (len(prefix) if number else 0)
            if number:
                row.append(index)
                last.append(end - 1)
            start = end
    return Packed(
        ids=torch.from_numpy(ids),
        positions=torch.from_numpy(positions),
        part=torch.from_numpy(part),
        row=torch.tensor(row),
        last=torch.tensor(last),
    )


def read_packed(model: PreTrainedModel, texts: Packed) -> tuple[Tensor, ...]:
    """Hidden states, first the embeddings, then after each layer: each (N, L, D).

    Equal to passes over each prefix + suffix by itself, to float32's rounding.
    """
    output = model.base_model(
        input_ids=texts.ids,
        attention_mask=texts.mask,
        position_ids=texts.positions,
        use_cache=False,
        output_hidden_states=True,
    )
    return tuple(output.hidden_states)


def next_log_probabilities(model: PreTrainedModel, final: Tensor, texts: Packed) -> Tensor:
    """Log-probabilities of the token after each suffix: (S, vocabulary) from final (N, L, D)."""
    logits = model.get_output_embeddings()(final[texts.row, texts.last])
    return torch.log_softmax(logits.float(), dim=-1)


@torch.no_grad()
def label_log_probabilities(
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    prefix: str,
    suffixes: Sequence[str],
    label_ids: Sequence[int],
    *,
    batch_size: int = 32,
) -> NDArray[np.float64]:
    """Log-probability of each label after prefix + suffix, not normalised over the labels: (N, labels) float64."""
    pad_id = int(model.config.pad_token_id or 0)
    start = tokenizer.encode(prefix, add_special_tokens=False).ids
    rows = [encoding.ids for encoding in tokenizer.encode_batch(list(suffixes), add_special_tokens=False)]
    found = []
    for index in range(0, len(rows), batch_size):
        texts = packed([start], [rows[index : index + batch_size]], pad_id=pad_id)
        final = read_packed(model, texts)[-1]
        found.append(next_log_probabilities(model, final, texts)[:, list(label_ids)].double())
    return np.asarray(torch.cat(found).numpy())
