"""`manage.py train_encoder`: from arguments to an encoder that loads by name."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from PIL import Image

from catalog.ml.encoder import load_encoder
from catalog.ml.text_encoder import OnnxTextEncoder
from catalog.models import ProductImage
from tests.factories.catalog import BrandFactory, CategoryFactory, ProductFactory

FILES = ["MODEL_CARD.md", "config.json", "image.onnx", "model.safetensors", "text.onnx", "tokenizer.json"]
COLOURS = ("Red", "Blue")


def train(**options: Any) -> str:
    output = io.StringIO()
    given = {"validation": 0.0, "epochs": 1, "batch_size": 8, "threads": 1, **options}
    call_command("train_encoder", stdout=output, stderr=output, verbosity=0, **given)
    return output.getvalue()


def draw_photos(folder: Path, count: int) -> Path:
    """Photos in two colours and a table of labels."""
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "articleType", "baseColour", "productDisplayName"])
        for number in range(count):
            colour = COLOURS[number % 2]
            Image.new("RGB", (40, 50), colour.lower()).save(folder / "images" / f"{number}.jpg")
            writer.writerow([number, "Shirts", colour, f"Acme {colour} Shirt {number}"])
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Eight photos with labels, and two rows more: one damaged, one missing."""
    folder = draw_photos(tmp_path / "photos", 8)
    with (folder / "labels.csv").open("a", newline="") as file:
        csv.writer(file).writerows([[98, "Shirts", "Red", "Damaged"], [99, "Shirts", "Red", "Missing"]])
    (folder / "images" / "98.jpg").write_bytes(b"not a picture")
    return folder


def stored(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "config.json").read_text())


