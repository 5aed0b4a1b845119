"""The towers of a CLIP as ONNX files for processes without torch."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

OPSET = 18


class _TextTower(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        encode_text: Any = self.model.encode_text
        return functional.normalize(encode_text(tokens), dim=-1)


class _ImageTower(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        encode_image: Any = self.model.encode_image
        return functional.normalize(encode_image(pixels), dim=-1)


def export_text_tower(model: nn.Module, path: Path, *, context_length: int) -> None:
    """Writes `tokens` (N, context_length) int64 -> `vectors` (N, D) float32, L2-normalised."""
    _export(
        _TextTower(model), torch.ones((2, context_length), dtype=torch.int64), path, input_name="tokens", axis="texts"
    )


def export_image_tower(model: nn.Module, path: Path, *, size: int) -> None:
    """Writes `pixels` (N, 3, size, size) float32 -> `vectors` (N, D) float32, L2-normalised.

    size: side in pixels of what the tower's preprocessing gives.
    """
    _export(_ImageTower(model), torch.zeros((2, 3, size, size)), path, input_name="pixels", axis="pictures")


def _export(tower: nn.Module, example: torch.Tensor, path: Path, *, input_name: str, axis: str) -> None:
    """Weights that fp16 holds exactly are stored so, behind a cast that onnxruntime folds away on loading.

    The model stays on its device and in its mode. Raises ValueError for a tower of more than 2 GB, the most that one
    ONNX file holds.
    """
    model: Any = tower.model
    training = model.training
    device = next(model.parameters()).device
    buffer = io.BytesIO()
    fast_attention = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)  # one fused operator, which ONNX does not have
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            # The exporter by tracing: 0.4 s and equal to 1e-7, where the one by torch.export takes 7 to 22 s.
            torch.onnx.export(
                tower.eval().cpu(),
                (example,),
                buffer,  # type: ignore[arg-type]  # the tracing exporter takes a buffer too
                input_names=[input_name],
                output_names=["vectors"],
                dynamic_axes={input_name: {0: axis}, "vectors": {0: axis}},
                opset_version=OPSET,
                dynamo=False,
                # Otherwise the exporter folds norms into convolutions, whose weights then need fp32: 9.6 MB, not 5.
                # onnxruntime folds them when it loads the file.
                training=torch.onnx.TrainingMode.PRESERVE,
            )
    except RuntimeError as error:
        raise ValueError(f"{input_name}: the tower cannot be written as ONNX: {error}") from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_attention)
        model.train(training).to(device)
    exported = onnx.load_model_from_string(buffer.getvalue())
    _halve_weights(exported.graph)
    for node in exported.graph.node:  # would hold source lines and paths of the exporting machine
        node.doc_string = ""
    # At once or not at all: processes that serve may read this file now, and disks get full.
    temporary = path.with_suffix(".partial")
    temporary.write_bytes(exported.SerializeToString(deterministic=True))
    temporary.replace(path)


def _halve_weights(graph: onnx.GraphProto) -> None:
    casts = []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < 1_000:
            continue
        halved = values.astype(np.float16)
        if not np.array_equal(halved.astype(np.float32), values):
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(halved, f"{name}.fp16"))
        casts.append(onnx.helper.make_node("Cast", [weight.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
