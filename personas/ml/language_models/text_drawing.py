"""Text drawn token by token from a model in memory."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from personas.ml.language_model import Sampling
from personas.ml.language_models.lean_decoder import LeanDecoder, suits
from personas.ml.language_models.loaded_models import LoadedModel


def next_distribution(logits: torch.Tensor, seen: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """(V,) probabilities of the next token: penalty, temperature, top-k, then the smallest set above top-p.

    logits: (V,). seen: token ids of prompt and answer so far, whose logits the repetition penalty divides when
    positive and multiplies when negative (Keskar et al. 2019). top-p: Holtzman et al. 2020, with the token that
    crosses the threshold kept. Temperature 0 leaves one token.
    """
    logits = logits.float()
    if sampling.repetition_penalty != 1.0:
        known = logits[seen]
        penalty = sampling.repetition_penalty
        logits = logits.index_put((seen,), torch.where(known > 0, known / penalty, known * penalty))
    if sampling.temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(), len(logits)).float()
    logits = logits / sampling.temperature
    if 0 < sampling.top_k < len(logits):
        logits = torch.where(logits < torch.topk(logits, sampling.top_k).values[-1], -torch.inf, logits)
    probabilities = torch.softmax(logits, dim=-1)
    if sampling.top_p < 1.0:
        ordered, order = probabilities.sort(descending=True)
        surplus = ordered.cumsum(0) - ordered >= sampling.top_p
        surplus[0] = False
        probabilities = probabilities.index_put((order[surplus],), torch.zeros(()).to(probabilities))
        probabilities = probabilities / probabilities.sum()
    return probabilities


@torch.inference_mode()
def draw_text(
    loaded: LoadedModel, prompt: Sequence[int], sampling: Sampling, *, end_tokens: Sequence[int]
) -> tuple[str, int]:
    """The text that follows `prompt` up to a stop word, an end token or max_tokens, and how many tokens it took.

    The same seed draws the same text. Stop words are not part of it.
    """
    generator = torch.Generator().manual_seed(sampling.seed)
    next_logits, logits = _decoder(loaded, prompt, sampling.max_tokens)
    seen = torch.tensor(list(prompt), device=loaded.device)
    ended_by = set(end_tokens)
    longest_stop = max((len(stop) for stop in sampling.stop), default=0)
    written: list[int] = []
    while len(written) < sampling.max_tokens:
        probabilities = next_distribution(logits, seen, sampling).cpu()
        token = int(torch.multinomial(probabilities, 1, generator=generator))
        if token in ended_by:
            break
        written.append(token)
        if longest_stop and _holds(_text(loaded.tokenizer, written[-longest_stop - 4 :]), sampling.stop):
            break
        if len(written) < sampling.max_tokens:
            if sampling.repetition_penalty != 1.0:
                seen = torch.cat([seen, torch.tensor([token], device=loaded.device)])
            logits = next_logits(token)
    return _up_to_stop(_text(loaded.tokenizer, written), sampling.stop), len(written)


def _decoder(
    loaded: LoadedModel, prompt: Sequence[int], room: int
) -> tuple[Callable[[int], torch.Tensor], torch.Tensor]:
    """A function from the token just written to the next logits, and the logits after the prompt."""
    model = loaded.model
    tokens = torch.tensor([list(prompt)], device=loaded.device)
    output = model(tokens, use_cache=True, logits_to_keep=1)
    if suits(model, len(prompt) + room):
        return LeanDecoder(model, output.past_key_values, room).step, output.logits[0, -1]
    cache = output.past_key_values

    def step(token: int) -> torch.Tensor:
        following = model(torch.tensor([[token]], device=loaded.device), past_key_values=cache, use_cache=True)
        return following.logits[0, -1]

    return step, output.logits[0, -1]


def _text(tokenizer: Any, tokens: Sequence[int]) -> str:
    return str(tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _holds(text: str, stops: Sequence[str]) -> bool:
    return any(stop in text for stop in stops)


def _up_to_stop(text: str, stops: Sequence[str]) -> str:
    """Up to the first stop word."""
    return text[: min((at for stop in stops if (at := text.find(stop)) >= 0), default=len(text))]
