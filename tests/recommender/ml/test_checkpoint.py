import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from recommender.ml.checkpoint import Checkpoint

ENDLESS_SAVER = """
import sys, torch
from pathlib import Path
from recommender.ml.checkpoint import Checkpoint
checkpoint = Checkpoint(Path(sys.argv[1]))
epoch = 0
while True:
    epoch += 1
    checkpoint.save(epoch, {"weights": torch.full((500_000,), float(epoch))}, {"epoch": epoch})
"""


def test_nothing_saved_is_none(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path / "new").load() is None


def test_what_was_saved_last_comes_back(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "run")
    checkpoint.save(1, {"a": torch.zeros(2)}, {"lr": 0.1})
    shared = torch.arange(6.0)
    checkpoint.save(2, {"a": shared[:3], "b": shared.view(3, 2).T, "step": torch.tensor(7)}, {"lr": 0.2, "é": [1]})
    loaded = Checkpoint(tmp_path / "run").load()
    assert loaded is not None
    epoch, tensors, meta = loaded
    assert (epoch, meta) == (2, {"lr": 0.2, "é": [1]})
    assert tensors["a"].tolist() == [0, 1, 2]
    assert tensors["b"].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert tensors["step"].item() == 7
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["checkpoint.safetensors"]


def test_clear_forgets(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(1, {"a": torch.zeros(2)}, {})
    checkpoint.clear()
    assert checkpoint.load() is None


def test_a_half_written_file_beside_it_is_ignored(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(3, {"a": torch.ones(2)}, {})
    (tmp_path / "checkpoint.partial").write_bytes(b"half")
    loaded = checkpoint.load()
    assert loaded is not None
    assert loaded[0] == 3


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match=r"checkpoint: .*checkpoint\.safetensors' is not readable"):
        Checkpoint(tmp_path).load()


def test_a_kill_at_any_instant_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    process = subprocess.Popen([sys.executable, "-c", ENDLESS_SAVER, str(tmp_path)], cwd=root)
    try:
        seen = 0
        deadline = time.monotonic() + 60
        while seen < 20 and time.monotonic() < deadline:
            loaded = Checkpoint(tmp_path).load()
            if loaded is not None:
                seen += 1
                assert loaded[1]["weights"].unique().tolist() == [float(loaded[0])]
                assert loaded[2] == {"epoch": loaded[0]}
        assert seen == 20
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    loaded = Checkpoint(tmp_path).load()
    assert loaded is not None
    assert loaded[1]["weights"].unique().tolist() == [float(loaded[0])]
