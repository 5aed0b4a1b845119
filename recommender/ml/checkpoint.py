"""A training checkpoint in a folder: one file, replaced atomically."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save


class Checkpoint:
    """Keeps the state after the last finished epoch in `directory`.

    Epoch, meta and tensors share one safetensors file (epoch and meta in its header), so a kill at any
    instant leaves either the previous epoch or the new one, never a mixture.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self.path = self.directory / "checkpoint.safetensors"

    def save(self, epoch: int, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None:
        """Writes beside, syncs to disk, renames over; meta must be JSON."""
        self.directory.mkdir(parents=True, exist_ok=True)
        header = {"epoch": str(epoch), "meta": json.dumps(dict(meta), sort_keys=True)}
        # Cloned: safetensors refuses tensors that share memory.
        content = save({name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}, header)
        temporary = self.path.with_suffix(".partial")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        folder = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(folder)  # the rename itself must survive a power cut
        finally:
            os.close(folder)

    def load(self) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]] | None:
        """(finished epochs, tensors, meta), or None when nothing was saved yet.

        Raises ValueError naming the file when it is not a checkpoint.
        """
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                header = file.metadata()
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            return int(header["epoch"]), tensors, json.loads(header["meta"])
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"checkpoint: {str(self.path)!r} is not readable: {error}") from error

    def clear(self) -> None:
        """Forgets the saved state, for a finished run."""
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".partial").unlink(missing_ok=True)
