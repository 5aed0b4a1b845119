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

MANIFEST = "manifest.json"


class ArtifactError(RuntimeError):
    """A stored folder is missing or does not have the contents its digest promises."""


def store_directory(directory: Path) -> str:
    """Store every file under `directory`; returns the sha256 (hex) of its manifest. Safe to repeat.

    Raises ArtifactError when there is nothing to store, or a file bears the manifest's name.
    """
    manifest = _manifest(directory)
    digest = hashlib.sha256(manifest).hexdigest()
    storage = storages["artifacts"]
    # The manifest is written last: a folder without one was never finished.
    if storage.exists(f"{digest}/{MANIFEST}"):
        return digest
    for name in json.loads(manifest):
        target = f"{digest}/{name}"
        if storage.exists(target):
            storage.delete(target)  # an interrupted attempt may have left half of it
        with (directory / name).open("rb") as stream:
            storage.save(target, File(stream))
    storage.save(f"{digest}/{MANIFEST}", ContentFile(manifest))
    return digest


def fetch_directory(digest: str) -> Path:
    """The local copy of a stored folder. Raises ArtifactError when it is missing or damaged."""
    local = Path(settings.ARTIFACT_CACHE_DIR) / digest
    if (local / MANIFEST).exists():
        return local
    storage = storages["artifacts"]
    try:
        with storage.open(f"{digest}/{MANIFEST}") as stream:
            manifest = stream.read()
    except FileNotFoundError as error:
        raise ArtifactError(f"artifact {digest!r}: not in storage") from error
    if (found := hashlib.sha256(manifest).hexdigest()) != digest:
        raise ArtifactError(f"artifact {digest!r}: its manifest has sha256 {found}")
    local.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=local.parent, prefix=f"{digest[:12]}-"))
    try:
        for name, expected in json.loads(manifest).items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                with storage.open(f"{digest}/{name}") as source, (partial / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
            except FileNotFoundError as error:
                raise ArtifactError(f"artifact {digest!r}: {name} is missing from storage") from error
            actual = _sha256(partial / name)
            if actual != expected:
                raise ArtifactError(f"artifact {digest!r}: {name} has sha256 {actual}, expected {expected}")
        (partial / MANIFEST).write_bytes(manifest)
        try:
            os.rename(partial, local)
        except OSError:  # another process was first; its copy passed the same checks
            if not (local / MANIFEST).exists():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return local


def file_digests(directory: Path) -> dict[str, str]:
    """sha256 (hex) of every file under `directory` by its name, as `store_directory` writes them down."""
    digests: dict[str, str] = json.loads(_manifest(directory))
    return digests


def _manifest(directory: Path) -> bytes:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    if not files:
        raise ArtifactError(f"artifact folder {str(directory)!r} is empty")
    if directory / MANIFEST in files:
        raise ArtifactError(f"artifact folder {str(directory)!r} has a {MANIFEST} of its own")
    digests = {path.relative_to(directory).as_posix(): _sha256(path) for path in files}
    return json.dumps(digests, sort_keys=True, indent=1).encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
