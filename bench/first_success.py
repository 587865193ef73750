"""How much a newcomer has to do until something is done: scripted people at a browser, who do what the pages offer.

make_run_s               a fresh clone of HEAD, nothing installed, package cache warm: until its address is printed
first_object.…           log in, rent a bucket, put a file into it
first_line_explained.…   log in, open a statement, and from a line of it the readings behind it
first_colleague.…        log in, invite somebody, and what the one who opens the link is told
first_denial.…           log in, meet what one may not do, and find the policy that says so

….steps    clicks, fields filled in, files chosen, links opened; at most 12 each
….seconds  by a script that never reads; `first_object.seconds` counts from `make run`; at most 180 each
….pages    pages that were shown on the way
"""

import argparse
import contextlib
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Locator

from bench.start import ROOT, Running, free_port
from bench.support.newcomer import MAIN, Newcomer, Told, coming
from tests.e2e.api import Api
from tests.kit import browsers

STEPS_MAX, SECONDS_MAX = 12, 180
BUCKET, INVITER = "my-first-bucket", "tan-yi"
RATED_WITHIN_S = 90
SIZE = 2_000


def first_object(who: Newcomer, file: Path) -> None:
    """Rent a bucket and put a file into it."""
    who.arrive("chen-xiaolan")
    who.click("link", "Buckets")
    who.click("link", "New bucket")
    who.fill("Name", BUCKET)
    who.fill("Quota", "5")
    who.choose("Open")
    who.click("button", "Next: check")
    who.click("button", "Create bucket")
    who.sees("^Ready$")
    who.click("link", "Browse and upload")
    who.give("Files", file)
    who.page.locator(MAIN).get_by_role("link", name=file.name).wait_for()


def first_line_explained(who: Newcomer) -> None:
    """From the sum to the readings."""
    who.arrive("chen-xiaolan")
    who.click("link", "Statements")
    main = who.page.locator(MAIN)
    who.press(shown(who, main.get_by_role("row").filter(has_text="Economic monitoring").get_by_role("link")))
    who.press(shown(who, main.get_by_role("table").get_by_role("link", name="economic-tables")))
    who.sees("Source id")


def shown(who: Newcomer, what: Locator) -> Locator:
    """The first of it. A city that was founded just now has no line yet: look again until it has."""
    until = time.monotonic() + RATED_WITHIN_S
    while not what.count():
        if time.monotonic() > until:
            raise SystemExit(f"not on {who.page.url} within {RATED_WITHIN_S} s")
        time.sleep(1)
        who.page.reload()
    return what.first


def first_colleague(who: Newcomer) -> None:
    """Somebody is invited, and reads where to."""
    who.arrive(INVITER)
    who.click("link", "Invitations")
    who.click("link", "New invitation")
    who.choose("developer")
    who.click("button", "Next: check")
    who.click("button", "Create invitation")
    link = who.code("/join")
    who.page.context.clear_cookies()
    who.open(link)
    who.sees("Join")


def first_denial(who: Newcomer) -> None:
    """A developer finds data that are not theirs to read, and learns which policy says so."""
    who.arrive("chen-xiaolan")
    who.click("link", "Buckets")
    who.click("link", "enterprise-energy")
    who.press(who.page.locator("#access").get_by_text("Why you may"))
    who.sees("by data officers alone", inside="#access")


def make_inviter(url: str) -> None:
    """Let the security administrator grant what inviting needs."""
    with contextlib.closing(Api.of(url, "liang-yu")) as granter:
        person = granter.get(f"people/{INVITER}")["id"]
        spec = {"subject": person, "role": "org_admin", "reason": "first colleague"}
        granter.make("grants", {"organisation": "finance", "spec": spec})


def told(browser: Browser, url: str, task: Callable[[Newcomer], None]) -> Told:
    """One task from an empty browser to its end."""
    with coming(browser, url) as who:
        task(who)
        return who.told()


def tasks(browser: Browser, url: str, folder: Path) -> dict[str, Told]:
    """Every task once, against a city that is up."""
    make_inviter(url)
    file = folder / "first.txt"
    file.write_bytes(bytes(SIZE))
    return {
        "first_object": told(browser, url, lambda who: first_object(who, file)),
        "first_line_explained": told(browser, url, first_line_explained),
        "first_colleague": told(browser, url, first_colleague),
        "first_denial": told(browser, url, first_denial),
    }


def measure(folder: Path) -> dict[str, float]:
    """Run a clone and let everybody come."""
    clone, port = folder / "clone", free_port()
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    city = Running(clone, folder / "home", port)
    try:
        with browsers.running() as browser:
            found = tasks(browser, f"http://127.0.0.1:{port}", folder)
    finally:
        city.stop()
    first = found["first_object"]
    found["first_object"] = first._replace(seconds=round(first.seconds + city.start_s, 1))
    figures = {f"{name}.{key}": value for name, one in found.items() for key, value in one._asdict().items()}
    return {"make_run_s": round(city.start_s, 1)} | figures


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory(prefix="cloudhall-first-") as made:
        print(json.dumps(measure(Path(made))))
