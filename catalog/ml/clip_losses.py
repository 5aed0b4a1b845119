"""Three losses that together train a compact CLIP from few pictures.

Features are L2-normalised float32; codes are attribute values as numbers, (N, A) int64, -1 where unknown.
"""

from __future__ import annotations

import torch
from torch.nn import functional


def attribute_prompt_loss(
    image_features: torch.Tensor,
    prompt_features: torch.Tensor,
    prompt_attribute: torch.Tensor,
    prompt_code: torch.Tensor,
    codes: torch.Tensor,
    scale: torch.Tensor,
) -> torch.Tensor:
    """Cross-entropy of each picture against the prompts of all offered values, attribute by attribute, averaged.

    image_features: (B, D); prompt_features: (P, D); prompt_attribute, prompt_code: (P,) int64, which attribute and
    value a prompt names (each value that occurs in `codes` exactly once); codes: (B, A); scale: inverse temperature.
    """
    logits = scale * image_features @ prompt_features.T
    losses = []
    for attribute in range(codes.shape[1]):
        columns = (prompt_attribute == attribute).nonzero()[:, 0]
        rows = (codes[:, attribute] >= 0).nonzero()[:, 0]
        if len(columns) < 2 or len(rows) == 0:
            continue
        target = (codes[rows, attribute, None] == prompt_code[columns]).int().argmax(dim=1)
        losses.append(functional.cross_entropy(logits[rows][:, columns], target))
    return torch.stack(losses).mean() if losses else logits.sum() * 0.0


def caption_relation(codes: torch.Tensor, mentioned: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Which caption (rows) is true of which picture (columns), and where nobody knows: two (B, B) bool tensors.

    codes: (B, A) of the pictures, mentioned: (B, A) bool, the attributes that caption i states of picture i. A caption
    is true of every picture with the same values under the mentioned names; where a picture lacks one of them and
    contradicts none, its truth is unknown. A caption that mentions nothing is true of its own picture only.
    """
    known = codes >= 0
    equal = codes[:, None, :] == codes[None, :, :]
    contradicts = (mentioned[:, None, :] & known[None, :, :] & ~equal).any(dim=2)
    open_question = (mentioned[:, None, :] & ~known[None, :, :]).any(dim=2)
    says_something = mentioned.any(dim=1, keepdim=True)
    own = torch.eye(len(codes), dtype=torch.bool, device=codes.device)
    true = (~contradicts & ~open_question & says_something) | own
    unknown = open_question & ~contradicts & ~own
    return true, unknown


def caption_loss(
    image_features: torch.Tensor,
    text_features: torch.Tensor,
    true: torch.Tensor,
    unknown: torch.Tensor,
    scale: torch.Tensor,
) -> torch.Tensor:
    """Symmetric InfoNCE with several positives: half of the target on the own caption, half over all true ones.

    image_features, text_features: (B, D), row i of one belongs to row i of the other; true, unknown: as
    `caption_relation` gives them; unknown pairs take no part.
    """
    logits = (scale * text_features @ image_features.T).masked_fill(unknown, -torch.inf)
    own = torch.eye(len(logits), device=logits.device)
    loss = logits.new_zeros(())
    for scores, positive in ((logits, true.float()), (logits.T, true.float().T)):
        target = 0.5 * own + 0.5 * positive / positive.sum(dim=1, keepdim=True)
        loss = loss + _soft_cross_entropy(scores, target).mean() / 2
    return loss


def attribute_contrast_loss(
    features: torch.Tensor, codes: torch.Tensor, weights: torch.Tensor, *, temperature: float
) -> torch.Tensor:
    """Supervised contrast within one modality: who shares more attributes shall be nearer.

    features: (B, D) of pictures or of captions. The target over the others is proportional to the share of equal
    attributes, by `weights` (A,), to the fourth power. Pairs without an attribute known of both take no part, nor does
    what has no likeness in the batch.
    """
    known = (codes >= 0)[:, None, :] & (codes >= 0)[None, :, :]
    shared = (known * weights).sum(dim=2)
    equal = ((codes[:, None, :] == codes[None, :, :]) & known) * weights
    likeness = (equal.sum(dim=2) / shared.clamp(min=1e-9)) ** 4
    likeness.fill_diagonal_(0.0)
    excluded = shared == 0
    excluded.fill_diagonal_(True)
    total = likeness.sum(dim=1, keepdim=True)
    rows = total[:, 0] > 0
    if not rows.any():
        return features.sum() * 0.0
    logits = (features @ features.T / temperature).masked_fill(excluded, -torch.inf)
    return _soft_cross_entropy(logits[rows], (likeness / total.clamp(min=1e-9))[rows]).mean()


def _soft_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(B,) cross-entropy; masked logits (-inf) must have target 0."""
    logarithm = functional.log_softmax(logits, dim=1)
    return -torch.where(target > 0, target * logarithm, 0.0).sum(dim=1)
