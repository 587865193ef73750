"""Step by step as a developer does it, in a browser and in both languages: rent, key, copy, read the bill, prove it."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page

from cloudhall import verify
from tests.e2e.api import PASSWORD
from tests.e2e.clients import Door
from tests.e2e.server import Server
from tests.kit import browsers

SIZE = 300_000
SHOWN = "292.9 KiB"
EMPTY_FILES = "BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE=true"  # without it some clients hang after one
WITHIN_S = 60
HAN = re.compile(r"[\u4e00-\u9fff]")


class Words(NamedTuple):
    """What the pages say in one language."""

    lang: str
    title: str
    create: str
    ready: str
    stored: str
    not_what: str


ZH = Words("zh", "云厅", "创建存储桶", "就绪", "已用", "Usage")
EN = Words("en", "Cloudhall", "Create bucket", "Ready", "Stored", "用量")


@pytest.mark.parametrize("words", [ZH, EN], ids=lambda w: w.lang)
def test_a_developer_rents_uses_and_pays_for_a_bucket(
    city: Server, browser: Browser, words: Words, tmp_path: Path
) -> None:
    name = f"browser-{words.lang}-{time.time_ns() % 10**8}"
    page = logged_in(browser, city.url, "chen-xiaolan", words)
    rent(page, city.url, name, words)
    bucket = page.url.partition("?")[0].rpartition("/")[2]
    door = make_key(page, city.url, bucket, name)
    put_and_get(door)
    see_usage(page, city.url, bucket, words)
    see_bill(page, city.url, bucket, name, words)
    prove(logged_in(browser, city.url, "he-chuan", words), city.url, bucket, words, tmp_path)


def logged_in(browser: Browser, url: str, login: str, words: Words) -> Page:
    page = browsers.opened(browser).new_page()
    browsers.log_in(page, url, login, PASSWORD, words.lang)
    assert words.title in page.title()
    return page


def rent(page: Page, url: str, name: str, words: Words) -> None:
    """Price, quota left and what will happen stand on the page before anything is confirmed."""
    page.goto(f"{url}/buckets:create")
    page.select_option("select[name=project]", index=0)
    page.fill("input[name=name]", name)
    page.fill("input[name='spec.quota_gib']", "5")
    page.check("input[name='spec.grade'][value=open]")
    page.locator("main form button.primary").click()
    consequences = page.inner_text("main")
    assert "0.10" in consequences  # 5 GiB reserved for a month at 0.02
    assert re.search(r"9\d\d GiB", consequences)  # left of 1,024
    assert f"cloudhall bucket create {name}" in consequences
    page.get_by_role("button", name=words.create).click()
    page.wait_for_url(re.compile(rf"{url}/buckets/bk-"))
    page.get_by_text(words.ready, exact=True).first.wait_for()


def make_key(page: Page, url: str, bucket: str, name: str) -> Door:
    page.goto(f"{url}/access-keys:create?spec.bucket={bucket}")
    page.locator("main form button.primary").click()
    page.locator("main form button.primary").click()
    page.locator("section.secret pre").wait_for()
    key = page.locator("section.secret dd code").first.inner_text()
    secret = page.locator("section.secret pre").first.inner_text().strip()
    exports = page.inner_text("main")
    endpoint = re.search(r"--endpoint-url (\S+)", exports)
    assert endpoint
    assert EMPTY_FILES in exports
    page.locator("p.send a.primary").click()
    assert secret not in page.content()
    status = {"endpoint": endpoint[1], "region": "us-east-1"}
    return Door({"name": name, "status": status}, {"id": key, "secret": secret})


def put_and_get(door: Door) -> None:
    client, content = door.s3(), os.urandom(SIZE)
    deadline = time.monotonic() + WITHIN_S
    while door.refused() and time.monotonic() < deadline:
        time.sleep(0.1)
    client.put_object(Bucket=door.bucket, Key="a/b.bin", Body=content)
    assert client.get_object(Bucket=door.bucket, Key="a/b.bin")["Body"].read() == content


def see_usage(page: Page, url: str, bucket: str, words: Words) -> None:
    """Within a minute the console shows objects, bytes and requests."""
    deadline = time.monotonic() + WITHIN_S
    shown = ""
    while time.monotonic() < deadline:
        page.goto(f"{url}/buckets/{bucket}")
        shown = page.inner_text("main")
        if SHOWN in shown and re.search(r"\b[2-9] (次|in all)", shown):
            break
        time.sleep(1)
    assert SHOWN in shown
    assert re.search(r"\b[2-9] (次|in all)", shown), shown
    assert words.stored in shown
    assert EMPTY_FILES in shown
    assert words.not_what not in shown


def see_bill(page: Page, url: str, bucket: str, name: str, words: Words) -> None:
    """The statement shows the line, its resource by name, and the readings behind it, in two clicks."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        page.goto(f"{url}/buckets/{bucket}")
        link = page.locator("aside a[href*='/statements/']")
        if link.count():
            link.first.click()
            if page.locator(f"main a:text-is('{name}')").count() >= 2:
                break
        time.sleep(1)
    page.locator(f"main a:text-is('{name}')").first.click()
    page.locator("#readings").wait_for()
    assert bucket in page.inner_text("#readings")
    if words.lang == "en":
        assert not HAN.search(re.sub(r"经济[^\s]*|市[^\s]*|中文", "", page.inner_text("main")))


def prove(page: Page, url: str, bucket: str, words: Words, folder: Path) -> None:
    """The audit page shows who did what; the file it gives is proven by the verifier alone, in a process of its own."""
    page.goto(f"{url}/audit?resource={bucket}")
    assert "storage.bucket:create" in page.content()
    page.locator("table.audit a[href^='/audit/']").last.click()
    with page.expect_download() as download:
        page.locator("header.head a.primary").click()
    proof = folder / f"proof-{words.lang}.json"
    download.value.save_as(proof)
    command = [sys.executable, "-I", str(verify.__file__), str(proof), "--lang", words.lang]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout
    spoilt = json.loads(proof.read_text("utf-8"))
    spoilt["entries"][0]["index"] += 1
    proof.write_text(json.dumps(spoilt), encoding="utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
