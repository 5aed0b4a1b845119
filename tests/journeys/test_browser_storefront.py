"""A shopper in a real browser: looks, likes, and finds the shop rearranged."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect

from catalog.models import Product
from tests.factories.catalog import CategoryFactory, ProductEmbeddingFactory, ProductFactory
from tests.journeys.conftest import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RECOMMENDED = "#recommended .card__title"


@pytest.fixture
def shop_url(live_server: Any) -> str:
    """A shop of coats and dresses in which nothing has been liked yet; content vectors tell the two apart."""
    cache.clear()
    women = CategoryFactory(name="Women")
    coats, dresses = (CategoryFactory(name=name, parent=women) for name in ("Coats", "Dresses"))
    for number in range(6):
        _with_vector(ProductFactory(title=f"Coat {number}", category=coats, pictures=2), 1.0, 0.02 * number)
    for number in range(14):
        _with_vector(ProductFactory(title=f"Dress {number}", category=dresses), 0.02 * number, 1.0)
    return str(live_server.url)


def _with_vector(product: Product, coat: float, dress: float) -> None:
    ProductEmbeddingFactory(product=product, vector=[coat, dress, 0, 0, 0, 0, 0, 0])


def recommended(page: Page) -> list[str]:
    return [title.strip() for title in page.locator(RECOMMENDED).all_inner_texts()]


def open_product_and_come_home(page: Page, shop_url: str, like: Callable[[], None]) -> tuple[list[str], list[str]]:
    """What was recommended before and after `like` was done on the page of "Coat 3"."""
    page.goto(shop_url)
    before = recommended(page)
    page.goto(f"{shop_url}/browse/?q=coat+3")
    page.get_by_role("link", name="Coat 3", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Coat 3")
    like()
    page.get_by_role("link", name="fashionrec").first.click()
    expect(page.get_by_role("heading", name="Recommended for you")).to_be_visible()
    return before, recommended(page)


def expect_the_shop_rearranged(page: Page, before: list[str], after: list[str]) -> None:
    assert before != after
    assert all(title.startswith("Dress") for title in before[:3])
    assert all(title.startswith("Coat") for title in after[:3])
    expect(page.locator("#recommended")).to_contain_text("Because you liked Coat 3")


def test_a_stranger_likes_a_product_and_the_home_page_changes(open_browser, shop_url, complaints: Complaints):
    page = open_browser()

    def like() -> None:
        button = page.get_by_role("button", name="Like Coat 3")
        expect(button).to_have_attribute("aria-pressed", "false")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_role("status")).to_contain_text("Liked.")
        assert page.url.split("?")[0].endswith("/products/" + Product.objects.get(title="Coat 3").public_id + "/")

    before, after = open_product_and_come_home(page, shop_url, like)
    expect_the_shop_rearranged(page, before, after)
    assert complaints.said == []


def test_the_same_without_javascript(open_browser, shop_url, complaints: Complaints):
    page = open_browser(java_script_enabled=False)

    def like() -> None:
        page.get_by_role("button", name="Like Coat 3").click()
        expect(page.get_by_role("status")).to_contain_text("Liked. Coat 3")
        expect(page.get_by_role("button", name="Like Coat 3")).to_have_attribute("aria-pressed", "true")

    before, after = open_product_and_come_home(page, shop_url, like)
    expect_the_shop_rearranged(page, before, after)
    assert complaints.said == []


def test_the_same_with_the_keyboard_alone(open_browser, shop_url, complaints: Complaints):
    page = open_browser()

    def like() -> None:
        press_until_focused(page, page.get_by_role("button", name="Like Coat 3"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", "the focused button must be seen"
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Like Coat 3")).to_have_attribute("aria-pressed", "true")
        # The swapped button keeps the focus: the next Tab goes on from here.
        expect(page.get_by_role("button", name="Like Coat 3")).to_be_focused()

    before, after = open_product_and_come_home(page, shop_url, like)
    expect_the_shop_rearranged(page, before, after)
    page.reload()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    assert complaints.said == []


def press_until_focused(page: Page, target: Any, limit: int = 40) -> None:
    for _ in range(limit):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"not reached by {limit} presses of Tab")


def test_hiding_undoing_filtering_and_agreeing_happen_on_the_spot(open_browser, shop_url, complaints: Complaints):
    page = open_browser()
    page.goto(shop_url)
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("#consent")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text("Thank you")
    assert [
        round(cookie["expires"]) > 0 for cookie in page.context.cookies() if cookie["name"] == "fashionrec_visitor"
    ] == [True]

    first = recommended(page)[0]
    page.get_by_role("button", name=f"Hide {first}", exact=True).click()
    expect(page.locator(".card--hidden")).to_contain_text(f"Hidden: {first}")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name=first, exact=True)).to_be_visible()

    page.goto(f"{shop_url}/browse/")
    page.get_by_role("radio", name="Navy").check()
    expect(page).to_have_url(lambda address: "colour=navy" in address)
    expect(page.get_by_role("link", name="Remove filter: Navy")).to_be_visible()
    page.get_by_role("textbox", name="From").fill("a lot")
    page.get_by_role("textbox", name="From").press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("price_min")
    page.go_back()
    expect(page.get_by_role("link", name="Remove filter: Navy")).to_be_visible()
    assert [said for said in complaints.said if "400 (Bad Request)" not in said] == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_sticks_out_or_is_unnamed_on_any_page(open_browser, shop_url, complaints: Complaints, width):
    page = open_browser(viewport={"width": width, "height": 800}, color_scheme="dark" if width == 390 else "light")
    product = Product.objects.get(title="Coat 0").public_id
    for address in (
        "/",
        f"/products/{product}/",
        "/browse/?gender=women&in_stock=true",
        "/likes/",
        "/privacy/",
        "/about/",
    ):
        page.goto(shop_url + address)
        assert page.evaluate(FAULTS) == [], address
    assert complaints.said == []


FAULTS = """() => {
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`wider than the screen: ${document.documentElement.scrollWidth}`);
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  for (const image of document.images) if (!image.hasAttribute("alt")) faults.push(`no alt: ${image.src}`);
  for (const control of document.querySelectorAll("input:not([type=hidden]), select"))
    if (!control.labels.length) faults.push(`no label: ${control.name}`);
  for (const pressable of document.querySelectorAll("a, button")) {
    const name = pressable.textContent.trim() || [...pressable.querySelectorAll("img")].map(image => image.alt).join("");
    if (!name) faults.push(`no name: ${pressable.outerHTML}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
  for (const id of ids) if (ids.filter(other => other === id).length > 1) faults.push(`id twice: ${id}`);
  return faults;
}"""