def test_labelled_photos_become_an_encoder(photos: Path, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "var"
    said = train(photos=photos, labels=photos / "labels.csv", name="mine")
    directory = tmp_path / "var" / "encoders" / "mine"
    assert "left out: row 10 id: received" in said
    assert "left out: row 11 id: received" in said
    assert said.endswith(f"8 pictures, 2 left out; written to {directory}\n")
    encoder = load_encoder("mine", search=[tmp_path / "var" / "encoders"])
    assert encoder.name == "mine"
    values = sum(stored(directory)["model_cfg"]["posteriors"]["sizes"])
    assert encoder.encode_images([Image.new("RGB", (30, 30))]).shape == (1, 512 + values)
    assert OnnxTextEncoder(directory).encode_texts(["shirt"]).shape == (1, 512 + values)
    assert sorted(path.name for path in directory.iterdir()) == FILES
    assert sorted(path.name for path in (tmp_path / "var").iterdir()) == ["encoders"]
    assert stored(directory)["training"]["data"] == [
        {"kind": "labelled photos", "folder": "photos", "labels": "labels.csv", "pictures": 8, "left_out": 2}
    ]


def test_drawings_become_an_encoder_that_is_measured_and_described(tmp_path: Path) -> None:
    directory = tmp_path / "drawn"
    said = train(from_drawings=True, count=40, name="drawn", batch_size=28, validation=0.3, output=directory)
    assert "12 pictures kept back; best after epoch " in said
    assert "\nP@10 " in said
    assert "\n16x16 pixels " in said
    assert "\nafter: hybrid " in said
    assert "40 pictures, 0 left out" in said
    config = stored(directory)
    assert f"hybrid vectors: {config['hybrid']['image_weight']:g} of the picture" in said
    assert load_encoder(str(directory)).dimensions == config["dimensions"] > 512

    card = (directory / "MODEL_CARD.md").read_text()
    assert card.startswith("# drawn\n")
    assert "- **Data**: drawings of this project (seed 1, pictures 40, left out 0)\n" in card
    assert "## Measured on 12 pictures kept back\n" in card
    assert str(tmp_path) not in card + json.dumps(config)


@pytest.fixture
def catalogue() -> None:
    """Twelve products with pictures in two colours; one more without, one with a damaged one, one archived."""
    shirts, acme = CategoryFactory(name="Shirts"), BrandFactory(name="Acme")
    for number in range(14):
        ProductFactory(title=f"Shirt {number}", category=shirts, brand=acme, colour=COLOURS[number % 2].lower(),
                       pictures=int(number != 12))  # fmt: skip
    damaged = ProductImage.objects.get(product__title="Shirt 13")
    Path(damaged.file.path).write_bytes(b"not a picture")
    ProductFactory(status="archived", pictures=1)


@pytest.mark.django_db
@pytest.mark.usefixtures("catalogue", "own_storage")
def test_the_shops_products_become_an_encoder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "var"
    said = train(from_catalogue=True, name="own")
    assert "has no picture\n" in said
    assert "image: received 'products/" in said
    assert "12 pictures, 2 left out" in said
    assert said.endswith("manage.py embed_catalog --encoder own puts it to use\n")
    training = stored(tmp_path / "var" / "encoders" / "own")["training"]
    assert training["data"] == [{"kind": "products of the catalogue", "pictures": 12, "left_out": 2}]


def test_an_encoder_is_trained_on_from_another_by_name(photos: Path, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "var"
    said = train(photos=photos, labels=photos / "labels.csv", name="mine", base="compact", loss="siglip")
    training = stored(tmp_path / "var" / "encoders" / "mine")["training"]
    assert (training["base"], training["tune"], training["loss"]) == ("compact", "text", "siglip")
    assert "8 pictures, 2 left out" in said
    assert load_encoder("mine", search=[tmp_path / "var" / "encoders"]).name == "mine"
    assert sorted(path.name for path in (tmp_path / "var" / "encoders" / "mine").iterdir()) == FILES


def test_a_card_that_a_person_wrote_stays(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    card = tmp_path / "mine" / "MODEL_CARD.md"
    card.write_text("by hand")
    said = train(photos=photos, labels=photos / "labels.csv", name="mine", base="compact", output=tmp_path / "mine")
    assert "was written by a person and stays; --card replaces it" in said
    assert card.read_text() == "by hand"


KILLED = """
import sys
import django
django.setup()
from django.core.management import call_command
call_command("train_encoder", *sys.argv[1:])
"""


def test_killed_at_work_it_carries_on_to_the_same_encoder(tmp_path: Path) -> None:
    folder = draw_photos(tmp_path / "photos", 48)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    options = {"photos": folder, "labels": folder / "labels.csv", "name": "mine", "epochs": 12, "batch_size": 16,
               "validation": 0.3, "base": "compact", "patience": 12, "validate_every": 1}  # fmt: skip
    train(**options, output=whole)

    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in {**options, "output": parts}.items()]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments, "--threads=1"],
        cwd=project.BASE_DIR, env={**os.environ, "DJANGO_SETTINGS_MODULE": "fashionrec.settings.test"},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    checkpoint = parts / "checkpoint" / "checkpoint.safetensors"
    while process.poll() is None and not checkpoint.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert not (parts / "config.json").exists()
    train(**options, output=parts)
    assert sorted(path.name for path in parts.iterdir()) == FILES
    first, second = stored(whole), stored(parts)
    for config in (first, second):
        config["training"].pop("seconds")
    assert second == first
    assert [entry["epoch"] for entry in first["training"]["history"]] == list(range(13))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "nothing to train on"),
        ({"photos": Path("somewhere")}, "need both"),
        ({"labels": Path("x.csv")}, "need both"),
        ({"photos": Path("/no/such"), "labels": Path("x.csv")}, "photos: received '/no/such', which is no folder"),
        ({"from_drawings": True, "name": "../out"}, "--name: received '../out'"),
        ({"from_drawings": True, "name": ".."}, "--name: received '..'"),
        ({"from_drawings": True, "name": "a:b"}, "--name: received 'a:b'"),
        ({"from_drawings": True, "tune": "all"}, "--tune: received 'all', has no meaning without --base"),
        ({"from_drawings": True, "loss": "siglip"}, "--loss: received 'siglip', has no meaning without --base"),
        ({"from_drawings": True, "grayscale": 0.6, "edges": 0.5}, "received 0.6 and 0.5, together at most 1"),
        ({"from_drawings": True, "base": "nothing"}, "encoder: received 'nothing', but there is no config.json"),
        ({"from_drawings": True, "base": "compact", "edges": 0.1}, "but the image tower is frozen"),
        ({"from_drawings": True, "count": 20, "validation": 0.1}, "validation: received 0.1 of 20 pictures"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(options: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=reason.replace(".", r"\.")):
        train(**{"name": "x", "output": tmp_path / "x", **options})
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "argument", ["--validation=2", "--minutes=0", "--epochs=0", "--patience=-1", "--edges=-1", "--tune=image"]
)
def test_numbers_out_of_range_are_refused_by_name(argument: str) -> None:
    with pytest.raises(CommandError, match=f"argument {argument.split('=')[0]}: "):
        call_command("train_encoder", "--name=x", "--from-drawings", argument)


def test_labels_without_a_known_column_are_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("name,price\na,1\n")
    with pytest.raises(CommandError, match=r"labels\.csv' with columns name, price; need one of file, id"):
        train(photos=photos, labels=tmp_path / "labels.csv", name="x", output=tmp_path / "x")


def test_a_checkpoint_of_other_options_is_refused_with_the_way_out(photos: Path, tmp_path: Path) -> None:
    from recommender.ml.checkpoint import Checkpoint

    Checkpoint(tmp_path / "x" / "checkpoint").save(1, {}, {"fingerprint": {"examples": 3}, "progress": {}})
    with pytest.raises(
        CommandError, match="with base None and now '.*examples 3 and now 8; .*checkpoint to begin anew"
    ):
        train(photos=photos, labels=photos / "labels.csv", name="x", base="compact", output=tmp_path / "x")
