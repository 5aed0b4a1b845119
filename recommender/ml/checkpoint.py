"""A training checkpoint in a folder: one file, replaced atomically."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save


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
        # Cloned and packed: safetensors refuses tensors that share memory or are strided.
        content = save(
            {
                name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
                for name, tensor in tensors.items()
            },
            header,
        )
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
        # Read once: safe_open opens the file twice, and could meet two epochs when another process saves.
        content = self.path.read_bytes()
        try:
            tensors = load(content)
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
            return int(header["epoch"]), tensors, json.loads(header["meta"])
        except (SafetensorError, KeyError, ValueError) as error:
            raise ValueError(f"checkpoint: {str(self.path)!r} is not readable: {error}") from error

    def clear(self) -> None:
        """Forgets the saved state, for a finished run."""
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".partial").unlink(missing_ok=True)
