"""A real browser for the journeys: Debian's chromium, driven by Playwright."""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass
class Complaints:
    """What a page's console said in anger: errors, blocked resources, uncaught exceptions, failed requests."""

    said: list[str] = field(default_factory=list)

    def listen_to(self, page: Page) -> None:
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.said.append(f"uncaught: {error}"))
        page.on("requestfailed", lambda request: self._hear_failure(request.url, request.failure or ""))

    def _hear_failure(self, url: str, failure: str) -> None:
        if "ERR_ABORTED" not in failure:  # a picture that was still loading when the shopper went on
            self.said.append(f"failed: {url} {failure}")

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.said.append(f"{kind}: {text}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser; without one the journey is skipped loudly, or fails where a browser is required."""
    if CHROMIUM is None:
        reason = "NO BROWSER: chromium is not installed, so nothing was tried in a real browser"
        if "browser" in os.environ.get("FASHIONREC_REQUIRE", "").split(","):
            pytest.fail(f"{reason} (FASHIONREC_REQUIRE asks for it)")
        warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    # Playwright keeps an event loop running in this thread, and Django would refuse the database beside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def open_browser(chromium: Browser, complaints: Complaints) -> Iterator[Callable[..., Page]]:
    """`open_browser(java_script_enabled=False)`: a page of a fresh browser that nobody has seen before."""
    contexts: list[BrowserContext] = []

    def opened(**options: object) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        complaints.listen_to(page)
        return page

    yield opened
    for context in contexts:
        context.close()
