"""Writes the demo catalogue: `products.jsonl` in the import format, and a picture for every product.

Every file appears by rename, so an interrupted run leaves only whole files, which the next run keeps.
`manifest.json` names what the folder was drawn from and says when all of it is there.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from fashionrec.demo.drawing import draw_product
from fashionrec.demo.products import DemoProduct, generate_products

DEFAULT_SEED = 7
DEFAULT_COUNT = 640
PICTURE_SIZE = 320

# Told after each picture: how many of them are there, out of how many.
Progress = Callable[[int, int], None]

# Below this many missing pictures a second process costs more than it gains (its start takes about 0.5 s).
_WORTH_A_HELPER = 60


def write_catalogue(
    directory: Path, *, seed: int = DEFAULT_SEED, count: int = DEFAULT_COUNT, on_progress: Progress | None = None
) -> Path:
    """Makes sure that `directory` holds the catalogue of this seed and count; answers the path of products.jsonl.

    Safe to repeat (a complete folder is left as it is) and to interrupt at any instant. A folder drawn from other
    parameters, or by another version of the drawings, is drawn anew; only its own files are replaced.
    Raises ValueError for a negative seed or count, OSError if the folder cannot be written.
    """
    products = generate_products(seed=seed, count=count)
    listing, manifest = directory / "products.jsonl", directory / "manifest.json"
    (directory / "images").mkdir(parents=True, exist_ok=True)
    wanted = {"seed": seed, "count": count, "size": PICTURE_SIZE, "drawings": drawings_digest()}
    found = _read_manifest(manifest)
    if {name: found.get(name) for name in wanted} != wanted:
        _clear(directory)
        found = {}
    if not (found.get("complete") and listing.exists() and _drawn(directory, products) == count):
        _write(manifest, json.dumps({**wanted, "complete": False}).encode())
        _draw_all(directory, products, seed, on_progress)
        lines = [json.dumps(product.as_json(), ensure_ascii=False) for product in products]
        _write(listing, "".join(line + "\n" for line in lines).encode())
        _write(manifest, json.dumps({**wanted, "complete": True}).encode())
    if on_progress:
        on_progress(count, count)
    return listing


# The modules that decide what a product says and how it looks.
SOURCES = (
    "brands.py",
    "canvas.py",
    "drawing.py",
    "geometry.py",
    "kinds/*.py",
    "lighting.py",
    "materials.py",
    "palette.py",
    "patterns.py",
    "phrases.py",
    "products.py",
    "silhouettes/*.py",
    "sizes.py",
    "vocabulary.py",
    "wording.py",
)


@lru_cache(maxsize=1)
def drawings_digest() -> str:
    """sha256 over the drawing code, so that improved drawings replace old pictures."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for path in sorted(path for source in SOURCES for path in package.glob(source)):
        digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _draw_all(directory: Path, products: list[DemoProduct], seed: int, on_progress: Progress | None) -> None:
    """Draws from the front while a helper draws from the back, until they meet."""
    count = len(products)
    missing = count - _drawn(directory, products)
    helper = None
    if missing >= _WORTH_A_HELPER and _spare_core() and not multiprocessing.current_process().daemon:
        helper = multiprocessing.get_context("spawn").Process(
            target=_draw_from_the_back, args=(str(directory), seed, count), daemon=True
        )
        helper.start()
    try:
        for _ in _draw_missing(directory, products):
            if on_progress:
                on_progress(_drawn(directory, products), count)
    finally:
        if helper is not None:
            helper.terminate()
            helper.join()
    for leftover in (directory / "images").glob(".*.tmp"):  # of the helper, and of earlier runs that were killed
        leftover.unlink(missing_ok=True)


def _draw_from_the_back(directory: str, seed: int, count: int) -> None:
    """The helper process: stops early when its parent is gone."""
    parent = multiprocessing.parent_process()
    for _ in _draw_missing(Path(directory), generate_products(seed=seed, count=count)[::-1]):
        if parent is not None and not parent.is_alive():
            return


def _draw_missing(directory: Path, products: Iterable[DemoProduct]) -> Iterable[DemoProduct]:
    """Draws what is not there yet, yielding after each picture."""
    for product in products:
        path = directory / product.image
        if path.exists():
            continue
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        # Full chroma: stripes and small prints in saturated colours smear without it.
        draw_product(product, size=PICTURE_SIZE).save(temporary, "JPEG", quality=88, subsampling=0)
        temporary.replace(path)
        yield product


def _drawn(directory: Path, products: list[DemoProduct]) -> int:
    present = {entry.name for entry in os.scandir(directory / "images")}
    return sum(Path(product.image).name in present for product in products)


def _spare_core() -> bool:
    return len(os.sched_getaffinity(0)) > 1


def _read_manifest(path: Path) -> dict[str, Any]:
    """The manifest, or nothing when it is missing or unreadable: then the folder is not trusted."""
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _clear(directory: Path) -> None:
    for path in [directory / "manifest.json", directory / "products.jsonl", *(directory / "images").glob("demo-*.jpg")]:
        path.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    """Writes by temporary file and rename; fsync because later steps trust what the manifest says."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
