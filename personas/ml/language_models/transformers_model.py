"""A causal language model in this process, on a CPU or a GPU."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from personas.ml.language_model import LABELS, Message, ModelUnusable, Sampling, Usage
from personas.ml.language_models.answer_tokens import PromptEncoder
from personas.ml.language_models.model_files import COMPACT, files_digest, model_folder, read_config
from personas.ml.language_models.writing import StructuredWriter
from personas.ml.structured_output import COMPLETION_STOP, completion_prompt

if TYPE_CHECKING:
    from personas.ml.language_models.loaded_models import LoadedModel

CHOICES = {"chat": ("auto", "yes", "no"), "dtype": ("auto", "float32", "bfloat16", "float16")}


class TransformersModel(StructuredWriter):
    """Any causal language model that transformers can load, and by default the shop's own small one.

    model: "compact" (comes with the shop), a folder, or a hub name that `from_pretrained` resolves.
    device: "auto" (a GPU if there is one), "cpu", "cuda", "cuda:1", …
    dtype: "auto" (float32 on a CPU, else the weights' own), "float32", "bfloat16" or "float16".
    batch_size: products scored at a time. peft_adapter: folder or hub name of a LoRA, merged on loading.
    revision: branch, tag or commit of a hub model. chat: whether to ask through the tokenizer's chat template;
    "auto" does when there is one.

    Making one is cheap and imports no torch; weights are loaded by the first question and shared in the process.
    """

    scoring = "exact"

    def __init__(
        self,
        model: str = COMPACT,
        device: str = "auto",
        dtype: str = "auto",
        batch_size: int = 64,
        peft_adapter: str = "",
        revision: str = "",
        chat: str = "auto",
    ) -> None:
        for option, value in (("chat", chat), ("dtype", dtype)):
            if value not in CHOICES[option]:
                raise ValueError(f"{option}: expected one of {', '.join(CHOICES[option])}, received {value!r}")
        if not model:
            raise ValueError("model: expected 'compact', a folder or a hub name, received ''")
        if batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, received {batch_size!r}")
        self.name = model
        self.device, self.dtype, self.batch_size = device, dtype, batch_size
        self.peft_adapter, self.revision, self.chat = peft_adapter, revision, chat
        self.usage = Usage()
        self._encoder: tuple[Any, PromptEncoder] | None = None

    @property
    def demonstration(self) -> bool:
        """What the model's config.json says of itself under `fashionrec.demonstration`."""
        folder = model_folder(self.name, self.revision)
        ours = (read_config(folder) if folder else {}).get("fashionrec")
        return isinstance(ours, dict) and bool(ours.get("demonstration"))

    @property
    def digest(self) -> str:
        """sha256 hex of weights, tokenizer, configuration, and the options that change answers."""
        parts: dict[str, str] = {"dtype": self.dtype, "chat": self.chat}
        for option, name in (("model", self.name), ("peft_adapter", self.peft_adapter)):
            folder = model_folder(name, self.revision) if name else None
            if name and folder is None:
                self.loaded_model()  # fetches a hub model, or says why it cannot
                folder = model_folder(name, self.revision)
            parts[option] = files_digest(folder) if folder else name
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def check_labels(self, labels: Sequence[str]) -> None:
        """Raises LabelsRefused quoting the tokens unless each label is one distinct token after "Rating:"."""
        self.prompt_encoder().label_ids(labels, "Rating:")

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str] = LABELS) -> NDArray[np.float32]:
        """Log-probability of each label after prefix + suffix: (len(suffixes), len(labels)) float32.

        Raises LabelsRefused, or ModelUnusable when a prompt does not fit the model's context.
        """
        from personas.ml.language_models.label_scoring import check_context, score_cached, shared_length

        if not suffixes:
            return np.zeros((0, len(labels)), dtype=np.float32)
        loaded, prompts = self.loaded_model(), self.prompt_encoder()
        rows = prompts.encode([prefix + suffix for suffix in suffixes])
        check_context(rows, loaded.context)
        scores = np.empty((len(rows), len(labels)), dtype=np.float32)
        for ids, chosen in self._by_answer(prompts, labels, suffixes, prefix).items():
            with loaded.lock:
                scores[chosen] = score_cached(loaded, [rows[index] for index in chosen], ids, self.batch_size)
        shared = shared_length(rows)
        self.usage.calls += len(rows)
        self.usage.prompt_tokens += shared + sum(len(row) - shared for row in rows)
        return scores

    def complete(self, prompt: str, sampling: Sampling) -> str:
        prompts = self.prompt_encoder()
        return self._draw(prompts.encode([prompt])[0], sampling)

    @property
    def continues_text(self) -> bool:
        """A completion model, which goes on with a text instead of answering it."""
        return not self.prompt_encoder().chat

    def write(self, messages: Sequence[Message], sampling: Sampling) -> str:
        prompts = self.prompt_encoder()
        if prompts.chat:
            return self._draw(prompts.encode_messages(messages), sampling)
        stopped = replace(sampling, stop=(*sampling.stop, COMPLETION_STOP))
        return self._draw(prompts.encode([completion_prompt(messages)])[0], stopped)

    def _draw(self, prompt: Sequence[int], sampling: Sampling) -> str:
        from personas.ml.language_models.label_scoring import check_context
        from personas.ml.language_models.text_drawing import draw_text

        loaded = self.loaded_model()
        check_context([prompt], loaded.context, sampling.max_tokens)
        with loaded.lock:
            text, written = draw_text(loaded, prompt, sampling, end_tokens=_end_tokens(loaded))
        self.usage.calls += 1
        self.usage.prompt_tokens += len(prompt)
        self.usage.completion_tokens += written
        return text

    def loaded_model(self) -> "LoadedModel":
        """Weights and tokenizer in memory. Raises ModelUnusable naming what cannot be loaded."""
        from personas.ml.language_models.loaded_models import load_model

        return load_model(
            self.name,
            device=self.device, dtype=self.dtype, peft_adapter=self.peft_adapter, revision=self.revision,
        )  # fmt: skip

    def prompt_encoder(self) -> PromptEncoder:
        """How this model's prompts become token ids."""
        tokenizer = self.loaded_model().tokenizer
        if self._encoder is None or self._encoder[0] is not tokenizer:
            has_template = bool(getattr(tokenizer, "chat_template", None))
            if self.chat == "yes" and not has_template:
                raise ModelUnusable(f"chat: the tokenizer of {self.name!r} has no chat template")
            self._encoder = (tokenizer, PromptEncoder(tokenizer, chat=has_template and self.chat != "no"))
        return self._encoder[1]

    @staticmethod
    def _by_answer(
        prompts: PromptEncoder, labels: Sequence[str], suffixes: Sequence[str], prefix: str
    ) -> dict[tuple[int, ...], list[int]]:
        """Indices of the suffixes by the tokens that the labels are after them: as a rule one group."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, suffix in enumerate(suffixes):
            groups.setdefault(tuple(prompts.label_ids(labels, prefix + suffix)), []).append(index)
        return groups


def _end_tokens(loaded: "LoadedModel") -> list[int]:
    """Where the model says that its answer ends: the tokenizer's end and those of its generation settings."""
    settings = getattr(loaded.model, "generation_config", None)
    ends: list[int] = []
    for value in (loaded.tokenizer.eos_token_id, getattr(settings, "eos_token_id", None)):
        ends += value if isinstance(value, list) else [value] if value is not None else []
    return ends
