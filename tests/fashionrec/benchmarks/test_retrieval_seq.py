"""The benchmark on files of sequences."""

from __future__ import annotations

import gzip
import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from fashionrec.benchmarks import retrieval_seq
from fashionrec.benchmarks.sequence_files import read_sequences


def chains(path: Path, *, shoppers: int = 60, items: int = 24) -> Path:
    """Shoppers who walk along a ring of items: what comes next is the next of the ring."""
    rng = np.random.default_rng(0)
    with gzip.open(path, "wt") as stream:
        for shopper in range(shoppers):
            start, length = int(rng.integers(items)), int(rng.integers(4, 9))
            stream.write(" ".join([f"u{shopper}", *(f"i{(start + step) % items}" for step in range(length))]) + "\n")
    return path


def test_the_blend_is_measured_beside_its_parts_and_the_report_is_kept(
    tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(retrieval_seq, "GRIDS", {"transition_knn": [{"gap": 1}, {"gap": 3}]})
    monkeypatch.setattr(
        retrieval_seq, "LEARNED", {"two_tower": {"epochs": 90, "embedding_size": 16, "batch_size": 100}}
    )
    out = StringIO()
    data = chains(tmp_path / "rings.txt.gz")
    options = ["--data", str(data), "--seeds", "1", "--processes", "1", "--epochs", "30"]
    call_command("benchmark", "retrieval-seq", *options, stdout=out)
    results = json.loads(out.getvalue().splitlines()[-1])
    rows = results["models"]
    assert results["protocol"] == "leave-one-out, 60 shoppers, full ranking of 24 items, seen masked"
    assert set(rows) == {"popularity", "transition_knn", "two_tower", "blend"}
    assert rows["transition_knn"]["settings_tried"] == 2
    assert rows["transition_knn"]["settings"] in ({"gap": 1}, {"gap": 3})
    assert rows["two_tower"]["settings"] == {"epochs": 30, "embedding_size": 16, "batch_size": 100}
    assert rows["transition_knn"]["ndcg@10"] > 0.9
    assert rows["blend"]["ndcg@10"] >= rows["transition_knn"]["ndcg@10"] - 0.02
    assert rows["blend"]["ndcg@10_minus_popularity"]["low"] > 0
    assert json.loads((tmp_path / "reports" / "retrieval-seq.json").read_text())["seeds"] == [0]
    assert not list(tmp_path.glob("retrieval-seq-*"))
    assert "transition_knn" in out.getvalue()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("u1 a b c\nu2\n", "line 2 of .* has no item, received 'u2'"),
        ("u1 a b c\nu1 a b\n", "user 'u1' has two lines"),
        ("", "has no lines"),
        ("u1 a b\nu2 b c\n", "no shopper in .* has three items"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(CommandError, match=problem):
        call_command("benchmark", "retrieval-seq", "--data", str(path))


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nowhere\.txt' cannot be read"):
        call_command("benchmark", "retrieval-seq", "--data", str(tmp_path / "nowhere.txt"))
    broken = tmp_path / "broken.txt.gz"
    broken.write_bytes(gzip.compress(b"u1 a b c\n" * 1000)[:40])
    with pytest.raises(CommandError, match=r"broken\.txt\.gz' cannot be read"):
        call_command("benchmark", "retrieval-seq", "--data", str(broken))


def test_names_and_order_of_a_file_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("u1 " + " ".join(f"i{n:02d}" for n in range(20)) + "\n")
    world = read_sequences(path)
    assert sorted(world.item.tolist()) == list(range(20))
    assert world.item.tolist() != sorted(world.item.tolist())
    assert world.time.tolist() == list(range(20))
