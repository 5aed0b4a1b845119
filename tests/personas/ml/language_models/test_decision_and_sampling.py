"""The other two ways to ask a server: a decision, and counted answers; both against a real `transformers serve`."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fashionrec.benchmarks.llm_scoring import SYSTEM_ONE_QUESTION, shop_prompts
from personas.ml.distributions import to_probabilities
from personas.ml.language_model import LABELS, LabelsRefused, ModelUnusable, Usage
from personas.ml.language_models.label_scoring import score_naively
from personas.ml.language_models.sampling import SamplingModel, label_shares, read_label
from personas.ml.language_models.system_one import SystemOneModel
from personas.ml.language_models.transformers_model import TransformersModel
from tests.scripted_server import Reply, Request, ScriptedServer, prose, says, status

PREFIX, PRODUCTS = shop_prompts(4)


def test_a_decision_server_answers_as_the_same_weights_in_this_process(
    transformers_url: str, chat_folder: Path, chat_model: TransformersModel
) -> None:
    model = SystemOneModel(transformers_url, str(chat_folder))
    model.check_labels(LABELS)
    scores = model.score_labels(PREFIX, PRODUCTS, LABELS)
    asked = [PREFIX + product + SYSTEM_ONE_QUESTION for product in PRODUCTS]
    here = to_probabilities(chat_model.score_labels("", asked, LABELS))
    assert np.abs(scores - np.log(here)).max() <= 1e-5
    assert np.exp(scores).sum(axis=1) == pytest.approx([1.0] * 4, abs=1e-6)
    assert np.ptp(scores, axis=0).max() > 0.01
    assert model.usage.calls == 5
    assert model.usage.prompt_tokens > 4 * 300


def test_a_descending_scale_is_asked_in_the_servers_order(transformers_url: str, chat_folder: Path) -> None:
    model = SystemOneModel(transformers_url, str(chat_folder))
    upwards = model.score_labels(PREFIX, PRODUCTS, LABELS)
    downwards = model.score_labels(PREFIX, PRODUCTS, LABELS[::-1])
    assert np.array_equal(upwards, downwards[:, ::-1])


def test_a_decision_server_knows_no_labels_but_the_first_letters() -> None:
    with pytest.raises(LabelsRefused, match="calls its options A, B, C, …, received 1, 2, 10"):
        SystemOneModel("http://127.0.0.1:9/v1", "m").check_labels(["1", "2", "10"])


@pytest.mark.parametrize(
    ("probabilities", "reason"),
    [
        (dict.fromkeys(LABELS[:10], 1 / 11), "expected probabilities of A, B, .*, received"),
        (dict.fromkeys(LABELS, 0.2), "the probabilities add up to 2.200, not to 1"),
        (None, "expected probabilities of A, B"),
        (dict.fromkeys(LABELS, None), "expected probabilities within 0 and 1, received"),
        (dict.fromkeys(LABELS, math.nan), "expected probabilities within 0 and 1, received"),
        ({**dict.fromkeys(LABELS, 0.0), "A": 1.5, "B": -0.5}, "expected probabilities within 0 and 1, received"),
    ],
)
def test_a_decision_that_is_no_distribution_is_refused(probabilities: Any, reason: str) -> None:
    reply = Reply({"answers": {"rating": {"type": "choice", "probabilities": probabilities}}})
    with ScriptedServer([reply]) as server, pytest.raises(ModelUnusable, match=reason):
        SystemOneModel(server.url, "m").score_labels(PREFIX, PRODUCTS[:1], LABELS)


def test_a_probability_rounded_to_nothing_stays_a_number() -> None:
    shares = dict.fromkeys(LABELS, 0.0) | {"A": 1.0}
    with ScriptedServer([Reply({"answers": {"rating": {"probabilities": shares}}})]) as server:
        scores = SystemOneModel(server.url, "m").score_labels(PREFIX, PRODUCTS[:1], LABELS)
    assert np.isfinite(scores).all()


# Sampling


def test_counted_answers_of_a_real_server_come_near_its_probabilities(transformers_url: str, chat_folder: Path) -> None:
    here = TransformersModel(str(chat_folder), chat="no")
    expected = np.exp(here.score_labels(PREFIX, PRODUCTS[:1], LABELS)[0])
    model = SamplingModel(
        transformers_url, str(chat_folder), endpoint="completions", answers=60, answer_tokens=1, smoothing=0.01
    )
    shares = np.exp(model.score_labels(PREFIX, PRODUCTS[:1], LABELS)[0])
    bare = here.prompt_encoder().tokenizer.convert_tokens_to_ids(list(LABELS))
    rows = here.prompt_encoder().encode([PREFIX + PRODUCTS[0]])
    both = expected + np.exp(score_naively(here.loaded_model(), rows, bare)[0])  # " A" and "A" read alike
    assert np.abs(shares - both).max() <= 4 * np.sqrt(0.25 / 60)
    assert shares.argmax() in np.argsort(both)[-3:]
    assert model.usage == Usage(calls=60, prompt_tokens=60 * len(rows[0]), completion_tokens=60)


def test_a_server_that_draws_passes_the_check(transformers_url: str, chat_folder: Path) -> None:
    model = SamplingModel(transformers_url, str(chat_folder), endpoint="completions")
    model.check_labels(LABELS)
    assert model.usage.calls == 4


def test_a_server_that_always_takes_the_likeliest_token_is_refused() -> None:
    """As `transformers serve` does with a model whose own settings say so, whatever the request asks for."""
    with ScriptedServer(default=says("apple river seven")) as server:
        with pytest.raises(ModelUnusable, match="temperature: 4 texts drawn at 1.5 are the same: the server ignores"):
            SamplingModel(server.url, "m", endpoint="chat").check_labels(LABELS)
        assert [body["seed"] for body in server.bodies()] == [0, 1, 2, 3]


def test_several_answers_are_drawn_in_one_call_where_the_server_can() -> None:
    def behave(request: Request) -> Reply:
        found = says(*["B.", "C"] * (request.body["n"] // 2))
        return found(request) if callable(found) else found

    with ScriptedServer(default=behave) as server:
        model = SamplingModel(server.url, "m", endpoint="chat", answers=8, smoothing=0.1)
        scores = model.score_labels(PREFIX, PRODUCTS[:2], LABELS)
        assert [body["n"] for body in server.bodies()] == [8, 8]
    assert np.exp(scores[0]) == pytest.approx([0.1 / 9.1, 4.1 / 9.1, 4.1 / 9.1, *[0.1 / 9.1] * 8])


@pytest.mark.parametrize("refuses", [True, False])
def test_a_server_that_draws_one_at_a_time_is_asked_often_with_other_seeds(refuses: bool) -> None:
    def behave(request: Request) -> Reply:
        if "n" in request.body and refuses:
            return status(422, message="Unexpected fields: n")
        found = says("D")
        return found(request) if callable(found) else found

    with ScriptedServer(default=behave) as server:
        model = SamplingModel(server.url, "m", endpoint="chat", answers=3)
        assert model.score_labels(PREFIX, PRODUCTS[:1], LABELS)[0].argmax() == 3
        singles = [body["seed"] for body in server.bodies() if "n" not in body]
    assert singles == ([0, 1, 2] if refuses else [1, 2])


def test_prose_takes_from_the_label_mass() -> None:
    with ScriptedServer(default=prose()) as server:
        model = SamplingModel(server.url, "m", endpoint="chat", answers=4, smoothing=0.1)
        scores = model.score_labels(PREFIX, PRODUCTS[:1], LABELS)
    assert np.exp(scores).sum() == pytest.approx(1.1 / 5.1)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("B", "B"), (" B\n", "B"), ("B.", "B"), ("**B**", "B"), ("(B)", "B"), ("B: likes it", "B"), ("B - ok", "B"),
        ("A fine coat", None), ("Bravo", None), ("I would say B", None), ("", None), ('"K"', "K"), ("B) because", "B"),
    ],
)  # fmt: skip
def test_a_label_is_read_where_an_answer_opens_with_it_alone(text: str, label: str | None) -> None:
    assert read_label(text, LABELS) == label


def test_shares_are_smoothed_counts() -> None:
    assert label_shares(["A", "A", "B", "?"], ["A", "B", "C"], 0.5) == pytest.approx([2.5 / 5.5, 1.5 / 5.5, 0.5 / 5.5])


def test_sampling_options_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="answers, answer_tokens: expected at least 1, received 0, 4"):
        SamplingModel("http://a/v1", "m", answers=0)
    with pytest.raises(ValueError, match="smoothing: must be positive, received 0"):
        SamplingModel("http://a/v1", "m", smoothing=0)
    assert SamplingModel("http://a/v1", "m").digest != SamplingModel("http://a/v1", "m", answers=9).digest
