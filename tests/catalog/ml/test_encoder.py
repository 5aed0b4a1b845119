"""The shipped encoder, the web's text tower, and encoders by name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from catalog.ml.compact_clip import encode_short_texts
from catalog.ml.encoder import EncoderError, encoder_directory, load_encoder
from catalog.ml.image_encoder import OnnxImageEncoder
from catalog.ml.image_preprocessing import ImagePreprocessing
from catalog.ml.open_clip_encoder import OpenClipEncoder
from catalog.ml.text_encoder import OnnxTextEncoder
from catalog.ml.tokenizer import read_tokenizer, token_ids

TEXTS = ["red floral dress", "", "x" * 5_000, "платье в цветок", "<end> jeans", "a\ud800b", "Linen shirt, for men"] * 12


def pictures(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (60, 40 + i, 3), dtype=np.uint8)) for i in range(count)]


def test_vectors_are_of_length_one_in_the_promised_shape(compact: OpenClipEncoder) -> None:
    assert (compact.name, compact.dimensions) == ("compact", 512)
    for vectors in (compact.encode_images(pictures(70)), compact.encode_texts(TEXTS[:70])):
        assert (vectors.shape, vectors.dtype) == ((70, 512), np.float32)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert compact.encode_images([]).shape == compact.encode_texts([]).shape == (0, 512)


def test_a_vector_does_not_depend_on_its_batch(compact: OpenClipEncoder) -> None:
    images = pictures(66)
    together = compact.encode_images(images)
    np.testing.assert_allclose(compact.encode_images(images[65:]), together[65:], atol=1e-5)


def test_the_webs_text_tower_equals_the_torch_one(compact: OpenClipEncoder, compact_text: OnnxTextEncoder) -> None:
    assert (compact_text.name, compact_text.digest, compact_text.dimensions) == (compact.name, compact.digest, 512)
    np.testing.assert_allclose(compact_text.encode_texts(TEXTS), compact.encode_texts(TEXTS), atol=1e-4)
    assert compact_text.encode_texts([]).shape == (0, 512)


def test_the_webs_image_tower_equals_the_torch_one(compact: OpenClipEncoder, compact_directory: Path) -> None:
    tower = OnnxImageEncoder(compact_directory)
    assert (tower.name, tower.digest, tower.dimensions) == (compact.name, compact.digest, 512)
    images = [*pictures(17), Image.new("RGB", (8, 160), "red"), Image.new("RGB", (500, 333), "#204060")]
    np.testing.assert_allclose(tower.encode_images(images), compact.encode_images(images), atol=1e-4)
    assert tower.encode_images([]).shape == (0, 512)


def test_pillow_and_numpy_feed_the_image_tower_as_open_clip_does(
    compact: OpenClipEncoder, compact_directory: Path
) -> None:
    config = json.loads((compact_directory / "config.json").read_text())
    images = pictures(5)
    pixels = torch.from_numpy(ImagePreprocessing.from_config(config["preprocess_cfg"])(images))
    with torch.inference_mode():
        features = torch.nn.functional.normalize(compact.model.encode_image(pixels), dim=-1).numpy()
    np.testing.assert_allclose(features, compact.encode_images(images), atol=1e-4)


def test_leaving_out_padding_changes_nothing(compact: OpenClipEncoder, compact_directory: Path) -> None:
    tokenizer = read_tokenizer(compact_directory / "tokenizer.json")
    tokens = torch.from_numpy(token_ids(tokenizer, ["dress", "red wool coat for women", ""], context_length=32))
    with torch.inference_mode():
        torch.testing.assert_close(encode_short_texts(compact.model, tokens), compact.model.encode_text(tokens))


def test_the_shipped_files_are_small_and_hold_no_paths(compact_directory: Path) -> None:
    files = sorted(path.name for path in compact_directory.iterdir())
    towers = ["image.onnx", "text.onnx"]
    assert files == sorted(["MODEL_CARD.md", "config.json", "model.safetensors", "tokenizer.json", *towers])
    assert sum(path.stat().st_size for path in compact_directory.iterdir()) <= 15_000_000
    for tower in towers:
        graph = (compact_directory / tower).read_bytes()
        for place in (str(Path.home()), str(Path(__file__).parents[3]), "site-packages"):
            assert place.encode() not in graph


def test_the_web_side_never_imports_torch() -> None:
    code = (
        "import sys\n"
        "import catalog.images, catalog.ml.captions, catalog.ml.encoder, catalog.ml.hybrid\n"
        "import catalog.ml.image_preprocessing, catalog.ml.tokenizer\n"
        "from catalog.ml.text_encoder import OnnxTextEncoder\n"
        "from catalog.ml.encoder import encoder_directory\n"
        "from catalog.ml.image_encoder import OnnxImageEncoder\n"
        "from PIL import Image\n"
        "OnnxTextEncoder(encoder_directory('compact')).encode_texts(['dress'])\n"
        "OnnxImageEncoder(encoder_directory('compact')).encode_images([Image.new('RGB', (30, 40))])\n"
        "assert not {'torch', 'open_clip', 'transformers'} & set(sys.modules)\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_encoder_is_found_by_name_path_and_search_order(compact_directory: Path, tmp_path: Path) -> None:
    assert encoder_directory("compact") == compact_directory
    assert encoder_directory(str(compact_directory)) == compact_directory
    shutil.copytree(compact_directory, tmp_path / "compact")
    assert encoder_directory("compact", search=[tmp_path]) == tmp_path / "compact"


@pytest.mark.parametrize("name", ["nothing", "", "..", "/no/such/folder"])
def test_an_unknown_name_is_refused_with_the_places_looked_at(name: str) -> None:
    with pytest.raises(EncoderError, match=r"encoder: received .* but there is no config\.json in /"):
        load_encoder(name)


def test_changed_weights_are_noticed(compact_directory: Path, tmp_path: Path) -> None:
    broken = tmp_path / "compact"
    shutil.copytree(compact_directory, broken)
    content = bytearray((broken / "model.safetensors").read_bytes())
    content[-5] ^= 1
    (broken / "model.safetensors").write_bytes(content)
    with pytest.raises(EncoderError, match=r"weights: received .*model\.safetensors' with SHA-256"):
        load_encoder(str(broken))
    (broken / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match="No such file"):
        load_encoder(str(broken))
    (broken / "config.json").write_text('{"name": "compact"}')
    with pytest.raises(EncoderError, match="model_cfg"):
        load_encoder(str(broken))
    with pytest.raises(EncoderError, match="weights_sha256"):
        OnnxTextEncoder(broken)
    with pytest.raises(EncoderError, match="weights_sha256"):
        OnnxImageEncoder(broken)
    (broken / "image.onnx").write_bytes(b"no graph")
    shutil.copy(compact_directory / "config.json", broken)
    with pytest.raises(EncoderError, match=r"received '.*image\.onnx'"):
        OnnxImageEncoder(broken)
    (broken / "image.onnx").unlink()
    with pytest.raises(EncoderError, match=r"has no image\.onnx"):
        OnnxImageEncoder(broken)
    (broken / "text.onnx").unlink()
    with pytest.raises(EncoderError, match=r"has no text\.onnx"):
        OnnxTextEncoder(broken)
