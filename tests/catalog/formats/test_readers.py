"""Files of each format become records."""

import gzip
import io
from pathlib import Path
from typing import Any

import pytest

from catalog.formats import FORMATS, find_file, opened, read_rows
from catalog.formats.columns import map_columns
from catalog.formats.first_rows import FirstRows
from catalog.formats.kaggle import brand_in_title
from catalog.formats.sentences import unglue_sentences
from fashionrec.common.errors import Invalid

HEADER = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName\n"


def records(text: str | bytes, format: str, folder: Path | None = None, **mapping: str) -> list[dict[str, Any]]:
    content = text.encode() if isinstance(text, str) else text
    with opened(io.BytesIO(content)) as stream:
        rows = list(read_rows(stream, format=format, mapping=mapping, encoding="utf-8", folder=folder))
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    return [row.record if row.error is None else {"error": row.error.reason} for row in rows]


def test_kaggle_columns_become_fields(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    text = HEADER + "15970,Men,Apparel,Topwear,Shirts,Navy Blue,Fall,2011,Casual,Turtle Check Men Navy Blue Shirt\n"
    assert records(text, "kaggle", folder=tmp_path) == [
        {
            "external_id": "15970",
            "title": "Turtle Check Men Navy Blue Shirt",
            "brand": "Turtle",
            "category": "Apparel > Topwear > Shirts",
            "attributes": {"usage": "Casual", "year": "2011"},
            "gender": "Men",
            "colour": "Navy Blue",
            "season": "Fall",
            "images": ["images/15970.jpg"],
        }
    ]
    assert "images" not in records(text, "myntra", folder=tmp_path / "elsewhere")[0]
    assert "images" not in records(text, "myntra")[0]


@pytest.mark.parametrize(
    ("title", "gender", "brand"),
    [
        ("United Colors of Benetton Women Solid Black Wallets", "Women", "United Colors of Benetton"),
        ("Gini and Jony Kids Boys Check Black Shirts", "Boys", "Gini and Jony"),
        ("Nike Men's Town Navy Blue T-Shirts", "Men", "Nike"),
        ("Spykar Blue Washed Jeans", "Men", ""),
        ("Women Red Dress", "Women", ""),
        ("Nike Men Shirt", "Women", ""),
        ("A very long name before Men Shirt", "Men", ""),
        ("", "", ""),
    ],
)
def test_the_brand_is_what_stands_before_the_rows_own_gender(title: str, gender: str, brand: str) -> None:
    assert brand_in_title(title, gender=gender) == brand


def test_kaggle_without_its_columns_is_refused_with_the_columns_found() -> None:
    with pytest.raises(Invalid, match=r"whose columns are 'id', 'name' \(received 'productDisplayName'"):
        records("id,name\n1,a\n", "kaggle")
    with pytest.raises(Invalid, match="fixed columns"):
        records(HEADER, "kaggle", title="x")


def test_csv_maps_the_columns_it_is_told() -> None:
    text = "Nr,Bezeichnung,Preis (EUR),Fit\n1,Kleid,39.90,slim\n"
    mapping = {"external_id": "Nr", "title": "Bezeichnung", "price": "Preis (EUR)", "attributes.fit": "Fit"}
    assert records(text, "csv", **mapping) == [
        {"external_id": "1", "title": "Kleid", "price": "39.90", "currency": "EUR", "attributes": {"fit": "slim"}}
    ]


def test_csv_guesses_columns_by_their_names() -> None:
    text = "ProductID,ProductName,Price (INR),PrimaryColor,Images,NumImages\n1,Dress,899, Pink,a.png | b.png,7\n"
    assert records(text, "csv") == [
        {
            "external_id": "1",
            "title": "Dress",
            "price": "899",
            "currency": "INR",
            "colour": " Pink",
            "images": ["a.png", "b.png"],
        }
    ]


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({}, "no column is mapped to it; the columns are 'sku', 'weight' .received 'title'"),
        ({"external_id": "sku"}, "no column is mapped to it; the columns are 'sku', 'weight' .received 'title'"),
        ({"external_id": "sku", "title": "name"}, "no such column; the columns are 'sku', 'weight'"),
        ({"external_id": "sku", "heading": "weight"}, "not a field of a product; the fields are external_id"),
    ],
)
def test_csv_that_cannot_be_mapped_is_refused_with_its_columns(mapping: dict[str, str], problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        map_columns(["sku", "weight"], mapping)


def test_a_column_that_occurs_twice_cannot_be_mapped() -> None:
    with pytest.raises(Invalid, match="occurs more than once"):
        map_columns(["id", "name", "name"], {"external_id": "id", "title": "name"})


def test_glued_sentences_are_separated_but_names_stay_whole() -> None:
    text = "Blue bandhgala suitBlue blazer by DressBerry, 50% cottonMachine wash"
    assert unglue_sentences(text, known="DressBerry Women Suit") == (
        "Blue bandhgala suit. Blue blazer by DressBerry, 50% cotton. Machine wash"
    )


def test_jsonl_keeps_good_lines_between_bad_ones() -> None:
    text = '{"external_id": "1"}\n\n{broken\n[1]\n{"price": NaN}\n{"external_id": "2"}\n'
    found = records(text, "jsonl")
    assert found[0] == {"external_id": "1"}
    assert found[1]["error"].startswith("not JSON: Expecting property name")
    assert found[2] == {"error": "expected a JSON object"}
    assert found[3] == {"error": "not JSON: NaN is not a JSON number"}
    assert found[4] == {"external_id": "2"}


def test_deeply_nested_and_huge_json_is_an_error_of_its_row() -> None:
    found = records('{"a": ' + "[" * 100_000 + "}\n" + '{"a": ' + "9" * 5000 + '}\n{"external_id": "2"}\n', "jsonl")
    assert [list(record) for record in found] == [["error"], ["error"], ["external_id"]]


def test_something_else_than_json_lines_is_refused() -> None:
    with pytest.raises(Invalid, match="not JSON lines"):
        records("id,title\n1,a\n", "jsonl")
    with pytest.raises(Invalid, match="not JSON lines"):
        records("[\n1\n]\n", "jsonl")


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        Invalid, match=r"expected one of kaggle, myntra, csv, jsonl, hm, shopify, google \(received 'xml'"
    ):
        records("", "xml")


