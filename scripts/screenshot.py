"""Takes the README's pictures: `scripts/screenshot.py http://127.0.0.1:8800` beside a running demonstration city.

As its developer it rents a bucket, copies the city's open tables into it for some minutes, so that the page has
something to show, and takes the bucket's page in both languages into docs/images. The bucket stays; whoever does not
want it takes a city of its own (`CLOUDHALL_HOME`, `CLOUDHALL_PORT`).
"""

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

import boto3
from playwright.sync_api import Browser, sync_playwright

from cloudhall.domains.identity.demo import PASSWORD
from cloudhall.domains.storage.demo import DATA
from cloudhall.sdk.client import Client

IMAGES = Path(__file__).resolve().parents[1] / "docs/images"
NAMES = {"en": "console.png", "zh": "console.zh-CN.png"}
BUCKET, PROJECT, PERSON = "chongqing-stats", "economic-monitoring", "chen-xiaolan"
SIZE = {"width": 1280, "height": 800}
ROUND_S = 10
BYTES_MAX = 200_000
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main() -> None:
    """Fill a bucket, then take its page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="address of the city")
    parser.add_argument("--minutes", type=float, default=5, help="how long to copy (default 5)")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="browser to use")
    options = parser.parse_args()
    bucket = _rented(options.url)
    _copy(options.url, bucket, options.minutes * 60)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        for language, name in NAMES.items():
            _take(browser, options.url, bucket["id"], language, IMAGES / name)


def _client(url: str) -> Client:
    login = {"login": PERSON, "password": PASSWORD}
    return Client(url, Client(url, language="en").send("POST", "/api/v1/login", body=login).body["token"], "en")


def _rented(url: str) -> dict[str, Any]:
    wanted = {"name": BUCKET, "project": PROJECT, "spec": {"quota_gib": 100, "grade": "open"}}
    bucket: dict[str, Any] = _client(url).send("POST", "/api/v1/buckets", {"wait": "30s"}, wanted).body
    return bucket


def _copy(url: str, bucket: dict[str, Any], for_s: float) -> None:
    """Copy the open tables again and again, each time under another prefix and a little more of them."""
    wanted = {"project": PROJECT, "spec": {"bucket": bucket["id"]}}
    key = _client(url).send("POST", "/api/v1/access-keys", {"wait": "30s"}, wanted).body
    place = bucket["status"]
    session = boto3.Session(key["id"], key["secret"], region_name=place["region"])
    s3 = session.client("s3", endpoint_url=place["endpoint"])
    tables, began = sorted(DATA.rglob("*.csv")), time.monotonic()
    for turn in itertools.count(1):
        for table in tables[: 3 + turn % len(tables)]:
            s3.upload_file(str(table), BUCKET, f"{turn:03}/{table.name}")
            s3.get_object(Bucket=BUCKET, Key=f"{turn:03}/{table.name}")["Body"].read()
        if time.monotonic() - began > for_s:
            break
        time.sleep(ROUND_S)
    time.sleep(3 * ROUND_S)  # until the statement has been rated with it


def _take(browser: Browser, url: str, bucket: str, language: str, file: Path) -> None:
    page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()  # type: ignore[arg-type]  # a TypedDict
    page.goto(f"{url}/login?lang={language}")
    page.fill("#login", PERSON)
    page.fill("#password", PASSWORD)
    page.locator("form[action='/login'] button.primary").first.click()
    page.wait_for_url(f"{url}/")
    page.goto(f"{url}/buckets/{bucket}")
    page.wait_for_load_state("networkidle")
    file.parent.mkdir(exist_ok=True)
    page.screenshot(path=file)
    size = file.stat().st_size
    assert size <= BYTES_MAX, f"{file.name} has {size} bytes"
    print(f"{file.name}: {size:,} bytes")


if __name__ == "__main__":
    main()
