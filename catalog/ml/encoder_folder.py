"""What is added to an encoder's folder when its weights are there: figures in config.json, and a model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def finish_folder(directory: Path, **more: Any) -> None:
    """Adds `more` to config.json, or begins it, at once or not at all; None adds nothing."""
    path = directory / "config.json"
    config = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    config |= {key: value for key, value in more.items() if value is not None}
    temporary = path.with_suffix(".partial")
    temporary.write_text(json.dumps(config, indent=1) + "\n", "utf-8")
    temporary.replace(path)
