"""Reads a page as a strict reader would: what is said, what is linked, and what breaks a rule of the house."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

LABELLED = {"input", "select", "textarea"}


@dataclass
class Page:
    headings: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Rules broken: inline script or style, pictures without alt, controls without a label."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.labels: set[str] = set()
        self.controls: list[tuple[str, dict[str, str | None]]] = []
        self.open_labels = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        page = self.page
        if "style" in values or tag == "style" or (tag == "script" and not values.get("src")):
            page.broken.append(f"inline: <{tag}> {values}")
        page.broken += [f"handler: <{tag} {name}>" for name in values if name.startswith("on")]
        if tag == "img" and ("alt" not in values or not values.get("width") or not values.get("height")):
            page.broken.append(f"picture: {values}")
        if values.get("id"):
            page.ids.append(str(values["id"]))
        if tag in ("h1", "h2"):
            page.headings.append(tag)
        if tag == "a" and values.get("href"):
            page.links.append(str(values["href"]))
        if tag == "label":
            self.open_labels += 1
            self.labels.add(values.get("for") or "")
        if tag in LABELLED and values.get("type") not in ("hidden", "submit") and not self.open_labels:
            self.controls.append((tag, values))

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self.open_labels -= 1


def read(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    page = reader.page
    for tag, values in reader.controls:
        if values.get("id") not in reader.labels and not values.get("aria-label"):
            page.broken.append(f"unlabelled: <{tag}> {values}")
    page.broken += [f"id twice: {name}" for name in set(page.ids) if page.ids.count(name) > 1]
    if page.headings.count("h1") != 1:
        page.broken.append(f"{page.headings.count('h1')} h1")
    return page
