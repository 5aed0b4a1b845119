"""Fine-tunes a causal language model: on a teacher's distributions, or on preferences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from personas.ml.language_model import LABELS
from personas.ml.language_models.answer_tokens import PromptEncoder
from personas.ml.language_models.label_scoring import shared_length
from personas.ml.prompt_text import labels_by_point
from personas.ml.rater_examples import Preference, RatedPack
from personas.ml.rater_losses import dpo_loss, sequence_log_probability, soft_label_loss
from personas.ml.rater_scoring import next_log_probabilities, packed, padded, read_packed
from personas.ml.rater_training import Checkpoint, StepCallback


@dataclass(frozen=True)
class TuningConfig:
    """steps: of the optimizer
    batch_size: prefixes with their products (sft), or pairs (dpo), a step
    learning_rate: peak of AdamW's, after a tenth of the steps, then falling along a cosine to zero
    beta: dpo only, how dear it is to leave the model as it was
    seed: of the order of examples, and of LoRA's weights
    """

    steps: int = 200
    batch_size: int = 4
    learning_rate: float = 1e-4
    beta: float = 0.1
    seed: int = 0


class Tuner(Protocol):
    """A loss on examples, drawn by their indices."""

    def __len__(self) -> int: ...

    def loss(self, chosen: Sequence[int]) -> Tensor: ...


class RatingTuner:
    """Cross-entropy against the distributions of packs, at the place where the model answers."""

    def __init__(self, model: Any, prompts: PromptEncoder, packs: Sequence[RatedPack]) -> None:
        self.model, self.prompts, self.packs = model, prompts, packs

    def __len__(self) -> int:
        return len(self.packs)

    def loss(self, chosen: Sequence[int]) -> Tensor:
        found, labels = self._answers([self.packs[index] for index in chosen])
        wanted = np.concatenate([self.packs[index].probabilities for index in chosen])
        return soft_label_loss(found, labels, torch.as_tensor(wanted, device=found.device))

    @torch.no_grad()
    def log_probabilities(self) -> list[NDArray[np.float64]]:
        """Of each pack's points of the scale, worst first: (suffixes, 11) float64."""
        rows = []
        for pack in self.packs:
            found, labels = self._answers([pack])
            rows.append(np.asarray(found.gather(1, labels).double().cpu().numpy()))
        return rows

    def _answers(self, packs: Sequence[RatedPack]) -> tuple[Tensor, Tensor]:
        """(S, V) log-probabilities after each prompt, and (S, 11) the tokens of the points in its label order."""
        prefixes, suffixes, labels = [], [], []
        for pack in packs:
            rows = self.prompts.encode([pack.prefix + suffix for suffix in pack.suffixes])
            shared = shared_length(rows)
            prefixes.append(rows[0][:shared])
            suffixes.append([row[shared:] for row in rows])
            for suffix in pack.suffixes:
                tokens = dict(zip(LABELS, self.prompts.label_ids(LABELS, suffix), strict=True))
                labels.append([tokens[label] for label in labels_by_point(pack.order)])
        texts = packed(prefixes, suffixes, pad_id=_pad_id(self.model)).to(self.model.device)
        found = next_log_probabilities(self.model, read_packed(self.model, texts)[-1], texts)
        return found, torch.tensor(labels, device=found.device)


