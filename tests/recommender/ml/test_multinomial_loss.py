import pytest
import torch

from recommender.ml.multinomial_loss import ROWS_AT_ONCE, multinomial_loss


@pytest.mark.parametrize("rows", [3, ROWS_AT_ONCE + 6])
def test_loss_and_gradients_equal_those_of_all_logits_at_once(rows: int) -> None:
    generator = torch.Generator().manual_seed(1)
    users = torch.randn(rows, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    items = torch.randn(11, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    kind = torch.randint(0, 4, (rows, 11), generator=generator)  # 0: target, 1: excluded
    kind[:, 0], kind[1] = 2, 2  # every row has a candidate, one row no target
    weight = torch.rand(rows, 11, generator=generator, dtype=torch.float64)
    row, item = torch.nonzero(kind == 0, as_tuple=True)
    loss = multinomial_loss(users, items, (row, item, weight[row, item]), torch.nonzero(kind == 1, as_tuple=True))
    found = torch.autograd.grad(3 * loss, (users, items))

    logits = (users @ items.T).masked_fill(kind == 1, -torch.inf)
    chance = torch.log_softmax(logits, dim=1)
    expected = -(weight * chance)[kind == 0].sum() / weight[kind == 0].sum()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(found, torch.autograd.grad(3 * expected, (users, items)))
