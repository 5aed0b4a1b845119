from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.formats import FORMATS, Row
from catalog.formats.genders import gender_in_words, gender_of
from fashionrec.common.errors import Invalid

Read = Callable[..., list[Row]]

ARTICLE = {
    "article_id": "0108775015",
    "product_code": "0108775",
    "prod_name": "Strap top &amp; belt",
    "product_type_no": "253",
    "product_type_name": "Vest top",
    "product_group_name": "Garment Upper body",
    "graphical_appearance_name": "Solid",
    "colour_group_name": "Black",
    "perceived_colour_value_name": "Dark",
    "perceived_colour_master_name": "Black",
    "department_name": "Jersey Basic",
    "index_name": "Ladieswear",
    "index_group_name": "Ladieswear",
    "section_name": "Womens Everyday Basics",
    "garment_group_name": "Jersey Basic",
    "detail_desc": "Jersey top with narrow shoulder straps, 100% cotton.",
}


def table(*articles: dict[str, str]) -> str:
    lines = [",".join(ARTICLE)]
    lines += [",".join(f'"{(ARTICLE | article)[column]}"' for column in ARTICLE) for article in articles]
    return "\n".join(lines) + "\n"


def test_columns_become_fields_and_the_id_keeps_its_zero(read: Read, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (row,) = read(table({}), "hm", folder=tmp_path)
    assert row.record == {
        "external_id": "0108775015",
        "title": "Strap top & belt",
        "description": "Jersey top with narrow shoulder straps, 100% cotton.",
        "brand": "H&M",
        "category": "Garment Upper body > Vest top",
        "gender": "women",
        "colour": "Black",
        "pattern": "Solid",
        "attributes": {
            "product_code": "0108775",
            "department": "Jersey Basic",
            "index": "Ladieswear",
            "section": "Womens Everyday Basics",
            "garment_group": "Jersey Basic",
            "perceived_colour_value": "Dark",
            "perceived_colour_master": "Black",
        },
        "images": ["images/010/0108775015.jpg"],
    }
    assert "images" not in read(table({}), "hm")[0].record


def test_articles_of_one_product_code_are_products_of_their_own(read: Read) -> None:
    white = {"article_id": "0108775044", "colour_group_name": "White"}
    assert [(row.record["external_id"], row.record["colour"]) for row in read(table({}, white), "hm")] == [
        ("0108775015", "Black"),
        ("0108775044", "White"),
    ]


def test_a_zero_that_a_spreadsheet_took_is_put_back(read: Read) -> None:
    (row,) = read(table({"article_id": "108775015", "product_code": "108775"}), "hm")
    assert (row.record["external_id"], row.record["attributes"]["product_code"]) == ("0108775015", "0108775")


def test_unknown_and_undefined_are_blank(read: Read) -> None:
    (row,) = read(table({"product_group_name": "Unknown", "graphical_appearance_name": "Undefined"}), "hm")
    assert (row.record["category"], row.record["pattern"]) == ("Vest top", "")


@pytest.mark.parametrize(
    ("section", "index", "group", "gender"),
    [
        ("Men Underwear", "Menswear", "Menswear", "men"),
        ("Ladies H&M Sport", "Sport", "Sport", "women"),
        ("Young Girl", "Children Sizes 134-170", "Baby/Children", "girls"),
        ("Kids Boy", "Children Sizes 92-140", "Baby/Children", "boys"),
        ("Kids & Baby Shoes", "Children Accessories, Swimwear", "Baby/Children", "unisex"),
        ("Divided Collection", "Divided", "Divided", ""),
        ("Contemporary Smart", "Menswear", "Menswear", "men"),
    ],
)
def test_the_section_tells_the_gender_and_then_the_index(
    read: Read, section: str, index: str, group: str, gender: str
) -> None:
    (row,) = read(table({"section_name": section, "index_name": index, "index_group_name": group}), "hm")
    assert row.record["gender"] == gender


def test_gender_in_words() -> None:
    cases = {"Women's": "women", "men and women": "", "Unisex": "unisex", "womenly mention": "", "": ""}
    assert {text: gender_in_words(text) for text in cases} == cases
    pairs: dict[tuple[str, str], str] = {
        ("female", "kids"): "girls", ("male", "toddler"): "boys", ("unisex", "infant"): "unisex",
        ("female", "adult"): "women", ("", "kids"): "",
    }  # fmt: skip
    assert {pair: gender_of(*pair) for pair in pairs} == pairs


@pytest.mark.parametrize(
    ("text", "mapping", "problem"),
    [
        ("id,name\n1,a\n", {}, r"whose columns are 'id', 'name' \(received 'article_id, prod_name'"),
        (table({}), {"title": "prod_name"}, "fixed columns"),
    ],
)
def test_another_table_is_refused(read: Read, text: str, mapping: dict[str, Any], problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        read(text, "hm", **mapping)


def test_the_folders_file_is_articles_csv() -> None:
    assert FORMATS["hm"].file_names == ("articles.csv",)
