import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import IO, Any, cast

import pytest

from catalog.formats import Row, feed_items, read_rows
from catalog.product_parsing import parse_product
from fashionrec.common.errors import Invalid

Read = Callable[..., list[Row]]

HEADER = (
    "id\ttitle\tdescription\tlink\timage link\tadditional_image_link\tAvailability\tprice\tsale_price\tbrand\t"
    "google_product_category\tproduct_type\tgender\tage_group\tcolor\tsize\tmaterial\tpattern\titem_group_id\n"
)
TEE = (
    "t-1\tPlain tee - Red - M\tSoft &amp; light\thttps://shop.example/t\thttps://cdn.example/1.jpg\t"
    "https://cdn.example/2.jpg, https://cdn.example/3,4.jpg\tin stock\t15.00 USD\t12.50 USD\tAster\t212\t"
    "Women > Tops\tfemale\tadult\tRed\tM\tcotton\tplain\tT\n"
)
TEE_LARGE = (
    "t-2\tPlain tee - Blue - L\t\t\thttps://cdn.example/5.jpg\t\tout_of_stock\t16.00 USD\t\tAster\t212\t"
    "Women > Tops\tfemale\tadult\tBlue\tL\tcotton\tplain\tT\n"
)
RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>
<title>Aster</title><link>https://shop.example</link><image><url>https://shop.example/logo.png</url></image>
%s
</channel></rss>"""
ITEM = """<item><g:id>t-1</g:id><title>ignored</title><g:title>Plain tee (Red, M)</g:title>
<description><![CDATA[<p>Soft &amp; light</p><script>alert(1)</script>]]></description>
<g:image_link>https://cdn.example/1.jpg</g:image_link>
<g:additional_image_link>https://cdn.example/2.jpg</g:additional_image_link>
<g:additional_image_link>https://cdn.example/3,4.jpg</g:additional_image_link>
<g:availability>in_stock</g:availability><g:price>USD 15.00</g:price><g:brand>Aster &amp;amp; Vale</g:brand>
<g:google_product_category>Apparel &amp; Accessories &gt; Clothing</g:google_product_category>
<g:shipping><g:country>US</g:country><g:price>4.00 USD</g:price></g:shipping>
<g:color>Red</g:color><g:size>M</g:size><g:item_group_id>T</g:item_group_id></item>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<title>Aster</title><entry><g:id>7</g:id><id>tag:shop.example,7</id><title>Felt hat</title><summary>Warm</summary>
<link href="https://shop.example/7"/><g:price>20 EUR</g:price></entry></feed>"""


def test_items_of_a_group_become_variants_of_one_product(read: Read) -> None:
    (row,) = read(HEADER + TEE + TEE_LARGE, "google")
    assert row.record == {
        "external_id": "T",
        "title": "Plain tee",
        "description": "Soft & light",
        "category": "Women > Tops",
        "gender": "women",
        "colour": "Red",
        "material": "cotton",
        "pattern": "plain",
        "brand": "Aster",
        "attributes": {"google_product_category": "212", "age_group": "adult"},
        "variants": [
            {"sku": "t-1", "size": "M", "colour": "Red", "price": "12.50", "currency": "USD", "stock": None,
             "compare_at_price": "15.00"},
            {"sku": "t-2", "size": "L", "colour": "Blue", "price": "16.00", "currency": "USD", "stock": 0},
        ],
        "images": [
            {"src": f"https://cdn.example/{name}.jpg", "alt": ""} for name in ("1", "2", "3,4", "5")
        ],
    }  # fmt: skip
    assert (row.origins["variants[1]"], row.origins["images[3]"], row.warnings) == (2, 2, ())
    assert parse_product(row.record).errors == []


def test_an_rss_feed_is_read_like_a_table_and_google_s_elements_go_first(read: Read) -> None:
    (row,) = read(RSS % ITEM, "google")
    assert (row.record["title"], row.record["description"]) == ("Plain tee", "Soft & light")
    assert (row.record["brand"], row.record["category"]) == ("Aster & Vale", "Apparel & Accessories > Clothing")
    assert row.record["variants"] == [
        {"sku": "t-1", "size": "M", "colour": "Red", "price": "15.00", "currency": "USD", "stock": None}
    ]
    assert [image["src"][-7:] for image in row.record["images"]] == ["e/1.jpg", "e/2.jpg", "3,4.jpg"]


def test_an_atom_feed_is_read_too(read: Read) -> None:
    (row,) = read(ATOM, "google")
    record = row.record
    assert (record["external_id"], record["title"], record["description"]) == ("7", "Felt hat", "Warm")
    assert (record["variants"][0]["price"], record["variants"][0]["currency"]) == ("20", "EUR")


def test_xml_in_utf_16_is_xml(read: Read) -> None:
    (row,) = read(ATOM.replace("Felt", "Filzhüte").encode("utf-16"), "google")
    assert row.record["title"] == "Filzhüte hat"


def test_items_without_a_group_are_products_and_their_titles_stay_whole(read: Read) -> None:
    first, second = (line.removesuffix("\tT\n") + "\t\n" for line in (TEE, TEE_LARGE))
    rows = read(HEADER + first + second, "google")
    assert [(row.record["external_id"], row.record["title"]) for row in rows] == [
        ("t-1", "Plain tee - Red - M"),
        ("t-2", "Plain tee - Blue - L"),
    ]


def test_an_id_that_occurs_twice_in_a_group_is_left_out_with_a_warning(read: Read) -> None:
    (row,) = read(HEADER + TEE + TEE, "google")
    assert len(row.record["variants"]) == 1
    ((number, problem),) = row.warnings
    assert (number, problem.field, problem.value) == (2, "id", "t-1")
    assert problem.reason == "already in row 1 of this file, left out"


def item(**fields: str) -> str:
    return "".join(f"<g:{name}>{value}</g:{name}>" for name, value in {"id": "1", "title": "Hat", **fields}.items())


@pytest.mark.parametrize(
    ("fields", "price", "before", "warned"),
    [
        ({"sale_price": "9 EUR"}, "9", "12,00", []),
        ({"sale_price_effective_date": "2020-01-01T00:00+0100/2020-01-02T00:00+0100"}, "12,00", None, []),
        ({"sale_price_effective_date": "2020-01-01T00:00Z/2999-01-01T00:00Z"}, "9", "12,00", []),
        ({"sale_price_effective_date": "soon"}, "12,00", None, ["sale_price_effective_date"]),
    ],
)
def test_a_sale_price_counts_while_its_sale_lasts(
    read: Read, fields: dict[str, str], price: str, before: str | None, warned: list[str]
) -> None:
    given = {"price": "12,00 EUR", "sale_price": "9 EUR", **fields}
    (row,) = read(RSS % f"<item>{item(**given)}</item>", "google")
    (variant,) = row.record["variants"]
    assert (variant["price"], variant.get("compare_at_price"), variant["currency"]) == (price, before, "EUR")
    assert [problem.field for _, problem in row.warnings] == warned


@pytest.mark.parametrize(
    ("availability", "quantity", "stock", "warnings"),
    [
        ("in stock", "", None, 0), ("in_stock", "4", "4", 0), ("out of stock", "4", 0, 0), ("preorder", "", None, 0),
        ("maybe", "", None, 1),
    ],
)  # fmt: skip
def test_availability_becomes_stock(
    read: Read, availability: str, quantity: str, stock: int | None, warnings: int
) -> None:
    (row,) = read(RSS % f"<item>{item(availability=availability, quantity=quantity)}</item>", "google")
    assert (row.record["variants"][0]["stock"], len(row.warnings)) == (stock, warnings)


def test_an_amount_that_is_none_is_refused_with_what_was_received(read: Read) -> None:
    (row,) = read(RSS % f"<item>{item(price='call us')}</item>", "google")
    (error,) = parse_product(row.record).errors
    assert (error.field, error.value) == ("variants[0].price", "call us")


BOMB = '<!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>' + RSS.partition("\n")[2] % "<item>&b;</item>"
OUTSIDE = '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + RSS.partition("\n")[2] % "<item>&a;</item>"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BOMB, "declares a document type or entities"),
        (OUTSIDE, "declares a document type or entities"),
        ('<!DOCTYPE b SYSTEM "http://example.com/b.dtd">' + ATOM, "declares a document type or entities"),
        (RSS % "<item><g:id>1</g:id>", "not well-formed XML .received 'mismatched tag: line"),
        (RSS % "", "has no <item> .RSS. and no <entry>"),
        ("<a>" * 100, "more than 20 deep"),
        ('<?xml version="1.0" encoding="klingon"?><rss/>', "XML in an encoding that cannot be read"),
        ("id\tname\n1\tHat\n", "whose columns are 'id', 'name' .received 'title'"),
    ],
)
def test_unusable_feeds_are_refused(read: Read, text: str, problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        read(text, "google")


@pytest.mark.parametrize("damage", [b"\x1f\x8b" + b"garbage" * 20, gzip.compress(b"")[:10] + b"\xff" * 100])
def test_damaged_compression_is_refused_before_anything_is_read(read: Read, damage: bytes) -> None:
    with pytest.raises(Invalid, match="file: cannot be read to its end"):
        read(damage, "google")


def test_compression_that_breaks_inside_of_xml_is_refused(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    read_whole = gzip.GzipFile.read

    def broken(self: gzip.GzipFile, size: int = -1) -> bytes:
        if self.tell() > 1_000:
            raise zlib.error("invalid block type")
        return read_whole(self, size)

    monkeypatch.setattr(gzip.GzipFile, "read", broken)
    with pytest.raises(Invalid, match="cannot be read to its end: invalid block type"):
        read(gzip.compress((RSS % (ITEM * 100)).encode()), "google")


def test_long_runs_of_spaces_take_no_time(read: Read) -> None:
    spaces = " " * 50_000
    begin = time.perf_counter()
    title, images = read(
        "id\ttitle\titem_group_id\tsize\timage_link\n"
        f"1\tHat{spaces}, {spaces}M\tA\tM\t\n"
        f"2\tHat\tB\tM\thttps://a.example/{spaces}x , https://b.example/\n",
        "google",
    )
    assert time.perf_counter() - begin < 1.0  # quadratic, it was minutes
    assert title.record["title"] == "Hat"
    assert [image["src"] for image in images.record["images"]] == [f"https://a.example/{spaces}x", "https://b.example/"]


def test_a_mapping_is_refused(read: Read) -> None:
    with pytest.raises(Invalid, match="fixed attributes"):
        read(ATOM, "google", title="name")


class Endless:
    """XML that never ends, made as it is read; counts what was taken."""

    def __init__(self, beginning: str, repeated: str) -> None:
        self._left = beginning.encode()
        self._repeated = repeated.encode()
        self.taken = 0

    def read(self, size: int) -> bytes:
        while len(self._left) < size:
            self._left += self._repeated * 400
        given, self._left = self._left[:size], self._left[size:]
        self.taken += size
        return given

    def seek(self, position: int) -> None:
        pass


def endless(beginning: str, repeated: str) -> tuple[Endless, Any]:
    stream = Endless(beginning, repeated)
    rows = read_rows(cast(IO[bytes], stream), format="google", mapping={}, encoding="utf-8", folder=None)
    return stream, rows


def test_an_item_without_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_items, "LONGEST_ITEM", 1 << 18)
    stream, rows = endless("<rss><channel><item><title>", "x" * 64)
    with pytest.raises(Invalid, match="one item is longer than 262144 bytes"):
        next(rows)
    assert stream.taken < 1 << 19


def test_memory_does_not_grow_with_the_number_of_items() -> None:
    stream = Endless("<rss><channel>", "<item><id>1</id><title>Hat</title></item>")
    items = feed_items.read_xml_items(cast(IO[bytes], stream))
    for _ in range(500):
        next(items)
    tracemalloc.start()
    for _ in range(5_000):
        next(items)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 200_000
