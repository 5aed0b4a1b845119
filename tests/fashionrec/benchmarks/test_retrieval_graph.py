import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from fashionrec.benchmarks import retrieval_graph
from fashionrec.benchmarks.static_files import read_static
from recommender.ml.splits import TargetsSplit


def write_lightgcn(folder: Path, users: int = 120, items: int = 40) -> Path:
    """Shoppers keep to one of four groups of items."""
    rng = np.random.default_rng(3)
    train, test = [], []
    for user in range(users):
        own = rng.permutation(np.flatnonzero(np.arange(items) % 4 == user % 4))
        train.append(" ".join(map(str, [user, *own[:6], rng.integers(items)])))
        test.append(" ".join(map(str, [user, *own[6:9]])))
    (folder / "train.txt").write_text("\n".join(train) + "\n")
    (folder / "test.txt").write_text("\n".join(test) + "\n")
    return folder


def pairs(split: TargetsSplit) -> set[tuple[int, int]]:
    return set(zip(split.train.user.tolist(), split.train.item.tolist(), strict=True))


def targets(split: TargetsSplit, part: str) -> set[tuple[int, int]]:
    users, items = split.targets(part)  # type: ignore[arg-type]
    assert (np.diff(users) >= 0).all()
    return set(zip(users.tolist(), items.tolist(), strict=True))


def test_validation_comes_out_of_training_and_the_test_is_the_file(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("7 1 2 3 4 5 1\n9 1 6 7 8 2\n8\n")
    (tmp_path / "test.txt").write_text("7 6 1 99\n9 3\n10 1\n")
    data = read_static(tmp_path, "lightgcn", seed=0)
    assert (data.final.train.n_users, data.final.train.n_items) == (2, 8)
    assert [len(history) for history in data.final.train.histories()] == [5, 5]  # item 1 of user 7 once
    assert len(targets(data.final, "test")) == 2
    assert data.left_out == 3  # of user 7 item 1, known, and 99, unknown; and user 10
    held = targets(data.choosing, "validation")
    assert pairs(data.choosing) | held == pairs(data.final)
    assert not pairs(data.choosing) & held
    assert sorted(user for user, _ in held) == [0, 1]  # round(.1 × 5) of each
    assert [len(items) for items in data.final.seen("test")] == [5, 5]


def test_sequences_hold_out_a_fifth_by_the_seed(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "s.txt.gz", "wt") as stream:
        stream.writelines(f"{user} {' '.join(str(item) for item in range(user, user + 10))}\n" for user in range(30))
    one, same, other = (read_static(tmp_path / "s.txt.gz", "sequences", seed=seed).final for seed in (0, 0, 1))
    assert np.bincount(one.targets("test")[0]).tolist() == [2] * 30
    assert targets(one, "test") == targets(same, "test") != targets(other, "test")
    assert not pairs(one) & targets(one, "test")


def test_allrecipes_trains_on_its_validation_file(tmp_path: Path) -> None:
    for part, rows in (("train", "1\t5\t4\n1\t6\t5\n"), ("validation", "1\t7\t3\n2\t5\t1\n"), ("test", "2\t6\t5\n")):
        (tmp_path / f"allrecipes_{part}.tsv.gz").write_bytes(gzip.compress(rows.encode()))
    data = read_static(tmp_path, "allrecipes", seed=0)
    assert len(pairs(data.final)) == 4
    assert len(targets(data.final, "test")) == 1


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ("1 2\n3 x 4\n", "1 3\n", r"line 2 of .*train\.txt' has 'x', expected a number"),
        ("1 2\n", "1 2\n\n3 4.5\n", r"line 3 of .*test\.txt' has '4\.5', expected a number"),
        ("", "1 2\n", "has no training pairs"),
        ("1 2\n", "1 2\n", "holds out no item that training names"),
        ("1 2\n", None, r"test\.txt' cannot be read"),
    ],
)
def test_bad_files_are_refused_by_name_and_line(train: str, test: str | None, message: str, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(train)
    if test is not None:
        (tmp_path / "test.txt").write_text(test)
    with pytest.raises(ValueError, match=message):
        read_static(tmp_path, "lightgcn", seed=0)


def test_rows_without_a_rating_are_refused(tmp_path: Path) -> None:
    (tmp_path / "allrecipes_train.tsv.gz").write_bytes(gzip.compress(b"1\t5\t4\n1\t6\n"))
    with pytest.raises(ValueError, match=r"line 2 of .*allrecipes_train\.tsv\.gz' has 2 fields"):
        read_static(tmp_path, "allrecipes", seed=0)


def test_the_benchmark_measures_a_planted_world_and_prints_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(retrieval_graph.GRIDS, "graphsage", [{"epochs": 1, "embedding_size": 8}])
    results = retrieval_graph.run(
        data=write_lightgcn(tmp_path),
        format="lightgcn",
        dataset=None,
        seed=0,
        epochs=3,
        models=["popularity", "gf_cf", "ease", "lightgcn"],
        speed_seconds=0.0,
        shares=[1.0, 0.5],
    )
    rows = results["models"]
    assert set(rows) == {"popularity", "gf_cf", "ease", "lightgcn"}
    for kind in ("gf_cf", "ease", "lightgcn"):
        assert rows[kind]["ndcg@20_minus_popularity"]["low"] > 0
    assert (rows["gf_cf"]["settings_tried"], rows["lightgcn"]["settings"]["epochs"]) == (2, 3)
    assert [row["share"] for row in results["graphsage_edges"]] == [1.0, 0.5]
    printed = retrieval_graph.table(results)
    assert f"{rows['ease']['recall@20']:.4f}" in printed
    assert "GraphSAGE with 50% of the edges" in printed


def test_published_peers_and_the_goal_are_printed_for_gowalla(tmp_path: Path) -> None:
    results = retrieval_graph.run(
        data=write_lightgcn(tmp_path), format="lightgcn", dataset="gowalla", seed=0, epochs=1,
        models=["popularity", "lightgcn"], speed_seconds=0.0, shares=[],
    )  # fmt: skip
    printed = retrieval_graph.table(results)
    assert "SimpleX                   0.1872           0.1557                   published" in printed
    assert "goal for the 64-d dot product: 0.1872 / 0.1580" in printed


def test_no_epochs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="epochs: received 0"):
        retrieval_graph.run(
            data=tmp_path, format="lightgcn", dataset=None, seed=0, epochs=0, models=[], speed_seconds=0.0, shares=[]
        )


def test_the_command_runs_it_and_ends_with_json(tmp_path: Path, capsys: pytest.CaptureFixture[str], settings) -> None:  # type: ignore[no-untyped-def]
    settings.DATA_DIR = tmp_path / "var"
    data = str(write_lightgcn(tmp_path))
    call_command(
        "benchmark", "retrieval-graph", "--data", data, "--models", "popularity", "--speed-seconds", "0", "--shares"
    )
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert results["name"] == "retrieval-graph"
    assert results == json.loads((tmp_path / "var/reports/retrieval-graph.json").read_text())
