"""A developer reads the API's pages in a real browser and tries a call there, under the content security policy."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factories.access import key_and_token
from tests.journeys.conftest import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def answer_of(page: Page, operation: str) -> Any:
    block = page.locator(f"#operations-{operation}")
    block.locator(".opblock-summary").click()
    block.locator(".try-out__btn").click()
    block.locator(".execute").click()
    return block.locator(".live-responses-table .response .response-col_status")


def test_the_pages_list_every_call_and_make_them_with_and_without_a_key(
    transactional_db: None, live_server: Any, open_browser: Callable[..., Page], complaints: Complaints
) -> None:
    _, token = key_and_token("models:read")
    page = open_browser()
    page.goto(f"{live_server.url}/api/docs/")
    expect(page.locator(".opblock")).to_have_count(32)
    expect(answer_of(page, "products-products_list").first).to_contain_text("200")
    page.locator(".btn.authorize").first.click()
    page.locator(".modal-ux input").first.fill(f"Api-Key {token}")
    page.locator(".modal-ux .auth-btn-wrapper .authorize").first.click()
    page.locator(".modal-ux .btn-done").first.click()
    expect(answer_of(page, "models-models_list").first).to_contain_text("200")
    assert complaints.said == []
