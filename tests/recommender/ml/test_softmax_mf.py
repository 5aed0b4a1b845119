"""Softmax matrix factorisation: its inference, its whitening, and a world that only statements explain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from scipy.special import logsumexp

import recommender.ml.softmax_mf as softmax_mf
from recommender.ml.dataset import History, Interactions
from recommender.ml.softmax_mf import SoftmaxMFConfig, project, whitening
from recommender.ml.softmax_mf_scorer import SoftmaxMFScorer, infer, pairs
from recommender.ml.trainers import train
from recommender.ml.visit_interest import LATER, UNKNOWN, VISIT

STYLES, ITEMS_OF_STYLE, SHOPPERS = 8, 5, 160
STYLE = np.repeat(np.arange(STYLES), ITEMS_OF_STYLE)
SMALL = {"factors": 2, "epochs": 60, "seed": 2}


def directions() -> np.ndarray:
    """(STYLES, 12) float32: what a style reads like, in statements and in content."""
    return np.random.default_rng(7).normal(size=(STYLES, 12)).astype(np.float32)


def stated_world(*, synthetic: bool = False) -> Interactions:
    """Every shopper states a style and takes four of its five items; styles and items are equally popular."""
    rng = np.random.default_rng(5)
    style = np.arange(SHOPPERS) % STYLES
    items = [rng.permutation(np.flatnonzero(own == STYLE))[:4] for own in style]
    return Interactions.from_events(
        n_users=SHOPPERS,
        n_items=len(STYLE),
        user=np.repeat(np.arange(SHOPPERS), 4),
        item=np.concatenate(items),
        time=np.arange(SHOPPERS * 4),
        weight=np.full(SHOPPERS * 4, 0.2 if synthetic else 1.0),
        synthetic=np.full(SHOPPERS * 4, synthetic),
        content=2.0 + directions()[STYLE] + 0.3 * rng.normal(size=(len(STYLE), 12)),
        user_features=directions()[style] + 0.2 * rng.normal(size=(SHOPPERS, 12)),
        groups={"style": STYLE},
    )


def trained(world: Interactions, directory: Path, **parameters: object) -> SoftmaxMFScorer:
    train("softmax_mf", world, {**SMALL, **parameters}, directory=directory)
    return SoftmaxMFScorer.load(directory)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> SoftmaxMFScorer:
    return trained(stated_world(), tmp_path_factory.mktemp("softmax_mf"))


def random_case(seed: int, *, length: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """(60, 6) vectors of the given size an entry, (6,) precision, (3, 60) offsets, histories of 0, 1 and 9 items."""
    rng = np.random.default_rng(seed)
    vectors = (length * rng.normal(size=(60, 6))).astype(np.float32)
    precision = rng.uniform(0.5, 3.0, 6).astype(np.float32)
    offsets = rng.normal(size=(3, 60)).astype(np.float32)
    return vectors, precision, offsets, [np.array([], np.int64), np.array([4]), rng.permutation(60)[:9]]


def objective(
    taste: np.ndarray, vectors: np.ndarray, precision: np.ndarray, offsets: np.ndarray, items: np.ndarray
) -> float:
    """What `infer` makes smallest, written out for one shopper."""
    logits = offsets.astype(np.float64) + vectors.astype(np.float64) @ taste
    return len(items) * logsumexp(logits) - logits[items].sum() + 0.5 * (precision * taste**2).sum()


# Long vectors too: with seed 2, Newton steps that are never shortened go to and fro without end.
@pytest.mark.parametrize("length", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("seed", range(4))
def test_inference_finds_the_maximum(length: float, seed: int) -> None:
    vectors, precision, offsets, histories = random_case(seed, length=length)
    mean, _ = infer(vectors, pairs(vectors), precision, offsets, histories)
    for row, items in enumerate(histories):
        case = (vectors, precision, offsets[row], items)
        slope = approx_fprime(mean[row].astype(np.float64), objective, 1e-6, *case)
        np.testing.assert_allclose(slope, 0, atol=2e-3)
        best = minimize(objective, np.zeros(6), args=case, method="BFGS", options={"gtol": 1e-6})
        np.testing.assert_allclose(mean[row], best.x, atol=1e-4)
    assert not mean[0].any()
    assert np.abs(mean[1:]).max() > 0.1


def test_the_covariance_is_the_inverse_of_the_curvature() -> None:
    vectors, precision, offsets, histories = random_case(9, length=1.0)
    mean, covariance = infer(vectors, pairs(vectors), precision, offsets, histories)
    step = 1e-3 * np.eye(6)
    for row, items in enumerate(histories):
        case = (vectors, precision, offsets[row], items)
        curvature = [
            [
                sum(
                    one * other * objective(mean[row] + one * step[i] + other * step[j], *case)
                    for one in (-1, 1)
                    for other in (-1, 1)
                )
                / (4 * 1e-6)
                for j in range(6)
            ]
            for i in range(6)
        ]
        np.testing.assert_allclose(covariance[row].reshape(6, 6), np.linalg.inv(curvature), rtol=1e-3, atol=1e-5)


def test_a_score_adds_half_the_variance_of_what_taste_may_be(scorer: SoftmaxMFScorer) -> None:
    vectors = np.concatenate([scorer.taste, scorer.unstated], axis=1)
    items = np.array([1, 7])
    (mean,), (covariance,) = infer(vectors, pairs(vectors), scorer.precision, scorer.bias[None], [items])
    square = covariance.reshape(len(mean), len(mean))
    expected = [
        bias + mean @ vector + 0.5 * vector @ square @ vector for bias, vector in zip(scorer.bias, vectors, strict=True)
    ]
    without_interest = replace(scorer, interest={})
    np.testing.assert_allclose(without_interest.score_one(items), expected, rtol=1e-4, atol=1e-4)


def test_what_a_visitor_without_history_states_decides(scorer: SoftmaxMFScorer) -> None:
    nothing = np.array([], np.int64)
    scores = scorer.score([History(nothing, features=stated) for stated in directions()])
    first = np.argsort(-scores, axis=1)[:, :ITEMS_OF_STYLE]
    np.testing.assert_array_equal(STYLE[first], np.repeat(np.arange(STYLES)[:, None], ITEMS_OF_STYLE, axis=1))


def share_of_own_style(scorer: SoftmaxMFScorer) -> float:
    """Of visitors who stated nothing and took one item, the share of the three best unseen that are of its style."""
    taken = np.flatnonzero(np.arange(len(STYLE)) % ITEMS_OF_STYLE == 0)
    scores = scorer.score([np.array([item]) for item in taken])
    scores[np.arange(STYLES), taken] = -np.inf
    return float((STYLE[np.argsort(-scores, axis=1)[:, :3]] == STYLE[taken][:, None]).mean())


def test_what_a_visitor_did_not_state_is_inferred_from_the_history(scorer: SoftmaxMFScorer) -> None:
    by_taste = replace(scorer, interest={})
    factors = by_taste.taste.shape[1]
    without = replace(by_taste, unstated=by_taste.unstated[:, :0], precision=by_taste.precision[:factors])
    assert by_taste.unstated.shape == (len(STYLE), SoftmaxMFConfig().unstated_components)
    assert share_of_own_style(by_taste) == 1.0
    assert share_of_own_style(without) <= 0.3


def test_a_statement_of_another_size_is_refused(scorer: SoftmaxMFScorer) -> None:
    right, wrong = (History(np.array([1]), features=np.ones(size, np.float32)) for size in (12, 3))
    with pytest.raises(ValueError, match=r"features: received shape \(3,\) in row 1, the model expects \(12,\)"):
        scorer.score([right, wrong])


def test_new_items_are_placed_beside_what_they_resemble(scorer: SoftmaxMFScorer) -> None:
    longer = scorer.extended(np.concatenate([2.0 + directions(), np.zeros((1, 12), np.float32)]))
    histories = [np.flatnonzero(style == STYLE)[:2] for style in range(STYLES)]
    scores = longer.score(histories)
    assert (longer.n_items, scores.shape) == (len(STYLE) + STYLES + 1, (STYLES, len(STYLE) + STYLES + 1))
    assert np.isfinite(scores).all()
    assert (scores[:, len(STYLE) :].argmax(axis=1) == np.arange(STYLES)).all()
    stated = longer.score([History(np.array([], np.int64), features=stated) for stated in directions()])
    assert (stated[:, len(STYLE) :].argmax(axis=1) == np.arange(STYLES)).all()
    apart = np.linalg.norm(longer.stated[len(STYLE) : -1, None] - scorer.stated, axis=2)
    assert (STYLE[apart.argmin(axis=1)] == np.arange(STYLES)).all()
    with pytest.raises(ValueError, match=r"content: expected \(N, 12\), received \(2, 5\)"):
        scorer.extended(np.ones((2, 5), np.float32))


def test_new_items_are_of_no_group_and_as_popular_as_items_are(scorer: SoftmaxMFScorer) -> None:
    once = scorer.extended(np.zeros((1, 12), np.float32))
    longer = once.extended(np.zeros((1, 12), np.float32))
    assert longer.groups["style"][-3:].tolist() == [STYLES - 1, -1, -1]
    np.testing.assert_allclose(longer.bias[-2:], logsumexp(scorer.bias) - np.log(len(STYLE)), atol=1e-5)
    assert not longer.taste[-2:].any()
    assert np.isfinite(longer.score_one(np.array([len(STYLE) + 1]))).all()


def test_what_is_not_known_of_new_items_counts_for_them_alone(scorer: SoftmaxMFScorer) -> None:
    longer = replace(scorer, interest={}).extended(2.0 + directions()[:2])
    assert longer.own_variance == 1 / SoftmaxMFConfig().item_precision
    items = np.array([1, 7])
    vectors = np.concatenate([longer.taste, longer.unstated], axis=1)
    (mean,), (covariance,) = infer(vectors, pairs(vectors), longer.precision, longer.bias[None], [items])
    length = sum(mean[i] ** 2 + covariance.reshape(len(mean), -1)[i, i] for i in range(longer.taste.shape[1]))
    raised = longer.score_one(items) - replace(longer, own_variance=0.0).score_one(items)
    np.testing.assert_allclose(raised[-2:], 0.5 * longer.own_variance * length, rtol=1e-4)
    assert not raised[:-2].any()


def test_repeats_in_a_history_change_nothing(scorer: SoftmaxMFScorer) -> None:
    once, often = scorer.score([np.array([3, 21]), np.array([3, 21, 3, 3, 21])])
    np.testing.assert_array_equal(once, often)
    assert not np.array_equal(once, scorer.score_one(np.array([3])))


def test_interest_is_that_of_the_moment(scorer: SoftmaxMFScorer) -> None:
    planted = replace(scorer, interest={"style": np.array([3.0, -2.0, 0.5], np.float32)})
    plain = replace(scorer, interest={})
    times = np.array([100.0, 200.0])
    visit, later, unknown = (
        History(np.array([12, 31]), np.ones(2, np.uint8), times, now=now) for now in (260.0, 9e5, None)
    )
    histories = [visit, later, unknown]
    raised = planted.score(histories) - plain.score(histories)
    np.testing.assert_allclose(raised, np.outer([3.0, -2.0, 0.5], STYLE[31] == STYLE), atol=1e-5)


def test_training_learns_the_interest_of_a_visit(tmp_path: Path) -> None:
    """Two visits each, of three items of one style that is drawn anew: no taste lasts, but interest does."""
    rng = np.random.default_rng(1)
    items = [rng.permutation(np.flatnonzero(style == STYLE))[:3] for style in rng.integers(STYLES, size=2 * SHOPPERS)]
    minutes = np.tile([0, 1, 2, 5000, 5001, 5002], SHOPPERS)
    world = Interactions.from_events(
        n_users=SHOPPERS,
        n_items=len(STYLE),
        user=np.repeat(np.arange(SHOPPERS), 6),
        item=np.concatenate(items),
        time=60.0 * minutes,
        kind=np.ones(6 * SHOPPERS),
        groups={"style": STYLE, "none": np.full(len(STYLE), -1)},
    )
    scorer = trained(world, tmp_path, epochs=5)
    assert scorer.interest["style"][VISIT] > 2
    assert abs(scorer.interest["style"][LATER]) < 1
    assert scorer.interest["none"].tolist() == [0, 0, 0]


def test_what_statements_explain_is_hardly_taken_for_interest(scorer: SoftmaxMFScorer) -> None:
    # All keep to the style that they stated; had chance alone been expected, an eighth, it would be near 4.
    assert scorer.interest["style"][UNKNOWN] < 2.5


def test_personas_alone_make_a_model(tmp_path: Path) -> None:
    scorer = trained(stated_world(synthetic=True), tmp_path)
    assert (dict(scorer.groups), dict(scorer.interest)) == ({}, {})
    scores = scorer.score([History(np.array([], np.int64), features=stated) for stated in directions()])
    assert (STYLE[scores.argmax(axis=1)] == np.arange(STYLES)).all()


def test_without_statements_or_content_taste_is_left(tmp_path: Path) -> None:
    bare = replace(
        stated_world(),
        content=np.zeros((len(STYLE), 0), np.float32),
        user_features=np.zeros((SHOPPERS, 0), np.float32),
    )
    scorer = trained(bare, tmp_path, factors=8)
    assert (scorer.stated.shape, scorer.unstated.shape) == ((len(STYLE), 0), (len(STYLE), 0))
    assert share_of_own_style(replace(scorer, interest={})) >= 0.9
    assert np.isfinite(scorer.extended(np.zeros((1, 0), np.float32)).score_one(np.array([len(STYLE)]))).all()


def test_whitened_components_have_one_variance() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(200, 6)) * [9, 5, 2, 1, 0.3, 0.1] @ rng.normal(size=(6, 6)) + 4).astype(np.float32)
    rows[17] = 0
    for components in (4, 64):
        whitened = project(rows, *whitening(rows, components))
        known, kept = np.delete(whitened, 17, axis=0), min(components, 6)
        np.testing.assert_allclose(known.T @ known / 199, np.eye(kept) / kept, atol=1e-3)
        np.testing.assert_allclose(known.mean(axis=0), 0, atol=1e-3)
        assert (whitened.dtype, whitened[17].any()) == (np.float32, False)


def test_whitening_keeps_no_more_than_there_is() -> None:
    rng = np.random.default_rng(0)
    flat = (rng.normal(size=(50, 2)) @ rng.normal(size=(2, 7))).astype(np.float32)
    assert whitening(flat, 5)[1].shape == (7, 2)
    for rows in (flat[:1], np.zeros((9, 7), np.float32), flat[:0], np.repeat(flat[:1], 9, axis=0)):
        centre, basis = whitening(rows, 5)
        assert (centre.shape, basis.shape) == ((7,), (7, 0))
        assert project(rows, centre, basis).shape == (len(rows), 0)
    centre, basis = whitening(np.zeros((9, 0), np.float32), 5)
    assert (centre.shape, basis.shape) == ((0,), (0, 0))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("factors", 33),
        ("factors", 0),
        ("epochs", 0),
        ("batch_size", 0),
        ("content_components", -1),
        ("stated_components", -1),
        ("unstated_components", 33),
        ("unstated_components", -1),
        ("taste_precision", 0),
        ("bias_precision", -1.0),
        ("learning_rate", float("nan")),
    ],
)
def test_impossible_settings_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{field}: received {value}"):
        SoftmaxMFConfig(**{field: value})


def test_too_many_items_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(softmax_mf, "MAX_ITEMS", 39)
    with pytest.raises(ValueError, match="n_items: received 40, softmax MF takes at most 39"):
        train("softmax_mf", stated_world(), SMALL, directory=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_world_without_weight_is_refused(tmp_path: Path) -> None:
    world = stated_world()
    weightless = replace(world, weight=np.zeros_like(world.weight))
    with pytest.raises(ValueError, match="interactions: received 640 events, none with positive weight"):
        train("softmax_mf", weightless, SMALL, directory=tmp_path)
