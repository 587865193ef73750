"""Debian's Chromium for tests and measurements: one way to start it, to log in, and to hear its complaints."""

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
MISSING = "needs Debian's chromium: apt-get install chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
WITHIN_MS = 20_000
DESKTOP, PHONE = (1440, 900), (390, 844)

WIDER = """() => document.documentElement.scrollWidth <= window.innerWidth ? [] :
  [...document.querySelectorAll("main *, header *")]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > window.innerWidth + 1)
  .map((e) => e.tagName + "." + e.getAttribute("class")).slice(0, 8)"""
"""What reaches beyond the window and is not inside something that scrolls by itself."""


@contextlib.contextmanager
def running() -> Iterator[Browser]:
    """One browser. Within the block its thread must not run an event loop of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(browser: Browser, size: tuple[int, int] = DESKTOP, *, scripts: bool = True) -> BrowserContext:
    """A visitor without a past, whose waits end."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=scripts, reduced_motion="reduce"
    )
    context.set_default_timeout(WITHIN_MS)
    return context


def complaints(page: Page, url: str) -> list[str]:
    """List that fills with errors, warnings, and whatever is asked of another address than `url`."""
    heard = list[str]()
    page.on("console", lambda m: heard.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((url, "data:", "blob:")) else heard.append(r.url))
    return heard


def log_in(page: Page, url: str, login: str, password: str, lang: str = "en") -> None:
    """By password; answers on the home page."""
    page.goto(f"{url}/login?lang={lang}")
    page.fill("#login", login)
    page.fill("#password", password)
    page.locator("form[action='/login'] button.primary").first.click()
    page.wait_for_url(f"{url}/")
