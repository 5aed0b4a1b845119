"""The folder a trained model is stored in: config.json, *.safetensors, *.onnx; free of torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from safetensors.numpy import load_file, save_file

ARTIFACT_FORMAT = 1

WEIGHTS = "weights"
"""Name of the tensors with which a later training can begin (recommender.ml.warm_start)."""


def write_tensors(directory: Path, name: str, tensors: Mapping[str, np.ndarray]) -> None:
    """Stores arrays as <directory>/<name>.safetensors."""
    directory.mkdir(parents=True, exist_ok=True)
    # Unlike np.ascontiguousarray this keeps a number a number, and no array of one.
    contiguous = {key: np.asarray(array, order="C") for key, array in tensors.items()}
    save_file(contiguous, directory / f"{name}.safetensors")


def read_tensors(directory: Path, name: str) -> dict[str, np.ndarray]:
    """The arrays of `write_tensors`. Raises FileNotFoundError naming the file."""
    path = directory / f"{name}.safetensors"
    if not path.exists():
        raise FileNotFoundError(f"artifact: {str(path)!r} is missing")
    return load_file(path)


def write_config(directory: Path, *, kind: str, n_items: int, **fields: Any) -> None:
    """Stores config.json. Written last by every trainer: a folder that has it is complete."""
    config = {"format": ARTIFACT_FORMAT, "kind": kind, "n_items": int(n_items), **fields}
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / "config.json.partial"
    temporary.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    temporary.replace(directory / "config.json")


def read_config(directory: Path) -> dict[str, Any]:
    """config.json of an artifact. Raises FileNotFoundError or ValueError naming the folder."""
    path = Path(directory) / "config.json"
    if not path.exists():
        raise FileNotFoundError(f"artifact: {str(directory)!r} has no config.json")
    config = json.loads(path.read_text())
    if config.get("format") != ARTIFACT_FORMAT:
        raise ValueError(f"format: received {config.get('format')!r} in {str(path)!r}, expected {ARTIFACT_FORMAT}")
    return config


def write_items(directory: Path, items: Sequence[str]) -> None:
    """Stores items.json: the caller's opaque id of every item index."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "items.json").write_text(json.dumps(list(items)))


def read_items(directory: Path) -> list[str]:
    """The ids of `write_items`, by item index."""
    return json.loads((Path(directory) / "items.json").read_text())


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """An exported graph, ready to run on one thread. Raises FileNotFoundError naming the file."""
    if not path.exists():
        raise FileNotFoundError(f"artifact: {str(path)!r} is missing")
    options = onnxruntime.SessionOptions()
    # One request, one core: parallelism comes from processes.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
