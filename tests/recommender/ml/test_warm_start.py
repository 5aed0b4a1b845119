"""Beginning with the weights of an earlier model: rows follow their item, everything else is taken whole."""

from pathlib import Path

import pytest
import torch
from torch import nn

from recommender.ml.artifact import write_config, write_items
from recommender.ml.dataset import Interactions
from recommender.ml.trainers import train
from recommender.ml.warm_start import read_weights, write_weights


class Little(nn.Module):
    def __init__(self, items: int, size: int = 3) -> None:
        super().__init__()
        self.identity = nn.Embedding(items, size)
        self.projection = nn.Linear(size, size)
        self.scale = nn.Parameter(torch.rand(()))


def stored(model: nn.Module, directory: Path, items: list[str], kind: str = "two_tower") -> Path:
    write_weights(directory, model, by_item=["identity.weight"])
    write_items(directory, items)
    write_config(directory, kind=kind, n_items=len(items))
    return directory


def test_rows_follow_their_item_and_new_items_keep_their_initialisation(tmp_path: Path) -> None:
    earlier, new = Little(3), Little(4)
    before = new.identity.weight.detach().clone()
    folder = stored(earlier, tmp_path, ["a", "b", "c"])
    read_weights(folder, kind="two_tower", items=["c", "new", "a", "newer"]).apply(new)
    expected = torch.stack([earlier.identity.weight[2], before[1], earlier.identity.weight[0], before[3]])
    assert torch.equal(new.identity.weight, expected)
    assert torch.equal(new.projection.weight, earlier.projection.weight)
    assert torch.equal(new.projection.bias, earlier.projection.bias)
    assert torch.equal(new.scale, earlier.scale)


def test_weights_of_another_shape_or_name_are_refused_by_name(tmp_path: Path) -> None:
    folder = stored(Little(2), tmp_path, ["a", "b"])
    warm = read_weights(folder, kind="two_tower", items=["a", "b"])
    with pytest.raises(ValueError, match=r"'identity.weight' has shape \(3,\) in the earlier model, \(5,\) in this"):
        warm.apply(Little(2, size=5))
    with pytest.raises(ValueError, match="'0.bias' is not in both"):
        warm.apply(nn.Sequential(nn.Linear(3, 3)))
    with pytest.raises(ValueError, match="by_item: received 'gone'"):
        write_weights(tmp_path, Little(2), by_item=["gone"])


def test_weights_of_another_kind_or_of_none_are_refused(tmp_path: Path, world: Interactions) -> None:
    folder = stored(Little(2), tmp_path / "earlier", ["a", "b"], kind="graphsage")
    with pytest.raises(ValueError, match="received a graphsage, expected a two_tower"):
        read_weights(folder, kind="two_tower", items=["a"])
    write_items(tmp_path / "bare", ["a"])
    write_config(tmp_path / "bare", kind="two_tower", n_items=1)
    with pytest.raises(FileNotFoundError, match=r"weights\.safetensors"):
        read_weights(tmp_path / "bare", kind="two_tower", items=["a"])
    items = [str(item) for item in range(world.n_items)]
    with pytest.raises(ValueError, match="continue_from: received .* for 'popularity'"):
        train("popularity", world, directory=tmp_path / "new", items=items, continue_from=folder)