def test_gzip_is_known_by_its_content_and_damage_is_reported() -> None:
    text = b"id,name\n" + b"".join(b"%d,product %d\n" % (n, n * 7919) for n in range(5000))
    packed = gzip.compress(text)
    assert len(records(packed, "csv")) == 5000
    with pytest.raises(Invalid, match="cannot be read to its end"):
        records(packed[: len(packed) // 2], "csv")


def test_the_file_of_a_folder_is_found_by_the_names_of_the_format(tmp_path: Path) -> None:
    names = FORMATS["kaggle"].file_names
    with pytest.raises(Invalid, match=r"the folder has no styles.csv or labels.csv"):
        find_file(tmp_path, names=names)
    (tmp_path / "labels.csv.gz").write_bytes(b"")
    assert find_file(tmp_path, names=names).path.name == "labels.csv.gz"
    (tmp_path / "styles.csv").write_bytes(b"")
    found = find_file(tmp_path, names=names)
    assert (found.path.name, found.folder) == ("styles.csv", tmp_path)
    with pytest.raises(Invalid, match="no such file"):
        find_file(tmp_path / "missing", names=names)
    with pytest.raises(Invalid, match="no such file"):
        find_file(Path("/dev/null"), names=names)


def test_the_first_row_of_an_id_is_remembered() -> None:
    with FirstRows() as first_rows:
        assert [first_rows.claim("a", 1), first_rows.claim("b", 2), first_rows.claim("a", 9)] == [1, 2, 1]
