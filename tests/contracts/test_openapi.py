"""The OpenAPI document is part of the contract: it changes on purpose, with `make openapi`."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

SNAPSHOT = Path(settings.BASE_DIR) / "docs/reference/openapi.yaml"


def test_the_document_is_valid_and_equals_the_snapshot() -> None:
    written = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=written)
    assert written.getvalue().strip() == SNAPSHOT.read_text("utf-8").strip(), "run `make openapi` and read the diff"


@pytest.mark.django_db
def test_the_schema_and_its_page_are_served_under_the_content_security_policy() -> None:
    client = Client()
    assert client.get("/api/schema/").content.decode().startswith("openapi: 3.")
    page: Any = client.get("/api/docs/")
    html = page.content.decode()
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert "<style" not in html
    assert html.count("<script") == html.count("<script src=") == 2
    script = client.get("/api/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert "/api/schema/" in script.content.decode().replace("\\u002D", "-")
