"""Takes the pictures of the documentation: more than 30 pages in both languages from a demonstration city of their own.

    make pictures                          all of them, into docs/pictures
    .venv/bin/python scripts/pictures.py home bucket --into /tmp/x    some, somewhere else

It needs Debian's chromium with fonts-noto-cjk. Together the pictures stay below `BYTES_MAX`.
"""

import argparse
import base64
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

import palette
import picture_city
from cloudhall.domains.identity.demo import PASSWORD

PICTURES = Path(__file__).resolve().parents[1] / "docs/pictures"
LOCALES = {"zh": "zh-CN", "en": "en-GB"}
BYTES_MAX = 6_000_000
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DESK, PHONE = (1440, 900), (390, 844)
PIXELS = """async (data) => {
  const bitmap = await createImageBitmap(await (await fetch("data:image/png;base64," + data)).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const bytes = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return [bitmap.width, bitmap.height, btoa(text)];
}"""

Steps = Callable[[Page], None]


class Shot(NamedTuple):
    """One picture: who looks, where, in which looks and size, and what is done there first."""

    name: str
    who: str
    path: str
    looks: tuple[tuple[str, str], ...] = ()
    size: tuple[int, int] = DESK
    steps: Steps | None = None


def check(page: Page) -> None:
    """Fill in a bucket and go on to its answers."""
    page.fill("[name=name]", "quarterly-report")
    page.fill("[name='spec.quota_gib']", "100")
    page.locator("input[value=open], option[value=open]").first.click()
    page.locator("main form button.primary").click()
    page.wait_for_load_state("networkidle")


def mistake(page: Page) -> None:
    """Send a form with two mistakes in it."""
    page.fill("[name=name]", "Not a name")
    page.fill("[name='spec.quota_gib']", "4.5")
    page.locator("main form button.primary").click()
    page.wait_for_load_state("networkidle")


DARK = (("look", "dark"),)
LARGE = (("look", "light"), ("type", "large"), ("contrast", "high"))
DEV, DATA, SYSTEM, SECURITY, AUDIT = "chen-xiaolan", "luo-jing", "zhou-hang", "liang-yu", "he-chuan"
SHOTS = (
    Shot("login", "", "/login"),
    Shot("home", DEV, "/"),
    Shot("home-dark", DEV, "/", DARK),
    Shot("home-phone", DEV, "/", size=PHONE),
    Shot("home-large", DEV, "/", LARGE),
    Shot("buckets", DEV, "/buckets"),
    Shot("buckets-none-fit", DEV, "/buckets?grade=internal&q=survey"),
    Shot("bucket", DEV, "/buckets/{bucket}"),
    Shot("bucket-dark", DEV, "/buckets/{bucket}", DARK),
    Shot("bucket-phone", DEV, "/buckets/{bucket}", size=PHONE),
    Shot("bucket-create", DEV, "/buckets:create"),
    Shot("bucket-mistakes", DEV, "/buckets:create", steps=mistake),
    Shot("bucket-check", DEV, "/buckets:create", steps=check),
    Shot("bucket-delete", DEV, "/buckets/{bucket}:delete"),
    Shot("inbox", DEV, "/inbox"),
    Shot("search", DEV, "/search?q=sta"),
    Shot("objects", DEV, "/buckets/{bucket}/objects"),
    Shot("usage", DEV, "/usage"),
    Shot("quotas", DEV, "/quotas"),
    Shot("help", DEV, "/help"),
    Shot("statement", DEV, "/statements/{statement}"),
    Shot("bin", DEV, "/bin"),
    Shot("my-security", DEV, "/security"),
    Shot("not-found", DEV, "/buckets/chongqing-stat"),
    Shot("forbidden", SYSTEM, "/buckets/{bucket}:delete"),
    Shot("health", SYSTEM, "/health"),
    Shot("settings", SYSTEM, "/settings"),
    Shot("storage-plan", SYSTEM, "/storage-plan"),
    Shot("person", SYSTEM, "/people/{person}"),
    Shot("organisation", SYSTEM, "/organisations/{organisation}"),
    Shot("grants", SECURITY, "/grants"),
    Shot("audit", AUDIT, "/audit"),
    Shot("audit-entry", AUDIT, "/audit/{entry}"),
    Shot("rules", AUDIT, "/rules"),
    Shot("design", "", "/design"),
    Shot("design-dark", "", "/design", DARK),
)


def main() -> None:
    """Start a city, use it, and look at it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="pictures to take; all by default")
    parser.add_argument("--into", type=Path, default=PICTURES, help="folder to write to")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="browser to use")
    options = parser.parse_args()
    shots = [s for s in SHOTS if not options.names or s.name in options.names]
    options.into.mkdir(parents=True, exist_ok=True)
    with picture_city.running() as city, sync_playwright() as playwright:
        ids = picture_city.put_to_use(city)
        for language, locale in LOCALES.items():
            flags = [*FLAGS, f"--lang={locale}"]  # words of the browser's own controls
            browser = playwright.chromium.launch(executable_path=options.chromium, args=flags)
            for name, data in _taken(browser, city.url, shots, ids, language):
                file = options.into / f"{name}.{language}.png"
                file.write_bytes(data)
                print(f"{file.name}: {len(data):,} bytes")
            browser.close()
    whole = sum(file.stat().st_size for file in options.into.glob("*.png"))
    print(f"{whole:,} bytes in all")
    if whole > BYTES_MAX:
        sys.exit(f"more than {BYTES_MAX:,} bytes: leave some out, or make them smaller")


def _taken(
    browser: Browser, url: str, shots: list[Shot], ids: dict[str, str], language: str
) -> Iterator[tuple[str, bytes]]:
    """Pictures by name; each person logs in once."""
    canvas = browser.new_page()
    for who in dict.fromkeys(s.who for s in shots):
        context = browser.new_context(color_scheme="light", locale=LOCALES[language])
        page = context.new_page()
        if who:
            _log_in(page, url, who)
        for shot in (s for s in shots if s.who == who):
            context.add_cookies([{"name": n, "value": v, "url": url} for n, v in (*shot.looks, ("lang", language))])
            yield shot.name, _smaller(canvas, _picture(page, url, shot, ids))
            for name, _ in shot.looks:
                context.clear_cookies(name=name)
        context.close()


def _log_in(page: Page, url: str, who: str) -> None:
    page.goto(f"{url}/login?lang=en")
    page.fill("#login", who)
    page.fill("#password", PASSWORD)
    page.locator("form[action='/login'] button.primary").first.click()
    page.wait_for_url(f"{url}/")


def _picture(page: Page, url: str, shot: Shot, ids: dict[str, str]) -> bytes:
    page.set_viewport_size({"width": shot.size[0], "height": shot.size[1]})
    page.goto(url + shot.path.format(**ids))
    if shot.steps:
        shot.steps(page)
    page.wait_for_load_state("networkidle")
    return page.screenshot(animations="disabled")


def _smaller(canvas: Page, picture: bytes) -> bytes:
    """Encode a picture anew with a palette. The browser that drew it unpacks it, so that no library is needed."""
    width, height, text = canvas.evaluate(PIXELS, base64.b64encode(picture).decode())
    pixels: Any = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
    return palette.png(pixels[..., :3])


if __name__ == "__main__":
    main()
