"""Probing: what a model must show before it may rate, and why it may not."""

import json
import math
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from fashionrec.benchmarks.llm_scoring import shop_prompts
from fashionrec.simulation.rater import SimulatedRater
from personas.ml.language_model import LABELS, LabelsRefused, ModelUnavailable, ModelUnusable, Usage
from personas.ml.language_models.openai_compatible import OpenAICompatibleModel
from personas.ml.probe import Probe, probe_language_model
from tests.scripted_server import ScriptedServer, log_probabilities, says, status

PREFIX, PRODUCTS = shop_prompts(3)


class Model:
    """Answers what it is told to, call by call."""

    name, demonstration, digest = "told", False, "0" * 64

    def __init__(self, *answers: Any, scoring: str = "exact", refuses: Exception | None = None) -> None:
        self.answers, self.scoring, self.refuses, self.usage = list(answers), scoring, refuses, Usage()

    def check_labels(self, labels: Any) -> None:
        if self.refuses:
            raise self.refuses

    def score_labels(self, prefix: str, suffixes: Any, labels: Any) -> Any:
        self.usage.calls += len(suffixes)
        self.usage.prompt_tokens += 30
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return np.full((len(suffixes), len(labels)), answer, dtype=np.float32)


def probe(model: Any) -> Probe:
    return probe_language_model(model, prefix=PREFIX, suffixes=PRODUCTS, labels=LABELS)


def test_a_model_that_answers_well_is_usable_with_its_figures() -> None:
    found = probe(Model(math.log(0.08), math.log(0.08) + 1e-5))
    assert found.usable
    assert found.reason == ""
    assert (found.scoring, found.labels_distinct, found.repeatable, found.tolerance) == ("exact", True, True, 1e-3)
    assert found.label_mass_mean == pytest.approx(0.88)
    assert found.label_mass_min == pytest.approx(0.88)
    assert found.largest_change == pytest.approx(1e-5, rel=0.1)
    assert (found.missing_share, found.tokens_per_prompt, found.prompts) == (0.0, 10.0, 3)
    assert found.latency_ms is not None
    assert found.latency_ms > 0


def test_a_probe_is_frozen_and_fits_a_json_field() -> None:
    found = probe(Model(-2.5, -2.5))
    assert json.loads(json.dumps(found.as_dict()))["usable"] is True
    with pytest.raises(FrozenInstanceError):
        found.usable = False  # type: ignore[misc]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Model(math.log(0.02), math.log(0.02)), "label mass: the labels hold 0.220 of the probability; 0.5 is needed"),
        (Model(math.log(0.2), math.log(0.2)), "label mass: the labels add up to 2.200, which no probabilities do"),
        (Model(-2.5, -2.49), "repeatable: asking twice moved a log-probability by 0.01; 0.001 is allowed"),
        (Model(-2.5, -2.4, scoring="bounded"), "repeatable: asking twice moved .* by 0.1; 0.05 is allowed"),
        (Model(-2.5, -2.49, scoring="simulated"), "repeatable: asking twice moved .*; 0 is allowed"),
        (Model(float("nan")), r"scores: expected \(3, 11\) finite ones, received \(3, 11\), 0% of it finite"),
        (Model(-2.5, float("nan")), r"scores: expected \(3, 11\) finite ones, received \(3, 11\), 0% of it finite"),
        (Model(ModelUnavailable("answered 503")), "answered 503"),
        (Model(ModelUnusable("logprobs: ignored")), "logprobs: ignored"),
        (Model(refuses=ModelUnusable("model: gone")), "model: gone"),
    ],
)
def test_what_disqualifies_a_model_is_its_reason(model: Model, reason: str) -> None:
    model.answers *= 2 if len(model.answers) == 1 else 1
    found = probe(model)
    assert not found.usable
    import re

    assert re.search(reason, found.reason)


def test_refused_labels_are_told_from_other_refusals() -> None:
    assert probe(Model(refuses=LabelsRefused("labels: '10' is 3 tokens"))).labels_distinct is False
    assert probe(Model(refuses=ModelUnusable("model: gone"))).labels_distinct is None


def test_drawn_answers_need_not_repeat() -> None:
    found = probe(Model(-2.5, -3.5, scoring="sampling"))
    assert (found.usable, found.repeatable) == (True, None)
    assert found.largest_change == pytest.approx(1.0)


def test_the_simulator_is_usable_without_any_tolerance() -> None:
    found = probe(SimulatedRater(seed=3))
    assert (found.usable, found.scoring, found.largest_change) == (True, "simulated", 0.0)


def test_a_server_is_probed_over_http() -> None:
    present = {label: math.log(0.096) for label in LABELS[:10]}
    words = {f"w{index}": math.log(0.002) for index in range(10)}
    with ScriptedServer(default=log_probabilities({**present, **words})) as server:
        found = probe(OpenAICompatibleModel(server.url, "scripted", endpoint="chat"))
    assert (found.usable, found.scoring, found.repeatable) == (True, "bounded", True)
    assert found.missing_share == pytest.approx(1 / 11)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [(says("A"), "logprobs: the server answered without"), (status(503, message="busy"), "answered 503: busy")],
)
def test_a_misbehaving_server_is_a_refusal_and_no_exception(behaviour: Any, reason: str) -> None:
    with ScriptedServer(default=behaviour) as server:
        found = probe(OpenAICompatibleModel(server.url, "scripted", endpoint="chat", retries=1, backoff=0.01))
    assert not found.usable
    assert reason in found.reason


def test_no_prompts_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="suffixes: at least one prompt is needed"):
        probe_language_model(SimulatedRater(), prefix=PREFIX, suffixes=[], labels=LABELS)
