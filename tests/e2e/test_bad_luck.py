"""Bad luck: what is in the way is said in one clear line, what was acknowledged is there, and nothing is left over."""

import contextlib
import datetime
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.api import Api, until
from tests.e2e.clients import Door
from tests.e2e.disks import fill, inside, may_mount
from tests.e2e.server import PROGRAM, Server, answers, refusal

PROJECT = "economic-monitoring"
MIB = 1 << 20
STOP_S = 5.0
CHINESE = re.compile(r"[一-鿿]")
Servers = Callable[..., Server]


def rent(developer: Api, name: str) -> Door:
    """Make a bucket and a key for it."""
    spec = {"quota_gib": 1, "grade": "open"}
    bucket = developer.make("buckets", {"name": name, "project": PROJECT, "spec": spec})
    return Door(bucket, developer.make("access-keys", {"project": PROJECT, "spec": {"bucket": bucket["id"]}}))


@contextlib.contextmanager
def as_developer(server: Server) -> Iterator[Api]:
    with contextlib.closing(Api.of(server.url, "chen-xiaolan")) as api:
        yield api


def said_in_both(home: Path, port: int | None = None, **environ: str) -> tuple[str, str]:
    """What the server says in Chinese and in English; each a line that says what, and one that says how to mend it."""
    said = []
    for locale in ("zh_CN.UTF-8", "en_GB.UTF-8"):
        what, how = refusal(home, port, LANG=locale, **environ)
        assert bool(CHINESE.search(what)) == bool(CHINESE.search(how)) == locale.startswith("zh")
        said.append(f"{what} {how}")
    return said[0], said[1]


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for said in said_in_both(tmp_path / "home", port):
            assert str(port) in said
            assert f"CLOUDHALL_PORT={port + 1}" in said
    assert not (tmp_path / "home").exists()


def test_a_second_server_on_the_same_home(city: Server) -> None:
    for said in said_in_both(city.home):
        assert str(city.home) in said
        assert "CLOUDHALL_HOME" in said
    assert answers(city.port)


@pytest.mark.parametrize("weed", ["/nonexistent", "/etc/hostname", "/bin/false"])
def test_an_engine_that_is_missing_or_none(tmp_path: Path, weed: str) -> None:
    for said in said_in_both(tmp_path / "home", CLOUDHALL_WEED=weed):
        assert weed in said
        assert "CLOUDHALL_WEED" in said


def test_a_database_of_a_newer_release(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "home/cloudhall.db")) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA user_version = 4711")
    before = (tmp_path / "home/cloudhall.db").read_bytes()
    for said in said_in_both(tmp_path / "home"):
        assert "4711" in said
        assert "cloudhall.db" in said
    assert (tmp_path / "home/cloudhall.db").read_bytes() == before


@pytest.mark.parametrize("content", [b"no database", b""], ids=["damaged", "folder"])
def test_a_home_that_is_none(tmp_path: Path, content: bytes) -> None:
    home = tmp_path / "home"
    if content:
        home.mkdir()
        (home / "cloudhall.db").write_bytes(content * 1_000)
    else:
        home.write_text("a file where a folder should be")
    for said in said_in_both(home):
        assert str(home) in said


def test_a_server_stops_in_time_whatever_is_going_on_and_goes_on_where_it_was(server: Servers) -> None:
    one = server()
    one.start()
    with as_developer(one) as developer:
        door = rent(developer, "goes-on")
        door.s3().put_object(Bucket=door.bucket, Key="kept", Body=b"x" * MIB)
        with busy(one, door):
            code, stop_s = one.stop()
        assert code == 0
        assert stop_s < STOP_S
        assert one.listening() == []
        assert "Traceback" not in one.said()

        assert one.start() < STOP_S
        assert developer.get(f"access-keys/{door.key}")["state"] == "ready"
    until(lambda: door.refused() == "", 5)
    assert door.s3().get_object(Bucket=door.bucket, Key="kept")["Body"].read() == b"x" * MIB
    code, stop_s = one.stop(signal.SIGTERM)
    assert code == 0
    assert stop_s < STOP_S


def test_an_engine_that_hangs_does_not_hold_up_the_stop(server: Servers) -> None:
    one = server()
    one.start()
    with as_developer(one) as developer:
        door = rent(developer, "hangs")
        os.kill(one.engine_pid, signal.SIGSTOP)
        assert developer.send("DELETE", f"access-keys/{door.key}").status == 202
        wish = {"name": "meanwhile", "project": PROJECT, "spec": {"quota_gib": 1, "grade": "open"}}
        assert developer.post("buckets", wish).status == 201
        time.sleep(1)
    code, stop_s = one.stop()
    assert code == 0
    assert stop_s < 1.5 * STOP_S
    one.start()
    with as_developer(one) as developer:
        until(lambda: developer.get("buckets/meanwhile")["state"] == "ready", 10)
        assert door.refused() == "InvalidAccessKeyId"


@contextlib.contextmanager
def busy(server: Server, door: Door) -> Iterator[None]:
    """Keep an event stream open, an upload under way and requests coming while the block runs."""
    over = threading.Event()

    def upload() -> None:
        with contextlib.suppress(Exception):  # it is cut off, that is the point
            while not over.is_set():
                door.s3().put_object(Bucket=door.bucket, Key="big", Body=b"y" * 64 * MIB)

    def ask() -> None:
        with contextlib.suppress(Exception), as_developer(server) as api:  # as above
            while not over.is_set():
                api.get("buckets")

    threads = [threading.Thread(target=upload), threading.Thread(target=ask)]
    with as_developer(server) as api, contextlib.closing(socket.create_connection(("127.0.0.1", server.port))) as watch:
        head = f"GET /api/v1/watch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n\r\n"
        watch.sendall(head.encode())
        assert b"200" in watch.recv(4_096)
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()


