import gzip
import json
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from catalog.jobs import work_import_run
from catalog.models import ImportRun, Product
from tests.factories.access import client_with_key

pytestmark = pytest.mark.django_db

ROWS = [
    {"external_id": "1", "title": "Linen dress", "category": "Women > Dresses"},
    {"external_id": "2", "title": ""},
]


def jsonl(rows: list[dict[str, Any]] = ROWS) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def send(content: bytes, *, name: str = "products.jsonl", **fields: Any) -> Any:
    body = {"file": SimpleUploadedFile(name, content), "format": "jsonl", "source": "shop", **fields}
    return client_with_key("imports:write").post("/api/v1/imports/", body, format="multipart")


@pytest.mark.parametrize("compress", [False, True])
def test_a_file_is_queued_read_and_accounted_for(compress: bool) -> None:
    content = gzip.compress(jsonl()) if compress else jsonl()
    made = send(content, name="products.jsonl.gz" if compress else "products.jsonl")
    assert made.status_code == 201, made.content
    assert (made.json()["state"], made.json()["source"]) == ("queued", "shop")
    work_import_run(made.json()["id"])
    reader = client_with_key("imports:read")
    body = reader.get(f"/api/v1/imports/{made.json()['id']}/").json()
    assert (body["state"], body["read"], body["created"], body["rejected"]) == ("done", 2, 1, 1)
    assert body["issues_count"] == 1
    (issue,) = body["issues"]
    assert (issue["row"], issue["field"], issue["severity"]) == (2, "title", "rejected")
    assert Product.objects.get().public_id == "shop:1"


def test_a_csv_is_read_through_a_mapping_of_columns() -> None:
    mapping = json.dumps({"external_id": "ProductID", "title": "Name"})
    made = send(b"ProductID,Name\n7,Hat\n", name="hats.csv", format="csv", mapping=mapping)
    assert made.status_code == 201, made.content
    work_import_run(made.json()["id"])
    assert Product.objects.get().title == "Hat"


@pytest.mark.parametrize(
    ("content", "fields", "field"),
    [
        (jsonl(), {"format": "xlsx"}, "format"),
        (jsonl(), {"source": "Bad Source"}, "source"),
        (jsonl(), {"mapping": "{"}, "mapping"),
        (jsonl(), {"mapping": '["a"]'}, "mapping"),
        (jsonl(), {"encoding": "klingon"}, "encoding"),
        (b"", {}, "file"),
        (b"\x00\x01\x02", {"format": "csv"}, None),
    ],
)
def test_a_file_that_cannot_be_used_is_422_and_queues_nothing(
    content: bytes, fields: dict[str, str], field: str | None
) -> None:
    response = send(content, **fields)
    assert response.status_code == 422, response.content
    if field:
        assert response.json()["error"]["fields"][0]["field"] == field
    assert not ImportRun.objects.exists()


def test_a_missing_file_and_a_body_that_is_no_form_are_refused() -> None:
    client = client_with_key("imports:write")
    response = client.post("/api/v1/imports/", {"format": "csv"}, format="multipart")
    assert response.status_code == 422
    assert response.json()["error"]["fields"][0]["field"] == "file"
    assert client.post("/api/v1/imports/", {"format": "csv"}, format="json").status_code == 415
    broken = client.generic("POST", "/api/v1/imports/", b"--x\r\n", content_type="multipart/form-data")
    assert broken.status_code == 400


def test_issues_come_in_pages() -> None:
    made = send(jsonl([{"external_id": str(n), "title": ""} for n in range(5)]))
    work_import_run(made.json()["id"])
    body = client_with_key().get(f"/api/v1/imports/{made.json()['id']}/?page=2&page_size=2").json()
    assert (body["issues_count"], [issue["row"] for issue in body["issues"]]) == (5, [3, 4])


def test_an_import_can_be_cancelled_once() -> None:
    made = send(jsonl()).json()
    client = client_with_key()
    assert client.post(f"/api/v1/imports/{made['id']}/cancel/").json()["state"] == "cancelled"
    assert client.post(f"/api/v1/imports/{made['id']}/cancel/").status_code == 409
    assert client.get(f"/api/v1/imports/{uuid.uuid4()}/").status_code == 404
