"""A walk in a real browser, without scripts and with: log in, create, see, edit, delete; then looks, phone and keys."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from cloudhall.domains.identity import passwords
from tests.console.yard import PASSWORD, Yard
from tests.kit import browsers
from tests.kit.serving import served


@pytest.fixture
def url(yard: Yard) -> Iterator[str]:
    """Serve the yard on a free port of loopback, with its reconciler running; Devon has a password."""
    hashed = passwords.hash_password(PASSWORD)
    yard.kernel.store.write(lambda tx: passwords.store(tx, yard.people["devon"], hashed, 1)).result()
    yard.kernel.start()
    with served(yard.app) as url:
        yield url


def visit(
    browser: Browser, url: str, *, scripts: bool = True, width: int = 1440, lang: str = "en"
) -> tuple[Page, list[str]]:
    """Log in as Devon; answers the page, and what the browser complained of or asked elsewhere."""
    page = browsers.opened(browser, (width, 900), scripts=scripts).new_page()
    heard = browsers.complaints(page, url)
    browsers.log_in(page, url, "devon", PASSWORD, lang)
    return page, heard


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "scripts"])
@pytest.mark.parametrize(("lang", "ready"), [("zh", "就绪"), ("en", "Ready")])
def test_create_see_edit_delete(browser: Browser, url: str, yard: Yard, scripts: bool, lang: str, ready: str) -> None:
    page, complaints = visit(browser, url, scripts=scripts, lang=lang)
    page.locator("main a[href='/sheds:create']").first.click()
    page.fill("[name=name]", "zq-walk")
    page.fill("[name='spec.area_m2']", "40")
    page.locator("main form button.primary").click()
    assert "20.00" in page.inner_text("main")
    page.locator("main form button.primary").click()
    page.wait_for_url("**/sheds/sx-*")
    until(page, ready, scripts=scripts)
    page.locator(".acts a.primary").click()
    page.fill("[name='spec.area_m2']", "45")
    page.locator("main form button.primary").click()
    page.get_by_text("45 m²", exact=True).first.wait_for()
    page.locator(".zone a.danger").click()
    page.fill("[name=name]", "zq-walk")
    page.locator("main form button.danger").click()
    page.wait_for_url("**/sheds?done=delete")
    assert page.locator(".toast").is_visible()
    assert complaints == []


def until(page: Page, word: str, *, scripts: bool) -> None:
    """With scripts the page follows by itself; without, a person reloads it."""
    deadline = time.monotonic() + 20
    while page.locator(".status").inner_text().split("\n")[0].strip() != word and time.monotonic() < deadline:
        time.sleep(0.2)
        if not scripts:
            page.reload()
    assert word in page.locator(".status").inner_text()


def test_the_verdict_follows_while_somebody_types(browser: Browser, url: str) -> None:
    page, complaints = visit(browser, url)
    page.goto(f"{url}/sheds:create")
    assert "Not ready yet" in page.inner_text("#verdict")
    page.fill("[name=name]", "zq-live")
    page.fill("[name='spec.area_m2']", "60")
    page.press("[name='spec.area_m2']", "Tab")
    page.locator("#verdict .status.ok").wait_for()
    assert "30.00" in page.inner_text("#verdict")
    assert "--area-m2 60" in page.inner_text("#verdict")
    assert complaints == []


def test_keys_menus_and_copying(browser: Browser, url: str, yard: Yard) -> None:
    shed = yard.shed("zq-one")
    page, complaints = visit(browser, url)
    page.goto(f"{url}/sheds")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "palette"
    page.keyboard.type("q-on")
    page.locator("dialog.palette a", has_text="zq-one").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/sheds/{shed}")
    page.keyboard.press("?")
    page.locator("dialog.helpsheet kbd").first.wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    page.locator(".person summary").click()
    assert page.get_by_text("High contrast").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_text("High contrast").is_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("main .copy").first.click()
    page.wait_for_function("() => document.querySelector('.copy.done')")
    assert page.evaluate("navigator.clipboard.readText()") == shed
    page.goto(f"{url}/sheds")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert complaints == []


@pytest.mark.parametrize("look", [{}, {"type": "large", "contrast": "high"}], ids=["plain", "large"])
def test_narrow_screens_never_scroll_sideways(browser: Browser, url: str, yard: Yard, look: dict[str, str]) -> None:
    shed = yard.shed("zq-a-rather-long-name-for-a-shed-of-the-northern-yard", note="x" * 90)
    page, complaints = visit(browser, url)
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in look.items()])
    for path in ("/", "/sheds", f"/sheds/{shed}", "/sheds:create", "/search?q=zq", "/audit", f"/sheds/{shed}:update"):
        page.goto(f"{url}{path}")
        for width in (320, 390, 800, 960, 1100, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate(browsers.WIDER)
            assert wide == [], f"{path} at {width}: {wide}"
    assert complaints == []


def test_the_menu_of_a_narrow_screen_needs_no_script(browser: Browser, url: str) -> None:
    page, _ = visit(browser, url, scripts=False, width=800)
    assert not page.locator("#nav").is_visible()
    page.locator("a.menu").click()
    page.locator("#nav a[href='/sheds']").click()
    page.wait_for_url("**/sheds")
    assert not page.locator("#nav").is_visible()
