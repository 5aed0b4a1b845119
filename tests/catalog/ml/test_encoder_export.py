"""Towers of pretrained models for the web, equal to torch, or left out with the reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from catalog.ml.clip_tokenizer import clip_tokenizer
from catalog.ml.encoder import load_encoder
from catalog.ml.encoder_export import export_towers
from catalog.ml.image_encoder import OnnxImageEncoder
from catalog.ml.onnx_export import export_text_tower
from catalog.ml.open_clip_encoder import OpenClipEncoder
from catalog.ml.text_encoder import OnnxTextEncoder
from catalog.ml.token_layout import TokenLayout
from tests.catalog.ml import tiny_models

import open_clip  # isort: skip  (after torchvision_ops, which tiny_models imports)

TEXTS = [
    "a red floral dress", "", ".", "Women's Dress, don't   we'll 2024 100%", "платье в цветок", "word " * 100,
    "é è ñ ß İ ǅ 日本語テキスト", "👗 emoji 👚👚!!?", "&amp;amp; x &lt;b&gt;", "ﬁancé ½ ²", "a\u0301 b\u0327", "schÃ¶n",
    "tab\tnew\nline", "“quotes” — dash…", "I'M SHE'S", "ΑΒΓ σς", "a\u200bb\u00a0c", "नमस्ते दुनिया", "x_y-z/w#1",
]  # fmt: skip


def test_clips_vocabulary_reads_texts_as_open_clip_does() -> None:
    simple = open_clip.SimpleTokenizer()
    layout = TokenLayout(length=77, start=tiny_models.SOT, end=tiny_models.EOT, pad=0, clean="lower")
    ids = layout.token_ids(clip_tokenizer(simple), TEXTS)
    np.testing.assert_array_equal(ids, simple(TEXTS).numpy())
    spelled = layout.token_ids(clip_tokenizer(simple), ["<end_of_text> jeans"])[0]
    assert list(spelled).index(tiny_models.EOT) > 2  # the letters of the token, not the token


@pytest.mark.parametrize("hf_tokenizer", [False, True], ids=["open_clips tokenizer", "a tokenizer of transformers"])
def test_both_towers_answer_as_torch_does(hf_tokenizer: bool, tmp_path: Path) -> None:
    folder = tiny_models.save_open_clip_folder(tmp_path / "model", hf_tokenizer=hf_tokenizer)
    encoder = load_encoder(f"open_clip:local-dir:{folder}")
    assert isinstance(encoder, OpenClipEncoder)
    report = export_towers(encoder, tmp_path / "out", is_own=False)
    assert report.refused == {}
    assert sorted(report.written) == ["config.json", "image.onnx", "text.onnx", "tokenizer.json"]
    assert max(report.differences.values()) < 1e-5
    text, image = OnnxTextEncoder(tmp_path / "out"), OnnxImageEncoder(tmp_path / "out")
    assert (text.name, text.digest, text.dimensions) == (encoder.name, encoder.digest, 32)
    np.testing.assert_allclose(text.encode_texts(TEXTS), encoder.encode_texts(TEXTS), atol=1e-4)
    pictures = [Image.new("RGB", (40, 90), "red"), Image.radial_gradient("L").convert("RGB")]
    np.testing.assert_allclose(image.encode_images(pictures), encoder.encode_images(pictures), atol=1e-4)


def test_what_cannot_be_exported_is_left_out_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_models.save_open_clip_folder(tmp_path / "model")
    encoder = load_encoder(f"open_clip:local-dir:{folder}")
    assert isinstance(encoder, OpenClipEncoder)
    out = tmp_path / "out"
    out.mkdir()
    (out / "text.onnx").write_bytes(b"of other weights")
    monkeypatch.setattr(encoder.tokenize, "tokenizer", lambda texts: torch.ones(len(texts), 16, dtype=torch.int64))
    encoder.preprocess_config["size"] = (32, 48)
    report = export_towers(encoder, out, is_own=False)
    assert report.refused == {
        "text.onnx": "its tokenizer, a function, cannot be written as tokenizer.json",
        "image.onnx": "it sees pictures of (32, 48), and only squares can be exported",
    }
    assert list(out.iterdir()) == []


def test_a_tower_that_answers_otherwise_is_taken_back(tmp_path: Path) -> None:
    folder = tiny_models.save_open_clip_folder(tmp_path / "model")
    encoder = load_encoder(f"open_clip:local-dir:{folder}")
    assert isinstance(encoder, OpenClipEncoder)
    encoder.preprocess_config["mean"] = (0.0, 0.0, 0.0)  # not what the torch side does
    report = export_towers(encoder, tmp_path / "out", is_own=False)
    assert list(report.refused) == ["image.onnx"]
    assert report.refused["image.onnx"].startswith("its numbers differ by up to 0.")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["config.json", "text.onnx", "tokenizer.json"]
    assert json.loads((tmp_path / "out" / "config.json").read_text())["tokens"]["length"] == tiny_models.CONTEXT


def test_a_full_disk_leaves_the_tower_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load_encoder(f"open_clip:local-dir:{tiny_models.save_open_clip_folder(tmp_path / 'model')}")
    assert isinstance(encoder, OpenClipEncoder)
    tower = tmp_path / "text.onnx"
    tower.write_bytes(b"serving")
    write = Path.write_bytes

    def half(path: Path, content: bytes) -> int:
        write(path, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space left"):
        export_text_tower(encoder.model, tower, context_length=tiny_models.CONTEXT)
    assert tower.read_bytes() == b"serving"
