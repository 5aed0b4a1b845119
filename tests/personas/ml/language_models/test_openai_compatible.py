"""Log-probabilities over HTTP: from a real llama.cpp, and from servers that ignore or shorten what they are asked."""

import math
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from fashionrec.benchmarks.llm_scoring import shop_prompts
from personas.ml.language_model import (
    LABELS,
    GenerationFailed,
    LabelsRefused,
    ModelUnavailable,
    ModelUnusable,
    Sampling,
    Usage,
)
from personas.ml.language_models.openai_compatible import OpenAICompatibleModel
from personas.ml.language_models.transformers_model import TransformersModel
from tests.scripted_server import Behaviour, Reply, Request, ScriptedServer, log_probabilities, prose, says, status

PREFIX, PRODUCTS = shop_prompts(6)
LETTERS = {label: math.log(0.09) for label in LABELS}
OTHERS = {f"word{index}": math.log(0.0005) for index in range(9)}


def model_of(server: ScriptedServer, **options: Any) -> OpenAICompatibleModel:
    return OpenAICompatibleModel(server.url, "scripted", retries=1, backoff=0.01, **{"endpoint": "chat", **options})


def score(behaviour: Behaviour, **options: Any) -> np.ndarray:
    with ScriptedServer([behaviour]) as server:
        return model_of(server, **options).score_labels(PREFIX, PRODUCTS[:1], LABELS)[0]


# llama.cpp, really


def test_llama_cpp_gives_the_log_probabilities_of_the_same_weights_in_this_process(
    llama_cpp_url: str, completion_model: TransformersModel
) -> None:
    model = OpenAICompatibleModel(llama_cpp_url, "tiny", endpoint="completions")
    model.check_labels(LABELS)
    scores = model.score_labels(PREFIX, PRODUCTS, LABELS)
    assert (model.dialect, model.scoring, model.missing_share) == ("llama.cpp", "bounded", 0.0)
    here = completion_model.score_labels(PREFIX, PRODUCTS, LABELS)
    assert np.abs(scores - here).max() <= 2e-5  # measured: 4e-6
    assert np.ptp(here, axis=0).max() > 0.1
    assert model.usage.calls == 6
    rows = completion_model.prompt_encoder().encode([PREFIX + product for product in PRODUCTS])
    assert model.usage.prompt_tokens == sum(map(len, rows))


def test_llama_cpp_refuses_digits(llama_cpp_url: str) -> None:
    model = OpenAICompatibleModel(llama_cpp_url, "tiny", endpoint="completions")
    with pytest.raises(LabelsRefused, match="'10' is 3 tokens"):
        model.check_labels(["1", "2", "10"])


def test_llama_cpp_writes_the_same_greedy_text_as_this_process(
    llama_cpp_url: str, completion_model: TransformersModel
) -> None:
    sampling = Sampling(temperature=0, max_tokens=12)
    model = OpenAICompatibleModel(llama_cpp_url, "tiny", endpoint="completions")
    assert model.complete("Rate each product", sampling) == completion_model.complete("Rate each product", sampling)
    assert model.usage == Usage(calls=1, prompt_tokens=model.usage.prompt_tokens, completion_tokens=12)


def test_transformers_serve_ignores_logprobs_and_is_refused_for_it(transformers_url: str, chat_folder: Any) -> None:
    model = OpenAICompatibleModel(transformers_url, str(chat_folder), endpoint="chat")
    with pytest.raises(ModelUnusable, match="logprobs: the server answered without log-probabilities: it ignores"):
        model.score_labels(PREFIX, PRODUCTS[:1], LABELS)


def test_transformers_serve_refuses_parameters_and_says_which(transformers_url: str, chat_folder: Any) -> None:
    model = OpenAICompatibleModel(transformers_url, str(chat_folder), endpoint="completions", dialect="llama.cpp")
    with pytest.raises(ModelUnusable, match="answered 422: Unexpected fields in the request: .*repeat_penalty"):
        model.complete("Hello", Sampling(max_tokens=3))


# Scripted


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_all_labels_among_the_likeliest_are_taken_as_they_are(endpoint: str) -> None:
    row = score(log_probabilities({**LETTERS, **OTHERS}), endpoint=endpoint)
    assert row == pytest.approx([math.log(0.09)] * 11, abs=1e-6)


