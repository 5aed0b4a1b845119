"""Queries encoded in the web process: by the towers of the very weights that made the vectors, or not at all."""

import json
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from catalog import query_encoding
from catalog.embedding_jobs import open_encoder
from catalog.ml.encoder import SHIPPED_ENCODERS
from catalog.models import Encoder
from catalog.query_encoding import encode_query, encode_query_image
from tests.catalog.ml.tiny_models import save_open_clip_folder, save_transformers

RED = Image.new("RGB", (30, 40), "#b3262e")


@pytest.fixture(autouse=True)
def own_encoders(tmp_path: Path, settings):
    settings.DATA_DIR = tmp_path / "data"
    towers = (query_encoding._text_tower, query_encoding._image_tower)
    for tower in towers:
        tower.cache_clear()
    yield
    for tower in towers:
        tower.cache_clear()


def row_of(name: str) -> Encoder:
    model = open_encoder(name)
    return Encoder(name=model.name, digest=model.digest, dimensions=model.dimensions)


def test_a_picture_is_encoded_as_the_catalogues_pictures_were() -> None:
    compact = row_of("compact")
    vector = encode_query_image(RED, encoder=compact)
    assert vector is not None
    np.testing.assert_allclose(vector, open_encoder("compact").encode_images([RED])[0], atol=1e-4)


def test_towers_of_other_weights_and_of_unknown_encoders_say_nothing() -> None:
    for encoder in (Encoder(name="compact", digest="0" * 64), Encoder(name="nowhere", digest="0" * 64)):
        assert encode_query_image(RED, encoder=encoder) is None
        assert encode_query("dress", encoder=encoder) is None


def test_a_pretrained_encoder_answers_as_soon_as_its_towers_are_exported(tmp_path: Path, settings) -> None:
    name = f"open_clip:local-dir:{save_open_clip_folder(tmp_path / 'model')}"
    encoder = row_of(name)
    assert encode_query("red dress", encoder=encoder) is None
    assert encode_query_image(RED, encoder=encoder) is None
    out = StringIO()
    call_command("export_encoder", name, stdout=out)
    exported = json.loads(out.getvalue().splitlines()[-1])
    assert exported["written"] == ["tokenizer.json", "text.onnx", "image.onnx", "config.json"]
    assert Path(exported["folder"]).parent == settings.DATA_DIR / "encoders"
    assert set(exported["differences"]) == {"text.onnx", "image.onnx"}
    words, picture = encode_query("red dress", encoder=encoder), encode_query_image(RED, encoder=encoder)
    assert words is not None
    assert picture is not None
    np.testing.assert_allclose(words, open_encoder(name).encode_texts(["red dress"])[0], atol=1e-4)
    np.testing.assert_allclose(picture, open_encoder(name).encode_images([RED])[0], atol=1e-4)


def test_an_encoder_trained_here_gets_its_towers_anew_in_its_own_folder(settings) -> None:
    folder = settings.DATA_DIR / "encoders" / "mine"
    shutil.copytree(SHIPPED_ENCODERS / "compact", folder)
    config = (folder / "config.json").read_text().replace('"compact"', '"mine"')
    (folder / "config.json").write_text(config)
    for tower in ("text.onnx", "image.onnx"):
        (folder / tower).unlink()
    out = StringIO()
    call_command("export_encoder", "mine", stdout=out)
    exported = json.loads(out.getvalue().splitlines()[-1])
    assert (exported["written"], exported["folder"]) == (["text.onnx", "image.onnx"], str(folder))
    assert max(exported["differences"].values()) < 1e-4
    assert (folder / "config.json").read_text() == config
    assert encode_query_image(RED, encoder=row_of("mine")) is not None


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"received 'nowhere', but there is no config\.json"):
        call_command("export_encoder", "nowhere")
    folder = save_transformers(tmp_path / "clip", kind="clip")
    with pytest.raises(CommandError, match="only encoders of open_clip can be exported; with others the shop searches"):
        call_command("export_encoder", f"transformers:{folder}")
