"""Somebody new at a browser on the demonstration city: few steps to a first success, and the main job by keys alone."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from bench import first_success
from bench.first_success import SECONDS_MAX, STEPS_MAX
from tests.console.markup import HAN, LATIN
from tests.e2e.api import PASSWORD
from tests.e2e.server import Server
from tests.kit import browsers
from tests.kit.axe import violations

TABS_MAX = 120
BUCKET = "economic-tables"
FOCUS = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
  const label = e.labels && e.labels.length ? e.labels[0].innerText : e.innerText || e.getAttribute("aria-label") || "";
  const over = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return {
    name: label.trim().replace(/\\s+/g, " "), type: e.type || "", value: e.value || "", tag: e.tagName,
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    hidden: box.width > 1 && !!over && ![e, ...(e.labels || [])].some((x) => x.contains(over) || over.contains(x)),
  };
}"""


def test_each_first_success_is_a_few_steps_away(city: Server, browser: Browser, tmp_path: Path) -> None:
    found = first_success.tasks(browser, city.url, tmp_path)
    for name, told in found.items():
        assert 0 < told.steps <= STEPS_MAX, (name, told)
        assert told.seconds <= SECONDS_MAX, (name, told)
        assert told.pages > 1, (name, told)


class Keys:
    """Hands that have no mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, name: str, *, value: str = "") -> None:
        """Tab on until the focus is on what says so; it is seen everywhere on the way, and nothing lies over it."""
        for _ in range(TABS_MAX):
            self.page.keyboard.press("Tab")
            at = self.page.evaluate(FOCUS)
            if at["tag"] == "BODY":
                continue
            assert at["ring"], f"no focus ring on {at}"
            assert not at["hidden"], f"something lies over {at}"
            if re.match(name, at["name"]) and value in at["value"]:
                return
        pytest.fail(f"{TABS_MAX} tabs do not lead to {name!r} on {self.page.url}")

    def press(self, name: str) -> None:
        """Go there and press it; answers on the page that it leads to."""
        self.to(name)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def type(self, name: str, text: str) -> None:
        """Go to a field and type."""
        self.to(name)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)


def test_the_main_job_by_keys_alone(city: Server, browser: Browser) -> None:
    """Log in, rent a bucket, see it ready, open the statement and the readings of a line."""
    context = browsers.opened(browser)
    page, name = context.new_page(), f"keys-{time.time_ns() % 10**8}"
    keys, heard = Keys(page), browsers.complaints(page, city.url)
    page.goto(f"{city.url}/login?lang=en")
    keys.type("Log-in name", "chen-xiaolan")
    keys.type("Password", PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url == f"{city.url}/"
    keys.press("Skip to content")
    keys.press("New bucket")
    keys.type("Name", name)
    keys.type("Quota", "5")
    keys.press("Next: check")
    with page.expect_navigation():
        page.keyboard.press("Enter")  # the one button that confirms has the focus
    page.wait_for_url(re.compile("/buckets/bk-"))
    page.get_by_role("main").get_by_text("Ready", exact=True).first.wait_for()
    keys.press("Statements")
    keys.press("Skip to content")
    keys.press(r"20\d\d-\d\d|.*, 20\d\d")
    page.wait_for_url(re.compile("/statements/st-"))
    assert heard == []
    context.close()


@pytest.mark.parametrize(("lang", "other"), [("zh", LATIN), ("en", HAN)])
def test_pages_of_objects_are_whole(city: Server, browser: Browser, lang: str, other: re.Pattern[str]) -> None:
    """They need the real engine, so the gallery of tests/console has none of them."""
    context = browsers.opened(browser)
    page = context.new_page()
    browsers.log_in(page, city.url, "chen-xiaolan", PASSWORD, lang)
    page.goto(f"{city.url}/buckets/{BUCKET}/objects")
    names = page.get_by_role("main").get_by_role("row").get_by_role("link").all_inner_texts()
    key = next(name for name in names if not name.endswith("/"))
    for path in ("", f"/one?key={key}", f":delete?key={key}"):
        page.goto(f"{city.url}/buckets/{BUCKET}/objects{path}")
        assert violations(page) == [], path
        for width in (320, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(browsers.WIDER) == [], (path, width)
        headings = page.get_by_role("heading").all_inner_texts()
        assert not [text for text in headings if other.search(re.sub(f"{key}|{BUCKET}", "", text))], path
    context.close()
