"""Text from a model in this process: sampling follows transformers' rules, and the fast path changes nothing."""

import copy
from pathlib import Path

import pytest
import torch
from pydantic import BaseModel
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from personas.ml.language_model import GenerationFailed, ModelUnusable, Sampling
from personas.ml.language_models import text_drawing
from personas.ml.language_models.lean_decoder import LeanDecoder, suits
from personas.ml.language_models.text_drawing import next_distribution
from personas.ml.language_models.transformers_model import TransformersModel

PROMPT = "Rate each product with one letter. Most products are not for you: say so."


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0.7),
        Sampling(top_k=5),
        Sampling(top_p=0.8),
        Sampling(repetition_penalty=1.3),
        Sampling(temperature=1.5, top_k=20, top_p=0.6, repetition_penalty=1.1),
    ],
)
def test_the_next_token_is_drawn_from_the_distribution_of_transformers(sampling: Sampling) -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(50, generator=generator) * 2
    seen = torch.tensor([1, 4, 4, 9])
    rules = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)])
    rules.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_k:
        rules.append(TopKLogitsWarper(sampling.top_k))
    rules.append(TopPLogitsWarper(sampling.top_p))
    expected = rules(seen[None], logits[None].clone())[0].softmax(0)
    assert torch.allclose(next_distribution(logits, seen, sampling), expected, atol=1e-6)


def test_temperature_zero_takes_the_likeliest_token() -> None:
    logits = torch.tensor([0.1, 3.0, 2.9])
    assert next_distribution(logits, torch.tensor([0]), Sampling(temperature=0)).tolist() == [0.0, 1.0, 0.0]


def test_the_penalty_makes_a_token_of_the_prompt_less_likely() -> None:
    logits = torch.tensor([2.0, 2.0, -1.0])
    plain = next_distribution(logits, torch.tensor([0]), Sampling())
    penalised = next_distribution(logits, torch.tensor([0]), Sampling(repetition_penalty=2.0))
    assert plain[0] == plain[1]
    assert penalised[1] / penalised[0] == pytest.approx(2.718, abs=0.01)


def test_the_lean_decoder_gives_the_logits_of_the_model_itself(completion_model: TransformersModel) -> None:
    loaded = completion_model.loaded_model()
    prompt = torch.tensor([loaded.tokenizer.encode(PROMPT)])
    written = torch.randint(5, 400, (1, 30), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        cache = loaded.model(prompt, use_cache=True).past_key_values
        decoder = LeanDecoder(loaded.model, copy.deepcopy(cache), room=30)
        lean = torch.stack([decoder.step(token) for token in written[0].tolist()])
        expected = loaded.model(written, past_key_values=cache).logits[0]
    assert suits(loaded.model, 500)
    assert (lean - expected).abs().max() <= 1e-4
    assert expected.abs().max() > 3
    with pytest.raises(ValueError, match="room: the decoder was made for 30 tokens"):
        decoder.step(5)


def test_greedy_text_equals_generate_with_and_without_the_lean_decoder(
    completion_model: TransformersModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = completion_model.loaded_model()
    prompt = torch.tensor([loaded.tokenizer.encode(PROMPT)])
    known = loaded.model.generate(prompt, max_new_tokens=24, do_sample=False, repetition_penalty=1.2)
    expected = loaded.tokenizer.decode(known[0, prompt.shape[1] :], skip_special_tokens=True)
    sampling = Sampling(temperature=0, max_tokens=24, repetition_penalty=1.2)
    assert completion_model.complete(PROMPT, sampling) == expected
    monkeypatch.setattr(text_drawing, "suits", lambda model, length: False)
    assert completion_model.complete(PROMPT, sampling) == expected


def test_a_seed_draws_the_same_text_again_and_another_seed_another(completion_model: TransformersModel) -> None:
    first, again, other = (completion_model.complete(PROMPT, Sampling(seed=seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_text_ends_before_a_stop_word_and_at_max_tokens(completion_model: TransformersModel) -> None:
    text = completion_model.complete(PROMPT, Sampling(seed=7, max_tokens=40))
    words = text.split(" ")
    stop = next(word for word in words[3:] if word)
    assert completion_model.complete(PROMPT, Sampling(seed=7, max_tokens=40, stop=(stop,))) == text[: text.find(stop)]
    before = completion_model.usage.copy()
    completion_model.complete(PROMPT, Sampling(seed=7, max_tokens=5))
    used = completion_model.usage.since(before)
    assert (used.calls, used.completion_tokens) == (1, 5)


def test_text_that_does_not_fit_the_context_is_refused(completion_model: TransformersModel) -> None:
    with pytest.raises(ModelUnusable, match=r"prompt: \d+ tokens and 2040 to write do not fit .* context of 2048"):
        completion_model.complete(PROMPT, Sampling(max_tokens=2040))


class Name(BaseModel):
    name: str


@pytest.mark.parametrize("which", ["completion_folder", "chat_folder"])
def test_generate_retries_with_reasons_and_then_gives_up(which: str, request: pytest.FixtureRequest) -> None:
    """A random model writes no JSON, whether it is asked plainly or through its template."""
    folder: Path = request.getfixturevalue(which)
    model = TransformersModel(str(folder))
    messages = [{"role": "system", "content": "Answer in JSON."}, {"role": "user", "content": "Who is it?"}]
    with pytest.raises(GenerationFailed, match="no valid answer in 3 attempts") as failed:
        model.generate(messages, Name, sampling=Sampling(max_tokens=8), retries=2)
    assert len(failed.value.reasons) == 3
    assert all("there is no JSON object in" in reason for reason in failed.value.reasons)
    assert model.usage.calls == 3
