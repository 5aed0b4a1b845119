"""Several processes train one model: gloo on this machine's loopback."""

import json
import os
import signal
import time
from datetime import timedelta

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import distributed as dist

from recommender.ml.checkpoint import Checkpoint
from recommender.ml.distributed import (
    ProcessLost,
    World,
    averaged_gradients,
    diverge,
    from_leader,
    joined,
    mean_of_all,
    own_share,
    receive_file,
    send_file,
    shared_steps,
    world,
)
from recommender.ml.scorers import load_scorer
from recommender.ml.trainers import train
from recommender.ml.training import fit_epochs, seed_everything
from tests.recommender.processes import free_port, run_together

pytestmark = pytest.mark.timeout(240)


def write(folder, name, value):
    (folder / f"{name}-{world().rank}.json").write_text(json.dumps(value))


def read(folder, name, size=2):
    return [json.loads((folder / f"{name}-{rank}.json").read_text()) for rank in range(size)]


def test_one_process_is_a_world_of_its_own_in_which_nothing_changes(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined() as here:
        assert here == world() == World(rank=0, size=1)
    assert list(own_share([3, 1, 2])) == [3, 1, 2]
    assert (shared_steps(3), mean_of_all(0.25), from_leader(b"x")) == (3, 0.25, b"x")
    generator = torch.Generator().manual_seed(5)
    diverge(generator)
    assert torch.equal(torch.rand(3, generator=generator), torch.rand(3, generator=torch.Generator().manual_seed(5)))
    assert not dist.is_initialized()


@pytest.mark.parametrize(
    ("batches", "size", "shares"),
    [
        (5, 2, [[0, 2, 4], [1, 3, 0]]),
        (4, 2, [[0, 2], [1, 3]]),
        (2, 5, [[0], [1], [0], [1], [0]]),
        (0, 2, [[], []]),
    ],
)
def test_all_processes_get_equally_many_batches_and_none_is_left_out(monkeypatch, batches, size, shares):
    found = []
    for rank in range(size):
        monkeypatch.setattr("recommender.ml.distributed.world", lambda rank=rank: World(rank, size))
        found.append(list(own_share(range(batches))))
        assert shared_steps(batches) == len(found[-1])
    assert found == shares


def _step(folder):
    """One SGD step of y = a·x + b·x² + c, where only process 0 has a gradient of b, and none of c."""
    rank = world().rank
    a, b, c = (torch.nn.Parameter(torch.tensor([value])) for value in (1.0, 2.0, 3.0))
    optimizer = torch.optim.SGD([a, b, c], lr=0.1)
    with averaged_gradients(optimizer):
        x = 1.0 + rank
        (a * x + b * x**2 if rank == 0 else a * x).sum().backward()
        optimizer.step()
    write(folder, "step", [a.item(), b.item(), c.item(), c.grad is None, mean_of_all(float(rank))])
    optimizer.zero_grad()
    (a * (rank + 1)).sum().backward()
    optimizer.step()  # outside: each alone
    write(folder, "alone", round(a.item(), 6))


def test_a_step_takes_the_mean_gradient_of_all_processes(tmp_path):
    assert run_together(_step, tmp_path) == [0, 0]
    assert read(tmp_path, "step")[0] == read(tmp_path, "step")[1]
    a, b, c, untouched, mean = read(tmp_path, "step")[0]
    assert (a, b) == (pytest.approx(1 - 0.1 * 1.5), pytest.approx(2 - 0.1 * 0.5))
    assert (c, untouched, mean) == (3.0, True, 0.5)
    assert read(tmp_path, "alone") == [pytest.approx(0.75), pytest.approx(0.65)]


def _exchange(folder):
    here = world()
    write(folder, "bytes", [from_leader(text if here.rank == 0 else None).decode() for text in (b"abc", b"", b"d")])
    generator = torch.Generator().manual_seed(3)
    diverge(generator)
    write(folder, "drawn", torch.rand(2, generator=generator).tolist())
    seed_everything(7, 0)
    write(folder, "initial", torch.rand(1).item())
    order = seed_everything(7, 1).permutation(10).tolist()
    write(folder, "epoch", [order, torch.rand(1).item()])
    if here.rank == 0:
        send_file(folder / "sent")
    else:
        receive_file(folder / f"received-{here.rank}")


def test_what_the_leader_has_reaches_all_and_each_draws_numbers_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr("recommender.ml.distributed._BLOCK", 1000)
    (tmp_path / "sent").write_bytes(bytes(range(256)) * 10)
    assert run_together(_exchange, tmp_path) == [0, 0]
    assert read(tmp_path, "bytes") == [["abc", "", "d"]] * 2
    assert (tmp_path / "received-1").read_bytes() == bytes(range(256)) * 10
    drawn, initial, epoch = (read(tmp_path, name) for name in ("drawn", "initial", "epoch"))
    assert drawn[0] == torch.rand(2, generator=torch.Generator().manual_seed(3)).tolist()
    assert drawn[1] != drawn[0]
    assert initial[0] == initial[1]
    assert epoch[0][0] == epoch[1][0]
    assert epoch[0][1] != epoch[1][1]


SMALL = {
    "two_tower": {"embedding_size": 8, "epochs": 2, "batch_size": 200, "seed": 4},
    "graphsage": {"embedding_size": 8, "epochs": 2, "batch_size": 256, "fan_out": [3, 2], "seed": 4},
}


def _train(folder, kind, interactions, monkeypatch):
    """Trains, and keeps the weights that each process ended with."""
    rank, losses, trained = world().rank, [], []
    module = f"recommender.ml.{kind}.fit_epochs"

    def keeping(*, model, **options):
        fit_epochs(model=model, **options)
        trained.append({name: tensor.detach().clone().contiguous() for name, tensor in model.state_dict().items()})

    monkeypatch.setattr(module, keeping)
    directory = folder / f"artifact-{rank}"
    checkpoint = Checkpoint(folder / "checkpoint") if rank == 0 else None
    train(
        kind,
        interactions,
        SMALL[kind],
        directory=directory,
        progress=lambda report: losses.append(report.loss),
        checkpoint=checkpoint,
    )
    save_file(trained[0], folder / f"weights-{rank}.safetensors")
    write(folder, "losses", losses)


@pytest.mark.parametrize("kind", ["two_tower", "graphsage"])
def test_both_processes_end_with_the_same_weights_and_the_leader_writes_the_model(tmp_path, split, monkeypatch, kind):
    assert run_together(_train, tmp_path, kind, split.train, monkeypatch) == [0, 0]
    weights = [load_file(tmp_path / f"weights-{rank}.safetensors") for rank in range(2)]
    assert weights[0].keys() == weights[1].keys()
    for name in weights[0]:
        assert torch.equal(weights[0][name], weights[1][name]), name
    losses = read(tmp_path, "losses")
    assert len(losses[0]) == 2
    assert losses[0][1] < losses[0][0]
    assert losses[1] == []
    assert not (tmp_path / "artifact-1").exists()
    assert load_scorer(tmp_path / "artifact-0").score([np.array([3])]).shape == (1, split.train.n_items)
    assert Checkpoint(tmp_path / "checkpoint").load()[0] == 2


def _resume(folder):
    """Process 0 has finished an epoch before; the other begins anew, with weights of its own."""
    model = torch.nn.Linear(3, 1)
    torch.nn.init.constant_(model.weight, world().rank + 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    trained = []

    def train_epoch(epoch, rng):
        optimizer.zero_grad()
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()
        trained.append(epoch)
        return 1.0

    options = {
        "model": model,
        "optimizer": optimizer,
        "seed": 0,
        "train_epoch": train_epoch,
        "progress": lambda report: None,
        "fingerprint": {},
        "checkpoint": Checkpoint(folder / f"checkpoint-{world().rank}"),
    }
    fit_epochs(epochs=3, **options)
    moments = [state["exp_avg"].tolist() for _, state in sorted(optimizer.state_dict()["state"].items())]
    write(folder, "resumed", [trained, model.weight.tolist(), model.bias.tolist(), moments])


def test_a_resumed_training_goes_on_from_the_leaders_checkpoint_in_all_processes(tmp_path):
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    fit_epochs(
        model=model,
        optimizer=optimizer,
        epochs=1,
        seed=0,
        train_epoch=lambda epoch, rng: optimizer.step() or 1.0,
        progress=lambda report: None,
        checkpoint=Checkpoint(tmp_path / "checkpoint-0"),
        fingerprint={},
    )
    weight = model.weight.detach().clone()
    assert run_together(_resume, tmp_path) == [0, 0]
    leader, other = read(tmp_path, "resumed")
    assert leader == other
    assert leader[0] == [2, 3]
    torch.testing.assert_close(torch.tensor(leader[1]), weight - 0.2, atol=1e-4, rtol=0)
    assert not (tmp_path / "checkpoint-1").exists()


def _lose_the_other(folder, how):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    with averaged_gradients(optimizer):
        for step in range(3):
            if step == 2 and world().rank == 1:
                if how == "killed":
                    os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(3)
                os._exit(9)
            parameter.grad = torch.ones(1)
            started = time.monotonic()
            try:
                optimizer.step()
            except ProcessLost as error:
                write(folder, "lost", [step, time.monotonic() - started, str(error)])
                os._exit(3)


@pytest.mark.parametrize(("how", "seconds"), [("killed", 1.5), ("silent", 2.5)])
def test_a_process_that_dies_or_falls_silent_ends_the_others_with_a_clear_error(tmp_path, how, seconds):
    codes = run_together(_lose_the_other, tmp_path, how, timeout=1.0)
    assert codes == [3, -signal.SIGKILL if how == "killed" else 9]
    (step, waited, message), *_ = read(tmp_path, "lost", size=1)
    assert step == 2
    assert waited < seconds
    assert message.startswith("process 0 of 2: another process of this training is gone or does not answer")


def test_a_process_that_nobody_joins_gives_up(monkeypatch):
    place = {"RANK": 1, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    for name, value in place.items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(ProcessLost, match="process 1 of 2"), joined(timeout=timedelta(seconds=1)):
        pass
    assert not dist.is_initialized()
