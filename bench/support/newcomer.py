"""Somebody who has never been here, at a browser: does only what a page offers, and every deed is counted.

A deed is a click, a field filled in, an option or a file chosen, or an address opened that somebody handed over.
Waiting is none, but it takes its seconds.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, Locator, Page

from tests.kit import browsers

Role = Literal["button", "link", "textbox", "combobox", "radio"]
WITHIN_MS = 60_000
MAIN = "main"


class Told(NamedTuple):
    """What a task took."""

    steps: int
    seconds: float
    pages: int


class Newcomer:
    """One task of one person; `page` is for looking only."""

    def __init__(self, page: Page, url: str) -> None:
        """Nothing is done yet."""
        self.page, self.url = page, url
        self.steps = self.pages = 0
        self._began = time.monotonic()
        page.set_default_timeout(WITHIN_MS)
        page.on("framenavigated", lambda frame: self._turned(frame.url))

    def _turned(self, url: str) -> None:
        self.pages += url.startswith(self.url)

    def told(self) -> Told:
        """What it has taken up to now."""
        return Told(self.steps, round(time.monotonic() - self._began, 1), self.pages)

    def arrive(self, login: str) -> None:
        """Open the address that the server printed, and take one of the demonstration's log-ins."""
        self.page.goto(f"{self.url}/login?lang=en")
        self.click("button", f"Log in {login}")

    def open(self, address: str) -> None:
        """Open an address that somebody has handed over."""
        self.steps += 1
        self.page.goto(address)

    def click(self, role: Role, name: str, inside: str = "body") -> None:
        """Press what says so, wherever on the page."""
        self.press(self.page.locator(inside).get_by_role(role, name=re.compile(rf"^\s*{name}")).first)

    def press(self, what: Locator) -> None:
        """Press it."""
        self.steps += 1
        what.click()

    def fill(self, label: str, text: str) -> None:
        """Type into the field of a label."""
        self.steps += 1
        self.page.locator(MAIN).get_by_label(label).first.fill(text)

    def choose(self, name: str) -> None:
        """Tick one of several."""
        self.steps += 1
        self.page.locator(MAIN).get_by_role("radio", name=name).check()

    def sees(self, text: str, inside: str = MAIN) -> None:
        """Wait until the page says so."""
        self.page.locator(inside).get_by_text(re.compile(text)).first.wait_for()

    def code(self, says: str) -> str:
        """Text of a box with something to copy."""
        return self.page.locator("pre", has_text=says).first.inner_text().strip()

    def give(self, label: str, file: Path) -> None:
        """Choose a file to send."""
        self.steps += 1
        self.page.locator(MAIN).get_by_label(label).first.set_input_files(file)


@contextmanager
def coming(browser: Browser, url: str) -> Iterator[Newcomer]:
    """Somebody with a browser that knows nothing."""
    context = browsers.opened(browser)
    yield Newcomer(context.new_page(), url)
    context.close()
