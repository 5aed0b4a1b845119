"""The written catalogue: whole, repeatable, and safe to interrupt."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from fashionrec.demo.catalogue import SOURCES, write_catalogue
from fashionrec.demo.products import generate_products

COUNT = 12
ROOT = Path(__file__).resolve().parents[3]


def _contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(tmp_path_factory.mktemp("catalogue"), seed=5, count=COUNT)


def test_the_listing_has_a_line_and_a_picture_for_every_product(written: Path) -> None:
    records = [json.loads(line) for line in written.read_text(encoding="utf-8").splitlines()]
    assert records == [product.as_json() for product in generate_products(seed=5, count=COUNT)]
    for record in records:
        with Image.open(written.parent / record["images"][0]) as picture:
            assert (picture.format, picture.size) == ("JPEG", (320, 320))
    assert set(_contents(written.parent)) == {
        "products.jsonl",
        "manifest.json",
        *(record["images"][0] for record in records),
    }


def test_the_same_seed_writes_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_catalogue(tmp_path, seed=5, count=COUNT)
    assert _contents(tmp_path) == _contents(written.parent)


def test_a_complete_catalogue_is_left_alone(written: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in written.parent.rglob("*")}
    write_catalogue(written.parent, seed=5, count=COUNT)
    assert {path: path.stat().st_mtime_ns for path in written.parent.rglob("*")} == before


def test_an_interrupted_run_keeps_its_pictures_and_the_next_one_finishes(written: Path, tmp_path: Path) -> None:
    class InterruptionError(Exception):
        pass

    def stop_after_five(done: int, total: int) -> None:
        assert total == COUNT
        if done == 5:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        write_catalogue(tmp_path, seed=5, count=COUNT, on_progress=stop_after_five)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "images").iterdir()}
    assert len(kept) == 5
    assert not (tmp_path / "products.jsonl").exists()
    seen: list[int] = []
    write_catalogue(tmp_path, seed=5, count=COUNT, on_progress=lambda done, total: seen.append(done))
    assert seen == [6, 7, 8, 9, 10, 11, 12, 12]
    assert {name: (tmp_path / "images" / name).stat().st_mtime_ns for name in kept} == kept
    assert _contents(tmp_path) == _contents(written.parent)


def test_a_lost_picture_is_drawn_again(written: Path, tmp_path: Path) -> None:
    write_catalogue(tmp_path, seed=5, count=COUNT)
    (tmp_path / "images/demo-00003.jpg").unlink()
    write_catalogue(tmp_path, seed=5, count=COUNT)
    assert _contents(tmp_path) == _contents(written.parent)


def test_another_seed_replaces_the_catalogue_and_leaves_foreign_files(written: Path, tmp_path: Path) -> None:
    write_catalogue(tmp_path, seed=6, count=COUNT + 2)
    (tmp_path / "notes.txt").write_text("mine")
    write_catalogue(tmp_path, seed=5, count=COUNT)
    contents = _contents(tmp_path)
    assert contents.pop("notes.txt") == b"mine"
    assert contents == _contents(written.parent)


def test_a_garbled_manifest_means_drawing_anew(written: Path, tmp_path: Path) -> None:
    write_catalogue(tmp_path, seed=5, count=COUNT)
    (tmp_path / "manifest.json").write_text("{half")
    write_catalogue(tmp_path, seed=5, count=COUNT)
    assert _contents(tmp_path) == _contents(written.parent)


def test_two_processes_draw_what_one_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fashionrec.demo.catalogue._WORTH_A_HELPER", 10_000)
    write_catalogue(tmp_path / "alone", seed=5, count=70)
    monkeypatch.setattr("fashionrec.demo.catalogue._WORTH_A_HELPER", 2)
    write_catalogue(tmp_path / "together", seed=5, count=70)
    assert _contents(tmp_path / "together") == _contents(tmp_path / "alone")


def test_the_digest_covers_all_code_that_the_catalogue_is_made_by() -> None:
    listing = (
        "import sys, fashionrec.demo.catalogue; print(*[m for m in sys.modules if m.startswith('fashionrec.demo.')])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", listing], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    package = ROOT / "fashionrec/demo"
    covered = {path for source in SOURCES for path in package.glob(source)}
    for name in loaded.split():
        stem = package.joinpath(*name.split(".")[2:])
        path = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
        assert path in covered or path.name == "catalogue.py", name
