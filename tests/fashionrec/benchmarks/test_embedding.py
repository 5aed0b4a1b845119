"""`manage.py benchmark embedding` on photos that the test draws: its rows, its intervals and its goals."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image, ImageDraw

from fashionrec.benchmarks import embedding

COLOURS = {"Red": (200, 30, 40), "Blue": (30, 60, 200), "Green": (30, 140, 60)}
TYPES = {"Shirts": ("Topwear", (20, 20, 76, 60)), "Skirts": ("Bottomwear", (30, 36, 66, 90))}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """48 of them: two shapes in three colours, each a little elsewhere; titles say the colour and a number."""
    folder, generator = tmp_path / "photos", np.random.default_rng(3)
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(48):
        colour, kind = list(COLOURS)[number % 3], list(TYPES)[number % 2]
        family, (left, top, right, bottom) = TYPES[kind]
        dx, dy = generator.integers(-8, 9, size=2)
        picture = Image.new("RGB", (96, 96), "white")
        ImageDraw.Draw(picture).rectangle((left + dx, top + dy, right + dx, bottom + dy), fill=COLOURS[colour])
        picture.save(folder / "images" / f"{number}.jpg")
        rows.append([number, "Women", family, kind, colour, f"Brand {number} {colour}"])
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "gender", "subCategory", "articleType", "baseColour", "productDisplayName"])
        writer.writerows(rows)
    return folder


@pytest.fixture(autouse=True)
def _reports(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def benchmark(photos: Path, *options: str) -> tuple[str, dict[str, Any]]:
    output = io.StringIO()
    call_command("benchmark", "embedding", "--photos", str(photos), *options, stdout=output)
    *table, last = output.getvalue().rstrip("\n").split("\n")
    return "\n".join(table), json.loads(last)


def test_every_row_stands_beside_the_baselines_with_an_interval(photos: Path, tmp_path: Path) -> None:
    known = tmp_path / "train.csv"
    known.write_text("productDisplayName\n" + "".join(f"Brand {n} {list(COLOURS)[n % 3]}\n" for n in range(12)))
    table, results = benchmark(photos, "--train-labels", str(known), "--seed", "5")
    assert json.loads((tmp_path / "reports" / "embedding.json").read_text()) == results
    rows = results["neighbours"]
    assert list(rows) == ["16x16 pixels", "title TF-IDF", "pixels + TF-IDF", "image", "text", "hybrid"]
    assert list(rows["image"]) == ["subCategory", "articleType", "baseColour"], "all are women's: nothing to tell apart"
    assert all(f["low"] <= f["mean"] <= f["high"] for row in rows.values() for f in row.values())
    assert rows["title TF-IDF"]["baseColour"]["mean"] > 0.95
    assert rows["title TF-IDF"]["articleType"]["mean"] < 0.6
    assert rows["image"]["baseColour"]["mean"] > results["peers"]["random, P@10"]["baseColour"] + 0.2
    assert results["peers"]["random, P@10"]["baseColour"] == pytest.approx(1 / 3, abs=1e-4)
    assert results["text_to_image"]["titles unique in this set"]["queries"] == 48
    assert results["text_to_image"]["of these, titles not in the training"]["queries"] == 36
    assert list(results["without_trained_titles"]) == list(rows)
    assert set(results["goals"].values()) <= {True, False}
    assert "image gender ≥ 0.82" not in results["goals"]
    for text in (*rows, *results["goals"], "FashionCLIP 2.0", "hdbscan"):
        assert text in table


def test_figures_are_those_of_a_plain_count() -> None:
    interval = embedding._with_interval(np.array([0.0, 1.0, 1.0, 1.0] * 25), seed=1)
    assert interval["mean"] == 0.75
    assert 0.6 < interval["low"] < 0.75 < interval["high"] < 0.9
    vectors = np.eye(3, dtype=np.float32)
    asked = np.array([True, False, True])
    found = embedding._retrieval(vectors, vectors[[2, 1, 0]], asked, asked, seed=1)
    assert (found["queries"], found["recall@1"], found["recall@10"], found["mrr"]) == (2, 0.0, 1.0, 0.5)


def test_fewer_questions_are_asked_of_no_fewer_pictures() -> None:
    texts, images = np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32)[[1, 1, 2, 3]]
    first, but_the_last = np.array([True, False, False, False]), np.array([True, True, True, False])
    found = embedding._retrieval(texts, images, first, but_the_last, seed=1)
    assert (found["queries"], found["mrr"]) == (1, round(1 / 3, 4))  # the two it is as far from count against it
    assert embedding._retrieval(texts, images, first, first, seed=1)["mrr"] == 1.0


def test_photos_that_share_one_title_or_have_none_are_refused_before_anything_is_encoded(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "_spaces", lambda *_: pytest.fail("encoded"))
    rows = list(csv.reader((photos / "labels.csv").open()))
    for number, row in enumerate(rows[1:]):
        row[-1] = "Shirt" if number else ""
    with (photos / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    with pytest.raises(CommandError, match="48 photos, none with a title that only it has"):
        benchmark(photos)


def test_goals_are_missed_one_by_one() -> None:
    figures = {name: {"mean": 0.8} for name in embedding.LABELS}
    goals = embedding._goals(
        {
            "neighbours": {"image": figures, "hybrid": figures},
            "text_to_image": {"titles unique in this set": {"recall@10": 0.58}},
            "clusters": {"hdbscan": {"nmi": 0.5}, "dbscan": {"nmi": 0.5}},
        }
    )
    assert [goal for goal, met in goals.items() if met] == [
        "image articleType ≥ 0.71", "image baseColour ≥ 0.50", "hybrid articleType ≥ 0.78", "hybrid baseColour ≥ 0.72",
        "text to image R@10 ≥ 0.58",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda folder: folder / "nowhere", "which is no folder"),
        (
            lambda folder: [picture.unlink() for picture in (folder / "images").glob("[0-3]*.jpg")] and folder,
            "received 14 readable ones in .* need 20 photos",
        ),
    ],
)
def test_what_cannot_be_measured_is_named(photos: Path, change: Any, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        benchmark(change(photos))
