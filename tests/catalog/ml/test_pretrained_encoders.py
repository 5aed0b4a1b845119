"""Pretrained models of open_clip and transformers by name, through one protocol."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from catalog.ml.encoder import EncoderError, encoder_directory, folder_name, load_encoder
from tests.catalog.ml import tiny_models

import open_clip  # isort: skip  (after torchvision_ops, which tiny_models imports)
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer, BertConfig  # isort: skip

TEXTS = ["a red dress", "", "A\ud800 b", "long " * 40]


def pictures(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (60, 40 + i, 3), dtype=np.uint8)) for i in range(count)]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_checkpoint(tmp_path_factory.mktemp("tiny-open-clip"))


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tiny-transformers")
    return {kind: tiny_models.save_transformers(folder / kind, kind=kind) for kind in ("clip", "siglip")}


def test_a_local_checkpoint_loads_by_the_models_name(checkpoint: Path) -> None:
    name = f"open_clip:{tiny_models.TINY}:{checkpoint}"
    encoder = load_encoder(name)
    assert (encoder.name, encoder.dimensions, len(encoder.digest), encoder.hybrid) == (name, 32, 64, {})
    model = open_clip.create_model(tiny_models.TINY, pretrained=str(checkpoint)).eval()
    tokens = open_clip.get_tokenizer(tiny_models.TINY)(["a red dress"])
    with torch.inference_mode():
        expected = model.encode_text(tokens, normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_texts(["a red dress"]), expected, atol=1e-5)
    assert encoder.encode_images(pictures(3)).shape == (3, 32)
    assert load_encoder(name).digest == encoder.digest


def test_a_damaged_checkpoint_is_named(tmp_path: Path, checkpoint: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"no weights")
    with pytest.raises(EncoderError, match=r"encoder: received 'open_clip:Tiny-Test:.*cannot be fetched or loaded"):
        load_encoder(f"open_clip:{tiny_models.TINY}:{tmp_path / 'weights.safetensors'}")


def test_a_folder_in_the_layout_of_the_hub_loads_with_its_own_preprocessing(tmp_path: Path) -> None:
    folder = tiny_models.save_open_clip_folder(tmp_path / "model")
    encoder = load_encoder(f"open_clip:local-dir:{folder}")
    assert (encoder.name, encoder.dimensions) == (f"open_clip:local-dir:{folder}", 32)
    white = encoder.preprocess(Image.new("RGB", (50, 20), "white"))
    assert (white.shape, white.dtype, float(white.min()), float(white.max())) == ((3, 32, 32), np.float32, 1.0, 1.0)
    images = pictures(2)
    pixels = np.stack([encoder.preprocess(image) for image in images])
    np.testing.assert_array_equal(encoder.encode_pixels(pixels), encoder.encode_images(images))
    assert encoder.encode_texts(TEXTS).shape == (4, 32)


def test_a_folder_without_weights_is_refused_rather_than_filled_at_random(tmp_path: Path) -> None:
    folder = tiny_models.save_open_clip_folder(tmp_path / "model")
    (folder / "open_clip_model.safetensors").unlink()
    with pytest.raises(EncoderError, match=r"received 'open_clip:local-dir:.*Required pretrained weights"):
        load_encoder(f"open_clip:local-dir:{folder}")
    with pytest.raises(EncoderError, match=r"'open_clip:local-dir:/no/such'.* not found: /no/such"):
        load_encoder("open_clip:local-dir:/no/such")


def test_unknown_pretrained_names_are_refused_before_anything_is_fetched() -> None:
    with pytest.raises(EncoderError, match="open_clip has no model 'ViT-Q-7'"):
        load_encoder("open_clip:ViT-Q-7:openai")
    with pytest.raises(EncoderError, match=r"'nonsense' is no file and no tag of ViT-B-32 \(known: .*laion2b_s34b"):
        load_encoder("open_clip:ViT-B-32:nonsense")
    with pytest.raises(EncoderError, match="'' is no file and no tag of ViT-B-32"):
        load_encoder("open_clip:ViT-B-32")


@pytest.mark.parametrize(
    "name",
    ["open_clip:ViT-B-32:laion2b_s34b_b79k", "open_clip:hf-hub:Marqo/marqo-fashionSigLIP",
     "transformers:openai/clip-vit-base-patch32"],
)  # fmt: skip
def test_a_model_that_cannot_be_fetched_is_named(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EncoderError, match=f"received '{name}', which cannot be fetched"):
        load_encoder(name)


@pytest.mark.parametrize(("kind", "dimensions"), [("clip", 24), ("siglip", 32)])
def test_a_model_of_transformers_gives_that_librarys_own_vectors(
    kind: str, dimensions: int, saved: dict[str, Path]
) -> None:
    encoder = load_encoder(f"transformers:{saved[kind]}")
    assert (encoder.name, encoder.dimensions) == (f"transformers:{saved[kind]}", dimensions)
    assert encoder.digest == load_encoder(encoder.name).digest
    model = AutoModel.from_pretrained(saved[kind]).eval()
    processor = AutoImageProcessor.from_pretrained(saved[kind], backend="pil")
    tokenizer = AutoTokenizer.from_pretrained(saved[kind])
    images = pictures(3)
    with torch.inference_mode():
        inputs = processor(images=images, return_tensors="pt")
        expected = torch.nn.functional.normalize(model.get_image_features(**inputs).pooler_output, dim=-1).numpy()
    np.testing.assert_allclose(encoder.encode_images(images), expected, atol=1e-5)
    for text in ("a red dress", "long " * 40):
        tokens = tokenizer([text], return_tensors="pt", truncation=True, max_length=tiny_models.CONTEXT,
                           padding="max_length" if kind == "siglip" else False)  # fmt: skip
        if kind == "siglip":  # trained on padded texts without a mask
            assert tokens.input_ids.shape == (1, tiny_models.CONTEXT)
            del tokens["attention_mask"]
        with torch.inference_mode():
            features = torch.nn.functional.normalize(model.get_text_features(**tokens).pooler_output, dim=-1).numpy()
        np.testing.assert_allclose(encoder.encode_texts(["dress", text, ""])[1:2], features, atol=1e-5)
    vectors = encoder.encode_texts(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_models_that_are_no_clip_or_incomplete_are_refused(saved: dict[str, Path], tmp_path: Path) -> None:
    BertConfig().save_pretrained(tmp_path / "bert")
    with pytest.raises(EncoderError, match="a model of type 'bert'; usable are clip, siglip, siglip2"):
        load_encoder(f"transformers:{tmp_path / 'bert'}")
    shutil.copytree(saved["clip"], tmp_path / "clip")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "clip" / name).unlink()
    with pytest.raises(EncoderError, match=r"whose tokenizer has \d tokens, the model 49408"):
        load_encoder(f"transformers:{tmp_path / 'clip'}")
    (tmp_path / "clip" / "preprocessor_config.json").unlink()
    with pytest.raises(EncoderError, match="cannot be fetched or loaded"):
        load_encoder(f"transformers:{tmp_path / 'clip'}")
    shutil.copytree(saved["clip"], tmp_path / "deeper")
    config = json.loads((tmp_path / "deeper" / "config.json").read_text())
    config["vision_config"]["num_hidden_layers"] = 2
    (tmp_path / "deeper" / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match=r"whose weights lack \d+ tensors, first vision_model\.encoder\.layers\.1"):
        load_encoder(f"transformers:{tmp_path / 'deeper'}")


def test_the_towers_of_a_pretrained_model_have_a_folder_by_its_name(tmp_path: Path) -> None:
    assert folder_name("open_clip:ViT-B-32:laion2b_s34b_b79k") == "open_clip.ViT-B-32.laion2b_s34b_b79k"
    assert folder_name("transformers:../../etc/passwd") == "transformers.etc.passwd"
    name = "open_clip:hf-hub:Marqo/marqo-fashionSigLIP"
    with pytest.raises(EncoderError, match=r"no config\.json in .*open_clip\.hf-hub\.Marqo\.marqo-fashionSigLIP"):
        encoder_directory(name, search=[tmp_path])
    folder = tmp_path / "open_clip.hf-hub.Marqo.marqo-fashionSigLIP"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert encoder_directory(name, search=[tmp_path]) == folder