def test_an_engine_that_is_killed_leaves_a_gap_and_no_invention(city: Server) -> None:
    with as_developer(city) as developer:
        door = rent(developer, "engine-killed")
        s3 = door.s3()
        for n in range(10):
            s3.put_object(Bucket=door.bucket, Key=f"{n}", Body=b"z" * 1_000)
        until(lambda: counted(developer, door).get("requests_a") == 10, 30)
        for n in range(3):
            s3.get_object(Bucket=door.bucket, Key=f"{n}")["Body"].read()
        killed, killed_us = city.engine_pid, time.time_ns() // 1_000
        os.kill(killed, signal.SIGKILL)

        until(lambda: city.engine_pid not in {0, killed}, 20)
        until(lambda: answers(int(door.endpoint.rpartition(":")[2])), 20)
        listings = 1
        assert door.refused() == ""
        for n in range(7):
            assert door.s3().get_object(Bucket=door.bucket, Key=f"{n}")["Body"].read() == b"z" * 1_000
        gaps = until(lambda: gaps_of(developer, door), 30)
        until(lambda: counted(developer, door).get("requests_b", 0) >= 7, 30)
        bucket = developer.get(f"buckets/{door.bucket}")

        now = counted(developer, door)
        assert 7 <= now["requests_b"] <= 7 + 3
        assert 10 + listings <= now["requests_a"] <= 10 + listings
        assert now["sent_bytes"] == now["requests_b"] * 1_000
        assert (bucket["status"]["objects"], bucket["status"]["stored_bytes"]) == (10, 10_000)
        (gap,) = [g for g in gaps if g["meter"] == "storage.requests_b"]
        assert gap["cause"]
        assert at_us(gap["from"]) <= killed_us < at_us(gap["to"])
        developer.send("PATCH", f"buckets/{door.bucket}", {"spec": {"quota_gib": 2}}, wait="10s").ok()


def counted(developer: Api, door: Door) -> dict[str, int]:
    """Whole requests and bytes of a bucket so far, by meter."""
    found = [t for t in developer.get("usage", project=PROJECT)["items"] if t["aggregation"] == "sum"]
    names = developer.get("usage", project=PROJECT)["names"]
    per = {"storage.sent_bytes": 1}
    return {
        t["meter"].removeprefix("storage."): int(t["quantity_micro"]) // per.get(t["meter"], 1_000_000)
        for t in found
        if names.get(t["resource"]) == door.bucket
    }


def gaps_of(developer: Api, door: Door) -> list[dict[str, Any]]:
    """Gaps of a bucket."""
    id_ = developer.get(f"buckets/{door.bucket}")["id"]
    return [g for g in developer.get("usage/gaps", project=PROJECT)["items"] if g["resource"] == id_]


def at_us(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1_000_000)


SMALL_DISK = inside(
    'mount -t tmpfs -o size=16m tmpfs "$CLOUDHALL_HOME" && mkdir "$CLOUDHALL_HOME/objects" && '
    'mount --bind "$CLOUDHALL_HOME.objects" "$CLOUDHALL_HOME/objects"'
)


@pytest.mark.skipif(not may_mount(), reason="a small disk needs user namespaces, which this machine does not allow")
def test_a_full_disk_refuses_what_it_cannot_keep_and_loses_nothing(server: Servers) -> None:
    one = server(before=SMALL_DISK)
    for folder in (one.home, one.home.with_name(f"{one.home.name}.objects")):
        folder.mkdir()
    one.start()
    filler = Path(f"/proc/{one.pid}/root{one.home}/filler")
    with as_developer(one) as developer:
        door = rent(developer, "small-disk")
        fill(filler)
        kept, refused = until_full(developer)
        assert (refused.status, refused.body["code"], refused.body["reason"]) == (503, "UNAVAILABLE", "DISK_FULL")
        assert "acknowledged" in refused.body["how"]
        assert names(developer) == kept
        assert developer.send("DELETE", f"access-keys/{door.key}").status == 503
        assert door.refused() == ""

        filler.unlink()
        assert names(developer) == kept
        assert developer.send("DELETE", f"access-keys/{door.key}").status == 202
        until(door.refused, 1)
        assert rent(developer, "room-again").refused() == ""
        until(lambda: all(b["state"] == "ready" for b in developer.items("buckets")), 10)
    code, stop_s = one.stop()
    assert code == 0
    assert stop_s < STOP_S
    assert "disk is full" in one.said()
    assert "Traceback" not in one.said()


def names(developer: Api) -> set[str]:
    """Names of the project's service accounts: rows that no engine has a part in."""
    return {account["name"] for account in developer.items("service-accounts", project=PROJECT)}


def until_full(developer: Api) -> tuple[set[str], Any]:
    """Create service accounts until one is refused; the names of those acknowledged, and the refusal."""
    kept: set[str] = set()
    for n in range(10_000):
        body = {"name": f"account-{n}", "project": PROJECT, "spec": {"purpose": "p" * 200}}
        made = developer.post("service-accounts", body)
        if made.status != 201:
            return kept, made
        kept.add(f"account-{n}")
    raise AssertionError("the disk never filled up")


def test_a_proxy_in_the_environment_is_not_asked_for_our_own_machine(server: Servers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
    city = server(environ={"HTTP_PROXY": dead, "http_proxy": dead, "HTTPS_PROXY": dead})
    city.start()
    assert "Traceback" not in city.said()
    done = subprocess.run(
        [PROGRAM, "tour"],
        env=city.environ | {"CLOUDHALL_URL": city.url, "HTTP_PROXY": dead},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
