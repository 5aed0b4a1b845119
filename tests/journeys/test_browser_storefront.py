"""A shopper in a real browser, in a trained shop: looks, likes, and finds the home page rearranged."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import Complaints
from tests.worlds import Shop

pytestmark = [pytest.mark.browser, pytest.mark.timeout(280)]

FAULTS = (Path(__file__).parent / "page_faults.js").read_text()
"""Finds what makes a page unusable for somebody: run in the browser, it answers a list of sentences."""


@dataclass
class Visit:
    """What was recommended before and after the shopper liked `title`."""

    title: str
    full_title: str
    before: list[str]
    after: list[str]


def recommended(page: Page) -> list[str]:
    titles = page.locator("#recommended .card__title")
    expect(titles).to_have_count(12)  # waits: a heading is there before the cards below it are read
    return [title.strip() for title in titles.all_inner_texts()]


def visit(page: Page, shop: Shop, like: Callable[[Locator], None]) -> Visit:
    """Home, browse, a product that home did not show, `like` its button, home again."""
    page.goto(shop.url)
    before = recommended(page)
    page.get_by_role("link", name="Browse everything").click()
    titles = [title.strip() for title in page.locator("#results .card__title").all_inner_texts()]
    title = next(title for title in titles if title not in before and titles.count(title) == 1)
    page.get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    # The page says the brand beside the title; buttons and reasons say both in one.
    full_title = (page.locator(".button--like .visually-hidden").text_content() or "").strip()
    assert full_title.lower().endswith(title.lower())
    button = page.get_by_role("button", name=f"Like {full_title}", exact=True)
    expect(button).to_have_attribute("aria-pressed", "false")
    like(button)
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("status")).to_contain_text("Liked.")
    page.get_by_role("link", name="fashionrec").first.click()
    expect(page.get_by_role("heading", name="Recommended for you")).to_be_visible()
    return Visit(title, full_title, before, recommended(page))


def expect_the_like_made_a_difference(page: Page, seen: Visit) -> None:
    assert seen.before != seen.after
    assert seen.title not in seen.after
    expect(page.locator("#recommended")).to_contain_text(f"Because you liked {seen.full_title}")


def test_a_stranger_likes_a_product_and_the_home_page_changes(open_browser, live_shop: Shop, complaints: Complaints):
    page = open_browser()
    seen = visit(page, live_shop, lambda button: button.click())
    expect_the_like_made_a_difference(page, seen)
    page.get_by_role("link", name="Your likes").first.click()
    expect(page.get_by_role("link", name=seen.title, exact=True)).to_be_visible()
    assert complaints.said == []


def test_the_same_without_javascript(open_browser, live_shop: Shop, complaints: Complaints):
    page = open_browser(java_script_enabled=False)
    expect_the_like_made_a_difference(page, visit(page, live_shop, lambda button: button.click()))
    assert complaints.said == []


def test_the_same_with_the_keyboard_alone(open_browser, live_shop: Shop, complaints: Complaints):
    page = open_browser()

    def like(button: Locator) -> None:
        tab_to(page, button)
        assert button.evaluate("element => getComputedStyle(element).outlineStyle") == "solid", "focus must be seen"
        page.keyboard.press("Enter")
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(button).to_be_focused()  # the swapped button keeps the focus: the next Tab goes on from here

    expect_the_like_made_a_difference(page, visit(page, live_shop, like))
    page.reload()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    assert complaints.said == []


def tab_to(page: Page, target: Locator, limit: int = 40) -> None:
    for _ in range(limit):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"not reached by {limit} presses of Tab")


def test_a_like_pressed_twice_is_taken_back(open_browser, live_shop: Shop, complaints: Complaints):
    page = open_browser()
    page.goto(live_shop.url)
    heart = page.locator("#recommended .icon-button--like").first
    for pressed in ("true", "false"):
        heart.click()
        expect(heart).to_have_attribute("aria-pressed", pressed)
    page.goto(f"{live_shop.url}/likes/")
    expect(page.get_by_text("Nothing here yet")).to_be_visible()
    assert complaints.said == []


def test_hiding_gives_way_to_an_undo(open_browser, live_shop: Shop, complaints: Complaints):
    page = open_browser()
    page.goto(live_shop.url)
    title = recommended(page)[0]
    hide = page.locator("#recommended .card").first.get_by_role("button", name="Hide")
    full_title = (hide.text_content() or "").strip().removeprefix("Hide ")
    hide.click()
    expect(page.locator(".card--hidden")).to_contain_text(f"Hidden: {full_title}")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name=title, exact=True)).to_be_visible()
    assert complaints.said == []


def test_agreeing_closes_the_question_and_is_remembered_for_a_year(
    open_browser, live_shop: Shop, complaints: Complaints
):
    page = open_browser()
    page.goto(live_shop.url)
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("#consent")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text("Thank you")
    (cookie,) = [cookie for cookie in page.context.cookies() if cookie["name"] == "fashionrec_visitor"]
    now = page.evaluate("Date.now() / 1000")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert 364 < (cookie["expires"] - now) / 86400 < 366
    page.reload()
    expect(page.locator("#consent")).to_have_count(0)
    assert complaints.said == []


def test_a_changed_filter_changes_the_list_and_the_address(open_browser, live_shop: Shop, complaints: Complaints):
    page = open_browser()
    page.goto(f"{live_shop.url}/browse/")
    pieces = page.locator(".browse__head p").inner_text()
    swatch = page.locator("input[name=colour]").nth(1)
    colour = swatch.get_attribute("value")
    swatch.check()
    way_out = page.get_by_role("link", name=f"Remove filter: {colour}")
    expect(way_out).to_be_visible()
    assert f"colour={colour.replace(' ', '+')}" in page.url.replace("%20", "+")
    assert page.locator(".browse__head p").inner_text() != pieces
    page.get_by_role("textbox", name="From").fill("a lot")
    page.get_by_role("textbox", name="From").press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("price_min")
    page.go_back()
    expect(way_out).to_be_visible()
    way_out.click()
    expect(page.locator(".browse__head p")).to_have_text(pieces)
    # The browser itself reports the refused filter; nothing else may be reported.
    assert [said for said in complaints.said if "400 (Bad Request)" not in said] == []


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (1280, "light")])
def test_every_page_fits_the_screen_and_everything_on_it_has_a_name(
    open_browser, live_shop: Shop, complaints: Complaints, width: int, scheme: str
):
    page = open_browser(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(live_shop.url)
    product = page.locator(".card__link").first.get_attribute("href")
    for address in ("/", product, "/browse/?in_stock=true", "/browse/?q=dress", "/likes/", "/privacy/", "/about/"):
        page.goto(live_shop.url + address)
        assert page.evaluate(FAULTS) == [], address
    assert complaints.said == []