class PreferenceTuner:
    """Direct preference optimisation against the model as it was when this was made."""

    def __init__(self, model: Any, prompts: PromptEncoder, pairs: Sequence[Preference], *, beta: float) -> None:
        if beta <= 0:
            raise ValueError(f"beta: must be positive, received {beta!r}")
        self.model, self.prompts, self.pairs, self.beta = model, prompts, pairs, beta
        # The reference never changes: asked once, no second model needs to be in memory.
        self._reference = [self._both([index]).cpu() for index in range(len(pairs))] if pairs else []

    def __len__(self) -> int:
        return len(self.pairs)

    def loss(self, chosen: Sequence[int]) -> Tensor:
        found = self._answers(chosen)
        reference = torch.cat([self._reference[index] for index in chosen], dim=1).to(found.device)
        return dpo_loss(found[0], found[1], reference[0], reference[1], beta=self.beta)

    def margins(self) -> NDArray[np.float64]:
        """Log-probability of the preferred answer less that of the rejected one, per pair: (N,)."""
        both = [self._both([index]) for index in range(len(self.pairs))]
        return np.array([float(pair[0] - pair[1]) for pair in both])

    @torch.no_grad()
    def _both(self, chosen: Sequence[int]) -> Tensor:
        return self._answers(chosen)

    def _answers(self, chosen: Sequence[int]) -> Tensor:
        """Log-probabilities of the preferred and the rejected answers: (2, N)."""
        pairs = [self.pairs[index] for index in chosen]
        rows, starts = [], []
        for answers in ([pair.preferred for pair in pairs], [pair.rejected for pair in pairs]):
            for pair, answer in zip(pairs, answers, strict=True):
                asked, told = self.prompts.encode([pair.prompt, pair.prompt + _separated(pair.prompt, answer)])
                rows.append(told)
                starts.append(shared_length([asked, told]) + 1 if told[: len(asked)] != asked else len(asked))
        texts = padded(rows, pad_id=_pad_id(self.model)).to(self.model.device)
        weights = texts.mask.clone()
        for row, start in zip(weights, starts, strict=True):
            row[:start] = 0
        logits = self.model(input_ids=texts.ids, attention_mask=texts.mask).logits
        return sequence_log_probability(logits, texts.ids, weights).reshape(2, len(pairs))


def tune(
    model: nn.Module, tuner: Tuner, config: TuningConfig, *, on_step: StepCallback,
    checkpoint: Checkpoint | None = None, save_every: int = 25, on_check: Callable[[int], None] | None = None,
    check_every: int = 0,
) -> None:  # fmt: skip
    """Trains the weights of `model` that require gradients, continuing after the step in `checkpoint`.

    on_check: called after every `check_every` steps, with gradients off. Raises ValueError without examples, or for
    a checkpoint of another tuning.
    """
    if len(tuner) == 0:
        raise ValueError("examples: at least one is needed, received none")
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    optimizer = torch.optim.AdamW(weights.values(), lr=config.learning_rate, weight_decay=0.0)
    fingerprint = {**asdict(config), "examples": len(tuner), "weights": len(weights)}
    finished = _resume(checkpoint, fingerprint, weights, optimizer) if checkpoint else 0
    for step in range(finished + 1, config.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * _rate(step, config.steps)
        rng = np.random.default_rng([config.seed, step])
        chosen = rng.choice(len(tuner), size=min(config.batch_size, len(tuner)), replace=False)
        loss = tuner.loss([int(index) for index in chosen])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
        if checkpoint and (step % save_every == 0 or step == config.steps):
            checkpoint.save(step, _state(weights, optimizer), fingerprint)
        on_step(step, {"loss": float(loss.detach())})
        if on_check and check_every and step % check_every == 0:
            on_check(step)


def add_lora(model: Any, *, rank: int, seed: int) -> Any:
    """Freezes the model and puts low-rank adapters into its attention and MLP (Hu et al. 2021); returns peft's model.

    Raises ValueError for a rank below 1.
    """
    from peft import LoraConfig, get_peft_model

    if rank < 1:
        raise ValueError(f"lora: the rank must be at least 1, received {rank!r}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        return get_peft_model(model, config)


def _separated(prompt: str, answer: str) -> str:
    """An answer follows its prompt after a blank; "Rating:J" would be other tokens than any model writes."""
    return answer if answer[:1].isspace() or prompt[-1:].isspace() else f" {answer}"


def _pad_id(model: Any) -> int:
    return int(model.config.pad_token_id or 0)


def _rate(step: int, steps: int) -> float:
    warmup = min(1.0, step / max(steps // 10, 1))
    return warmup * 0.5 * (1.0 + float(np.cos(np.pi * (step - 1) / steps)))


def _state(weights: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {f"weight.{name}": weight.detach() for name, weight in weights.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"moment.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    return tensors


def _resume(
    checkpoint: Checkpoint,
    fingerprint: Mapping[str, Any],
    weights: Mapping[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> int:
    saved = checkpoint.load()
    if saved is None:
        return 0
    step, tensors, meta = saved
    if meta != fingerprint:
        raise ValueError(f"checkpoint: received one of {meta!r}, this tuning is {dict(fingerprint)!r}")
    moments: dict[int, dict[str, Tensor]] = {}
    with torch.no_grad():
        for key, tensor in tensors.items():
            kind, _, name = key.partition(".")
            if kind == "weight":
                weights[name].copy_(tensor)
            else:
                index, _, moment = name.partition(".")
                moments.setdefault(int(index), {})[moment] = tensor
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return step
