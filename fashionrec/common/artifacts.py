"""Folders of files in the `artifacts` storage, addressed by the digest of their contents.

Workers may live on other machines than the web: a folder is fetched once into a local cache and checked.
"""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import storages


class ArtifactError(RuntimeError):
    """A stored folder is missing or does not have the contents its digest promises."""


def store_directory(directory: Path) -> str:
    """Store every file under `directory`; returns the sha256 (hex) of its manifest. Safe to repeat."""
    manifest = _manifest(directory)
    digest = hashlib.sha256(manifest).hexdigest()
    storage = storages["artifacts"]
    for name in json.loads(manifest):
        target = f"{digest}/{name}"
        if not storage.exists(target):
            with (directory / name).open("rb") as stream:
                storage.save(target, File(stream))
    # The manifest is written last: a folder without one was never finished.
    if not storage.exists(f"{digest}/manifest.json"):
        storage.save(f"{digest}/manifest.json", ContentFile(manifest))
    return digest


def fetch_directory(digest: str) -> Path:
    """The local copy of a stored folder. Raises ArtifactError when it is missing or damaged."""
    local = Path(settings.ARTIFACT_CACHE_DIR) / digest
    if (local / "manifest.json").exists():
        return local
    storage = storages["artifacts"]
    try:
        with storage.open(f"{digest}/manifest.json") as stream:
            manifest = stream.read()
    except FileNotFoundError as error:
        raise ArtifactError(f"artifact {digest!r}: not in storage") from error
    local.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=local.parent, prefix=f"{digest[:12]}-"))
    try:
        for name, expected in json.loads(manifest).items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            with storage.open(f"{digest}/{name}") as source, (partial / name).open("wb") as target:
                shutil.copyfileobj(source, target)
            actual = _sha256(partial / name)
            if actual != expected:
                raise ArtifactError(f"artifact {digest!r}: {name} has sha256 {actual}, expected {expected}")
        (partial / "manifest.json").write_bytes(manifest)
        try:
            os.rename(partial, local)
        except OSError:  # another process was first; its copy passed the same checks
            if not (local / "manifest.json").exists():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return local


def _manifest(directory: Path) -> bytes:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    if not files:
        raise ArtifactError(f"artifact folder {str(directory)!r} is empty")
    digests = {path.relative_to(directory).as_posix(): _sha256(path) for path in files}
    return json.dumps(digests, sort_keys=True, indent=1).encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
