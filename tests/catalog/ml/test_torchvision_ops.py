"""torchvision imports beside any torch build."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from catalog.ml.torchvision_ops import declare_missing_ops


def test_open_clip_imports_in_a_fresh_process_and_nms_is_known() -> None:
    code = "import catalog.ml.torchvision_ops, open_clip, torchvision, torch; print(torch.ops.torchvision.nms)"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "nms" in done.stdout


def test_declaring_twice_is_harmless() -> None:
    assert declare_missing_ops() == declare_missing_ops()
    assert torch.ops.torchvision.nms is not None
