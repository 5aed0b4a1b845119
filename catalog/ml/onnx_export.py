"""The text tower of a CLIP as an ONNX file for processes without torch."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

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
        return functional.normalize(self.model.encode_text(tokens), dim=-1)


def export_text_tower(model: nn.Module, path: Path, *, context_length: int) -> None:
    """Writes `tokens` (N, context_length) int64 -> `vectors` (N, D) float32, L2-normalised.

    Weights that fp16 holds exactly are stored so, behind a cast that onnxruntime folds away when it loads the file.
    """
    tokens = torch.ones((2, context_length), dtype=torch.int64)
    training = model.training
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                _TextTower(model).eval(),
                (tokens,),
                input_names=["tokens"],
                output_names=["vectors"],
                dynamic_shapes=({0: torch.export.Dim("texts")},),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
        model.train(training)
    exported = program.model_proto
    _halve_weights(exported.graph)
    del exported.metadata_props[:]
    for node in exported.graph.node:  # traces of the exporting machine: source lines and paths
        del node.metadata_props[:]
        node.doc_string = ""
    path.write_bytes(exported.SerializeToString(deterministic=True))


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