def test_the_request_asks_for_one_token_and_twenty_alternatives() -> None:
    with ScriptedServer(default=log_probabilities({**LETTERS, **OTHERS})) as server:
        model_of(server, endpoint="chat").score_labels(PREFIX, PRODUCTS[:1], LABELS)
        model_of(server, endpoint="completions").score_labels(PREFIX, PRODUCTS[:1], LABELS)
        chat, completion = server.bodies()
    assert {key: chat[key] for key in ("max_tokens", "temperature", "logprobs", "top_logprobs")} == {
        "max_tokens": 1, "temperature": 1.0, "logprobs": True, "top_logprobs": 20,
    }  # fmt: skip
    assert chat["messages"] == [{"role": "user", "content": PREFIX + PRODUCTS[0]}]
    assert (completion["prompt"], completion["logprobs"]) == (PREFIX + PRODUCTS[0], 20)
    assert "repetition_penalty" not in chat


def test_a_label_with_and_without_its_space_counts_as_one() -> None:
    words = {" A": math.log(0.3), "A": math.log(0.2), "▁B": math.log(0.1), "ĠC": math.log(0.1)}
    rest = {label: math.log(0.03) for label in LABELS[3:]}
    row = score(log_probabilities({**words, **rest, **OTHERS}))
    assert np.exp(row[:3]) == pytest.approx([0.5, 0.1, 0.1])


def test_missing_labels_are_bounded_by_what_was_not_returned() -> None:
    present = {label: math.log(0.097) for label in LABELS[:10]}
    row = score(log_probabilities({**present, **{f"w{index}": math.log(0.001) for index in range(10)}}))
    assert row[:10] == pytest.approx([math.log(0.097)] * 10)
    assert row[10] == pytest.approx(math.log(0.001))
    assert np.exp(row).sum() <= 1


def test_missing_labels_are_refused_when_too_little_came_back() -> None:
    present = {label: math.log(0.05) for label in LABELS[:10]}
    words = {f"w{index}": math.log(0.01) for index in range(10)}
    with pytest.raises(ModelUnusable, match=r"top_logprobs: K are not among the 20 tokens .* only 0.60 of the prob"):
        score(log_probabilities({**present, **words}))


def test_missing_share_is_counted() -> None:
    present = {label: math.log(0.097) for label in LABELS[:10]}
    words = {f"w{index}": math.log(0.001) for index in range(10)}
    with ScriptedServer(default=log_probabilities({**present, **words})) as server:
        model = model_of(server)
        model.score_labels(PREFIX, PRODUCTS, LABELS)
    assert model.missing_share == pytest.approx(1 / 11)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (says("A"), "logprobs: the server answered without log-probabilities: it ignores the parameter"),
        (prose(), "logprobs: the server answered without log-probabilities"),
        (log_probabilities(dict.fromkeys("ABCDE", -2.0)), "top_logprobs: asked for 20 log-prob.*, received 5"),
        (log_probabilities({f"w{i}": -3.1 for i in range(20)}), "none of the labels is among the likeliest tokens"),
        (log_probabilities({**LETTERS, **{f"w{i}": 2.5 for i in range(9)}}), "add up to .*: they are none"),
        (Reply({"choices": []}), "chat/completions: the answer holds no choices"),
        (Reply({"object": "error"}), "chat/completions: the answer holds no choices"),
        (
            Reply({"choices": [{"logprobs": {"content": [{"top_logprobs": [{"token": "A"}]}]}}]}),
            "logprobs: the server's log-probabilities cannot be read",
        ),
        (log_probabilities({**LETTERS, "w0": -(10**400)}), "logprobs: the server's log-probabilities cannot be read"),
        (log_probabilities({**LETTERS, "w0": math.nan}), "logprobs: the server's log-probabilities cannot be read"),
        (log_probabilities({**LETTERS, **{f"w{i}": math.inf for i in range(9)}}), "add up to .*: they are none"),
    ],
)
def test_what_cannot_be_trusted_is_refused_naming_the_parameter(behaviour: Behaviour, reason: str) -> None:
    with pytest.raises(ModelUnusable, match=reason):
        score(behaviour)


def test_auto_stays_with_completions_where_chat_is_refused() -> None:
    def behave(request: Request) -> Reply:
        if request.is_chat:
            return status(400, message="this model has no chat template")
        found = log_probabilities({**LETTERS, **OTHERS})
        return found(request) if callable(found) else found

    with ScriptedServer(default=behave) as server:
        model = model_of(server, endpoint="auto")
        model.score_labels(PREFIX, PRODUCTS[:3], LABELS)
        assert [request.is_chat for request in server.requests] == [True, False, False, False]


