"""The towers of an encoder written for processes without torch, each checked against the torch one it came from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from catalog.ml.clip_tokenizer import clip_tokenizer
from catalog.ml.encoder import EncoderError
from catalog.ml.image_encoder import OnnxImageEncoder
from catalog.ml.onnx_export import export_image_tower, export_text_tower
from catalog.ml.open_clip_encoder import OpenClipEncoder
from catalog.ml.text_encoder import OnnxTextEncoder
from catalog.ml.token_layout import TokenLayout

import open_clip  # isort: skip  (after torchvision_ops, which open_clip_encoder imports)
from open_clip.tokenizer import HFTokenizer  # isort: skip

TOLERANCE = 1e-3
"""Most that one number of a unit vector may differ: the ONNX operators add up in another order."""

CHECKED_TEXTS = (
    "red floral summer dress", "", "Women's shirt, don't   iron; 100% cotton (2024)", "платье в цветок",
    "ワンピース 花柄", "schÃ¶n &amp; cosy — “wool”", "👗 size 38/40 #sale", "warm winter coat with a hood " * 40,
)  # fmt: skip


@dataclass
class ExportReport:
    """written: files; differences: largest one of any number, by tower; refused: why a tower was not written."""

    directory: Path
    written: list[str] = field(default_factory=list)
    differences: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def export_towers(encoder: OpenClipEncoder, directory: Path, *, is_own: bool) -> ExportReport:
    """Writes text.onnx and image.onnx, and for a pretrained model tokenizer.json and, last, config.json besides.

    is_own: `directory` is the encoder's own, made by `train_encoder`, with its config and tokenizer already there.
    A tower whose vectors would not be the torch encoder's is left out, and the report says why.
    """
    report = ExportReport(directory)
    directory.mkdir(parents=True, exist_ok=True)
    if not is_own:
        for file in ("config.json", "tokenizer.json", "text.onnx", "image.onnx"):
            (directory / file).unlink(missing_ok=True)  # nothing of other weights may stay beside the new files
    layout = None if is_own else _write_tokenizer(encoder, directory, report)
    if is_own or layout is not None:
        length = encoder.tokenize([""]).shape[1]
        _attempt(report, "text.onnx", lambda path: export_text_tower(encoder.model, path, context_length=length))
    size = _side(encoder, report)
    if size is not None:
        _attempt(report, "image.onnx", lambda path: export_image_tower(encoder.model, path, size=size))
    if not is_own and report.written:
        config = _config(encoder, layout)
        (directory / "config.json").write_text(json.dumps(config, indent=1) + "\n", "utf-8")
        report.written.append("config.json")
    _check(encoder, report)
    return report


def _attempt(report: ExportReport, file: str, write: Any) -> None:
    path = report.directory / file
    try:
        write(path)
    except ValueError as error:
        report.refused[file] = str(error)
    else:
        report.written.append(file)


def _write_tokenizer(encoder: OpenClipEncoder, directory: Path, report: ExportReport) -> TokenLayout | None:
    tokenizer: Any = getattr(encoder.tokenize, "tokenizer", None)
    length = encoder.tokenize([""]).shape[1]
    if isinstance(tokenizer, open_clip.SimpleTokenizer) and tokenizer.reduction_fn is None:
        start, end = tokenizer.sot_token_id, tokenizer.eot_token_id
        fast = clip_tokenizer(tokenizer)
        layout = TokenLayout(length=length, start=start, end=end, pad=0, clean=_cleaning(tokenizer))
    elif isinstance(tokenizer, HFTokenizer) and hasattr(tokenizer.tokenizer, "backend_tokenizer"):
        if tokenizer.tokenizer_mode or tokenizer.strip_sep_token:
            report.refused["text.onnx"] = "its tokenizer rewrites tokens in a way of its own"
            return None
        start, end = _frame(tokenizer.tokenizer)
        fast = tokenizer.tokenizer.backend_tokenizer
        pad = tokenizer.tokenizer.pad_token_id
        layout = TokenLayout(length=length, start=start, end=end, pad=pad, clean=_cleaning(tokenizer))
    else:
        kind = type(tokenizer).__name__
        report.refused["text.onnx"] = f"its tokenizer, a {kind}, cannot be written as tokenizer.json"
        return None
    fast.no_truncation()
    fast.no_padding()
    fast.save(str(directory / "tokenizer.json"), pretty=False)
    report.written.append("tokenizer.json")
    return layout


def _cleaning(tokenizer: Any) -> str:
    """open_clip keeps only the function."""
    name = tokenizer.clean_fn.__name__.removeprefix("_clean_")
    return str(name)


def _frame(tokenizer: Any) -> tuple[int | None, int]:
    """(start, end) ids that a tokenizer of transformers puts around a text."""
    ids = tokenizer("").input_ids
    return (ids[0], ids[-1]) if len(ids) == 2 else (None, ids[-1])


def _side(encoder: OpenClipEncoder, report: ExportReport) -> int | None:
    size = encoder.preprocess_config["size"]
    if isinstance(size, int):
        return size
    report.refused["image.onnx"] = f"it sees pictures of {size}, and only squares can be exported"
    return None


def _config(encoder: OpenClipEncoder, layout: TokenLayout | None) -> dict[str, Any]:
    length = encoder.tokenize([""]).shape[1]
    config: dict[str, Any] = {
        "name": encoder.name,
        "weights_sha256": encoder.digest,
        "model_cfg": {"embed_dim": encoder.dimensions, "text_cfg": {"context_length": length}},
        "preprocess_cfg": encoder.preprocess_config,
    }
    return config | ({"tokens": layout.as_config()} if layout else {})


def _check(encoder: OpenClipEncoder, report: ExportReport) -> None:
    """Compares with torch, and takes back a tower that says something else."""
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (90, width, 3), dtype=np.uint8)) for width in (60, 90, 140)]
    if "text.onnx" in report.written:
        _compare(report, "text.onnx", lambda: OnnxTextEncoder(report.directory).encode_texts(CHECKED_TEXTS),
                 encoder.encode_texts(CHECKED_TEXTS))  # fmt: skip
    if "image.onnx" in report.written:
        _compare(report, "image.onnx", lambda: OnnxImageEncoder(report.directory).encode_images(pictures),
                 encoder.encode_images(pictures))  # fmt: skip


def _compare(report: ExportReport, file: str, encode: Any, expected: Any) -> None:
    try:
        difference = float(np.abs(encode() - expected).max())
        reason = f"its numbers differ by up to {difference:.2g} from the torch encoder's" * (difference > TOLERANCE)
    except (EncoderError, ValueError, RuntimeError) as error:
        difference, reason = float("nan"), str(error)
    if reason:
        (report.directory / file).unlink()
        report.written.remove(file)
        report.refused[file] = reason
    else:
        report.differences[file] = difference
