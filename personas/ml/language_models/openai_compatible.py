"""Servers with OpenAI's endpoints that tell log-probabilities: vLLM, llama.cpp, Ollama, OpenAI."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personas.ml.language_model import LABELS, LabelsRefused, Message, ModelUnusable
from personas.ml.language_models.answer_tokens import last_line, sole_tokens
from personas.ml.language_models.remote_model import RemoteModel
from personas.ml.language_models.returned_tokens import (
    SPACES,
    LabelRow,
    match_labels,
    pick_by_id,
    read_returned,
)

NEUTRAL = {"max_tokens": 1, "temperature": 1.0, "top_p": 1.0, "seed": 0}
"""One token, and a temperature that leaves log-probabilities alone even where a server applies it to them."""

MOST_LIKELIEST = {"openai": 20, "vllm": 20, "llama.cpp": 100}
"""How many of the likeliest tokens a server tells unless `top_logprobs` says otherwise."""


class OpenAICompatibleModel(RemoteModel):
    """Reads label log-probabilities at the answer's first token, one request a prompt.

    vLLM is asked for the labels' own tokens (`logprob_token_ids`), whose ids its /tokenize tells: exact. All others
    are asked for the likeliest tokens (`top_logprobs`, on completions `logprobs`): bounded, see `match_labels`.
    top_logprobs: how many of them, 0 for what the server's dialect allows.
    Raises ModelUnusable naming the parameter that the server ignores or only half answers.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key_env: str = "",
        endpoint: str = "auto",
        dialect: str = "auto",
        timeout: float = 60.0,
        retries: int = 5,
        concurrency: int = 4,
        top_logprobs: int = 0,
        backoff: float = 0.5,
    ) -> None:
        if top_logprobs < 0:
            raise ValueError(f"top_logprobs: must not be negative, received {top_logprobs!r}")
        super().__init__(base_url, model, api_key_env, endpoint, dialect, timeout, retries, concurrency, backoff)
        self.top_logprobs = top_logprobs
        self._scored = self._bounded = 0
        self._label_ids: dict[tuple[str, str, tuple[str, ...]], dict[str, int]] = {}

    @property
    def scoring(self) -> str:  # type: ignore[override]
        """ "exact" where the labels' own tokens are asked for."""
        return "exact" if self.dialect == "vllm" else "bounded"

    @property
    def missing_share(self) -> float:
        """Of the labels scored so far, how many the server did not return."""
        return self._bounded / max(1, self._scored)

    def determining_options(self) -> dict[str, Any]:
        return {"top_logprobs": self.top_logprobs}

    def check_labels(self, labels: Sequence[str]) -> None:
        """Asks a server that has a /tokenize whether each label is one distinct token; else they must look so."""
        bare = [label.strip(SPACES) for label in labels]
        if len(set(bare)) < len(bare) or not all(bare):
            raise LabelsRefused(f"labels: must differ and not be empty, received {', '.join(map(repr, labels))}")
        if self.dialect != "openai":
            self.ask_either(lambda endpoint: self._check(endpoint, tuple(labels)))

    def _check(self, endpoint: str, labels: tuple[str, ...]) -> None:
        if self._tells_ids(endpoint):
            self._ids(endpoint, "Rating:", labels)

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str] = LABELS) -> NDArray[np.float32]:
        """(len(suffixes), len(labels)) float32. Raises LabelsRefused, ModelUnusable or ModelUnavailable."""
        wanted = tuple(labels)
        rows = self.in_parallel(lambda suffix: self.score_one(prefix + suffix, wanted), suffixes)
        self._scored += len(rows) * len(wanted)
        self._bounded += sum(len(row.missing) for row in rows)
        scores = [row.log_probabilities for row in rows]
        return np.array(scores, dtype=np.float32).reshape(len(rows), len(wanted))

    def score_one(self, prompt: str, labels: tuple[str, ...]) -> LabelRow:
        return self.ask_either(lambda endpoint: self._score(endpoint, prompt, labels))

    def _score(self, endpoint: str, prompt: str, labels: tuple[str, ...]) -> LabelRow:
        ids = self._ids(endpoint, prompt, labels) if self._tells_ids(endpoint) else None
        messages: list[Message] = [{"role": "user", "content": prompt}]
        told: dict[str, Any]
        if self.dialect == "vllm" and ids is not None:
            told = {"logprobs": True, "top_logprobs": 0} if endpoint == "chat" else {"logprobs": 1}
            told |= {"logprob_token_ids": list(ids.values()), "return_tokens_as_token_ids": True}
            choice = self.choices(endpoint, messages, prompt, {**NEUTRAL, **told})[0]
            returned, _ = read_returned(choice, "logprobs")
            return pick_by_id(returned, ids, "logprob_token_ids")
        asked = self.top_logprobs or MOST_LIKELIEST[self.dialect]
        told = {"logprobs": True, "top_logprobs": asked} if endpoint == "chat" else {"logprobs": asked}
        parameter = "top_logprobs" if endpoint == "chat" else "logprobs"
        choice = self.choices(endpoint, messages, prompt, {**NEUTRAL, **told})[0]
        returned, listed = read_returned(choice, "logprobs")
        return match_labels(returned, labels, ids, asked=asked, listed=listed, parameter=parameter)

    def _tells_ids(self, endpoint: str) -> bool:
        """llama.cpp does not tell how a chat's answer begins, so there " A" and "A" both count."""
        return self.dialect == "vllm" or (self.dialect == "llama.cpp" and endpoint == "completions")

    def _ids(self, endpoint: str, prompt: str, labels: tuple[str, ...]) -> dict[str, int]:
        """The token of each label after the last line of the prompt, as the server's own tokenizer has it."""
        ending = last_line(prompt)
        key = (endpoint, ending, labels)
        if key not in self._label_ids:
            asked = self._tokens(endpoint, ending, "")
            answers = {label: self._tokens(endpoint, ending, label) for label in labels}
            self._label_ids[key] = sole_tokens(asked, answers)
        return self._label_ids[key]

    def _tokens(self, endpoint: str, ending: str, label: str) -> list[int]:
        """Ids of the prompt and, if one is given, the label as its answer."""
        gap = " " if label and not ending[-1:].isspace() else ""
        body: dict[str, Any]
        if self.dialect == "llama.cpp":
            body = {"content": ending + gap + label, "add_special": True, "parse_special": True}
        elif endpoint == "completions":
            body = {"model": self.name, "prompt": ending + gap + label}
        else:
            turns = [{"role": "user", "content": ending}]
            if label:
                turns.append({"role": "assistant", "content": label})
            body = {
                "model": self.name, "messages": turns,
                "add_generation_prompt": not label, "continue_final_message": bool(label),
            }  # fmt: skip
        tokens = self.client.post("/tokenize", body).get("tokens")
        if not isinstance(tokens, list) or not all(isinstance(token, int) for token in tokens):
            raise ModelUnusable("/tokenize: the server's answer holds no list of token ids under `tokens`")
        return tokens
