"""Pages as a browser lays them out: axe on every template, four looks, narrow screens, zoom, nothing over anything.

The pages are those of the gallery, rendered in process and handed to the browser at an address that nobody else has;
so one browser and no server is enough. Files under `/static/` are the real ones.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from cloudhall.console.assets import STATIC
from cloudhall.kernel.text import LANGUAGES, Language
from tests.console import gallery
from tests.console.gallery import Gallery, Shot
from tests.kit import browsers
from tests.kit.axe import violations

ORIGIN = "http://gallery.localhost"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LOOKS = {
    "light": {"look": "light"},
    "dark": {"look": "dark"},
    "contrast": {"look": "light", "contrast": "high"},
    "large": {"look": "light", "type": "large"},
}
CHOSEN = (
    *("/", "/login", "/buckets", "/buckets/{}", "/buckets:create", "/buckets/{}:update", "/buckets/{}:delete"),
    *("/statements/{}", "/operations/{}", "/audit", "/search?q", "/security"),
)
NARROW = {"320 px": 320, "phone": browsers.PHONE[0], "1280 px at 200 %": 640}

DRESS = """(look) => {
  for (const name of ["look", "contrast", "type"]) {
    if (look[name]) document.documentElement.dataset[name] = look[name];
    else delete document.documentElement.dataset[name];
  }
}"""

# Lines of text that share ground with a line of another element, as far as what scrolls by itself shows them. What
# floats on purpose is left out.
COLLIDING = """() => {
  const lines = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const shown = (e, r) => {
    let [left, top, right, bottom] = [r.left, r.top, r.right, r.bottom];
    for (; e; e = e.parentElement) {
      const style = getComputedStyle(e), box = e.getBoundingClientRect();
      if (["fixed", "sticky"].includes(style.position) || style.clipPath !== "none") return null;
      if (style.overflowX === "visible" || e === document.body || e === document.documentElement) continue;
      [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
      [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
    }
    return right - left > 1 && bottom - top > 1 ? {left, top, right, bottom} : null;
  };
  while (walker.nextNode()) {
    const node = walker.currentNode, e = node.parentElement;
    if (!node.data.trim() || !e.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) lines.push([shown(e, r), node.data.trim().slice(0, 40), node]);
  }
  const seen = lines.filter(([r]) => r), found = [];
  seen.forEach(([a, text, n], i) => seen.slice(i + 1).forEach(([b, other, m]) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    const lower = Math.min(a.bottom - a.top, b.bottom - b.top);
    if (n !== m && wide > 2 && high > lower / 2) found.push(text + " / " + other);
  }));
  return found.slice(0, 5);
}"""


@pytest.fixture(scope="module")
def hung() -> Iterator[Gallery]:
    with gallery.hung() as built:
        yield built


@pytest.fixture(scope="module")
def shots(hung: Gallery) -> dict[Language, list[Shot]]:
    """Few pages that show every template between them, and those chosen for the looks."""
    return {language: fewest(list(hung.shots(language))) for language in LANGUAGES}


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browsers.opened(browser)
    context.route(f"{ORIGIN}/static/**", static_file)
    yield context.new_page()
    context.close()


def fewest(shots: list[Shot]) -> list[Shot]:
    """Page after page that shows most of what none before it showed."""
    kept = [next(shot for shot in shots if shot.pattern == wanted) for wanted in CHOSEN]
    while True:
        shown = {template for shot in kept for template in shot.templates}
        best = max(shots, key=lambda shot: len(shot.templates - shown))
        if not best.templates - shown:
            return kept
        kept.append(best)


def static_file(route: Route) -> None:
    """A file as the console serves it."""
    file = STATIC / route.request.url.removeprefix(f"{ORIGIN}/static/").partition("?")[0]
    route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])


def show(page: Page, shot: Shot) -> None:
    """Let the browser load a page of the gallery under its own address and its own content policy."""
    address = f"{ORIGIN}{shot.address}"
    policy = shot.headers["content-security-policy"]
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": policy}

    def answer(route: Route) -> None:
        route.fulfill(body=shot.html, headers=headers)

    page.route(address, answer)
    page.goto(address)
    page.unroute(address, answer)


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_on_any_template(page: Page, shots: dict[Language, list[Shot]], language: Language) -> None:
    page.set_viewport_size({"width": browsers.DESKTOP[0], "height": browsers.DESKTOP[1]})
    found: dict[str, Any] = {}
    for shot in shots[language]:
        show(page, shot)
        if wrong := violations(page):
            found[f"{shot.who} {shot.address}"] = wrong
    assert not found, json.dumps(found, indent=1, ensure_ascii=False)


def test_each_look_is_readable_and_nothing_lies_over_anything(page: Page, shots: dict[Language, list[Shot]]) -> None:
    """In one language: colours know none, and what is narrower than a desktop is tried in both."""
    page.set_viewport_size({"width": browsers.DESKTOP[0], "height": browsers.DESKTOP[1]})
    found: list[str] = []
    for shot in shots["zh"][: len(CHOSEN)]:
        show(page, shot)
        for name, look in LOOKS.items():
            page.evaluate(DRESS, look)
            wrong = [*violations(page, "color-contrast"), *page.evaluate(browsers.WIDER), *page.evaluate(COLLIDING)]
            found += [f"{shot.address} {name}: {x}" for x in wrong]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_narrow_and_zoomed_windows_scroll_downwards_alone(
    page: Page, shots: dict[Language, list[Shot]], language: Language
) -> None:
    found: list[str] = []
    for shot in shots[language]:
        show(page, shot)
        for name, width in NARROW.items():
            page.set_viewport_size({"width": width, "height": browsers.PHONE[1]})
            wrong = [*page.evaluate(browsers.WIDER), *page.evaluate(COLLIDING)]
            found += [f"{shot.address} {name}: {x}" for x in wrong]
    assert not found, "\n".join(found)


def test_fingers_and_shaky_hands_find_every_target(page: Page, shots: dict[Language, list[Shot]]) -> None:
    """Targets of at least 24 px or with room around them (WCAG 2.2, 2.5.8), on a desktop and on a phone."""
    found: list[str] = []
    for shot in shots["en"][: len(CHOSEN)]:
        show(page, shot)
        for width, height in (browsers.DESKTOP, browsers.PHONE):
            page.set_viewport_size({"width": width, "height": height})
            found += [f"{shot.address} {width}: {x}" for x in violations(page, "target-size")]
    assert not found, "\n".join(found)
