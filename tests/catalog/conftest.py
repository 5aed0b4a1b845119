"""Catalogue files made by the tests, and the import command run on them."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

KAGGLE_COLUMNS = (
    *("id", "gender", "masterCategory", "subCategory", "articleType", "baseColour", "season", "year", "usage"),
    "productDisplayName",
)


@pytest.fixture
def run_import() -> Callable[..., dict[str, Any]]:
    """`run_import(path, format="csv", map=[…])` -> the JSON of the command's last line of output."""

    def run(path: Path, *, format: str, **options: Any) -> dict[str, Any]:
        out = io.StringIO()
        call_command("import_catalog", str(path), format=format, stdout=out, **options)
        return json.loads(out.getvalue().splitlines()[-1])

    return run


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    def write(header: tuple[str, ...], rows: list[tuple[object, ...]], name: str = "shop.csv") -> Path:
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([header, *rows])
        return path

    return write


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[..., Path]:
    def write(records: list[dict[str, Any]], name: str = "products.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path

    return write


@pytest.fixture
def kaggle_folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder in the layout of the format: `kaggle_folder(rows, pictures={"1": bytes})`."""

    def make(rows: list[dict[str, str]], pictures: dict[str, bytes] | None = None, name: str = "styles.csv") -> Path:
        folder = tmp_path / "set"
        folder.mkdir(exist_ok=True)
        with (folder / name).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, KAGGLE_COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(rows)
        if pictures is not None:
            (folder / "images").mkdir(exist_ok=True)
            for external_id, content in pictures.items():
                (folder / "images" / f"{external_id}.jpg").write_bytes(content)
        return folder

    return make
