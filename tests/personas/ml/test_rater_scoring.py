"""Packing changes how a rater is computed, not what it answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from personas.ml.rater_evaluation import agreement, pack_log_probabilities, rank_correlation
from personas.ml.rater_losses import dpo_loss, next_token_loss, sequence_log_probability, soft_label_loss
from personas.ml.rater_model import build_rater
from personas.ml.rater_scoring import label_log_probabilities, next_log_probabilities, packed, padded, read_packed
from personas.ml.rater_tokenizer import label_ids
from tests.personas.ml.tiny_rater import SHAPE, pack, tiny_tokenizer

TOKENIZER = tiny_tokenizer()


@pytest.fixture(scope="module")
def model():
    return build_rater(TOKENIZER, SHAPE, seed=1).eval()


def test_packed_answers_equal_one_pass_per_prompt_to_1e_4(model) -> None:
    packs = [pack(seed=1), pack(seed=2, order="descending", products=3, bio="Ann is of another length.")]
    ids = [[TOKENIZER.encode(suffix).ids for suffix in rated.suffixes] for rated in packs]
    texts = packed([TOKENIZER.encode(rated.prefix).ids for rated in packs], ids, pad_id=0)
    with torch.no_grad():
        together = next_log_probabilities(model, read_packed(model, texts)[-1], texts)
        alone = torch.cat(
            [
                torch.log_softmax(model(torch.tensor([TOKENIZER.encode(rated.prefix + suffix).ids])).logits[:, -1], 1)
                for rated in packs
                for suffix in rated.suffixes
            ]
        )
    assert together.shape == (9, TOKENIZER.get_vocab_size())
    assert float((together - alone).abs().max()) < 1e-4


def test_packed_loss_equals_the_loss_of_single_prompts_to_1e_4(model) -> None:
    rated = pack(seed=3)
    tokens = torch.tensor(label_ids(TOKENIZER))
    found = torch.from_numpy(pack_log_probabilities(model, TOKENIZER, rated))
    packed_loss = -(found * torch.from_numpy(rated.probabilities)).sum(1).mean()
    with torch.no_grad():
        rows = [TOKENIZER.encode(rated.prefix + suffix).ids for suffix in rated.suffixes]
        logits = torch.cat([model(torch.tensor([row])).logits[:, -1] for row in rows])
    loss = soft_label_loss(
        torch.log_softmax(logits, 1), tokens.expand(len(rows), -1), torch.from_numpy(rated.probabilities)
    )
    assert float(packed_loss) == pytest.approx(float(loss), abs=1e-4)


def test_a_suffix_is_answered_alike_whatever_stands_beside_it(model) -> None:
    rated, tokens = pack(seed=4), label_ids(TOKENIZER)
    together = label_log_probabilities(model, TOKENIZER, rated.prefix, rated.suffixes, tokens)
    apart = label_log_probabilities(model, TOKENIZER, rated.prefix, rated.suffixes, tokens, batch_size=1)
    np.testing.assert_allclose(together, apart, atol=1e-4)


def test_empty_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one token"):
        packed([[1]], [[[]]], pad_id=0)
    with pytest.raises(ValueError, match="at least one token"):
        padded([[1], []], pad_id=0)


def test_soft_label_loss_is_least_at_the_teachers_shares_and_counts_mass_beside_the_labels() -> None:
    wanted = torch.tensor([[0.25, 0.75]])
    tokens = torch.tensor([[2, 0]])
    best = soft_label_loss(torch.log(torch.tensor([[0.75, 1e-9, 0.25]])), tokens, wanted)
    assert float(best) == pytest.approx(-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)), abs=1e-5)
    assert float(soft_label_loss(torch.log(torch.tensor([[0.375, 0.5, 0.125]])), tokens, wanted)) > float(best)


def test_next_token_loss_counts_the_weighted_tokens_alone() -> None:
    logits = torch.zeros(1, 3, 4)
    logits[0, 0, 1] = 100.0  # predicts the second token, which is 1
    ids = torch.tensor([[0, 1, 2]])
    assert float(next_token_loss(logits, ids, torch.tensor([[1, 1, 0]]))) == pytest.approx(0.0, abs=1e-6)
    assert float(next_token_loss(logits, ids, torch.tensor([[0, 0, 1]]))) == pytest.approx(np.log(4), abs=1e-6)
    answer = sequence_log_probability(logits, ids, torch.tensor([[0, 1, 1]]))
    assert float(answer) == pytest.approx(-np.log(4), abs=1e-6)


def test_dpo_loss_is_log_two_at_the_reference_and_falls_as_the_preferred_answer_rises() -> None:
    zero = torch.zeros(2)
    assert float(dpo_loss(zero, zero, zero, zero, beta=0.1)) == pytest.approx(np.log(2))
    better = dpo_loss(zero + 2.0, zero - 1.0, zero, zero, beta=0.5)
    assert float(better) == pytest.approx(np.log(1 + np.exp(-0.5 * 3.0)), abs=1e-6)


def test_a_teacher_agrees_with_itself() -> None:
    rated = pack(seed=5)
    figures = agreement([rated], [np.log(rated.probabilities).astype(np.float64)])
    assert figures["spearman"] == pytest.approx(1.0)
    assert figures["loss"] == pytest.approx(figures["loss_floor"])
    assert (figures["negative_recall"], figures["negative_precision"], figures["labels_used"]) == (1.0, 1.0, 2.0)
    assert figures["label_mass"] == pytest.approx(1.0, abs=1e-6)


def test_rank_correlation_takes_ties_at_their_mean_rank() -> None:
    from scipy.stats import spearmanr

    left, right = np.array([1.0, 1.0, 2.0, 5.0, 3.0]), np.array([2.0, 1.0, 1.0, 4.0, 4.0])
    assert rank_correlation(left, right) == pytest.approx(float(spearmanr(left, right)[0]))
    assert np.isnan(rank_correlation(left, np.ones(5)))