def test_answers_keep_the_order_of_the_prompts_under_concurrency() -> None:
    def behave(request: Request) -> Reply:
        index = next(i for i, product in enumerate(PRODUCTS) if request.prompt.endswith(product))
        found = log_probabilities({**LETTERS, "A": math.log(0.01 + index / 1000), **OTHERS})
        reply = found(request) if callable(found) else found
        return Reply(reply.body, delay=0.05 * (len(PRODUCTS) - index))

    with ScriptedServer(default=behave) as server:
        scores = model_of(server, concurrency=6).score_labels(PREFIX, PRODUCTS, LABELS)
    assert np.exp(scores[:, 0]) == pytest.approx([0.01 + index / 1000 for index in range(6)])


def test_an_unavailable_server_ends_the_chunk() -> None:
    with ScriptedServer(default=status(503)) as server, pytest.raises(ModelUnavailable, match="answered 503"):
        model_of(server).score_labels(PREFIX, PRODUCTS, LABELS)


# vLLM, scripted after its own protocol


def vllm(request: Request, *, honours: bool = True) -> Reply:
    if honours:
        of_token = {f"token_id:{token}": math.log(0.05) for token in request.body["logprob_token_ids"]}
    else:
        of_token = {"token_id:7": math.log(0.5)}
    found = log_probabilities(of_token)
    return found(request) if callable(found) else found


def vllm_tokenizer(request: Request) -> Reply:
    """One token a character, letters after a space or a chat header in one piece."""
    if "messages" in request.body:
        turns = request.body["messages"]
        assert request.body["add_generation_prompt"] is (len(turns) == 1)
        assert request.body["continue_final_message"] is (len(turns) == 2)
        tokens = [1, *map(ord, turns[0]["content"]), 2, *[1000 + ord(c) for turn in turns[1:] for c in turn["content"]]]
    else:
        text, _, answer = request.body["prompt"].partition(": ")
        tokens = [*map(ord, text.rstrip(":")), 3, *([2000 + ord(character) for character in answer])]
    return Reply({"tokens": tokens, "count": len(tokens), "max_model_len": 4096})


@pytest.mark.parametrize(("endpoint", "first"), [("chat", 1000 + ord("A")), ("completions", 2000 + ord("A"))])
def test_vllm_is_asked_for_the_labels_own_tokens(endpoint: str, first: int) -> None:
    with ScriptedServer(default=vllm, routes={"/tokenize": vllm_tokenizer}, owned_by="vllm") as server:
        model = model_of(server, endpoint=endpoint)
        model.check_labels(LABELS)
        scores = model.score_labels(PREFIX, PRODUCTS, LABELS)
        asked = [request.body for request in server.requests if request.path != "/tokenize"]
        tokenized = [request for request in server.requests if request.path == "/tokenize"]
    assert model.scoring == "exact"
    assert np.exp(scores) == pytest.approx(np.full((6, 11), 0.05))
    assert asked[0]["logprob_token_ids"] == list(range(first, first + 11))
    assert asked[0]["return_tokens_as_token_ids"] is True
    assert asked[0]["max_tokens"] == 1
    assert len(asked) == 6
    assert len(tokenized) == 12  # once for all prompts that end alike


def test_vllm_refuses_labels_of_several_tokens() -> None:
    server = ScriptedServer(default=vllm, routes={"/tokenize": vllm_tokenizer}, owned_by="vllm")
    with server, pytest.raises(LabelsRefused, match="'10' is 2 tokens"):
        model_of(server).check_labels(["1", "10"])


def test_an_older_vllm_that_ignores_logprob_token_ids_is_refused() -> None:
    def older(request: Request) -> Reply:
        return vllm(request, honours=False)

    server = ScriptedServer(default=older, routes={"/tokenize": vllm_tokenizer}, owned_by="vllm")
    with server, pytest.raises(ModelUnusable, match="logprob_token_ids: asked for the labels' tokens, A, B, .* back"):
        model_of(server).score_labels(PREFIX, PRODUCTS[:1], LABELS)


# Text


class Name(BaseModel):
    name: str


def test_generate_validates_and_tells_the_server_what_was_wrong() -> None:
    with ScriptedServer([says("Certainly!"), says('{"name": 5}'), says('```json\n{"name": "Ines"}\n```')]) as server:
        model = model_of(server)
        found = model.generate([{"role": "user", "content": "Who?"}], Name, sampling=Sampling(seed=4), retries=3)
        bodies = server.bodies()
    assert found == Name(name="Ines")
    assert [body["seed"] for body in bodies] == [4, 5, 6]
    # The reason, without the answer that was refused: a small model would repeat it.
    assert bodies[1]["messages"][-1]["content"] == (
        "That was refused: there is no JSON object Answer with the JSON alone."
    )
    assert "name: Input should be a valid string" in bodies[2]["messages"][-1]["content"]
    assert model.usage.calls == 3


