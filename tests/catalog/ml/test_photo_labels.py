"""Tables of labels, as people have them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from PIL import Image

from catalog.ml.photo_labels import LabelsError, read_labelled_photos


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.png"):
        Image.new("RGB", (20, 20), "red").save(tmp_path / name)
    return tmp_path


def read(photos: Path, table: str, *, name: str = "labels.csv") -> tuple[list[tuple[str, dict[str, str]]], list[str]]:
    path = photos / name
    path.write_bytes(gzip.compress(table.encode()) if name.endswith(".gz") else table.encode())
    skipped: list[str] = []
    examples = list(read_labelled_photos(photos, path, on_skip=skipped))
    return [(example.caption, dict(example.attributes)) for example in examples], skipped


def test_files_are_found_with_and_without_their_ending(photos: Path) -> None:
    rows, skipped = read(photos, "\ufefffile,label,title\na.jpg,dress, Red dress \nb,Not sure,\n")
    assert rows == [("Red dress", {"label": "dress"}), ("", {})]
    assert skipped == []


def test_a_compressed_table_reads_alike(photos: Path) -> None:
    table = "id,label\na,hat\n"
    assert read(photos, table, name="labels.csv.gz") == read(photos, table) == ([("", {"label": "hat"})], [])


def test_short_rows_and_escaping_paths_do_not_stop_the_reading(photos: Path) -> None:
    (photos.parent / "outside.jpg").write_bytes((photos / "a.jpg").read_bytes())
    rows, skipped = read(photos, "file,label\n../outside.jpg,hat\n\na\n,x\na,hat\n")
    assert rows == [("", {}), ("", {"label": "hat"})]
    assert len(skipped) == 2
    assert skipped[0].startswith("row 2 file: received ")


def test_what_is_no_table_is_refused_by_name(photos: Path, tmp_path: Path) -> None:
    for path in (photos / "none.csv", photos / "a.jpg", photos):
        with pytest.raises(LabelsError, match="labels: received"):
            list(read_labelled_photos(photos, path, on_skip=[]))
    with pytest.raises(LabelsError, match="photos: received"):
        list(read_labelled_photos(photos / "none", photos / "labels.csv", on_skip=[]))
