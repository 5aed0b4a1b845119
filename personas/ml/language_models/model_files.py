"""Where a model's files lie, what they say of it, and their digest. Reads no weights into memory and no torch."""

import hashlib
import json
from pathlib import Path
from threading import Lock
from typing import Any

COMPACT = "compact"
COMPACT_FOLDER = Path(__file__).parents[2] / "raters" / "compact"
"""The small model that comes with the shop."""

DETERMINING = (
    "*.safetensors", "*.safetensors.index.json", "pytorch_model*.bin", "adapter_model.bin", "adapter_config.json",
    "config.json", "tokenizer*", "*.model", "vocab.*", "merges.txt", "special_tokens_map.json", "added_tokens.json",
    "chat_template*", "tekken.json",
)  # fmt: skip
"""Whatever changes an answer. Model cards and training logs may change without making another model."""

_digests: dict[tuple[str, int, int], str] = {}
_lock = Lock()


def model_folder(model: str, revision: str = "") -> Path | None:
    """The folder of the shipped model, of a path, or of a hub model that was loaded before; None if not here yet."""
    folder = COMPACT_FOLDER if model == COMPACT else Path(model)
    if folder.is_dir():
        return folder
    if model == COMPACT or folder.is_absolute() or model.startswith("."):
        return None
    from huggingface_hub import try_to_load_from_cache

    try:
        config = try_to_load_from_cache(model, "config.json", revision=revision or None)
    except ValueError:  # HFValidationError: not the name of a hub model
        return None
    return Path(config).parent if isinstance(config, str) else None


def determining_files(folder: Path) -> list[Path]:
    return sorted({path for pattern in DETERMINING for path in folder.glob(pattern) if path.is_file()})


def files_stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """(name, modified in ns, size) of every file that determines answers: changes when the model was trained anew."""
    return tuple((path.name, (stat := path.stat()).st_mtime_ns, stat.st_size) for path in determining_files(folder))


def files_digest(folder: Path) -> str:
    """sha256 hex over the names and contents of `determining_files`. A file is read again only when it changed."""
    total = hashlib.sha256()
    for path in determining_files(folder):
        total.update(f"{path.name}\0{_file_digest(path)}\n".encode())
    return total.hexdigest()


def read_config(folder: Path) -> dict[str, Any]:
    """config.json as a dict; empty when there is none."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) if path.is_file() else {}
    return config if isinstance(config, dict) else {}


def _file_digest(path: Path) -> str:
    stat = path.stat()
    key = (str(path.resolve()), stat.st_mtime_ns, stat.st_size)
    with _lock:
        known = _digests.get(key)
    if known is None:
        with path.open("rb") as file:
            known = hashlib.file_digest(file, "sha256").hexdigest()
        with _lock:
            _digests[key] = known
    return known
