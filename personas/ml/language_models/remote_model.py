"""What the adapters of HTTP servers share: who is asked, how text is written, and what it costs."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock
from typing import Any, TypeVar, cast

from personas.ml.language_model import LabelsRefused, Message, ModelUnusable, Sampling, Usage
from personas.ml.language_models.http_client import JsonClient
from personas.ml.language_models.writing import StructuredWriter
from personas.ml.structured_output import COMPLETION_STOP, completion_prompt

ENDPOINTS = ("auto", "chat", "completions")
DIALECTS = ("auto", "vllm", "llama.cpp", "openai")

OWNERS = {"vllm": "vllm", "llamacpp": "llama.cpp"}
"""How /models says whose server it is. Everybody else is asked in OpenAI's words alone."""

CHARACTERS_PER_TOKEN = 4
"""For a server that counts no tokens."""

MOST_TOKENS = 10_000_000
"""Of one call: a server that counts more does not count."""

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class RemoteModel(StructuredWriter):
    """A server with OpenAI's endpoints that writes text.

    base_url: up to and with /v1. model: the server's name for it. api_key_env: see JsonClient.
    endpoint: "chat" for instruction models, "completions" for completion models; "auto" tries chat first and stays
    with completions if the server refuses that. dialect: whose extra parameters the server knows; "auto" asks it.
    concurrency: questions under way at a time. save_every: prompts whose answers are asked, and stored, together: a
    call each, so that a kill or a server that goes away in the middle costs few of them twice.
    """

    demonstration = False

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
        backoff: float = 0.5,
    ) -> None:
        for option, value, known in (("endpoint", endpoint, ENDPOINTS), ("dialect", dialect, DIALECTS)):
            if value not in known:
                raise ValueError(f"{option}: expected one of {', '.join(known)}, received {value!r}")
        if not model:
            raise ValueError("model: expected the server's name for the model, received ''")
        if concurrency < 1:
            raise ValueError(f"concurrency: expected at least 1, received {concurrency!r}")
        self.name = model
        self.endpoint, self.concurrency = endpoint, concurrency
        self.save_every = 4 * concurrency
        self.client = JsonClient(base_url, api_key_env=api_key_env, timeout=timeout, retries=retries, backoff=backoff)
        self.usage = Usage()
        self._asked_dialect = dialect
        self._found_dialect = "" if dialect == "auto" else dialect
        self._found_endpoint = "" if endpoint == "auto" else endpoint
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.client.base_url!r}, {self.name!r})"

    @property
    def digest(self) -> str:
        """sha256 hex of server, model and options: a server does not tell what its weights are."""
        parts = {
            "adapter": type(self).__name__,
            "base_url": self.client.base_url,
            "model": self.name,
            "endpoint": self.endpoint,
            "dialect": self._asked_dialect,
            **self.determining_options(),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def determining_options(self) -> dict[str, Any]:
        """Further options that change answers."""
        return {}

    @property
    def dialect(self) -> str:
        if not self._found_dialect:
            try:
                listed = self.client.get("models").get("data")
            except ModelUnusable:  # a server that lists no models
                listed = None
            first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
            self._found_dialect = OWNERS.get(str(first.get("owned_by", "")).lower(), "openai")
        return self._found_dialect

    @property
    def continues_text(self) -> bool:
        """A completion model, as far as is known: which endpoint answers shows at the first call."""
        return self._found_endpoint == "completions"

    def complete(self, prompt: str, sampling: Sampling) -> str:
        return self.texts([{"role": "user", "content": prompt}], prompt, sampling)[0]

    def write(self, messages: Sequence[Message], sampling: Sampling) -> str:
        return self.texts(messages, completion_prompt(messages), sampling, completion_stop=(COMPLETION_STOP,))[0]

    def texts(
        self,
        messages: Sequence[Message],
        prompt: str,
        sampling: Sampling,
        *,
        completion_stop: tuple[str, ...] = (),
        count: int = 1,
    ) -> list[str]:
        """Texts drawn by the server for `messages` (chat) or `prompt` (completions): at least one, at most `count`."""

        def ask(endpoint: str) -> list[dict[str, Any]]:
            stops = sampling.stop if endpoint == "chat" else (*sampling.stop, *completion_stop)
            body = self.sampling_parameters(replace(sampling, stop=stops))
            if count > 1:
                body["n"] = count
            return self.choices(endpoint, messages, prompt, body)

        return [_text_of(choice) for choice in self.ask_either(ask)]

    def ask_either(self, ask: Callable[[str], Answered]) -> Answered:
        """`ask` with the endpoint that this server has."""
        if self._found_endpoint:
            return ask(self._found_endpoint)
        try:
            answer = ask("chat")
        except LabelsRefused:
            raise
        except ModelUnusable as refused_chat:
            try:
                answer = ask("completions")
            except ModelUnusable as refused_completions:
                reasons = dict.fromkeys([str(refused_chat), str(refused_completions)])
                raise ModelUnusable("; ".join(reasons)) from None
            self._found_endpoint = "completions"
            return answer
        self._found_endpoint = "chat"
        return answer

    def choices(
        self, endpoint: str, messages: Sequence[Message], prompt: str, body: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """One call, counted. Raises ModelUnusable when the answer holds no choices."""
        asked = {"messages": list(messages)} if endpoint == "chat" else {"prompt": prompt}
        path = "chat/completions" if endpoint == "chat" else "completions"
        answer = self.client.post(path, {"model": self.name, **asked, **body})
        found = answer.get("choices")
        if not isinstance(found, list) or not found or not all(isinstance(choice, dict) for choice in found):
            raise ModelUnusable(f"{path}: the answer holds no choices")
        self.count(answer.get("usage"), prompt, "".join(map(_text_of, found)))
        return found

    def sampling_parameters(self, sampling: Sampling) -> dict[str, Any]:
        """The request's parameters. Raises ModelUnusable for one that this dialect has no word for."""
        parameters: dict[str, Any] = {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
        }
        if sampling.stop:
            parameters["stop"] = list(sampling.stop)
        words = {"vllm": "repetition_penalty", "llama.cpp": "repeat_penalty"}
        if self.dialect in words:
            parameters["top_k"] = sampling.top_k
            parameters[words[self.dialect]] = sampling.repetition_penalty
            return parameters
        for name, value, neutral in (
            ("top_k", sampling.top_k, 0),
            ("repetition_penalty", sampling.repetition_penalty, 1.0),
        ):
            if value != neutral:
                raise ModelUnusable(f"{name}: this server's dialect (openai) has no such parameter; received {value!r}")
        return parameters

    def in_parallel(self, ask: Callable[[Asked], Answered], questions: Sequence[Asked]) -> list[Answered]:
        """Answers in the order of the questions; the first error ends all."""
        if len(questions) <= 1:
            return [ask(question) for question in questions]
        first = ask(questions[0])  # settles dialect and endpoint, and fills the server's prefix cache
        with ThreadPoolExecutor(self.concurrency) as pool:
            try:
                return [first, *pool.map(ask, questions[1:])]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def count(self, usage: object, prompt: str, text: str) -> None:
        """Adds what the server counted, or an estimate from the length of prompt and answer."""
        told = usage if isinstance(usage, dict) else {}
        prompted = _whole(told.get("prompt_tokens", told.get("input_tokens")), len(prompt) // CHARACTERS_PER_TOKEN + 1)
        written = _whole(told.get("completion_tokens", told.get("output_tokens")), len(text) // CHARACTERS_PER_TOKEN)
        with self._lock:
            self.usage.calls += 1
            self.usage.prompt_tokens += prompted
            self.usage.completion_tokens += written


def _text_of(choice: Mapping[str, Any]) -> str:
    """Without NUL and halves of surrogate pairs, which JSON can spell and Postgres cannot store."""
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    return text.replace("\x00", "").encode(errors="replace").decode() if isinstance(text, str) else ""


def _whole(value: object, otherwise: int) -> int:
    counted = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return cast(int, value) if counted else otherwise
