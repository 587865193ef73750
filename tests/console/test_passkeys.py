"""Passkeys in a real browser with an authenticator of its own: made, used alone and after a password, and refused."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page

from cloudhall.domains.identity import factors, passwords
from tests.console.yard import PASSWORD, Yard
from tests.kit import browsers
from tests.kit.serving import served


@pytest.fixture
def url(yard: Yard) -> Iterator[str]:
    """Serve the yard by a name; Devon has a password."""
    hashed = passwords.hash_password(PASSWORD)
    yard.kernel.store.write(lambda tx: passwords.store(tx, yard.people["devon"], hashed, 1)).result()
    with served(yard.app, "localhost") as url:
        yield url


class Desk:
    """A browser window with a device that keeps passkeys."""

    def __init__(self, browser: Browser, url: str) -> None:
        """Plug a device in that asks its owner by itself (W3C Web Authentication, 11.2)."""
        self.url = url
        self.page: Page = browsers.opened(browser).new_page()
        self.complaints = browsers.complaints(self.page, url)
        self.cdp: CDPSession = self.page.context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.device: str = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        """What the device keeps."""
        found: list[dict[str, Any]] = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.device})[
            "credentials"
        ]
        return found

    def verify(self, *, owner: bool) -> None:
        """Let the device recognise its owner, or not."""
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.device, "isUserVerified": owner})

    def log_in(self) -> None:
        """By password."""
        self.page.goto(f"{self.url}/login?lang=en")
        self.page.fill("#login", "devon")
        self.page.fill("#password", PASSWORD)
        self.page.click("form[action='/login'] button.primary")

    def log_out(self) -> None:
        """Forget the session; the device stays."""
        self.page.context.clear_cookies()

    def add(self, name: str) -> str:
        """Make a passkey on one's own page; answers the page that follows."""
        self.page.goto(f"{self.url}/security?lang=en")
        form = self.page.locator("form[data-passkey=make]")
        form.locator("summary").click()
        form.locator("[name=name]").fill(name)
        form.locator("[name=proof]").fill(PASSWORD)
        with self.page.expect_navigation():
            form.locator("button.btn").click()
        return self.page.content()

    def use(self) -> None:
        """Press the button that uses a passkey."""
        self.page.click("form[data-passkey=show] button.btn")


@pytest.fixture
def desk(browser: Browser, url: str) -> Iterator[Desk]:
    made = Desk(browser, url)
    yield made
    made.page.context.close()


def test_a_passkey_is_made_and_logs_in_alone(desk: Desk, yard: Yard) -> None:
    desk.log_in()
    desk.page.wait_for_url(f"{desk.url}/")
    assert len(set(re.findall(r"[0-9a-z]{4}(?:-[0-9a-z]{4}){3}", desk.add("laptop at work")))) == 10
    (kept,) = desk.credentials()
    assert (kept["rpId"], kept["isResidentCredential"]) == ("localhost", True)
    assert "laptop at work" in desk.page.goto(f"{desk.url}/security").text()  # type: ignore[union-attr]  # a page has answered
    desk.log_out()
    desk.page.goto(f"{desk.url}/login?lang=en&next=/security")
    desk.use()
    desk.page.wait_for_url(f"{desk.url}/security")
    assert "passkey" in desk.page.locator("tr", has_text="this one").inner_text()
    assert desk.complaints == []


def test_after_a_password_the_passkey_is_asked_for(desk: Desk) -> None:
    desk.log_in()
    desk.add("laptop")
    desk.log_out()
    desk.log_in()
    assert "Second factor" in desk.page.title()
    assert not any(c["name"] == "cloudhall_session" for c in desk.page.context.cookies())
    desk.use()
    desk.page.wait_for_url(f"{desk.url}/")
    desk.page.goto(f"{desk.url}/security")
    assert "password and passkey" in desk.page.content()


def test_who_is_not_recognised_by_the_device_stays_outside(desk: Desk) -> None:
    desk.log_in()
    desk.add("laptop")
    desk.log_out()
    desk.verify(owner=False)
    desk.page.goto(f"{desk.url}/login?lang=en")
    desk.use()
    desk.page.locator("[data-failed]").first.wait_for(state="visible")
    assert desk.page.url.startswith(f"{desk.url}/login")


def test_a_passkey_that_was_removed_no_longer_opens(desk: Desk, yard: Yard) -> None:
    desk.log_in()
    desk.add("laptop")
    desk.page.goto(f"{desk.url}/security?lang=en")
    row = desk.page.locator("tr", has_text="laptop")
    row.locator("summary").click()
    row.locator("[name=proof]").fill(PASSWORD)
    row.locator("button.danger").click()
    desk.page.wait_for_url(f"{desk.url}/security?done=removed")
    assert not factors.held(yard.kernel.store.read(), yard.people["devon"])
    desk.log_out()
    desk.page.goto(f"{desk.url}/login?lang=en")
    desk.use()
    desk.page.locator("[role=alert]", has_text="The passkey was not accepted").wait_for()


def test_the_same_device_is_not_registered_twice(desk: Desk) -> None:
    desk.log_in()
    desk.add("laptop")
    desk.page.goto(f"{desk.url}/security?lang=en")
    form = desk.page.locator("form[data-passkey=make]")
    form.locator("summary").click()
    form.locator("[name=name]").fill("again")
    form.locator("[name=proof]").fill(PASSWORD)
    form.locator("button.btn").click()
    form.locator("[data-failed]").wait_for(state="visible")
    assert len(desk.credentials()) == 1


@pytest.mark.parametrize("scripts", [True, False])
def test_at_a_bare_address_the_page_says_where(browser: Browser, url: str, *, scripts: bool) -> None:
    bare = url.replace("localhost", "127.0.0.1")
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto(f"{bare}/login?lang=en")
    assert page.locator("form[data-passkey]").count() == 0
    page.click(f"a[href='{url}/login']")
    page.wait_for_url(f"{url}/login")
    assert page.locator("form[data-passkey]").is_visible() is scripts
    context.close()
