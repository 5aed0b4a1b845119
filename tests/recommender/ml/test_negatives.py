import numpy as np
import pytest
import torch

from recommender.ml.losses import full_softmax_loss, sampled_softmax_loss
from recommender.ml.negatives import SharedNegatives


def test_candidates_are_the_targets_and_as_many_negatives_as_asked_for() -> None:
    negatives = SharedNegatives(np.arange(100), n_items=100, negatives=20)
    targets = np.array([7, 7, 93])
    drawn = negatives.draw(targets, np.random.default_rng(0))
    assert set(targets.tolist()) <= set(drawn.items.tolist())
    assert 20 <= len(drawn.items) <= 22
    assert (np.diff(drawn.items) > 0).all()
    assert np.array_equal(drawn.items, negatives.draw(targets, np.random.default_rng(0)).items)


def test_the_chance_to_be_a_candidate_is_what_counting_finds() -> None:
    rng = np.random.default_rng(1)
    events = rng.choice(12, size=600, p=np.arange(1, 13) / 78)
    negatives = SharedNegatives(events, n_items=12, negatives=3)
    counts, said = np.zeros(12), np.zeros(12)
    for _ in range(4000):
        drawn = negatives.draw(rng.choice(events, size=4), rng)
        counts[drawn.items] += 1
        said[drawn.items] = np.exp(drawn.log_inclusion)
    np.testing.assert_allclose(counts / 4000, said, atol=0.03)
    assert said.min() < 0.35 < 0.5 < said.max()


def test_with_every_item_drawn_the_sampled_loss_is_the_full_one() -> None:
    torch.manual_seed(0)
    items, users = torch.randn(30, 8, requires_grad=True), torch.randn(9, 8, requires_grad=True)
    target, weight = torch.randint(0, 30, (9,)), torch.rand(9)
    drawn = SharedNegatives(np.arange(30), n_items=30, negatives=99).draw(target.numpy(), np.random.default_rng(0))
    assert drawn.items.tolist() == list(range(30))
    sampled = sampled_softmax_loss(users, items, target, weight, torch.from_numpy(drawn.log_inclusion))
    full = full_softmax_loss(users, items, target, weight)
    assert sampled.item() == pytest.approx(full.item(), rel=1e-5)
    for ours, theirs in zip(
        torch.autograd.grad(sampled, (users, items)), torch.autograd.grad(full, (users, items)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_the_sampled_denominator_is_right_on_average_and_a_rows_own_target_is_no_negative() -> None:
    torch.manual_seed(3)
    items, user = torch.randn(40, 4), torch.randn(1, 4)
    events = np.random.default_rng(2).choice(40, size=500, p=np.arange(1, 41) / 820)
    negatives = SharedNegatives(events, n_items=40, negatives=10)
    scores = (user @ items.T)[0]
    rng, ratios = np.random.default_rng(4), []
    for _ in range(3000):
        others = rng.choice(events, size=5)
        drawn = negatives.draw(np.append(others, 3), rng)
        place = torch.tensor([int(np.searchsorted(drawn.items, 3))])
        loss = sampled_softmax_loss(
            user, items[drawn.items], place, torch.ones(1), torch.from_numpy(drawn.log_inclusion)
        )
        ratios.append(float((loss + scores[3]).exp()))  # the denominator that the loss saw
    assert np.mean(ratios) == pytest.approx(float(scores.exp().sum()), rel=0.03)