def test_generate_on_completions_asks_for_one_line_of_json() -> None:
    with ScriptedServer(default=says(' {"name": "Ines"}')) as server:
        found = model_of(server, endpoint="completions").generate(
            [{"role": "system", "content": "Invent."}, {"role": "user", "content": "Who?"}], Name, sampling=Sampling()
        )
        body = server.bodies()[0]
    assert found == Name(name="Ines")
    assert body["prompt"] == "Invent.\n\nWho?\n\nJSON:"
    assert body["stop"] == ["\n\n"]


def test_generate_gives_up_after_its_retries() -> None:
    with ScriptedServer(default=prose()) as server, pytest.raises(GenerationFailed) as failed:
        model_of(server).generate([{"role": "user", "content": "Who?"}], Name, sampling=Sampling(), retries=2)
    assert len(failed.value.reasons) == 3


def test_sampling_is_passed_in_each_dialects_words() -> None:
    sampling = Sampling(temperature=0.7, top_p=0.9, top_k=5, repetition_penalty=1.2, max_tokens=9, stop=("#",), seed=3)
    with ScriptedServer() as server:
        model_of(server, dialect="vllm").complete("x", sampling)
        model_of(server, dialect="llama.cpp").complete("x", sampling)
        with pytest.raises(ModelUnusable, match=r"top_k: this server's dialect \(openai\) has no such parameter"):
            model_of(server, dialect="openai").complete("x", sampling)
        first, second = server.bodies()
    common = {"temperature": 0.7, "top_p": 0.9, "top_k": 5, "max_tokens": 9, "stop": ["#"], "seed": 3}
    assert common.items() <= first.items()
    assert common.items() <= second.items()
    assert (first["repetition_penalty"], second["repeat_penalty"]) == (1.2, 1.2)


def test_usage_is_estimated_where_the_server_counts_nothing() -> None:
    reply = Reply({"choices": [{"message": {"content": "four letters"}}]})
    with ScriptedServer([reply]) as server:
        model = model_of(server)
        model.complete("x" * 40, Sampling())
    assert model.usage == Usage(calls=1, prompt_tokens=11, completion_tokens=3)


@pytest.mark.parametrize("counted", [10**30, -5, True, "many", 1.5])
def test_tokens_that_cannot_be_are_estimated_instead(counted: Any) -> None:
    reply = Reply({"choices": [{"message": {"content": "12345678"}}], "usage": {"prompt_tokens": counted}})
    with ScriptedServer([reply]) as server:
        model = model_of(server)
        model.complete("x" * 40, Sampling())
    assert (model.usage.prompt_tokens, model.usage.completion_tokens) == (11, 2)


def test_written_text_holds_nothing_that_cannot_be_stored() -> None:
    with ScriptedServer([Reply({"choices": [{"message": {"content": "a\x00b\ud83dc\U0001f600"}}]})]) as server:
        assert model_of(server).complete("x", Sampling()) == "ab?c\U0001f600"


def test_one_call_a_prompt_is_saved_a_few_at_a_time() -> None:
    assert OpenAICompatibleModel("http://127.0.0.1:9/v1", "m", concurrency=3).save_every == 12


def test_the_digest_knows_server_model_and_options() -> None:
    digests = {
        OpenAICompatibleModel("http://a/v1", "m").digest,
        OpenAICompatibleModel("http://b/v1", "m").digest,
        OpenAICompatibleModel("http://a/v1", "n").digest,
        OpenAICompatibleModel("http://a/v1", "m", top_logprobs=5).digest,
        OpenAICompatibleModel("http://a/v1", "m", endpoint="chat").digest,
    }
    assert len(digests) == 5
    assert OpenAICompatibleModel("http://a/v1/", "m", timeout=9).digest in digests


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"endpoint": "rpc"}, "endpoint: expected one of auto, chat, completions, received 'rpc'"),
        ({"dialect": "tgi"}, "dialect: expected one of .*, received 'tgi'"),
        ({"concurrency": 0}, "concurrency: expected at least 1, received 0"),
        ({"top_logprobs": -1}, "top_logprobs: must not be negative, received -1"),
        ({"model": ""}, "model: expected the server's name"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        OpenAICompatibleModel(**{"base_url": "http://a/v1", "model": "m", **options})
