"""A demonstration city of its own for pictures: started on free ports in a folder that goes with it, and put to use.

What is done in it goes through its API, as its people would do it.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cloudhall.domains.identity.demo import PASSWORD

UP_WITHIN_S = 60
READ_WITHIN_S = 60
STOPS_WITHIN_S = 30
OBJECTS = 24
LARGE, LARGE_READS = 64 << 20, 36  # traffic that costs something, so that a statement has amounts
PROJECT = "economic-monitoring"


class City:
    """A running city, spoken to as one of its people."""

    def __init__(self, url: str) -> None:
        """`url` is its address."""
        self.url = url
        self._tokens: dict[str, str] = {}

    def ask(self, who: str, method: str, path: str, body: Any = None) -> Any:
        """One request of the interface; answers its JSON."""
        if who not in self._tokens and path != "/login":
            self._tokens[who] = self.ask(who, "POST", "/login", {"login": who, "password": PASSWORD})["token"]
        headers = {"Content-Type": "application/json"}
        if who in self._tokens:
            headers["Authorization"] = f"Bearer {self._tokens[who]}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, headers, method=method)  # noqa: S310  loopback
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  loopback
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.read().decode()}") from error

    def find(self, who: str, path: str, name: str) -> Any:
        """Resource of that name in a list."""
        return next(row for row in self.ask(who, "GET", f"{path}?page_size=100")["items"] if row["name"] == name)


@contextlib.contextmanager
def running() -> Iterator[City]:
    """Start a city and stop it; its data go with it."""
    with tempfile.TemporaryDirectory(prefix="cloudhall-pictures-") as home:
        port = _free_port()
        env = os.environ | {"CLOUDHALL_HOME": home, "CLOUDHALL_PORT": str(port), "CLOUDHALL_BIN_DAYS": "7"}
        program = str(Path(sys.executable).with_name("cloudhall"))
        process = subprocess.Popen([program, "run", "--demo"], env=env, stdout=subprocess.DEVNULL)
        try:
            city = City(f"http://127.0.0.1:{port}")
            _await_up(city, process)
            yield city
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOPS_WITHIN_S)


def put_to_use(city: City) -> dict[str, str]:
    """Do what a morning brings; answers what addresses of pages need."""
    wanted = {"name": "chongqing-stats", "project": PROJECT, "spec": {"quota_gib": 100, "grade": "open"}}
    bucket = city.ask("chen-xiaolan", "POST", "/buckets?wait=30s", wanted)
    for name, gib in (("industry-briefs", 20), ("survey-2026", 200), ("price-index", 10), ("old-drafts", 2)):
        body = {"name": name, "project": PROJECT, "spec": {"quota_gib": gib, "grade": "open"}}
        city.ask("chen-xiaolan", "POST", "/buckets?wait=30s", body)
    _copy(city, bucket)
    city.ask("chen-xiaolan", "PATCH", f"/buckets/{bucket['id']}", {"labels": {"topic": "statistics"}})
    drafts = city.find("chen-xiaolan", "/buckets", "old-drafts")
    city.ask("chen-xiaolan", "DELETE", f"/buckets/{drafts['id']}")
    path = f"/statements?project={PROJECT}&page_size=1"
    owed = lambda: [s for s in city.ask("chen-xiaolan", "GET", path)["items"] if s["status"]["total_fen"]]  # noqa: E731
    statement = _until(owed, "an amount on the statement")[0]["id"]
    entry = city.ask("he-chuan", "GET", f"/audit?resource={bucket['id']}&page_size=1")["items"][0]["index"]
    person = city.find("zhou-hang", "/people", "chen-xiaolan")["id"]
    organisation = city.find("zhou-hang", "/projects", PROJECT)["organisation"]
    return {
        "bucket": bucket["id"],
        "statement": statement,
        "entry": str(entry),
        "person": person,
        "organisation": organisation,
    }


def _copy(city: City, bucket: Any) -> None:
    """Put and get objects until the console shows them."""
    import boto3

    body = {"project": PROJECT, "spec": {"bucket": bucket["id"]}}
    key = city.ask("chen-xiaolan", "POST", "/access-keys?wait=30s", body)
    place = city.ask("chen-xiaolan", "GET", f"/buckets/{bucket['id']}")["status"]
    s3 = boto3.Session(key["id"], key["secret"], region_name=place["region"]).client(
        "s3", endpoint_url=place["endpoint"]
    )
    for i in range(OBJECTS):
        name = f"{2003 + i}/annual-report.csv"
        s3.put_object(Bucket=bucket["name"], Key=name, Body=b"year,gdp\n" * (20_000 + 3_000 * i))
        s3.get_object(Bucket=bucket["name"], Key=name)["Body"].read()
    s3.put_object(Bucket=bucket["name"], Key="archive/1949-2002.zip", Body=bytes(LARGE))
    for _ in range(LARGE_READS):
        s3.get_object(Bucket=bucket["name"], Key="archive/1949-2002.zip")["Body"].read()
    path = f"/buckets/{bucket['id']}"
    _until(lambda: city.ask("chen-xiaolan", "GET", path)["status"]["objects"] > OBJECTS, "the count of the objects")


def _until(asked: Callable[[], Any], what: str) -> Any:
    """Ask until the answer is something."""
    end = time.monotonic() + READ_WITHIN_S
    while time.monotonic() < end:
        if found := asked():
            return found
        time.sleep(1)
    raise TimeoutError(f"{what} did not come within {READ_WITHIN_S} s")


def _await_up(city: City, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            city.ask("chen-xiaolan", "GET", "/whoami")
            return
        time.sleep(0.2)
    raise TimeoutError(f"the city was not up within {UP_WITHIN_S} s")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
