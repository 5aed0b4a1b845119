"""`manage.py train_encoder`: from arguments to an encoder that loads by name."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from catalog.ml.encoder import load_encoder
from catalog.ml.text_encoder import OnnxTextEncoder


def train(**options: Any) -> str:
    output = io.StringIO()
    call_command("train_encoder", stdout=output, stderr=output, verbosity=0, threads=1, **options)
    return output.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Eight photos in two colours with labels, one of them damaged, one missing."""
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "articleType", "baseColour", "productDisplayName"])
        for number in range(8):
            colour = ("Red", "Blue")[number % 2]
            Image.new("RGB", (40, 50), colour.lower()).save(folder / "images" / f"{number}.jpg")
            writer.writerow([number, "Shirts", colour, f"Acme {colour} Shirt {number}"])
        writer.writerow([98, "Shirts", "Red", "Damaged"])
        writer.writerow([99, "Shirts", "Red", "Missing"])
    (folder / "images" / "98.jpg").write_bytes(b"not a picture")
    return folder


def test_labelled_photos_become_an_encoder(photos: Path, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "var"
    said = train(photos=photos, labels=photos / "labels.csv", name="mine", epochs=1, batch_size=8)
    directory = tmp_path / "var" / "encoders" / "mine"
    assert "left out: row 10 id: received" in said
    assert "left out: row 11 id: received" in said
    assert said.endswith(f"8 pictures, 2 left out; written to {directory}\n")
    encoder = load_encoder("mine", search=[tmp_path / "var" / "encoders"])
    assert encoder.name == "mine"
    assert encoder.encode_images([Image.new("RGB", (30, 30))]).shape == (1, 512)
    assert OnnxTextEncoder(directory).encode_texts(["shirt"]).shape == (1, 512)
    assert sorted(path.name for path in directory.iterdir()) == [
        "config.json", "model.safetensors", "text.onnx", "tokenizer.json",
    ]  # fmt: skip


def test_drawings_become_an_encoder(tmp_path: Path) -> None:
    said = train(from_drawings=True, count=8, name="drawn", epochs=1, batch_size=8, output=tmp_path / "drawn")
    assert "8 pictures, 0 left out" in said
    assert load_encoder(str(tmp_path / "drawn")).dimensions == 512


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "nothing to train on"),
        ({"photos": Path("somewhere")}, "need both"),
        ({"photos": Path("/no/such"), "labels": Path("x.csv")}, "photos: received '/no/such', which is no folder"),
        ({"from_drawings": True, "name": "../out"}, "--name: received '../out'"),
        ({"from_drawings": True, "name": ".."}, "--name: received '..'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(options: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=reason.replace(".", r"\.")):
        train(**{"name": "x", "output": tmp_path / "x", **options})
    assert not (tmp_path / "x").exists()


def test_labels_without_a_known_column_are_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("name,price\na,1\n")
    with pytest.raises(CommandError, match=r"labels\.csv' with columns name, price; need one of file, id"):
        train(photos=photos, labels=tmp_path / "labels.csv", name="x", output=tmp_path / "x")
